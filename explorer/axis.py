"""The axis of λ: its range, the paper's set, and the 65536 levels that a file header can name."""

from __future__ import annotations

import math

from explorer.images import InputError

LAMBDA_MIN, LAMBDA_MAX = 64.0, 4096.0
PAPER_LAMBDAS = (64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0)
LAST_LEVEL = 65535  # λ travels in the file header as a 16-bit position on the log axis.


def level_of(lmbda: float) -> int:
    """The header's 16-bit level nearest to λ on the log axis; InputError outside [64, 4096]."""
    value = float(lmbda)
    if not LAMBDA_MIN * (1 - 1e-9) <= value <= LAMBDA_MAX * (1 + 1e-9):  # also false for NaN
        raise InputError(f"λ must lie between {LAMBDA_MIN:g} and {LAMBDA_MAX:g}, but {lmbda} was given.")
    return min(LAST_LEVEL, max(0, round(math.log(value / LAMBDA_MIN) / math.log(LAMBDA_MAX / LAMBDA_MIN) * LAST_LEVEL)))


def lambda_of(level: int) -> float:
    """λ at a header level in [0, 65535]."""
    return LAMBDA_MIN * (LAMBDA_MAX / LAMBDA_MIN) ** (level / LAST_LEVEL)


def snap(lmbda: float) -> float:
    """λ as the header can say it: within 0.004 % of the λ asked for."""
    return lambda_of(level_of(lmbda))
