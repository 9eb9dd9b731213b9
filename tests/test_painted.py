"""λ from place to place: what a map makes of the picture, its files, and every way in which their maps can be wrong."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from conftest import sample_paths, smooth_picture
from test_lambda_map import disc, random_map

import explorer
from explorer import bitstream, mapcode, metrics, tiles
from explorer.bitstream import HEADER_BYTES
from explorer.condition import Condition, lambda_of, level_of
from explorer.images import InputError
from explorer.lambda_map import STEP, LambdaMap, blocks
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


@pytest.mark.parametrize("name", ["mae", "mae-hyperprior"])
def test_a_small_file_that_claims_a_huge_painting_is_refused_at_once(name):
    model = explorer.load_model(name, "cpu")
    height, width = 10_000, 12_000
    lambda_map = disc(*blocks(height, width))
    header = bitstream.Header(model.version, width, height, 1000, lambda_map)
    claim = bitstream.pack(header, bitstream.unpack(model.encode(smooth_picture(64, 64), 64))[1])
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="damaged"):
            model.decode(claim)
        assert tracemalloc.get_traced_memory()[1] < 60e6
    finally:
        tracemalloc.stop()


# -- a session -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def painted(mae) -> tuple[Session, Condition]:
    session = Session(mae, sample_paths()[0])
    return session, Condition(level_of(200), disc(*blocks(*session.size)))


def test_all_that_takes_lambda_takes_a_map(painted):
    session, condition = painted
    base, high = Condition(condition.level), Condition(condition.level + 16 * STEP)
    inside = condition.block_levels == high.level
    error = {each: session.block_error(each) for each in (base, condition, high)}
    cells = np.kron(inside, np.ones((4, 4), bool))
    assert error[condition][cells].mean() == pytest.approx(error[high][cells].mean(), rel=0.15)
    assert error[condition][~cells].mean() == pytest.approx(error[base][~cells].mean(), rel=0.15)
    point = session.point(condition)
    assert session.point(base).bytes < point.bytes < session.point(high).bytes
    assert point.knob == {"lambda": condition.lmbda, "map": condition.map.text}
    assert session.measured(condition).bytes == point.bytes != session.measured(base).bytes
    lambdas = np.vectorize(lambda_of)(condition.block_levels)
    assert session.condition(lambdas) == condition
    log = session.log_ratio(condition, base)
    assert np.nanmax(np.abs(log.value[:, ~cells])) < np.nanmax(np.abs(log.value[:, cells]))
    assert session.features(condition, "a0.mod").shape == (128, 128, 192)
    assert session.edit(condition, {3: 0}).estimated_bits < session.code(condition).total_bits


def test_a_response_is_that_of_its_place(painted):
    session, condition = painted
    row, column = (4 * int(each) for each in np.argwhere(condition.map.steps == 16)[0])
    high = Condition(condition.level + 16 * STEP)
    channel = int(np.abs(session.code(condition).decoded[:, row, column]).argmax())
    near_edge = session.response(condition, channel, row, column).pixels
    decoded = session.code(condition).decoded
    alone = np.zeros_like(decoded)
    alone[channel, row, column] = decoded[channel, row, column]
    whole = [
        session.model.synthesis_map(tiles.parts_of(each), condition, "s2.conv", tiles.size_of(decoded))
        for each in (alone, np.zeros_like(decoded))
    ]
    top, left, bottom, right = explorer.receptive_field(row, column)
    expected = (whole[0] - whole[1])[:, top:bottom, left:right].transpose(1, 2, 0)
    np.testing.assert_allclose(near_edge, expected, atol=1e-5)
    elsewhere = session.response(high, channel, row, column, float(decoded[channel, row, column])).pixels
    assert np.abs(near_edge - elsewhere).max() > 0.05 * np.abs(elsewhere).max(), "beyond the edge λ is another one"


def test_numbers_of_what_is_painted(painted):
    session, condition = painted
    found = session.painted(condition)
    assert list(found) == ["above", "at"] and sum(each.share for each in found.values()) == pytest.approx(1)
    assert sum(each.bits for each in found.values()) == pytest.approx(session.code(condition).total_bits, rel=1e-4)
    cells = np.kron(condition.map.steps > 0, np.ones((64, 64), bool))
    original, decoded = session.picture.pixels, session.reconstruct(condition)
    assert found["above"].share == pytest.approx(cells.mean())
    assert found["above"].psnr == pytest.approx(metrics.psnr(original[cells][None], decoded[cells][None]), abs=1e-3)
    assert found["above"].psnr > found["at"].psnr
    uniform = session.solve(bytes=session.point(condition).bytes)
    even = session.painted(condition, seen_at=uniform)
    assert found["above"].psnr > even["above"].psnr + 1.8 and found["at"].psnr < even["at"].psnr
    below = Condition(condition.level, LambdaMap.of(np.negative(condition.map.steps.astype(int))))
    assert list(session.painted(below)) == ["at", "below"]
    assert list(session.painted(500)) == ["at"] and session.painted(500)["at"].share == 1
    assert session.painted(500)["at"].psnr == pytest.approx(session.point(500).psnr, abs=1e-3)


@pytest.mark.parametrize("lambda_map", [disc(2, 3, share=0.3), LambdaMap.of(np.full((2, 3), 7))], ids=["disc", "all"])
def test_a_target_is_met_with_a_map(mae, lambda_map):
    session = Session(mae, smooth_picture(128, 192))
    limit = session.point(Condition(level_of(200), lambda_map)).bytes
    found = session.solve(bytes=limit, map=lambda_map)
    assert 0.9 * limit < len(session.encode(Condition(level_of(found), lambda_map))) <= limit
    assert found < session.solve(bytes=limit)
    with pytest.raises(InputError, match="has 2×3 blocks"):
        session.solve(bytes=limit, map=disc(3, 3))


def test_a_received_file_has_its_map(mae, file):
    received = explorer.receive(file)
    assert received.map == disc(3, 4) and received.lmbda == pytest.approx(300, rel=1e-4) and "map" in repr(received)
    np.testing.assert_array_equal(received.reconstruct(received.lmbda), mae.decode(file))
    np.testing.assert_array_equal(received.reconstruct(Condition(level_of(300), disc(3, 4))), mae.decode(file))
    with pytest.raises(InputError, match="made at λ"):
        received.reconstruct(Condition(level_of(300), random_map(3, 4)))
