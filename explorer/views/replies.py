"""What a view is told about an open picture: a header and arrays, the same over HTTP and in a notebook.

On the wire: the header's length (uint32, little endian), the header (JSON, padded so that the body starts at a multiple
of 8), the arrays one after the other, each at a multiple of 8. header.arrays says {name: [dtype, shape, offset]}, with
offsets from the body's start. "pixels" is the picture, (H, W, 3) uint8; others are called extra.array (see `extras`).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.codecs import Codec
from explorer.codecs.learned import LearnedCodec
from explorer.condition import Condition
from explorer.views.extras import extra
from explorer.views.store import Opened
from explorer.views.trials import as_json

MODULATION_SAMPLES = 61  # ten an octave: the paper's λ are among them
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


def opened_as_json(opened: Opened) -> dict[str, Any]:
    """What the viewer keeps of a picture that was opened; `id` is the token that it asks with. `priors`: see `menu`."""
    model, (height, width) = opened.session.model, opened.session.picture.pixels.shape[:2]
    return {
        "id": opened.token,
        "name": opened.name,
        "model": opened.model,
        "notes": opened.session.picture.notes,
        "lmbda": {"min": model.knob.minimum, "max": model.knob.maximum},
        "width": width,
        "height": height,
        "channels": model.channels,
        "priors": [],
    }


def original(opened: Opened) -> Reply:
    """The original picture."""
    return _picture({"picture": opened.token}, opened.session.picture.pixels)


def frame(opened: Opened, condition: Condition, extras: Sequence[str] = ()) -> Reply:
    """The reconstruction at λ, with the numbers of its real file, and what the open views need of the inside at this λ.
    Raises InputError for an extra that is none."""
    pixels = opened.session.reconstruct(condition)
    point = as_json(opened.session.point(condition))
    header = {"picture": opened.token, "lmbda": condition.lmbda, "level": condition.level, "point": point}
    header["side_bits"] = opened.session.code(condition).side_bits
    found = {wish: extra(opened, condition, wish) for wish in extras}
    arrays = {f"{wish}.{name}": array for wish, (_, own) in found.items() for name, array in own.items()}
    return _picture(header | {"extras": {wish: about for wish, (about, _) in found.items()}}, pixels, arrays)


def rival(opened: Opened, codec: Codec, setting: float, match: dict[str, Any]) -> Reply:
    """Another codec's picture at one setting; match: the gap, where it was found for the model's rate or quality."""
    point, pixels = opened.trials.frame(codec, setting)
    header = {"picture": opened.token, "codec": codec.name, "setting": setting, "point": point, **match}
    return _picture(header, pixels)


def modulation(model: LearnedCodec) -> Reply:
    """The gains of a model's modulators over its range of λ. Header: lambdas, equidistant on the log axis. Arrays by
    name, as `LearnedCodec.modulation` has them, each (λ, channels) float32; none for an independent model."""
    low, high = model.knob.minimum, model.knob.maximum
    lambdas = list(model.knob.sweep) if model.only else np.geomspace(low, high, MODULATION_SAMPLES).tolist()
    return Reply({"lambdas": lambdas}, dict(model.modulation(lambdas)))


def _picture(header: dict[str, Any], pixels: np.ndarray, arrays: dict[str, np.ndarray] | None = None) -> Reply:
    height, width, _ = pixels.shape
    return Reply(header | {"width": width, "height": height}, {"pixels": pixels} | (arrays or {}))
