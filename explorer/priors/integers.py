"""The hyper-synthesis in integers: ẑ -> μ and σ of every element of y, the same on every machine.

    ẑ·16 ─ tconv ─ + bias, ×g₀(λ), ReLU ─ tconv ─ + bias, ×g₁(λ), ReLU ─ conv 1×1 ─┬─ ×1/a(λ) ─ μ in 1/256 of a step
         int8            in 1/64, 15 bits                                          └─ − log₂ a(λ) ─ σ in 1/8 octaves

Kernels are rounded to 8 bits with one scale for each output channel, activations are clamped integers between the
layers, and what depends on λ is sampled along its axis (`Sampled`). A convolution of such integers in float64 is exact,
whatever the order of its sums, as long as they stay below 2⁵³: so PyTorch's own serves. `freeze_synthesis` checks that
from the bounds of weights and activations, not from data. Encoder and decoder take this same path.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.condition import Condition
from explorer.pace import Pause, nothing
from explorer.priors.base import PLACES, STRIDE, Sampled, as_int64, fixed_point
from explorer.tiles import Box, Part, Size, convolve, reads, size_of

WEIGHT_MAX = 127
SIDE_MAX = 2047  # of ẑ; what lies beyond is clipped by the encoder
SIDE_BITS = 4  # ẑ enters in 1/16, so that a bias is as fine as that
ACTIVATION_BITS = 6  # activations are in 1/64
ACTIVATION_MAX = (1 << 15) - 1
MULTIPLIER_BITS = 20
MEAN_BITS = 8
MEAN_MAX = (1 << 23) - 1  # so that μ is exact in float32
OCTAVE_BITS = 8  # log₂ σ is computed in 1/256 octaves,
SCALE_STEP_BITS = 3  # and rounded to 1/8
SCALE_FIRST = -28  # the narrowest scale, 2^(−28/8) = 0.088 of a step: narrower ones have the same table
SCALES = tuple(2 ** ((SCALE_FIRST + i) / (1 << SCALE_STEP_BITS)) for i in range(72))  # up to 41 steps
LOG_SCALE_MAX = 8.0  # of σ_u before 1/a, as natural logarithm and in either direction; the float twin's clamp as well
OCTAVE_MAX = round(LOG_SCALE_MAX / math.log(2) * (1 << OCTAVE_BITS))
STRIP = 4096  # elements of y at a time, a megapixel: the integers on the way are of 64 bits
EXACT = 1 << 53  # float64 holds every integer below


# -- freezing --------------------------------------------------------------------------------------------------------


def freeze_synthesis(convs: Iterable[nn.Module], gains: Sequence[Tensor], a: Tensor) -> dict[str, Tensor]:
    """The integers of a trained hyper-synthesis: of its three convolutions, the gains g₀ and g₁ (P, N) (none where
    they are folded), and a (P, M), at P places of the λ axis. Raises ValueError where a sum might not be exact."""
    found: dict[str, Tensor] = {}
    unit, largest = 2.0**-SIDE_BITS, SIDE_MAX << SIDE_BITS
    for k, conv in enumerate(convs):
        weight, scale = _rounded_kernel(conv)
        step = scale * unit  # what 1 in the accumulator is worth
        bias = torch.round(conv.get_parameter("bias").detach().double().cpu() / step)
        _check_bounds(weight, bias, largest, along=_output_axis(conv))
        found |= {f"synthesis.weight{k}": weight, f"synthesis.bias{k}": bias.long()}
        if k < 2:
            gain = gains[k].double().cpu() if gains else torch.ones(1, len(step), dtype=torch.float64)
            found |= _multiplier(f"synthesis.gain{k}", step * gain * 2**ACTIVATION_BITS)
            unit, largest = 2.0**-ACTIVATION_BITS, ACTIVATION_MAX
    mean, octave = step.chunk(2)
    a = a.double().cpu()
    found |= _multiplier("synthesis.mean", mean / a * 2**MEAN_BITS)
    found |= _multiplier("synthesis.octave", octave[None] / math.log(2) * 2**OCTAVE_BITS)
    return found | {"synthesis.log_a": fixed_point(torch.log2(a), OCTAVE_BITS)}


def check_integers(integers: Mapping[str, Tensor], channels: tuple[int, int]) -> None:
    """ValueError unless these have the shapes and ranges of `freeze_synthesis` for (N, M) channels: anybody may have
    written them. KeyError where one is missing."""
    if any(tensor.is_floating_point() for name, tensor in integers.items() if name.startswith("synthesis.")):
        raise ValueError("the integers of the hyper-synthesis are none")
    N, M = channels
    kernels = [(N, N, 5, 5), (N, N, 5, 5), (2 * M, N, 1, 1)]
    largest = [SIDE_MAX << SIDE_BITS, ACTIVATION_MAX, ACTIVATION_MAX]
    for k, (kernel, most) in enumerate(zip(kernels, largest, strict=True)):
        weight, bias = integers[f"synthesis.weight{k}"], integers[f"synthesis.bias{k}"]
        along = 0 if k == 2 else 1
        if weight.shape != kernel or bias.shape != (kernel[along],):
            raise ValueError("a kernel of the hyper-synthesis has another shape")
        _check_bounds(weight, bias.double(), most, along)
    for name, own in (("gain0", N), ("gain1", N), ("mean", M), ("octave", M), ("log_a", M)):
        shift = integers.get(f"synthesis.{name}_shift", torch.zeros(own))
        if integers[f"synthesis.{name}"].shape not in ((PLACES, own), (1, own)) or shift.shape != (own,):
            raise ValueError("a gain of the hyper-synthesis has another shape")
        if shift.min() < 0 or shift.max() > 62:
            raise ValueError("a gain of the hyper-synthesis has no such shift")


def _output_axis(conv: nn.Module) -> int:
    return 1 if isinstance(conv, nn.ConvTranspose2d) else 0


def _rounded_kernel(conv: nn.Module) -> tuple[Tensor, Tensor]:
    """A kernel as int8, and the step (C,) of each output channel in float64."""
    weight, axis = conv.get_parameter("weight").detach().double().cpu(), _output_axis(conv)
    others = [each for each in range(4) if each != axis]
    scale = (weight.abs().amax(dim=others) / WEIGHT_MAX).clamp(min=1e-12)
    shape = [-1 if each == axis else 1 for each in range(4)]
    return torch.round(weight / scale.reshape(shape)).to(torch.int8).contiguous(), scale


def _check_bounds(weight: Tensor, bias: Tensor, largest: int, along: int) -> None:
    others = [each for each in range(4) if each != along]
    bound = weight.abs().double().sum(dim=others) * largest + bias.abs()
    if bound.max() >= EXACT or bound.max() * 2**MULTIPLIER_BITS >= 2**62:
        raise ValueError("a sum of the hyper-synthesis may not be exact; train with smaller weights")


def _multiplier(name: str, factor: Tensor) -> dict[str, Tensor]:
    """A real factor (P, C) as an integer of at most 20 bits and a right shift (C,) for each channel."""
    exponent = torch.frexp(factor.amax(dim=0)).exponent
    shift = (MULTIPLIER_BITS - exponent).clamp(0, 62)
    return {name: torch.round(factor * 2.0**shift).to(torch.int32), f"{name}_shift": shift.to(torch.int8)}


# -- running ---------------------------------------------------------------------------------------------------------


class _Multiplier:
    """An accumulator times a factor that depends on λ, rounded, in integers."""

    def __init__(self, integers: Mapping[str, Tensor], name: str) -> None:
        self._factor = Sampled(as_int64(integers[name]))
        self._shift = integers[f"{name}_shift"].long()[:, None, None]
        self._half = torch.where(self._shift > 0, 1 << (self._shift - 1).clamp(min=0), 0)

    def apply(self, accumulator: Tensor, condition: Condition, box: Box, stride: int) -> Tensor:
        """(C, rows, columns) int64, a rectangle of a map of `stride` pixels to an element -> the same."""
        return (accumulator * self._factor.over(condition, box, stride) + self._half) >> self._shift


def _doubling(weight: Tensor) -> nn.ConvTranspose2d:
    """The hyper-synthesis's transposed convolution of these weights, without the bias, which is of 64 bits."""
    inputs, outputs, kernel, _ = weight.shape
    conv = nn.ConvTranspose2d(inputs, outputs, kernel, 2, 2, output_padding=1, bias=False, device="meta")
    conv.weight = nn.Parameter(weight, requires_grad=False)
    return conv


