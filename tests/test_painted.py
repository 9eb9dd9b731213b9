"""λ from place to place: what a map makes of the picture, its files, and every way in which their maps can be wrong."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from conftest import smooth_picture
from test_lambda_map import disc, random_map

import explorer
from explorer import bitstream, mapcode, tiles
from explorer.bitstream import HEADER_BYTES
from explorer.condition import Condition, level_of
from explorer.images import InputError
from explorer.lambda_map import STEP, LambdaMap
from explorer.session import Session

MODELS = ["mae", "mae-hyperprior", "bottleneck", "bottleneck-hyperprior"]


@pytest.fixture(params=MODELS)
def model(request):
    return explorer.load_model(request.param, "cpu")


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(tiles, "SIDE", 8)
    monkeypatch.setattr(tiles, "ONE_TILE", 8)


def flat(level: int, lambda_map: LambdaMap) -> Condition:
    """A condition that keeps a map without differences, so that it goes the way of those that have some."""
    made = Condition(level)
    object.__setattr__(made, "map", lambda_map)
    return made


# -- the picture -----------------------------------------------------------------------------------------------------


def test_a_constant_map_is_its_lambda_bit_for_bit(model):
    session = Session(model, smooth_picture(130, 200))
    level = level_of(300)
    constant, plain = flat(level, LambdaMap.of(np.zeros((3, 4), int))), Condition(level)
    for found, expected in (
        (session.latents(constant), session.latents(plain)),
        (session.symbols(constant), session.symbols(plain)),
        (session.bits(constant), session.bits(plain)),
        (session.reconstruct(constant), session.reconstruct(plain)),
        (session.code(constant).distribution().probability, session.code(plain).distribution().probability),
    ):
        np.testing.assert_array_equal(found, expected)
    map_bytes = mapcode.encode(constant.map)
    file = session.encode(constant)
    assert file[HEADER_BYTES:] == map_bytes + session.encode(plain)[HEADER_BYTES:] and len(map_bytes) <= 2


def test_far_from_other_blocks_a_block_is_that_of_its_lambda(model):
    """Two λ side by side: what lies 64 pixels and more from the edge does not see it, but what a hyperprior expects."""
    session = Session(model, smooth_picture(64, 512))
    both = Condition(level_of(200), LambdaMap.of(np.repeat([[0, 8]], 4, axis=1)))
    for left, right, level in ((0, 12, both.level), (20, 32, both.level + 8 * STEP)):
        plain = Condition(level)
        latents, expected = (session.latents(each)[..., left:right] for each in (both, plain))
        np.testing.assert_allclose(latents, expected, rtol=1e-4, atol=1e-4)
        if "hyper" not in model.name:
            pixels, known = (session.reconstruct(each)[:, 16 * left : 16 * right].astype(int) for each in (both, plain))
            assert np.abs(pixels - known).max() <= 1


@pytest.mark.parametrize("size", [(257, 200), (143, 321), (60, 400)])
def test_tiles_are_those_of_the_whole_bit_for_bit(model, size, small_tiles):
    pixels = smooth_picture(*size)
    condition = Condition(level_of(500), random_map(-(-size[0] // 64), -(-size[1] // 64)))
    session = Session(model, pixels)
    assert session.is_large
    box = (size[0] // 3, size[1] // 4, size[0] - 5, size[1] - 30)
    part = session.region(condition, box)
    expected = Session(model, pixels).reconstruct(condition)
    np.testing.assert_array_equal(part, expected[box[0] : box[2], box[1] : box[3]])
    np.testing.assert_array_equal(explorer.decode(session.encode(condition)), expected)


def test_tiles_are_what_one_tile_makes_of_it(model, monkeypatch):
    """To rounding: places of the map do not shift from tile to tile."""
    pixels, condition = smooth_picture(200, 330), Condition(level_of(500), random_map(4, 6))
    whole = Session(model, pixels).latents(condition)
    monkeypatch.setattr(tiles, "SIDE", 8)
    monkeypatch.setattr(tiles, "ONE_TILE", 8)
    np.testing.assert_allclose(Session(model, pixels).latents(condition), whole, rtol=1e-3, atol=1e-3)
    code = Session(model, pixels).code(condition)
    pictures = [model.synthesise(code.part, condition, *pixels.shape[:2]).astype(int)]
    monkeypatch.setattr(tiles, "ONE_TILE", 4096)
    pictures.append(model.synthesise(code.part, condition, *pixels.shape[:2]).astype(int))
    assert np.abs(pictures[0] - pictures[1]).max() <= 1


# -- the file --------------------------------------------------------------------------------------------------------


def test_a_file_with_a_map_decodes_to_what_was_encoded(model):
    session = Session(model, smooth_picture(150, 260))
    condition = Condition(level_of(400), random_map(3, 5, seed=3))
    data = session.encode(condition)
    code, header = model.decode_code(data)
    assert data[4] == 2 and header.condition == condition == code.condition
    np.testing.assert_array_equal(code.symbols, session.symbols(condition))
    np.testing.assert_array_equal(code.bits, session.bits(condition))
    np.testing.assert_array_equal(explorer.decode(data), session.reconstruct(condition))
    assert abs(session.code(condition).total_bits / 8 - (len(data) - HEADER_BYTES - header.map_bytes)) < 16
    assert data == model.encode(session.picture.pixels, condition)
    assert code.distribution().probability.sum(axis=1) == pytest.approx(1, abs=0.01)


def test_a_disc_takes_few_bytes():
    assert len(mapcode.encode(disc(8, 12))) <= 20
    assert len(mapcode.encode(disc(8, 12, share=0.1, step=-7))) <= 20
    slope = LambdaMap.of(np.add.outer(np.arange(8), 2 * np.arange(12)))
    assert len(mapcode.encode(slope)) <= 20


@pytest.mark.parametrize(
    "lambda_map",
    [disc(8, 12), random_map(1, 1), random_map(1, 30), random_map(30, 1), random_map(40, 30), disc(171, 175)],
    ids=lambda m: f"{m.rows}x{m.columns}",
)
def test_coded_maps_come_back_whatever_follows(lambda_map):
    coded = mapcode.encode(lambda_map)
    for after in (b"", bytes(9), b"\xff" * 9, b"\x80\x00\x01"):
        assert mapcode.decode(coded + after, *lambda_map.shape) == (lambda_map, len(coded))
    assert len(coded) <= 1.05 * lambda_map.rows * lambda_map.columns + 4


def resealed(data: bytes, lambda_map: bytes, payload: bytes) -> bytes:
    """A file of version 2 with another map, on purpose: its checksum fits."""
    rest = lambda_map + payload
    fields = data[:4] + b"\x02" + data[5:15] + struct.pack(">I", len(rest))
    return fields + struct.pack(">I", zlib.crc32(rest, zlib.crc32(fields))) + rest


@pytest.fixture(scope="module")
def file(mae) -> bytes:
    return mae.encode(smooth_picture(130, 200), Condition(level_of(300), disc(3, 4)))


HOSTILE = {
    "no map": lambda coded: b"",
    "a map without differences": lambda coded: mapcode.encode(LambdaMap.of(np.zeros((3, 4), int))),
    "a map of one step": lambda coded: mapcode.encode(LambdaMap.of(np.full((3, 4), 7))),
    "another map": lambda coded: mapcode.encode(random_map(3, 4)),
    "a larger map": lambda coded: mapcode.encode(random_map(9, 9)),
    "a byte more": lambda coded: coded + b"\0",
    "not as short as it could be": lambda coded: coded[:-1] + bytes([coded[-1] ^ 1]),
    "cut": lambda coded: coded[:-1],
    "noise": lambda coded: np.random.default_rng(5).bytes(200),
    "ones": lambda coded: b"\xff" * 50,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_maps_are_refused(mae, file, name):
    header, payload = bitstream.unpack(file)
    coded = file[HEADER_BYTES : HEADER_BYTES + header.map_bytes]
    assert resealed(file, coded, payload) == file
    with pytest.raises(InputError):
        mae.decode(resealed(file, HOSTILE[name](coded), payload))


def test_bytes_that_no_encoder_wrote_are_never_taken():
    """What is read is what would be written, so no two files mean the same."""
    taken = 0
    for data in (np.random.default_rng(seed).bytes(40) for seed in range(300)):
        try:
            found, size = mapcode.decode(data, 2, 2)
        except InputError:
            continue
        assert mapcode.encode(found) == data[:size]
        taken += 1
    assert 0 < taken < 300


def test_a_map_clipped_to_one_level_is_refused(mae, file):
    _, payload = bitstream.unpack(file)
    top = file[:13] + b"\xff\xff" + file[15:]
    with pytest.raises(InputError, match="makes no difference"):
        bitstream.unpack(resealed(top, mapcode.encode(disc(3, 4)), payload))
