"""The modulated autoencoder of Yang et al. (IEEE SPL 2020, arXiv 1912.05526), in the paper's order.

    x ─ conv₀ ×m₀(λ) GDN ─ conv₁ ×m₁(λ) GDN ─ conv₂ ×m₂(λ) GDN ─ y ─ round ─ ŷ
    x̂ ─ tconv₂ ×d₂(λ) IGDN ─ tconv₁ ×d₁(λ) IGDN ─ tconv₀ ×d₀(λ) IGDN ─────── ŷ      (read right to left)

Analysis: 9×9 stride 4, then 5×5 stride 2 twice, so one element of y stands for 16×16 pixels. The transforms are those
of Ballé, Laparra and Simoncelli (ICLR 2017). x is float in [0, 1]; the loss is R + λ·D with R in bits per pixel and D
the mean squared error on [0, 1]; λ in [64, 4096].
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile, takewhile

import torch
from torch import Tensor, nn

from explorer.condition import LAMBDA_MAX, LAMBDA_MIN, snap
from explorer.config import ModelConfig, Stage
from explorer.gdn import GDN
from explorer.images import InputError
from explorer.modulation import Modulator, as_map, in_float, position, stages
from explorer.priors import PRIORS

CONVOLUTIONS = ((9, 4), (5, 2), (5, 2))  # (kernel, stride) of each analysis stage; the synthesis mirrors them
STRIDE = math.prod(stride for _, stride in CONVOLUTIONS)  # pixels, in each direction, that an element of y stands for
LAYERS = (  # every intermediate map of the modulated kind, in data order; the last one is x̂, not clipped
    *(f"a{k}.{step}" for k in range(3) for step in ("conv", "mod", "gdn")),
    *(f"s{k}.{step}" for k in range(3) for step in ("igdn", "mod", "conv")),
)


@dataclass(frozen=True, eq=False)
class Step:
    """One operation of a transform. name: that of the map that it makes. layer: a convolution, a GDN or a modulator,
    whose gain multiplies the map, or divides it. exact: in float32 under autocast."""

    name: str
    layer: nn.Module
    exact: bool = False
    divides: bool = False

    @property
    def conditioned(self) -> bool:
        """Whether λ has a say in it: what is no convolution and no GDN is a modulator, also one of another kind."""
        return not isinstance(self.layer, (nn.Conv2d, nn.ConvTranspose2d, GDN))

    def gain(self, t: Tensor) -> Tensor:
        """What a modulator's step multiplies the map by at t (B, 1): (B, C, 1, 1)."""
        gain = as_map(self.layer(t))
        return 1 / gain if self.divides else gain

    def apply(self, x: Tensor, t: Tensor) -> Tensor:
        """The whole map (B, C, h, w) at t (B, 1)."""
        if self.conditioned:
            return x * self.gain(t)
        return in_float(self.layer, x) if self.exact else self.layer(x)


def _run(steps: Iterable[Step], x: Tensor, t: Tensor, until: str | None = None) -> Tensor:
    for step in steps:
        x = step.apply(x, t)
        if step.name == until:
            break
    return x


