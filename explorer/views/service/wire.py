"""What a view is told about an open picture: a header and arrays, the same over HTTP and in a notebook.

On the wire: the header's length (uint32, little endian), the header (JSON, padded so that the body starts at a multiple
of 8), the arrays one after the other, each at a multiple of 8. header.arrays says {name: [dtype, shape, offset]}, with
offsets from the body's start. "pixels" is the picture, (H, W, 3) uint8; others are called wish.array (see `wishes`).

Where a network lies between, "pixels" travels packed: header.packed is "deflate", the array is [dtype, shape, offset,
bytes], and its bytes are the zlib stream of the differences between each row and the one above, modulo 256.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_ALIGNMENT = 8


@dataclass(frozen=True)
class Reply:
    """header: what JSON can hold. arrays: by name, of any shape and of the types that JavaScript has."""

    header: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]

    def pack(self, deflated: bool = False) -> bytes:
        """The whole as one buffer; deflated: with its pixels packed."""
        places: dict[str, list[Any]] = {}
        header, body, offset = {**self.header, "arrays": places}, [], 0
        for name, array in self.arrays.items():
            places[name] = [array.dtype.name, array.shape, offset]
            if deflated and name == "pixels":
                data = deflate(array)
                places[name].append(len(data))
                header["packed"] = "deflate"
            else:
                data = np.ascontiguousarray(array).tobytes()
            body.append(_padded(data, offset=0))
            offset += len(body[-1])
        text = _padded(to_json(header), offset=4, fill=b" ")
        return b"".join((struct.pack("<I", len(text)), text, *body))


def deflate(pixels: np.ndarray) -> bytes:
    """(H, W, 3) uint8 -> what `wire` says of packed pixels, at the level that costs least time."""
    rows = pixels.copy()
    rows[1:] -= pixels[:-1]
    return zlib.compress(rows.tobytes(), level=1)


def to_json(value: object) -> bytes:
    """JSON of dictionaries, sequences, texts and numbers; what is infinite or undefined becomes null."""
    return json.dumps(_finite(value), allow_nan=False).encode()


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _padded(data: bytes, offset: int, fill: bytes = b"\0") -> bytes:
    return data + fill * (-(len(data) + offset) % _ALIGNMENT)
