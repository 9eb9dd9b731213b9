"""What training minimises: R + λ·D with noise for the quantiser, its gradients, and how good a model is without noise.

x, λ ─ analysis ─ y ─ + noise ─┬─ prior ─ R (bits per pixel) ─┐
                               └─ synthesis ─ D (MSE) ────────┴─ (R + λ·D)/√λ, mean over samples
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.condition import PAPER_LAMBDAS
from explorer.model import Autoencoder

MARGIN = 0.03  # of the λ axis, beyond either end


class Crops(NamedTuple):
    """What a step sees. x (B, 3, H, W) in [0, 1], channels last; lmbda (B,); grey (B,): 1 where x has no colour."""

    x: Tensor
    lmbda: Tensor
    grey: Tensor


class Objective(nn.Module):
    """The loss of a step, under one of several models that take turns: models, which may share parts.

    chroma: how much dearer an error in colour is on crops without colour, where the eye sees a tint that the mean
    squared error hardly does. dtype: of the convolutions that are not next to the bottleneck."""

    def __init__(self, models: Sequence[Autoencoder], chroma: float, dtype: torch.dtype) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)
        self.chroma, self.dtype = chroma, dtype

    def model(self, turn: int) -> Autoencoder:
        """The model whose turn it is."""
        found = self.models[turn]
        assert isinstance(found, Autoencoder)
        return found

    def forward(self, turn: int, crops: Crops, rounded: bool) -> tuple[Tensor, Tensor]:
        """(the mean loss (R + λD)/√λ, the loss, bits per pixel and PSNR in dB as numbers (3,))."""
        x, lmbda, grey = crops
        # The cache of cast weights must not outlive a step when CUDA replays it.
        with torch.autocast(x.device.type, self.dtype, enabled=self.dtype != torch.float32, cache_enabled=False):
            bpp, mse, tint = rate_distortion(self.model(turn), x, lmbda, rounded)
        loss = ((bpp + lmbda * (mse + self.chroma * grey * tint)) / lmbda.sqrt()).mean()
        return loss, torch.stack([loss.detach(), bpp.detach().mean(), mse.detach().log10().mean() * -10])


def rate_distortion(model: Autoencoder, x: Tensor, lmbda: Tensor, rounded: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy estimate for each sample, x (B, 3, H, W), lmbda (B,) -> bits per pixel (B,), MSE on [0, 1] (B,), and the
    part of it by which the channels' errors differ (B,).

    rounded: the decoder sees rounded latents with a straight-through gradient instead of noisy ones."""
    t = model.position(lmbda)
    y = model.analysis(x, t).float()
    bits, seen = model.prior(y, t, rounded)
    error = model.synthesis(seen, t).float() - x
    tint = error - error.mean(dim=1, keepdim=True)
    mse, tint_mse = (e.pow(2).mean(dim=(1, 2, 3)) for e in (error, tint))
    return bits / (x.shape[2] * x.shape[3]), mse, tint_mse


def draw_lambdas(model: Autoencoder, number: int, device: torch.device) -> Tensor:
    """One λ a sample, one from each of `number` equal parts of the log axis, in random order. The axis is stretched a
    little beyond its ends and clipped, so that the ends, with neighbours on one side only, are learned as well."""
    low, high = model.lambda_range()
    u = (torch.rand(number, device=device) + torch.arange(number, device=device)) / number
    u = u[torch.randperm(number, device=device)]
    if low < high and model.prior.lambdas:
        known = torch.tensor(model.prior.lambdas, device=device)
        return known[(u * len(known)).long()]
    return low * (high / low) ** ((1 + 2 * MARGIN) * u - MARGIN).clamp(0, 1)


def backward(objective: nn.Module, turn: int, crops: Crops, rounded: bool) -> Tensor:
    """Gradients of the mean loss, left in the parameters; returns the objective's numbers (3,)."""
    loss, numbers = objective(turn, crops, rounded)
    loss.backward()
    return numbers


class GraphedBackward:
    """`backward` recorded once as a CUDA graph for each turn and way of rounding, and replayed: at these sizes a step
    is a thousand small kernels, and launching them costs more than running them."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.graphs: dict[tuple[int, bool], tuple[torch.cuda.CUDAGraph, Tensor, list[Tensor | None]]] = {}

    def __call__(self, turn: int, crops: Crops, rounded: bool) -> Tensor:
        if not self.graphs:
            self.crops = Crops(*(part.clone(memory_format=torch.preserve_format) for part in crops))
        for own, new in zip(self.crops, crops, strict=True):
            own.copy_(new)
        if (turn, rounded) not in self.graphs:
            self.graphs[turn, rounded] = self._record(turn, rounded)
        graph, numbers, gradients = self.graphs[turn, rounded]
        graph.replay()
        for p, gradient in zip(self.objective.parameters(), gradients, strict=True):
            p.grad = gradient
        return numbers.clone()

    def _record(self, turn: int, rounded: bool) -> tuple[torch.cuda.CUDAGraph, Tensor, list[Tensor | None]]:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):  # CUDA's libraries choose their kernels and allocate on the first calls
                self.objective.zero_grad(set_to_none=True)
                backward(self.objective, turn, self.crops, rounded)
        torch.cuda.current_stream().wait_stream(side)
        self.objective.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            numbers = backward(self.objective, turn, self.crops, rounded)
        return graph, numbers, [p.grad for p in self.objective.parameters()]


@torch.no_grad()
def evaluate(model: Autoencoder, tiles: Tensor) -> list[dict[str, float]]:
    """Rounded latents, estimated rate: per λ of the paper (or the model's own) the mean bpp, PSNR and J = (R + λD)/√λ
    over tiles (n, S, S, 3) uint8."""
    low, high = model.lambda_range()
    rows = []
    for lmbda in [low] if low == high else PAPER_LAMBDAS:
        parts = [_rounded(model, batch, lmbda) for batch in tiles.split(16)]
        bpp, mse = (torch.cat(values) for values in zip(*parts, strict=True))
        j = ((bpp + lmbda * mse) / math.sqrt(lmbda)).mean().item()
        rows.append({"lambda": lmbda, "bpp": bpp.mean().item(), "psnr": -10 * mse.log10().mean().item(), "J": j})
    return rows


def _rounded(model: Autoencoder, pixels: Tensor, lmbda: float) -> tuple[Tensor, Tensor]:
    x = pixels.permute(0, 3, 1, 2).float() / 255
    t = model.position(lmbda)
    bits, decoded = model.prior.estimate(model.analysis(x, t), t.expand(len(x), -1))
    mse = F.mse_loss(model.synthesis(decoded, t).clamp(0, 1), x, reduction="none").mean(dim=(1, 2, 3))
    return bits / (x.shape[2] * x.shape[3]), mse
