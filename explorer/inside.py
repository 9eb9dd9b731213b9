"""What λ does inside the network, as arrays: ratio maps, one coefficient's picture, a picture without a channel.

    y(λa), y(λb) ─ log_ratio ─ LogRatio        how each element is re-scaled (paper Fig. 5c, in octaves)
    ŷ(λ) ─┬─ one element alone ─ response      what the decoder makes of it, on the pixels that it reaches
          ├─ × factors ─ edit                  the picture, its rate and quality when channels are scaled or left out
          └─ the k costliest ─ keep_costliest  the same when all other elements are as the prior expects them
    x, x̂ ─ block_error                         the error of each element's own 16×16 pixels
           └─ painted                          quality and bits of what a λ map has above, at and below its base

Pure functions of arrays and a codec; `Session` calls them with its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from explorer import metrics
from explorer.codecs.learned import LearnedCodec
from explorer.condition import Condition
from explorer.images import InputError
from explorer.model import CONVOLUTIONS, LAYERS, STRIDE
from explorer.priors.base import Code, frozen
from explorer.runtime import Pixels
from explorer.tiles import Box, size_of, whole

FLOOR = 0.1  # of a quantiser step: what is smaller at either λ says little, and its ratio runs to extremes
FACTOR_MAX = 4.0
_FEWEST, _FEWEST_SHARE = 8, 0.05  # elements of a channel that make a spread worth stating


@dataclass(frozen=True, eq=False)
class LogRatio:
    """How far y at one λ is y at another times a constant.

    value: (M, h, w) float32, log₂(|y(λa)|/|y(λb)|), so 1 is ×2 and −1 is ×0.5; nan (masked) where either is too small
    to mean anything. flipped: (M, h, w) bool, where the signs differ, false where masked. Both read-only.
    """

    value: NDArray[np.float32]
    flipped: NDArray[np.bool_]

    @property
    def masked_share(self) -> float:
        """The share of elements, in [0, 1], that are masked."""
        return float(np.isnan(self.value).mean())

    @cached_property
    def median(self) -> NDArray[np.float32]:
        """Each channel's median gain, (M,) float32, in octaves (log₂); nan for a channel that is masked throughout."""
        return self._quantile(0.5)

    @cached_property
    def spread(self) -> NDArray[np.float32]:
        """How far each channel is from pure scaling, (M,) float32, in octaves: a robust standard deviation of `value`,
        half the distance between its 16th and 84th percentile; 0 for pure scaling, nan where fewer than 8 elements or
        fewer than 5 % of them are not masked."""
        fewest = max(_FEWEST, _FEWEST_SHARE * self._ordered.shape[1])
        return np.where(self._counts < fewest, np.nan, (self._quantile(0.84) - self._quantile(0.16)) / 2)

    @cached_property
    def _ordered(self) -> NDArray[np.float32]:
        """Each channel's values in increasing order, nan last."""
        return np.sort(self.value.reshape(len(self.value), -1), axis=1)

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        return np.count_nonzero(~np.isnan(self._ordered), axis=1)

    def _quantile(self, q: float) -> NDArray[np.float32]:
        """np.nanquantile by channel, from values that are sorted once, and without its warning for masked channels."""
        place = q * np.maximum(self._counts - 1, 0)
        below = place.astype(np.intp)
        above = np.minimum(below + 1, np.maximum(self._counts - 1, 0))
        rows = np.arange(len(below))
        low, high = self._ordered[rows, below], self._ordered[rows, above]
        return (low + (high - low) * (place - below)).astype(np.float32)


def log_ratio(ya: NDArray[np.float32], yb: NDArray[np.float32], floor: float = FLOOR) -> LogRatio:
    """The log₂ ratio of two bottlenecks (M, h, w) float32 of one picture, of two λ or of two models: paper Fig. 5c.

    Elements with |ya| or |yb| below `floor`, by default a tenth of a quantiser step, are masked."""
    size_a, size_b = np.abs(ya), np.abs(yb)
    shown = (size_a >= floor) & (size_b >= floor)
    value = np.full(ya.shape, np.nan, dtype=np.float32)
    np.divide(size_a, size_b, out=value, where=shown)
    np.log2(value, out=value, where=shown)
    flipped = shown & (np.signbit(ya) != np.signbit(yb))
    return LogRatio(frozen(value), frozen(flipped))


# -- one element -----------------------------------------------------------------------------------------------------


def _reach() -> int:
    """How many pixels to each side of its own the convolutions take an element of y."""
    reach, step = 0, 1
    for kernel, stride in CONVOLUTIONS:
        reach += kernel // 2 * step
        step *= stride
    return reach


REACH = _reach()


def receptive_field(row: int, col: int) -> tuple[int, int, int, int]:
    """(top, left, bottom, right) in pixels, half-open and not clipped to the picture: the 57×57 pixels, around pixel
    (16·row, 16·col), that one element of y depends on. They are also those that ŷ's element changes in x̂, since the
    synthesis mirrors the analysis."""
    top, left = STRIDE * row - REACH, STRIDE * col - REACH
    side = 2 * REACH + 1
    return top, left, top + side, left + side


