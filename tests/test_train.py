"""The trainer: it learns, is reproducible, resumes as if it had never stopped, and only what it had begun."""

from __future__ import annotations

import io
import json
import math
import os
import signal
import stat
import subprocess
import sys
import tarfile
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from conftest import photograph_tiles, sample_paths, smooth_picture
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save

import explorer
from explorer import __main__ as command_line
from explorer import checkpoint, images
from explorer.arguments import parser
from explorer.config import ModelConfig
from explorer.gdn import GDN
from explorer.images import InputError
from explorer.model import transforms_of
from explorer.priors import base
from explorer.train import data, objective, run, state
from explorer.train.loop import Trainer
from explorer.train.models import new_model, with_prior
from explorer.train.recipe import Recipe

CONFIG = ModelConfig(N=16, M=24, hidden=8)
JOINT = (CONFIG, replace(CONFIG, prior="hyper"))
SMALL = Recipe(steps=8, batch=2, crop=64, precision="float32")


@pytest.fixture(scope="module")
def tiles():
    return photograph_tiles(slice(0, 24))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for i, path in enumerate(sample_paths()):
        Image.open(path).crop((0, 0, 256, 256)).save(folder / f"{i}.png")
    return folder


def trainer_of(tiles, folder, configs=JOINT, **recipe):
    return Trainer([new_model(config, tiles) for config in configs], tiles, replace(SMALL, **recipe), folder)


def after(tiles, folder, steps, configs=JOINT, **recipe):
    trainer = trainer_of(tiles, folder, configs, **recipe)
    for _ in range(steps):
        trainer._one_step()
    return trainer


def weights(trainer):
    modules = trainer.objective, trainer._averages
    return torch.cat([p.detach().flatten() for module in modules for p in module.parameters()])


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


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


def words(pictures, out, *extra):
    small = ["--steps", "4", "--batch", "2", "--crop", "64", "--tile", "128", "--run", str(out.parent / "run")]
    return ["train", "--data", str(pictures), "--out", str(out), "--preset", "tiny", *small, *extra]


def command(pictures, out, *extra):
    return command_line.main(words(pictures, out, *extra))


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


# -- pictures ----------------------------------------------------------------------------------------------------------


def picture_bytes(size=64, kind="PNG", seed=0, **options):
    file = io.BytesIO()
    Image.fromarray(smooth_picture(size, size, seed)).save(file, kind, **options)
    return file.getvalue()


def write_shard(path, members):
    """members: name -> content, or a TarInfo of something else."""
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.name = name
            info.size = len(content) if isinstance(content, bytes) else 0
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)


def link_to(target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, str(target)
    return info


def loaded(folder, size=32):
    told = []
    return data.load_tiles(folder, size, told.append), told


def test_every_format_is_trained_on_in_folders_shards_and_any_depth(tmp_path):
    kinds = {"a.png": "PNG", "b.heic": "HEIF", "c.jxl": "JXL", "d.jfif": "JPEG", "e.JPG": "JPEG", "f.avif": "AVIF"}
    images.read(sample_paths()[0])  # which registers the formats that Pillow lacks
    files = {name: picture_bytes(kind=kind) for name, kind in kinds.items()}
    for name, content in files.items():
        (tmp_path / "flat").mkdir(exist_ok=True)
        (tmp_path / "flat" / name).write_bytes(content)
        (tmp_path / "deep" / "of" / name).mkdir(parents=True)
        (tmp_path / "deep" / "of" / name / name).write_bytes(content)
    (tmp_path / "shards").mkdir()
    write_shard(tmp_path / "shards" / "0.tar", {f"of/{name}": content for name, content in files.items()})
    for folder in ("flat", "deep", "shards"):
        tiles, told = loaded(tmp_path / folder)
        assert tiles.shape == (4 * len(kinds), 32, 32, 3) and told == []
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "0.tar").write_bytes((tmp_path / "shards" / "0.tar").read_bytes())
    (tmp_path / "both" / "a.png").write_bytes(files["a.png"])
    assert len(loaded(tmp_path / "both")[0]) == 4 * len(kinds) + 4


def test_what_is_left_out_is_named_and_counted(tmp_path):
    for name in ("a.json", "b.json", "notes.txt", "README"):
        (tmp_path / name).write_text("{}")
    for name in ("._0.png", ".DS_Store", "__MACOSX/0.png", ".cache/0.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\26\7")
    (tmp_path / "0.png").write_bytes(picture_bytes())
    (tmp_path / "cut.png").write_bytes(picture_bytes()[:200])
    (tmp_path / "paper.png").write_bytes(b"%PDF-1.4")
    (tmp_path / "empty.jpg").write_bytes(b"")
    for number in range(6):
        (tmp_path / f"small{number}.png").write_bytes(picture_bytes(16))
    tiles, told = loaded(tmp_path)
    assert len(tiles) == 4
    cut, empty, paper, small, others = told
    assert (
        "'cut.png' is cut short" in cut and "'empty.jpg' is empty" in empty and "'paper.png' is not a picture" in paper
    )
    assert "6 pictures smaller than 32×32 pixels (small0.png" in small and small.endswith("small4.png, …).")
    assert others == "Left out: 4 files not named as pictures (2 .json, 1 .txt, 1 without an ending)."
    assert all(sentence.startswith("Left out: ") and sentence.endswith(".") for sentence in told)


