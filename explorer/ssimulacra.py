"""SSIMULACRA2 of pictures of any size, strip after strip; the arithmetic is that of the package `ssimulacra2`.

    (H, W, 3) uint8 ─ linear light ─┬─ strips ─ the package's maps of errors ─ means and 4-norms ─ of six scales: score
                          ▲         └─ halved ─┐
                          └────────────────────┘

The package takes files, holds 540 bytes a pixel and cannot be interrupted. Here 12 bytes a pixel are held, and the
value is the same to 1e-9. The package blurs exactly, libjxl's own tool nearly: of pictures of 768×512 pixels that says
up to 0.5 more where the package says 80 to 85, and up to 1.6 more at 55 to 65.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from explorer import metrics
from explorer.pace import Pause, nothing

SCALES = 6
SMALLEST = 8 * 2 ** (SCALES - 1) - 31  # pixels a side: each halving rounds up, and a scale needs 8
MOST_PIXELS = 24_000_000  # of a picture: some 15 seconds, and 300 MB
_HALO = 5  # rows beside a strip that the blur reaches
_STRIP = 1 << 15  # pixels, or _LEAST_ROWS: work of some 20 ms, after which others may have their turn
_LEAST_ROWS = 32

Float64 = NDArray[np.float64]
_Rows = Callable[[int, int], Float64]  # from a row to another: linear light of both pictures, (2, rows, W, 3)


def ssimulacra2(a: np.ndarray, b: np.ndarray, pause: Pause = nothing) -> float:
    """SSIMULACRA2 of the picture b against its original a, both (H, W, 3) uint8: 100 where they are the same, and
    lower, also below 0, the more of a difference eyes see; nan where it is not measured.

    30: low quality, 50: medium, 70: high, 90: no difference is seen even where the two take turns on one place. With a
    side below 225 pixels a scale is missing, the score's weights fall to others and it says nothing; more than 24
    megapixels take too long. pause: see `pace`. Raises ValueError unless both are uint8 of the same shape."""
    metrics.check_pair(a, b)
    height, width = a.shape[:2]
    if min(height, width) < SMALLEST or height * width > MOST_PIXELS:
        return math.nan
    from ssimulacra2 import ssimulacra2 as package

    tone = package.srgb_to_linear(np.arange(256))

    def rows(top: int, bottom: int) -> Float64:
        return np.stack([tone[each[top:bottom]] for each in (a, b)])

    found = package.Msssim()
    light: _Rows = rows
    for _ in range(SCALES):
        halved = np.empty((2, -(-height // 2), -(-width // 2), 3))
        found.scales.append(_measured(light, height, width, halved, pause))
        light, (height, width) = _of(halved), halved.shape[1:3]
    return float(found.score())


def _of(linear: Float64) -> _Rows:
    return lambda top, bottom: linear[:, top:bottom]


def _measured(rows: _Rows, height: int, width: int, halved: Float64, pause: Pause) -> object:
    """What the package keeps of a scale of so many pixels; fills the next one, (2, ⌈H/2⌉, ⌈W/2⌉, 3)."""
    from ssimulacra2 import ssimulacra2 as package

    step = max(_LEAST_ROWS, _STRIP // width // 2 * 2)  # even, so that pixels that become one are in one strip
    total = np.zeros(18)
    for top in range(0, height, step):
        bottom = min(top + step, height)
        above, below = min(top, _HALO), min(height - bottom, _HALO)
        linear = rows(top - above, bottom + below)
        # The package's pictures in XYB lie on their side: (W, rows, 3).
        values = _norms(linear[0], linear[1], slice(above, above + bottom - top))
        values[1::2] **= 4  # of 4-norms the powers can be added
        total += (bottom - top) * values
        own = linear[:, above : above + bottom - top]
        halved[:, top // 2 : -(-bottom // 2)] = [package.downsample(each, 2, 2) for each in own]
        pause()
    total /= height
    total[1::2] **= 0.25
    kept = package.MsssimScale()
    kept.avg_ssim, kept.avg_edgediff = total[:6], total[6:]
    return kept


def _norms(a: Float64, b: Float64, own: slice) -> Float64:
    """Of the rows `own` of two strips in linear light: mean and 4-norm, in turn, of the package's nine maps, (18,)."""
    from ssimulacra2 import ssimulacra2 as package

    x, y = (package.make_positive_xyb(package.linear_rgb_to_xyb(each)) for each in (a, b))
    blurred = [package.blur_image(each)[:, own] for each in (x, y, x * x, y * y, x * y)]
    edges = package.edge_diff_map(x[:, own], blurred[0], y[:, own], blurred[1])
    return np.concatenate([package.ssim_map(*blurred), edges])