@dataclass(frozen=True, eq=False)
class Response:
    """What the decoder makes of one coefficient alone.

    pixels: (57, 57, 3) float32, read-only, on the scale where white is 1: x̂ of that coefficient less x̂ of none, so
    either sign; 0 beyond the decoder's grid. top, left: where it lies in the picture, negative at its edges.
    amplitude: the coefficient, by default that of ŷ; where it is 0 the response is 0.
    """

    pixels: NDArray[np.float32]
    top: int
    left: int
    amplitude: float


def response(
    model: LearnedCodec, code: Code, element: tuple[int, int, int], amplitude: float | None = None
) -> Response:
    """The response of the element (channel, row, column) of a code's ŷ (M, h, w), or of another amplitude in its place.
    Raises InputError for an element that is not there."""
    channel, row, col = element
    shape = code.symbols.shape
    if not all(0 <= place < size for place, size in zip((channel, row, col), shape, strict=True)):
        raise InputError(
            f"There is no element ({channel}, {row}, {col}); channel, row and column must be below {shape}."
        )
    # Nothing farther away than this is reached, and where the grid ends the decoder's own edge is kept.
    near = -(-REACH // STRIDE)
    around = Box(row - near, col - near, row + near + 1, col + near + 1).within(size_of(code.symbols))
    if amplitude is None:
        amplitude = float(code.part(Box(row, col, row + 1, col + 1))[channel, 0, 0])
    reach = model.runtime.reach(around, size_of(code.symbols))
    none = np.zeros((shape[0], *reach.shape), np.float32)
    alone = none.copy()
    alone[channel, row - reach.top, col - reach.left] = amplitude
    with_it, without = (
        model.runtime.synthesis_map(each, code.condition, LAYERS[-1], around, size_of(code.symbols))
        for each in (alone, none)
    )
    top, left, bottom, _ = receptive_field(row, col)
    corner = top - STRIDE * around.top, left - STRIDE * around.left
    pixels = _window((with_it - without).transpose(1, 2, 0), *corner, bottom - top)
    return Response(frozen(pixels), top, left, amplitude)


def _window(picture: NDArray[np.float32], top: int, left: int, side: int) -> NDArray[np.float32]:
    """The square at (top, left) of a picture (H, W, 3), 0 outside it."""
    margin = max(0, -top, -left, top + side - picture.shape[0], left + side - picture.shape[1])
    wide = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)))
    return wide[top + margin : top + margin + side, left + margin : left + margin + side].copy()


# -- channels and blocks ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Edit:
    """A picture decoded from a changed bottleneck.

    pixels: (H, W, 3) uint8, read-only. estimated_bits: of the file without the channels that were left out.
    psnr: in dB, ms_ssim: in [0, 1], against the original; nan where there is none, and for a picture too small.
    """

    pixels: Pixels
    estimated_bits: float
    psnr: float
    ms_ssim: float


def edit(
    model: LearnedCodec, size: tuple[int, int], code: Code, factors: Mapping[int, float], original: Pixels | None
) -> Edit:
    """The picture, (height, width) = size, when the decoder sees channel c of a code's ŷ (M, h, w) times factors[c].
    Raises InputError for a channel that is not there and a factor outside [−4, 4]."""
    _check_factors(factors, len(code.symbols))

    def scaled(box: Box) -> NDArray[np.float32]:
        decoded = code.part(box)
        for channel, factor in factors.items():
            decoded[channel] *= factor
        return decoded

    pixels = model.synthesise(scaled, code.condition, *size)
    left_out = [channel for channel, factor in factors.items() if factor == 0]
    bits = code.total_bits - float(code.bits[left_out].sum(dtype=np.float64))
    return Edit(frozen(pixels), bits, *_quality(original, pixels))


def _quality(original: Pixels | None, decoded: Pixels) -> tuple[float, float]:
    """(PSNR, MS-SSIM) against the original, nan where there is none."""
    if original is None:
        return math.nan, math.nan
    return metrics.psnr(original, decoded), metrics.ms_ssim(original, decoded)


def _check_factors(factors: Mapping[int, float], channels: int) -> None:
    for channel, factor in factors.items():
        if not 0 <= channel < channels:
            raise InputError(f"There is no channel {channel}; channels run from 0 to {channels - 1}.")
        if not -FACTOR_MAX <= factor <= FACTOR_MAX:  # also false for NaN
            raise InputError(
                f"A channel's factor must lie between −{FACTOR_MAX:g} and {FACTOR_MAX:g}, not at {factor}."
            )


@dataclass(frozen=True, eq=False)
class Kept(Edit):
    """A picture of its costliest elements alone.

    code: what a file of it holds; `model.pack(code, height, width)` writes that file. kept_bits: what the elements that
    were kept cost; the others, and what is coded besides y, make up the rest of estimated_bits.
    """

    code: Code
    kept_bits: float


