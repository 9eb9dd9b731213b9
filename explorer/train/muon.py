"""Muon (Jordan et al. 2024): momentum whose every update is made orthogonal by a Newton-Schulz iteration.

PyTorch has Muon as well, but iterates in bfloat16 everywhere: on a CPU without bfloat16 units that is a quarter of a
training step. This one iterates in the precision that the device is fast at, and takes convolution kernels as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration, as published
ITERATIONS = 5


def orthogonalise(matrix: Tensor) -> Tensor:
    """The nearest semi-orthogonal matrix, roughly: (rows, columns) -> the same with singular values near 1."""
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    x = wide / (wide.norm() + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x if wide is matrix else x.T


class Muon(torch.optim.Optimizer):
    """For parameters of two or more dimensions, taken as (first dimension, all others) matrices. The update's size is
    0.2·√max(rows, columns), which matches that of Adam at the same learning rate."""

    def __init__(self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p.grad)
                average = state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                nesterov = p.grad.lerp(average, group["momentum"]).reshape(len(p), -1)
                update = orthogonalise(nesterov.bfloat16() if p.is_cuda else nesterov)
                scale = 0.2 * max(update.shape) ** 0.5
                p.add_(update.reshape(p.shape).to(p.dtype), alpha=-group["lr"] * scale)
