"""Bits of a TIFF that is compressed as a fax: modified Huffman, group 3 (T.4), group 4 (T.6).

FFmpeg decodes it. libtiff would take damaged data without a word, and show what was in memory before.
"""

from __future__ import annotations

import re

import numpy as np

from explorer.images.picture import InputError

HUFFMAN, GROUP_3, GROUP_4 = 2, 3, 4
COMPRESSIONS = {HUFFMAN, GROUP_3, GROUP_4}
_END_OF_LINE = re.compile(rb"0{11,}1")


def decode(file: bytes) -> np.ndarray:
    """A TIFF that has but the tags of such a picture -> (H, ⌈W/8⌉) uint8, the first pixel in the highest bit, a black
    run as ones. Raises ValueError on damaged data."""
    try:
        import av
    except ImportError:
        raise InputError("A TIFF that is compressed as a fax is read with PyAV; install it: pip install av.") from None
    context = av.CodecContext.create("tiff", "r")
    context.thread_count = 1
    context.options = {"err_detect": "explode"}
    (frame,) = context.decode(av.Packet(file))
    if frame.format.name != "monob":
        raise ValueError("another kind of picture")
    (plane,) = frame.planes
    return np.frombuffer(bytes(plane), np.uint8).reshape(plane.height, -1)[:, : -(-plane.width // 8)]


def check_lines(strip: bytes, rows: int, is_reversed: bool) -> None:
    """Raise ValueError where a strip of group 3 has fewer ends of lines than rows: FFmpeg leaves the others white.

    is_reversed: whether a byte's lowest bit is the first."""
    bits = np.unpackbits(np.frombuffer(strip, np.uint8), bitorder="little" if is_reversed else "big")
    if len(_END_OF_LINE.findall((bits + ord("0")).tobytes())) < rows:
        raise ValueError("cut short")
