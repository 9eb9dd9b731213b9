"""Parts of a picture are those of the whole, bit for bit, and cost what they need."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from conftest import sample_paths, smooth_picture

import explorer
from explorer import images, tiles
from explorer.codecs.base import RDPoint
from explorer.codecs.learned import LearnedCodec
from explorer.images import InputError
from explorer.library import load_model
from explorer.session import Session
from explorer.tiles import Box, Grid, Part, convolve, output_size, reads

ODD = [
    (129, 1), (1, 129), (130, 127), (128, 128), (143, 129), (16, 300), (160, 161), (200, 200), (257, 129), (129, 257),
    (255, 255), (256, 272), (272, 130), (300, 140), (31, 400), (400, 31), (193, 193), (208, 335), (145, 145),
    (321, 177),
]  # fmt: skip


@pytest.fixture
def small_tiles(monkeypatch):
    """Pictures of more than one tile that take little time."""
    monkeypatch.setattr(tiles, "SIDE", 8)
    monkeypatch.setattr(tiles, "ONE_TILE", 8)


def test_a_grid_covers_its_map_once():
    assert list(Grid((64, 64))) == [Box(0, 0, 64, 64)], "up to a megapixel it is one tile"
    for size in ((65, 64), (1, 5000), (100, 101)):
        seen = np.zeros(size, int)
        for tile in Grid(size):
            seen[tile.slices] += 1
        assert (seen == 1).all()
    assert Grid((100, 100)).covering(Box(15, 16, 17, 32)) == [Box(0, 16, 16, 32), Box(16, 16, 32, 32)]


@pytest.mark.parametrize("conv", [
    torch.nn.Conv2d(2, 3, 9, 4, 4), torch.nn.Conv2d(2, 3, 5, 2, 2), torch.nn.Conv2d(2, 3, 3, 1, 1),
    torch.nn.ConvTranspose2d(2, 3, 5, 2, 2, output_padding=1),
    torch.nn.ConvTranspose2d(2, 3, 9, 4, 4, output_padding=3),
], ids=str)  # fmt: skip
def test_a_rectangle_of_a_convolution_needs_no_more_than_it_reads(conv):
    conv = conv.double()
    x = torch.randn(1, 2, 24, 20, dtype=torch.float64)
    expected = conv(x)
    size = output_size(conv, (24, 20))
    assert expected.shape[2:] == size
    generator = np.random.default_rng(1)
    for _ in range(50):
        (top, bottom), (left, right) = (sorted(generator.choice(n + 1, 2, replace=False).tolist()) for n in size)
        box = Box(top, left, bottom, right)
        needed = reads(conv, box, (24, 20))
        part = Part(x[(..., *needed.slices)], needed, (24, 20))
        with torch.no_grad():
            found = convolve(conv, part, box)
        assert found.box == box and found.size == size
        torch.testing.assert_close(found.values, expected[(..., *box.slices)], rtol=0, atol=1e-12)


@pytest.mark.parametrize("model", ["mae", "mae-hyperprior", "bottleneck", "independent-512"])
@pytest.mark.parametrize("size", ODD[:6])
def test_tiled_is_what_the_network_makes_of_the_whole(model, size, small_tiles):
    _same_as_the_network(load_model(model), size)


@pytest.mark.parametrize("size", ODD)
def test_a_part_is_that_of_the_whole_bit_for_bit(size, small_tiles):
    model = load_model("mae-hyperprior")
    pixels = smooth_picture(*size)
    expected = Session(model, pixels).reconstruct(700)
    session = Session(model, pixels)
    generator = np.random.default_rng(size)
    for _ in range(4):
        (top, bottom), (left, right) = (sorted(generator.choice(n + 1, 2, replace=False).tolist()) for n in size)
        np.testing.assert_array_equal(session.region(700, (top, left, bottom, right)), expected[top:bottom, left:right])
    data = session.encode(700)
    np.testing.assert_array_equal(session.reconstruct(700), expected)
    np.testing.assert_array_equal(explorer.decode(data), expected)
    assert data == Session(model, pixels).encode(700) == model.encode(pixels, 700)


@pytest.mark.slow
def test_a_picture_of_several_megapixels(mae):
    """With tiles as they are: the middle by itself, and no more of y than that needs."""
    sample = images.read(sample_paths()[0]).pixels
    pixels = np.tile(sample, (3, 2, 1))[:1201, :1403]
    session = Session(mae, pixels)
    assert session.is_large and not Session(mae, sample).is_large
    box = (500, 601, 700, 802)
    part = session.region(300, box)
    assert session.measured(300) is None
    np.testing.assert_array_equal(part, session.reconstruct(300)[500:700, 601:802])
    session.point(300, quick=True)
    assert session.measured(300) is session.point(300, quick=True)


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (-1, 0, 4, 4), (0, 0, 41, 4), (3, 3, 2, 5)])
def test_a_region_outside_the_picture_is_told(mae, box):
    with pytest.raises(InputError, match="must lie within the 30×40 pixels"):
        Session(mae, smooth_picture(40, 30)).region(512, box)


def test_long_work_can_be_ended_between_two_tiles(small_tiles):
    class Enough(Exception):
        pass

    def counted(limit: int) -> Iterator[None]:
        yield from range(limit)
        raise Enough

    def point_within(limit: int) -> RDPoint:
        steps = counted(limit)
        return session.paced(lambda: next(steps)).point(900)

    session = Session(load_model("mae-hyperprior"), smooth_picture(300, 300))
    for limit in (0, 5, 12):
        with pytest.raises(Enough):
            point_within(limit)
    assert point_within(100) == session.apart().point(900), "what was left undone is no obstacle"


def _same_as_the_network(model: LearnedCodec, size: tuple[int, int]) -> None:
    """To rounding, which is all that floating point promises between shapes."""
    lmbda = model.knob.sweep[len(model.knob.sweep) // 2]
    session = Session(model, smooth_picture(*size))
    network, t = model.network, model.network.position(session.model.condition(lmbda).lmbda)
    with torch.inference_mode():
        x = images.pad(images.to_tensor(session.picture.pixels))
        y = network.analysis(x, t)
        decoded = torch.from_numpy(np.array(session.code(lmbda).decoded))[None]
        pixels = images.to_pixels(images.crop(network.synthesis(decoded, t), *size))
    np.testing.assert_allclose(session.latents(lmbda), y[0].numpy(), rtol=1e-4, atol=1e-4)
    assert np.abs(session.reconstruct(lmbda).astype(int) - pixels).max() <= 1
    for layer in model.layers:
        expected = (
            network.analysis(x, t, layer) if layer in model.analysis_layers else network.synthesis(decoded, t, layer)
        )
        np.testing.assert_allclose(session.features(lmbda, layer), expected[0].numpy(), rtol=1e-3, atol=1e-3)
