"""The encoder's search: its answer is only a first guess, and a better y for this one picture is found by gradient.

    y ─┬─ round ─ file, J₀                                       J = bits/pixel of the file + λ·MSE of its 8-bit picture
       └─ Adam on the relaxed J, rounding ever harder ─ round ─ file, J₁            the file with the smaller J is kept

Decoder and file format are as they were. Relaxed rounding is stochastic Gumbel annealing (Yang, Bamler and Mandt 2020):
an element is drawn towards one of its two neighbouring integers, and as the temperature falls towards the nearer one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from time import perf_counter

import torch
from torch import Tensor
from torch.nn import functional as F

from explorer import images, metrics
from explorer.codecs.learned import LearnedCodec
from explorer.condition import Condition
from explorer.images import InputError
from explorer.model import STRIDE, Autoencoder, subpixel
from explorer.pace import Pause, nothing
from explorer.priors.base import Float32
from explorer.runtime import BLOCK, Pixels

ITERATIONS = (0, 100, 2000)  # of each effort
RATE = 0.005  # of Adam's steps, in quantiser steps
WARMEST, COLDEST = 0.5, 0.05  # temperatures


@dataclass(frozen=True)
class Progress:
    """How far a search is. done, total: iterations. start: J of the encoder's own answer, in bits per pixel. cost: J of
    this iteration as the search estimates it. seconds_left: until its end, at the pace so far."""

    done: int
    total: int
    start: float
    cost: float
    seconds_left: float


Tell = Callable[[Progress], None]


class Enough(Exception):
    """Raised by who is told of the progress: the search ends now, with the best that it has."""


def unheard(_: Progress) -> None:
    """For a search that nobody watches."""


def check_effort(effort: int) -> int:
    """The effort itself; InputError where there is none such."""
    if effort not in range(len(ITERATIONS)):
        raise InputError(f"Effort is 0, 1 or 2, but {effort} was given.")
    return effort


def name_of(model: str, effort: int) -> str:
    """The name of a model as a codec at an effort: "mae@1", and at effort 0 "mae" itself."""
    return f"{model}@{effort}" if effort else model


def search(
    model: LearnedCodec,
    pixels: Pixels,
    y: Float32,
    condition: Condition,
    effort: int,
    tell: Tell = unheard,
    pause: Pause = nothing,
) -> bytes:
    """The best file that is found for a picture (H, W, 3) uint8, from the encoder's own y (M, h, w) on; never a worse
    one than the encoder's own. The same arguments give the same file on one machine.

    effort: 0, 1 or 2, see `ITERATIONS`. tell: is told of every iteration; where it raises `Enough` the best so far is
    kept, and any other exception ends the search without a result. pause: see `explorer.pace`.
    """
    if condition.map:
        raise InputError("The search is for one λ; take the λ map away, or choose effort 0.")
    height, width = pixels.shape[:2]
    first = model.pack(model.quantise(y, condition, pause), height, width)
    start = cost_of(model, pixels, first, pause)
    refined, side = _refine(model, pixels, y, condition, ITERATIONS[check_effort(effort)], start, first, tell, pause)
    found = model.pack(model.quantise(refined, condition, pause, side=side), height, width)
    return found if cost_of(model, pixels, found, pause) < start else first


def cost_of(model: LearnedCodec, pixels: Pixels, data: bytes, pause: Pause = nothing) -> float:
    """J of a file in bits per pixel: its bytes, and λ times the mean squared error of its picture, on [0, 1]."""
    code, header = model.decode_code(data)
    decoded = model.synthesise(code.part, code.condition, header.height, header.width, pause)
    error = 10 ** (-metrics.psnr(pixels, decoded) / 10)
    return metrics.bpp(len(data), header.height, header.width) + code.condition.lmbda * error


def _refine(
    model: LearnedCodec,
    pixels: Pixels,
    y: Float32,
    condition: Condition,
    iterations: int,
    start: float,
    seed: bytes,
    tell: Tell,
    pause: Pause,
) -> tuple[Float32, Float32 | None]:
    network = model.network
    prior, device = network.prior, network.weight.device
    random = torch.Generator(device).manual_seed(int.from_bytes(sha256(seed).digest()[:8]) >> 1)
    with torch.no_grad():
        t = network.position(condition.lmbda)
        latents = torch.from_numpy(y.copy())[None].to(device).contiguous(memory_format=torch.channels_last)
        side = prior.side(latents, t)
        distortion = _Distortion(network, pixels, t, pause)
    sought = [each.requires_grad_() for each in (latents, side) if each is not None]
    optimiser = torch.optim.Adam(sought, lr=RATE)
    pixel_count = pixels.shape[0] * pixels.shape[1]
    began = perf_counter()
    for done in range(iterations):
        temperature = WARMEST * (COLDEST / WARMEST) ** (done / max(iterations - 1, 1))

        def rounding(values: Tensor, temperature: float = temperature) -> Tensor:
            return annealed(values, temperature, random)

        bits, decoded = prior.relaxed(latents, side, t, rounding)
        cost = bits[0] / pixel_count + condition.lmbda * distortion.of(decoded)
        optimiser.zero_grad()
        cost.backward()
        optimiser.step()
        pause()
        left = (perf_counter() - began) / (done + 1) * (iterations - done - 1)
        try:
            tell(Progress(done + 1, iterations, start, cost.item(), left))
        except Enough:
            break
    found = latents.detach()[0].float().cpu().numpy()
    return found, None if side is None else side.detach()[0].float().cpu().numpy()


def annealed(values: Tensor, temperature: float, random: torch.Generator) -> Tensor:
    """Each value between its two neighbouring integers, drawn at random: the nearer the likelier and, as the
    temperature falls to 0, the nearest alone. The gradient is that of Gumbel's softmax of two."""
    below = values.detach().floor()
    share = (values - below).clamp(1e-4, 1 - 1e-4)
    uniform = torch.rand(values.shape, generator=random, device=values.device).clamp_(1e-6, 1 - 1e-6)
    noise = torch.log(uniform) - torch.log1p(-uniform)  # the difference of two of Gumbel's is logistic
    return below + torch.sigmoid(((torch.atanh(share) - torch.atanh(1 - share)) / temperature + noise) / temperature)


class _Distortion:
    """The synthesis at one λ as a function with a gradient, and how far from the picture it ends."""

    def __init__(self, network: Autoencoder, pixels: Pixels, t: Tensor, pause: Pause) -> None:
        self._steps = network.synthesis_steps()
        self._gains = {step.name: step.gain(t) for step in self._steps if step.conditioned}
        self._last = subpixel(self._steps[-1].layer).to(memory_format=torch.channels_last)  # type: ignore
        self._pause = pause
        height, width = pixels.shape[:2]
        target = images.to_tensor(pixels).to(network.weight)
        padding = (0, -width % STRIDE, 0, -height % STRIDE)
        self._target = F.pad(target, padding)
        self._inside = F.pad(torch.ones_like(target), padding)
        self._values = target.numel()

    def of(self, decoded: Tensor) -> Tensor:
        """ŷ (1, M, h, w) -> the mean squared error on [0, 1]."""
        x = decoded
        for step in self._steps[:-1]:
            x = x * self._gains[step.name] if step.conditioned else step.layer(x)
        blocks = self._last(x)
        shaped = blocks.unflatten(1, (BLOCK, BLOCK, 3)).permute(0, 3, 4, 1, 5, 2).flatten(4, 5).flatten(2, 3)
        return ((shaped.clamp(0, 1) - self._target) * self._inside).square().sum() / self._values
