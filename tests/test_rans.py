"""The range coder and its double in Python, and the reader of payloads, which takes what `encode` writes alone."""

from __future__ import annotations

import sys
import time
import tracemalloc
from hashlib import sha256
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from conftest import codec_of, smooth_picture
from hypothesis import given, settings
from hypothesis import strategies as st
from test_contract import with_prior
from test_lambda_map import random_map

from explorer import bitstream
from explorer.bitstream import Header
from explorer.codecs.learned import bottleneck_size
from explorer.condition import Condition
from explorer.images import MAX_PIXELS, MAX_SIDE, InputError
from explorer.priors import pure_rans, rans
from explorer.priors.tables import ESCAPED_MAX, MOST_AT_ONCE, ROUNDING, SYMBOL_MAX, Reader, Table, channel_rows, encode


@pytest.fixture(scope="module")
def extension(compressai) -> ModuleType:
    module = rans.coder()
    assert module is not pure_rans
    return module


@pytest.fixture(scope="module", params=["factorised", "hyper"])
def codec(tiny_network, request):
    network = tiny_network if request.param == "factorised" else with_prior(tiny_network, "hyper")
    return codec_of(network, request.param)


@pytest.fixture(scope="module")
def file(codec) -> bytes:
    return codec.encode(smooth_picture(90, 130), 512)


def table_of(*rows: list[int], low: int = 0) -> Table:
    """A table of these frequencies, each row's last one of its escape."""
    frequency = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for own, row in zip(frequency, rows, strict=True):
        own[: len(row)] = row
    return Table.of(np.full(len(rows), low), np.array([len(row) - 1 for row in rows]), frequency)


@st.composite
def rows_of_frequencies(draw) -> list[int]:
    """From 2 to 300 positive integers that sum to 2¹⁶, even ones and such that one has all there is."""
    number = draw(st.sampled_from([2, 3, 17, 300]))
    cuts = draw(st.sets(st.integers(1, (1 << 16) - 1), min_size=number - 1, max_size=number - 1))
    even = np.diff([0, *sorted(cuts), 1 << 16]).tolist()
    steep = [1] * number
    steep[draw(st.integers(0, number - 1))] += (1 << 16) - number
    return draw(st.sampled_from([even, steep]))


@st.composite
def maps(draw):
    """Symbols (C, h, w), most in their tables' ranges, a few far outside, and the tables."""
    shape = draw(st.sampled_from([(1, 1, 1), (1, 1, 3), (2, 1, 2), (3, 5, 4), (2, 30, 40)]))
    table = table_of(*draw(st.lists(rows_of_frequencies(), min_size=shape[0], max_size=shape[0])), low=-1)
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    q = random.integers(-1, table.count.max() + 1, shape).astype(np.int32)
    far = random.random(shape) < draw(st.sampled_from([0, 0.1, 1]))
    q[far] = random.choice([1 - ESCAPED_MAX, ESCAPED_MAX - 1, SYMBOL_MAX, -2], int(far.sum()))
    return q, table


@settings(max_examples=60, deadline=None)
@given(maps())
def test_both_range_coders_write_the_same_bytes_and_read_each_others(extension, drawn):
    q, table = drawn
    rows, coders = channel_rows(len(q)), (extension, pure_rans)
    payloads = [with_coder(coder, lambda: encode([(q, rows, table)])) for coder in coders]
    assert payloads[0] == payloads[1]
    for coder in coders:

        def read() -> np.ndarray:
            reader = Reader(payloads[0])
            found = reader.read(q.shape, rows, table)
            reader.finish()
            return found

        np.testing.assert_array_equal(with_coder(coder, read), q)


def with_coder(coder, act):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rans, "coder", lambda: coder)
        return act()


