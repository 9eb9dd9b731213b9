"""How far from the picture the decoder ends, as a function of ŷ with a gradient: what the encoder's search descends.

    ŷ ─ IGDN·d₀ ─ tconv ─ IGDN·d₁ ─ tconv ─ IGDN·d₂ ─ 4×4 blocks of x̂, clipped ─ mean square of x̂ − x
    └──── float32 ────┘   └ bfloat16, where the machine computes in it ┘

The numbers are those of the runtime's synthesis but for rounding. Weights have no gradient, a gain is a part of its
IGDN's β and γ, and an IGDN keeps no more than its gradient needs.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer import images
from explorer.gdn import GDN
from explorer.model import STRIDE, Autoencoder, subpixel
from explorer.modulation import as_map
from explorer.pace import Pause
from explorer.runtime import BLOCK, Pixels, fast_precision


class Distortion:
    """Of one picture at one λ."""

    def __init__(self, network: Autoencoder, pixels: Pixels, t: Tensor, pause: Pause) -> None:
        """pixels: (H, W, 3) uint8. t: the modulators' input at λ, (1, 1). pause: called at every layer, forth and back,
        see `explorer.pace`."""
        height, width = pixels.shape[:2]
        picture = images.to_tensor(pixels).to(network.weight)
        padding = (0, -width % STRIDE, 0, -height % STRIDE)
        self._target, self._inside = (_blocks(F.pad(x, padding)) for x in (picture, torch.ones_like(picture)))
        self._values, self._pause = picture.numel(), pause
        # y reaches hundreds, where bfloat16 is coarser than the quantiser: the first stage is at full precision.
        self._fast = getattr(torch, fast_precision(t.device))
        kinds = (t.dtype, self._fast, self._fast)
        gains = [modulator(t)[0] for modulator in network.s_mod] or [t.new_ones(()) for _ in network.s_gdn]
        self._norms = [_norm(*of_stage) for of_stage in zip(network.s_gdn, gains, kinds, strict=True)]
        self._divisor = as_map(network.y_mod(t)) if network.config.kind == "bottleneck" else None
        convs = [*network.s_conv[:-1], subpixel(network.s_conv[-1])]  # type: ignore[arg-type]
        self._convs = [_ready(copy.deepcopy(conv), kind) for conv, kind in zip(convs, kinds, strict=True)]

    def of(self, decoded: Tensor) -> Tensor:
        """ŷ (1, M, h, w) -> the mean squared error on [0, 1]."""
        x = decoded if self._divisor is None else decoded / self._divisor
        for norm, conv in zip(self._norms, self._convs, strict=True):
            x = self._paced(conv(_Igdn.apply(x, *norm))).to(self._fast)
        return ((x.float().clamp(0, 1) - self._target) * self._inside).square().sum() / self._values

    def _paced(self, x: Tensor) -> Tensor:
        self._pause()
        if x.requires_grad:
            x.register_hook(lambda _: self._pause())
        return x


class _Igdn(torch.autograd.Function):
    """x·√(β + γ·x²), which keeps two maps for its gradient, and of its constants needs none."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:  # type: ignore[override]
        root = F.conv2d(x * x, gamma, beta).sqrt_()
        ctx.save_for_backward(x, root)
        ctx.gamma = gamma
        return x * root

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        x, root = ctx.saved_tensors
        through_norm = F.conv2d((gradient * x).div_(root), ctx.gamma.transpose(0, 1))
        return through_norm.mul_(x).addcmul_(gradient, root), None, None


def _norm(layer: nn.Module, gain: Tensor, kind: torch.dtype) -> tuple[Tensor, Tensor]:
    """γ and β of an inverse GDN whose output a gain (C,) multiplies."""
    assert isinstance(layer, GDN)
    gamma, beta = layer.constants()
    square = gain.square()
    return (gamma * square.reshape(-1, 1, 1, 1)).to(kind), (beta * square).to(kind)


def _ready(layer: nn.Module, kind: torch.dtype) -> nn.Module:
    return layer.to(kind).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _blocks(x: Tensor) -> Tensor:
    """(1, 3, 4h, 4w) -> (1, 48, h, w), in the order of `subpixel`."""
    split = x.unflatten(3, (-1, BLOCK)).unflatten(2, (-1, BLOCK))
    return split.permute(0, 3, 5, 1, 2, 4).flatten(1, 3).contiguous(memory_format=torch.channels_last)
