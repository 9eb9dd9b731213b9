"""What holds for every picture, λ, header, row and message, tried on many of them."""

from __future__ import annotations

import json
import math
import struct
import zlib
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from conftest import smooth_picture
from fuzz.bitstreams import models
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import explorer
from explorer import bitstream
from explorer.bitstream import Header
from explorer.condition import LAMBDA_MAX, LAMBDA_MIN, LAST_LEVEL, Condition, lambda_of, level_of
from explorer.images import MAX_PIXELS
from explorer.library import load_model
from explorer.store import Store, key
from explorer.tiles import Box, Grid, paste, whole
from explorer.views.service.wire import Reply

QUICK = settings(max_examples=60, deadline=None, derandomize=True)
LEVELS = st.integers(0, LAST_LEVEL)
SIDES = st.integers(1, 65)
TEXTS = st.text(max_size=8)
NAMES = st.text(min_size=1, max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def picture(kind: str, height: int, width: int, seed: int) -> np.ndarray:
    if kind == "smooth" and min(height, width) > 1:
        return smooth_picture(height, width, seed)
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return noise if kind == "noise" else np.full_like(noise, noise[0, 0])


@pytest.mark.parametrize("which", range(len(models())))
@given(st.sampled_from(["smooth", "noise", "flat"]), SIDES, SIDES, LEVELS, st.integers(0, 99))
@settings(QUICK, max_examples=25)
def test_what_a_file_decodes_to_is_what_the_session_showed(
    which: int, kind: str, height: int, width: int, level: int, seed: int
) -> None:
    model = load_model(models()[which], "cpu")
    condition = model.nearest(Condition(level))
    session = explorer.Session(model, picture(kind, height, width, seed))
    data = session.encode(condition)
    np.testing.assert_array_equal(model.decode(data), session.reconstruct(condition))
    header, payload = bitstream.unpack(data)
    assert header == Header(model.version, width, height, condition.level)
    assert bitstream.pack(header, payload) == data == model.encode(session.picture.pixels, condition.lmbda)


@given(st.integers(0, 2**32 - 1), st.integers(1, 65535), st.integers(1, 65535), LEVELS, st.binary(max_size=40))
@QUICK
def test_a_header_comes_back(model: int, width: int, height: int, level: int, payload: bytes) -> None:
    assume(width * height <= MAX_PIXELS)
    header = Header(f"{model:08x}", width, height, level)
    data = bitstream.pack(header, payload)
    assert bitstream.unpack(data) == (header, payload) and len(data) == bitstream.HEADER_BYTES + len(payload)


def test_levels_and_lambda_are_the_same_axis() -> None:
    lambdas = [lambda_of(level) for level in range(LAST_LEVEL + 1)]
    assert lambdas[0] == LAMBDA_MIN and lambdas[-1] == pytest.approx(LAMBDA_MAX)
    assert all(one < other for one, other in pairwise(lambdas))
    assert [level_of(lmbda) for lmbda in lambdas] == list(range(LAST_LEVEL + 1))


@given(st.floats(LAMBDA_MIN, LAMBDA_MAX), st.floats(LAMBDA_MIN, LAMBDA_MAX))
@QUICK
def test_the_level_of_a_larger_lambda_is_no_smaller(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert level_of(low) <= level_of(high)
    assert lambda_of(level_of(low)) == pytest.approx(low, rel=4e-5)


@given(st.integers(1, 200), st.integers(1, 200), st.data())
@QUICK
def test_tiles_cover_a_map_once_and_paste_to_it(height: int, width: int, data: st.DataObject) -> None:
    size = height, width
    made = np.arange(height * width, dtype=np.int32).reshape(1, height, width)
    copy, visits = np.full_like(made, -1), np.zeros(size, int)
    for tile in Grid(size):
        paste(copy, whole(size), made[(..., *tile.slices)], tile)
        visits[tile.slices] += 1
    assert (copy == made).all() and (visits == 1).all()
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    box = Box(top, left, data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width)))
    part = np.full((1, *box.shape), -1, np.int32)
    for tile in Grid(size).covering(box):
        paste(part, box, made[(..., *tile.slices)], tile)
    assert (part == made[(..., *box.slices)]).all()


def unpacked(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What `Reply.pack` wrote, read by what `wire` says of it alone."""
    (length,) = struct.unpack_from("<I", data)
    header, start, arrays = json.loads(data[4 : 4 + length]), 4 + length, {}
    for name, (kind, shape, offset, *packed) in header["arrays"].items():
        assert (start + offset) % 8 == 0
        if packed:
            rows = np.frombuffer(zlib.decompress(data[start + offset :][: packed[0]]), kind).reshape(shape)
            arrays[name] = np.cumsum(rows, axis=0, dtype=kind)
        else:
            arrays[name] = np.frombuffer(data, kind, math.prod(shape), start + offset).reshape(shape)
    return header, arrays


@given(
    st.dictionaries(TEXTS.filter(lambda name: name not in ("arrays", "packed")), NUMBERS | TEXTS | st.lists(NUMBERS)),
    st.lists(
        st.tuples(st.sampled_from(["uint8", "int16", "float16", "float32"]), st.lists(SIDES, max_size=3)), max_size=3
    ),
    st.booleans(),
)
@QUICK
def test_a_reply_comes_back(header: dict[str, Any], kinds: list[tuple[str, list[int]]], deflated: bool) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        f"{i}": (99 * rng.standard_normal([n % 9 for n in shape])).astype(kind) for i, (kind, shape) in enumerate(kinds)
    }
    arrays["pixels"] = rng.integers(0, 256, (3, 5, 3), dtype=np.uint8)
    told, found = unpacked(Reply(header, arrays).pack(deflated))
    assert {name: told[name] for name in header} == header and ("packed" in told) == deflated
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


ROWS = st.fixed_dictionaries(
    {
        "codec": NAMES,
        "version": NAMES,
        "image": NAMES,
        "image_id": NAMES,
        "knob": st.dictionaries(NAMES, st.floats(-1e6, 1e6), min_size=1, max_size=1),
        "width": st.integers(1, 65535),
        "height": st.integers(1, 65535),
        "bytes": st.integers(1, 2**31),
        "estimated_bits": st.none() | st.floats(0, 1e9),
        "bpp": st.floats(1e-6, 1e3),
        "psnr": st.none() | st.floats(0, 100),
        "ms_ssim": st.none() | st.floats(0, 1),
        "encode_s": st.floats(0, 1e3),
        "decode_s": st.floats(0, 1e3),
    }
)


@given(st.lists(ROWS, max_size=4), st.lists(ROWS, max_size=4))
@QUICK
def test_rows_come_back_from_file_and_journal(whole: list[dict[str, Any]], noted: list[dict[str, Any]]) -> None:
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "rows.json")
        store.write({"pictures": {"folder": "ü"}}, whole)
        store.note(noted)
        anew = [key(row) for row in noted]
        rows = [row for row in whole if key(row) not in anew] + noted
        assert store.read() == ({"pictures": {"folder": "ü"}}, rows, [])
        store.write(*store.read()[:2])
        assert store.read()[1] == rows and not store.journal.exists()
