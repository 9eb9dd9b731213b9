"""explorer.metrics: against closed forms and pytorch_msssim."""

import math

import numpy as np
import pytest
import pytorch_msssim
import torch

from explorer import metrics


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth waves with some noise, so that contrast and structure vary over the picture."""
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 9) + np.cos(y / 23), np.sin((x + y) / 31), np.cos(x * y / 4000)], -1)
    noise = np.random.default_rng(seed).normal(0, 6, waves.shape)
    return np.clip(128 + 50 * waves + noise, 0, 255).astype(np.uint8)


def noisy(pixels: np.ndarray, sigma: float) -> np.ndarray:
    return np.clip(pixels + np.random.default_rng(1).normal(0, sigma, pixels.shape), 0, 255).astype(np.uint8)


def reference(a: np.ndarray, b: np.ndarray) -> float:
    """The package in float64; its own window is only normalised in float32, which is off by 3e-6 on strong noise."""
    x, y = (torch.from_numpy(side).permute(2, 0, 1)[None].double() for side in (a, b))
    taps = torch.exp(-(torch.arange(-5, 6, dtype=torch.float64) ** 2) / 4.5)
    window = (taps / taps.sum()).repeat(3, 1, 1, 1)
    return float(pytorch_msssim.ms_ssim(x, y, data_range=255, win=window))


def test_bpp_counts_the_whole_file() -> None:
    assert metrics.bpp(768 * 512 // 8, 512, 768) == 1


@pytest.mark.parametrize(("a", "b", "squares"), [(0, 255, 255**2), (255, 0, 255**2), (100, 101, 1), (3, 1, 4)])
def test_psnr_of_flat_pictures(a: int, b: int, squares: int) -> None:
    pair = (np.full((4, 5, 3), level, dtype=np.uint8) for level in (a, b))
    assert metrics.psnr(*pair) == pytest.approx(10 * math.log10(255**2 / squares), abs=1e-12)


def test_psnr_is_exact_and_symmetric_and_infinite_when_identical() -> None:
    a = picture(40, 50)
    b = noisy(a, 20)
    mse = np.mean((a.astype(float) - b) ** 2)
    assert metrics.psnr(a, b) == metrics.psnr(b, a) == pytest.approx(10 * math.log10(255**2 / mse), abs=1e-9)
    assert metrics.psnr(a, a) == math.inf


@pytest.mark.parametrize("size", [(161, 161), (161, 330), (203, 177), (256, 200)])
@pytest.mark.parametrize("sigma", [3, 60])
def test_ms_ssim_is_that_of_pytorch_msssim(size: tuple[int, int], sigma: float) -> None:
    a = picture(*size)
    b = noisy(a, sigma)
    assert metrics.ms_ssim(a, b) == pytest.approx(reference(a, b), abs=1e-6)


def test_ms_ssim_of_opposites_stays_in_range() -> None:
    a = picture(170, 170)
    assert metrics.ms_ssim(a, 255 - a) == pytest.approx(reference(a, 255 - a), abs=1e-6)
    assert 0 <= metrics.ms_ssim(a, 255 - a) < 0.1


def test_ms_ssim_is_one_when_identical_and_nan_when_small() -> None:
    a = picture(161, 200)
    a.setflags(write=False)
    assert metrics.ms_ssim(a, a) == 1
    assert math.isnan(metrics.ms_ssim(a[:160], a[:160]))


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (0.9, 10), (0.99, 20), (1, math.inf), (math.nan, math.nan)])
def test_ms_ssim_db(value: float, expected: float) -> None:
    assert metrics.ms_ssim_db(value) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("metric", [metrics.psnr, metrics.ms_ssim])
@pytest.mark.parametrize(
    "other", [np.zeros((4, 5, 3), np.uint8), np.zeros((5, 5, 3)), np.zeros((5, 5), np.uint8)], ids=str
)
def test_pictures_that_do_not_pair_are_refused(metric: object, other: np.ndarray) -> None:
    with pytest.raises(ValueError, match="crop or convert"):
        metric(np.zeros((5, 5, 3), np.uint8), other)


RATES, QUALITY = [0.1, 0.25, 0.6, 1.1, 2.0], [28.0, 31.0, 34.5, 37.0, 41.0]


@pytest.mark.parametrize("factor", [0.5, 0.9, 1, 1.3])
def test_bd_rate_of_a_scaled_rate_is_the_scale(factor: float) -> None:
    test = ([factor * rate for rate in RATES], QUALITY)
    assert metrics.bd_rate((RATES, QUALITY), test) == pytest.approx(100 * (factor - 1), abs=1e-9)


def test_bd_rate_uses_the_overlap_only() -> None:
    # log-rate is linear in PSNR on both, so the answer is known: 20 % fewer bits on 30 to 36 dB.
    anchor = ([math.exp(0.2 * quality) for quality in (26, 30, 36)], [26, 30, 36])
    test = ([0.8 * math.exp(0.2 * quality) for quality in (30, 33, 40, 44)], [30, 33, 40, 44])
    assert metrics.bd_rate(anchor, test) == pytest.approx(-20, abs=1e-9)


def test_bd_rate_ignores_order_and_beaten_points() -> None:
    messy = ([*RATES[::-1], 0.7, 0.6, 2.0], [*QUALITY[::-1], 34.5, 33.0, 41.0])
    assert metrics.bd_rate((RATES, QUALITY), messy) == pytest.approx(0, abs=1e-9)


def test_bd_rate_without_overlap_is_nan() -> None:
    assert math.isnan(metrics.bd_rate((RATES, QUALITY), (RATES, [quality + 13 for quality in QUALITY])))


@pytest.mark.parametrize(
    ("rates", "quality"),
    [([1.0], [30.0]), ([1.0, 2.0], [30.0, 29.0]), ([], []), ([0.0, 1.0], [30.0, 31.0]), ([1.0, 2.0], [30.0, math.inf])],
)
def test_bd_rate_refuses_curves_without_a_shape(rates: list[float], quality: list[float]) -> None:
    with pytest.raises(ValueError, match="BD-rate needs"):
        metrics.bd_rate((RATES, QUALITY), (rates, quality))


@pytest.mark.slow
@pytest.mark.parametrize("size", [(300, 171), (511, 320), (256, 257)])
def test_strips_change_nothing(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the rows at a time: also where a side is odd at some scale, and where strips and sides do not meet."""
    rng = np.random.default_rng(4)
    a = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
    b = np.clip(a + rng.normal(0, 20, a.shape), 0, 255).astype(np.uint8)
    known = metrics.psnr(a, b), metrics.ms_ssim(a, b)
    for rows in (2, 17, 4000):
        monkeypatch.setattr(metrics, "_STRIP", rows)
        assert metrics.psnr(a, b) == known[0]
        assert metrics.ms_ssim(a, b) == pytest.approx(known[1], abs=1e-6)
