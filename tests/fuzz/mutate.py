"""Mutations that know nothing of a format, and those of JSON."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from random import Random
from typing import Any

EDGES = (0, 1, 2, 7, 8, 127, 128, 255, 256, 32767, 32768, 65535, 65536, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
JUNK = (
    None, True, False, 0, -1, 1, 0.5, -0.0, 1e-300, 1e308, float("nan"), float("inf"), -float("inf"), 1 << 31,
    -(1 << 63), 10**30, "", "x", "0", "a" * 3000, "\ud800", "\0", "../../etc/passwd", [], [0], [[]], {},
    {"": 0}, {"a": [None]},
)  # fmt: skip


def mutated(random: Random, data: bytes, others: Sequence[bytes] = (b"",), start: int = 0) -> bytes:
    """One to four changes of bytes from `start` on, half of them near it: headers decide most."""
    made = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
        random.choice(_CHANGES)(random, made, _place(random, start, len(made)), others)
    return bytes(made)


def _place(random: Random, start: int, end: int) -> int:
    last = min(end, start + 64) if random.random() < 0.5 else end
    return random.randrange(start, max(last, start + 1))


def _flip(random: Random, made: bytearray, at: int, _: Sequence[bytes]) -> None:
    made[at : at + 1] = bytes(each ^ 1 << random.randrange(8) for each in made[at : at + 1])


def _set(random: Random, made: bytearray, at: int, _: Sequence[bytes]) -> None:
    made[at : at + 1] = bytes(random.choice((0, 1, 127, 128, 255, random.randrange(256))) for _ in made[at : at + 1])


def _number(random: Random, made: bytearray, at: int, _: Sequence[bytes]) -> None:
    size = random.choice((2, 4))
    new = (random.choice(EDGES) % (1 << 8 * size)).to_bytes(size, random.choice(("little", "big")))
    made[at : at + size] = new[: len(made) - at]


def _add(random: Random, made: bytearray, at: int, _: Sequence[bytes]) -> None:
    size = random.choice((2, 4))
    order = random.choice(("little", "big"))
    value = int.from_bytes(made[at : at + size], order) + random.choice((-16, -2, -1, 1, 2, 16))
    made[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, order)[: len(made) - at]


def _drop(random: Random, made: bytearray, at: int, _: Sequence[bytes]) -> None:
    del made[at : at + _length(random)]


def _repeat(random: Random, made: bytearray, at: int, _: Sequence[bytes]) -> None:
    made[at:at] = made[at : at + _length(random)] * random.choice((1, 1, 2, 20))


def _insert(random: Random, made: bytearray, at: int, _: Sequence[bytes]) -> None:
    made[at:at] = random.randbytes(_length(random))


def _cut(random: Random, made: bytearray, at: int, _: Sequence[bytes]) -> None:
    del made[at:]


def _extend(random: Random, made: bytearray, at: int, _: Sequence[bytes]) -> None:
    made += random.choice((bytes(_length(random)), random.randbytes(_length(random)), bytes(made[at:])))


def _splice(random: Random, made: bytearray, at: int, others: Sequence[bytes]) -> None:
    made[at:] = random.choice(others)[at:]


_CHANGES = (_flip, _flip, _set, _set, _number, _number, _add, _drop, _repeat, _insert, _cut, _extend, _splice)


def _length(random: Random) -> int:
    return random.choice((1, 1, 2, 4, 16, random.randrange(1, 300)))


def json_mutated(random: Random, value: Any) -> Any:
    """A copy of what JSON can hold with one to three of its parts replaced, left out, renamed or doubled."""
    made = copy.deepcopy(value)
    for _ in range(random.choice((1, 1, 2, 3))):
        made = _json_change(random, made)
    return made


def _json_change(random: Random, value: Any) -> Any:
    if not isinstance(value, (dict, list)) or not value or random.random() < 0.1:
        return copy.deepcopy(random.choice(JUNK))
    key = random.choice(list(value)) if isinstance(value, dict) else random.randrange(len(value))
    change = random.random()
    if change < 0.7:
        value[key] = _json_change(random, value[key])
    elif change < 0.85:
        del value[key]
    elif isinstance(value, dict):
        value[random.choice(("", "x", key.upper(), key + " "))] = value.pop(key)
    else:
        value.insert(key, copy.deepcopy(random.choice(value)))
    return value


def to_json(value: Any) -> bytes:
    """With what Python's JSON has beyond the standard (NaN, Infinity, lone surrogates)."""
    return json.dumps(value).encode()