def test_many_bad_pictures_are_counted(tmp_path):
    for number in range(9):
        (tmp_path / f"{number}.png").write_bytes(b"")
    told = []
    with pytest.raises(InputError, match="no picture of at least 32×32"):
        data.load_tiles(tmp_path, 32, told.append)
    assert len(told) == 6 and told[-1] == "Left out: 4 more that cannot be read."


def test_a_shard_gives_its_pictures_and_nothing_else(tmp_path, monkeypatch):
    outside = tmp_path / "outside.png"
    outside.write_bytes(picture_bytes())
    members = {f"{number}.png": picture_bytes(seed=number) for number in range(3)}
    members |= {"0.json": b"{}", "0.txt": b"a cat", "._0.png": b"x", "bad.png": b"x", "key": b"1"}
    members |= {"a/b/c.png": picture_bytes(seed=7), "/abs/olute.png": picture_bytes(), "../up.png": picture_bytes()}
    members |= {"soft.png": link_to(outside), "hard.png": link_to("0.png", tarfile.LNKTYPE)}
    shards = tmp_path / "shards"
    shards.mkdir()
    write_shard(shards / "0.tar", members)
    before = sorted(tmp_path.rglob("*"))
    tiles, told = loaded(shards)
    assert len(tiles) == 4 * 6 and sorted(tmp_path.rglob("*")) == before
    bad, others = told
    assert "'0.tar/bad.png' is not a picture" in bad
    assert others == "Left out: 5 files not named as pictures (1 .json, 1 .txt, 2 link or device, 1 without an ending)."


@pytest.mark.parametrize("where", ["header", "content", "between", "middle"])
def test_the_whole_part_of_a_torn_shard_is_taken(tmp_path, where):
    write_shard(tmp_path / "0.tar", {f"{number}.png": picture_bytes(seed=number) for number in range(3)})
    with tarfile.open(tmp_path / "0.tar") as tar:
        last = tar.getmembers()[-1]
    content = (tmp_path / "0.tar").read_bytes()
    at = {"header": last.offset + 100, "content": last.offset_data + 100, "between": last.offset}
    torn = (
        content[: at[where]] if where in at else content[: last.offset] + b"\xff" * 512 + content[last.offset + 512 :]
    )
    (tmp_path / "0.tar").write_bytes(torn)
    (tmp_path / "1.tar").write_bytes(b"not a shard at all")
    tiles, told = loaded(tmp_path)
    assert len(tiles) == 4 * 2
    assert [sentence.split(",")[0] for sentence in told] == [f"Left out: the rest of {n}.tar" for n in (0, 1)]


def test_a_sparse_member_is_not_unfolded(tmp_path):
    huge = tarfile.TarInfo("huge.png")
    huge.type, huge.pax_headers = tarfile.REGTYPE, {"GNU.sparse.size": str(1 << 45), "GNU.sparse.map": "0,1"}
    with tarfile.open(tmp_path / "0.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        huge.size = 1
        tar.addfile(huge, io.BytesIO(b"x"))
        whole = tarfile.TarInfo("a.png")
        whole.size = len(picture_bytes())
        tar.addfile(whole, io.BytesIO(picture_bytes()))
    tiles, told = loaded(tmp_path)
    assert len(tiles) == 4 and told == ["Left out: 0.tar/huge.png is larger than 1 GiB."]


def test_folders_that_link_to_each_other_are_entered_once(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes(picture_bytes())
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "data")
    assert len(loaded(tmp_path / "data")[0]) == 4


def test_the_command_tells_what_it_leaves_out_and_that_nothing_is_held_out(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.png").write_bytes(picture_bytes(128))
    (tmp_path / "data" / "a.json").write_text("{}")
    out = tmp_path / "out" / "of" / "nowhere" / "o.safetensors"
    assert command(tmp_path / "data", out) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Left out: 1 file not named as pictures (1 .json)."
    assert lines[1] == "Nothing is held out to measure the model on: that takes 4 tiles, and there are 1."
    assert len(lines) == 3 and lines[2].startswith(f"{out}, ") and out.is_file()


def test_training_needs_no_terminal_that_knows_greek(pictures, tmp_path, monkeypatch):
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="cp1252") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert command(pictures, tmp_path / "o.safetensors") == 0
    out.flush()
    assert "factorised lambda     64" in out.buffer.getvalue().decode("cp1252")
    assert (tmp_path / "o.safetensors").is_file() and (tmp_path / "o.train.jsonl").is_file()


def test_files_of_a_run_are_for_those_that_the_umask_lets(pictures, tmp_path):
    before = os.umask(0o022)
    try:
        assert command(pictures, tmp_path / "o.safetensors") == 0
    finally:
        os.umask(before)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"o.safetensors", "o-hyperprior.safetensors", "state.safetensors"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o644}


# -- the state ---------------------------------------------------------------------------------------------------------


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
