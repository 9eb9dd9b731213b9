"""What a picture is in this project, and the limits of its size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MAX_PIXELS = 120_000_000  # What telephones with 108 megapixels make; 2 to 3 GB and a minute on two CPU cores.
MAX_SIDE = 65_535  # The file header holds each side in 16 bits.
SMALLER = f"scale it down or crop it to {MAX_PIXELS // 10**6} million pixels at most, {MAX_SIDE} a side"


class InputError(ValueError):
    """Bad input; the message is one sentence that says what is wrong and the remedy."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as the rest of the project sees it.

    pixels: (H, W, 3) uint8, sRGB, read-only, upright. name: the file name, or "picture".
    notes: what was done to the picture on the way in, one sentence each; empty if its pixels are as stored.
    """

    pixels: np.ndarray
    name: str
    notes: tuple[str, ...] = ()


def check_size(subject: str, width: int, height: int) -> None:
    """Raise InputError unless there are pixels, MAX_PIXELS and MAX_SIDE at most."""
    if min(width, height) < 1:
        raise InputError(f"{subject} is {width}x{height} and has no pixels; give a picture of 1x1 or more.")
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise InputError(f"{subject} is {width}x{height}, which is too large; {SMALLER}.")


def quoted(name: str) -> str:
    """A name as messages show it: a file's content passed by mistake as its path must not flood them."""
    return repr(name if len(name) <= 80 else name[:77] + "...")
