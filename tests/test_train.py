"""The trainer: it learns, is reproducible, resumes as if it had never stopped, and only what it had begun."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from conftest import sample_paths
from PIL import Image
from training import CONFIG, JOINT, SMALL, after, command, rows_of, trainer_of, weights, words

import explorer
from explorer import __main__ as command_line
from explorer import checkpoint
from explorer.arguments import parser
from explorer.config import ModelConfig
from explorer.gdn import GDN
from explorer.images import InputError
from explorer.model import transforms_of
from explorer.priors import base
from explorer.train import data, objective, run
from explorer.train.loop import Trainer
from explorer.train.models import new_model, with_prior
from explorer.train.recipe import Recipe

# -- runs --------------------------------------------------------------------------------------------------------------


def test_a_seed_decides_everything(tiles, tmp_path):
    first, again, other = (after(tiles, tmp_path / n, 2, seed=s) for n, s in (("a", 0), ("b", 0), ("c", 1)))
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


def test_a_resumed_run_is_the_uninterrupted_one(tiles, tmp_path):
    whole = after(tiles, tmp_path / "whole", 8)
    after(tiles, tmp_path / "part", 3).save()
    second = trainer_of(tiles, tmp_path / "part")
    second.resume()
    assert second.step == 3
    second.run()
    assert torch.equal(weights(second), weights(whole))
    assert [row["step"] for row in rows_of(second.log_path)] == [4, 6, 8]


@pytest.mark.slow
def test_training_helps(tiles, tmp_path):
    trainer = trainer_of(tiles, tmp_path, [CONFIG], steps=300, batch=4, lr=5e-4, ema=0.95)
    before = objective.evaluate(trainer.average, tiles)
    trainer.run()
    now = objective.evaluate(trainer.average, tiles)
    assert sum(row["J"] for row in now) < 0.96 * sum(row["J"] for row in before)
    assert {"step", "loss", "bpp", "psnr", "elapsed_s"} <= set(rows_of(trainer.log_path)[-1])


def test_resuming_what_is_not_there(tiles, tmp_path):
    trainer = after(tiles, tmp_path, 1)
    with pytest.raises(InputError, match="without --resume"):
        trainer.resume()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"lr": 1e-3}, "lr 0.0003, not 0.001"),
        ({"grey": 0.0}, "grey 0.12, not 0.0"),
        ({"seed": 7}, "seed 0, not 7"),
        ({"start": "mae 1234abcd"}, "start None, not mae 1234abcd"),
        ({"configs": [CONFIG]}, "prior joint, not factorised"),
        ({"configs": [replace(config, N=24) for config in JOINT]}, "N 16, not 24"),
    ],
)
def test_a_run_is_resumed_as_it_began_or_not_at_all(tiles, tmp_path, changed, says):
    after(tiles, tmp_path, 1).save()
    with pytest.raises(InputError, match=says) as refused:
        trainer_of(tiles, tmp_path, **changed).resume()
    assert "--run" in str(refused.value) and str(refused.value).count("\n") == 0


def test_a_run_on_other_tiles_is_not_resumed(tiles, tmp_path):
    after(tiles, tmp_path, 1).save()
    with pytest.raises(InputError, match="tiles 24, not 20"):
        trainer_of(tiles[:20], tmp_path).resume()


# -- models ------------------------------------------------------------------------------------------------------------


def test_kinds(tiles, tiny_network):
    fixed = new_model(ModelConfig("fixed", N=48, M=64, hidden=16, lmbda=512.0), tiles, tiny_network)
    assert fixed.config.kind == "fixed" and fixed.lambda_range() == (512.0, 512.0)
    scaled = new_model(ModelConfig("bottleneck", N=48, M=64, hidden=16), tiles, fixed)
    for model in (scaled, new_model(scaled.config, tiles, scaled)):
        trained = {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad}
        assert trained == {"y_mod", "prior"}
    with pytest.raises(InputError, match="--init"):
        new_model(ModelConfig("fixed", lmbda=512.0), tiles)
    with pytest.raises(InputError, match="of its own λ"):
        new_model(replace(fixed.config, lmbda=64.0), tiles, fixed)
    with pytest.raises(InputError, match="starts from a fixed model"):
        new_model(scaled.config, tiles, tiny_network)
    with pytest.raises(InputError, match="the prior of its start"):
        new_model(replace(fixed.config, prior="hyper"), tiles, tiny_network)


def test_every_kind_with_a_hyperprior_takes_steps(tiles, tmp_path, tiny_network):
    model = with_prior(tiny_network, "hyper")
    fixed = new_model(replace(model.config, kind="fixed", lmbda=4096.0), tiles, model)
    scaled = new_model(replace(model.config, kind="bottleneck"), tiles, fixed)
    for name, start in (("fixed", fixed), ("scaled", scaled)):
        trainer = Trainer(start, tiles, SMALL, tmp_path / name)
        before = transforms_of({key: p.clone() for key, p in start.state_dict().items()})
        trainer._one_step()
        moved = {key for key, p in transforms_of(start.state_dict()).items() if not torch.equal(p, before[key])}
        assert trainer.recipe.prior == "hyper" and moved
        assert name == "fixed" or all(key.startswith("y_mod.") for key in moved)


def test_a_new_prior_leaves_the_transforms_and_takes_over_what_it_can(tiny_network):
    hyper = with_prior(tiny_network, "hyper")
    for name, p in transforms_of(tiny_network.state_dict()).items():
        assert torch.equal(p, hyper.state_dict()[name])
    t = tiny_network.position(512.0)
    assert torch.equal(hyper.prior.a(t), tiny_network.prior.a(t))
    paper = with_prior(tiny_network, "per_lambda")
    y = 3 * torch.randn(1, 64, 4, 4, generator=torch.Generator().manual_seed(0))
    for lmbda in (64.0, 4096.0):
        t = tiny_network.position(lmbda)
        torch.testing.assert_close(
            paper.prior.estimate(y, t)[0], tiny_network.prior.estimate(y, t)[0], rtol=1e-4, atol=0
        )


def test_priors_take_turns_over_one_set_of_transforms(tiles, tmp_path):
    trainer = trainer_of(tiles, tmp_path)
    first, second = (trainer.objective.model(turn) for turn in (0, 1))
    assert first.a_conv is second.a_conv and first.prior.gain is second.prior.gain
    own = [{n: p.clone() for n, p in model.prior.named_parameters()} for model in (first, second)]
    trainer._one_step()
    moved = [
        any(not torch.equal(p, own[i][n]) for n, p in model.prior.named_parameters() if not n.startswith("gain."))
        for i, model in enumerate((first, second))
    ]
    assert moved == [True, False]


# -- what a step sees --------------------------------------------------------------------------------------------------


def test_lambdas_are_stratified(tiles):
    model = new_model(CONFIG, tiles)
    torch.manual_seed(0)
    lambdas = objective.draw_lambdas(model, 64, torch.device("cpu"))
    position = (torch.log(lambdas / 64) / torch.log(torch.tensor(64.0))).sort().values
    assert position[0] == 0 and position[-1] == 1, "both ends are trained"
    assert (position.diff() <= 2 * 1.06 / 64 + 1e-6).all(), "no part of the axis is left out"
    fixed = new_model(ModelConfig("fixed", N=16, M=24, hidden=8, lmbda=512.0), tiles, model)
    assert set(objective.draw_lambdas(fixed, 5, torch.device("cpu")).tolist()) == {512.0}


def test_batches_are_crops_of_the_tiles(tiles):
    torch.manual_seed(0)
    crops, is_grey = data.Batches(tiles, 32).draw(16)
    assert crops.shape == (16, 3, 32, 32) and crops.min() >= 0 and crops.max() <= 1 and not is_grey.any()
    turned = [torch.rot90(t, k, (0, 1)) for t in tiles for k in range(4)]
    pile = torch.stack([*turned, *[t.flip(1) for t in turned]])
    first = (crops[0].permute(1, 2, 0) * 255).round().byte()
    places = pile.unfold(1, 32, 1).unfold(2, 32, 1)[:, :, :, :, 0, 0]
    candidates = (places == first[0, 0]).all(-1).nonzero()
    assert any(torch.equal(pile[n, y : y + 32, x : x + 32], first) for n, y, x in candidates.tolist())


def test_grey_crops_are_their_luma_in_all_channels(tiles):
    torch.manual_seed(3)
    coloured, _ = data.Batches(tiles, 16).draw(4000)
    torch.manual_seed(3)
    crops, is_grey = data.Batches(tiles, 16, grey=0.12).draw(4000)
    assert abs(is_grey.float().mean().item() - 0.12) < 0.02
    assert torch.equal(crops[~is_grey], coloured[~is_grey])
    luma = (coloured[is_grey] * torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)).sum(1)
    for channel in range(3):
        assert torch.equal(crops[is_grey][:, channel], luma)


def test_a_tint_on_grey_crops_costs_more(tiles):
    model = new_model(CONFIG, tiles)
    x, lmbda = torch.rand(2, 3, 32, 32), torch.tensor([64.0, 4096.0])
    losses = []
    for chroma, grey in ((0.0, 1.0), (6.0, 0.0), (6.0, 1.0)):
        torch.manual_seed(0)
        whole = objective.Objective([model], chroma, torch.float32)
        losses.append(whole(0, objective.Crops(x, lmbda, torch.full((2,), grey)), False)[0])
    torch.manual_seed(0)
    _, _, tint = objective.rate_distortion(model, x, lmbda, False)
    assert losses[0] == losses[1]
    torch.testing.assert_close(losses[2] - losses[0], (6 * lmbda.sqrt() * tint).mean(), rtol=1e-4, atol=1e-6)


def test_gdn_sums_in_bfloat16_what_it_squares_in_float32():
    torch.manual_seed(0)
    gdn, x = GDN(8), 300 * torch.randn(2, 8, 6, 6)
    exact = gdn(x)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = gdn(x)
    assert mixed.dtype == torch.float32
    torch.testing.assert_close(mixed, exact, rtol=0.005, atol=0)


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command_line_has_the_recipe_s_defaults():
    args = vars(parser().parse_args(["train", "--data", "d", "--out", "o"]))
    chosen = {field.name for field in fields(Recipe)} & set(args)
    assert {"kind", "preset", "prior", "steps", "minutes", "batch", "crop", "tile", "lr", "grey", "seed"} <= chosen
    assert all(args[name] == getattr(Recipe(), name) for name in chosen)


@pytest.mark.slow
def test_the_command_trains_both_priors_on_a_folder_of_pictures(pictures, tmp_path, capsys):
    out = tmp_path / "new" / "tiny.safetensors"
    assert command(pictures, out) == 0
    assert "4 steps" in capsys.readouterr().out
    first, second = (checkpoint.load(path)[0] for path in (out, out.with_name("tiny-hyperprior.safetensors")))
    assert (first.config.prior, second.config.prior) == ("factorised", "hyper")
    own, other = first.state_dict(), second.state_dict()
    shared = [name for name in own if not name.startswith("prior.") or name.startswith("prior.gain.")]
    assert all(torch.equal(own[name], other[name]) for name in shared)
    for path in (out, out.with_name("tiny-hyperprior.safetensors")):
        model = explorer.load_model(path)
        pixels = model.decode(model.encode(sample_paths()[0], 512))
        picture = np.asarray(Image.open(sample_paths()[0]).convert("RGB"))
        assert 10 * np.log10(255**2 / ((pixels.astype(float) - picture) ** 2).mean()) > 22


def test_the_log_is_published_beside_the_checkpoint(pictures, tmp_path):
    out = tmp_path / "tiny.safetensors"
    assert command(pictures, out) == 0
    header, *rows = rows_of(tmp_path / "tiny.train.jsonl")
    assert header["recipe"]["prior"] == "joint" and header["recipe"]["lr"] == 3e-4 and header["recipe"]["tiles"] > 0
    assert header["recipe"]["start"] == "transform-coding initialisation" and header["recipe"]["steps"] == 4
    assert [row["step"] for row in rows] == [2, 4]
    assert all(row["loss"] == pytest.approx((row["loss_factorised"] + row["loss_hyper"]) / 2, abs=2e-5) for row in rows)


def test_a_long_log_is_thinned(tiles, tmp_path):
    trainer = trainer_of(tiles, tmp_path)
    trainer.log_path.write_text("".join(f'{{"step": {step}}}\n' for step in range(1, 1002)))
    _, *rows = rows_of(run.publish_log(trainer, tmp_path / "out.safetensors"))
    steps = [row["step"] for row in rows]
    assert 150 < len(steps) <= 200 and steps[-1] == 1001 and set(np.diff(steps)) == {6}


@pytest.mark.slow
def test_a_joint_run_goes_on_from_the_two_files_of_another(pictures, tmp_path):
    out, again = tmp_path / "a.safetensors", tmp_path / "b" / "b.safetensors"
    assert command(pictures, out) == 0
    assert command(pictures, again, "--init", str(out), "--lr", "1e-9") == 0
    header = rows_of(tmp_path / "b" / "b.train.jsonl")[0]["recipe"]
    ids = [f"{name} {checkpoint.load(tmp_path / f'{name}.safetensors')[2]}" for name in ("a", "a-hyperprior")]
    assert header["start"] == ", ".join(ids) and "preset" not in header
    for suffix in ("", "-hyperprior"):
        old, new = (
            checkpoint.load(path.with_name(path.stem + suffix + ".safetensors"))[0].state_dict()
            for path in (out, again)
        )
        for name in old:
            torch.testing.assert_close(new[name], old[name], rtol=2e-3, atol=1e-4, msg=name)


@pytest.mark.slow
def test_an_independent_model_and_its_scaling_are_kept_as_differences(pictures, tmp_path):
    assert command(pictures, tmp_path / "m.safetensors") == 0
    base = str(tmp_path / "m-hyperprior.safetensors")
    fixed, scaled = tmp_path / "fixed.safetensors", tmp_path / "scaled.safetensors"
    ends = ["--difference", "--rounded-after", "0"]
    assert command(pictures, fixed, "--kind", "fixed", "--lambda", "4096", "--init", base, *ends) == 0
    assert command(pictures, scaled, "--kind", "bottleneck", "--init", str(fixed), *ends) == 0
    for path, kind in ((fixed, "fixed"), (scaled, "bottleneck")):
        model = checkpoint.load(path)[0]
        assert (model.config.kind, model.config.prior) == (kind, "hyper")
        assert rows_of(path.with_name(f"{path.stem}.train.jsonl"))[0]["recipe"]["prior"] == "hyper"


# -- several processes -------------------------------------------------------------------------------------------------


def together(pictures, out, *extra):
    """The command in two processes over gloo."""
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "--"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([*start, "explorer", *words(pictures, out, *extra)], env=environment, check=True)


def assert_same_curve(rows, others):
    assert [row["step"] for row in rows] == [row["step"] for row in others] and rows
    for row, other in zip(rows, others, strict=True):
        for name in ("loss", "loss_factorised", "loss_hyper", "bpp"):
            assert row[name] == pytest.approx(other[name], abs=1e-4), (row["step"], name)


@pytest.mark.slow
def test_two_processes_train_as_one_does(pictures, tmp_path):
    alone, both = tmp_path / "alone" / "a.safetensors", tmp_path / "both" / "a.safetensors"
    extra = ("--steps", "6", "--precision", "float32")
    assert command(pictures, alone, *extra) == 0
    together(pictures, both, *extra)
    assert_same_curve(*(rows_of(out.with_name("a.train.jsonl"))[1:] for out in (alone, both)))
    one, other = (checkpoint.load(out)[0].state_dict() for out in (alone, both))
    for name in one:
        torch.testing.assert_close(other[name], one[name], rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.slow
def test_two_processes_go_on_where_one_stopped(pictures, tmp_path, monkeypatch):
    whole, part = tmp_path / "whole" / "a.safetensors", tmp_path / "part" / "a.safetensors"
    extra = ("--steps", "6", "--precision", "float32")
    assert command(pictures, whole, *extra) == 0
    step = Trainer._one_step

    def interrupted(self):
        step(self)
        if self.step == 2:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Trainer, "_one_step", interrupted)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell begins without one
    assert command(pictures, part, *extra) == 130
    assert [row["step"] for row in rows_of(part.with_name("a.train.jsonl"))[1:]] == [2]
    together(pictures, part, *extra, "--resume")
    assert_same_curve(*(rows_of(out.with_name("a.train.jsonl"))[1:] for out in (whole, part)))


def test_parts_of_a_batch_are_those_of_the_whole(tiles, monkeypatch):
    def drawn(part, parts):
        monkeypatch.setattr(base, "part_of_batch", lambda: (part, parts))
        torch.manual_seed(5)
        share = slice(part * 4 // parts, (part + 1) * 4 // parts)
        x, is_grey = data.Batches(tiles, 16, grey=0.5).draw(4, share)
        return x, is_grey, base.noisy(torch.zeros(len(x), 2, 3, 3))

    whole, halves = drawn(0, 1), (drawn(0, 2), drawn(1, 2))
    for one, first, second in zip(whole, *halves, strict=True):
        assert torch.equal(one, torch.cat([first, second]))


# -- what cannot be done -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--data", "nowhere"], "no folder"),
        (["--data", "EMPTY"], "no picture of at least"),
        (["--init", "nowhere.safetensors"], "no checkpoint"),
        (["--kind", "fixed"], "--lambda"),
        (["--lambda", "512"], "--kind fixed"),
        (["--kind", "bottleneck"], "--init"),
        (["--kind", "bottleneck", "--prior", "joint"], "--prior"),
        (["--crop", "100000"], "smaller crops"),
        (["--crop", "20"], "multiple of 16"),
        (["--steps", "0"], "at least 1"),
        (["--grey", "2"], "between 0 and 1"),
        (["--difference"], "--init"),
        (["--out", "EMPTY"], "with .safetensors"),
        (["--out", "FILE/o.safetensors"], "cannot be made"),
        (["--lr", "nan"], "above zero"),
        (["--minutes", "inf"], "above zero"),
        (["--grey", "nan"], "between 0 and 1"),
        (["--seed", "-1"], "--seed"),
        (["--device", "cuda"], "no GPU"),
        (["--batch", "10000000000"], "not enough memory"),
    ],
)
def test_bad_training_arguments_are_one_sentence(tmp_path, capsys, monkeypatch, extra, says):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "EMPTY").mkdir()
    Image.open(sample_paths()[0]).save(tmp_path / "a.png")
    words = {"EMPTY": tmp_path / "EMPTY", "FILE/o.safetensors": tmp_path / "a.png" / "o.safetensors"}
    extra = [str(words.get(word, word)) for word in extra]
    arguments = ["train", "--data", str(tmp_path), "--out", str(tmp_path / "o.safetensors"), "--preset", "tiny"]
    assert command_line.main([*arguments, "--steps", "1", "--run", str(tmp_path / "run"), *extra]) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("explorer: ") and message.endswith(".") and says in message
