"""The modulated hyperprior: a second, coarser code z says of each element of y which mean and which scale to expect.

    u = y·a(λ)                                 the λ-normalised bottleneck, of about the same statistics at every λ
    asinh(u) ─ conv 1×1 ×h₀ ReLU ─ conv 5×5/2 ×h₁ ReLU ─ conv 5×5/2 ×h₂ ─ z ─ round ─ ẑ       (a density on z·a_z(λ))
    μ_u, log σ_u ─ conv 1×1 ─ ReLU ×g₁ tconv 5×5·2 ─ ReLU ×g₀ tconv 5×5·2 ─ ẑ                    (read right to left)
    μ = μ_u/a, σ = max(σ_u/a, σ_min);  q = round(y − μ), ŷ = q + μ;  P(q) = Φ((q + ½)/σ) − Φ((q − ½)/σ)

The paper's second model: the scale hyperprior of Ballé et al. (2018), its transforms modulated as well, here with means
(Minnen et al. 2018, without context). One element of z stands for 4×4 of y, 64×64 pixels. What the decoder derives from
ẑ has to be the same on every machine: see `integers`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.condition import Condition
from explorer.config import ModelConfig, Stage
from explorer.lambda_map import BLOCK
from explorer.modulation import Modulator, as_map, position, spread, stages
from explorer.priors.base import (
    GAIN_MAX,
    SIDE,
    STRIDE,
    Latents,
    Memo,
    Prior,
    anew,
    lower_bound,
    noisy,
    pad_to,
    sampled_axis,
    straight_through,
)
from explorer.priors.density import LIKELIHOOD_MIN, Density
from explorer.priors.hypercode import SIDE_STRIDE, HyperCoder
from explorer.priors.integers import LOG_SCALE_MAX, SCALES, SIDE_MAX, freeze_synthesis
from explorer.priors.tables import DensityTables, Int32, gaussian_table
from explorer.tiles import Box, Grid, Part, Size, convolve, paste, reads, size_of

SCALE_MIN = 0.04  # of a quantiser step: what is narrower is certain already


class ConstantGain(nn.Module):
    """A gain that no λ moves, where a modulator stands in other kinds of model."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.log_value = nn.Parameter(torch.zeros(channels))

    def forward(self, t: Tensor) -> Tensor:
        return self.log_value.exp().expand(len(t), -1)