def keep_costliest(model: LearnedCodec, size: tuple[int, int], code: Code, count: int, original: Pixels | None) -> Kept:
    """The picture, (height, width) = size, when only the `count` elements of a code that cost most have their symbols,
    of equals those that come first. Raises InputError unless 0 ≤ count ≤ the number of elements."""
    mask = _costliest(code.bits, count)
    left = code.keeping(mask)
    pixels = frozen(model.synthesise(left.part, code.condition, *size))
    kept_bits = float(code.bits[mask].sum(dtype=np.float64))
    return Kept(pixels, left.total_bits, *_quality(original, pixels), left, kept_bits)


def _costliest(bits: NDArray[np.float32], count: int) -> NDArray[np.bool_]:
    """Where the `count` largest of `bits` are."""
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or not 0 <= count <= bits.size:
        raise InputError(f"Of {bits.size:,} elements a whole number from 0 to {bits.size} can be kept, not {count}.")
    if count == 0:
        return np.zeros(bits.shape, bool)
    least = np.partition(bits, bits.size - count, axis=None)[bits.size - count]
    mask = bits > least
    equal = np.flatnonzero(bits == least)
    mask.ravel()[equal[: count - np.count_nonzero(mask)]] = True
    return mask


@dataclass(frozen=True)
class Region:
    """What the blocks of a λ map on one side of its base come to.

    share: of the picture's pixels, in (0, 1]. psnr: in dB, over them alone. bits: estimated, with their share of what
    is coded besides y.
    """

    share: float
    psnr: float
    bits: float


def painted(
    condition: Condition, size: tuple[int, int], error: NDArray[np.float32], bits: NDArray[np.float32]
) -> dict[str, Region]:
    """The regions of a condition's map, "above" its base λ, "at" it and "below" it, those that there are, of a picture
    of size (height, width). error, bits: of each 16×16 block, (h, w), see `block_error` and `Code.position_bits`."""
    levels, index = condition.places(whole(size_of(error)), STRIDE)
    side = np.sign(levels - condition.level)[index]
    pixels = _pixels_of_blocks(size)
    found = {}
    for name, sign in (("above", 1), ("at", 0), ("below", -1)):
        own = side == sign
        if own.any():
            count = pixels[own].sum()
            mean = float((error[own].astype(np.float64) * pixels[own]).sum() / count)
            psnr = -10 * math.log10(mean) if mean else math.inf
            found[name] = Region(float(count / pixels.sum()), psnr, float(bits[own].sum(dtype=np.float64)))
    return found


def cost(condition: Condition, n_bytes: int, size: tuple[int, int], error: NDArray[np.float32]) -> float:
    """J of a file of n_bytes in bits per pixel, R + λ·D: D is the mean squared error, each pixel's weighed by λ there.
    size: (height, width) of its picture. error: as `block_error` gives it."""
    lambdas = condition.lambdas(whole(size_of(error)), STRIDE)
    pixels = _pixels_of_blocks(size)
    return metrics.bpp(n_bytes, *size) + float((lambdas * error * pixels).sum() / pixels.sum())


def _pixels_of_blocks(size: tuple[int, int]) -> NDArray[np.int64]:
    """How many pixels of a picture of size (height, width) each 16×16 block has, (h, w)."""
    return np.outer(*(np.minimum(STRIDE, length - np.arange(0, length, STRIDE)) for length in size))


def block_error(original: Pixels, decoded: Pixels) -> NDArray[np.float32]:
    """The mean squared error, on [0, 1], of each 16×16 block of two pictures (H, W, 3) uint8: (h, w) float32, one value
    for each position of the bottleneck. Blocks at the right and lower edge count the pixels that they have."""
    rows = []
    for top in range(
        0, len(original), 16 * STRIDE
    ):  # some at a time: as 32-bit integers all are four times the picture
        strip = slice(top, top + 16 * STRIDE)
        difference = np.subtract(original[strip], decoded[strip], dtype=np.int32)
        rows.append(block_means(np.einsum("ijk,ijk->ij", difference, difference), STRIDE))
    return np.concatenate(rows) / np.float32(3 * 255**2)


def block_means(values: NDArray[np.float32] | NDArray[np.int32], side: int) -> NDArray[np.float32]:
    """The means of `values` (…, H, W) over side×side blocks, (…, ⌈H/side⌉, ⌈W/side⌉) float32. Blocks at the right and
    lower edge count what they have."""
    shape = values.shape[-2:]
    rows, columns = (np.arange(0, length, side) for length in shape)
    sums = np.add.reduceat(np.add.reduceat(values, rows, axis=-2), columns, axis=-1)
    heights, widths = (np.diff(starts, append=end) for starts, end in zip((rows, columns), shape, strict=True))
    return (sums / np.outer(heights, widths)).astype(np.float32)
