"""The λ-conditioned factorised prior: one density for each channel, evaluated on y·a(λ).

    y ─ round ─ q          P(q) = c((q + ½)·a(λ)) − c((q − ½)·a(λ))

The paper trains one density for every λ, so it is defined at those alone (see `per_lambda`). Here a gain a(λ) > 0, one
more perceptron, brings the bottleneck of any λ to about the same statistics, and one density serves them all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer.condition import Condition
from explorer.config import ModelConfig
from explorer.modulation import Modulator
from explorer.pace import Pause, nothing
from explorer.priors.base import (
    GAIN_MAX,
    SIDE,
    STRIDE,
    Code,
    Coder,
    Distribution,
    Float32,
    Latents,
    Memo,
    Prior,
    anew,
    frozen,
    noisy,
    sampled_axis,
    straight_through,
)
from explorer.priors.density import Density
from explorer.priors.tables import DensityTables, Reader, Rows, Table, by_channel, encode
from explorer.tiles import Box, Size, size_of


class Factorised(Prior):
    """density: of u = y·a. gain: a(λ), which a fixed model has folded into its density."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.density = Density(config.M)
        if config.kind != "fixed":
            self.gain = Modulator(config.M, config.hidden)

    def a(self, t: Tensor) -> Tensor:
        """a(λ), (B, M), at most GAIN_MAX."""
        return self.gain(t).clamp(max=GAIN_MAX) if self.config.kind != "fixed" else t.new_ones(len(t), self.config.M)

    def forward(self, y: Tensor, t: Tensor, rounded: bool) -> tuple[Tensor, Tensor]:
        with_noise = noisy(y)
        return self.density.bits(with_noise, self.a(t)), straight_through(y) if rounded else with_noise

    def relaxed(
        self, y: Tensor, side: Tensor | None, t: Tensor, rounding: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        q = rounding(y)
        return self.density.bits(q, self.a(t), SIDE), q

    def gains(self, t: Tensor) -> dict[str, Tensor]:
        return {} if self.config.kind == "fixed" else {"a": self.a(t)}

    def folded(self, t: Tensor) -> Factorised:
        plain = Factorised(dataclasses.replace(self.config, kind="fixed"))
        plain.density = self.density.scaled(self.a(t)[0])
        return plain

    def rescaled(self, low: float, high: float) -> Factorised:
        scaled = Factorised(dataclasses.replace(self.config, kind="bottleneck", lmbda=None))
        scaled.density.load_state_dict(self.density.state_dict())
        scaled.gain.set_exponential(low, high)
        return scaled

    @torch.no_grad()
    def freeze(self) -> dict[str, Tensor]:
        return DensityTables.build(self.density, self.a(sampled_axis(self))).tensors("tables")

    def coder(self, integers: Mapping[str, Tensor]) -> FactorisedCoder:
        tables = DensityTables.from_tensors(integers, "tables", self.config.M)
        return FactorisedCoder(tables.at, self.config.M)


@dataclass(frozen=True, eq=False)
class FactorisedCode(Code):
    """Symbols under one distribution for each channel, or for each channel and λ. table, rows: see `by_channel`."""

    condition: Condition
    symbols: NDArray[np.int32]
    table: Table
    rows: Rows

    def part(self, box: Box) -> Float32:
        return self.symbols[(..., *box.slices)].astype(np.float32)

    @cached_property
    def bits(self) -> Float32:
        return frozen(self.table.element_bits(self.symbols, self.rows))

    def keeping(self, kept: NDArray[np.bool_]) -> FactorisedCode:
        expected = self.table.likeliest[self.rows]
        return dataclasses.replace(self, symbols=frozen(np.where(kept, self.symbols, expected)))

    def distribution(self) -> Distribution:
        channels, table = len(self.symbols), self.table
        lows, counts = (part.reshape(-1, channels) for part in (table.low, table.count))
        first, end = lows.min(axis=0), (lows + counts).max(axis=0)
        of_level = np.bincount((self.rows[0] // channels).ravel()) / self.rows[0].size
        mixed = np.zeros((channels, int((end - first).max())), np.float32)
        for share, low, own in zip(of_level, lows, np.split(table.probability(), len(lows)), strict=True):
            column = np.arange(mixed.shape[1]) + (first - low)[:, None]
            inside = (column >= 0) & (column < own.shape[1])
            found = np.take_along_axis(own, column.clip(0, own.shape[1] - 1), axis=1)
            mixed += np.float32(share) * np.where(inside, found, 0)
        return Distribution(first, end - first, mixed)

    @property
    def nbytes(self) -> int:
        return self.symbols.nbytes + self.rows.nbytes


class FactorisedCoder(Coder):
    """table_at: the table, one distribution a channel, of a header level. channels: of the bottleneck."""

    def __init__(self, table_at: Callable[[int], Table], channels: int) -> None:
        self.table_at, self._channels = table_at, channels

    def quantise(
        self,
        y: Float32,
        condition: Condition,
        pause: Pause = nothing,
        memo: Memo = anew,
        side: Float32 | None = None,
    ) -> FactorisedCode:
        tables = by_channel(self.table_at, condition, size_of(y), STRIDE)
        return FactorisedCode(condition, frozen(np.rint(y).astype(np.int32)), *tables)

    def part(self, y: Latents, size: Size, condition: Condition, box: Box, memo: Memo = anew) -> Float32:
        return np.rint(y(box))

    def encode(self, code: Code) -> bytes:
        assert isinstance(code, FactorisedCode)
        return encode([(code.symbols, code.rows, code.table)])

    def decode(self, payload: bytes, size: tuple[int, int], condition: Condition) -> FactorisedCode:
        reader = Reader(payload)
        table, rows = by_channel(self.table_at, condition, size, STRIDE, reader)
        q = reader.read((self._channels, *size), rows, table)
        reader.finish()
        return FactorisedCode(condition, frozen(q), table, rows)
