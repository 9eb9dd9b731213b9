"""The contract that every codec keeps, and how one is measured and matched.

pixels (H,W,3) uint8 ──encode(setting)──> a whole file ──decode──> pixels of the same size
       └────────── measure: bpp of the file, PSNR, MS-SSIM, SSIMULACRA2 ─────────┘
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Protocol

import numpy as np

from explorer import metrics
from explorer.images import MAX_PIXELS, InputError
from explorer.pace import Pause, nothing
from explorer.ssimulacra import ssimulacra2

BYTES_TOLERANCE = 0.02  # a match in bytes is within this share of the target
PSNR_TOLERANCE = 0.1  # a match in quality is within this many dB: about 2 % of rate on a usual curve
MATCH_STEPS = 20  # halvings after which a continuous knob has no finer answer worth its time


class CodecError(InputError):
    """A file that a codec cannot read, or a setting that it does not have. The message is for the user."""


class MissingPackage(CodecError):
    """A codec whose library or weights are not here. The message names the command that brings them."""


def check_size(width: int, height: int) -> None:
    """Raise CodecError unless a file's declared size is that of a picture: a broken header may name any."""
    if not 0 < width * height <= MAX_PIXELS:
        raise CodecError(f"The file says that it holds {width}x{height} pixels, which is not a picture to open here.")


@dataclass(frozen=True)
class Knob:
    """The one control of a codec: its name, its range and a sweep worth drawing.

    `sweep` lists settings in order of increasing rate, whichever way the numbers run.
    """

    name: str
    label: str
    minimum: float
    maximum: float
    sweep: tuple[float, ...]
    integer: bool = True
    unit: str = ""

    def check(self, setting: float) -> float:
        """Return the setting (an int where the knob is integer); raise CodecError outside the range or grid."""
        if not self.minimum <= setting <= self.maximum:
            raise CodecError(f"{self.label} goes from {self.minimum:g} to {self.maximum:g}, not {setting:g}.")
        if self.integer and setting != int(setting):
            raise CodecError(f"{self.label} takes whole numbers, not {setting:g}.")
        return int(setting) if self.integer else float(setting)

    def ladder(self) -> list[float]:
        """The sweep with both ends of the range, in order of increasing rate."""
        ends = [self.minimum, self.maximum]
        low, high = ends if self.sweep[0] < self.sweep[-1] else ends[::-1]
        return [low] * (low != self.sweep[0]) + list(self.sweep) + [high] * (high != self.sweep[-1])

    def between(self, a: float, b: float) -> float | None:
        """The setting half-way between two others, or None where there is none."""
        middle = (a + b) // 2 if self.integer else (a + b) / 2
        return None if middle in (a, b) else middle


class Codec(Protocol):
    """One way to turn a picture into a file and back. `encode` gives the same bytes for the same input."""

    @property
    def name(self) -> str:
        """Key in the catalogue and in every row, such as "jpeg"."""

    @property
    def label(self) -> str:
        """Name for people, such as "JPEG 4:2:0"."""

    @property
    def suffix(self) -> str:
        """What the name of its files ends in, such as "jpg"."""

    @property
    def version(self) -> str:
        """The libraries that do the work, with their versions; raises MissingPackage where what it needs is absent."""

    @property
    def knob(self) -> Knob:
        """The control that `setting` turns."""

    def encode(self, pixels: np.ndarray, setting: float) -> bytes:
        """Return a complete file of (H,W,3) uint8 pixels; raises CodecError for a setting that the knob lacks."""

    def decode(self, data: bytes) -> np.ndarray:
        """Return the file's (H,W,3) uint8 pixels; raises CodecError where the file cannot be read."""


@dataclass(frozen=True)
class RDPoint:
    """One picture through one codec at one setting: rate of the whole file, quality of the 8-bit result.

    knob: the codec's setting by its name; with a λ map also "map", its text. bytes: of the file, header included.
    estimated_bits: −log2 p in bits where the codec has a model, else None.
    bpp: 8·bytes/(width·height). psnr in dB, inf where nothing was lost. ms_ssim in [0, 1], nan for small pictures.
    ssimulacra2 up to 100, nan for small and very large pictures; None where it was not measured, for it takes longer.
    """

    codec: str
    version: str
    knob: dict[str, float | str]
    width: int
    height: int
    bytes: int
    estimated_bits: float | None
    bpp: float
    psnr: float
    ms_ssim: float
    ssimulacra2: float | None = None


