"""Checkpoints from anywhere: every float type is read, and a file that is wrong or hostile is refused in a sentence."""

from __future__ import annotations

import json
import math
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import smooth_picture
from safetensors import safe_open
from safetensors.torch import save

import explorer
from explorer import checkpoint, library
from explorer.__main__ import main
from explorer.images import InputError
from explorer.model import Autoencoder

PACKAGE = Path(explorer.__file__).parent
Contents = tuple[dict[str, torch.Tensor], dict[str, str]]
Change = Callable[[dict[str, torch.Tensor], dict[str, Any]], None]


@pytest.fixture(scope="module")
def stored(tiny_network: Autoencoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stored") / "tiny.safetensors"
    checkpoint.save(tiny_network, path, {"recipe": "{}"})
    return path


def contents(path: Path) -> Contents:
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata())  # noqa: SIM118


def changed(stored: Path, path: Path, change: Change) -> Path:
    """A copy of a checkpoint; change(tensors, config) in place."""
    tensors, metadata = contents(stored)
    config = json.loads(metadata["config"])
    change(tensors, config)
    path.write_bytes(save(tensors, metadata | {"config": json.dumps(config)}))
    return path


# -- what is read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_every_float_type_is_read(stored, tmp_path, capsys, dtype):
    def cast(tensors, _):
        tensors |= {name: t.to(dtype) for name, t in tensors.items() if t.is_floating_point()}

    path = changed(stored, tmp_path / "cast.safetensors", cast)
    network, _, identity = checkpoint.load(path)
    original, _, other = checkpoint.load(stored)
    for name, p in network.named_parameters():
        assert p.dtype == torch.float32
        torch.testing.assert_close(p, original.get_parameter(name), rtol=0.01, atol=1e-3)
    assert identity != other and identity == library.version(path) and re.fullmatch("[0-9a-f]{8}", identity)
    assert main(["info", str(path)]) == 0
    assert f"checkpoint {identity}: kind modulated, N 48" in capsys.readouterr().out
    model = library.load_model(path, "cpu")
    picture, exact = smooth_picture(48, 64), library.load_model(stored, "cpu")
    decoded, expected = (each.decode(each.encode(picture, 512)).astype(int) for each in (model, exact))
    assert np.abs(decoded - expected).mean() < 3


def test_ids_are_what_they_were(stored):
    """Every file names the checkpoint that made it: an id never changes."""
    assert library.version("mae") == "eb38686b" and library.version("mae-hyperprior") == "b4aa83b3"
    assert checkpoint.content_id({"b": torch.ones(2, dtype=torch.bfloat16), "a": torch.tensor(3)}) == "5c31b457"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600)])
def test_a_checkpoint_is_for_those_that_the_umask_lets(tiny_network, tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        checkpoint.save(tiny_network, tmp_path / "tiny.safetensors")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "tiny.safetensors").stat().st_mode) == mode


def test_lambdas_are_known_without_the_weights(stored, tmp_path):
    assert checkpoint.lambdas(stored) == () and checkpoint.lambdas(library.find_checkpoint("independent-512")) == (512,)
    paper = changed(stored, tmp_path / "paper.safetensors", lambda _, config: config.update(prior="per_lambda"))
    assert checkpoint.lambdas(paper) == (64, 128, 256, 512, 1024, 2048, 4096)


# -- what is not -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["a_conv.1.weight", "s_gdn.0.beta", "a_mod.2.fc2.bias", "prior.density.biases.0"])
def test_weights_that_are_no_numbers_are_refused(stored, tmp_path, name, value):
    def spoil(tensors, _):
        tensors[name].view(-1)[3] = value

    with pytest.raises(InputError, match=f"not finite numbers, in {name}"):
        checkpoint.load(changed(stored, tmp_path / "nan.safetensors", spoil))


def setting(**values: Any) -> Change:
    return lambda _, config: config.update(values)


def replacing(name: str, tensor: torch.Tensor | None) -> Change:
    def change(tensors: dict[str, torch.Tensor], _: dict[str, Any]) -> None:
        if tensor is None:
            del tensors[name]
        else:
            tensors[name] = tensor

    return change


SIZES = [10**6, 10**400, 0, -48, 48.0, 48.5, math.nan, math.inf, True, "48", None, [48]]


