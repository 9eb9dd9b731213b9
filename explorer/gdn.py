"""Generalised divisive normalisation (Ballé, Laparra and Simoncelli, ICLR 2016), and its inverse.

y_i = x_i / √(β_i + Σ_j γ_ij·x_j²), the inverse multiplies. β ≥ 1e-6 and γ ≥ 0 are kept so by their parameters, as in
CompressAI: the square root of the value plus 2⁻³⁶, bounded from below.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.priors.base import lower_bound

PEDESTAL = 2.0**-36  # keeps the gradient of a square alive at zero
BETA_MIN = 1e-6
GAMMA_START = 0.1


class GDN(nn.Module):
    """(B, C, h, w) -> the same. Under autocast its convolution, a sum of positive terms, may be in bfloat16; the
    squares, the root and the product are not, since their errors would be those of the map itself."""

    def __init__(self, channels: int, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse
        self.beta = nn.Parameter(as_parameter(torch.ones(channels)))
        self.gamma = nn.Parameter(as_parameter(GAMMA_START * torch.eye(channels)))

    def forward(self, x: Tensor) -> Tensor:
        x = x.float() if x.dtype == torch.bfloat16 else x
        pool = F.conv2d(x * x, *self.constants()).to(x.dtype)
        return x * (torch.sqrt(pool) if self.inverse else torch.rsqrt(pool))

    def constants(self) -> tuple[Tensor, Tensor]:
        """γ as the kernel of a 1×1 convolution, (C, C, 1, 1), and β (C,)."""
        gamma = lower_bound(self.gamma, PEDESTAL**0.5).square() - PEDESTAL
        beta = lower_bound(self.beta, (BETA_MIN + PEDESTAL) ** 0.5).square() - PEDESTAL
        return gamma[:, :, None, None], beta


def as_parameter(value: Tensor) -> Tensor:
    """What stands for β or γ among the parameters."""
    return torch.sqrt(torch.clamp(value + PEDESTAL, min=PEDESTAL))
