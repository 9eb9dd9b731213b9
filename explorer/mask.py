"""A λ map from a file: a grey picture that somebody painted, or an array of λ.

mask.png ─ means over blocks ─ 128: λ as given, 255: 8·λ, 0: λ/8 ─┬─ LambdaMap
λ.npy, (rows, columns) ─ relative to λ as given, or to its median ─┘
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explorer import images
from explorer.condition import Condition, level_of, steps_from
from explorer.images import InputError
from explorer.lambda_map import BLOCK, LambdaMap, blocks

MIDDLE, WHITE = 128, 255
WHITE_STEP = 16  # 8·λ


def read(path: str, size: tuple[int, int], lmbda: float | None) -> LambdaMap:
    """The map in a file for a picture of size (height, width), to go with λ; lmbda: that λ, where it is known already.
    InputError for a file that has none."""
    return _of_array(path, size, lmbda) if Path(path).suffix.lower() == ".npy" else _of_picture(path, size)


def _of_picture(path: str, size: tuple[int, int]) -> LambdaMap:
    picture = images.read(path)
    if images.OVER_WHITE in picture.notes:
        remedy = f"fill it with a grey, of which {MIDDLE} is λ as given"
        raise InputError(f"{path} is transparent in places, which says no λ; {remedy}.")
    grey = picture.pixels.mean(axis=2, dtype=np.float32)
    for length, count in zip(size, blocks(*size), strict=True):  # down, then across
        grey = _means(grey, length, count).T
    steps = np.rint((grey - MIDDLE) * (WHITE_STEP / (WHITE - MIDDLE)))
    return LambdaMap.of(steps.clip(-WHITE_STEP, WHITE_STEP).astype(int))


def _means(grey: NDArray[np.float32], length: int, count: int) -> NDArray[np.float32]:
    """The rows of a mask, as many as it has, averaged over the `count` blocks of a picture of `length` rows."""
    edges = np.minimum(np.arange(count + 1) * BLOCK, length) * (len(grey) / length)
    means = []
    for start, stop in pairwise(edges):
        rows = np.arange(math.floor(start), math.ceil(stop))
        weights = np.minimum(rows + 1, stop) - np.maximum(rows, start)
        means.append((weights / weights.sum()).astype(np.float32) @ grey[rows])
    return np.stack(means)


def _of_array(path: str, size: tuple[int, int], lmbda: float | None) -> LambdaMap:
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "no array of numbers"
        raise InputError(f"{path} cannot be read as λ by block ({reason}); save one with numpy.save.") from None
    condition = Condition.of(_lambdas(found))
    base = condition.level if lmbda is None else level_of(lmbda)
    made = steps_from(base, np.broadcast_to(condition.block_levels, found.shape))
    made.check(*size)
    return made


def _lambdas(found: object) -> NDArray[np.float64]:
    if not isinstance(found, np.ndarray) or found.ndim != 2:
        raise InputError("λ by block is an array of (rows, columns) numbers; save one with numpy.save.")
    return found
