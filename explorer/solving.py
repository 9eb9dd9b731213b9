"""The λ that meets a target: the best quality within a rate, or the lowest rate that reaches a quality."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Protocol

from explorer.codecs.base import RDPoint
from explorer.codecs.learned import LearnedCodec
from explorer.condition import LAST_LEVEL, Condition, Lambda, lambda_of
from explorer.images import InputError
from explorer.lambda_map import STEP, LambdaMap

RATE_SLACK = 0.002  # a target rate is met when the file is no further below it than this,
PSNR_SLACK = 0.005  # a target quality when the picture is no further above it than so many dB
SEARCHED_RATE_SLACK, SEARCHED_PSNR_SLACK = 0.01, 0.05  # the same where each try costs a search,
SEARCHES = 5  # of which there are so many at most
LOSSLESS = 1000.0  # dB, what stands for infinity


class Tried(Protocol):
    """A picture under a model, as `Session` has it: what λ are tried on."""

    model: LearnedCodec

    @property
    def size(self) -> tuple[int, int]: ...

    def encode(self, lmbda: Lambda) -> bytes: ...

    def point(self, lmbda: Lambda, *, quick: bool) -> RDPoint: ...

    def at_effort(self, effort: int) -> Tried: ...


def ladder(model: LearnedCodec) -> Sequence[Condition]:
    """Every condition that a model has, by rising λ; of a model for a few λ, those."""
    return model.only or _EveryLevel()


def meet(session: Tried, name: str, target: float, map: LambdaMap | None = None) -> float:
    """The λ that meets a target of "bpp", "bytes" or "psnr", with a map or without. Raises InputError where none does,
    with the range that is there."""
    if map:
        map.check(*session.size)
    conditions = _EveryLevel(map) if map else ladder(session.model)
    if name == "psnr":
        found = _first_of_quality(session, target, conditions)
    else:
        found = _last_of_rate(session, target, name, conditions)
    if map and map.is_flat:  # the condition has taken it into its level
        return lambda_of(min(max(found.level - STEP * int(map.steps[0, 0]), 0), LAST_LEVEL))
    return found.lmbda


def meet_by_search(session: Tried, name: str, target: float, map: LambdaMap | None = None) -> float:
    """The same where each try costs a search: effort 0 is asked for the λ of a target that is moved by what the last
    search missed. What misses the target is never taken."""
    plain, aim, met = session.at_effort(0), target, []
    for _ in range(SEARCHES):
        lmbda = meet(plain, name, aim, map)
        value = getattr(session.point(Condition.of(lmbda, map), quick=True), name)
        spare = value - target if name == "psnr" else target / value - 1
        if spare >= 0:
            met.append((spare, lmbda))
        if 0 <= spare <= (SEARCHED_PSNR_SLACK if name == "psnr" else SEARCHED_RATE_SLACK):
            break
        beyond = spare if spare > 0 else spare - RATE_SLACK  # a little more, so as not to miss it again by a hair
        aim = aim - beyond if name == "psnr" else aim * (1 + beyond)
    if not met:
        raise InputError(f"No search met {target:g} {'dB' if name == 'psnr' else name}; choose effort 0.")
    return min(met)[1]


def _first_of_quality(session: Tried, psnr: float, conditions: Sequence[Condition]) -> Condition:
    """The lowest λ, nearly, that reaches a PSNR in dB."""

    def value(condition: Condition) -> float:
        return min(session.point(condition, quick=True).psnr, LOSSLESS)

    found = _enclose(conditions, value, psnr, lambda here: 0 <= here - psnr < PSNR_SLACK)[1]
    if value(found) < psnr:
        lowest, highest = value(conditions[0]), value(conditions[-1])
        raise InputError(_unreachable(f"{psnr:g} dB", f"{lowest:.2f} to {highest:.2f} dB"))
    return found


def _last_of_rate(session: Tried, limit: float, name: str, conditions: Sequence[Condition]) -> Condition:
    """The highest λ, nearly, whose file has at most this rate, "bpp" or "bytes"."""
    unit = 1 if name == "bytes" else 8 / math.prod(session.size)

    def value(condition: Condition) -> float:
        return unit * len(session.encode(condition))

    found = _enclose(conditions, value, limit, lambda here: limit * (1 - RATE_SLACK) <= here <= limit)[0]
    if value(found) > limit:
        lowest, highest = value(conditions[0]), value(conditions[-1])
        raise InputError(_unreachable(f"{limit:.6g} {name}", f"{lowest:.6g} to {highest:.6g} {name}"))
    return found


def _unreachable(target: str, available: str) -> str:
    return f"No λ of this model gives {target} on this picture; choose a target in its range, {available}."


def _enclose(
    conditions: Sequence[Condition],
    value: Callable[[Condition], float],
    target: float,
    near_enough: Callable[[float], bool],
) -> tuple[Condition, Condition]:
    """Neighbours of a ladder of conditions whose values, which rise with λ, enclose the target; one condition twice
    where its value is near enough, and the nearer end where the target lies beyond it.

    Each value costs a file, seconds for a large picture. Along the λ axis the logarithm of a rate is nearly straight,
    so a line between the ends finds a level in a few steps; every third one halves, since the bytes of a small picture
    rise in stairs."""
    low, high = 0, len(conditions) - 1
    at_low, at_high = value(conditions[low]), value(conditions[high])
    if at_low >= target:
        return conditions[low], conditions[low]
    if at_high <= target:
        return conditions[high], conditions[high]
    for step in count(1):
        if high - low <= 1:
            break
        share = 0.5 if step % 3 == 0 else math.log(target / at_low) / math.log(at_high / at_low)
        middle = min(max(round(low + share * (high - low)), low + 1), high - 1)
        here = value(conditions[middle])
        if near_enough(here):
            return conditions[middle], conditions[middle]
        if here <= target:
            low, at_low = middle, here
        else:
            high, at_high = middle, here
    return conditions[low], conditions[high]


class _EveryLevel(Sequence[Condition]):
    """The conditions of all header levels, with a map or none, made when asked for."""

    def __init__(self, lambda_map: LambdaMap | None = None) -> None:
        self._map = lambda_map

    def __len__(self) -> int:
        return LAST_LEVEL + 1

    def __getitem__(self, at: Any) -> Any:
        return Condition(range(len(self))[at], self._map)
