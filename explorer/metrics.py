"""bpp, PSNR, MS-SSIM and BD-rate: pure functions, pictures as (H, W, 3) uint8 arrays.

Rates count the whole file, header included; PSNR and MS-SSIM compare 8-bit RGB after rounding. A figure for a data set
is the mean of per-picture values. torch and scipy are imported where they are used: both are slow to load.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from explorer.pace import Pause, nothing

if TYPE_CHECKING:
    from torch import Tensor

Curve = tuple[Sequence[float], Sequence[float]]  # rates in bpp, PSNR in dB

_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang, Simoncelli, Bovik 2003
_TAPS = 11
SMALLEST_SIDE = (_TAPS - 1) * 2 ** (len(_SCALE_WEIGHTS) - 1) + 1  # 161: the window must fit into the coarsest scale.
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_STRIP = 64  # Rows at a time: the maps stay in the CPU's cache, and memory is bounded for large pictures.


def bpp(n_bytes: int, height: int, width: int) -> float:
    """Bits per pixel of a whole file of n_bytes, header included, for a picture of height x width pixels."""
    return 8 * n_bytes / (height * width)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """PSNR in dB over all three channels of two (H, W, 3) uint8 pictures; inf when they are identical.

    Raises ValueError unless both are uint8 of the same shape.
    """
    check_pair(a, b)
    squares = 0  # Exact: no float rounding on the way.
    for top in range(0, len(a), _STRIP):
        difference = np.subtract(a[top : top + _STRIP], b[top : top + _STRIP], dtype=np.int32).ravel()
        squares += int(np.einsum("i,i->", difference, difference, dtype=np.int64))
    return math.inf if squares == 0 else 10 * math.log10(255**2 * a.size / squares)


def ms_ssim(a: np.ndarray, b: np.ndarray, pause: Pause = nothing) -> float:
    """MS-SSIM in [0, 1] of two (H, W, 3) uint8 pictures, mean over RGB; nan if a side is below 161 (five scales).

    It is pytorch_msssim.ms_ssim(data_range=255) to 1e-6 (given a window in float64: its own, normalised in float32, is
    off by some 1e-6 on strong noise), and exactly 1 when they are identical. pause: see `pace`.
    Raises ValueError unless both are uint8 of the same shape.
    """
    import torch

    check_pair(a, b)
    if min(a.shape[:2]) < SMALLEST_SIDE:
        return math.nan
    with torch.inference_mode():
        pair: _Pair | _Halved = _Pair(a, b)
        value = torch.ones(3, dtype=torch.float64)
        for scale, weight in enumerate(_SCALE_WEIGHTS):
            last = scale == len(_SCALE_WEIGHTS) - 1
            value *= _similarity(pair, last, pause).clamp_min(0) ** weight
            pair = pair if last else _Halved(pair, scale + 1)
        return min(float(value.mean()), 1.0)


def ms_ssim_db(value: float) -> float:
    """MS-SSIM in [0, 1] -> dB, -10 log10(1 - value); inf for 1, nan for nan."""
    return math.inf if value >= 1 else -10 * math.log10(1 - value)


def bd_rate(anchor: Curve, test: Curve) -> float:
    """The mean rate of `test` against `anchor` at equal PSNR, in percent; negative means that test needs fewer bits.

    Each curve is (rates in bpp, PSNR in dB, or another quality), two points or more in any order. log(rate) over PSNR
    is interpolated by PCHIP and averaged over the range of PSNR that both curves cover; nan if they share none. A point
    that another one of its curve matches or beats in both rate and PSNR is left out. Raises ValueError when fewer than
    two points remain, or when a rate is not positive or a value not finite.
    """
    from scipy.interpolate import PchipInterpolator

    curves = [_increasing(*anchor), _increasing(*test)]
    low, high = _shared(*curves)
    if low >= high:
        return math.nan
    areas = [PchipInterpolator(quality, np.log(rates)).integrate(low, high) for rates, quality in curves]
    return 100 * math.expm1(float(areas[1] - areas[0]) / (high - low))


def overlap(anchor: Curve, test: Curve) -> tuple[float, float]:
    """Over how many dB of PSNR `bd_rate` averages, for both curves cover them, and how many the test's curve covers.

    Curves and errors are those of `bd_rate`."""
    curves = [_increasing(*anchor), _increasing(*test)]
    low, high = _shared(*curves)
    own = curves[1][1]
    return max(high - low, 0), own[-1] - own[0]


def _shared(*curves: tuple[list[float], list[float]]) -> tuple[float, float]:
    """The lowest and the highest PSNR of increasing curves that all of them cover; empty where low >= high."""
    return max(quality[0] for _, quality in curves), min(quality[-1] for _, quality in curves)


def _increasing(rates: Sequence[float], quality: Sequence[float]) -> tuple[list[float], list[float]]:
    """The points that no other point beats, in increasing order of both rate and quality."""
    points = np.array([rates, quality], dtype=np.float64).T
    if not np.isfinite(points).all() or (points[:, 0] <= 0).any():
        raise ValueError("BD-rate needs finite values and positive rates; leave out lossless points (infinite PSNR).")
    kept: list[tuple[float, float]] = []
    for rate, value in sorted(points.tolist(), key=lambda point: (point[0], -point[1])):
        if not kept or value > kept[-1][1]:
            kept.append((rate, value))
    if len(kept) < 2:
        raise ValueError("BD-rate needs two points or more on each curve, of increasing rate and PSNR; add settings.")
    return [rate for rate, _ in kept], [value for _, value in kept]


def check_pair(a: np.ndarray, b: np.ndarray) -> None:
    """Raise ValueError unless these are two (H, W, 3) uint8 pictures of one shape."""
    if a.shape != b.shape or a.ndim != 3 or a.shape[2] != 3 or not a.dtype == b.dtype == np.uint8:
        found = f"{a.dtype} {a.shape} and {b.dtype} {b.shape}"
        raise ValueError(f"Two uint8 pictures of one shape (H, W, 3) are needed, not {found}; crop or convert them.")


class _Pair:
    """Two (H, W, 3) uint8 pictures as strips (1, 6, rows, W) float32 in 0..255: as a whole that is 24 bytes a pixel."""

    def __init__(self, a: np.ndarray, b: np.ndarray) -> None:
        self._a, self._b = a, b
        self.size = a.shape[0], a.shape[1]

    def rows(self, top: int, bottom: int) -> Tensor:
        import torch

        both = np.concatenate([self._a[top:bottom], self._b[top:bottom]], axis=2)
        return torch.from_numpy(both).permute(2, 0, 1)[None].float()


class _Halved:
    """The same at half the size: average pooling by 2 that pads odd sides with zeros, as pytorch_msssim does. After k
    halvings values are multiples of 4⁻ᵏ, and are kept as whole numbers of 16 bits: exact, and half of what floats take.
    """

    size: tuple[int, int]

    def __init__(self, pair: _Pair | _Halved, halvings: int) -> None:
        import torch.nn.functional as F

        height, (odd, wide) = pair.size[0], (side % 2 for side in pair.size)
        self.size = height // 2 + odd, pair.size[1] // 2 + wide
        self._unit = 4.0**halvings
        self._values = np.empty((6, *self.size), np.uint16)
        for top in range(0, height + odd, 2 * _STRIP):  # of the padded picture, which begins `odd` rows above
            bottom = min(top + 2 * _STRIP, height + 2 * odd)
            rows = pair.rows(max(top - odd, 0), min(bottom - odd, height))
            missing = (wide, wide, max(odd - top, 0), max(bottom - odd - height, 0))
            pooled = F.avg_pool2d(F.pad(rows, missing), 2)[0].mul_(self._unit)
            self._values[:, top // 2 : bottom // 2] = pooled.numpy()

    def rows(self, top: int, bottom: int) -> Tensor:
        import torch

        return torch.from_numpy(self._values[:, top:bottom].astype(np.float32) / np.float32(self._unit))[None]


def _similarity(pair: _Pair | _Halved, with_luminance: bool, pause: Pause) -> Tensor:
    """Two pictures in 0..255 -> (3,) float64: mean SSIM of each channel, or its contrast factor.

    pytorch_msssim filters five maps of three channels one after the other, which leaves most of a CPU's vector width
    idle. Here one grouped convolution filters twelve channels, 2.7 times as fast on two cores: it is on the drag path.
    """
    import torch

    rows, columns = (side - _TAPS + 1 for side in pair.size)
    total = torch.zeros(3, dtype=torch.float64)
    for top in range(0, rows, _STRIP):
        luminance, contrast = _ssim_maps(pair.rows(top, top + _STRIP + _TAPS - 1))
        total += (contrast.mul_(luminance) if with_luminance else contrast).sum((0, 2, 3))
        pause()
    return total / (rows * columns)


def _ssim_maps(pair: Tensor) -> tuple[Tensor, Tensor]:
    """(1, 6, H, W) float32 -> the luminance and contrast-structure maps of SSIM, (1, 3, H - 10, W - 10) each."""
    import torch
    import torch.nn.functional as F

    x, y = pair.split(3, dim=1)
    maps = torch.cat([x, y, x.square().addcmul_(y, y), x * y], dim=1)
    maps = maps.contiguous(memory_format=torch.channels_last)
    blurred = F.conv2d(F.conv2d(maps, _window().mT, groups=12), _window(), groups=12).contiguous()
    mean_x, mean_y, squares, product = blurred.split(3, dim=1)
    mean_xy = mean_x * mean_y
    mean_squares = mean_x.square_().addcmul_(mean_y, mean_y)
    # SSIM only needs the sum of the two variances, so their squares share one blurred map.
    contrast = product.sub_(mean_xy).mul_(2).add_(_C2).div_(squares.sub_(mean_squares).add_(_C2))
    luminance = mean_xy.mul_(2).add_(_C1).div_(mean_squares.add_(_C1))
    return luminance, contrast


@cache
def _window() -> Tensor:
    """(12, 1, 1, 11) float32: a horizontal Gaussian of sigma 1.5 and sum 1, for each of the twelve maps."""
    import torch

    taps = np.exp(-((np.arange(_TAPS) - _TAPS // 2) ** 2) / (2 * 1.5**2))
    return torch.tensor(taps / taps.sum(), dtype=torch.float32).repeat(12, 1, 1, 1)
