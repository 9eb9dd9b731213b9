"""A λ map: how far λ differs from place to place, as whole steps on blocks of 64×64 pixels.

A step is 3/16 of an octave of λ, so 16 of them are ×8, and the 32 that a map may go up or down are all of λ's range.
Steps are relative to the λ that the map goes with (see `Condition`): moving that λ moves the whole painting.

Analysis, bottleneck and prior take each element at the λ of its own block. The synthesis goes from λ to λ in a ramp, in
its finer maps alone: its kernels mix what lies on both sides of an edge, where a sharp change of gain shows. So the
gradients across the edges of a disc at 8·λ have on Kodak the energy that both λ have there by themselves at λ = 256,
9 % more at 128 and 15 % at 64 (`tests/painted.py`). Without the ramp they have another 4, 6 and 16 %; the analysis or
y ramped as well loses up to half a dB inside.

Text, as links and requests have it: `{rows}x{columns}`, then runs `~{residual}` or `~{residual}*{count}` in reading
order, each a step less what the median edge detector of JPEG-LS predicts from the steps around it. A file has the same
residuals (`mapcode`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import ArrayLike, NDArray

from explorer.images import InputError

BLOCK = 64  # pixels to a block's side: four elements of y, one of z
STEP = 2048  # header levels to a step
STEP_MAX = 32
RESIDUAL_MAX = 2 * STEP_MAX  # a prediction lies between two of its neighbours
EIGHTH = STEP // 8  # of a step: levels between those of two blocks are this far apart, so that they are few
RAMP = 12  # pixels to each side of an edge of blocks, within which the synthesis goes from one λ to the other
MOST_BLOCKS = 1 << 15  # more than the largest picture has, 120 megapixels of any shape
MOST_TEXT = 1 << 18  # characters, more than so many blocks take
_TEXT = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})((?:~-?\d{1,2}(?:\*[1-9]\d{0,4})?)+)", re.ASCII)


@dataclass(frozen=True)
class LambdaMap:
    """Steps of λ by block; hashable, and equal to another of the same steps.

    rows, columns: ⌈H/64⌉ and ⌈W/64⌉ of the picture that it is for. data: the steps in reading order, in [−32, 32], each
    as a signed byte. Raises InputError where these do not fit together.
    """

    rows: int
    columns: int
    data: bytes

    def __post_init__(self) -> None:
        check_blocks(self.rows, self.columns)
        if len(self.data) != self.rows * self.columns:
            raise InputError(f"A λ map of {self.rows}×{self.columns} blocks has as many steps, not {len(self.data)}.")
        if np.abs(self.steps.astype(int)).max() > STEP_MAX:
            raise InputError(f"The steps of a λ map lie between −{STEP_MAX} and {STEP_MAX}.")

    @classmethod
    def of(cls, steps: ArrayLike) -> LambdaMap:
        """The map of integers (rows, columns) in [−32, 32]; InputError where they are none."""
        array = np.asarray(steps)
        if array.ndim != 2 or array.dtype.kind not in "iu":
            raise InputError("A λ map is made of whole steps, an array of (rows, columns) integers.")
        rows, columns = array.shape
        return cls(rows, columns, array.clip(-STEP_MAX - 1, STEP_MAX + 1).astype(np.int8).tobytes())

    @classmethod
    def of_residuals(cls, rows: int, columns: int, residuals: Iterable[int]) -> LambdaMap:
        """The map whose `residuals` these are; InputError where none has them."""
        check_blocks(rows, columns)
        steps: list[int] = []
        for residual in residuals:
            if len(steps) == rows * columns:
                raise InputError("The text of this λ map has more steps than blocks; paint it again.")
            steps.append(_predicted(steps, len(steps), columns) + residual)
            if abs(steps[-1]) > STEP_MAX:
                raise InputError(f"The steps of a λ map lie between −{STEP_MAX} and {STEP_MAX}.")
        return cls(rows, columns, np.array(steps, np.int8).tobytes())

    @classmethod
    def of_text(cls, text: str) -> LambdaMap:
        """The map that `text` writes; InputError, in one sentence, for text that writes none."""
        return _of_text(text)

    @property
    def steps(self) -> NDArray[np.int8]:
        """(rows, columns), read-only."""
        return np.frombuffer(self.data, np.int8).reshape(self.rows, self.columns)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)"""
        return self.rows, self.columns

    @property
    def is_flat(self) -> bool:
        """Whether it makes no difference from place to place."""
        return self.data == self.data[:1] * len(self.data)

    @property
    def text(self) -> str:
        """Its text, the only one that is written for it."""
        runs = ((value, sum(1 for _ in run)) for value, run in groupby(self.residuals()))
        return f"{self.rows}x{self.columns}" + "".join(f"~{v}*{n}" if n > 1 else f"~{v}" for v, n in runs)

    def check(self, height: int, width: int) -> None:
        """Raise InputError unless it is for pictures of this size."""
        check_shape(self.shape, height, width)

    def eighths(self, box: tuple[int, int, int, int], stride: int, ramped: bool) -> NDArray[np.int64]:
        """The steps, in eighths, at each element of a rectangle of a map of features, (rows, columns). stride: pixels
        to an element's side, 64 at most. ramped: linear within RAMP pixels of an edge of blocks, rounded."""
        above, below, lower = _between(box[0], box[2], stride, self.rows, ramped)
        left, right, farther = _between(box[1], box[3], stride, self.columns, ramped)
        steps = self.steps.astype(np.int64)
        rows = steps[above] * (_WHOLE - lower)[:, None] + steps[below] * lower[:, None]
        sums = rows[:, left] * (_WHOLE - farther) + rows[:, right] * farther
        return (8 * sums + _WHOLE**2 // 2) // _WHOLE**2

    def residuals(self) -> Iterator[int]:
        """Each step less its prediction, in reading order."""
        steps = self.steps.ravel().tolist()
        return (step - _predicted(steps, at, self.columns) for at, step in enumerate(steps))


def blocks(height: int, width: int) -> tuple[int, int]:
    """(rows, columns) of the map of a picture."""
    return -(-height // BLOCK), -(-width // BLOCK)


_WHOLE = 2 * RAMP  # the shares of the two blocks that an element lies between add up to this


def _between(
    start: int, stop: int, stride: int, count: int, ramped: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Along an axis of `count` blocks, of each element from `start` to `stop`: the blocks before and after the edge
    nearest to its centre, and the share, of _WHOLE, of the one after."""
    centre = np.arange(start, stop) * stride + stride // 2
    edge = (centre + BLOCK // 2) // BLOCK
    beyond = centre - BLOCK * edge
    share = (beyond + RAMP).clip(0, _WHOLE) if ramped else np.where(beyond < 0, 0, _WHOLE)
    return (edge - 1).clip(0, count - 1), edge.clip(0, count - 1), share


def check_blocks(rows: int, columns: int) -> None:
    """Raise InputError unless a picture may have so many blocks."""
    if not 0 < rows * columns <= MOST_BLOCKS:
        size = f"a block has {BLOCK}×{BLOCK} pixels"
        raise InputError(f"A λ map of {rows}×{columns} blocks is for no picture that can be opened here; {size}.")


def check_shape(shape: tuple[int, ...], height: int, width: int) -> None:
    """Raise InputError unless a map of shape (rows, columns) is for pictures of this size."""
    if shape != (wanted := blocks(height, width)):
        found, own = ("×".join(map(str, each)) for each in (shape, wanted))
        raise InputError(f"A λ map for {width}×{height} pixels has {own} blocks (rows × columns), not {found}.")


def _predicted(steps: list[int], at: int, columns: int) -> int:
    """What the steps before place `at` let one expect there (LOCO-I: the median of W, N and W + N − NW)."""
    row, column = divmod(at, columns)
    if row == 0:
        return steps[at - 1] if column else 0
    north = steps[at - columns]
    if column == 0:
        return north
    west, northwest = steps[at - 1], steps[at - columns - 1]
    return sorted((west, north, west + north - northwest))[1]


@lru_cache(maxsize=64)  # every request of a stroke has it
def _of_text(text: str) -> LambdaMap:
    found = _TEXT.fullmatch(text) if len(text) <= MOST_TEXT else None
    if not found:
        raise InputError("This is not the text of a λ map; leave it out, or copy the link again.")
    rows, columns = int(found[1]), int(found[2])
    return LambdaMap.of_residuals(rows, columns, _runs(found[3]))


def _runs(text: str) -> Iterator[int]:
    for run in text[1:].split("~"):
        value, _, count = run.partition("*")
        for _ in range(int(count or 1)):
            yield int(value)
