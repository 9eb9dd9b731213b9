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
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.condition import Condition
from explorer.images import InputError
from explorer.modulation import Modulator, as_map, position
from explorer.priors.base import (
    GAIN_MAX,
    Code,
    Coder,
    Distribution,
    Float32,
    Int64,
    Prior,
    frozen,
    lower_bound,
    noisy,
    pad_to,
    sampled_axis,
    straight_through,
)
from explorer.priors.density import LIKELIHOOD_MIN, Density
from explorer.priors.integers import MEAN_BITS, SCALES, SIDE_MAX, HyperSynthesis, freeze_synthesis
from explorer.priors.tables import DensityTables, Reader, Table, channel_rows, encode, gaussian_table

if TYPE_CHECKING:
    from explorer.model import ModelConfig

SIDE_STRIDE = 4  # elements of y, in each direction, that an element of z stands for
SCALE_MIN = 0.04  # of a quantiser step: what is narrower is certain already
LOG_SCALE_MAX = 8.0  # of σ_u, in either direction


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
        x = torch.asinh(pad_to(y, SIDE_STRIDE) * as_map(self.a(t)))
        for k, conv in enumerate(self.ha_conv):
            x = self._modulated(conv(x), self.ha_mod, k, t)
            x = F.relu(x) if k < 2 else x.float()
        return x

    def expected(self, side: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """The hyper-synthesis: ẑ -> (μ, σ) of y, each (B, M, 4·h', 4·w'), in quantiser steps."""
        x = side
        for k, conv in enumerate(self.hs_conv[:2]):
            x = F.relu(self._modulated(conv(x), self.hs_mod, k, t))
        with torch.autocast(x.device.type, enabled=False):
            mean, log_scale = self.hs_conv[2](x.float()).chunk(2, dim=1)
            a = as_map(self.a(t)).float()
            scale = log_scale.clamp(-LOG_SCALE_MAX, LOG_SCALE_MAX).exp() / a
            return mean / a, lower_bound(scale, SCALE_MIN)

    @staticmethod
    def _modulated(x: Tensor, modulators: nn.ModuleList, k: int, t: Tensor) -> Tensor:
        return x * as_map(modulators[k](t)) if len(modulators) else x

    # -- training --------------------------------------------------------------------------------------------------

    def forward(self, y: Tensor, t: Tensor, rounded: bool) -> tuple[Tensor, Tensor]:
        z = self.side(y, t)
        mean, scale = self._expected_of(y, straight_through(z), t)
        with_noise = noisy(y)
        with torch.autocast(y.device.type, enabled=False):
            bits = gaussian_bits(with_noise - mean, scale) + self.z_density.bits(noisy(z), self.a_z(t).float())
        return bits, mean + straight_through(y - mean) if rounded else with_noise

    def estimate(self, y: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        z = torch.round(self.side(y, t))
        mean, scale = self._expected_of(y, z, t)
        q = torch.round(y - mean)
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
        return HyperCoder(self, integers)


def gaussian_bits(difference: Tensor, scale: Tensor) -> Tensor:
    """−log₂ of the mass of N(0, scale²) on [d − ½, d + ½], summed over each sample: (B,) bits."""
    distance = difference.abs()  # on the side where the error function is far from 1
    below, above = (0.5 * torch.erfc((distance + end) / (math.sqrt(2) * scale)) for end in (0.5, -0.5))
    return -torch.log2(lower_bound(above - below, LIKELIHOOD_MIN)).sum(dim=(1, 2, 3))


# -- the coder -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class HyperCode(Code):
    """ẑ and the residual q of y, with what ẑ makes the decoder expect.

    symbols: q. side (N, h', w') int32: ẑ. mean (M, h, w) int32: μ in 1/256 of a quantiser step. scale (M, h, w): the
    place of σ in SCALES. gaussians, side_table: the distributions of q and of ẑ.
    """

    condition: Condition
    symbols: NDArray[np.int32]
    side: NDArray[np.int32]
    mean: NDArray[np.int32]
    scale: Int64
    gaussians: Table
    side_table: Table

    @cached_property
    def decoded(self) -> Float32:
        return frozen(self.symbols + self.mean_steps)

    @property
    def mean_steps(self) -> Float32:
        """μ in quantiser steps, exact in float32."""
        return self.mean.astype(np.float32) / np.float32(1 << MEAN_BITS)

    @cached_property
    def bits(self) -> Float32:
        return frozen(self.gaussians.element_bits(self.symbols, self.scale))

    @cached_property
    def side_element_bits(self) -> Float32:
        """What each element of ẑ costs, (N, h', w') float32."""
        return frozen(self.side_table.element_bits(self.side, channel_rows(len(self.side))))

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

    def distribution(self) -> Distribution:
        channels, scales = len(self.symbols), len(self.gaussians.low)
        flat = self.scale.reshape(channels, -1)
        counts = np.stack([np.bincount(row, minlength=scales) for row in flat]) / flat.shape[1]
        half = self.gaussians.count // 2
        widest = np.array([half[row > 0].max() for row in counts])
        centred = np.zeros((scales, 2 * int(widest.max()) + 1), np.float32)
        for row, (own, probability) in enumerate(zip(half, self.gaussians.probability(), strict=True)):
            own = min(own, int(widest.max()))
            middle, reach = self.gaussians.count[row] // 2, centred.shape[1] // 2
            centred[row, reach - own : reach + own + 1] = probability[middle - own : middle + own + 1]
        mixed = (counts @ centred).astype(np.float32)
        low, count = -widest, 2 * widest + 1
        return Distribution(low, count, _left_aligned(mixed, count))

    @property
    def planes(self) -> dict[str, Float32]:
        scales = np.array(SCALES, dtype=np.float32)
        return {"z": self.side.astype(np.float32), "μ": self.mean_steps, "σ": scales[self.scale]}

    @property
    def nbytes(self) -> int:
        return self.symbols.nbytes + self.side.nbytes + self.mean.nbytes + self.scale.nbytes


def _left_aligned(centred: Float32, count: Int64) -> Float32:
    """Rows of odd `count` values around the middle column -> the same from the first column on."""
    middle = centred.shape[1] // 2
    columns = np.arange(centred.shape[1]) + (middle - count // 2)[:, None]
    inside = np.arange(centred.shape[1]) < count[:, None]
    return np.where(inside, np.take_along_axis(centred, columns.clip(0, centred.shape[1] - 1), axis=1), 0)


class HyperCoder(Coder):
    """The float hyper-analysis, which only the encoder needs, and the integers of all else."""

    def __init__(self, prior: Hyper, integers: Mapping[str, Tensor]) -> None:
        """Raises KeyError or ValueError where the integers are none of `Hyper.freeze`."""
        self._prior = prior
        self._side = DensityTables.from_tensors(integers, "side")
        self._gaussians = Table.from_tensors(integers, "gaussians")
        self._synthesis = HyperSynthesis(integers)
        if len(self._gaussians.low) != len(SCALES):
            raise ValueError("there is a Gaussian for every scale")

    def quantise(self, y: Float32, condition: Condition) -> HyperCode:
        with torch.inference_mode():
            parameter = self._prior.get_parameter("ha_conv.0.weight")
            t = position(torch.tensor([condition.lmbda]).to(parameter), self._prior.config.conditioning)
            z = self._prior.side(torch.from_numpy(np.array(y))[None].to(parameter), t)
        side = torch.round(z[0]).clamp(-SIDE_MAX, SIDE_MAX).cpu().numpy().astype(np.int32)
        mean, scale = self._expected(side, y.shape[1:], condition)
        q = np.rint(y - mean.astype(np.float32) / np.float32(1 << MEAN_BITS)).astype(np.int32)
        return self._code(condition, q, side, mean, scale)

    def encode(self, code: Code) -> bytes:
        assert isinstance(code, HyperCode)
        side = code.side, channel_rows(len(code.side)), code.side_table
        return encode([side, (code.symbols, code.scale, self._gaussians)])

    def decode(self, payload: bytes, size: tuple[int, int], condition: Condition) -> HyperCode:
        h, w = size
        config, table = self._prior.config, self._side.at(condition.level)
        shape = config.N, -(-h // SIDE_STRIDE), -(-w // SIDE_STRIDE)
        reader = Reader(payload, int(np.prod(shape)) + config.M * h * w)
        side = reader.read(shape, channel_rows(config.N), table)
        if np.abs(side).max() > SIDE_MAX:
            raise InputError("The payload of this file is damaged; encode the picture again.")
        mean, scale = self._expected(side, size, condition)
        return self._code(condition, reader.read((config.M, h, w), scale, self._gaussians), side, mean, scale)

    def _expected(
        self, side: NDArray[np.int32], size: tuple[int, ...], condition: Condition
    ) -> tuple[NDArray[np.int32], Int64]:
        h, w = size
        mean, scale = self._synthesis.at(side, condition.level)
        return mean[:, :h, :w], scale[:, :h, :w]

    def _code(
        self,
        condition: Condition,
        q: NDArray[np.int32],
        side: NDArray[np.int32],
        mean: NDArray[np.int32],
        scale: Int64,
    ) -> HyperCode:
        table = self._side.at(condition.level)
        return HyperCode(condition, *map(frozen, (q, side, mean, scale)), self._gaussians, table)
