"""What an open view of the inside wants to come with a frame: named extras, each a function of picture and λ.

A wish is a name and its arguments with colons between them, such as "planes" or "ratio:4096:64". The answer is what
JSON can hold and arrays. It travels in the frame's own reply, so that maps and picture are always of the same λ.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from explorer.images import InputError
from explorer.views import maps
from explorer.views.ratios import ratio
from explorer.views.store import Opened

Answer = tuple[dict[str, Any], dict[str, np.ndarray]]


def planes(opened: Opened, lmbda: float) -> Answer:
    """The bottleneck and its prior: y (M, h, w) float16, symbols (M, h, w) int16; of each channel's table the first
    symbol `low` (M,) int16, how many follow `count` (M,) int16, and `costs`, the bits of those and then of the escape,
    float32, channel after channel."""
    session = opened.session
    y, table = session.latents(lmbda), session.model.table(lmbda)
    kept = np.arange(table.bits.shape[1]) <= table.count[:, None]
    arrays: dict[str, np.ndarray] = {
        "y": y.astype(np.float16),
        "symbols": session.symbols(lmbda).astype(np.int16),
        "low": table.low.astype(np.int16),
        "count": table.count.astype(np.int16),
        "costs": table.bits[kept],
    }
    return {"shape": y.shape}, arrays


def edit(opened: Opened, lmbda: float, factors: str) -> Answer:
    """The picture when channels are scaled or left out; factors: "17=0,30=2", channel = factor. JSON: estimated_bits
    and psnr (dB, null where nothing is lost). pixels: (H, W, 3) uint8."""
    pairs = (each.split("=") for each in factors.split(","))
    edited = opened.session.edit(lmbda, {int(channel): float(factor) for channel, factor in pairs})
    psnr = edited.psnr if math.isfinite(edited.psnr) else None
    return {"estimated_bits": edited.estimated_bits, "psnr": psnr}, {"pixels": edited.pixels}


def response(opened: Opened, lmbda: float, channel: str, row: str, column: str) -> Answer:
    """What the decoder makes of one coefficient alone, or of a 1 where it is 0. JSON: its amplitude; top, left and side
    of the pixels that it reaches. pixels: (side, side, 3) float32, where white is 1."""
    element = int(channel), int(row), int(column)
    found = opened.session.response(lmbda, *element)
    if found.amplitude == 0:
        found = opened.session.response(lmbda, *element, amplitude=1)
    about = {"amplitude": found.amplitude, "top": found.top, "left": found.left, "side": len(found.pixels)}
    return about, {"pixels": found.pixels}


EXTRAS: dict[str, Callable[..., Answer]] = {
    "planes": planes,
    "ratio": ratio,
    "edit": edit,
    "response": response,
    "features": maps.features,
    "error": maps.error,
    "local": maps.local,
}


def extra(opened: Opened, lmbda: float, wish: str) -> Answer:
    """The answer to a wish; raises InputError for one that is none."""
    name, *arguments = wish.split(":")
    try:
        return EXTRAS[name](opened, lmbda, *arguments)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"There is nothing called “{wish[:40]}” to show of the inside; reload the page.") from None
