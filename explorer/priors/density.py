"""A trainable density for each channel: the non-parametric factorised one of Ballé et al. (2018), appendix 6.1.

Its cumulative c is the sigmoid of a small monotone network; the probability of an element y under a gain a is
c((y + ½)·a) − c((y − ½)·a), so that one density serves whatever the gain makes of it.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.modulation import as_map
from explorer.priors.base import lower_bound

WIDTHS = (1, 3, 3, 3, 3, 1)  # of the monotone network's layers
INIT_SCALE = 0.5  # of the density before training: u = y·a is of about unit deviation
LIKELIHOOD_MIN = 1e-9


class Density(nn.Module):
    """One density per channel over u = y·a; the names of its parameters are those that the field's weights have."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        scale = INIT_SCALE ** (1 / (len(WIDTHS) - 1))
        self.matrices, self.biases, self.factors = nn.ParameterList(), nn.ParameterList(), nn.ParameterList()
        for inputs, outputs in pairwise(WIDTHS):
            start = math.log(math.expm1(1 / scale / outputs))
            self.matrices.append(nn.Parameter(torch.full((channels, outputs, inputs), start)))
            self.biases.append(nn.Parameter(torch.empty(channels, outputs, 1).uniform_(-0.5, 0.5)))
        for outputs in WIDTHS[1:-1]:
            self.factors.append(nn.Parameter(torch.zeros(channels, outputs, 1)))

    def logits(self, u: Tensor) -> Tensor:
        """u (M, 1, n) -> the logit of each channel's cumulative there, (M, 1, n); increasing in u."""
        for i, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            u = torch.matmul(F.softplus(matrix), u) + bias
            if i < len(self.factors):
                u = u + torch.tanh(self.factors[i]) * torch.tanh(u)
        return u

    def likelihood(self, y: Tensor, a: Tensor, side: int = 1) -> Tensor:
        """Probability of each element of y (B, M, h, w), with noise or rounded, under gains a (B, M), or those of each
        block, see `as_map`; in [1e-9, 1]."""
        batch, channels, h, w = y.shape
        gain = as_map(a, side)[..., :h, :w]
        # A double product rather than (y ± ½)·a on the map: the matrix products want (M, 1, elements).
        u = (y * gain).transpose(0, 1).reshape(channels, 1, -1)
        half = (0.5 * gain).expand(batch, channels, h, w).transpose(0, 1).reshape(channels, 1, -1)
        lower, upper = self.logits(u - half), self.logits(u + half)
        # Both logits on the side where the sigmoid is far from 1, where float32 can still tell the difference. Where
        # they cancel exactly, as those of a symmetric silent channel do, either side is as good.
        sign = torch.where(lower + upper > 0, -1.0, 1.0).detach()
        p = torch.abs(torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower))
        return lower_bound(p, LIKELIHOOD_MIN).reshape(channels, batch, h, w).transpose(0, 1)

    def bits(self, y: Tensor, a: Tensor, side: int = 1) -> Tensor:
        """−log₂ likelihood, summed over each sample: (B,) bits."""
        with torch.autocast(y.device.type, enabled=False):  # bfloat16 cannot tell neighbouring logits apart
            return -torch.log2(self.likelihood(y, a, side)).sum(dim=(1, 2, 3))

    @torch.no_grad()
    def scaled(self, gain: Tensor) -> Density:
        """The density whose likelihood without a gain is this one's under `gain` (M,)."""
        channels = len(self.biases[0])
        plain = Density(channels).to(gain.device, gain.dtype)
        plain.load_state_dict(self.state_dict())
        steep = F.softplus(self.matrices[0]) * gain[:, None, None]
        # softplus⁻¹, also where its exponential overflows
        plain.matrices[0].copy_(steep + torch.log(-torch.expm1(-steep)))
        return plain
