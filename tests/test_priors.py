"""Priors: the contract that each keeps, and the integers of each: distributions, coding, escapes, hostile payloads,
golden files."""

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

from explorer.codecs.learned import LearnedCodec
from explorer.condition import Condition, lambda_of
from explorer.images import InputError
from explorer.priors.base import PLACES
from explorer.priors.tables import SYMBOL_MAX, DensityTables, Table

LEVELS = (0, 1, 255, 256, 20000, 43210, 65280, 65535)
GOLDEN = Path(__file__).parent / "golden_tables.json"


@pytest.mark.parametrize("level", LEVELS)
def test_every_table_is_a_distribution(mae, level):
    table = mae.coder.table_at(Condition(level))
    assert (table.frequency.sum(axis=1) == 1 << 16).all()
    columns = np.arange(table.frequency.shape[1])
    assert ((table.frequency > 0) == (columns <= table.count[:, None])).all(), "every symbol and the escape, no more"
    assert (table.low <= 0).all() and (table.low + table.count > 0).all(), "zero has a place of its own"


@pytest.mark.parametrize("level", LEVELS)
def test_tables_follow_the_density(mae, level):
    table = mae.coder.table_at(Condition(level))
    network = mae.network
    gains = network.prior.a(network.position(lambda_of(level)))
    zeros = torch.zeros(1, network.config.M, 1, 1)
    p = network.prior.density.likelihood(zeros, gains).flatten().numpy()
    stored = np.take_along_axis(table.frequency, -table.low[:, None], axis=1)[:, 0] / 65536
    assert np.abs(stored - p).max() < 0.01


@settings(max_examples=30, deadline=None)
@given(level=st.integers(0, 65535), seed=st.integers(0, 2**32 - 1), spread=st.sampled_from([0, 1, 30, 3000]))
def test_symbols_come_back_whatever_they_are(tiny, level, seed, spread):
    q = np.random.default_rng(seed).integers(-spread, spread + 1, (tiny.channels, 3, 4)).astype(np.float32)
    code = tiny.coder.quantise(q, Condition(level))
    payload = tiny.coder.encode(code)
    assert (tiny.coder.decode(payload, (3, 4), Condition(level)).symbols == q).all()
    assert abs(8 * len(payload) - code.total_bits) < 0.01 * 8 * len(payload) + 64


def test_escapes_reach_far_beyond_the_table(tiny):
    q = np.zeros((tiny.channels, 1, 1), np.float32)
    q[:4, 0, 0] = (SYMBOL_MAX + 1, -SYMBOL_MAX - 1, 100_000, -100_000)
    payload = tiny.coder.encode(tiny.coder.quantise(q, Condition(65535)))
    assert (tiny.coder.decode(payload, (1, 1), Condition(65535)).symbols == q).all()


@settings(max_examples=60, deadline=None)
@given(payload=st.binary(max_size=300), level=st.integers(0, 65535))
def test_a_hostile_payload_gives_symbols_or_one_sentence(tiny, payload, level):
    try:
        q = tiny.coder.decode(payload, (2, 2), Condition(level)).symbols
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert q.shape == (tiny.channels, 2, 2)


def test_the_bundled_tables_and_a_stored_file_are_the_golden_ones(mae):
    """A file decodes by these tables for ever: a changed digest for an unchanged checkpoint breaks every file.

    After a new checkpoint: EXPLORER_REGENERATE=1 pytest tests/test_priors.py"""
    if os.environ.get("EXPLORER_REGENERATE"):
        stored = mae.encode(smooth_picture(40, 70), 512)
        digests = {str(level): _digest(mae.coder.table_at(Condition(level))) for level in LEVELS}
        now = {"checkpoint": mae.version, "tables": digests, "file": stored.hex(), "symbols": _symbols(mae, stored)}
        GOLDEN.write_text(json.dumps(now, indent=1) + "\n")
    golden = json.loads(GOLDEN.read_text())
    assert golden["checkpoint"] == mae.version
    assert golden["tables"] == {str(level): _digest(mae.coder.table_at(Condition(level))) for level in LEVELS}
    assert golden["symbols"] == _symbols(mae, bytes.fromhex(golden["file"]))


def test_a_dead_channel_may_ask_for_any_gain(tiny_network):
    """Nothing stops a channel that is always zero from an ever narrower prior; its table has to stay a distribution."""
    gains = torch.full((PLACES, tiny_network.config.M), 1e30)
    table = DensityTables.build(tiny_network.prior.density, gains).at(30000)
    assert (table.frequency.sum(axis=1) == 1 << 16).all()
    assert (table.low == 0).all() and (table.frequency[:, 0] > 65000).all()


def _symbols(model: LearnedCodec, data: bytes) -> str:
    return hashlib.sha256(model.decode_code(data)[0].symbols.astype("<i4").tobytes()).hexdigest()[:16]


def _digest(table: Table) -> str:
    content = [table.low, table.count, table.frequency]
    return hashlib.sha256(b"".join(part.astype("<i8").tobytes() for part in content)).hexdigest()[:16]
