"""λ as a value: its range, the paper's set, and `Condition`, one of the 65536 places that a file header can name.

    λ ─ Condition.of ─ level, λ ─┬─ the modulators' input
      (once, where λ enters)     ├─ the prior's integers, the file's header
                                 └─ the key of every cache

With a `LambdaMap` λ differs from block to block. What is conditioned on λ takes a `Condition` and asks it for no more
than `level` and `lmbda`, or for the levels of its places.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.images import InputError
from explorer.lambda_map import BLOCK, EIGHTH, STEP, LambdaMap, check_blocks

LAMBDA_MIN, LAMBDA_MAX = 64.0, 4096.0
PAPER_LAMBDAS = (64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0)
HYPERPRIOR_LAMBDAS = (64.0, 256.0, 1024.0, 4096.0)  # the paper's, where there is a hyperprior
LAST_LEVEL = 65535  # λ travels in the file header as a 16-bit position on the log axis.


@dataclass(frozen=True)
class Condition:
    """The λ that a picture is coded at. Hashable: two conditions are one when their levels and their maps are.

    level: in [0, 65535], equidistant on the log axis. map: how far λ differs from place to place; a map under which all
    blocks have one level is none, and `level` is theirs. lmbda: λ at `level`, where the map's steps are 0.
    """

    level: int
    map: LambdaMap | None = None
    lmbda: float = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if self.map is not None:
            levels = self._clipped(STEP * np.unique(self.map.steps).astype(np.int64))
            if levels[0] == levels[-1]:
                object.__setattr__(self, "map", None)
                object.__setattr__(self, "level", int(levels[0]))
        object.__setattr__(self, "lmbda", lambda_of(self.level))

    @classmethod
    def of(cls, lmbda: Lambda, map: LambdaMap | None = None) -> Condition:
        """The nearest level on the log axis, within 0.004 %; a condition is itself. An array of λ by block, (⌈H/64⌉,
        ⌈W/64⌉), becomes a map on their median, to the nearest of its steps. InputError for a λ outside [64, 4096] and
        for what is neither."""
        if isinstance(lmbda, Condition):
            return lmbda
        array = _array(lmbda)
        if array.ndim == 0:
            return cls(level_of(number(lmbda)), map)
        levels = _levels_of(array)
        base = int(np.sort(levels, axis=None)[levels.size // 2])
        return cls(base, steps_from(base, levels))

    @property
    def block_levels(self) -> NDArray[np.int64]:
        """The level of each of the map's blocks, (rows, columns); one for all, (1, 1), where there is no map."""
        return self._clipped(STEP * self.map.steps.astype(np.int64) if self.map else np.zeros((1, 1), np.int64))

    def places(
        self, box: tuple[int, int, int, int], stride: int, ramped: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        """Where λ is on a rectangle of a map of features, `stride` pixels to an element's side: the levels that occur,
        (K,) ascending, and which of them each element has, (rows, columns). ramped: see `LambdaMap.eighths`."""
        if self.map is None:
            return np.array([self.level]), np.zeros((box[2] - box[0], box[3] - box[1]), np.intp)
        levels = self._clipped(EIGHTH * self.map.eighths(box, stride, ramped))
        found, index = np.unique(levels, return_inverse=True)
        return found, index.reshape(levels.shape)

    @property
    def by_block(self) -> NDArray[np.float64]:
        """λ of each of the map's blocks, (rows, columns); one for all, (1, 1), where there is no map."""
        return LAMBDA_MIN * (LAMBDA_MAX / LAMBDA_MIN) ** (self.block_levels / LAST_LEVEL)

    def lambdas(self, box: tuple[int, int, int, int], stride: int = 1) -> NDArray[np.float64]:
        """λ at each element of a rectangle, what a squared error counts there: (rows, columns), or (1, 1) where there
        is no map. stride: pixels to an element's side, 64 at most."""
        if self.map is None:
            return np.full((1, 1), self.lmbda)
        top, left, bottom, right = box
        rows, columns = (np.arange(*ends) * stride // BLOCK for ends in ((top, bottom), (left, right)))
        return self.by_block[np.ix_(rows, columns)]

    def _clipped(self, differences: NDArray[np.int64]) -> NDArray[np.int64]:
        """Levels that differ from this one by so much, as far as λ goes."""
        return np.clip(self.level + differences, 0, LAST_LEVEL)


Lambda = float | Condition | NDArray[Any]  # what a public method takes: λ, λ by block, or the value that was made of it


def among(lmbda: Lambda, few: Sequence[float]) -> Condition:
    """λ as a condition of a model that has `few` λ alone, or all where there are none; InputError where it lacks it."""
    condition = Condition.of(lmbda)
    known = ", ".join(f"{each:g}" for each in few)
    if few and condition.map:
        raise InputError(f"This model was trained for λ = {known} alone, so it takes no λ map; choose mae for one.")
    if few and condition not in map(Condition.of, few):
        raise InputError(f"This model was trained for λ = {known} alone, but {condition.lmbda:.4g} was given.")
    return condition


def steps_from(base: int, levels: NDArray[np.int64]) -> LambdaMap:
    """The map that goes with the level `base` and comes nearest to the levels of blocks, (rows, columns)."""
    steps = (levels - base) / STEP
    # A step beyond an end of the axis is clipped to it, so an end is always met.
    nearest = np.select([levels == 0, levels == LAST_LEVEL], [np.floor(steps), np.ceil(steps)], np.rint(steps))
    return LambdaMap.of(nearest.astype(np.int64))


def level_of(lmbda: float) -> int:
    """The header's 16-bit level nearest to λ on the log axis; InputError outside [64, 4096]."""
    value = float(lmbda)
    if not LAMBDA_MIN * (1 - 1e-9) <= value <= LAMBDA_MAX * (1 + 1e-9):  # also false for NaN
        raise InputError(f"λ must lie between {LAMBDA_MIN:g} and {LAMBDA_MAX:g}, but {value:.10g} was given.")
    return min(LAST_LEVEL, max(0, round(math.log(value / LAMBDA_MIN) / math.log(LAMBDA_MAX / LAMBDA_MIN) * LAST_LEVEL)))


def number(given: Any) -> float:
    """λ as a float, whatever its size; InputError for what is no number."""
    try:
        return float(given)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"λ is a number or an array of them by block, but {reprlib.repr(given)} was given.") from None


def _array(given: Any) -> NDArray[Any]:
    try:
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError):  # rows of unequal length, a tensor with a gradient or on a GPU
        found = f"which this {type(given).__name__} is not"
        raise InputError(f"λ by block is an array of (rows, columns) numbers, {found}; make one with NumPy.") from None


def _levels_of(lambdas: NDArray[Any]) -> NDArray[np.int64]:
    """The level of each λ of an array by block."""
    if lambdas.ndim != 2 or not lambdas.size or lambdas.dtype.kind not in "iuf":
        found = f"of shape {lambdas.shape} and type {lambdas.dtype}"
        raise InputError(f"λ by block is an array of (rows, columns) numbers, not {found}.")
    check_blocks(*lambdas.shape)
    return np.vectorize(level_of, otypes=[np.int64])(lambdas)


def lambda_of(level: int) -> float:
    """λ at a header level in [0, 65535]."""
    return LAMBDA_MIN * (LAMBDA_MAX / LAMBDA_MIN) ** (level / LAST_LEVEL)


def snap(lmbda: float) -> float:
    """λ as the header can say it: within 0.004 % of the λ asked for."""
    return Condition.of(lmbda).lmbda
