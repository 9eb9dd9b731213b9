"""The saved state of a run: taken up on any device, and one sentence where it cannot be."""

from __future__ import annotations

import json
import math
import os

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save
from training import after, rows_of, trainer_of, weights

from explorer.images import InputError
from explorer.train import state


def rewritten(folder, change):
    """Change a saved state: change(tensors, about) in place."""
    path = folder / state.NAME
    with safe_open(path, "pt") as file:
        tensors, about = {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["about"])  # noqa: SIM118
    change(tensors, about)
    path.write_bytes(save(tensors, {"about": json.dumps(about)}))


def test_a_run_goes_on_on_another_kind_of_device_and_says_so(tiles, tmp_path):
    after(tiles, tmp_path, 3, precision="auto").save()

    def as_on_a_gpu(tensors, about):
        about["device"], about["decided"]["precision"] = "cuda", "bfloat16x"
        tensors |= {name: torch.zeros(16, dtype=torch.uint8) for name in ("generator", "noise")}

    rewritten(tmp_path, as_on_a_gpu)
    trainer = trainer_of(tiles, tmp_path, precision="auto")
    device, precision, unknown = trainer.resume()
    assert "was on cuda and goes on on cpu, with fresh draws" in device and trainer.step == 3
    assert precision == f"It was in bfloat16x and goes on in {trainer.recipe.precision}."
    assert "draws afresh: generator, noise." in unknown
    trainer.run()
    assert trainer.step == 8


def drop(name):
    return lambda tensors, about: tensors.pop(next(key for key in tensors if name in key))


def reshape(name):
    def change(tensors, about):
        key = next(key for key in tensors if name in key)
        tensors[key] = torch.zeros(5, 4)

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (drop("model/"), "is damaged or no state of a run"),
        (drop("average/"), "damaged"),
        (drop("exp_avg_sq"), "damaged"),
        (drop("/.step"), "damaged"),
        (reshape("model/"), "damaged"),
        (reshape("exp_avg"), "damaged"),
        (reshape("/.step"), "damaged"),
        (lambda tensors, about: tensors.clear(), "damaged"),
        (lambda tensors, about: about.clear(), "damaged"),
        (lambda tensors, about: about.update(step="many"), "damaged"),
        (lambda tensors, about: about.update(step=-1), "damaged"),
        (lambda tensors, about: about.update(step=math.inf), "damaged"),
        (lambda tensors, about: about.update(elapsed=math.nan), "damaged"),
        (lambda tensors, about: about.update(decided=7), "damaged"),
        (lambda tensors, about: about.update(format=2), "of another version of this program"),
    ],
)
def test_a_state_that_is_not_whole_is_one_sentence(begun, change, says):
    trainer, saved = begun
    (trainer.folder / state.NAME).write_bytes(saved)
    rewritten(trainer.folder, change)
    before, moments = weights(trainer).clone(), trainer.optimiser.tensors()
    with pytest.raises(InputError, match=says):
        trainer.resume()
    assert torch.equal(weights(trainer), before) and not moments and not trainer.optimiser.tensors()


@pytest.fixture(scope="module")
def begun(tiles, tmp_path_factory):
    """A run that has taken no step, and the bytes of a state of it."""
    folder = tmp_path_factory.mktemp("run")
    after(tiles, folder, 2).save()
    return trainer_of(tiles, folder), (folder / state.NAME).read_bytes()


FOREIGN = [b"", b"x" * 100, b"\xff" * 8, b"\2\0\0\0\0\0\0\0[]", b"\2\0\0\0\0\0\0\0{}"]


@pytest.mark.parametrize("content", [*FOREIGN, "torn"])
def test_a_torn_or_foreign_file_of_state_is_one_sentence(begun, content):
    trainer, saved = begun
    (trainer.folder / state.NAME).write_bytes(saved[:-100] if content == "torn" else content)
    with pytest.raises(InputError, match="without --resume"):
        trainer.resume()


def test_a_torn_log_does_not_end_a_run(tiles, tmp_path):
    trainer = after(tiles, tmp_path, 4)
    trainer.save()
    trainer.log_path.write_bytes(b'{"step": 2}\n[1]\n{"step": "x"}\n\xff\xfe\n{"step": 9}\n{"step": 4}\n{"ste')
    again = trainer_of(tiles, tmp_path)
    again.resume()
    again.run()
    assert [row["step"] for row in rows_of(again.log_path)] == [2, 4, 6, 8]


def test_an_interrupt_while_the_state_is_saved_leaves_the_one_before(tiles, tmp_path, monkeypatch):
    trainer = after(tiles, tmp_path, 1)
    trainer.save()
    trainer._one_step()

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        trainer.save()
    again = trainer_of(tiles, tmp_path)
    again.resume()
    assert again.step == 1
