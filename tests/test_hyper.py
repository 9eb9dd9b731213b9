"""The hyperprior's promise: a file decodes to the same symbols on every machine, and a broken one to nothing."""

from __future__ import annotations

import struct
import time
import zlib
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from conftest import codec_of, smooth_picture
from test_contract import with_prior
from test_lambda_map import random_map
from torch import nn

from explorer import bitstream
from explorer.codecs.learned import LearnedCodec
from explorer.condition import PAPER_LAMBDAS, Condition
from explorer.images import InputError
from explorer.lambda_map import BLOCK
from explorer.priors.hyper import Hyper
from explorer.priors.integers import SCALES, SIDE_MAX, HyperSynthesis, freeze_synthesis
from explorer.priors.tables import by_channel, encode, gaussian_table


@pytest.fixture(scope="module")
def network(tiny_network):
    return with_prior(tiny_network, "hyper")


@pytest.fixture(scope="module")
def codec(network) -> LearnedCodec:
    return codec_of(network, "hyper")


@pytest.fixture(scope="module")
def side(codec) -> np.ndarray:
    return np.random.default_rng(0).integers(-9, 10, (codec.network.config.N, 3, 5)).astype(np.int32)


@contextmanager
def threads(number: int):
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("lambda_map", [None, random_map(3, 5)], ids=["one λ", "a map"])
def test_what_the_decoder_derives_depends_neither_on_threads_nor_on_libraries(codec, side, lambda_map):
    synthesis, condition = codec.coder._synthesis, Condition(30000, lambda_map)
    size = 4 * side.shape[1], 4 * side.shape[2]
    expected = synthesis.at(side, condition, size)
    for number in (1, 2, 3):
        with threads(number):
            for found, known in zip(synthesis.at(side, condition, size), expected, strict=True):
                np.testing.assert_array_equal(found, known)
    with torch.backends.mkldnn.flags(enabled=False):
        for found, known in zip(synthesis.at(side, condition, size), expected, strict=True):
            np.testing.assert_array_equal(found, known)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_sums_does_not_matter(network, codec, side, seed):
    """The same network with its inner channels in another order sums in another order."""
    order = torch.randperm(network.config.N, generator=torch.Generator().manual_seed(seed))
    integers = dict(codec.network.prior.freeze())
    for k in range(2):  # inputs of both transposed convolutions, outputs of the first
        integers[f"synthesis.weight{k}"] = integers[f"synthesis.weight{k}"][order]
    integers["synthesis.weight0"] = integers["synthesis.weight0"][:, order]
    for name in ("bias0", "gain0_shift"):
        integers[f"synthesis.{name}"] = integers[f"synthesis.{name}"][order]
    integers["synthesis.gain0"] = integers["synthesis.gain0"][:, order]
    size = 4 * side.shape[1], 4 * side.shape[2]
    for level in (0, 12345, 65535):
        found = HyperSynthesis(integers).at(side[order.numpy()], Condition(level), size)
        for part, known in zip(found, codec.coder._synthesis.at(side, Condition(level), size), strict=True):
            np.testing.assert_array_equal(part, known)


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("lambda_map", [None, random_map(4, 5)], ids=["one λ", "a map"])
def test_a_file_written_anywhere_means_the_same_symbols_to_everybody(network, codec, precision, number, lambda_map):
    writer = with_prior(network, "hyper").to(precision)
    writer = LearnedCodec(writer, network.prior.freeze(), "hyper", codec.version)
    pixels, condition = smooth_picture(200, 300), Condition.of(3000, lambda_map)
    with threads(number):
        code = writer.quantise(writer.latents(pixels, condition), condition)
        data = writer.pack(code, *pixels.shape[:2])
    with torch.backends.mkldnn.flags(enabled=number % 2 == 0):
        found, _ = codec.decode_code(data)
    np.testing.assert_array_equal(found.symbols, code.symbols)
    np.testing.assert_array_equal(found.decoded, code.decoded)
    np.testing.assert_array_equal(found.scale, code.scale)


@pytest.mark.parametrize("lmbda", PAPER_LAMBDAS)
def test_the_integers_follow_their_float_twin(network, codec, side, lmbda):
    """μ to a hundredth of its size, σ to its eighth of an octave: weights have 8 bits."""
    condition = Condition.of(lmbda)
    mean, scale = codec.coder.expected(side, (4 * side.shape[1], 4 * side.shape[2]), condition)
    with torch.no_grad():
        t = network.position(condition.lmbda)
        twin, deviation = network.prior.expected(torch.from_numpy(side).float()[None], t)
    error = np.abs(mean / 256 - twin[0].numpy())
    assert error.mean() < 0.01 * twin.abs().mean().item() + 1 / 256
    octaves = np.log2(np.clip(deviation[0].numpy(), SCALES[0], SCALES[-1]) / np.array(SCALES)[scale])
    assert np.abs(octaves).mean() < 1 / 16 and np.abs(octaves).max() < 0.3


