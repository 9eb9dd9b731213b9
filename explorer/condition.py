"""λ as a value: its range, the paper's set, and `Condition`, one of the 65536 places that a file header can name.

    λ ─ Condition.of ─ level, λ ─┬─ the modulators' input
      (once, where λ enters)     ├─ the prior's integers, the file's header
                                 └─ the key of every cache

What is conditioned on λ takes a `Condition` and asks it for no more than `level` and `lmbda`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from explorer.images import InputError

LAMBDA_MIN, LAMBDA_MAX = 64.0, 4096.0
PAPER_LAMBDAS = (64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0)
HYPERPRIOR_LAMBDAS = (64.0, 256.0, 1024.0, 4096.0)  # the paper's, where there is a hyperprior
LAST_LEVEL = 65535  # λ travels in the file header as a 16-bit position on the log axis.


@dataclass(frozen=True, order=True)
class Condition:
    """The λ that a picture is coded at. Hashable: two conditions are one when their levels are.

    level: in [0, 65535], equidistant on the log axis. lmbda: λ at that level.
    """

    level: int
    lmbda: float = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lmbda", lambda_of(self.level))

    @classmethod
    def of(cls, lmbda: float | Condition) -> Condition:
        """The nearest level on the log axis, within 0.004 %; a condition is itself. InputError outside [64, 4096]."""
        return lmbda if isinstance(lmbda, Condition) else cls(level_of(lmbda))


Lambda = float | Condition  # what a public method takes: λ as a number, or as the value that was made of it


def among(lmbda: Lambda, few: Sequence[float]) -> Condition:
    """λ as a condition of a model that has `few` λ alone, or all where there are none; InputError where it lacks it."""
    condition = Condition.of(lmbda)
    if few and condition not in map(Condition.of, few):
        known = ", ".join(f"{each:g}" for each in few)
        raise InputError(f"This model was trained for λ = {known} alone, but {condition.lmbda:.4g} was given.")
    return condition


def level_of(lmbda: float) -> int:
    """The header's 16-bit level nearest to λ on the log axis; InputError outside [64, 4096]."""
    value = float(lmbda)
    if not LAMBDA_MIN * (1 - 1e-9) <= value <= LAMBDA_MAX * (1 + 1e-9):  # also false for NaN
        raise InputError(f"λ must lie between {LAMBDA_MIN:g} and {LAMBDA_MAX:g}, but {value:.10g} was given.")
    return min(LAST_LEVEL, max(0, round(math.log(value / LAMBDA_MIN) / math.log(LAMBDA_MAX / LAMBDA_MIN) * LAST_LEVEL)))


def lambda_of(level: int) -> float:
    """λ at a header level in [0, 65535]."""
    return LAMBDA_MIN * (LAMBDA_MAX / LAMBDA_MIN) ** (level / LAST_LEVEL)


def snap(lmbda: float) -> float:
    """λ as the header can say it: within 0.004 % of the λ asked for."""
    return Condition.of(lmbda).lmbda