@pytest.mark.parametrize(
    "change",
    [
        *(setting(N=size) for size in SIZES),
        *(setting(M=size) for size in SIZES),
        *(setting(hidden=size) for size in SIZES),
        setting(kind="other"),
        setting(kind=["modulated"]),
        setting(kind="bottleneck"),
        setting(kind="fixed"),
        setting(lmbda=512),
        setting(kind="fixed", lmbda=math.nan),
        setting(kind="fixed", lmbda="512"),
        setting(kind="fixed", lmbda=-1),
        setting(prior="pickle"),
        setting(prior="hyper"),
        setting(conditioning="cubic"),
        setting(code="import os"),
        replacing("a_conv.0.weight", None),
        replacing("a_conv.1.weight", None),
        replacing("a_conv.0.bias", torch.zeros(49)),
        replacing("a_conv.0.bias", torch.zeros(())),
        replacing("a_conv.0.bias", torch.zeros(48, dtype=torch.int32)),
        replacing("a_conv.0.bias", torch.zeros(48, dtype=torch.bool)),
        replacing("a_conv.0.bias", torch.zeros(48, dtype=torch.complex64)),
    ],
)
def test_a_network_that_is_none_is_refused_before_memory_is_taken(stored, tmp_path, monkeypatch, change):
    path = changed(stored, tmp_path / "hostile.safetensors", change)
    largest = max(t.numel() for t in contents(stored)[0].values())
    init = torch.nn.Conv2d.__init__

    def bounded(self: torch.nn.Conv2d, inputs: int, outputs: int, kernel: int, *more: Any) -> None:
        assert inputs * outputs * kernel**2 <= largest, "memory for more than the file can fill"
        init(self, inputs, outputs, kernel, *more)

    monkeypatch.setattr(torch.nn.Conv2d, "__init__", bounded)
    with pytest.raises(InputError, match="not a checkpoint of this project") as refused:
        checkpoint.load(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("config", ["[]", "7", "null", "{", "[" * 100_000, '{"N": {}}', "\x00"])
def test_a_header_that_is_no_object_is_refused(stored, tmp_path, config):
    tensors, metadata = contents(stored)
    path = tmp_path / "odd.safetensors"
    path.write_bytes(save(tensors, metadata | {"config": config}))
    for ask in (checkpoint.load, checkpoint.lambdas):
        with pytest.raises(InputError, match="not a checkpoint"):
            ask(path)


def test_files_that_are_none_are_refused(stored, tmp_path):
    whole = stored.read_bytes()
    claims = (2**63 - 1).to_bytes(8, "little") + b"{}"
    for content in (b"", b"\x80\x04K\x01.", whole[:-1], whole[:9], whole + b"x", claims, whole[8:]):
        path = tmp_path / "odd.safetensors"
        path.write_bytes(content)
        for ask in (checkpoint.load, checkpoint.identity, checkpoint.lambdas):
            with pytest.raises(InputError, match="not a checkpoint"):
                ask(path)


INTEGERS = {
    "knots that do not rise": lambda t: t.__setitem__("coder.tables.knots", t["coder.tables.knots"].flip(1)),
    "too few knots": lambda t: t.__setitem__("coder.tables.knots", t["coder.tables.knots"][:, :9].contiguous()),
    "knots of another number of channels": lambda t: t.__setitem__("coder.tables.knots", t["coder.tables.knots"][:9]),
    "levels that do not rise": lambda t: t.__setitem__("coder.tables.levels", t["coder.tables.levels"].flip(0)),
    "levels of zeros": lambda t: t["coder.tables.levels"].zero_(),
    "levels below zero": lambda t: t["coder.tables.levels"].neg_(),
    "gains of zero": lambda t: t["coder.tables.gains"].zero_(),
    "gains of other places": lambda t: t.__setitem__("coder.tables.gains", t["coder.tables.gains"][:9]),
    "gains that are floats": lambda t: t.__setitem__("coder.tables.gains", t["coder.tables.gains"].double()),
    "no gains": lambda t: t.pop("coder.tables.gains"),
    "no dimension": lambda t: t.__setitem__("coder.tables.levels", torch.tensor(1)),
}


@pytest.mark.parametrize("change", INTEGERS.values(), ids=INTEGERS)
def test_tables_that_are_none_never_reach_the_coder(stored, tmp_path, change):
    path = changed(stored, tmp_path / "odd.safetensors", lambda tensors, _: change(tensors))
    with pytest.raises(InputError, match="no usable prior tables"):
        library.load_model(path, "cpu")


HYPER = {
    "frequencies below zero": ("gaussians.frequency", lambda t: torch.cat([t[:, :-1], t[:, -1:] - 1], 1)),
    "frequencies that do not sum up": ("gaussians.frequency", lambda t: t + 1),
    "counts beyond the table": ("gaussians.count", lambda t: t + 10_000),
    "counts below zero": ("gaussians.count", lambda t: -t),
    "symbols beyond all": ("gaussians.low", lambda t: t - 1_000_000),
    "too few scales": ("gaussians.low", lambda t: t[:9]),
    "weights of another shape": ("synthesis.weight0", lambda t: t[:9]),
    "weights of another type": ("synthesis.weight0", lambda t: t.double()),
    "shifts below zero": ("synthesis.mean_shift", lambda t: t * 0 - 1),
    "shifts beyond 64 bits": ("synthesis.mean_shift", lambda t: t * 0 + 100),
    "biases beyond what is exact": ("synthesis.bias1", lambda t: t * 0 + 2**62),
}


@pytest.mark.parametrize(("name", "change"), HYPER.values(), ids=HYPER)
def test_a_hyperprior_that_is_none_never_reaches_the_coder(name, change):
    network, integers, _ = checkpoint.load(library.find_checkpoint("mae-hyperprior"))
    network.prior.coder(integers)
    with pytest.raises((KeyError, ValueError)):
        network.prior.coder(integers | {name: change(integers[name]).contiguous()})


# -- differences -----------------------------------------------------------------------------------------------------


def difference(stored: Path, folder: Path, base: dict[str, Any], change: Change = lambda tensors, config: None) -> Path:
    """A fixed model kept as its difference from the stored one, with another word on its base."""
    (folder / stored.name).write_bytes(stored.read_bytes())
    path = folder / "fixed.safetensors"
    checkpoint.save(checkpoint.load(stored)[0].fold(512.0), path, base=folder / stored.name)
    changed(path, path, change)
    tensors, metadata = contents(path)
    path.write_bytes(save(tensors, metadata | {"base": json.dumps(json.loads(metadata["base"]) | base)}))
    return path


def test_a_difference_is_from_another_file_beside_it(stored, tmp_path):
    assert checkpoint.load(difference(stored, tmp_path, {}))[0].config.kind == "fixed"
    with pytest.raises(InputError, match="not a checkpoint"):
        checkpoint.load(difference(stored, tmp_path, {"name": "fixed"}))
    for base in ({"name": 7}, {"name": None}, {"id": None}, {"name": "a\0b"}):
        with pytest.raises(InputError):
            checkpoint.load(difference(stored, tmp_path, base))
    (tmp_path / "inner").mkdir()
    with pytest.raises(InputError, match="put that one beside it"):
        checkpoint.load(difference(stored, tmp_path / "inner", {"name": "../nobody"}))


@pytest.mark.parametrize(
    "change",
    [
        replacing("a_conv.1.weight.steps", torch.zeros(5, 48, 48, 5, 5, dtype=torch.int8)),
        replacing("a_conv.1.weight.steps", torch.zeros(1, 1, 1, 1, dtype=torch.int8)),
        replacing("a_conv.1.weight.step", torch.zeros(())),
        replacing("a_conv.1.weight.step", torch.zeros(1, 48)),
        replacing("nobody.steps", torch.zeros(1)),
    ],
)
def test_steps_that_do_not_fit_their_kernel_are_refused(stored, tmp_path, change):
    with_steps = {"a_conv.1.weight.steps": torch.zeros(48, 48, 5, 5, dtype=torch.int8)}
    with_steps |= {"a_conv.1.weight.step": torch.full((48,), 1e-6)}
    path = difference(stored, tmp_path, {}, lambda tensors, _: tensors.update(with_steps))
    assert checkpoint.load(path)[0].config.kind == "fixed"
    with pytest.raises(InputError, match="not a checkpoint"):
        checkpoint.load(changed(path, path, change))


# -- data, never code ------------------------------------------------------------------------------------------------


def test_nothing_is_unpickled():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\b(pickle|marshal|shelve|joblib|allow_pickle=True)\b|(?<![.\w])(eval|exec)\(", text), (
            path
        )
        for call in re.findall(r"torch\.load\([^\n]*", text):
            assert "weights_only=True" in call, path


def test_a_lambda_that_a_model_lacks_is_told_before_it_is_loaded(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(library, "load_model", lambda *_: pytest.fail("a model was loaded"))
    picture = str(library.samples()["parrots"])
    assert main(["encode", picture, str(tmp_path / "o.mae"), "--model", "independent-512", "--lambda", "64"]) == 2
    assert "trained for λ = 512 alone, but 64 was given" in capsys.readouterr().err