def test_weights_too_large_to_be_exact_are_refused(network):
    convs = [nn.ConvTranspose2d(4, 4, 5), nn.ConvTranspose2d(4, 4, 5), nn.Conv2d(4, 8, 1)]
    with torch.no_grad():
        convs[1].bias.fill_(1e12)
    with pytest.raises(ValueError, match="may not be exact"):
        freeze_synthesis(convs, [], torch.ones(1, 4))


def test_gaussian_tables_are_distributions_of_their_scales():
    table = gaussian_table(SCALES)
    assert (table.frequency.sum(axis=1) == 1 << 16).all()
    symbols = table.low[:, None] + np.arange(table.frequency.shape[1])
    shown = np.arange(table.frequency.shape[1]) < table.count[:, None]
    deviation = np.sqrt((np.where(shown, table.frequency, 0) * symbols.astype(float) ** 2).sum(axis=1) / 65536)
    wide = np.array(SCALES) > 0.6  # where rounding adds the variance of a uniform step
    assert deviation[wide] == pytest.approx(np.sqrt(np.array(SCALES)[wide] ** 2 + 1 / 12), rel=0.01)
    assert table.frequency[0, 0] >= 65534, "the narrowest is certain"


# -- broken files ----------------------------------------------------------------------------------------------------


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    """A file with some bytes changed, cut, repeated or added."""
    changed = bytearray(data)
    kind = random.integers(4)
    at = int(random.integers(len(changed)))
    if kind == 0:
        for place in random.integers(len(changed), size=int(random.integers(1, 8))):
            changed[place] ^= int(random.integers(1, 256))
    elif kind == 1:
        del changed[at:]
    elif kind == 2:
        changed[at:at] = random.bytes(int(random.integers(1, 40)))
    else:
        changed[at : at + 16] = changed[:16]
    return bytes(changed)


def test_a_mutated_file_is_refused_with_a_sentence(codec):
    """20,000 of them: none is taken for a picture that it is not."""
    random = np.random.default_rng(7)
    data = codec.encode(smooth_picture(90, 130), 512)
    known, refused = codec.decode(data), 0
    for _ in range(20_000):
        broken = mutated(data, random)
        try:
            decoded = codec.decode(broken)
        except InputError as error:
            assert "\n" not in str(error)
            refused += 1
        else:
            np.testing.assert_array_equal(decoded, known)
            assert broken == data
    assert refused > 19_900


def test_a_payload_with_a_valid_checksum_is_decoded_or_refused_in_time(codec):
    """What a checksum cannot tell: 500 hostile payloads give symbols of the right shape, or one sentence."""
    random = np.random.default_rng(8)
    header, payload = bitstream.unpack(codec.encode(smooth_picture(90, 130), 512))
    for _ in range(500):
        hostile = mutated(payload, random) or b"\0"
        start = time.monotonic()
        try:
            code, _ = codec.decode_code(bitstream.pack(header, hostile))
        except InputError as error:
            assert str(error).endswith(".")
        else:
            assert code.symbols.shape == (codec.channels, 6, 9) and np.abs(code.side).max() <= SIDE_MAX
        assert time.monotonic() - start < 5


def test_a_header_that_claims_another_size_is_refused_or_decoded_at_that_size(codec):
    data = codec.encode(smooth_picture(90, 130), 512)
    for width, height in ((1, 1), (131, 90), (4000, 3000)):
        changed = data[:9] + struct.pack(">HH", width, height) + data[13:19]
        changed += struct.pack(">I", zlib.crc32(data[23:], zlib.crc32(changed))) + data[23:]
        try:
            assert codec.decode(changed).shape == (height, width, 3)
        except InputError as error:
            assert "damaged" in str(error)


@pytest.mark.parametrize("share", [0, 0.02], ids=["flat", "sparse"])
def test_a_small_file_that_claims_a_huge_picture_is_refused_soon(hyperprior, share):
    """100 megapixels, whose μ and σ alone take 7 s: ẑ is one that an encoder might write, and nothing follows."""
    size, condition = (157, 157), Condition(30_000)
    ones = np.random.default_rng(3).random((hyperprior.network.config.N, *size)) < share
    table, rows = by_channel(hyperprior.coder.side_table, condition, size, BLOCK)
    payload = encode([(2 * ones.astype(np.int32), rows, table)])
    data = bitstream.pack(bitstream.Header(hyperprior.version, 10_000, 10_000, condition.level), payload)
    began = time.process_time()
    with pytest.raises(InputError, match="damaged"):
        hyperprior.decode(data)
    assert time.process_time() - began < 4


def test_a_hyper_coder_refuses_integers_that_are_not_its_own(network):
    integers = network.prior.freeze()
    spoilt = dict(integers) | {"gaussians.frequency": integers["gaussians.frequency"] * 0}
    with pytest.raises(ValueError, match="do not fit"):
        network.prior.coder(spoilt)
    assert isinstance(network.prior, Hyper)