def test_no_symbols_are_one_state(extension):
    assert pure_rans.BufferedRansEncoder().flush() == bytes([0, 0, 0, 128, 0, 0, 0, 0])
    for coder in (extension, pure_rans):
        decoder = coder.RansDecoder()
        decoder.set_stream(pure_rans.BufferedRansEncoder().flush())
        assert list(decoder.decode_stream([], [[0, 1 << 16, 1 << 16]], [3], [0])) == []


@pytest.mark.parametrize("lambda_map", [None, random_map(2, 3)], ids=["one λ", "a map"])
def test_files_and_pictures_do_not_depend_on_the_coder(codec, extension, lambda_map):
    pixels, condition = smooth_picture(90, 130), Condition.of(512, lambda_map)
    file = with_coder(extension, lambda: codec.encode(pixels, condition))
    assert with_coder(pure_rans, lambda: codec.encode(pixels, condition)) == file
    expected = with_coder(extension, lambda: codec.decode(file))
    np.testing.assert_array_equal(with_coder(pure_rans, lambda: codec.decode(file)), expected)


# -- where the extension is absent -----------------------------------------------------------------------------------


def found_as(folder) -> ModuleSpec:
    spec = ModuleSpec("compressai", None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    return spec


@pytest.mark.parametrize("installed", ["nothing", "no module for this Python", "a module for another machine"])
def test_without_its_extension_the_coder_in_python_is_used(tmp_path, monkeypatch, installed):
    monkeypatch.delitem(sys.modules, rans.NAME, raising=False)
    if installed == "a module for another machine":
        (tmp_path / f"ans{rans.EXTENSION_SUFFIXES[0]}").write_bytes(b"no library")
    spec = None if installed == "nothing" else found_as(tmp_path)
    monkeypatch.setattr(
        rans.importlib, "util", SimpleNamespace(**vars(rans.importlib.util) | {"find_spec": lambda _: spec})
    )
    assert rans.coder.__wrapped__() is pure_rans
    assert rans.NAME not in sys.modules


# -- what is no payload ----------------------------------------------------------------------------------------------


def refused(codec, payload: bytes, width: int = 130, height: int = 90, level: int | None = None) -> bool:
    """Whether a file around this payload, with a right checksum, is refused with one sentence; a picture else."""
    header = Header(codec.version, width, height, Condition.of(512).level if level is None else level)
    try:
        code, _ = codec.decode_code(bitstream.pack(header, payload))
    except InputError as error:
        assert str(error).endswith(".") and "damaged" in str(error) and "\n" not in str(error)
        return True
    assert code.symbols.shape == (codec.channels, *bottleneck_size(height, width))
    return False


@pytest.mark.parametrize("coder", ["extension", "pure"])
def test_every_flipped_bit_is_noticed_even_under_a_right_checksum(codec, file, coder, request):
    _, payload = bitstream.unpack(file)
    module = pure_rans if coder == "pure" else request.getfixturevalue("extension")
    places = range(0, 8 * len(payload), 7 if coder == "extension" else 97)

    def accepted() -> list[int]:
        return [at for at in places if not refused(codec, flipped(payload, at))]

    assert not refused(codec, payload)
    assert with_coder(module, accepted) == []


def flipped(payload: bytes, bit: int) -> bytes:
    changed = bytearray(payload)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


WRONG = {
    "empty": lambda p: b"",
    "seven bytes": lambda p: p[:7],
    "first state alone": lambda p: bytes([0, 0, 0, 128, 0, 0, 0, 0]),
    "state zero": lambda p: bytes(8) + p[8:],
    "state too large": lambda p: b"\xff" * 8 + p[8:],
    "zeros": lambda p: bytes(len(p)),
    "ones": lambda p: b"\xff" * len(p),
    "a byte less": lambda p: p[:-1],
    "a word less": lambda p: p[:-4],
    "half": lambda p: p[: len(p) // 8 * 4],
    "a byte more": lambda p: p + b"\0",
    "a word more": lambda p: p + bytes(4),
    "what the reader appends": lambda p: p + sha256(p).digest(),
    "a megabyte more": lambda p: p + bytes(1 << 20),
    "twice": lambda p: p * 2,
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_payload_is_refused(codec, file, case):
    assert refused(codec, WRONG[case](bitstream.unpack(file)[1]))


def test_a_word_less_or_more_is_noticed_also_where_it_is_what_follows():
    table, rows = table_of([32768, 32767, 1]), channel_rows(1)
    for seed in range(50):
        q = np.random.default_rng(seed).integers(0, 2, (1, 8, 20)).astype(np.int32)
        payload = encode([(q, rows, table)])
        for wrong in (payload[:-4], payload + bytes(4), payload + sha256(payload).digest()[:4]):
            reader = Reader(wrong)
            with pytest.raises(InputError):
                reader.read(q.shape, rows, table)
                reader.finish()


def test_symbols_reach_as_far_as_a_reader_takes_them():
    table, rows = table_of([32768, 32767, 1]), channel_rows(1)
    q = np.zeros((1, 2, 2), np.int32)
    for value in (ESCAPED_MAX - 1, 1 - ESCAPED_MAX):
        q[0, 1, 0] = value
        reader = Reader(encode([(q, rows, table)]))
        np.testing.assert_array_equal(reader.read(q.shape, rows, table), q)
        reader.finish()
    for value in (ESCAPED_MAX, -ESCAPED_MAX, np.iinfo(np.int32).min):
        q[0, 1, 0] = value
        with pytest.raises(InputError, match=r"too large for a file; train it again .*\.$"):
            encode([(q, rows, table)])


# -- huge claims -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [0, 32768, 65535])
@pytest.mark.parametrize("size", [(10000, 10000), (65535, 1831), (1831, 65535), (3000, 2000)])
def test_a_small_file_that_claims_a_huge_picture_costs_nothing(codec, file, size, level):
    _, payload = bitstream.unpack(file)
    tracemalloc.start()
    start = time.monotonic()
    assert refused(codec, payload, *size, level)
    assert time.monotonic() - start < 5
    assert tracemalloc.get_traced_memory()[1] < 200e6  # a picture of this size has up to 360 MB
    tracemalloc.stop()


def test_no_channel_of_the_largest_pictures_has_more_symbols_than_are_read_at_once():
    for width in range(MAX_PIXELS // MAX_SIDE, MAX_SIDE + 1):
        h, w = bottleneck_size(min(MAX_PIXELS // width, MAX_SIDE), width)
        assert h * w <= MOST_AT_ONCE


FLAT = {
    "certain": [65535, 1],
    "nearly certain": [1, 65533, 1, 1],
    "half": [32768, 32767, 1],
    "two thirds": [1, 43690, 21844, 1],
    "wide": [*[255, 257] * 127, 256, 256],
}


@pytest.mark.parametrize("name", FLAT)
def test_the_bound_on_bits_holds_for_the_flattest_of_pictures(extension, name):
    """The most probable symbol throughout: no payload is smaller, and the bound is no looser than it says."""
    table, rows = table_of(FLAT[name]), channel_rows(1)
    q = np.full((1, 1000, 500), np.argmax(FLAT[name][:-1]), np.int32)
    payload = with_coder(extension, lambda: encode([(q, rows, table)]))
    bits = float(table.least_bits[0]) * q.size
    assert bits <= 8 * len(payload) * (1 + ROUNDING) <= (bits + 64) * (1 + 2 * ROUNDING)
    reader = Reader(payload)
    np.testing.assert_array_equal(reader.read(q.shape, rows, table), q)
    reader.finish()


@pytest.mark.parametrize("colour", [0, 127, 255])
@pytest.mark.parametrize("size", [(16, 4000), (4000, 1)])
def test_a_constant_picture_of_an_extreme_shape_comes_back(codec, colour, size):
    for lmbda in (64, 4096):
        data = codec.encode(np.full((*size, 3), colour, np.uint8), lmbda)
        assert codec.decode(data).shape == (*size, 3)