class Autoencoder(nn.Module):
    """The shared autoencoder with its modulators and its prior.

    a_conv, a_mod, a_gdn: the three analysis stages; s_gdn, s_mod, s_conv: the three synthesis stages, in data order.
    prior: what makes bits of y.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        N, M = config.N, config.M
        self.a_conv = nn.ModuleList(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2)
            for inputs, outputs, (kernel, stride) in zip((3, N, N), (N, N, M), CONVOLUTIONS, strict=True)
        )
        self.a_gdn = nn.ModuleList([GDN(N), GDN(N), GDN(M)])
        self.s_gdn = nn.ModuleList([GDN(M, inverse=True), GDN(N, inverse=True), GDN(N, inverse=True)])
        self.s_conv = nn.ModuleList(
            nn.ConvTranspose2d(inputs, outputs, kernel, stride, kernel // 2, output_padding=stride - 1)
            for inputs, outputs, (kernel, stride) in zip((M, N, N), (N, N, 3), reversed(CONVOLUTIONS), strict=True)
        )
        modulated = config.kind == "modulated"
        self.a_mod = nn.ModuleList([Modulator(c, config.hidden) for c in (N, N, M)] if modulated else [])
        self.s_mod = nn.ModuleList([Modulator(c, config.hidden) for c in (M, N, N)] if modulated else [])
        if config.kind == "bottleneck":
            self.y_mod = Modulator(M, config.hidden)
        self.prior = PRIORS[config.prior](config)

    @property
    def weight(self) -> Tensor:
        """A weight of the network, for its device and precision."""
        return self.get_parameter("a_conv.0.weight")

    # -- λ ---------------------------------------------------------------------------------------------------------

    def lambda_range(self) -> tuple[float, float]:
        """The λ that this model can code at: one value for a fixed model."""
        lmbda = self.config.lmbda
        return (lmbda, lmbda) if lmbda is not None else (LAMBDA_MIN, LAMBDA_MAX)

    def position(self, lmbda: Tensor | float) -> Tensor:
        """λ, a number or (B,) -> the modulators' input (B, 1)."""
        weight = self.weight
        return position(torch.as_tensor(lmbda, dtype=weight.dtype, device=weight.device), self.config.conditioning)

    def gains(self, t: Tensor) -> dict[str, Tensor]:
        """Every modulator's gains at t (B, 1), each (B, channels): "m0" to "m2" of the analysis, "d0" to "d2" of the
        synthesis (paper Eq. 3 and 4) or "y" of bottleneck scaling, and those of the prior; none for a fixed model."""
        found = {f"m{k}": modulator(t) for k, modulator in enumerate(self.a_mod)}
        found |= {f"d{k}": modulator(t) for k, modulator in enumerate(self.s_mod)}
        if self.config.kind == "bottleneck":
            found["y"] = self.y_mod(t)
        return found | self.prior.gains(t)

    def stages(self) -> list[Stage]:
        """The convolutions of the analysis, the synthesis and the prior's own transforms, each in data order."""
        analysis = stages("a", self.a_conv, "m", len(self.a_mod))
        return analysis + stages("s", self.s_conv, "d", len(self.s_mod)) + self.prior.stages()

    # -- transforms ------------------------------------------------------------------------------------------------

    def stem(self, x: Tensor) -> Tensor:
        """The part of the analysis that no λ touches: x (B, 3, H, W) in [0, 1] -> (B, N, H/4, W/4) for a modulated
        model, its first convolution; (B, M, H/16, W/16), everything up to the last GDN, for the other kinds."""
        any_t = x.new_zeros(1, 1)
        return _run(takewhile(lambda step: not step.conditioned, self.analysis_steps()), x, any_t)

    def analysis_from_stem(self, u: Tensor, t: Tensor) -> Tensor:
        """The rest of the analysis: stem's output -> y (B, M, H/16, W/16), paper Eq. 3."""
        return _run(dropwhile(lambda step: not step.conditioned, self.analysis_steps()), u, t)

    def analysis(self, x: Tensor, t: Tensor, until: str | None = None) -> Tensor:
        """x (B, 3, H, W) in [0, 1], H and W multiples of 16 -> y (B, M, H/16, W/16), before rounding, or the map named
        `until`, one of `layers`, on the way there."""
        return _run(self.analysis_steps(), x, t, until)

    def synthesis(self, y: Tensor, t: Tensor, until: str | None = None) -> Tensor:
        """ŷ (B, M, h, w) -> x̂ (B, 3, 16h, 16w), not clipped, paper Eq. 4, or the map named `until` on the way there."""
        return _run(self.synthesis_steps(), y, t, until)

    def layers(self) -> tuple[str, ...]:
        """Names of the intermediate maps that this kind of model has, in data order: `LAYERS` for a modulated one; for
        the others those without the modulations, and around the bottleneck of bottleneck scaling "y.mod", y after its
        gains, and "y.div", ŷ divided by them."""
        return self.analysis_layers() + self.synthesis_layers()

    def analysis_layers(self) -> tuple[str, ...]:
        """The first part of `layers`, those that a picture leaves on its way to y."""
        return tuple(step.name for step in self.analysis_steps())

    def synthesis_layers(self) -> tuple[str, ...]:
        """The second part of `layers`, those from ŷ to x̂."""
        return tuple(step.name for step in self.synthesis_steps())

    def analysis_steps(self) -> list[Step]:
        """The operations from x to y, in data order."""
        steps = []
        for k in range(3):
            steps.append(Step(f"a{k}.conv", self.a_conv[k], exact=k == 2))
            if len(self.a_mod):
                steps.append(Step(f"a{k}.mod", self.a_mod[k]))
            steps.append(Step(f"a{k}.gdn", self.a_gdn[k]))
        return [*steps, Step("y.mod", self.y_mod)] if self.config.kind == "bottleneck" else steps

    def synthesis_steps(self) -> list[Step]:
        """The operations from ŷ to x̂, in data order."""
        steps = [Step("y.div", self.y_mod, divides=True)] if self.config.kind == "bottleneck" else []
        for k in range(3):
            steps.append(Step(f"s{k}.igdn", self.s_gdn[k]))
            if len(self.s_mod):
                steps.append(Step(f"s{k}.mod", self.s_mod[k]))
            steps.append(Step(f"s{k}.conv", self.s_conv[k], exact=k == 0))
        return steps

    @torch.no_grad()
    def fold(self, lmbda: float) -> Autoencoder:
        """The plain fixed-λ autoencoder with the same output: each gain goes into the rows of the convolution that it
        scales (synthesis gains into the columns of the one they feed), those of the prior into its own weights."""
        if self.config.kind != "modulated":
            raise InputError("Only a modulated model can be folded; this one has no modulators left.")
        t = self.position(snap(lmbda))
        plain = Autoencoder(replace(self.config, kind="fixed", lmbda=float(lmbda))).to(t.device, t.dtype)
        plain.load_state_dict(transforms_of(copy.deepcopy(self.state_dict())), strict=False)
        for analysis, synthesis, m, d in zip(plain.a_conv, plain.s_conv, self.a_mod, self.s_mod, strict=True):
            gain = m(t)[0]
            analysis.get_parameter("weight").mul_(gain[:, None, None, None])
            analysis.get_parameter("bias").mul_(gain)
            synthesis.get_parameter("weight").mul_(d(t)[0][:, None, None, None])
        plain.prior.load_state_dict(self.prior.folded(t).state_dict())
        return plain