_TWICE = _doubling(torch.zeros(1, 1, 5, 5))  # what a rectangle reads does not depend on weights


class HyperSynthesis:
    """The integers of `freeze_synthesis`, ready to run on the CPU."""

    def __init__(self, integers: Mapping[str, Tensor]) -> None:
        """Raises KeyError where one is missing."""
        self._doublings = [_doubling(integers[f"synthesis.weight{k}"].double()) for k in range(2)]
        self._last = integers["synthesis.weight2"].double()
        self._biases = [integers[f"synthesis.bias{k}"].long()[:, None, None] for k in range(3)]
        self._gains = [_Multiplier(integers, f"synthesis.gain{k}") for k in range(2)]
        self._mean, self._octave = (_Multiplier(integers, f"synthesis.{name}") for name in ("mean", "octave"))
        self._log_a = Sampled(as_int64(integers["synthesis.log_a"]))

    def reads(self, box: Box, size: Size) -> Box:
        """The rectangle of ẑ, of `size`, that a rectangle of y's expectations depends on."""
        finer = size[0] * 2, size[1] * 2
        return reads(_TWICE, reads(_TWICE, box, finer), size)

    def at(
        self, side: NDArray[np.int32], condition: Condition, size: Size, pause: Pause = nothing
    ) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """ẑ (N, h', w') at λ -> (μ in 1/256 of a quantiser step, σ's place in SCALES) of a bottleneck of `size` (h, w),
        each (M, h, w). pause: see `pace`."""
        shape = (len(self._last) // 2, *size)
        mean, scale = np.empty(shape, np.int32), np.empty(shape, np.uint8)
        for box, *found in self.strips(side, condition, size):
            mean[(..., *box.slices)], scale[(..., *box.slices)] = found
            pause()
        return mean, scale

    def strips(
        self, side: NDArray[np.int32], condition: Condition, size: Size
    ) -> Iterator[tuple[Box, NDArray[np.int32], NDArray[np.uint8]]]:
        """What `at` gives, some rows at a time from the top: their rectangle, and what is there."""
        h, w = size
        high = max(8, STRIP // w)
        for top in range(0, h, high):
            rows = Box(top, 0, min(top + high, h), w)
            needed = self.reads(rows, size_of(side))
            yield rows, *self.part(side[(..., *needed.slices)], condition, needed, size_of(side), rows)

    def part(
        self, side: NDArray[np.int32], condition: Condition, where: Box, size: Size, box: Box
    ) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """The same of a rectangle `box` of y. side (N, …): ẑ of the rectangle `where` of its map of `size`, which has
        what `reads` names."""
        with torch.inference_mode():
            part = Part((torch.from_numpy(side.astype(np.int64)) << SIDE_BITS)[None], where, size)
            middle = reads(_TWICE, box, (size[0] * 2, size[1] * 2))
            stages = zip(self._doublings, self._biases, self._gains, (middle, box), (2 * STRIDE, STRIDE), strict=False)
            for conv, bias, gain, output, stride in stages:
                made = convolve(conv, part.with_values(part.values.double()), output)
                values = gain.apply(made.values[0].long() + bias, condition, output, stride)
                part = made.with_values(values.clamp_(0, ACTIVATION_MAX)[None])
            sums = F.conv2d(part.values.double(), self._last)[0].long() + self._biases[2]
            mean, octave = sums.chunk(2)
            return self._mean_of(mean, condition, box), self._scale_of(octave, condition, box)

    def _mean_of(self, sums: Tensor, condition: Condition, box: Box) -> NDArray[np.int32]:
        return self._mean.apply(sums, condition, box, STRIDE).clamp_(-MEAN_MAX, MEAN_MAX).int().numpy()

    def _scale_of(self, sums: Tensor, condition: Condition, box: Box) -> NDArray[np.uint8]:
        log_a = self._log_a.over(condition, box, STRIDE)
        octave = self._octave.apply(sums, condition, box, STRIDE).clamp_(-OCTAVE_MAX, OCTAVE_MAX) - log_a
        coarse = OCTAVE_BITS - SCALE_STEP_BITS
        place = ((octave + (1 << (coarse - 1))) >> coarse) - SCALE_FIRST
        return place.clamp_(0, len(SCALES) - 1).byte().numpy()
