"""One picture under one model, explored along λ.

    picture ─ stem (once) ─ λ ─ latents ─ code ─┬─ file ─ RDPoint
              └─ transforms ──────────┘         └─ reconstruction ─ PSNR, MS-SSIM ┘

Every stage is computed when first asked for and kept in a cache with a bound in bytes, so going back to a λ is free,
and everything shown for one λ comes from one code: the numbers and the picture cannot disagree. λ becomes a `Condition`
where it enters, and that is the caches' key. Models of one set of transforms share the stem and the latents.
"""

from __future__ import annotations

import copy
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from explorer import images, inside, metrics
from explorer.codecs.base import RDPoint
from explorer.codecs.learned import LearnedCodec
from explorer.condition import LAST_LEVEL, Condition, Lambda
from explorer.images import InputError
from explorer.inside import Edit, LogRatio, Response
from explorer.priors.base import Code, frozen
from explorer.runtime import Pixels

CACHE_BYTES = 256 << 20
LATENTS_BYTES = 64 << 20  # of them the latents, which outlive a change of the prior
MAPS_BYTES = 64 << 20  # of intermediate maps, which are large and must not push out the pictures
RATE_SLACK = 0.002  # `solve` is satisfied this far below a target rate,
PSNR_SLACK = 0.005  # or this many dB above a target quality
T = TypeVar("T")


class _Cache:
    """Least recently used values, within a bound in bytes (the newest is always kept)."""

    def __init__(self, limit: int) -> None:
        self._limit, self._used = limit, 0
        self._lock = threading.Lock()
        self._values: OrderedDict[tuple[str, Condition], tuple[Any, int]] = OrderedDict()

    def get(self, stage: str, condition: Condition, make: Callable[[], T], size: Callable[[T], int]) -> T:
        key = (stage, condition)
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

    def array(self, stage: str, condition: Condition, make: Callable[[], np.ndarray]) -> np.ndarray:
        """The same for an array, which becomes read-only."""
        return self.get(stage, condition, lambda: frozen(make()), lambda made: made.nbytes)