def scale_bottleneck(model: Autoencoder) -> Autoencoder:
    """Bottleneck scaling (Theis et al. 2017) on a fixed model, which is to be the λ = 4096 one: its weights, with gains
    that start where high-rate theory has them: D ∝ step², so the best step is ∝ 1/√λ, and the gain ∝ √λ."""
    scaled = Autoencoder(replace(model.config, kind="bottleneck", lmbda=None))
    scaled.load_state_dict(transforms_of(model.state_dict()), strict=False)
    lowest = 0.5 * math.log(LAMBDA_MIN / LAMBDA_MAX)
    scaled.y_mod.set_exponential(lowest, 0.0)
    scaled.prior = model.prior.rescaled(-lowest, 0.0)
    return scaled


def subpixel(conv: nn.ConvTranspose2d) -> nn.Conv2d:
    """A transposed convolution of stride s to C channels as a convolution to s²·C, one set for each place in a block of
    s×s outputs (Shi et al. 2016): channel (s·row + column)·C + c."""
    kernel, stride, padding = conv.kernel_size[0], conv.stride[0], conv.padding[0]
    assert isinstance(padding, int)
    reach = max((stride - 1 + padding) // stride, (kernel - 1 - padding) // stride)
    side = 2 * reach + 1
    weight, bias = conv.weight.detach(), conv.get_parameter("bias").detach()
    kernels = weight.new_zeros(stride, stride, *weight.shape[1::-1], side, side)
    places = [
        (at, offset, at + padding - stride * offset) for at in range(stride) for offset in range(-reach, reach + 1)
    ]
    taps = [(at, offset + reach, tap) for at, offset, tap in places if 0 <= tap < kernel]
    for row, down, i in taps:
        for column, across, j in taps:
            kernels[row, column, :, :, down, across] = weight[:, :, i, j].T
    made = nn.Conv2d(conv.in_channels, stride**2 * conv.out_channels, side, padding=reach).to(weight)
    made.weight.data, made.bias.data = kernels.flatten(0, 2), bias.repeat(stride**2)  # type: ignore[union-attr]
    return made.requires_grad_(False)


def transforms_of(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The part of a state that is not the prior's."""
    return {name: tensor for name, tensor in state.items() if not name.startswith("prior.")}


def parameter_count(models: Sequence[Autoencoder]) -> int:
    """Parameters of one model, or of a set that together covers the λ axis (paper Table I)."""
    return sum(p.numel() for model in models for p in model.parameters())
