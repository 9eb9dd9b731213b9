"""Samples of more than 8 bits, which Pillow's own images hold for grey alone."""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from explorer.images.picture import InputError, quoted

_BAND = 1 << 19  # numbers of a band


@dataclass
class Deep:
    """A decoded picture of 16 bits.

    values: (H, W, C) uint16, of a space "L", "RGB", "CMYK" (C = 1, 3, 4), or "LAB" (C = 3; L* 100 at 65535, a* and b*
    in 256ths from 32768). alpha: (H, W) uint16, not multiplied into the values, or None where all is opaque. white:
    what the file had where there is 65535 now, None if that is for 8 bits or fewer. white_point: x, y of the light that
    L*a*b* is under; None: D50.
    """

    values: np.ndarray
    space: str
    alpha: np.ndarray | None = None
    white: float | None = 65535
    white_point: Sequence[float] | None = None


def in_bands(
    function: Callable[..., np.ndarray], shape: tuple[int, ...], dtype: type, *inputs: np.ndarray
) -> np.ndarray:
    """What a function makes of arrays (H, …), some rows at a time: its temporaries stay small and in the cache."""
    result: np.ndarray = np.empty(shape, dtype=dtype)
    rows = max(1, _BAND // max(1, math.prod(shape[1:])))
    for top in range(0, shape[0], rows):
        band = slice(top, top + rows)
        result[band] = function(*(values[band] for values in inputs))
    return result


def to_8_bits(values: np.ndarray) -> np.ndarray:
    """(H, W, …) uint16 -> uint8, v / 257 rounded."""

    def rounded(band: np.ndarray) -> np.ndarray:
        words = np.multiply(band, 255, dtype=np.uint32)
        words += 32895
        words >>= 16  # the same as rounding v / 257, for every v
        return words

    return in_bands(rounded, values.shape, np.uint8, values)


def read_png(data: bytes, image: Image.Image) -> Deep | None:
    """A PNG of 16 bits in colour or with alpha; None for the others. Pillow decodes it twice, once for each byte.

    Raises what Pillow raises on damaged data.
    """
    depth, colour = data[24], data[25]
    if depth != 16:
        return None
    if colour == 4:
        # Grey and alpha of 16 bits lie in a file as four channels of 8 bits do, so that its header can say so.
        header = data[12:24] + b"\x08\x06" + data[26:29]
        data = data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
        with PngImageFile(BytesIO(data)) as both:
            values = np.array(both).view(">u2").astype(np.uint16)
        return Deep(values[..., :1], "L", values[..., 1])
    values = _both_bytes(data, image)
    if colour == 6:
        return Deep(values[..., :3], "RGB", values[..., 3])
    return Deep(values, "RGB", _keyed(values, image.info.get("transparency")))


def _keyed(values: np.ndarray, key: int | tuple[int, ...] | None) -> np.ndarray | None:
    """Alpha (H, W) of values (H, W, C), of which those equal to a key are transparent."""
    return None if key is None else (values != np.array(key)).any(axis=2) * np.uint16(65535)


def _both_bytes(data: bytes, image: Image.Image) -> np.ndarray:
    """RGB or RGBA: the raw mode for big-endian samples takes their upper bytes, the one for little-endian the lower."""
    values = np.array(image, dtype=np.uint16)
    values <<= 8
    with PngImageFile(BytesIO(data)) as again:
        again.tile = [tile._replace(args=str(tile.args).replace(";16B", ";16L")) for tile in again.tile]
        values |= np.asarray(again)
    return values


_PNM = re.compile(rb"P([56])(?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+\d+(?:\s|#[^\n]*\n)+(\d+)\s")


def read_pnm(data: bytes, size: tuple[int, int]) -> Deep | None:
    """A binary PGM or PPM whose white is not 255; None for others. Pillow decodes these number by number in Python.

    size: width and height as Pillow read them. Raises ValueError where numbers are missing or above white.
    """
    header = _PNM.match(data[:4096])
    if header is None or int(header[2]) == 255:
        return None
    (width, height), white = size, int(header[2])
    channels = 3 if header[1] == b"6" else 1
    number = np.dtype(">u2" if white > 255 else "u1")
    values = np.frombuffer(data, number, width * height * channels, header.end()).reshape(height, width, channels)
    if not 0 < white < 65536 or values.max() > white:
        raise ValueError("values above white")
    return Deep(_stretched(values, white), "RGB" if channels == 3 else "L", None, white)


def from_grey(image: Image.Image, name: str) -> Deep:
    """Grey of Pillow's modes I;16, I (both 0 to 65535) or F (0 to the first of 1, 255, 65535 that holds its values)."""
    values = np.asarray(image)[..., None]
    scaled, white = to_white(values, (1, 255, 65535) if image.mode == "F" else (65535,), name)
    return Deep(scaled, "L", _keyed(values, image.info.get("transparency")), white)


def read_heif(data: bytes, image: Image.Image) -> Deep | None:
    """A HEIC of 10 or 12 bits; None for 8 bits, which Pillow's own image holds."""
    depth = image.info.get("bit_depth", 8)
    if depth <= 8:
        return None
    import pillow_heif

    file = pillow_heif.open_heif(BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False)
    picture = file[file.primary_index]
    values = np.asarray(picture)[:, : picture.size[0]]
    if values.shape[:2] != image.size[::-1]:
        raise ValueError("not of the size that its header says")
    values = to_16_bits(values.reshape(*values.shape[:2], -1), depth)
    colours = values.shape[2] - picture.has_alpha
    alpha = values[..., colours] if picture.has_alpha else None
    values = values[..., :colours]
    if alpha is not None and picture.premultiplied_alpha:
        values = divide(values, alpha)
    return Deep(values, "L" if colours == 1 else "RGB", alpha)


def to_16_bits(values: np.ndarray, depth: int) -> np.ndarray:
    """Integers of `depth` bits, 1 to 32, of any shape -> uint16, white at 65535."""
    if depth == 16:
        return values.astype(np.uint16, copy=False)
    return _stretched(values, (1 << depth) - 1)


def divide(values: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """(H, W, C) uint16 that were multiplied by alpha (H, W) uint16 -> as they were before, 0 where alpha is 0."""

    def divided(band: np.ndarray, share: np.ndarray) -> np.ndarray:
        return np.minimum(np.rint(band * (np.float32(65535) / np.maximum(share, 1))[..., None]), 65535)

    return in_bands(divided, values.shape, np.uint16, values, alpha)


def to_white(values: np.ndarray, whites: tuple[float, ...], name: str) -> tuple[np.ndarray, float]:
    """Numbers of any kind and shape -> uint16, the first of `whites` that holds them at 65535; and that white."""
    low, high = values.min(), values.max()
    white = next((white for white in whites if low >= 0 and high <= white), None)
    if white is None:
        raise InputError(f"{quoted(name)} has NaN or values outside 0 to {whites[-1]}; scale it to 8 or 16 bits.")
    return _stretched(values, white), white


def _stretched(values: np.ndarray, white: float) -> np.ndarray:
    """Numbers in 0 to white -> uint16 in 0 to 65535."""
    scale = 65535 / white
    return in_bands(lambda band: np.rint(band * scale), values.shape, np.uint16, values)
