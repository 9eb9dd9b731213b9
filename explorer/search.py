"""The encoder's search: its answer is only a first guess, and a better y for this one picture is found by gradient.

    y, z ─┬─ round ─ file, J₀                                    J = bits/pixel of the file + λ·MSE of its 8-bit picture
          └─ Adam on the relaxed J, rounding ever harder ─ round ─ file, J₁         the file with the smaller J is kept

Decoder and file format are as they were; under a λ map each pixel's error counts by λ there. Rounding is relaxed by
stochastic Gumbel annealing (Yang, Bamler and Mandt 2020): an element is drawn towards one of its two neighbouring
integers, the nearer the likelier, and ever more so as the temperature falls. What is besides y in a file, z of a
hyperprior, is searched with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from time import perf_counter
from typing import NamedTuple

import torch
from torch import Tensor

from explorer import inside
from explorer.codecs.learned import LearnedCodec
from explorer.condition import Condition
from explorer.distortion import Distortion
from explorer.images import InputError
from explorer.model import STRIDE
from explorer.pace import Pause, nothing
from explorer.priors.base import SIDE, Float32
from explorer.priors.hypercode import SIDE_STRIDE
from explorer.runtime import Pixels
from explorer.tiles import ONE_TILE, Box, Size, size_of, whole

VERSION = 1  # of what this module does, which rows of measurements name
ITERATIONS = (0, 100, 2000)  # of each effort
STEP = 0.005  # of Adam, in quantiser steps
WARMEST, COLDEST = 0.5, 0.15  # temperatures; their fall is geometric, over the whole search
CROP = 64  # elements of y to the side of what is searched at once where the picture is larger than one tile,
HALO = 4  # and so many around, whose own values are searched again elsewhere: a multiple of what one of z stands for


@dataclass(frozen=True)
class Progress:
    """How far a search is. done, total: iterations, those of all crops of a large picture. start, cost: J of the
    encoder's own answer and of this iteration, as the search estimates both, in bits per pixel of the crop; while
    rounding is soft it costs more than it will. seconds_left: until the end, at the pace so far."""

    done: int
    total: int
    start: float
    cost: float
    seconds_left: float


Tell = Callable[[Progress], None]


class Enough(Exception):
    """Raised by who is told of the progress: the search ends now, with what it has."""


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


@torch.inference_mode(False)
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

    effort: see `ITERATIONS`. tell: is told of every iteration; where it raises `Enough` what there is by then is taken,
    and any other exception ends the search without a result. pause: see `explorer.pace`.
    """
    first = model.pack(model.quantise(y, condition, pause), *pixels.shape[:2])
    found = _Search(model, pixels, y, condition, ITERATIONS[check_effort(effort)], pause)
    found.run(int.from_bytes(sha256(first).digest()[:7]), tell)
    second = model.pack(model.quantise(found.y, condition, pause, side=found.side), *pixels.shape[:2])
    return min(first, second, key=partial(cost_of, model, pixels, pause=pause))


def cost_of(model: LearnedCodec, pixels: Pixels, data: bytes, pause: Pause = nothing) -> float:
    """J of a file in bits per pixel: its bytes, and the mean over all pixels of λ there times the squared error of its
    picture, on [0, 1]."""
    code, header = model.decode_code(data)
    decoded = model.synthesise(code.part, code.condition, header.height, header.width, pause)
    return inside.cost(code.condition, len(data), (header.height, header.width), inside.block_error(pixels, decoded))


def annealed(values: Tensor, temperature: float, random: torch.Generator) -> Tensor:
    """Each value between its two neighbouring integers, drawn at random: the nearer the likelier and, as the
    temperature falls to 0, the nearest alone. The gradient is that of Gumbel's softmax of two."""
    below = values.detach().floor()
    share = (values - below).clamp(1e-4, 1 - 1e-4)
    uniform = torch.rand(values.shape, generator=random, device=values.device).clamp_(1e-6, 1 - 1e-6)
    noise = torch.logit(uniform)  # the difference of two of Gumbel's
    return below + torch.sigmoid(((torch.atanh(share) - torch.atanh(1 - share)) / temperature + noise) / temperature)


def _temperature(share: float) -> float:
    """After a share in [0, 1] of a search."""
    return WARMEST * (COLDEST / WARMEST) ** share


class Crop(NamedTuple):
    """A rectangle of y with its halo, and the rectangle that is kept of it."""

    around: Box
    kept: Box


