"""The trainer: it learns, is reproducible, and resumes as if it had never stopped."""

from __future__ import annotations

import json

import pytest
import torch
from conftest import photograph_tiles, sample_paths
from PIL import Image

from explorer import __main__ as command_line
from explorer.images import InputError
from explorer.model import PRESETS, ModelConfig
from explorer.train import data, objective
from explorer.train.loop import Trainer, new_model
from explorer.train.muon import Muon
from explorer.train.recipe import Recipe

CONFIG = ModelConfig(N=16, M=24, hidden=8)


@pytest.fixture(scope="module")
def tiles():
    return photograph_tiles(slice(0, 24))


def run(tiles, folder, steps, stop=None, **recipe):
    trainer = Trainer(new_model(CONFIG, tiles), tiles, Recipe(steps=steps, batch=2, crop=64, **recipe), folder)
    for _ in range(stop or steps):
        trainer._one_step()
    return trainer


def weights(trainer):
    return torch.cat([p.detach().flatten() for p in [*trainer.model.parameters(), *trainer.average.parameters()]])


def test_a_seed_decides_everything(tiles, tmp_path):
    first, again, other = (run(tiles, tmp_path / n, 3, seed=s) for n, s in (("a", 0), ("b", 0), ("c", 1)))
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


def test_a_resumed_run_is_the_uninterrupted_one(tiles, tmp_path):
    whole = run(tiles, tmp_path / "whole", 8)
    run(tiles, tmp_path / "part", 8, stop=3).save()
    second = Trainer(new_model(CONFIG, tiles), tiles, Recipe(steps=8, batch=2, crop=64), tmp_path / "part")
    second.resume()
    assert second.step == 3
    while second.position < 1:
        second._one_step()
    assert torch.equal(weights(second), weights(whole))


def test_training_helps(tiles, tmp_path):
    trainer = Trainer(new_model(CONFIG, tiles), tiles, Recipe(steps=120, batch=4, crop=64, lr=2e-3, ema=0.95), tmp_path)
    before = objective.evaluate(trainer.average, tiles)
    trainer.run()
    after = objective.evaluate(trainer.average, tiles)
    assert sum(row["J"] for row in after) < 0.97 * sum(row["J"] for row in before)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {"step", "loss", "bpp", "psnr", "elapsed_s"} <= set(log[-1])


def test_resuming_what_is_not_there(tiles, tmp_path):
    trainer = run(tiles, tmp_path, 1)
    with pytest.raises(InputError, match="without --resume"):
        trainer.resume()
    trainer.save()
    other = Trainer(new_model(PRESETS["tiny"], tiles), tiles, Recipe(steps=1, batch=2, crop=64), tmp_path)
    with pytest.raises(InputError, match="another network"):
        other.resume()


def test_kinds(tiles, tiny_network):
    fixed = new_model(ModelConfig("fixed", N=48, M=64, hidden=16, lmbda=512.0), tiles, tiny_network)
    assert fixed.config.kind == "fixed" and fixed.lambda_range() == (512.0, 512.0)
    scaled = new_model(ModelConfig("bottleneck", N=48, M=64, hidden=16), tiles, fixed)
    trained = {name.split(".")[0] for name, p in scaled.named_parameters() if p.requires_grad}
    assert trained == {"y_mod", "prior"}
    with pytest.raises(InputError, match="--init"):
        new_model(ModelConfig("fixed", lmbda=512.0), tiles)


def test_lambdas_are_stratified(tiles):
    model = new_model(CONFIG, tiles)
    lambdas = objective.draw_lambdas(model, 64, torch.Generator().manual_seed(0), torch.device("cpu"))
    position = (torch.log(lambdas / 64) / torch.log(torch.tensor(64.0))).sort().values
    assert position[0] == 0 and position[-1] == 1, "both ends are trained"
    assert (position.diff() <= 2 * 1.06 / 64 + 1e-6).all(), "no part of the axis is left out"
    fixed = new_model(ModelConfig("fixed", N=16, M=24, hidden=8, lmbda=512.0), tiles, model)
    assert set(objective.draw_lambdas(fixed, 5, torch.Generator(), torch.device("cpu")).tolist()) == {512.0}


def test_muon_makes_orthogonal_updates():
    torch.manual_seed(0)
    for shape in ((8, 3, 5, 5), (40, 3, 2, 2)):
        p = torch.nn.Parameter(torch.zeros(shape))
        p.grad = torch.randn(shape)
        Muon([p], lr=1.0).step()
        values = torch.linalg.svdvals(p.detach().reshape(len(p), -1)) / (0.2 * max(p.reshape(len(p), -1).shape) ** 0.5)
        assert (values > 0.6).all() and (values < 1.3).all()


def test_batches_are_crops_of_the_tiles(tiles):
    batches = data.Batches(tiles, 32, torch.Generator().manual_seed(0))
    crops = batches.draw(16)
    assert crops.shape == (16, 3, 32, 32) and crops.min() >= 0 and crops.max() <= 1
    turned = [torch.rot90(t, k, (0, 1)) for t in tiles for k in range(4)]
    pile = torch.stack([*turned, *[t.flip(1) for t in turned]])
    first = (crops[0].permute(1, 2, 0) * 255).round().byte()
    places = pile.unfold(1, 32, 1).unfold(2, 32, 1)[:, :, :, :, 0, 0]
    candidates = (places == first[0, 0]).all(-1).nonzero()
    assert any(torch.equal(pile[n, y : y + 32, x : x + 32], first) for n, y, x in candidates.tolist())


def test_the_command_trains_on_a_folder_of_pictures(tmp_path, capsys):
    for i, path in enumerate(sample_paths()):
        Image.open(path).crop((0, 0, 256, 256)).save(tmp_path / f"{i}.png")
    out = tmp_path / "tiny.safetensors"
    arguments = ["train", "--data", str(tmp_path), "--preset", "tiny", "--steps", "3", "--batch", "2", "--crop", "64"]
    arguments += ["--tile", "128", "--out", str(out), "--run", str(tmp_path / "run")]
    assert command_line.main(arguments) == 0
    assert "3 steps" in capsys.readouterr().out
    assert command_line.main(["info", str(out)]) == 0
    assert "N 48, M 64" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--data", "nowhere"], "no folder"),
        (["--data", "EMPTY"], "no picture of at least"),
        (["--init", "nowhere.safetensors"], "no checkpoint"),
        (["--kind", "fixed"], "--lambda"),
        (["--kind", "bottleneck"], "--init"),
        (["--crop", "100000"], "smaller crops"),
        (["--crop", "20"], "multiple of 16"),
        (["--steps", "0"], "at least 1"),
    ],
)
def test_bad_training_arguments_are_one_sentence(tmp_path, capsys, extra, says):
    (tmp_path / "EMPTY").mkdir()
    Image.open(sample_paths()[0]).save(tmp_path / "a.png")
    extra = [str(tmp_path / word) if word == "EMPTY" else word for word in extra]
    arguments = ["train", "--data", str(tmp_path), "--out", str(tmp_path / "o.safetensors"), "--preset", "tiny"]
    assert command_line.main([*arguments, "--steps", "1", *extra]) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("explorer: ") and message.endswith(".") and says in message