class _Analysis:
    """y of one picture under one set of transforms."""

    def __init__(self, model: LearnedCodec, picture: images.Picture, limit: int) -> None:
        self.stem, self._model, self._cache = model.stem(picture.pixels), model, _Cache(limit)

    def latents(self, condition: Condition) -> NDArray[np.float32]:
        return self._cache.array("y", condition, lambda: self._model.latents(self.stem, condition))


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
        self._analysis = _Analysis(model, self.picture, min(cache_bytes, LATENTS_BYTES))
        self._cache, self._maps, self._cache_bytes = _Cache(cache_bytes), _Cache(MAPS_BYTES), cache_bytes

    def under(self, model: LearnedCodec) -> Session:
        """The same picture under another model; where the two have the same transforms, what is known of y is kept."""
        if model.transforms != self.model.transforms:
            return Session(model, self.picture, cache_bytes=self._cache_bytes)
        other = copy.copy(self)
        other.model, other._cache, other._maps = model, _Cache(self._cache_bytes), _Cache(MAPS_BYTES)
        return other

    def __repr__(self) -> str:
        height, width = self.size
        return f"Session({self.model.name!r}, {self.picture.name!r}, {width}×{height})"

    @property
    def name(self) -> str:
        """The picture's name."""
        return self.picture.name

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the picture in pixels."""
        height, width = self.picture.pixels.shape[:2]
        return height, width

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the intermediate maps, in data order; see `features`."""
        return self.model.layers

    def reconstruct(self, lmbda: Lambda) -> Pixels:
        """The decoded picture, (H, W, 3) uint8: what `explorer.decode` makes of `encode(lmbda)`, bit for bit."""
        condition = self.model.condition(lmbda)
        return self._cache.array("pixels", condition, lambda: self._synthesise(condition))

    def latents(self, lmbda: Lambda) -> NDArray[np.float32]:
        """y before rounding, (M, h, w) float32, h = ⌈H/16⌉, w = ⌈W/16⌉."""
        return self._analysis.latents(self.model.condition(lmbda))

    def code(self, lmbda: Lambda) -> Code:
        """What the file holds of the bottleneck: symbols, ŷ, bits, and the planes that the model's prior has."""
        condition = self.model.condition(lmbda)
        return self._cache.get(
            "code",
            condition,
            lambda: self.model.quantise(self.latents(condition), condition),
            lambda code: code.nbytes,
        )

    def symbols(self, lmbda: Lambda) -> NDArray[np.int32]:
        """The integers of the file, (M, h, w) int32: ŷ itself, or with a hyperprior ŷ less its mean."""
        return self.code(lmbda).symbols

    def bits(self, lmbda: Lambda) -> NDArray[np.float32]:
        """The estimated bits of each element, (M, h, w) float32; with the code's `side_bits` their sum is the point's
        `estimated_bits`."""
        return self.code(lmbda).bits

    def ratio(self, lambda_a: Lambda, lambda_b: Lambda) -> NDArray[np.float32]:
        """y(λa)/y(λb), element by element, (M, h, w) float32: the paper's Fig. 5c. nan where y(λb) is 0."""
        below = self.latents(lambda_b)
        out = np.full_like(below, np.nan)
        return frozen(np.divide(self.latents(lambda_a), below, out=out, where=below != 0))

    def log_ratio(self, lambda_a: Lambda, lambda_b: Lambda) -> LogRatio:
        """log₂(|y(λa)|/|y(λb)|) with small elements masked, and how far each channel is from pure scaling."""
        return inside.log_ratio(self.latents(lambda_a), self.latents(lambda_b))

    def features(self, lmbda: Lambda, layer: str) -> NDArray[np.float32]:
        """An intermediate map, (C, h', w') float32, by its name, one of `model.layers` (paper Eq. 3 and 4).

        h' and w' are those of the padded picture over 4, 8 or 16. "a2.gdn" is y of a modulated model; "s2.conv" is x̂ of
        the padded picture, in [0, 1] but for what clipping will cut. Raises InputError for another name."""
        condition = self.model.condition(lmbda)
        if layer not in self.model.layers:
            raise InputError(f"This model has no layer {layer!r}; choose one of {', '.join(self.model.layers)}.")
        return self._maps.array(layer, condition, lambda: self._map(condition, layer))

    def response(self, lmbda: Lambda, channel: int, row: int, col: int, amplitude: float | None = None) -> Response:
        """What the decoder makes of the one coefficient ŷ[channel, row, col], or of another amplitude in its place, on
        the 57×57 pixels that it reaches. Raises InputError for an element that is not there."""
        return inside.response(self.model, self.code(lmbda), (channel, row, col), amplitude)

    def edit(self, lmbda: Lambda, factors: Mapping[int, float]) -> Edit:
        """The picture when the decoder sees channel c of ŷ times factors[c]. A channel with factor 0 is left out of the
        file; others cost what they did. Raises InputError for a channel that is not there and a factor outside [−4, 4].
        """
        return inside.edit(self.model, self.size, self.code(lmbda), factors, self.picture.pixels)

    def block_error(self, lmbda: Lambda) -> NDArray[np.float32]:
        """The mean squared error, on [0, 1], of each 16×16 block of 8-bit pixels, (h, w) float32."""
        condition = self.model.condition(lmbda)
        return self._cache.array(
            "error", condition, lambda: inside.block_error(self.picture.pixels, self.reconstruct(condition))
        )

    def encode(self, lmbda: Lambda) -> bytes:
        """The whole .mae file at λ."""
        condition = self.model.condition(lmbda)
        return self._cache.get(
            "file", condition, lambda: self.model.pack(self._analysis.stem, self.code(condition)), len
        )

    def point(self, lmbda: Lambda) -> RDPoint:
        """Rate of the real file, quality of the 8-bit reconstruction, and the settings they were made with."""
        condition = self.model.condition(lmbda)
        return self._cache.get("point", condition, lambda: self._measure(condition), lambda _: 1000)

    def curve(self, points: int = 17) -> list[RDPoint]:
        """RDPoints at λ equidistant on the log axis, both ends included."""
        return [self.point(lmbda) for lmbda in self.curve_lambdas(points)]

    def curve_lambdas(self, points: int = 17) -> list[float]:
        """The λ of `curve`, for who computes its points one by one."""
        ladder = self._ladder
        places = range(len(ladder)) if self.model.only else np.linspace(0, len(ladder) - 1, points)
        return [ladder[round(place)].lmbda for place in places]

    def solve(self, *, bpp: float | None = None, bytes: int | None = None, psnr: float | None = None) -> float:
        """The λ that meets exactly one target: the best quality within a rate (bpp, or bytes of the whole file), or the
        lowest rate that reaches a PSNR in dB. InputError where no λ does, with the range that is there."""
        targets = {"bpp": bpp, "bytes": bytes, "psnr": psnr}
        given = {name: float(value) for name, value in targets.items() if value is not None}
        if len(given) != 1 or not all(math.isfinite(value) and value > 0 for value in given.values()):
            raise InputError("Give exactly one target above zero: bpp, bytes or psnr.")
        ((name, target),) = given.items()
        if name == "psnr":
            return self._first_of_quality(target).lmbda
        return self._last_of_size(target if name == "bytes" else target * self._pixel_count / 8).lmbda

    # -- inside ----------------------------------------------------------------------------------------------------

    @property
    def _pixel_count(self) -> int:
        height, width = self.picture.pixels.shape[:2]
        return height * width

    def _map(self, condition: Condition, layer: str) -> NDArray[np.float32]:
        if layer in self.model.analysis_layers:
            return self.model.analysis_map(self.picture.pixels, condition, layer)
        return self.model.synthesis_map(self.code(condition).decoded, condition, layer)

    def _synthesise(self, condition: Condition) -> Pixels:
        return self.model.synthesise(self.code(condition).decoded, condition, *self.picture.pixels.shape[:2])

    def _measure(self, condition: Condition) -> RDPoint:
        original, decoded = self.picture.pixels, self.reconstruct(condition)
        height, width = original.shape[:2]
        size = len(self.encode(condition))
        return RDPoint(
            codec=self.model.name,
            version=self.model.version,
            knob={"lambda": condition.lmbda},
            width=width,
            height=height,
            bytes=size,
            estimated_bits=self.code(condition).total_bits,
            bpp=metrics.bpp(size, height, width),
            psnr=metrics.psnr(original, decoded),
            ms_ssim=metrics.ms_ssim(original, decoded),
        )

    def _first_of_quality(self, psnr: float) -> Condition:
        """The lowest λ, nearly, that reaches a PSNR in dB."""

        def value(condition: Condition) -> float:
            return self.point(condition).psnr

        found = self._enclose(value, psnr, lambda here: 0 <= here - psnr < PSNR_SLACK)[1]
        if value(found) < psnr:
            lowest, highest = self._range_of(value)
            raise InputError(_unreachable(f"{psnr:g} dB", f"{lowest:.2f} to {highest:.2f} dB"))
        return found

    def _last_of_size(self, limit: float) -> Condition:
        """The highest λ, nearly, whose file has at most this many bytes."""

        def value(condition: Condition) -> float:
            return len(self.encode(condition))

        found = self._enclose(value, limit, lambda here: limit * (1 - RATE_SLACK) <= here <= limit)[0]
        if value(found) > limit:
            lowest, highest = self._range_of(value)
            raise InputError(_unreachable(f"{limit:.0f} bytes", f"{lowest:.0f} to {highest:.0f} bytes"))
        return found

    def _range_of(self, value: Callable[[Condition], float]) -> tuple[float, float]:
        low, high = self._ladder[0], self._ladder[-1]
        return value(low), value(high)

    @property
    def _ladder(self) -> Sequence[Condition]:
        """Every condition that the model has, by rising λ; of a model for a few λ, those."""
        return self.model.only or _EVERY_LEVEL

    def _enclose(
        self, value: Callable[[Condition], float], target: float, near_enough: Callable[[float], bool]
    ) -> tuple[Condition, Condition]:
        """Neighbouring conditions whose values, which rise with λ, enclose the target, by halving; one condition twice
        where its value is near enough, and the nearer end where the target lies beyond it."""
        ladder = self._ladder
        low, high = 0, len(ladder) - 1
        if value(ladder[low]) >= target:
            return ladder[low], ladder[low]
        if value(ladder[high]) <= target:
            return ladder[high], ladder[high]
        while high - low > 1:
            middle = (low + high) // 2
            here = value(ladder[middle])
            if near_enough(here):
                return ladder[middle], ladder[middle]
            low, high = (middle, high) if here <= target else (low, middle)
        return ladder[low], ladder[high]


class _EveryLevel(Sequence[Condition]):
    """The conditions of all header levels, made when asked for."""

    def __len__(self) -> int:
        return LAST_LEVEL + 1

    def __getitem__(self, at: Any) -> Any:
        return Condition(range(len(self))[at])


_EVERY_LEVEL = _EveryLevel()


def _unreachable(target: str, available: str) -> str:
    return f"No λ of this model gives {target} on this picture; choose a target in its range, {available}."