def crops(size: Size) -> list[Crop]:
    """What is searched at a time of a bottleneck of `size`: all of it where it is no larger than one tile."""
    h, w = size
    if h * w <= ONE_TILE:
        return [Crop(Box(0, 0, h, w), Box(0, 0, h, w))]
    corners = [(top, left) for top in range(0, h, CROP) for left in range(0, w, CROP)]
    return [
        Crop(
            Box(top - HALO, left - HALO, top + CROP + HALO, left + CROP + HALO).within(size),
            Box(top, left, top + CROP, left + CROP).within(size),
        )
        for top, left in corners
    ]


class _Search:
    """y and what a file holds besides it, as arrays that a search improves crop by crop."""

    def __init__(
        self,
        model: LearnedCodec,
        pixels: Pixels,
        y: Float32,
        condition: Condition,
        iterations: int,
        pause: Pause,
    ) -> None:
        self._network, self._pixels, self._pause = model.network, pixels, pause
        self._iterations, self._condition = iterations, condition
        with torch.no_grad():
            side = model.network.prior.side(self._tensor(y), self._position(whole(size_of(y))))
        self.y, self.side = y.copy(), None if side is None else side[0].float().cpu().numpy()

    def run(self, seed: int, tell: Tell) -> None:
        """Search all crops, or until `tell` has enough."""
        todo, began = crops(size_of(self.y)), perf_counter()
        total = len(todo) * self._iterations

        def told(before: int, done: int, start: float, cost: float) -> None:
            done += before
            tell(Progress(done, total, start, cost, (perf_counter() - began) / done * (total - done)))

        for number, crop in enumerate(todo):
            random = torch.Generator(self._network.weight.device).manual_seed(seed + number)
            try:
                self._descend(crop, random, partial(told, number * self._iterations))
            except Enough:
                return

    @torch.enable_grad()
    def _descend(self, crop: Crop, random: torch.Generator, tell: Callable[[int, float, float], None]) -> None:
        prior, box, lmbda = self._network.prior, crop.around, self._condition.lmbda
        pixels = self._pixels[box.times(STRIDE).slices]
        distortion = Distortion(self._network, pixels, self._condition, box, self._pause)
        with torch.no_grad():
            t = self._position(box)
        y = self._tensor(self.y[(..., *box.slices)])
        side = None if self.side is None else self._tensor(self.side[(..., *box.over(SIDE_STRIDE).slices)])

        def cost(rounding: Callable[[Tensor], Tensor]) -> Tensor:
            bits, decoded = prior.relaxed(y, side, t, rounding)
            return 3 * bits[0] / pixels.size + lmbda * distortion.of(decoded)

        with torch.no_grad():
            start = cost(torch.round).item()
        sought = [each.requires_grad_() for each in (y, side) if each is not None]
        optimiser = torch.optim.Adam(sought, lr=STEP)
        try:
            for done in range(self._iterations):
                now = cost(partial(annealed, temperature=_temperature(done / self._iterations), random=random))
                optimiser.zero_grad()
                now.backward()
                optimiser.step()
                tell(done + 1, start, now.item())
        finally:
            self._keep(self.y, y, crop, 1)
            if self.side is not None and side is not None:
                self._keep(self.side, side, crop, SIDE_STRIDE)

    def _position(self, box: Box) -> Tensor:
        """The modulators' input for a rectangle of y, that of each block of a λ map: see `Prior.relaxed`."""
        network, condition = self._network, self._condition
        if condition.map is None:
            return network.position(condition.lmbda)
        lambdas = torch.from_numpy(condition.by_block[box.over(SIDE).slices])
        return network.position(lambdas.flatten()).reshape(1, *lambdas.shape, 1)

    @staticmethod
    def _keep(whole: Float32, found: Tensor, crop: Crop, stride: int) -> None:
        """Copy what is kept of a crop into a map with `stride` elements of y to one of its own."""
        kept = crop.kept.over(stride)
        inside = found.detach()[(0, ..., *kept.beside(crop.around.over(stride)).slices)]
        whole[(..., *kept.slices)] = inside.float().cpu().numpy()

    def _tensor(self, values: Float32) -> Tensor:
        """(C, h, w) -> (1, C, h, w), a copy."""
        tensor = torch.from_numpy(values.copy())[None].to(self._network.weight)
        return tensor.contiguous(memory_format=torch.channels_last)
