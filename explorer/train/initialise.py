"""The transform-coding initialisation: before any training step the network is a working codec.

It is a linear, hierarchical 16×16 transform codec: stage by stage the data's Karhunen-Loève basis (uncentred, so the
mean is a component) of 4×4×3 pixels, then of 2×2 of those coefficients, then 2×2 again. Each basis sits in the taps of
its block inside the larger kernel; the synthesis holds its transpose. GDN starts near the identity, λ acts as
bottleneck scaling, and the prior knows each channel's deviation. Training departs from there.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from explorer.gdn import GDN, as_parameter
from explorer.model import Autoencoder
from explorer.modulation import Modulator

GAIN_LOW, GAIN_HIGH = 1.5, 10.0  # the bottleneck's gain on unit-range pixels' coefficients at λ = 64 and λ = 4096
FIRST_TAP = (4, 2, 2)  # where each stage's block lies in its kernel: 9×9 stride 4 pad 4, 5×5 stride 2 pad 2 twice
STRIDES = (4, 2, 2)


def klt(blocks: Tensor, components: int) -> Tensor:
    """The strongest uncentred principal directions of blocks (n, d): (components, d) with orthonormal rows; rows of
    zeros where d is smaller."""
    values, vectors = torch.linalg.eigh(blocks.T.double() @ blocks.double() / len(blocks))
    basis = vectors[:, values.argsort(descending=True)[:components]].T.float()
    return torch.cat([basis, basis.new_zeros(components - len(basis), basis.shape[1])])


def to_blocks(x: Tensor, size: int) -> Tensor:
    """x (B, C, H, W) -> its size×size blocks (n, C·size·size) in the order of a convolution's taps."""
    blocks = nn.functional.unfold(x, size, stride=size)
    return blocks.transpose(1, 2).reshape(-1, blocks.shape[1])


@torch.no_grad()
def transform_coding_init(model: Autoencoder, crops: Tensor) -> None:
    """Initialise a modulated model in place from crops (B, 3, H, W) in [0, 1], H and W multiples of 16."""
    x = crops
    stages = zip(model.a_conv, reversed(model.s_conv), STRIDES, FIRST_TAP, strict=True)
    for analysis, synthesis, size, tap in stages:
        basis = klt(to_blocks(x, size), len(analysis.get_parameter("weight")))
        for conv in (analysis, synthesis):
            _place(conv, basis, tap, size)
        x = nn.functional.conv2d(x, basis.reshape(-1, x.shape[1], size, size), stride=size)
    for stage, gdn in enumerate([*model.a_gdn, *model.s_gdn]):
        assert isinstance(gdn, GDN)
        _near_identity(gdn, 1e-6 if stage in (2, 3) else 1e-3)
    deviation = x.pow(2).mean(dim=(0, 2, 3)).sqrt()
    _scale_bottleneck_with_lambda(model, deviation)


def _place(conv: nn.Module, basis: Tensor, tap: int, size: int) -> None:
    """Put basis rows into the kernel's block of taps. A convolution's and its transpose's weights are both (stage's
    coefficients, stage's inputs, …), so one placement serves both. Filters without a component keep a tenth of their
    random start."""
    used = basis.abs().sum(dim=1) > 0
    weight = conv.get_parameter("weight")
    weight[used] = 0
    weight[~used] *= 0.1
    kernel = basis.reshape(len(basis), -1, size, size)
    weight[used, :, tap : tap + size, tap : tap + size] = kernel[used].to(weight)
    conv.get_parameter("bias").zero_()


def _near_identity(gdn: GDN, gamma: float) -> None:
    channels = len(gdn.beta)
    gdn.beta.copy_(as_parameter(torch.ones(channels)))
    gdn.gamma.copy_(as_parameter(gamma * torch.eye(channels)))


def _scale_bottleneck_with_lambda(model: Autoencoder, deviation: Tensor) -> None:
    low, high = math.log(GAIN_LOW), math.log(GAIN_HIGH)
    analysis_gain, synthesis_gain = model.a_mod[2], model.s_mod[0]
    assert isinstance(analysis_gain, Modulator) and isinstance(synthesis_gain, Modulator)
    analysis_gain.set_exponential(low, high)
    synthesis_gain.set_exponential(-low, -high)
    width = torch.log(deviation * GAIN_LOW + 0.03)
    prior_gain = model.prior.get_submodule("gain")
    assert isinstance(prior_gain, Modulator)
    prior_gain.set_exponential(-width, -width + low - high)
