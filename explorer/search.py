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
from itertools import count
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

ITERATIONS = (0, 100, 2000)  # of each effort; those of effort 1, whose file is a candidate, are among those of effort 2
VERSIONS = (0, 1, 2)  # of what a search with each effort does, which rows of measurements name
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


@dataclass(frozen=True)
class Schedule:
    """What falls over a search, geometrically. temperatures: the first and the last one. steps: of Adam, in quantiser
    steps. floor: of a gradient, in bits to a quantiser step: an element with less moves by less than a step. For Adam
    moves all alike, and where rounding is warm those that J hardly depends on drift away, in 2000 iterations so far
    that the factorised prior has to pay for all that was gained."""

    temperatures: tuple[float, float]
    steps: tuple[float, float]
    floor: float


SCHEDULES = {1: Schedule((0.5, 0.15), (0.005, 0.005), 0), 2: Schedule((0.5, 0.1), (0.01, 0.001), 1)}  # of each effort
SMALLEST_FLOOR = 1e-8  # of a gradient of J, Adam's own

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
    one than the encoder's own, or than a smaller effort finds. The same arguments give the same file on one machine.

    effort: see `ITERATIONS`. tell: is told of every iteration; where it raises `Enough` what there is by then is taken,
    and any other exception ends the search without a result. pause: see `explorer.pace`.
    """
    files = [model.pack(model.quantise(y, condition, pause), *pixels.shape[:2])]
    seed = int.from_bytes(sha256(files[0]).digest()[:7])
    total, began, numbers = len(crops(size_of(y))) * ITERATIONS[check_effort(effort)], perf_counter(), count(1)

    def told(start: float, cost: float) -> None:
        done = next(numbers)
        tell(Progress(done, total, start, cost, (perf_counter() - began) / done * (total - done)))

    for each in range(1, effort + 1):
        found = _Search(model, pixels, y, condition, each, pause)
        is_through = found.run(seed, told)
        files.append(model.pack(model.quantise(found.y, condition, pause, side=found.side), *pixels.shape[:2]))
        if not is_through:
            break
    return min(files, key=partial(cost_of, model, pixels, pause=pause))


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


def fallen(ends: tuple[float, float], share: float) -> float:
    """What falls from the first of two values to the last, geometrically, after a share in [0, 1] of the way."""
    first, last = ends
    return first * (last / first) ** share


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
        effort: int,
        pause: Pause,
    ) -> None:
        self._network, self._pixels, self._pause = model.network, pixels, pause
        self._condition, self._schedule = condition, SCHEDULES[effort]
        self._iterations = ITERATIONS[effort] - ITERATIONS[effort - 1]
        with torch.no_grad():
            side = model.network.prior.side(self._tensor(y), self._position(whole(size_of(y))))
        self.y, self.side = y.copy(), None if side is None else side[0].float().cpu().numpy()

    def run(self, seed: int, tell: Callable[[float, float], None]) -> bool:
        """Search all crops, or until `tell` has enough: whether it has not. tell: is told of each iteration, with
        `start` and `cost` of `Progress`."""
        for number, crop in enumerate(crops(size_of(self.y))):
            random = torch.Generator(self._network.weight.device).manual_seed(seed + number)
            try:
                self._descend(crop, random, tell)
            except Enough:
                return False
        return True

    @torch.enable_grad()
    def _descend(self, crop: Crop, random: torch.Generator, tell: Callable[[float, float], None]) -> None:
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
        schedule, floor = self._schedule, 3 * self._schedule.floor / pixels.size
        optimiser = torch.optim.Adam(sought, eps=max(floor, SMALLEST_FLOOR))
        try:
            for done in range(self._iterations):
                share = done / self._iterations
                optimiser.param_groups[0]["lr"] = fallen(schedule.steps, share)
                temperature = fallen(schedule.temperatures, share)
                now = cost(partial(annealed, temperature=temperature, random=random))
                optimiser.zero_grad()
                now.backward()
                optimiser.step()
                tell(start, now.item())
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
        values = found.detach()[(0, ..., *kept.beside(crop.around.over(stride)).slices)]
        whole[(..., *kept.slices)] = values.float().cpu().numpy()

    def _tensor(self, values: Float32) -> Tensor:
        """(C, h, w) -> (1, C, h, w), a copy."""
        tensor = torch.from_numpy(values.copy())[None].to(self._network.weight)
        return tensor.contiguous(memory_format=torch.channels_last)
