"""A .mae file as its receiver sees it: the picture, λ and the bottleneck, but no original to hold them against.

file ─ header ─ model ─ Code ─┬─ reconstruction
                              ├─ symbols, bits, planes of the prior
                              └─ maps of the synthesis, responses
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from explorer import inside, metrics
from explorer.codecs.learned import LearnedCodec, bottleneck_size
from explorer.condition import Condition, Lambda
from explorer.images import InputError
from explorer.inside import Edit, Kept, Response
from explorer.lambda_map import LambdaMap
from explorer.pace import Pause
from explorer.priors.base import Code, frozen
from explorer.runtime import Pixels
from explorer.tiles import Grid, checked


class Received:
    """One .mae file under the model that made it; `explorer.receive` finds that model.

        received = explorer.receive("photo.mae")
        received.lmbda, received.bpp                 # what the sender chose, and what it cost
        received.reconstruct(), received.bits()      # the decoded picture, and where its bits went

    The methods are those of `Session` that need no original. They take λ as a session's do, but a file has one alone:
    it is meant where none is given, with its map if it has one, and another is an InputError. Arrays that come back are
    read-only.
    data: the file. name: of the file, for people. Raises InputError for a file that is damaged or another model's.
    """

    def __init__(self, model: LearnedCodec, data: bytes, name: str = "picture") -> None:
        self.model, self.data, self.name = model, data, name
        self._code, header = model.decode_code(data)
        self.height, self.width = header.height, header.width

    def __repr__(self) -> str:
        painted = ", with a map" if self.map else ""
        size = f"{self.width}×{self.height}"
        return f"Received({self.model.name!r}, {self.name!r}, {size}, lmbda={self.lmbda:.4g}{painted})"

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the picture."""
        return self.height, self.width

    @property
    def lmbda(self) -> float:
        """λ of the file."""
        return self._code.condition.lmbda

    @property
    def map(self) -> LambdaMap | None:
        """The file's λ map, where it has one."""
        return self._code.condition.map

    @property
    def bpp(self) -> float:
        """Bits of the whole file per pixel."""
        return metrics.bpp(len(self.data), *self.size)

    def encode(self, lmbda: Lambda | None = None) -> bytes:
        """The file itself."""
        self._check(lmbda)
        return self.data

    def code(self, lmbda: Lambda | None = None) -> Code:
        """What the file holds of the bottleneck: symbols, ŷ, bits, and the planes that the model's prior has."""
        self._check(lmbda)
        return self._code

    def reconstruct(self, lmbda: Lambda | None = None) -> Pixels:
        """The decoded picture, (H, W, 3) uint8: what `explorer.decode` makes of the file."""
        self._check(lmbda)
        return self._pixels

    @property
    def is_large(self) -> bool:
        """Whether the picture has several tiles; see `Session.is_large`."""
        return len(Grid(bottleneck_size(*self.size))) > 1

    def region(self, lmbda: Lambda | None, box: tuple[int, int, int, int], *, live: bool = False) -> Pixels:
        """A rectangle of the picture, (top, left, bottom, right) half open in pixels; see `Session.region`."""
        return self.reconstruct(lmbda)[checked(box, self.size).slices]

    def known_code(self, lmbda: Lambda | None = None) -> Code | None:
        """The same as `code`, which a file has from the start."""
        return self.code(lmbda)

    def paced(self, pause: Pause) -> Received:
        """The same; nothing that it does takes long enough to be interrupted. See `Session.paced`."""
        return self

    def symbols(self, lmbda: Lambda | None = None) -> NDArray[np.int32]:
        """The integers of the file, (M, h, w) int32: ŷ itself, or with a hyperprior ŷ less its mean."""
        return self.code(lmbda).symbols

    def bits(self, lmbda: Lambda | None = None) -> NDArray[np.float32]:
        """The estimated bits of each element, (M, h, w) float32."""
        return self.code(lmbda).bits

    def features(self, lmbda: Lambda | None, layer: str) -> NDArray[np.float32]:
        """An intermediate map of the synthesis, (C, h', w') float32, by its name, one of `layers`; see
        `Session.features`. InputError for a map of the analysis, which a receiver never runs, and for another name."""
        if layer not in self.layers:
            raise InputError(f"The receiver of a file has no layer {layer!r}; choose one of {', '.join(self.layers)}.")
        code = self.code(lmbda)
        size = bottleneck_size(*self.size)
        return frozen(self.model.synthesis_map(code.part, code.condition, layer, size))

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the intermediate maps that a receiver has: those of the synthesis, in data order."""
        return tuple(layer for layer in self.model.layers if layer not in self.model.analysis_layers)

    def response(
        self, lmbda: Lambda | None, channel: int, row: int, col: int, amplitude: float | None = None
    ) -> Response:
        """What the decoder makes of one coefficient; see `Session.response`."""
        return inside.response(self.model, self.code(lmbda), (channel, row, col), amplitude)

    def edit(self, lmbda: Lambda | None, factors: Mapping[int, float]) -> Edit:
        """The picture when the decoder sees channel c of ŷ times factors[c]; see `Session.edit`."""
        return inside.edit(self.model, self.size, self.code(lmbda), factors, None)

    def keep_costliest(self, lmbda: Lambda | None, count: int) -> Kept:
        """The picture of the `count` elements that cost most alone; see `Session.keep_costliest`."""
        return inside.keep_costliest(self.model, self.size, self.code(lmbda), count, None)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _check(self, lmbda: Lambda | None) -> None:
        if lmbda is None:
            return
        asked = Condition.of(lmbda)
        if asked not in (self._code.condition, Condition(self._code.condition.level)):
            raise InputError(f"This file was made at λ = {self.lmbda:.4g}; open the original picture to see another λ.")

    @cached_property
    def _pixels(self) -> Pixels:
        return frozen(self.model.synthesise(self._code.part, self._code.condition, *self.size))
