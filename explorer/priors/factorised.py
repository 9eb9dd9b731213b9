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
from explorer.priors.tables import DensityTables, Reader, Table, channel_rows, encode
from explorer.tiles import Box, Size


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
        return self.density.bits(q, self.a(t)), q

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
        return FactorisedCoder(lambda condition: tables.at(condition.level), self.config.M)


@dataclass(frozen=True, eq=False)
class FactorisedCode(Code):
    """Symbols under one distribution for each channel."""

    condition: Condition
    symbols: NDArray[np.int32]
    table: Table

    def part(self, box: Box) -> Float32:
        return self.symbols[(..., *box.slices)].astype(np.float32)

    @cached_property
    def bits(self) -> Float32:
        return frozen(self.table.element_bits(self.symbols, channel_rows(len(self.symbols))))

    def keeping(self, kept: NDArray[np.bool_]) -> FactorisedCode:
        expected = self.table.likeliest[channel_rows(len(self.symbols))]
        return dataclasses.replace(self, symbols=frozen(np.where(kept, self.symbols, expected)))

    def distribution(self) -> Distribution:
        return Distribution(self.table.low, self.table.count, self.table.probability())


class FactorisedCoder(Coder):
    """table_at: the table, one distribution a channel, of a condition. channels: of the bottleneck."""

    def __init__(self, table_at: Callable[[Condition], Table], channels: int) -> None:
        self.table_at, self._channels = table_at, channels

    def quantise(
        self,
        y: Float32,
        condition: Condition,
        pause: Pause = nothing,
        memo: Memo = anew,
        side: Float32 | None = None,
    ) -> FactorisedCode:
        return FactorisedCode(condition, frozen(np.rint(y).astype(np.int32)), self.table_at(condition))

    def part(self, y: Latents, size: Size, condition: Condition, box: Box, memo: Memo = anew) -> Float32:
        return np.rint(y(box))

    def encode(self, code: Code) -> bytes:
        return encode([(code.symbols, channel_rows(self._channels), self.table_at(code.condition))])

    def decode(self, payload: bytes, size: tuple[int, int], condition: Condition) -> FactorisedCode:
        shape, table = (self._channels, *size), self.table_at(condition)
        reader = Reader(payload)
        q = reader.read(shape, channel_rows(self._channels), table)
        reader.finish()
        return FactorisedCode(condition, frozen(q), table)
