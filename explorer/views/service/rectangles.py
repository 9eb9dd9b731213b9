"""The part of a picture that a viewer asks for: a rectangle, and how much it is reduced.

?box=x,y,width,height&reduce=k      in pixels of the picture; nothing of it: the whole picture as it is
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from explorer.images import InputError
from explorer.model import STRIDE
from explorer.tiles import SIDE
from explorer.views.service.messages import Box

MOST_REDUCED = 64


@dataclass(frozen=True)
class Rectangle:
    """left, top, width, height: in pixels of the picture. reduce: each k×k of them become one, their mean."""

    left: int
    top: int
    width: int
    height: int
    reduce: int = 1

    @property
    def header(self) -> Box:
        """What a reply says of it."""
        return {"box": [self.left, self.top, self.width, self.height], "reduce": self.reduce}

    @property
    def edges(self) -> tuple[int, int, int, int]:
        """(top, left, bottom, right), half open."""
        return self.top, self.left, self.top + self.height, self.left + self.width

    @property
    def work(self) -> int:
        """How many pixels have to be computed for it about: with a tile to each side, which the hyperprior reaches."""
        around = 2 * SIDE * STRIDE
        return (self.width + around) * (self.height + around)

    def of(self, pixels: np.ndarray) -> np.ndarray:
        """Its part of a picture, (H, W, 3) uint8 -> (⌈height/k⌉, ⌈width/k⌉, 3) uint8."""
        top, left, bottom, right = self.edges
        return reduced(pixels[top:bottom, left:right], self.reduce)


def whole(size: tuple[int, int]) -> Rectangle:
    """All of a picture of size (height, width), as it is."""
    height, width = size
    return Rectangle(0, 0, width, height)


def parse(box: str | None, reduce: int, size: tuple[int, int]) -> Rectangle:
    """What a viewer asks for of a picture of size (height, width); raises InputError for what lies outside of it."""
    height, width = size
    if reduce not in (1, 2, 4, 8, 16, 32, MOST_REDUCED):
        raise InputError(f"A picture can be reduced by a power of two from 1 to {MOST_REDUCED}, not by {reduce}.")
    if box is None:
        return replace(whole(size), reduce=reduce)
    try:
        x, y, w, h = map(int, box.split(","))
    except ValueError:
        raise InputError("A box is four whole numbers, x,y,width,height, in pixels of the picture.") from None
    if not (x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= width and y + h <= height):
        raise InputError(f"The box {x},{y},{w},{h} does not lie within the picture, which has {width}×{height} pixels.")
    return Rectangle(x, y, w, h, reduce)


def reduced(pixels: np.ndarray, factor: int) -> np.ndarray:
    """(H, W, 3) uint8 -> (⌈H/k⌉, ⌈W/k⌉, 3) uint8: the mean of each k×k pixels from the corner, rounded half up; at the
    far edges of those that are there."""
    if factor == 1:
        return pixels
    height, width, _ = pixels.shape
    rows, columns = np.arange(0, height, factor), np.arange(0, width, factor)
    sums = np.add.reduceat(np.add.reduceat(pixels, rows, axis=0, dtype=np.uint32), columns, axis=1)
    counts = np.outer(np.diff(rows, append=height), np.diff(columns, append=width))[..., None].astype(np.uint32)
    return ((2 * sums + counts) // (2 * counts)).astype(np.uint8)
