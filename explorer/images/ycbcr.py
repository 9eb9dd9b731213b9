"""Y'CbCr of a TIFF, whose chroma may be coarser than its luma -> RGB."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from explorer.images.deep import in_bands

REC_601 = (0.299, 0.587, 0.114)


def spread(units: np.ndarray, across: int, down: int, width: int, height: int) -> np.ndarray:
    """Units (h, w, down·across + 2), the Y of a block in reading order, then its Cb and Cr -> (height, width, 3), each
    pixel with the chroma of its block."""
    rows, columns = units.shape[:2]
    luma = units[..., :-2].reshape(rows, columns, down, across).swapaxes(1, 2).reshape(rows * down, columns * across, 1)
    chroma = units[..., -2:].repeat(down, axis=0).repeat(across, axis=1)
    return np.concatenate([luma, chroma], axis=2)[:height, :width]


def to_rgb(values: np.ndarray, depth: int, shares: Sequence[float], ends: Sequence[float] | None) -> np.ndarray:
    """(H, W, 3) integers of `depth` bits -> (H, W, 3) uint16 RGB. shares: of red, green, blue in luminance. ends: what
    black and white have of Y, and no and all colour of Cb and of Cr; None: all values from end to end.

    Raises ValueError for numbers that mean no colours."""
    white, middle = (1 << depth) - 1, 1 << (depth - 1)
    known = np.array((0, white, middle, white, middle, white) if ends is None else ends, dtype=np.float32)
    red, green, blue = shares
    low, span = known[0::2], known[1::2] - known[0::2]
    if not (np.isfinite(known).all() and (span > 0).all() and min(shares) > 0):
        raise ValueError("numbers that mean no colours")
    scale = np.array([1, (middle - 1) / white, (middle - 1) / white], dtype=np.float32) / span

    def convert(band: np.ndarray) -> np.ndarray:
        y, cb, cr = np.moveaxis((band - low) * scale, 2, 0)
        r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
        rgb = np.stack([r, (y - red * r - blue * b) / green, b], axis=-1)
        return np.rint(rgb.clip(0, 1) * 65535)

    return in_bands(convert, values.shape, np.uint16, values)