@dataclass(frozen=True, eq=False)
class Measurement:
    """An encoded picture. What costs time (the decoding, the metrics) is done on first use, once."""

    codec: Codec
    original: np.ndarray
    setting: float
    data: bytes
    encode_s: float

    @cached_property
    def _decoded(self) -> tuple[np.ndarray, float]:
        start = perf_counter()
        pixels = self.codec.decode(self.data)
        return pixels, perf_counter() - start

    @property
    def pixels(self) -> np.ndarray:
        """The decoded picture, (H,W,3) uint8."""
        return self._decoded[0]

    @property
    def decode_s(self) -> float:
        """Seconds that the decoding took."""
        return self._decoded[1]

    @cached_property
    def psnr(self) -> float:
        """PSNR in dB over 8-bit RGB."""
        return metrics.psnr(self.original, self.pixels)

    def seen(self, pause: Pause = nothing) -> RDPoint:
        """`point` with SSIMULACRA2. pause: see `pace`."""
        return replace(self.point, ssimulacra2=ssimulacra2(self.original, self.pixels, pause))

    @cached_property
    def point(self) -> RDPoint:
        """The rate-distortion point of this file, without SSIMULACRA2."""
        height, width = self.original.shape[:2]
        return RDPoint(
            codec=self.codec.name,
            version=self.codec.version,
            knob={self.codec.knob.name: self.setting},
            width=width,
            height=height,
            bytes=len(self.data),
            estimated_bits=None,
            bpp=metrics.bpp(len(self.data), height, width),
            psnr=self.psnr,
            ms_ssim=metrics.ms_ssim(self.original, self.pixels),
        )


def measure(codec: Codec, pixels: np.ndarray, setting: float) -> Measurement:
    """Encode (H,W,3) uint8 pixels at one setting, timed; the result decodes and measures itself when asked."""
    setting = codec.knob.check(setting)
    start = perf_counter()
    data = codec.encode(pixels, setting)
    return Measurement(codec, pixels, setting, data, perf_counter() - start)


@dataclass(frozen=True, eq=False)
class Match:
    """The setting that came nearest to a target.

    gap: what the nearest file has beyond the target, as a share of the target for bytes (0.01 = 1 % more),
    in dB for psnr. reached: whether the gap is within BYTES_TOLERANCE or PSNR_TOLERANCE; where it is not, the
    target lies beyond the knob's range or between two of its steps.
    """

    setting: float
    measurement: Measurement
    gap: float
    reached: bool


def match(
    codec: Codec,
    pixels: np.ndarray,
    *,
    bytes: int | None = None,
    psnr: float | None = None,
    tried: MutableMapping[float, Measurement] | None = None,
) -> Match:
    """Find the setting nearest to a file size in bytes, or to a PSNR in dB: give exactly one of the two.

    Rate and quality rise along the knob, so this halves the sweep and then the gap between two of its settings.
    `tried` holds this codec's measurements of this picture by setting. It is read before anything is encoded and
    it keeps what was: hand the same one in again (or one that a drawn curve filled) and little is left to do.
    """
    if (bytes is None) == (psnr is None):
        raise TypeError("match() needs either bytes= or psnr=.")
    tried = {} if tried is None else tried

    def gap(setting: float) -> float:
        if setting not in tried:
            tried[setting] = measure(codec, pixels, setting)
        return _gap(tried[setting], bytes, psnr)

    tolerance = PSNR_TOLERANCE if bytes is None else BYTES_TOLERANCE
    _search(codec.knob, gap, tolerance)
    setting = min(tried, key=lambda each: abs(gap(each)))
    return Match(setting, tried[setting], gap(setting), abs(gap(setting)) <= tolerance)


def _gap(found: Measurement, size: int | None, psnr: float | None) -> float:
    if size is not None:
        return len(found.data) / size - 1
    assert psnr is not None
    return 0.0 if found.psnr == psnr else found.psnr - psnr  # two lossless results are level, not inf − inf


def _search(knob: Knob, gap: Callable[[float], float], tolerance: float) -> None:
    """Call `gap`, which remembers, on ever nearer settings until one is within the tolerance or none is left."""
    ladder = knob.ladder()
    above = bisect_left(ladder, 0.0, key=gap)
    low, high = ladder[max(above - 1, 0)], ladder[min(above, len(ladder) - 1)]
    for _ in range(MATCH_STEPS):
        middle = knob.between(low, high)
        if middle is None or min(abs(gap(low)), abs(gap(high))) <= tolerance:
            return
        low, high = (middle, high) if gap(middle) < 0 else (low, middle)
