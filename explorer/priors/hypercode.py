"""What a file with a hyperprior holds, and its coder: ẑ first, then the residual of y under what ẑ says.

y ─ hyper-analysis (float, the encoder's alone) ─ ẑ ─ HyperSynthesis (integers) ─ μ, σ ─ q = round(y − μ)
payload: ẑ under one distribution a channel, q under the Gaussian of each element's σ
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from explorer.condition import Condition
from explorer.lambda_map import BLOCK
from explorer.pace import Pause, nothing
from explorer.priors.base import Code, Coder, Distribution, Float32, Int64, Latents, Memo, anew, frozen
from explorer.priors.integers import MEAN_BITS, SCALES, SIDE_MAX, HyperSynthesis, check_integers
from explorer.priors.tables import DensityTables, Int32, Reader, Rows, Table, by_channel, damaged, encode
from explorer.tiles import Box, Size, size_of, whole

UInt8 = NDArray[np.uint8]
SIDE_STRIDE = 4  # elements of y, in each direction, that an element of z stands for


@dataclass(frozen=True, eq=False)
class HyperCode(Code):
    """ẑ and the residual q of y, with what ẑ makes the decoder expect.

    symbols: q. side (N, h', w') int32: ẑ. mean (M, h, w) int32: μ in 1/256 of a quantiser step. scale (M, h, w): the
    place of σ in SCALES. gaussians: the distributions of q. side_table, side_rows: those of ẑ, see
    `by_channel`.
    """

    condition: Condition
    symbols: Int32
    side: Int32
    mean: Int32
    scale: UInt8
    gaussians: Table
    side_table: Table
    side_rows: Rows

    def part(self, box: Box) -> Float32:
        at = (..., *box.slices)
        return self.symbols[at].astype(np.float32) + _in_steps(self.mean[at])

    @cached_property
    def bits(self) -> Float32:
        return frozen(self.gaussians.element_bits(self.symbols, self.scale))

    @cached_property
    def side_element_bits(self) -> Float32:
        """What each element of ẑ costs, (N, h', w') float32."""
        return frozen(self.side_table.element_bits(self.side, self.side_rows))

    @property
    def side_bits(self) -> float:
        return float(self.side_element_bits.sum(dtype=np.float64))

    @property
    def position_bits(self) -> Float32:
        h, w = self.symbols.shape[1:]
        cells = self.side_element_bits.sum(axis=0)
        rows, columns = (np.arange(length) // SIDE_STRIDE for length in (h, w))
        sizes = np.outer(np.bincount(rows)[rows], np.bincount(columns)[columns])  # of cells: fewer at the lower edges
        return super().position_bits + (cells[np.ix_(rows, columns)] / sizes).astype(np.float32)

    def keeping(self, kept: NDArray[np.bool_]) -> HyperCode:
        expected = self.gaussians.likeliest[self.scale]  # 0, so that ŷ is μ
        return dataclasses.replace(self, symbols=frozen(np.where(kept, self.symbols, expected)))

    def distribution(self) -> Distribution:
        flat = self.scale.reshape(len(self.scale), -1)
        shares = np.stack([np.bincount(row, minlength=len(self.gaussians.low)) for row in flat]) / flat.shape[1]
        half = self.gaussians.count // 2
        widest = np.array([half[own > 0].max() for own in shares])  # the tables that a channel uses reach so far
        mixed = (shares @ _centred(self.gaussians, int(widest.max()))).astype(np.float32)
        return Distribution(-widest, 2 * widest + 1, _from_left(mixed, 2 * widest + 1))

    @cached_property
    def planes(self) -> dict[str, Float32]:
        scales = np.array(SCALES, dtype=np.float32)
        return {"z": self.side.astype(np.float32), "μ": _in_steps(self.mean), "σ": scales[self.scale]}

    @property
    def nbytes(self) -> int:
        return self.symbols.nbytes + self.side.nbytes + self.mean.nbytes + self.scale.nbytes


def _in_steps(mean: Int32) -> Float32:
    """μ in quantiser steps, exact in float32."""
    return mean.astype(np.float32) / np.float32(1 << MEAN_BITS)


def _centred(table: Table, reach: int) -> Float32:
    """Symmetric distributions as rows of 2·reach + 1 probabilities around symbol 0."""
    symbols = np.arange(-reach, reach + 1)
    columns = symbols - table.low[:, None]
    inside = (columns >= 0) & (columns < table.count[:, None])
    found = np.take_along_axis(table.probability(), columns.clip(0, table.frequency.shape[1] - 1), axis=1)
    return np.where(inside, found, 0)


def _from_left(centred: Float32, count: Int64) -> Float32:
    """Rows of `count` values, an odd number, around the middle column -> the same from the first column on, then 0."""
    places = np.arange(centred.shape[1])
    columns = places + (centred.shape[1] // 2 - count // 2)[:, None]
    found = np.take_along_axis(centred, columns.clip(0, centred.shape[1] - 1), axis=1)
    return np.where(places < count[:, None], found, 0)


def _side_size(size: tuple[int, int]) -> tuple[int, int]:
    return -(-size[0] // SIDE_STRIDE), -(-size[1] // SIDE_STRIDE)


class HyperCoder(Coder):
    """The float hyper-analysis, which the encoder alone needs, and the integers of all else. gaussians: of each σ."""

    def __init__(
        self,
        side_of: Callable[[Latents, Size, Condition, Box, Memo], Int32],
        channels: tuple[int, int],
        integers: Mapping[str, Tensor],
    ) -> None:
        """side_of: y, the size (h, w) of its bottleneck, λ, a rectangle of ẑ and a memo -> ẑ there. channels: (N, M).
        Raises KeyError or ValueError where the integers are none of `Hyper.freeze`."""
        self._side_of, self._channels = side_of, channels
        self._side = DensityTables.from_tensors(integers, "side", channels[0])
        self.gaussians = Table.from_tensors(integers, "gaussians")
        check_integers(integers, channels)
        self._synthesis = HyperSynthesis(integers)
        if len(self.gaussians.low) != len(SCALES):
            raise ValueError("there is a Gaussian for every scale")

    def side_table(self, level: int) -> Table:
        """The distributions of ẑ, one a channel, at a header level."""
        return self._side.at(level)

    def quantise(
        self,
        y: Float32,
        condition: Condition,
        pause: Pause = nothing,
        memo: Memo = anew,
        side: Float32 | None = None,
    ) -> HyperCode:
        def paced(box: Box) -> Float32:
            pause()
            return y[(..., *box.slices)]

        size = size_of(y)
        if side is None:
            rounded = self._side_of(paced, size, condition, whole(_side_size(size)), memo)
        else:
            rounded = np.rint(side).clip(-SIDE_MAX, SIDE_MAX).astype(np.int32)
        mean, scale = self.expected(rounded, size, condition, pause)
        q = np.empty(y.shape, np.int32)
        for channel, values in enumerate(y):  # one by one: of a large picture all of them are hundreds of megabytes
            q[channel] = np.rint(values - _in_steps(mean[channel]))
        return self._code(condition, q, rounded, mean, scale)

    def part(self, y: Latents, size: Size, condition: Condition, box: Box, memo: Memo = anew) -> Float32:
        needed = self._synthesis.reads(box, _side_size(size))
        side = self._side_of(y, size, condition, needed, memo)
        mean = _in_steps(self._synthesis.part(side, condition, needed, _side_size(size), box)[0])
        return np.rint(y(box) - mean) + mean

    def encode(self, code: Code) -> bytes:
        assert isinstance(code, HyperCode)
        return encode([(code.side, code.side_rows, code.side_table), (code.symbols, code.scale, self.gaussians)])

    def decode(self, payload: bytes, size: tuple[int, int], condition: Condition) -> HyperCode:
        h, w = size
        N, M = self._channels
        reader = Reader(payload)
        table, rows = by_channel(self.side_table, condition, _side_size(size), BLOCK, reader)
        side = reader.read((N, *_side_size(size)), rows, table)
        if np.abs(side).max() > SIDE_MAX:
            raise damaged()
        mean, q = np.empty((M, h, w), np.int32), np.empty((M, h, w), np.int32)
        scale = np.empty((M, h, w), np.uint8)
        # Of each strip the first channel is read at once, and what the others take at least is added up: most files
        # that hold less than they claim are refused before all that they claim is worked out.
        least = 0.0
        for box, *expected in self._synthesis.strips(side, condition, size):
            at = (..., *box.slices)
            mean[at], scale[at] = expected
            q[:1][at] = reader.read((1, *box.shape), scale[:1][at], self.gaussians)
            least += float(self.gaussians.least_bits[scale[1:][at]].sum(dtype=np.float64))
            reader.expect(least)
        q[1:] = reader.read((M - 1, h, w), scale[1:], self.gaussians)
        reader.finish()
        return self._code(condition, q, side, mean, scale)

    def expected(
        self, side: Int32, size: tuple[int, int], condition: Condition, pause: Pause = nothing
    ) -> tuple[Int32, UInt8]:
        """ẑ -> what it says of a bottleneck of size (h, w): μ in 1/256 of a step and the place of σ in SCALES, each
        (M, h, w), by integers alone."""
        return self._synthesis.at(side, condition, size, pause)

    def _code(self, condition: Condition, q: Int32, side: Int32, mean: Int32, scale: UInt8) -> HyperCode:
        tables = by_channel(self.side_table, condition, size_of(side), BLOCK)
        return HyperCode(condition, frozen(q), frozen(side), frozen(mean), frozen(scale), self.gaussians, *tables)
