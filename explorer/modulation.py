"""What λ does to a map: one positive gain per channel (Yang et al. 2020, Eq. 3–5).

λ ─ position t in [0, 1] ─ Modulator ─ gain (B, C) ─ × map (B, C, h, w)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.condition import LAMBDA_MAX, LAMBDA_MIN, Condition, lambda_of
from explorer.config import Stage
from explorer.tiles import Box


class Modulator(nn.Module):
    """λ's position t -> one positive gain per channel: exp(W₂·relu(W₁·t + b₁) + b₂), paper Eq. 5 with exp for its last
    activation. t (B, 1) -> (B, channels)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(1, hidden)
        self.fc2 = nn.Linear(hidden, channels)
        with torch.no_grad():
            # Unit 0 passes t through, the others bend at places spread over the axis; the gain starts at 1 everywhere.
            self.fc1.weight.fill_(1.0)
            self.fc1.bias.copy_(-torch.linspace(0, 1, hidden + 1)[:hidden])
            self.fc2.weight.zero_()
            self.fc2.bias.zero_()

    def forward(self, t: Tensor) -> Tensor:
        return self.fc2(F.relu(self.fc1(t))).exp()

    @torch.no_grad()
    def set_exponential(self, log_start: Tensor | float, log_end: Tensor | float) -> None:
        """Make the gain exp(log_start + t·(log_end − log_start)), a straight line on the log axis."""
        self.fc2.weight.zero_()
        start, end = torch.as_tensor(log_start), torch.as_tensor(log_end)
        self.fc2.bias.copy_(start.expand_as(self.fc2.bias))
        self.fc2.weight[:, 0] = end - start


def position(lmbda: Tensor, conditioning: str) -> Tensor:
    """λ (B,) -> the modulators' input (B, 1): t = log(λ/64)/log(64) for "log", the paper's λ/4096 for "linear"."""
    value = lmbda.reshape(-1, 1)
    return (
        value / LAMBDA_MAX
        if conditioning == "linear"
        else torch.log(value / LAMBDA_MIN) / math.log(LAMBDA_MAX / LAMBDA_MIN)
    )


def stages(transform: str, convolutions: Iterable[nn.Module], modulators: str, modulated: int) -> list[Stage]:
    """The convolutions of a transform, in data order, as `Stage`s; transform, modulators: the letters of their names.
    modulated: how many of them have a modulator, the first ones."""
    found = []
    for k, conv in enumerate(convolutions):
        assert isinstance(conv, nn.Conv2d | nn.ConvTranspose2d)
        enlarges = isinstance(conv, nn.ConvTranspose2d)
        name = f"{modulators}{k}" if k < modulated else ""
        found.append(Stage(f"{transform}{k}", conv.kernel_size[0], conv.stride[0], enlarges, conv.out_channels, name))
    return found


def as_map(gain: Tensor, side: int = 1) -> Tensor:
    """A gain (B, C) as it multiplies a map: (B, C, 1, 1). One of each block of λ, (B, rows, columns, C), with `side`
    elements of the map to a block's side: (B, C, side·rows, side·columns)."""
    if gain.ndim == 2:
        return gain[:, :, None, None]
    return gain.permute(0, 3, 1, 2).repeat_interleave(side, 2).repeat_interleave(side, 3)


def spread(
    gain_at: Callable[[float], Tensor], condition: Condition, box: Box, stride: int, ramped: bool = False
) -> Tensor:
    """What a modulator multiplies a rectangle of its map by, `stride` pixels to an element: (1, C, 1, 1), or, where λ
    differs from place to place, (1, C, rows, columns), channels last. Each place has the very numbers of its own λ.
    gain_at: λ -> (1, C, 1, 1). ramped: see `LambdaMap.eighths`."""
    if condition.map is None:
        return gain_at(condition.lmbda)
    levels, index = condition.places(box, stride, ramped)
    gains = torch.cat([gain_at(lambda_of(level)).flatten(1) for level in levels.tolist()])
    return gains[torch.from_numpy(index).to(gains.device)].permute(2, 0, 1)[None]


def in_float(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Run a layer at full precision under autocast. What lies next to the bottleneck needs it: y reaches hundreds,
    where bfloat16 is coarser than the quantiser."""
    with torch.autocast(x.device.type, enabled=False):
        return layer(x.float() if x.dtype == torch.bfloat16 else x)
