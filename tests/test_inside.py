"""What λ does inside: log ratios, the reach of one element, a picture with channels changed, errors of blocks."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from conftest import sample_paths, smooth_picture

import explorer
from explorer import metrics
from explorer.codecs.learned import LearnedCodec
from explorer.condition import Condition
from explorer.images import InputError, read
from explorer.inside import REACH, block_error, log_ratio, receptive_field
from explorer.model import LAYERS, STRIDE, scale_bottleneck
from explorer.session import Session
from explorer.tiles import parts_of, size_of


@pytest.fixture(scope="module")
def session(mae) -> Session:
    return Session(mae, read(sample_paths()[0]).pixels[100:233, 200:350])


# -- log ratios ------------------------------------------------------------------------------------------------------


def test_small_elements_are_masked_and_signs_compared():
    ya = np.array([[[4.0, -4.0, 0.09, 3.0, -1.0, 0.0]]], np.float32)
    yb = np.array([[[2.0, 8.0, 1.0, 0.09, -0.5, 0.0]]], np.float32)
    ratio = log_ratio(ya, yb)
    np.testing.assert_array_equal(ratio.value, np.array([[[1, -1, np.nan, np.nan, 1, np.nan]]], np.float32))
    assert ratio.flipped.tolist() == [[[False, True, False, False, False, False]]]
    assert ratio.masked_share == 0.5
    assert log_ratio(ya, yb, floor=0.05).masked_share == pytest.approx(1 / 6)
    with pytest.raises(ValueError, match="read-only"):
        ratio.value[0] = 0


def test_spread_and_median_are_the_percentiles_of_what_is_not_masked():
    rng = np.random.default_rng(3)
    yb = rng.choice([-1.0, 1.0], (6, 20, 30)) * rng.uniform(2, 9, (6, 20, 30))
    octaves = rng.normal(np.arange(6)[:, None, None], 0.3, yb.shape)
    ya = yb * 2**octaves * rng.choice([-1.0, 1.0], yb.shape)
    ya[0, :, :15] = 0
    ya[1] = 0
    ya[2].flat[29:] = 0  # of 600: one element too few for a spread
    ya[3].flat[30:] = 0
    ratio = log_ratio(ya.astype(np.float32), yb.astype(np.float32))
    for channel in (0, 2, 3, 4, 5):
        seen = octaves[channel][ya[channel] != 0]
        low, middle, high = np.percentile(seen, [16, 50, 84])
        assert ratio.median[channel] == pytest.approx(middle, abs=1e-5)
        if channel != 2:
            assert ratio.spread[channel] == pytest.approx((high - low) / 2, abs=1e-5)
    assert ratio.spread[4] == pytest.approx(0.3, rel=0.1), "the standard deviation, where the values are normal"
    assert np.isnan(ratio.spread).tolist() == [False, True, True, False, False, False]
    assert np.isnan(ratio.median).tolist() == [False, True, False, False, False, False]
    assert ratio.spread.dtype == ratio.median.dtype == ratio.value.dtype == np.float32


def test_an_outlier_hardly_moves_the_spread():
    rng = np.random.default_rng(5)
    yb = np.ones((1, 20, 20), np.float32)
    ya = 2 ** rng.normal(0, 0.2, yb.shape).astype(np.float32)
    before = log_ratio(ya, yb).spread[0]
    ya[0, 0, :4] = 1e4
    assert log_ratio(ya, yb).spread[0] == pytest.approx(before, rel=0.1)


def test_bottleneck_scaling_is_uniform_and_modulation_is_not(tiny_network, mae):
    network = scale_bottleneck(tiny_network.fold(4096))
    network.y_mod.set_exponential(torch.linspace(-2.5, -1.0, network.config.M), 0.1)
    scaled = LearnedCodec(network, network.prior.freeze(), "scaled", "0" * 8)
    picture = read(sample_paths()[0]).pixels[:256, :256]
    ratio = Session(scaled, picture).log_ratio(700, 4000)
    assert np.isfinite(ratio.spread).sum() >= 8
    assert np.nanmax(ratio.spread) < 1e-5
    assert not ratio.flipped.any()
    gains = scaled.modulation([700, 4000])["y"]
    seen = np.isfinite(ratio.median)
    assert ratio.median[seen] == pytest.approx(np.log2(gains[0] / gains[1])[seen], abs=1e-5)
    modulated = Session(mae, picture).log_ratio(700, 4000)
    assert np.nanmedian(modulated.spread) > 0.05, "in octaves"


# -- one element -----------------------------------------------------------------------------------------------------


def test_the_receptive_field_is_where_the_gradient_is(mae):
    x = torch.rand(1, 3, 112, 144, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for row, col in [(3, 4), (0, 8), (6, 0)]:
        y = mae.network.analysis(x, mae.network.position(512.0))
        (gradient,) = torch.autograd.grad(y[0, :, row, col].sum(), x)
        assert _extent(gradient[0].abs().sum(0).numpy()) == _clipped(receptive_field(row, col), (112, 144))
    assert receptive_field(3, 4) == (20, 36, 77, 93) and REACH == 28


def test_the_decoder_reaches_the_pixels_that_the_encoder_saw(mae):
    y = np.zeros((mae.network.config.M, 7, 9), np.int32)
    nothing = mae.synthesis_map(parts_of(y), Condition.of(512), LAYERS[-1], size_of(y))
    y[:, 3, 4] = 5
    difference = np.abs(mae.synthesis_map(parts_of(y), Condition.of(512), LAYERS[-1], size_of(y)) - nothing).sum(axis=0)
    assert _extent(difference) == receptive_field(3, 4)


def _extent(change: np.ndarray) -> tuple[int, ...]:
    rows, cols = np.nonzero(change)
    return (rows.min(), cols.min(), rows.max() + 1, cols.max() + 1)


def _clipped(field: tuple[int, int, int, int], size: tuple[int, int]) -> tuple[int, ...]:
    top, left, bottom, right = field
    return (max(top, 0), max(left, 0), min(bottom, size[0]), min(right, size[1]))


@pytest.mark.parametrize("place", [(4, 5), (0, 0), (8, 9), (1, 8), (6, 1), (7, 0)])
def test_a_response_is_the_difference_of_whole_pictures(session, place):
    row, col = place
    model, q, condition = session.model, session.code(2000).decoded, Condition.of(2000)
    channel = int(np.abs(q[:, row, col]).argmax())
    alone = np.zeros_like(q)
    whole = -model.synthesis_map(parts_of(alone), condition, LAYERS[-1], size_of(alone))
    alone[channel, row, col] = q[channel, row, col]
    whole = (whole + model.synthesis_map(parts_of(alone), condition, LAYERS[-1], size_of(alone))).transpose(1, 2, 0)

    response = session.response(2000, channel, row, col)
    assert response.amplitude == q[channel, row, col] != 0
    assert response.pixels.shape == (57, 57, 3) and response.pixels.dtype == np.float32
    assert (response.top, response.left) == receptive_field(row, col)[:2]
    found = np.zeros((whole.shape[0] + 2 * REACH + STRIDE, whole.shape[1] + 2 * REACH + STRIDE, 3), np.float32)
    top, left = response.top + REACH, response.left + REACH
    found[top : top + 57, left : left + 57] = response.pixels
    inner = found[REACH : REACH + whole.shape[0], REACH : REACH + whole.shape[1]]
    assert np.abs(whole).max() > 1e-3
    np.testing.assert_allclose(inner, whole, atol=1e-5)
    assert np.abs(found).sum() == pytest.approx(np.abs(inner).sum()), "nothing beyond the decoder's grid"


def test_the_response_of_a_zero_is_zero(session):
    channel, row, col = np.argwhere(session.symbols(64) == 0)[0].tolist()
    response = session.response(64, channel, row, col)
    assert response.amplitude == 0 and not response.pixels.any()
    assert session.response(64, channel, row, col, amplitude=1).pixels.any()


@pytest.mark.parametrize("element", [(192, 0, 0), (-1, 0, 0), (0, 9, 0), (0, 0, 10), (0, -1, 0)])
def test_an_element_that_is_not_there_is_one_sentence(session, element):
    with pytest.raises(InputError, match=r"^There is no element .*\.$"):
        session.response(512, *element)


# -- channels and blocks ---------------------------------------------------------------------------------------------


def test_no_edit_is_the_reconstruction(session):
    point = session.point(800)
    for factors in ({}, {5: 1.0}):
        edit = session.edit(800, factors)
        assert (edit.pixels == session.reconstruct(800)).all()
        assert edit.psnr == pytest.approx(point.psnr)
        assert edit.estimated_bits == pytest.approx(point.estimated_bits)


def test_a_channel_left_out_saves_its_bits_and_costs_quality(session):
    bits = session.bits(2000).sum(axis=(1, 2), dtype=np.float64)
    best, second = np.argsort(bits)[::-1][:2].tolist()
    without = session.edit(2000, {best: 0})
    assert bits.sum() - without.estimated_bits == pytest.approx(bits[best], rel=1e-9)
    assert without.psnr < session.point(2000).psnr - 0.1
    assert without.psnr == pytest.approx(metrics.psnr(session.picture.pixels, without.pixels))
    both = session.edit(2000, {best: 0, second: 0.0})
    assert bits.sum() - both.estimated_bits == pytest.approx(bits[best] + bits[second], rel=1e-9)


def test_another_factor_is_another_decoder_input_and_the_same_file(session):
    bits = session.bits(2000)
    channel = int(bits.sum(axis=(1, 2)).argmax())
    turned = session.edit(2000, {channel: -1})
    assert turned.estimated_bits == pytest.approx(bits.sum(dtype=np.float64), rel=1e-9)
    assert turned.psnr < session.edit(2000, {channel: 0.5}).psnr < session.point(2000).psnr
    q = session.symbols(2000).copy()
    q[channel] *= -1
    scaled = parts_of(q.astype(np.float32))
    expected = session.model.synthesise(scaled, Condition.of(2000), *session.size)
    assert (turned.pixels == expected).all()
    with pytest.raises(ValueError, match="read-only"):
        turned.pixels[0] = 0


@pytest.mark.parametrize("factors", [{192: 0}, {-1: 0}, {0: 4.1}, {0: -5}, {0: float("nan")}, {0: float("inf")}])
def test_a_factor_that_cannot_be_is_one_sentence(session, factors):
    with pytest.raises(InputError) as caught:
        session.edit(512, factors)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.fixture(scope="module", params=["mae", "mae-hyperprior"])
def either(request, session) -> Session:
    """The picture under either prior."""
    return session.under(explorer.load_model(request.param))


def test_all_elements_kept_are_the_reconstruction(either):
    bits = either.bits(512)
    kept = either.keep_costliest(512, bits.size)
    assert (kept.pixels == either.reconstruct(512)).all()
    assert kept.psnr == pytest.approx(either.point(512).psnr)
    assert kept.estimated_bits == pytest.approx(either.point(512).estimated_bits)
    assert kept.kept_bits == pytest.approx(bits.sum(dtype=np.float64))


def test_the_costliest_are_kept_and_the_others_are_what_costs_least(either):
    bits, code = either.bits(512), either.code(512)
    kept = either.keep_costliest(512, 300)
    mask = np.zeros(bits.size, bool)
    mask[np.argsort(-bits, axis=None, kind="stable")[:300]] = True
    mask = mask.reshape(bits.shape)
    assert (kept.code.symbols[mask] == code.symbols[mask]).all()
    assert (kept.code.bits <= bits).all() and (kept.code.bits[mask] == bits[mask]).all()
    assert kept.kept_bits == pytest.approx(bits[mask].sum(dtype=np.float64))
    assert kept.estimated_bits == pytest.approx(kept.code.bits.sum(dtype=np.float64) + code.side_bits)
    mean = code.planes.get("μ")
    if mean is not None:
        np.testing.assert_array_equal(kept.code.decoded[~mask], mean[~mask])
    with pytest.raises(ValueError, match="read-only"):
        kept.pixels[0] = 0


def test_what_was_kept_is_a_file_that_any_decoder_reads(either):
    kept = either.keep_costliest(512, 300)
    file = either.model.pack(kept.code, *either.size)
    assert (explorer.decode(file) == kept.pixels).all()
    assert 8 * len(file) == pytest.approx(kept.estimated_bits, rel=0.02, abs=500)
    assert len(file) < len(either.encode(512))


def test_more_elements_take_more_bits_and_bring_the_picture_nearer(either):
    several = [either.keep_costliest(512, count) for count in (0, 30, 300, 3000)]
    assert several[0].kept_bits == 0
    for less, more in pairwise(several):
        assert less.estimated_bits < more.estimated_bits and less.psnr < more.psnr


@pytest.mark.parametrize("count", [-1, 10**9, 2.5, True, math.nan])
def test_so_many_elements_as_there_are_not_is_one_sentence(session, count):
    with pytest.raises(InputError, match=r"^Of [\d,]+ elements a whole number from 0 to \d+ can be kept, not .*\.$"):
        session.keep_costliest(512, count)


@pytest.mark.parametrize("size", [(32, 48), (1, 1), (17, 33), (16, 50)])
def test_block_error_is_the_error_of_each_block(size):
    a, b = smooth_picture(*size, seed=1), smooth_picture(*size, seed=2)
    error = block_error(a, b)
    assert error.shape == (-(-size[0] // 16), -(-size[1] // 16)) and error.dtype == np.float32
    for row, col in np.ndindex(*error.shape):
        block = np.s_[16 * row : 16 * row + 16, 16 * col : 16 * col + 16]
        assert error[row, col] == pytest.approx(np.mean((a[block] / 255 - b[block] / 255) ** 2), rel=1e-5)


def test_the_mean_of_the_block_errors_is_that_of_the_point(session):
    error = session.block_error(300)
    height, width = session.picture.pixels.shape[:2]
    areas = np.outer(np.diff(np.arange(0, height, 16), append=height), np.diff(np.arange(0, width, 16), append=width))
    mean = float((error * areas).sum() / areas.sum())
    assert -10 * np.log10(mean) == pytest.approx(session.point(300).psnr, abs=1e-4)
    assert error.shape == session.bits(300).shape[1:]
