"""One picture under one model, explored along λ.

    picture ─ stem (once) ─ λ ─ latents ─ symbols ─┬─ file ─ RDPoint
                                                   └─ reconstruction ─ PSNR, MS-SSIM ┘

Every stage is computed when first asked for and kept in a cache with a bound in bytes, so going back to a λ is free,
and everything shown for one λ comes from one set of symbols: the numbers and the picture cannot disagree.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from explorer import images, inside, metrics
from explorer.condition import lambda_of, level_of
from explorer.codecs.base import RDPoint
from explorer.codecs.learned import LearnedCodec, Pixels, frozen
from explorer.images import InputError
from explorer.inside import Edit, LogRatio, Response

CACHE_BYTES = 256 << 20
MAPS_BYTES = 64 << 20  # of intermediate maps, which are large and must not push out the pictures
RATE_SLACK = 0.002  # `solve` is satisfied this far below a target rate,
PSNR_SLACK = 0.005  # or this many dB above a target quality
T = TypeVar("T")


class _Cache:
    """Least recently used values, within a bound in bytes (the newest is always kept)."""

    def __init__(self, limit: int) -> None:
        self._limit, self._used = limit, 0
        self._lock = threading.Lock()
        self._values: OrderedDict[tuple[str, int], tuple[Any, int]] = OrderedDict()

    def get(self, stage: str, level: int, make: Callable[[], T], size: Callable[[T], int]) -> T:
        key = (stage, level)
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
        value = make()  # outside the lock: two threads may do the same work, neither waits for the other's
        with self._lock:
            if key not in self._values:
                self._values[key] = (value, size(value))
                self._used += size(value)
            while self._used > self._limit and len(self._values) > 1:
                self._used -= self._values.popitem(last=False)[1][1]
        return value

    def array(self, stage: str, level: int, make: Callable[[], np.ndarray]) -> np.ndarray:
        """The same for an array, which becomes read-only."""
        return self.get(stage, level, lambda: frozen(make()), lambda made: made.nbytes)


class Session:
    """Explore one picture: every method takes λ in the model's range and may be called from any thread.

        session = explorer.Session(explorer.load_model("mae"), "photo.jpg")
        session.reconstruct(512), session.point(512).bpp        # the decoded picture, the rate of its file
        session.latents(512), session.ratio(4096, 64)           # the bottleneck, and what λ does to it
        session.encode(session.solve(bpp=0.5))                  # the best file within a rate

    model: what `explorer.load_model` returns. image: a path, bytes, a PIL image or an (H, W, 3) uint8 array.
    cache_bytes: how much of what it computes it keeps, besides intermediate maps.
    λ is snapped to the file header's 65536 levels (within 0.004 %). Arrays that come back are read-only. Raises
    InputError for a picture that cannot be read and a λ that the model does not have.
    """

    def __init__(self, model: LearnedCodec, image: Any, *, cache_bytes: int = CACHE_BYTES) -> None:
        self.model = model
        self.picture = image if isinstance(image, images.Picture) else images.read(image)
        self._stem = model.stem(self.picture.pixels)
        self._cache, self._maps = _Cache(cache_bytes), _Cache(MAPS_BYTES)

    def reconstruct(self, lmbda: float) -> Pixels:
        """The decoded picture, (H, W, 3) uint8: what `explorer.decode` makes of `encode(lmbda)`, bit for bit."""
        level = self.model.level(lmbda)
        return self._cache.array("pixels", level, lambda: self._synthesise(level))

    def latents(self, lmbda: float) -> NDArray[np.float32]:
        """y before rounding, (M, h, w) float32, h = ⌈H/16⌉, w = ⌈W/16⌉."""
        level = self.model.level(lmbda)
        return self._cache.array("y", level, lambda: self.model.latents(self._stem, level))

    def symbols(self, lmbda: float) -> NDArray[np.int32]:
        """ŷ, the integers in the file, (M, h, w) int32."""
        return frozen(self.model.symbols(self.latents(lmbda)))

    def bits(self, lmbda: float) -> NDArray[np.float32]:
        """The estimated bits of each element, (M, h, w) float32; their sum is the point's `estimated_bits`."""
        return frozen(self.model.element_bits(self.symbols(lmbda), self.model.level(lmbda)))

    def ratio(self, lambda_a: float, lambda_b: float) -> NDArray[np.float32]:
        """y(λa)/y(λb), element by element, (M, h, w) float32: the paper's Fig. 5c. nan where y(λb) is 0."""
        below = self.latents(lambda_b)
        out = np.full_like(below, np.nan)
        return frozen(np.divide(self.latents(lambda_a), below, out=out, where=below != 0))

    def log_ratio(self, lambda_a: float, lambda_b: float) -> LogRatio:
        """log₂(|y(λa)|/|y(λb)|) with small elements masked, and how far each channel is from pure scaling."""
        return inside.log_ratio(self.latents(lambda_a), self.latents(lambda_b))

    def features(self, lmbda: float, layer: str) -> NDArray[np.float32]:
        """An intermediate map, (C, h', w') float32, by its name, one of `model.network.layers()` (paper Eq. 3 and 4).

        h' and w' are those of the padded picture over 4, 8 or 16. "a2.gdn" is y of a modulated model; "s2.conv" is x̂ of
        the padded picture, in [0, 1] but for what clipping will cut. Raises InputError for another name."""
        level = self.model.level(lmbda)
        names = self.model.network.layers()
        if layer not in names:
            raise InputError(f"This model has no layer {layer!r}; choose one of {', '.join(names)}.")
        return self._maps.array(layer, level, lambda: self._map(level, layer))

    def response(self, lmbda: float, channel: int, row: int, col: int, amplitude: int | None = None) -> Response:
        """What the decoder makes of the one coefficient ŷ[channel, row, col], or of another amplitude in its place, on
        the 57×57 pixels that it reaches. Raises InputError for an element that is not there."""
        q, level = self.symbols(lmbda), self.model.level(lmbda)
        return inside.response(self.model, q, level, (channel, row, col), amplitude)

    def edit(self, lmbda: float, factors: Mapping[int, float]) -> Edit:
        """The picture when the decoder sees channel c of ŷ times factors[c]. A channel with factor 0 is left out of the
        file; others cost what they did. Raises InputError for a channel that is not there and a factor outside [−4, 4].
        """
        return inside.edit(self.model, self.picture.pixels, self.symbols(lmbda), self.model.level(lmbda), factors)

    def block_error(self, lmbda: float) -> NDArray[np.float32]:
        """The mean squared error, on [0, 1], of each 16×16 block of 8-bit pixels, (h, w) float32."""
        level = self.model.level(lmbda)
        return self._cache.array(
            "error", level, lambda: inside.block_error(self.picture.pixels, self.reconstruct(lmbda))
        )

    def encode(self, lmbda: float) -> bytes:
        """The whole .mae file at λ."""
        level = self.model.level(lmbda)
        return self._cache.get("file", level, lambda: self.model.pack(self._stem, self.symbols(lmbda), level), len)

    def point(self, lmbda: float) -> RDPoint:
        """Rate of the real file, quality of the 8-bit reconstruction, and the settings they were made with."""
        level = self.model.level(lmbda)
        return self._cache.get("point", level, lambda: self._measure(level), lambda _: 1000)

    def curve(self, points: int = 17) -> list[RDPoint]:
        """RDPoints at λ equidistant on the log axis, both ends included."""
        return [self.point(lmbda) for lmbda in self.curve_lambdas(points)]

    def curve_lambdas(self, points: int = 17) -> list[float]:
        """The λ of `curve`, for who computes its points one by one."""
        low, high = self._ends
        return [lambda_of(round(level)) for level in np.linspace(low, high, points if low < high else 1)]

    def solve(self, *, bpp: float | None = None, bytes: int | None = None, psnr: float | None = None) -> float:
        """The λ that meets exactly one target: the best quality within a rate (bpp, or bytes of the whole file), or the
        lowest rate that reaches a PSNR in dB. InputError where no λ does, with the range that is there."""
        targets = {"bpp": bpp, "bytes": bytes, "psnr": psnr}
        given = {name: float(value) for name, value in targets.items() if value is not None}
        if len(given) != 1 or not all(math.isfinite(value) and value > 0 for value in given.values()):
            raise InputError("Give exactly one target above zero: bpp, bytes or psnr.")
        ((name, target),) = given.items()
        if name == "psnr":
            return lambda_of(self._first_of_quality(target))
        return lambda_of(self._last_of_size(target if name == "bytes" else target * self._pixel_count / 8))

    # -- inside ----------------------------------------------------------------------------------------------------

    @property
    def _pixel_count(self) -> int:
        height, width = self.picture.pixels.shape[:2]
        return height * width

    def _map(self, level: int, layer: str) -> NDArray[np.float32]:
        if layer in self.model.network.analysis_layers():
            return self.model.analysis_map(self.picture.pixels, level, layer)
        return self.model.synthesis_map(self.symbols(lambda_of(level)), level, layer)

    def _synthesise(self, level: int) -> Pixels:
        height, width = self.picture.pixels.shape[:2]
        return self.model.synthesise(self.symbols(lambda_of(level)), level, height, width)

    def _measure(self, level: int) -> RDPoint:
        lmbda, original = lambda_of(level), self.picture.pixels
        height, width = original.shape[:2]
        size = len(self.encode(lmbda))
        decoded = self.reconstruct(lmbda)
        return RDPoint(
            codec=self.model.name,
            version=self.model.version,
            knob={"lambda": lmbda},
            width=width,
            height=height,
            bytes=size,
            estimated_bits=float(self.bits(lmbda).sum(dtype=np.float64)),
            bpp=metrics.bpp(size, height, width),
            psnr=metrics.psnr(original, decoded),
            ms_ssim=metrics.ms_ssim(original, decoded),
        )

    def _first_of_quality(self, psnr: float) -> int:
        """The lowest level, nearly, that reaches a PSNR in dB."""

        def value(level: int) -> float:
            return self.point(lambda_of(level)).psnr

        level = self._enclose(value, psnr, lambda here: 0 <= here - psnr < PSNR_SLACK)[1]
        if value(level) < psnr:
            lowest, highest = (value(end) for end in self._ends)
            raise InputError(_unreachable(f"{psnr:g} dB", f"{lowest:.2f} to {highest:.2f} dB"))
        return level

    def _last_of_size(self, limit: float) -> int:
        """The highest level, nearly, whose file has at most this many bytes."""

        def value(level: int) -> float:
            return len(self.encode(lambda_of(level)))

        level = self._enclose(value, limit, lambda here: limit * (1 - RATE_SLACK) <= here <= limit)[0]
        if value(level) > limit:
            lowest, highest = (value(end) for end in self._ends)
            raise InputError(_unreachable(f"{limit:.0f} bytes", f"{lowest:.0f} to {highest:.0f} bytes"))
        return level

    @property
    def _ends(self) -> tuple[int, int]:
        low, high = self.model.network.lambda_range()
        return level_of(low), level_of(high)

    def _enclose(
        self, value: Callable[[int], float], target: float, near_enough: Callable[[float], bool]
    ) -> tuple[int, int]:
        """Neighbouring levels whose values, which rise with the level, enclose the target, by halving; one level twice
        where its value is near enough, and the nearer end where the target lies beyond it."""
        low, high = self._ends
        if value(low) >= target:
            return low, low
        if value(high) <= target:
            return high, high
        while high - low > 1:
            middle = (low + high) // 2
            here = value(middle)
            if near_enough(here):
                return middle, middle
            low, high = (middle, high) if here <= target else (low, middle)
        return low, high


def _unreachable(target: str, available: str) -> str:
    return f"No λ of this model gives {target} on this picture; choose a target in its range, {available}."
