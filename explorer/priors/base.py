"""The contract of a prior: all that stands between the bottleneck y and the payload of a file.

    training   y ─ Prior.forward(noise) ─ bits, what the decoder sees
    once       Prior.freeze ─ integers, kept in the checkpoint ─ Prior.coder
    coding     y ─ Coder.quantise ─ Code ─ Coder.encode ─ payload ─ Coder.decode ─ the same Code

A `Prior` is float and is trained with the transforms. A `Coder` decodes by integers alone, so that a file means the
same symbols on every machine. A `Code` is one bottleneck as a file holds it: what views show of it comes from there.
To add a prior, write a module beside this one and name it in `explorer.priors.PRIORS`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn
from torch.nn import functional as F

from explorer.condition import Condition, lambda_of
from explorer.config import ModelConfig, Stage
from explorer.lambda_map import BLOCK
from explorer.modulation import position
from explorer.pace import Pause, nothing
from explorer.tiles import Box, Size, size_of, whole

if TYPE_CHECKING:
    from typing_extensions import Self


GAIN_MAX = 1000.0  # of y before its density: nothing else stops a channel that is always zero from asking for more
PLACES = 257  # of the λ axis at which what depends on λ is sampled into integers, 256 levels apart
STRIDE = BLOCK // 4  # pixels to a side that an element of y stands for; one of z stands for a block
SIDE = BLOCK // STRIDE  # elements of y to a side of a block of λ
GAIN_BITS = 20  # fixed point of a gain

Int64 = NDArray[np.int64]
Float32 = NDArray[np.float32]
Memo = Callable[[Box, Callable[[], np.ndarray]], np.ndarray]  # what was made for a tile, or what is made of it now
Latents = Callable[[Box], Float32]  # a rectangle of a bottleneck -> y there, (M, rows, columns)


# -- training --------------------------------------------------------------------------------------------------------


class Prior(nn.Module, ABC):
    """The trainable half. t is the modulators' input (B, 1); y (B, M, h, w) is in quantiser steps.

    lambdas: the only λ that it has, or none where it has them all."""

    lambdas: ClassVar[tuple[float, ...]] = ()

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def forward(self, y: Tensor, t: Tensor, rounded: bool) -> tuple[Tensor, Tensor]:
        """What training sees: (bits of each sample (B,), the decoder's input (B, M, h, w)), with uniform noise for the
        quantiser; rounded: the decoder sees rounded values, with a straight-through gradient."""

    def estimate(self, y: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Without noise: (−log₂ p of the rounded bottleneck (B,), ŷ (B, M, h, w))."""
        return self.relaxed(y, self.side(y, t), t, torch.round)

    def side(self, y: Tensor, t: Tensor) -> Tensor | None:
        """What a file holds besides y, before rounding; None where it holds nothing else."""
        return None

    @abstractmethod
    def relaxed(
        self, y: Tensor, side: Tensor | None, t: Tensor, rounding: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """What `estimate` gives, with y and what `side` gives free of each other, and another kind of rounding. t: also
        that of each block of λ, (1, ⌈h/4⌉, ⌈w/4⌉, 1), here and in `side`."""

    @abstractmethod
    def gains(self, t: Tensor) -> dict[str, Tensor]:
        """The gains of its own modulators at t, each (B, channels), by the names that views show."""

    def stages(self) -> list[Stage]:
        """The convolutions of its own transforms; none by default."""
        return []

    @abstractmethod
    def folded(self, t: Tensor) -> Self:
        """The prior of a fixed model with the same bits at t (1, 1)."""

    @abstractmethod
    def rescaled(self, low: float, high: float) -> Self:
        """The prior of bottleneck scaling on this one, a fixed model's: y arrives divided by exp(low + t·(high − low)),
        and is multiplied by it again before a density is asked. InputError where this prior has no such form."""

    @abstractmethod
    def freeze(self) -> dict[str, Tensor]:
        """The integers of the trained prior, by name, for the checkpoint. The last time that floats decide anything."""

    @abstractmethod
    def coder(self, integers: Mapping[str, Tensor]) -> Coder:
        """The coder of these integers. Raises KeyError or ValueError where they are none of `freeze`."""


def sampled_axis(prior: Prior) -> Tensor:
    """The modulators' input at each of the PLACES of the λ axis, (PLACES, 1); one place for a fixed model."""
    parameter = next(prior.parameters())
    lambdas = torch.tensor(
        [lambda_of(256 * i) for i in range(PLACES)] if prior.config.kind != "fixed" else [prior.config.lmbda]
    )
    return position(lambdas.to(parameter), prior.config.conditioning)


def noisy(y: Tensor) -> Tensor:
    """y with the training proxy of rounding: uniform noise in [−½, ½], this process's part of that of a batch."""
    part, parts = part_of_batch()
    noise = torch.rand(parts * len(y), *y.shape[1:], dtype=y.dtype, device=y.device)
    return y + noise[part * len(y) : (part + 1) * len(y)] - 0.5


def part_of_batch() -> tuple[int, int]:
    """(which part of a batch this process has, of how many equal ones): (0, 1) unless several train together."""
    together = distributed.is_available() and distributed.is_initialized()
    return (distributed.get_rank(), distributed.get_world_size()) if together else (0, 1)


def straight_through(y: Tensor) -> Tensor:
    """y rounded, with the gradient of y."""
    return y + (torch.round(y) - y).detach()


# -- coding ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Distribution:
    """What a prior expects of each channel's symbols at one λ, over all its elements.

    low (M,): the first symbol. count (M,): how many follow one another. probability (M, K) float32: of each of them,
    zero beyond a channel's count; what is missing to 1 is that of all others.
    """

    low: Int64
    count: Int64
    probability: Float32


class Code(ABC):
    """One bottleneck as a file holds it. Arrays are read-only.

    condition: λ. symbols (M, h, w) int32: the integers of y's part of the payload.
    """

    condition: Condition
    symbols: NDArray[np.int32]

    @abstractmethod
    def part(self, box: Box) -> Float32:
        """A rectangle of ŷ, what the decoder sees, (M, rows, columns) float32 in quantiser steps."""

    @property
    def decoded(self) -> Float32:
        """All of ŷ, (M, h, w) float32, read-only; made anew each time."""
        return frozen(self.part(whole(size_of(self.symbols))))

    @property
    @abstractmethod
    def bits(self) -> Float32:
        """What each element of y costs, (M, h, w) float32: −log₂ of the probability that the range coder uses."""

    @property
    def side_bits(self) -> float:
        """What the payload holds besides y, in bits."""
        return 0.0

    @property
    def position_bits(self) -> Float32:
        """What each position of the bottleneck costs, over all channels and with its share of what is coded besides y,
        (h, w) float32."""
        return self.bits.sum(axis=0)

    @property
    def total_bits(self) -> float:
        """The whole payload, estimated."""
        return float(self.bits.sum(dtype=np.float64)) + self.side_bits

    @abstractmethod
    def keeping(self, kept: NDArray[np.bool_]) -> Self:
        """The code in which only the elements that `kept` (M, h, w) marks have their symbols; each other has the one
        that costs least, which is what its prior expects most. What is coded besides y stays."""

    @abstractmethod
    def distribution(self) -> Distribution:
        """What the prior expected of each channel."""

    @property
    def planes(self) -> dict[str, Float32]:
        """Further maps to show by the name that the field has for them, each (C, h', w') float32; h' and w' are those
        of y, or fewer that cover the same picture."""
        return {}

    @property
    def nbytes(self) -> int:
        """Memory that it holds."""
        return self.symbols.nbytes


def anew(_: Box, make: Callable[[], np.ndarray]) -> np.ndarray:
    """A memo that keeps nothing."""
    return make()


class Coder(ABC):
    """The coding half, immutable and safe to share between threads."""

    @abstractmethod
    def quantise(
        self,
        y: Float32,
        condition: Condition,
        pause: Pause = nothing,
        memo: Memo = anew,
        side: Float32 | None = None,
    ) -> Code:
        """y (M, h, w) float32 -> what a file will hold of it. pause: see `explorer.pace`. memo: see `part`. side: what
        `Prior.side` gives, before rounding, where it is not to follow from y."""

    @abstractmethod
    def part(self, y: Latents, size: Size, condition: Condition, box: Box, memo: Memo = anew) -> Float32:
        """A rectangle of ŷ (M, rows, columns) float32, that which `quantise` gives for all of a bottleneck of size
        (h, w), bit for bit. y: a rectangle of it when asked for one, so that no more is computed than is needed. memo:
        keeps what the next rectangle of the same bottleneck may need."""

    @abstractmethod
    def encode(self, code: Code) -> bytes:
        """A code -> the payload of a file."""

    @abstractmethod
    def decode(self, payload: bytes, size: tuple[int, int], condition: Condition) -> Code:
        """A payload -> the code of a bottleneck of size (h, w). Integer arithmetic from end to end. InputError for a
        payload that cannot have been written by `encode`."""


# -- what depends on λ, as integers ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Sampled:
    """One integer per channel that depends on λ. values (PLACES, C) every 256 levels, or (1, C) where no λ matters."""

    values: Int64

    def at(self, level: int) -> Int64:
        """(C,) at a header level: linear between the places, in integers."""
        if len(self.values) == 1:
            return self.values[0]
        i, r = level >> 8, level & 255
        return (self.values[i] * (256 - r) + self.values[i + 1] * r) >> 8

    def over(self, condition: Condition, box: Box, stride: int) -> Tensor:
        """For a rectangle of maps, `stride` pixels to an element: (C, 1, 1), or (C, rows, columns) where λ differs from
        place to place."""
        if condition.map is None:
            return torch.from_numpy(self.at(condition.level))[:, None, None]
        levels, index = condition.places(box, stride)
        return torch.from_numpy(np.stack([self.at(level) for level in levels.tolist()], axis=1)[:, index])


def fixed_point(values: Tensor, bits: int, low: int = -(1 << 31)) -> Tensor:
    """Real numbers as int32 in units of 2^−bits, clipped to what fits and to `low`."""
    scaled = np.round(values.detach().cpu().double().numpy() * 2**bits)
    return torch.from_numpy(scaled.clip(low, (1 << 31) - 1).astype(np.int32))


Array = TypeVar("Array", bound=np.ndarray)


def frozen(array: Array) -> Array:
    """The array itself, from now on read-only."""
    array.setflags(write=False)
    return array


def as_int64(tensor: Tensor) -> Int64:
    """A stored tensor as integers to compute with; ValueError where it holds none."""
    if tensor.is_floating_point() or tensor.is_complex():
        raise ValueError("a table of integers holds none")
    return tensor.numpy().astype(np.int64)


def lower_bound(x: Tensor, bound: float) -> Tensor:
    """max(x, bound). Below the bound a gradient passes only where it would raise x, so that nothing sticks there."""
    return _LowerBound.apply(x, bound)


class _LowerBound(torch.autograd.Function):
    # CompressAI's has the bound as a buffer, which a cast to float16 turns into 0.
    @staticmethod
    def forward(ctx: Any, x: Tensor, bound: float) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(x)
        ctx.bound = bound
        return x.clamp(min=bound)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        (x,) = ctx.saved_tensors
        return gradient * ((x >= ctx.bound) | (gradient < 0)), None


def pad_to(y: Tensor, multiple: int) -> Tensor:
    """(B, C, h, w) with its last row and column repeated until h and w are multiples of `multiple`."""
    height, width = y.shape[-2:]
    return F.pad(y, (0, -width % multiple, 0, -height % multiple), mode="replicate")