class Hyper(Prior):
    """ha_conv, ha_mod: the hyper-analysis; hs_conv, hs_mod: the hyper-synthesis, in data order; gain: a(λ); z_density,
    z_gain: of ẑ under a_z(λ). A fixed model has the modulators of a modulated one folded into its convolutions and its
    density, bottleneck scaling has those of a(λ) and a_z(λ) alone."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        N, M, hidden = config.N, config.M, config.hidden
        self.ha_conv = nn.ModuleList([nn.Conv2d(M, N, 1), nn.Conv2d(N, N, 5, 2, 2), nn.Conv2d(N, N, 5, 2, 2)])
        self.hs_conv = nn.ModuleList(
            [
                nn.ConvTranspose2d(N, N, 5, 2, 2, output_padding=1),
                nn.ConvTranspose2d(N, N, 5, 2, 2, output_padding=1),
                nn.Conv2d(N, 2 * M, 1),
            ]
        )
        modulated = config.kind == "modulated"
        self.ha_mod = nn.ModuleList([Modulator(N, hidden) for _ in range(3)] if modulated else [])
        self.hs_mod = nn.ModuleList([Modulator(N, hidden) for _ in range(2)] if modulated else [])
        self.z_density = Density(N)
        self.gain: nn.Module = ConstantGain(M) if config.kind == "fixed" else Modulator(M, hidden)
        if config.kind != "fixed":
            self.z_gain = Modulator(N, hidden)

    def a(self, t: Tensor) -> Tensor:
        """a(λ), (B, M), at most GAIN_MAX."""
        return self.gain(t).clamp(max=GAIN_MAX)

    def a_z(self, t: Tensor) -> Tensor:
        """a_z(λ), (B, N), at most GAIN_MAX; 1 for a fixed model."""
        return self.z_gain(t).clamp(max=GAIN_MAX) if self.config.kind != "fixed" else t.new_ones(len(t), self.config.N)

    # -- hyper-transforms ------------------------------------------------------------------------------------------

    def side(self, y: Tensor, t: Tensor) -> Tensor:
        """The hyper-analysis: y (B, M, h, w) -> z (B, N, ⌈h/4⌉, ⌈w/4⌉) before rounding."""
        x = torch.asinh(pad_to(y, SIDE_STRIDE) * as_map(self.a(t), SIDE))
        for k, conv in enumerate(self.ha_conv):
            x = self._modulated(conv(x), self.ha_mod, k, t, SIDE >> k)
            x = F.relu(x) if k < 2 else x.float()
        return x

    def expected(self, side: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """The hyper-synthesis: ẑ -> (μ, σ) of y, each (B, M, 4·h', 4·w'), in quantiser steps."""
        x = side
        for k, conv in enumerate(self.hs_conv[:2]):
            x = F.relu(self._modulated(conv(x), self.hs_mod, k, t, 2 << k))
        with torch.autocast(x.device.type, enabled=False):
            mean, log_scale = self.hs_conv[2](x.float()).chunk(2, dim=1)
            a = as_map(self.a(t), SIDE).float()
            scale = log_scale.clamp(-LOG_SCALE_MAX, LOG_SCALE_MAX).exp() / a
            return mean / a, lower_bound(scale, SCALE_MIN)

    @staticmethod
    def _modulated(x: Tensor, modulators: nn.ModuleList, k: int, t: Tensor, side: int) -> Tensor:
        return x * as_map(modulators[k](t), side) if len(modulators) else x

    def stages(self) -> list[Stage]:
        return stages("h", self.ha_conv, "h", len(self.ha_mod)) + stages("g", self.hs_conv, "g", len(self.hs_mod))

    # -- training --------------------------------------------------------------------------------------------------

    def forward(self, y: Tensor, t: Tensor, rounded: bool) -> tuple[Tensor, Tensor]:
        z = self.side(y, t)
        mean, scale = self._expected_of(y, straight_through(z), t)
        with_noise = noisy(y)
        with torch.autocast(y.device.type, enabled=False):
            bits = gaussian_bits(with_noise - mean, scale) + self.z_density.bits(noisy(z), self.a_z(t).float())
        return bits, mean + straight_through(y - mean) if rounded else with_noise

    def relaxed(
        self, y: Tensor, side: Tensor | None, t: Tensor, rounding: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        assert side is not None
        z = rounding(side)
        mean, scale = self._expected_of(y, z, t)
        q = rounding(y - mean)
        return gaussian_bits(q, scale) + self.z_density.bits(z, self.a_z(t)), q + mean

    def _expected_of(self, y: Tensor, side: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        mean, scale = self.expected(side, t)
        h, w = y.shape[-2:]
        return mean[..., :h, :w], scale[..., :h, :w]

    def gains(self, t: Tensor) -> dict[str, Tensor]:
        if self.config.kind == "fixed":
            return {}
        found = {"a": self.a(t)}
        found |= {f"h{k}": modulator(t) for k, modulator in enumerate(self.ha_mod)}
        found |= {f"g{k}": modulator(t) for k, modulator in enumerate(self.hs_mod)}
        return found | {"a_z": self.a_z(t)}

    # -- other kinds -----------------------------------------------------------------------------------------------

    @torch.no_grad()
    def folded(self, t: Tensor) -> Hyper:
        plain = Hyper(dataclasses.replace(self.config, kind="fixed")).to(t.device, t.dtype)
        plain.load_state_dict({name: p for name, p in self.state_dict().items() if "_conv." in name}, strict=False)
        for conv, modulator in zip([*plain.ha_conv, *plain.hs_conv], [*self.ha_mod, *self.hs_mod], strict=False):
            gain, weight = modulator(t)[0], conv.get_parameter("weight")
            along = 1 if isinstance(conv, nn.ConvTranspose2d) else 0  # the axis of the output's channels
            weight.mul_(gain.reshape([-1 if axis == along else 1 for axis in range(4)]))
            conv.get_parameter("bias").mul_(gain)
        plain.gain.get_parameter("log_value").copy_(self.a(t)[0].log())
        plain.z_density = self.z_density.scaled(self.a_z(t)[0])
        return plain

    def rescaled(self, low: float, high: float) -> Hyper:
        scaled = Hyper(dataclasses.replace(self.config, kind="bottleneck", lmbda=None))
        own = {name: p for name, p in self.state_dict().items() if not name.startswith("gain.")}
        scaled.load_state_dict(own, strict=False)
        assert isinstance(scaled.gain, Modulator)
        log_a = self.gain.get_parameter("log_value")
        scaled.gain.set_exponential(log_a + low, log_a + high)
        return scaled

    # -- coding ----------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def freeze(self) -> dict[str, Tensor]:
        t = sampled_axis(self)
        side = DensityTables.build(self.z_density, self.a_z(t)).tensors("side")
        gaussians = gaussian_table(SCALES).tensors("gaussians")
        gains = [modulator(t) for modulator in self.hs_mod]
        return side | gaussians | freeze_synthesis(self.hs_conv, gains, self.a(t))

    def coder(self, integers: Mapping[str, Tensor]) -> HyperCoder:
        return HyperCoder(self.rounded_side, (self.config.N, self.config.M), integers)

    @torch.inference_mode()
    def rounded_side(self, y: Latents, size: Size, condition: Condition, box: Box, memo: Memo = anew) -> Int32:
        """ẑ (N, …), int32, of a rectangle of it, as the encoder finds it: tile by tile of y's grid, so that a rectangle
        is a part of the whole to the last bit."""
        found = np.empty((self.config.N, *box.shape), np.int32)
        for tile in Grid(size).covering(box.times(SIDE_STRIDE)):
            at = tile.over(SIDE_STRIDE)
            paste(found, box, memo(tile, partial(self._rounded_tile, y, size, condition, at)), at)
        return found

    def _rounded_tile(self, *of_tile: Any) -> Int32:
        z = torch.round(self._side_of_tile(*of_tile)).clamp_(-SIDE_MAX, SIDE_MAX)
        return z[0].cpu().numpy().astype(np.int32)

    def _side_of_tile(self, y: Latents, size: Size, condition: Condition, at: Box) -> Tensor:
        """z (1, N, …) of a rectangle of it; like `side`, but for what lies around."""
        padded = (-(-size[0] // SIDE_STRIDE) * SIDE_STRIDE, -(-size[1] // SIDE_STRIDE) * SIDE_STRIDE)
        finer = padded[0] // 2, padded[1] // 2
        middle = reads(self.ha_conv[2], at, finer)
        wide = reads(self.ha_conv[1], middle, padded)
        known = y(wide.within(size))
        missing = [(0, wanted - there) for wanted, there in zip(wide.shape, size_of(known), strict=True)]
        known = np.pad(known, [(0, 0), *missing], mode="edge")  # also a copy: arrays are read-only
        x = torch.from_numpy(known)[None].to(self._parameter).contiguous(memory_format=torch.channels_last)
        part = Part(torch.asinh(x * self._spread(self.a, condition, wide, STRIDE)), wide, padded)
        for k, (output, stride) in enumerate(((wide, STRIDE), (middle, 2 * STRIDE), (at, BLOCK))):
            part = convolve(self.ha_conv[k], part, output)
            values = part.values
            if len(self.ha_mod):
                values = values * self._spread(self.ha_mod[k], condition, output, stride)
            part = part.with_values(F.relu(values) if k < 2 else values.float())
        return part.values

    @property
    def _parameter(self) -> Tensor:
        """For the device and the precision."""
        return self.get_parameter("ha_conv.0.weight")

    def _spread(self, gain: Callable[[Tensor], Tensor], condition: Condition, box: Box, stride: int) -> Tensor:
        """A gain over a rectangle of its map, `stride` pixels to an element."""

        def gain_at(lmbda: float) -> Tensor:
            return as_map(gain(position(torch.tensor([lmbda]).to(self._parameter), self.config.conditioning)))

        return spread(gain_at, condition, box, stride)


def gaussian_bits(difference: Tensor, scale: Tensor) -> Tensor:
    """−log₂ of the mass of N(0, scale²) on [d − ½, d + ½], summed over each sample: (B,) bits."""
    distance = difference.abs()  # on the side where the error function is far from 1
    below, above = (0.5 * torch.erfc((distance + end) / (math.sqrt(2) * scale)) for end in (0.5, -0.5))
    return -torch.log2(lower_bound(above - below, LIKELIHOOD_MIN)).sum(dim=(1, 2, 3))
