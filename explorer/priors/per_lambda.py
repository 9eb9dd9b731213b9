"""The paper's own prior without a hyperprior: one factorised density for each of its seven λ, and no λ between them.

    y(λᵢ) ─ round ─ q          P(q) = cᵢ(q + ½) − cᵢ(q − ½)

It is what `factorised` replaces by one density and a gain that depends on λ; here for comparison and for training as
the paper trains.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from explorer.condition import PAPER_LAMBDAS, level_of
from explorer.config import ModelConfig
from explorer.images import InputError
from explorer.modulation import position
from explorer.priors.base import Prior, noisy, straight_through
from explorer.priors.density import Density
from explorer.priors.factorised import FactorisedCoder
from explorer.priors.tables import DensityTables


class PerLambda(Prior):
    """densities: one for each of the paper's λ, over y itself; a fixed model has that of its own λ alone."""

    lambdas = PAPER_LAMBDAS

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.own = PAPER_LAMBDAS if config.lmbda is None else (config.lmbda,)
        self.densities = nn.ModuleList([Density(config.M) for _ in self.own])
        positions = position(torch.tensor(self.own), config.conditioning).flatten()
        self.register_buffer("_positions", positions, persistent=False)

    def forward(self, y: Tensor, t: Tensor, rounded: bool) -> tuple[Tensor, Tensor]:
        with_noise = noisy(y)
        return self._bits(with_noise, t), straight_through(y) if rounded else with_noise

    def relaxed(
        self, y: Tensor, side: Tensor | None, t: Tensor, rounding: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        q = rounding(y)
        return self._bits(q, t.expand(len(y), -1)), q

    def _bits(self, y: Tensor, t: Tensor) -> Tensor:
        """Each sample under the density whose λ is the nearest: training draws λ from the seven."""
        which = (t - self.get_buffer("_positions")).abs().argmin(dim=1)
        bits = y.new_zeros(len(y))
        for i in which.unique().tolist():
            own = y[which == i]
            density = self.densities[i]
            assert isinstance(density, Density)
            bits[which == i] = density.bits(own, own.new_ones(own.shape[:2]))
        return bits

    def gains(self, t: Tensor) -> dict[str, Tensor]:
        return {}

    def folded(self, t: Tensor) -> PerLambda:
        at = int((t - self.get_buffer("_positions")).abs().argmin())
        plain = PerLambda(dataclasses.replace(self.config, kind="fixed", lmbda=PAPER_LAMBDAS[at]))
        plain.densities[0].load_state_dict(self.densities[at].state_dict())
        return plain

    def rescaled(self, low: float, high: float) -> PerLambda:
        raise InputError("Bottleneck scaling is continuous in λ; give it a prior that is, such as factorised.")

    @torch.no_grad()
    def freeze(self) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for i, density in enumerate(self.densities):
            assert isinstance(density, Density)
            found |= DensityTables.build(density, torch.ones(1, self.config.M)).tensors(f"tables{i}")
        return found

    def coder(self, integers: Mapping[str, Tensor]) -> FactorisedCoder:
        places = range(len(self.densities))
        tables = [DensityTables.from_tensors(integers, f"tables{i}", self.config.M) for i in places]
        own = dict(zip(map(level_of, self.own), tables, strict=True))
        return FactorisedCoder(lambda level: own[level].at(level), self.config.M)
