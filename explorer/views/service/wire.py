"""What a view is told about an open picture: a header and arrays, the same over HTTP and in a notebook.

On the wire: the header's length (uint32, little endian), the header (JSON, padded so that the body starts at a multiple
of 8), the arrays one after the other, each at a multiple of 8. header.arrays says {name: [dtype, shape, offset]}, with
offsets from the body's start. "pixels" is the picture, (H, W, 3) uint8; others are called wish.array (see `wishes`).
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

_ALIGNMENT = 8


@dataclass(frozen=True)
class Reply:
    """header: what JSON can hold. arrays: by name, of any shape and of the types that JavaScript has."""

    header: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def pack(self) -> bytes:
        """The whole as one buffer."""
        places, body, offset = {}, [], 0
        for name, array in self.arrays.items():
            data = _padded(np.ascontiguousarray(array).tobytes(), offset=0)
            places[name] = [array.dtype.name, array.shape, offset]
            body.append(data)
            offset += len(data)
        text = json.dumps(self.header | {"arrays": places}, allow_nan=False).encode()
        text = _padded(text, offset=4, fill=b" ")
        return b"".join((struct.pack("<I", len(text)), text, *body))


def _padded(data: bytes, offset: int, fill: bytes = b"\0") -> bytes:
    return data + fill * (-(len(data) + offset) % _ALIGNMENT)
