"""The prior's integers: distributions, coding, escapes, hostile payloads, and a golden file of the tables."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import smooth_picture
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import entropy
from explorer.condition import lambda_of
from explorer.codecs.learned import LearnedCodec
from explorer.entropy import SYMBOL_MAX, PriorTables, decode_symbols, encode_symbols
from explorer.images import InputError

LEVELS = (0, 1, 255, 256, 20000, 43210, 65280, 65535)
GOLDEN = Path(__file__).parent / "golden_tables.json"


@pytest.mark.parametrize("level", LEVELS)
def test_every_table_is_a_distribution(mae, level):
    table = mae.tables.at(level)
    assert (table.frequency.sum(axis=1) == 1 << 16).all()
    columns = np.arange(table.frequency.shape[1])
    assert ((table.frequency > 0) == (columns <= table.count[:, None])).all(), "every symbol and the escape, no more"
    assert (table.low <= 0).all() and (table.low + table.count > 0).all(), "zero has a place of its own"


@pytest.mark.parametrize("level", LEVELS)
def test_tables_follow_the_density(mae, level):
    table = mae.tables.at(level)
    network = mae.network
    gains = network.prior_gain(network.position(lambda_of(level)))
    zeros = torch.zeros(1, network.config.M, 1, 1)
    p = entropy.likelihood(network.prior, zeros, gains).flatten().numpy()
    stored = np.take_along_axis(table.frequency, -table.low[:, None], axis=1)[:, 0] / 65536
    assert np.abs(stored - p).max() < 0.01


@settings(max_examples=30, deadline=None)
@given(level=st.integers(0, 65535), seed=st.integers(0, 2**32 - 1), spread=st.sampled_from([0, 1, 30, 3000]))
def test_symbols_come_back_whatever_they_are(tiny, level, seed, spread):
    q = np.random.default_rng(seed).integers(-spread, spread + 1, (tiny.network.config.M, 3, 4)).astype(np.int32)
    table = tiny.tables.at(level)
    payload = encode_symbols(q, table)
    assert (decode_symbols(payload, q.shape, table) == q).all()
    assert abs(8 * len(payload) - table.element_bits(q).sum()) < 0.01 * 8 * len(payload) + 64


def test_escapes_reach_far_beyond_the_table(tiny):
    q = np.zeros((tiny.network.config.M, 1, 1), np.int32)
    q[:4, 0, 0] = (SYMBOL_MAX + 1, -SYMBOL_MAX - 1, 100_000, -100_000)
    table = tiny.tables.at(65535)
    assert (decode_symbols(encode_symbols(q, table), q.shape, table) == q).all()


@settings(max_examples=60, deadline=None)
@given(payload=st.binary(max_size=300), level=st.integers(0, 65535))
def test_a_hostile_payload_gives_symbols_or_one_sentence(tiny, payload, level):
    try:
        q = decode_symbols(payload, (tiny.network.config.M, 2, 2), tiny.tables.at(level))
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert q.shape == (tiny.network.config.M, 2, 2)


def test_the_bundled_tables_and_a_stored_file_are_the_golden_ones(mae):
    """A file decodes by these tables for ever: a changed digest for an unchanged checkpoint breaks every file.

    After a new checkpoint: EXPLORER_REGENERATE=1 pytest tests/test_entropy.py"""
    if os.environ.get("EXPLORER_REGENERATE"):
        stored = mae.encode(smooth_picture(40, 70), 512)
        digests = {str(level): _digest(mae.tables.at(level)) for level in LEVELS}
        now = {"checkpoint": mae.version, "tables": digests, "file": stored.hex(), "symbols": _symbols(mae, stored)}
        GOLDEN.write_text(json.dumps(now, indent=1) + "\n")
    golden = json.loads(GOLDEN.read_text())
    assert golden["checkpoint"] == mae.version
    assert golden["tables"] == {str(level): _digest(mae.tables.at(level)) for level in LEVELS}
    assert golden["symbols"] == _symbols(mae, bytes.fromhex(golden["file"]))


def test_a_dead_channel_may_ask_for_any_gain(tiny_network):
    """Nothing stops a channel that is always zero from an ever narrower prior; its table has to stay a distribution."""
    gains = torch.full((entropy.GAINS, tiny_network.config.M), 1e30)
    table = PriorTables.build(tiny_network.prior, gains).at(30000)
    assert (table.frequency.sum(axis=1) == 1 << 16).all()
    assert (table.low == 0).all() and (table.frequency[:, 0] > 65000).all()


def _symbols(model: LearnedCodec, data: bytes) -> str:
    return hashlib.sha256(model.decode_symbols(data)[0].astype("<i4").tobytes()).hexdigest()[:16]


def _digest(table: entropy.LevelTable) -> str:
    content = [table.low, table.count, table.frequency]
    return hashlib.sha256(b"".join(part.astype("<i8").tobytes() for part in content)).hexdigest()[:16]
