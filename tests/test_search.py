"""The encoder's search: never worse than the encoder's own answer, told of, cancelled, repeated."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import sample_paths
from PIL import Image

import explorer
from explorer import evaluate, images, library, metrics, search
from explorer.__main__ import main
from explorer.codecs import measure
from explorer.distortion import Distortion
from explorer.images import InputError
from explorer.pace import nothing
from explorer.session import Session
from explorer.tiles import Box, size_of, whole
from explorer.views.service.rivals import Rivals
from explorer.workers import Workers

PIXELS = images.read(sample_paths()[0]).pixels[100:164, 200:280]


def cost(session: Session, lmbda: float) -> float:
    return search.cost_of(session.model, session.picture.pixels, session.encode(lmbda))


@pytest.fixture(params=["mae", "hyperprior"])
def plain(request) -> Session:
    return Session(request.getfixturevalue(request.param), PIXELS)


def test_a_search_finds_a_better_file_the_same_each_time(plain, monkeypatch):
    monkeypatch.setattr(search, "ITERATIONS", (0, 50, 2000))
    found = plain.at_effort(1)
    assert cost(found, 256) < cost(plain, 256)
    assert found.encode(256) == Session(plain.model, PIXELS).at_effort(1).encode(256)
    assert (explorer.decode(found.encode(256), device="cpu") == found.reconstruct(256)).all()
    point = found.point(256)
    assert (point.codec, point.bytes) == (f"{plain.model.name}@1", len(found.encode(256)))
    assert plain.point(256).codec == plain.model.name


def test_what_a_search_makes_worse_is_not_kept(plain, monkeypatch):
    def spoil(found, *_):
        found.y += 1

    monkeypatch.setattr(search._Search, "run", spoil)
    assert plain.at_effort(1).encode(512) == plain.encode(512)


def test_effort_2_finds_more_than_effort_1_and_never_less(mae, monkeypatch):
    monkeypatch.setattr(search, "ITERATIONS", (0, 20, 200))
    plain, told = Session(mae, PIXELS), []
    first, second = plain.at_effort(1), plain.at_effort(2, told.append)
    assert cost(second, 256) < cost(first, 256)
    assert [each.done for each in told] == list(range(1, 201)) and told[-1].seconds_left == 0
    monkeypatch.setitem(search.SCHEDULES, 2, search.Schedule((0.5, 0.5), (0.2, 0.2), 0))  # far from any minimum
    assert Session(mae, PIXELS).at_effort(2).encode(256) == first.encode(256)


def test_elements_that_cost_next_to_nothing_do_not_drift(mae):
    """However long rounding stays warm: Adam alone would move them all alike."""
    condition = mae.condition(256)
    y, moved = mae.latents(PIXELS, condition), []
    for schedule in (search.SCHEDULES[2], replace(search.SCHEDULES[2], floor=0)):
        found = search._Search(mae, PIXELS, y, condition, 2, nothing)
        found._schedule, found._iterations = schedule, 60
        found.run(0, lambda *_: None)
        moved.append(np.abs(found.y - y)[np.abs(y).max(axis=(1, 2)) < 0.1].mean())
    assert moved[0] < moved[1] / 5


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (17, 33)])
def test_pictures_of_any_size_are_searched(plain, monkeypatch, size):
    monkeypatch.setattr(search, "ITERATIONS", (0, 3, 3))
    session = Session(plain.model, PIXELS[: size[0], : size[1]])
    found = session.at_effort(1)
    assert found.reconstruct(64).shape == (*size, 3) and cost(found, 64) <= cost(session, 64)


def test_who_is_told_of_the_progress_may_end_the_search_and_keep_what_there_is(plain):
    told: list[search.Progress] = []

    def tell(progress: search.Progress) -> None:
        told.append(progress)
        if progress.done == 3:
            raise search.Enough

    found = plain.at_effort(2, tell)
    assert cost(found, 1024) <= cost(plain, 1024)
    assert told[0].start == pytest.approx(cost(plain, 1024), rel=0.1)  # but for the header
    assert [each.done for each in told] == [1, 2, 3] and all(each.total == 2000 for each in told)
    assert all(each.seconds_left > 0 and each.cost > 0 for each in told)
    assert found.known_code(1024) is not None and plain.at_effort(2).known_code(1024) is not None
    assert len(told) == 3, "what was found is searched once"


def test_a_search_that_is_cancelled_leaves_nothing_behind(plain):
    class Cancelled(Exception):
        pass

    def cancel(_: search.Progress) -> None:
        raise Cancelled

    found = plain.at_effort(1, cancel)
    with pytest.raises(Cancelled):
        found.reconstruct(512)
    assert found.known_code(512) is None and plain.at_effort(1).known_code(512) is None


@pytest.mark.parametrize("name", ["mae", "independent-256", "bottleneck-hyperprior"])
def test_the_distortion_is_that_of_the_decoder_and_has_its_gradient(name):
    model, pixels = library.load_model(name, "cpu"), PIXELS[:57, :75]
    condition = model.condition(256)
    code = model.quantise(model.latents(pixels, condition), condition)
    decoded = torch.from_numpy(code.decoded.copy())[None].requires_grad_()
    t = model.network.position(condition.lmbda)
    found = Distortion(model.network, pixels, condition, whole(size_of(code.symbols)), nothing).of(decoded)
    shown = model.synthesise(code.part, condition, *pixels.shape[:2])
    assert -10 * math.log10(found.item()) == pytest.approx(metrics.psnr(pixels, shown), abs=0.1)
    (gradient,) = torch.autograd.grad(found, decoded)
    expected_picture = model.network.synthesis(decoded, t)[..., :57, :75]
    error = (expected_picture.clamp(0, 1) - images.to_tensor(pixels)).square().mean()
    (expected,) = torch.autograd.grad(error, decoded)
    assert torch.cosine_similarity(gradient.flatten(), expected.flatten(), dim=0) > 0.98


@pytest.mark.parametrize("temperature", [0.5, 0.15])
def test_rounding_draws_neighbours_the_nearer_the_likelier(temperature):
    values = torch.tensor([-1.7, -0.2, 0.0, 0.4, 3.5]).repeat(2000, 1).requires_grad_()
    drawn = search.annealed(values, temperature, torch.Generator().manual_seed(0))
    assert (drawn >= values.floor() - 1e-3).all() and (drawn <= values.floor() + 1 + 1e-3).all()
    near = (drawn - values.round()).abs().mean(dim=0)
    assert near[2] < near[1] < near[0] < near[3] and near[1] < 0.2
    (gradient,) = torch.autograd.grad(drawn.sum(), values)
    assert gradient.isfinite().all() and (gradient >= 0).all()


def test_a_target_is_met_by_a_search(plain, monkeypatch):
    monkeypatch.setattr(search, "ITERATIONS", (0, 10, 2000))
    found = plain.at_effort(1)
    size = len(plain.encode(512))
    assert 0.97 * size <= len(found.encode(found.solve(bytes=size))) <= size
    quality = plain.point(512).psnr
    assert quality <= found.point(found.solve(psnr=quality)).psnr <= quality + 0.1
    with pytest.raises(InputError, match="choose a target in its range"):
        found.solve(psnr=99)


def test_a_large_picture_is_searched_crop_by_crop(mae, monkeypatch):
    monkeypatch.setattr(search, "ITERATIONS", (0, 30, 2000))
    whole = Session(mae, PIXELS).at_effort(1)
    for name, value in {"ONE_TILE": 8, "CROP": 4, "HALO": 4}.items():
        monkeypatch.setattr(search, name, value)
    told: list[search.Progress] = []
    parts = Session(mae, PIXELS).at_effort(1, told.append)
    assert search.crops((4, 5))[1] == (Box(0, 0, 4, 5), Box(0, 4, 4, 5))
    assert cost(parts, 512) == pytest.approx(cost(whole, 512), rel=0.02)
    assert cost(parts, 512) < cost(Session(mae, PIXELS), 512)
    assert [each.done for each in told] == list(range(1, 61)) and told[-1].seconds_left == 0


def test_the_search_is_a_codec_of_its_own(hyperprior, monkeypatch):
    monkeypatch.setattr(search, "ITERATIONS", (0, 10, 20))
    codec = evaluate.find_codec("mae-hyperprior@1")
    assert (codec.name, codec.knob) == ("mae-hyperprior@1", hyperprior.knob)
    assert codec.version == f"{hyperprior.version}, search 1", "rows that were measured before are valid still"
    assert evaluate.find_codec("mae-hyperprior@2").version == f"{hyperprior.version}, search 2"
    measured = measure(codec, PIXELS, 512)
    assert measured.data == Session(hyperprior, PIXELS).at_effort(1).encode(512)
    assert (measured.pixels == hyperprior.decode(measured.data)).all()
    assert not any("@" in name for name in evaluate.codec_names())
    with pytest.raises(InputError, match="takes minutes"):
        Rivals(["mae"]).codec("mae@1")
    for name in ("mae@3", "mae@", "jpeg@1", "@1", "nothing@1"):
        with pytest.raises(InputError, match="search with a model as mae@1"):
            evaluate.find_codec(name)


def test_evaluate_measures_the_search_at_some_lambdas(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "ITERATIONS", (0, 10, 20))
    monkeypatch.setattr(evaluate, "start_workers", lambda *_: nullcontext(Workers(ThreadPoolExecutor(1), 1)))
    Image.fromarray(PIXELS).save(tmp_path / "part.png")
    rows = evaluate.evaluate(tmp_path, ["mae", "mae@1"], tmp_path / "rows.json", lambdas=[256, 1024])
    assert [(row["codec"], round(row["knob"]["lambda"])) for row in rows] == [
        ("mae", 256),
        ("mae", 1024),
        ("mae@1", 256),
        ("mae@1", 1024),
    ]
    costs = [row["bpp"] + row["knob"]["lambda"] * 10 ** (-row["psnr"] / 10) for row in rows]
    assert costs[2] <= costs[0] and costs[3] <= costs[1]


def test_encode_searches(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(search, "ITERATIONS", (0, 10, 20))
    Image.fromarray(PIXELS).save(tmp_path / "part.png")
    arguments = ["encode", str(tmp_path / "part.png"), str(tmp_path / "part.mae"), "--lambda", "512", "--model", "mae"]
    assert main([*arguments, "--effort", "1"]) == 0
    assert "10/10" in capsys.readouterr().err
    assert (tmp_path / "part.mae").read_bytes() == Session(library.load_model("mae"), PIXELS).at_effort(1).encode(512)


def test_long_work_lets_others_in_and_ends_where_they_say_so(plain):
    """Between the layers, also on the way back."""

    class Superseded(Exception):
        pass

    calls: list[int] = []
    told: list[search.Progress] = []

    def tell(progress: search.Progress) -> None:
        told.append(progress)
        calls.append(0)

    def pause() -> None:
        calls[-1] += 1
        if len(calls) == 3 and calls[-1] == 5:
            raise Superseded

    calls.append(0)
    with torch.inference_mode(), pytest.raises(Superseded):
        plain.paced(pause).at_effort(1, tell).code(512)
    assert calls[1] == 6 and len(told) == 2


def test_there_are_three_efforts(plain):
    assert plain.at_effort(0).encode(512) == plain.encode(512)
    for effort in (-1, 3):
        with pytest.raises(InputError, match=f"0, 1 or 2, but {effort}"):
            plain.at_effort(effort)
