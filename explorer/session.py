"""One picture under one model, explored along λ.

    picture ─ stem (once) ─ λ ─ latents ─ code ─┬─ file ─ RDPoint
              └─ transforms ──────────┘         └─ reconstruction ─ PSNR, MS-SSIM ┴─ SSIMULACRA2

Every stage is computed when first asked for and kept in a cache with a bound in bytes, so going back to a λ is free,
and everything shown for one λ comes from one code: the numbers and the picture cannot disagree. λ becomes a `Condition`
where it enters, and that is the caches' key. Models of one set of transforms share the stem and the latents.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer import images, inside, metrics, search, solving
from explorer.cache import Pool
from explorer.codecs.base import RDPoint
from explorer.codecs.learned import LearnedCodec, bottleneck_size
from explorer.condition import Condition, Lambda
from explorer.images import InputError
from explorer.inside import Edit, Kept, LogRatio, Region, Response
from explorer.lambda_map import LambdaMap
from explorer.memory import give_back
from explorer.model import STRIDE
from explorer.pace import Pause, nothing
from explorer.priors.base import Code, Float32, Memo, frozen
from explorer.runtime import Pixels
from explorer.search import Tell
from explorer.ssimulacra import ssimulacra2
from explorer.tiles import Box, Grid, checked, paste, whole

POOL = Pool(192 << 20)  # of what all sessions of a process keep, unless they are told to keep less
MAPS = Pool(64 << 20)  # of intermediate maps, which are large and must not push out the pictures


class _Analysis:
    """y of one picture under one set of transforms, tile by tile; models of the same transforms share it."""

    def __init__(self, model: LearnedCodec, picture: images.Picture, pool: Pool) -> None:
        self._model, self._pixels, self._shelf = model, picture.pixels, pool.shelf()
        self.size = bottleneck_size(*picture.pixels.shape[:2])
        self.grid = Grid(self.size)

    def latents(self, condition: Condition, pause: Pause) -> Float32:
        """All of y, (M, h, w)."""
        return self._shelf.array("y", condition, make=lambda: self._put_together(condition, whole(self.size), pause))

    def part(self, condition: Condition, box: Box, live: bool, pause: Pause) -> Float32:
        """A rectangle of y, (M, rows, columns), whose tiles are kept; live: with what another λ of it needs."""
        known = self._shelf.known("y", condition)
        if known is not None:
            return known[(..., *box.slices)]
        for tile in self.grid.covering(box):
            self._shelf.array("tile", condition, tile, make=partial(self._tile, condition, tile, live))
            pause()
        return self._put_together(condition, box)

    def _put_together(self, condition: Condition, box: Box, pause: Pause = nothing) -> Float32:
        y = np.empty((self._model.channels, *box.shape), np.float32)
        for tile in self.grid.covering(box):
            known = self._shelf.known("tile", condition, tile)
            paste(y, box, self._tile(condition, tile, len(self.grid) == 1) if known is None else known, tile)
            pause()
        return y

    def _tile(self, condition: Condition, tile: Box, keep_stem: bool) -> Float32:
        runtime = self._model.runtime
        make = partial(runtime.stem, self._pixels, tile)
        stem = self._shelf.known("stem", tile)
        if stem is None:  # of a large picture all stems together would push out everything else
            stem = self._shelf.get("stem", tile, make=make, size=lambda made: made.nbytes) if keep_stem else make()
        return runtime.latents(stem, condition)


class Session:
    """Explore one picture: every method takes λ in the model's range and may be called from any thread.

        session = explorer.Session(explorer.load_model("mae"), "photo.jpg")
        session.reconstruct(512), session.point(512).bpp        # the decoded picture, the rate of its file
        session.latents(512), session.ratio(4096, 64)           # the bottleneck, and what λ does to it
        session.encode(session.solve(bpp=0.5))                  # the best file within a rate

    model: what `explorer.load_model` returns. image: a path, bytes, a PIL image or an (H, W, 3) uint8 array.
    cache_bytes: how much of what it computes it keeps, at most; as a default all sessions of a process share
    192 MiB, and 64 for intermediate maps.
    λ is snapped to the file header's 65536 levels (within 0.004 %). Arrays that come back are read-only. Raises
    InputError for a picture that cannot be read and a λ that the model does not have.
    """

    def __init__(self, model: LearnedCodec, image: Any, *, cache_bytes: int | None = None) -> None:
        self.model = model
        self.picture = image if isinstance(image, images.Picture) else images.read(image)
        self._pool = POOL if cache_bytes is None else Pool(cache_bytes)
        self._analysis = _Analysis(model, self.picture, self._pool)
        self._shelf, self._maps, self._pause = self._pool.shelf(), MAPS.shelf(), nothing
        self.effort = 0
        self._tell: Tell = search.unheard
        self._found: dict[tuple[int, Condition], bytes] = {}  # files that cost a search, by effort and λ

    def under(self, model: LearnedCodec) -> Session:
        """The same picture under another model; where the two have the same transforms, what is known of y is kept."""
        other = copy.copy(self)
        other.model, other._shelf, other._maps, other._found = model, self._pool.shelf(), MAPS.shelf(), {}
        if model.transforms != self.model.transforms:
            other._analysis = _Analysis(model, self.picture, self._pool)
        return other

    def paced(self, pause: Pause) -> Session:
        """The same session, whose long work calls `pause` every few milliseconds: see `explorer.pace`."""
        other = copy.copy(self)
        other._pause = pause
        return other

    def at_effort(self, effort: int, tell: Tell = search.unheard) -> Session:
        """The same picture and model, whose `code(λ)` is searched for with effort 0, 1 or 2 (`explorer.search`), once
        for each λ: point, reconstruct, encode, bits and all else follow from it, but for `latents`. What one session of
        this picture, model and effort finds, another has too. tell: is told of each iteration; see `search.search` for
        what it may raise. Raises InputError for another effort."""
        other = copy.copy(self)
        other._tell = tell
        if search.check_effort(effort) != self.effort:
            other.effort, other._shelf, other._maps = effort, self._pool.shelf(), MAPS.shelf()
        return other

    def apart(self) -> Session:
        """The same picture and model with a cache of its own that holds next to nothing: for work on many λ that must
        not push out what somebody looks at."""
        other = Session(self.model, self.picture, cache_bytes=0)
        other._pause, other.effort, other._tell, other._found = self._pause, self.effort, self._tell, self._found
        return other

    def __repr__(self) -> str:
        height, width = self.size
        return f"Session({search.name_of(self.model.name, self.effort)!r}, {self.picture.name!r}, {width}×{height})"

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

    @property
    def is_large(self) -> bool:
        """Whether the picture has several tiles, so that a part of it takes less time than the whole."""
        return len(self._analysis.grid) > 1

    def condition(self, lmbda: Lambda) -> Condition:
        """λ as the value that all stages take: a number, an array of λ by block, (⌈H/64⌉, ⌈W/64⌉), or such a value with
        a map. InputError where the model has no such λ, or the map is not of this picture's size."""
        return self.model.condition(lmbda, *self.size)

    def reconstruct(self, lmbda: Lambda) -> Pixels:
        """The decoded picture, (H, W, 3) uint8: what `explorer.decode` makes of `encode(lmbda)`, bit for bit."""
        condition = self.condition(lmbda)
        return self._shelf.array("pixels", condition, make=lambda: self._synthesise(condition, self.code(condition)))

    def region(self, lmbda: Lambda, box: tuple[int, int, int, int], *, live: bool = False) -> Pixels:
        """A rectangle of `reconstruct(lmbda)`, (top, left, bottom, right) half open in pixels, bit for bit; of a large
        picture no more is computed than it needs. live: λ is moving, so what the next one needs of the same rectangle
        is kept. Raises InputError unless it lies in the picture and has an area."""
        condition, area = self.condition(lmbda), checked(box, self.size)
        known = self.reconstruct(condition) if not self.is_large else self._shelf.known("pixels", condition)
        if known is not None:
            return known[area.slices]
        tiles = self._analysis.grid.covering(area.over(STRIDE))
        made = self._tiles(condition, tiles, live)
        pixels = np.empty((*area.shape, 3), np.uint8)
        for tile, values in made.items():
            _lay(pixels, area, values, tile)
        return frozen(pixels)

    def latents(self, lmbda: Lambda) -> NDArray[np.float32]:
        """y before rounding, (M, h, w) float32, h = ⌈H/16⌉, w = ⌈W/16⌉."""
        return self._analysis.latents(self.condition(lmbda), self._pause)

    def code(self, lmbda: Lambda) -> Code:
        """What the file holds of the bottleneck: symbols, ŷ, bits, and the planes that the model's prior has."""
        condition = self.condition(lmbda)
        return self._shelf.get("code", condition, make=lambda: self._find(condition), size=lambda code: code.nbytes)

    def known_code(self, lmbda: Lambda) -> Code | None:
        """What `code` gives, where it is known already."""
        condition = self.condition(lmbda)
        is_found = (self.effort, condition) in self._found
        return self.code(condition) if is_found else self._shelf.known("code", condition)

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
        condition = self.condition(lmbda)
        if layer not in self.model.layers:
            raise InputError(f"This model has no layer {layer!r}; choose one of {', '.join(self.model.layers)}.")
        return self._maps.array(layer, condition, make=lambda: self._map(condition, layer))

    def response(self, lmbda: Lambda, channel: int, row: int, col: int, amplitude: float | None = None) -> Response:
        """What the decoder makes of the one coefficient ŷ[channel, row, col], or of another amplitude in its place, on
        the 57×57 pixels that it reaches. Raises InputError for an element that is not there."""
        return inside.response(self.model, self.code(lmbda), (channel, row, col), amplitude)

    def edit(self, lmbda: Lambda, factors: Mapping[int, float]) -> Edit:
        """The picture when the decoder sees channel c of ŷ times factors[c]. A channel with factor 0 is left out of the
        file; others cost what they did. Raises InputError for a channel that is not there and a factor outside [−4, 4].
        """
        return inside.edit(self.model, self.size, self.code(lmbda), factors, self.picture.pixels)

    def keep_costliest(self, lmbda: Lambda, count: int) -> Kept:
        """The picture when only the `count` elements that cost most keep what they say, and the decoder sees each other
        one as its prior expects it most: the symbol that costs least, which with a hyperprior leaves ŷ = μ. It is a
        code like any other, so its bits are those of a file that decodes to this picture; what is coded besides y
        stays. Raises InputError unless 0 ≤ count ≤ the number of elements."""
        return inside.keep_costliest(self.model, self.size, self.code(lmbda), count, self.picture.pixels)

    def block_error(self, lmbda: Lambda) -> NDArray[np.float32]:
        """The mean squared error, on [0, 1], of each 16×16 block of 8-bit pixels, (h, w) float32."""
        condition = self.condition(lmbda)
        return self._shelf.array(
            "error", condition, make=lambda: inside.block_error(self.picture.pixels, self.reconstruct(condition))
        )

    def painted(self, lmbda: Lambda, seen_at: Lambda | None = None) -> dict[str, Region]:
        """Size, quality and estimated bits of what a λ map paints: the blocks "above" its base λ, "at" it and "below"
        it, those that there are. seen_at: the λ at which they are measured in place of `lmbda`, such as the one λ whose
        file has the same size."""
        condition = self.condition(lmbda)
        seen = condition if seen_at is None else self.condition(seen_at)
        return inside.painted(condition, self.size, self.block_error(seen), self.code(seen).position_bits)

    def encode(self, lmbda: Lambda) -> bytes:
        """The whole .mae file at λ."""
        condition = self.condition(lmbda)
        return self._shelf.get("file", condition, make=lambda: self._pack(self.code(condition)), size=len)

    def point(self, lmbda: Lambda, *, quick: bool = False) -> RDPoint:
        """Rate of the real file, quality of the 8-bit reconstruction, and the settings they were made with. quick:
        without SSIMULACRA2 (None), which takes longer than all the others."""
        condition = self.condition(lmbda)
        if quick:
            return self._shelf.get("point", condition, make=lambda: self._measure(condition), size=lambda _: 1000)
        return self._shelf.get("seen", condition, make=lambda: self._see(condition), size=lambda _: 1000)

    def measured(self, lmbda: Lambda) -> RDPoint | None:
        """What `point` gives with `quick`, where it is known already."""
        return self._shelf.known("point", self.condition(lmbda))

    def curve(self, points: int = 17) -> list[RDPoint]:
        """RDPoints at λ equidistant on the log axis, both ends included."""
        return [self.point(lmbda) for lmbda in self.curve_lambdas(points)]

    def curve_lambdas(self, points: int = 17) -> list[float]:
        """The λ of `curve`, for who computes its points one by one."""
        ladder = solving.ladder(self.model)
        places = range(len(ladder)) if self.model.only else np.linspace(0, len(ladder) - 1, points)
        return [ladder[round(place)].lmbda for place in places]

    def solve(
        self,
        *,
        bpp: float | None = None,
        bytes: int | None = None,
        psnr: float | None = None,
        map: LambdaMap | None = None,
    ) -> float:
        """The λ that meets exactly one target: the best quality within a rate (bpp, or bytes of the whole file), or the
        lowest rate that reaches a PSNR in dB. map: goes with λ, `condition(array).map`; `Condition.of(λ, map)` is what
        was solved for. InputError where no λ does, with the range that is there."""
        targets = {"bpp": bpp, "bytes": bytes, "psnr": psnr}
        given = {name: float(value) for name, value in targets.items() if value is not None}
        if len(given) != 1 or not all(math.isfinite(value) and value > 0 for value in given.values()):
            raise InputError("Give exactly one target above zero: bpp, bytes or psnr.")
        if not isinstance(map, LambdaMap | None):
            raise InputError("A map that goes with λ is a LambdaMap; of λ by block it is `condition(array).map`.")
        ((name, target),) = given.items()
        return (solving.meet_by_search if self.effort else solving.meet)(self, name, target, map)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _find(self, condition: Condition) -> Code:
        if not self.effort:
            return self.model.quantise(self.latents(condition), condition, self._pause, self._memo(condition))
        key = self.effort, condition
        if key not in self._found:
            what = self.model, self.picture.pixels, self.latents(condition), condition
            self._found[key] = search.search(*what, self.effort, self._tell, self._pause)
        return self.model.decode_code(self._found[key])[0]

    def _map(self, condition: Condition, layer: str) -> Float32:
        if layer in self.model.analysis_layers:
            return self.model.analysis_map(self.picture.pixels, condition, layer)
        return self.model.synthesis_map(self.code(condition).part, condition, layer, self._analysis.size)

    def _synthesise(self, condition: Condition, code: Code) -> Pixels:
        """The decoded picture; tiles that are known already are not made again."""
        known = partial(self._shelf.known, "tile", condition)
        return self.model.synthesise(code.part, condition, *self.size, self._pause, known)

    def _tiles(self, condition: Condition, tiles: list[Box], live: bool) -> dict[Box, Pixels]:
        """The pixels of tiles of a large picture, which are kept."""
        found = {tile: self._shelf.known("tile", condition, tile) for tile in tiles}
        made: dict[Box, Pixels] = {tile: pixels for tile, pixels in found.items() if pixels is not None}
        missing = [tile for tile in tiles if tile not in made]
        if not missing:
            return made
        runtime, size = self.model.runtime, self._analysis.size
        reaches = [runtime.reach(tile, size) for tile in missing]
        tops, lefts, bottoms, rights = zip(*reaches, strict=True)
        around = Box(min(tops), min(lefts), max(bottoms), max(rights))
        decoded = self._decoded(condition, around, live)
        for tile, reach in zip(missing, reaches, strict=True):
            pixels = runtime.synthesise(decoded[(..., *reach.beside(around).slices)], condition, tile, size)
            made[tile] = self._shelf.array("tile", condition, tile, make=partial(frozen, pixels))
            self._pause()
        return made

    def _decoded(self, condition: Condition, box: Box, live: bool) -> Float32:
        """A rectangle of ŷ; no more is computed for it than it needs."""
        code = self.code(condition) if self.effort else self._shelf.known("code", condition)
        if code is not None:
            return code.part(box)
        y, size = partial(self._analysis.part, condition, live=live, pause=self._pause), self._analysis.size
        return self.model.coder.part(y, size, condition, box, self._memo(condition))

    def _memo(self, condition: Condition) -> Memo:
        return lambda tile, make: self._shelf.array("memo", condition, tile, make=make)

    def _pack(self, code: Code) -> bytes:
        return self.model.pack(code, *self.size)

    def _measure(self, condition: Condition) -> RDPoint:
        # The code is held on to: the cache may have let go of it before the file is written.
        original, code = self.picture.pixels, self.code(condition)
        height, width = original.shape[:2]
        decoded = self._shelf.array("pixels", condition, make=lambda: self._synthesise(condition, code))
        if self.is_large:
            give_back()
        size = len(self._shelf.get("file", condition, make=lambda: self._pack(code), size=len))
        return RDPoint(
            codec=search.name_of(self.model.name, self.effort),
            version=self.model.version,
            knob={"lambda": condition.lmbda} | ({"map": condition.map.text} if condition.map else {}),
            width=width,
            height=height,
            bytes=size,
            estimated_bits=code.total_bits,
            bpp=metrics.bpp(size, height, width),
            psnr=metrics.psnr(original, decoded),
            ms_ssim=metrics.ms_ssim(original, decoded, self._pause),
        )

    def _see(self, condition: Condition) -> RDPoint:
        point = self.point(condition, quick=True)
        return replace(point, ssimulacra2=ssimulacra2(self.picture.pixels, self.reconstruct(condition), self._pause))


def _lay(pixels: Pixels, area: Box, tile: Pixels, at: Box) -> None:
    """Copy what a tile's pixels have of a rectangle of the picture into its own."""
    paste(pixels.transpose(2, 0, 1), area, tile.transpose(2, 0, 1), at.times(STRIDE))
