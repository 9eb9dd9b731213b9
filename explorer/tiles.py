"""Rectangles of maps: how a large picture is computed piece by piece, and what each piece needs around it.

    picture ─ Grid ─ tiles of 16×16 elements of y = 256×256 pixels        a picture of up to 1 megapixel is one tile
    a rectangle of a convolution's output ─ `reads` ─ the rectangle of its input, halo included

Floating-point sums depend on the shape that a convolution is given, so a rectangle computed by itself would be the
whole picture's only to rounding. Here the tiles are the same whoever asks, and the whole picture is made of them too:
so what is shown of a part is the whole's, bit for bit, and encoder and decoder see the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.images import InputError

Size = tuple[int, int]  # height, width
SIDE = 16  # elements of y to a tile's side: halos cost a tenth, and a window in view is still met closely
ONE_TILE = 4096  # elements of y, 1 megapixel, up to which a picture is one tile and has no halos at all


class Box(NamedTuple):
    """A rectangle of a map, half open."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.bottom - self.top, self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def times(self, factor: int) -> Box:
        """The same rectangle in elements that are `factor` times as fine."""
        return Box(*(factor * edge for edge in self))

    def over(self, factor: int) -> Box:
        """What covers it in elements that are `factor` times as coarse."""
        return Box(self.top // factor, self.left // factor, -(-self.bottom // factor), -(-self.right // factor))

    def within(self, size: Size) -> Box:
        """The part of it that a map of this size has; without area where it has none."""
        top, left = (min(max(start, 0), end) for start, end in zip(self[:2], size, strict=True))
        bottom, right = (min(max(stop, 0), end) for stop, end in zip(self[2:], size, strict=True))
        return Box(top, left, max(bottom, top), max(right, left))

    def beside(self, origin: Box) -> Box:
        """The same rectangle counted from the corner of another one."""
        down, across = origin[:2]
        return Box(self.top - down, self.left - across, self.bottom - down, self.right - across)


def size_of(maps: np.ndarray) -> Size:
    """(h, w) of maps (…, h, w)."""
    h, w = maps.shape[-2:]
    return h, w


def whole(size: Size) -> Box:
    """All of a map."""
    return Box(0, 0, *size)


def checked(box: tuple[int, int, int, int], size: Size) -> Box:
    """(top, left, bottom, right) as a rectangle of a picture; InputError unless it lies inside and has an area."""
    area = Box(*box)
    if area != area.within(size) or 0 in area.shape:
        raise InputError(f"A region must lie within the {size[1]}×{size[0]} pixels of the picture, not at {box}.")
    return area


@dataclass(frozen=True)
class Grid:
    """The tiles of a bottleneck of size (h, w), in elements of y: the same for everything that is computed of it."""

    size: Size

    @property
    def side(self) -> tuple[int, int]:
        """Height and width of a tile, but for those that the map ends in."""
        h, w = self.size
        return (h, w) if h * w <= ONE_TILE else (SIDE, SIDE)

    def __len__(self) -> int:
        rows, columns = (-(-length // side) for length, side in zip(self.size, self.side, strict=True))
        return rows * columns

    def __iter__(self) -> Iterator[Box]:
        return iter(self.covering(whole(self.size)))

    def covering(self, box: Box) -> list[Box]:
        """The tiles that a rectangle touches, row by row."""
        (high, wide), box = self.side, box.within(self.size)
        return [
            Box(row * high, column * wide, (row + 1) * high, (column + 1) * wide).within(self.size)
            for row in range(box.top // high, -(-box.bottom // high))
            for column in range(box.left // wide, -(-box.right // wide))
        ]


def parts_of(maps: np.ndarray) -> Callable[[Box], np.ndarray]:
    """Maps (…, h, w) as a function that gives a rectangle of them."""
    return lambda box: maps[(..., *box.slices)]


def paste(target: np.ndarray, where: Box, tile: np.ndarray, at: Box) -> None:
    """Copy what a tile (…, h, w) that lies at `at` has of the rectangle `where` into its array."""
    common = Box(
        max(where.top, at.top), max(where.left, at.left), min(where.bottom, at.bottom), min(where.right, at.right)
    )
    target[(..., *common.beside(where).slices)] = tile[(..., *common.beside(at).slices)]


# -- convolutions of rectangles --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """A rectangle `box` of a map of `size`: values (1, C, h, w)."""

    values: Tensor
    box: Box
    size: Size

    def with_values(self, values: Tensor) -> Part:
        return Part(values, self.box, self.size)

    def crop(self, box: Box) -> Tensor:
        """The values of a rectangle inside."""
        return self.values[(..., *box.beside(self.box).slices)]


def reads(conv: nn.Module, output: Box, size: Size) -> Box:
    """The rectangle of its input, of `size`, that a convolution reads for a rectangle of its output."""
    spans = [_span(conv, axis, output[axis], output[axis + 2]) for axis in (0, 1)]
    return Box(spans[0][0], spans[1][0], spans[0][1], spans[1][1]).within(size)


def _span(conv: nn.Module, axis: int, start: int, stop: int) -> tuple[int, int]:
    kernel, stride, padding = _shape(conv, axis)
    if isinstance(conv, nn.ConvTranspose2d):
        return -(-(start + padding - kernel + 1) // stride), (stop - 1 + padding) // stride + 1
    return start * stride - padding, (stop - 1) * stride - padding + kernel


def _shape(conv: nn.Module, axis: int) -> tuple[int, int, int]:
    assert isinstance(conv, (nn.Conv2d, nn.ConvTranspose2d)) and isinstance(conv.padding, tuple)
    return conv.kernel_size[axis], conv.stride[axis], conv.padding[axis]


def convolve(conv: nn.Module, part: Part, output: Box) -> Part:
    """A rectangle of a convolution's output, from a part of its input that has what it `reads`. Beyond the map are
    zeros, as the convolution itself pads with. A whole map is convolved as the network does it."""
    size = output_size(conv, part.size)
    if part.box == whole(part.size) and output == whole(size):
        return Part(conv(part.values), output, size)
    spans = [_span(conv, axis, output[axis], output[axis + 2]) for axis in (0, 1)]
    values = part.crop(Box(spans[0][0], spans[1][0], spans[0][1], spans[1][1]).within(part.size))
    missing = [(max(-start, 0), max(stop - end, 0)) for (start, stop), end in zip(spans, part.size, strict=True)]
    if any(map(any, missing)):
        values = F.pad(values, (*missing[1], *missing[0]))
    values = values.contiguous(memory_format=torch.channels_last)
    weight, bias = conv.get_parameter("weight"), dict(conv.named_parameters()).get("bias")
    if not isinstance(conv, nn.ConvTranspose2d):
        return Part(F.conv2d(values, weight, bias, conv.stride), output, size)  # type: ignore[call-overload]
    # The outputs of which all taps lie inside begin at stride·(first input − 1) − padding + kernel.
    shapes = [_shape(conv, axis) for axis in (0, 1)]
    margin = [kernel - stride for kernel, stride, _ in shapes]
    made = F.conv_transpose2d(values, weight, bias, conv.stride, margin)
    top, left = (
        stride * (start - 1) - padding + kernel
        for (kernel, stride, padding), (start, _) in zip(shapes, spans, strict=True)
    )
    origin = Box(top, left, top + made.shape[2], left + made.shape[3])
    return Part(made[(..., *output.beside(origin).slices)], output, size)


def output_size(conv: nn.Module, size: Size) -> tuple[int, int]:
    """The size of a convolution's output for an input of `size`."""
    h, w = (
        length * stride if isinstance(conv, nn.ConvTranspose2d) else (length + 2 * padding - kernel) // stride + 1
        for length, (kernel, stride, padding) in zip(size, (_shape(conv, 0), _shape(conv, 1)), strict=True)
    )
    return h, w
