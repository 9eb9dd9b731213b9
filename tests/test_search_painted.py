"""The encoder's search under a λ map: each pixel's error counts by λ there, and the rate is the one of its file."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from test_painted import MODELS, flat
from test_search import PIXELS

import explorer
from explorer import library, metrics, search
from explorer.__main__ import main
from explorer.bitstream import unpack
from explorer.condition import Condition, level_of
from explorer.distortion import Distortion
from explorer.lambda_map import BLOCK, LambdaMap
from explorer.pace import nothing
from explorer.session import Session
from explorer.tiles import Box, size_of, whole

PICTURE = np.tile(PIXELS, (3, 3, 1))[:150, :200]  # 3×4 blocks, the last ones cut
STEPS = np.array([[0, 0, 16, 0], [0, 0, 16, 0], [0, 0, 0, -8]])
PAINTED = Condition(level_of(256), LambdaMap.of(STEPS))


def cost(picture: np.ndarray, condition: Condition, data: bytes) -> float:
    """J, pixel by pixel."""
    decoded = explorer.decode(data, device="cpu")
    error = np.square(picture / 255 - decoded / 255).mean(axis=2)
    rows, columns = (np.arange(length) // BLOCK for length in picture.shape[:2])
    return metrics.bpp(len(data), *picture.shape[:2]) + (condition.by_block[np.ix_(rows, columns)] * error).mean()


@pytest.mark.parametrize("name", ["mae", "mae-hyperprior"])
def test_a_painted_picture_is_searched(name, monkeypatch):
    monkeypatch.setattr(search, "ITERATIONS", (0, 25, 2000))
    plain = Session(library.load_model(name, "cpu"), PICTURE)
    found = plain.at_effort(1)
    before, after = plain.encode(PAINTED), found.encode(PAINTED)
    assert cost(PICTURE, PAINTED, after) < 0.99 * cost(PICTURE, PAINTED, before)
    assert search.cost_of(plain.model, PICTURE, after) == pytest.approx(cost(PICTURE, PAINTED, after), rel=1e-5)
    assert unpack(after)[0].condition == PAINTED
    np.testing.assert_array_equal(explorer.decode(after, device="cpu"), found.reconstruct(PAINTED))
    raised = [session.painted(PAINTED)["above"].psnr for session in (plain, found)]
    assert raised[1] > raised[0] - 0.1 and raised[1] > found.painted(PAINTED)["at"].psnr + 2


@pytest.mark.parametrize("name", MODELS)
def test_bits_that_a_search_sees_are_those_of_the_file(name):
    """Also those of a rectangle of y, as a search of a large picture sees them."""
    model = library.load_model(name, "cpu")
    session = Session(model, PICTURE)
    y, code = session.latents(PAINTED), session.code(PAINTED)
    found = search._Search(model, PICTURE, y, PAINTED, 1, nothing)
    for box in (whole(size_of(y)), Box(4, 4, *size_of(y))):
        rectangle = (..., *box.slices)
        side = None if found.side is None else found._tensor(found.side[(..., *box.over(4).slices)])
        with torch.no_grad():
            t = found._position(box)
            bits, decoded = model.network.prior.relaxed(found._tensor(y[rectangle]), side, t, torch.round)
        assert bits.item() == pytest.approx(code.position_bits[box.slices].sum(), rel=0.03)
        # What lies beside the rectangle has a say in the means of a hyperprior at its edge.
        assert np.mean(np.abs(decoded[0].numpy() - code.decoded[rectangle]) < 0.01) > (0.9 if box.top else 0.98)


@pytest.mark.parametrize("name", MODELS)
def test_a_constant_map_is_searched_as_its_lambda(name):
    session = Session(library.load_model(name, "cpu"), PICTURE)
    scalar = Condition(level_of(300))
    y, told = session.latents(scalar), []

    def tell(*costs: float) -> None:
        told.append(costs)
        raise search.Enough

    for condition in (scalar, flat(scalar.level, LambdaMap.of(np.zeros((3, 4), int)))):
        search._Search(session.model, PICTURE, y, condition, 1, nothing).run(0, tell)
    assert told[1] == pytest.approx(told[0], rel=0.01)  # bfloat16


@pytest.mark.parametrize("name", ["mae", "bottleneck-hyperprior"])
def test_the_distortion_weighs_each_pixel_by_its_lambda(name):
    model = library.load_model(name, "cpu")
    session = Session(model, PICTURE)
    y, shown = torch.from_numpy(session.code(PAINTED).decoded.copy())[None], session.reconstruct(PAINTED)
    weights = np.repeat(np.repeat(PAINTED.by_block, BLOCK, 0), BLOCK, 1)[:150, :200] / PAINTED.lmbda
    error = np.square(PICTURE / 255 - shown / 255).mean(axis=2)
    found = Distortion(model.network, PICTURE, PAINTED, Box(0, 0, 10, 13), nothing).of(y)
    assert found.item() == pytest.approx((weights * error).mean(), rel=0.02)
    # A rectangle is like a picture of its own where λ goes on beyond its edge.
    part, own = PICTURE[64:, 64:], Condition(PAINTED.level, LambdaMap.of(STEPS[1:, 1:]))
    of_part = [
        Distortion(model.network, part, condition, box, nothing).of(y[..., 4:, 4:]).item()
        for condition, box in ((PAINTED, Box(4, 4, 10, 13)), (own, Box(0, 0, 6, 9)))
    ]
    assert of_part[0] == pytest.approx(of_part[1], rel=1e-6)


def test_a_target_is_met_by_a_search_under_a_map(mae, monkeypatch):
    monkeypatch.setattr(search, "ITERATIONS", (0, 5, 2000))
    plain, painting = Session(mae, PIXELS), LambdaMap.of([[0, 8]])
    size = len(plain.encode(Condition(level_of(512), painting)))
    found = plain.at_effort(1)
    lmbda = found.solve(bytes=size, map=painting)
    assert 0.97 * size <= len(found.encode(Condition.of(lmbda, painting))) <= size


def test_encode_searches_under_a_mask(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(search, "ITERATIONS", (0, 5, 20))
    Image.fromarray(PICTURE).save(tmp_path / "part.png")
    mask = np.full(PICTURE.shape[:2], 128, np.uint8)
    mask[:64, 64:128] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    sizes = {}
    for effort in ("0", "1"):
        given = [tmp_path / "part.png", tmp_path / "part.mae", "--lambda", "512", "--lambda-map", tmp_path / "mask.png"]
        assert main(["encode", *map(str, given), "--model", "mae", "--effort", effort]) == 0
        data = (tmp_path / "part.mae").read_bytes()
        sizes[effort] = cost(PICTURE, unpack(data)[0].condition, data)
        assert unpack(data)[0].map
    assert sizes["1"] < sizes["0"]
