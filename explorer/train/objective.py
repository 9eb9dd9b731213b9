"""What training minimises: R + λ·D with noise for the quantiser, its gradients, and how good a model is without noise.

x, λ ─ analysis ─ y ─ + noise ─┬─ prior ─ R (bits per pixel) ─┐
                               └─ synthesis ─ D (MSE) ────────┴─ (R + λ·D)/√λ, mean over samples
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from explorer.condition import PAPER_LAMBDAS
from explorer.model import Autoencoder

MARGIN = 0.03  # of the λ axis, beyond either end


def rate_distortion(model: Autoencoder, x: Tensor, lmbda: Tensor, rounded: bool) -> tuple[Tensor, Tensor]:
    """Noisy estimate of (bits per pixel, MSE on [0, 1]) for each sample: x (B, 3, H, W), lmbda (B,) -> two (B,).

    rounded: the decoder sees rounded latents with a straight-through gradient instead of noisy ones."""
    t = model.position(lmbda)
    y = model.analysis(x, t).float()
    bits, seen = model.prior(y, t, rounded)
    error = (model.synthesis(seen, t).float() - x).pow(2).mean(dim=(1, 2, 3))
    return bits / (x.shape[2] * x.shape[3]), error


def draw_lambdas(model: Autoencoder, number: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """One λ a sample, one from each of `number` equal parts of the log axis, in random order. The axis is stretched a
    little beyond its ends and clipped, so that the ends, with neighbours on one side only, are learned as well."""
    low, high = model.lambda_range()
    u = (torch.rand(number, generator=generator, device=device) + torch.arange(number, device=device)) / number
    u = u[torch.randperm(number, generator=generator, device=device)]
    if low < high and model.prior.lambdas:
        known = torch.tensor(model.prior.lambdas, device=device)
        return known[(u * len(known)).long()]
    return low * (high / low) ** ((1 + 2 * MARGIN) * u - MARGIN).clamp(0, 1)


def backward(model: Autoencoder, x: Tensor, lmbda: Tensor, rounded: bool) -> Tensor:
    """Gradients of the mean loss (R + λD)/√λ, left in the parameters; returns (loss, bpp, PSNR in dB)."""
    # The cache of cast weights must not outlive a step when CUDA replays it.
    with torch.autocast(x.device.type, torch.bfloat16, enabled=x.device.type == "cuda", cache_enabled=False):
        bpp, mse = rate_distortion(model, x, lmbda, rounded)
    loss = ((bpp + lmbda * mse) / lmbda.sqrt()).mean()
    loss.backward()
    return torch.stack([loss.detach(), bpp.detach().mean(), mse.detach().log10().mean() * -10])


class GraphedBackward:
    """`backward` recorded once as a CUDA graph for each way of rounding and replayed: at these sizes a step is a
    thousand small kernels, and launching them costs more than running them."""

    def __init__(self, model: Autoencoder) -> None:
        self.model = model
        self.graphs: dict[bool, tuple[torch.cuda.CUDAGraph, Tensor, list[Tensor | None]]] = {}

    def __call__(self, x: Tensor, lmbda: Tensor, rounded: bool) -> Tensor:
        if not self.graphs:
            self.x, self.lmbda = x.clone(memory_format=torch.preserve_format), lmbda.clone()
        self.x.copy_(x)
        self.lmbda.copy_(lmbda)
        if rounded not in self.graphs:
            self.graphs[rounded] = self._record(rounded)
        graph, numbers, gradients = self.graphs[rounded]
        graph.replay()
        for p, gradient in zip(self.model.parameters(), gradients, strict=True):
            p.grad = gradient
        return numbers.clone()

    def _record(self, rounded: bool) -> tuple[torch.cuda.CUDAGraph, Tensor, list[Tensor | None]]:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):  # CUDA's libraries choose their kernels and allocate on the first calls
                self.model.zero_grad(set_to_none=True)
                backward(self.model, self.x, self.lmbda, rounded)
        torch.cuda.current_stream().wait_stream(side)
        self.model.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            numbers = backward(self.model, self.x, self.lmbda, rounded)
        return graph, numbers, [p.grad for p in self.model.parameters()]


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
