"""Mutations of .safetensors files: their header's JSON, the JSON inside its metadata, the bytes of their tensors."""

from __future__ import annotations

import json
import struct
from random import Random
from typing import Any

from . import mutate

NUMBERS = (
    b"\0\0\xc0\x7f",
    b"\0\0\x80\x7f",
    b"\xff\xff\x7f\x7f",
    b"\0\x7e",
    b"\0\x7c",
    b"\0\0\0\x80",
    b"\xff\xff\xff\x7f",
)


def mutated(random: Random, data: bytes, corpus: list[bytes]) -> bytes:
    kind = random.random()
    header, body = split(data)
    if kind < 0.15:
        return mutate.mutated(random, data, corpus)
    if kind < 0.5:
        metadata = header["__metadata__"]
        name = random.choice(list(metadata))
        value = metadata[name]
        if value[:1] == "{":
            value = mutate.to_json(mutate.json_mutated(random, json.loads(value))).decode()
        metadata[name] = value if random.random() < 0.9 else random.choice(("", "null", "[]", "3", "x" * 100))
        if random.random() < 0.1:
            del metadata[name]
    elif kind < 0.75:
        header = mutate.json_mutated(random, header)
    else:
        changed = bytearray(body)
        for _ in range(random.choice((1, 4, 300))):
            number = random.choice((*NUMBERS, random.randbytes(4)))
            at = random.randrange(max(1, len(changed) - 4)) & ~1
            changed[at : at + len(number)] = number
        body = bytes(changed)
    return joined(header, body)


def split(data: bytes) -> tuple[Any, bytes]:
    """(the header's JSON, the tensors)."""
    (length,) = struct.unpack_from("<Q", data)
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def joined(header: Any, body: bytes) -> bytes:
    text = mutate.to_json(header)
    return struct.pack("<Q", len(text)) + text + body
