"""Priors: the contract that each keeps, and the integers of each: distributions, coding, escapes, hostile payloads,
golden files."""

from __future__ import annotations

import copy
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
from explorer.lambda_map import LambdaMap
from explorer.library import load_model
from explorer.priors.base import GAIN_MAX, PLACES
from explorer.priors.density import Density
from explorer.priors.factorised import FactorisedCoder
from explorer.priors.hypercode import HyperCode, HyperCoder
from explorer.priors.tables import SYMBOL_MAX, DensityTables, Table

LEVELS = (0, 1, 255, 256, 20000, 43210, 65280, 65535)
GOLDEN = Path(__file__).parent / "golden.json"


@pytest.mark.parametrize("level", LEVELS)
def test_every_table_is_a_distribution(mae, level):
    table = mae.coder.table_at(level)
    assert (table.frequency.sum(axis=1) == 1 << 16).all()
    columns = np.arange(table.frequency.shape[1])
    assert ((table.frequency > 0) == (columns <= table.count[:, None])).all(), "every symbol and the escape, no more"
    assert (table.low <= 0).all() and (table.low + table.count > 0).all(), "zero has a place of its own"


@pytest.mark.parametrize("level", LEVELS)
def test_tables_follow_the_density(mae, level):
    table = mae.coder.table_at(level)
    network = mae.network
    gains = network.prior.a(network.position(lambda_of(level)))
    zeros = torch.zeros(1, network.config.M, 1, 1)
    p = network.prior.density.likelihood(zeros, gains).flatten().numpy()
    stored = np.take_along_axis(table.frequency, -table.low[:, None], axis=1)[:, 0] / 65536
    assert np.abs(stored - p).max() < 0.01


@pytest.mark.parametrize("gain", [0.5, 30.0, GAIN_MAX])
def test_a_tie_of_the_logits_takes_either_side(gain):
    """A symmetric density at 0: its logits cancel exactly, where neither side is the one far from 1."""
    torch.manual_seed(0)
    density = Density(3)
    with torch.no_grad():
        for bias in density.biases:
            bias.zero_()
        for factor in density.factors:
            factor.normal_()
    values = torch.tensor([-2.0, -1, 0, 1, 2])
    y = values.expand(1, 3, 1, 5).clone().requires_grad_(True)
    a = torch.full((1, 3), gain)
    half = torch.full((3, 1, 1), gain / 2)
    assert (density.logits(half) == -density.logits(-half)).all()
    p = density.likelihood(y, a)[0, :, 0]
    exact = copy.deepcopy(density).double()
    upper, lower = (exact.logits((gain * (values + side)).double().expand(3, 1, 5)) for side in (0.5, -0.5))
    sign = torch.where(upper + lower > 0, -1, 1)
    expected = (torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower)).abs()[:, 0].clamp(min=1e-9)
    torch.testing.assert_close(p.double(), expected, rtol=1e-4, atol=0)
    assert torch.equal(p, p.flip(1)), "as symmetric as the density"
    p.log().sum().backward()
    assert torch.isfinite(y.grad).all()
    table = DensityTables.build(density, a).at(0)
    stored = np.take_along_axis(table.frequency, -table.low[:, None], axis=1)[:, 0] / 65536
    np.testing.assert_allclose(stored, p[:, 2].detach(), atol=0.01)


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


GOLDEN_MODELS = ("mae", "mae-hyperprior")


@pytest.mark.parametrize("name", GOLDEN_MODELS)
def test_the_bundled_integers_and_a_stored_file_are_the_golden_ones(name):
    """A file decodes by these integers for ever: another digest for an unchanged checkpoint breaks every file.

    After a new checkpoint: EXPLORER_REGENERATE=1 pytest tests/test_priors.py"""
    model = load_model(name, "cpu")
    if os.environ.get("EXPLORER_REGENERATE"):
        stored = model.encode(smooth_picture(70, 90), 512)
        painted = model.encode(smooth_picture(70, 90), Condition(20000, LambdaMap.of([[0, 16], [-5, 3]])))
        now = {"checkpoint": model.version, "file": stored.hex(), "code": _code_digest(model, stored)}
        now |= {"painted": painted.hex(), "painted_code": _code_digest(model, painted)}
        now["levels"] = {str(level): _level_digest(model, level) for level in LEVELS}
        known = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
        GOLDEN.write_text(json.dumps(known | {name: now}, indent=1) + "\n")
    golden = json.loads(GOLDEN.read_text())[name]
    assert golden["checkpoint"] == model.version
    assert golden["levels"] == {str(level): _level_digest(model, level) for level in LEVELS}
    assert golden["code"] == _code_digest(model, bytes.fromhex(golden["file"]))
    assert golden["painted_code"] == _code_digest(model, bytes.fromhex(golden["painted"])), "one with a λ map"


def test_a_dead_channel_may_ask_for_any_gain(tiny_network):
    """Nothing stops a channel that is always zero from an ever narrower prior; its table has to stay a distribution."""
    gains = torch.full((PLACES, tiny_network.config.M), 1e30)
    table = DensityTables.build(tiny_network.prior.density, gains).at(30000)
    assert (table.frequency.sum(axis=1) == 1 << 16).all()
    assert (table.low == 0).all() and (table.frequency[:, 0] > 65000).all()


def _code_digest(model: LearnedCodec, data: bytes) -> str:
    """Of all that a decoder makes of a file before its floats begin."""
    code = model.decode_code(data)[0]
    return _digest(code.symbols, *([code.side, code.mean, code.scale] if isinstance(code, HyperCode) else []))


def _level_digest(model: LearnedCodec, level: int) -> str:
    """Of all integers that a level has."""
    coder, condition = model.coder, Condition(level)
    if isinstance(coder, FactorisedCoder):
        return _digest(*_parts(coder.table_at(condition.level)))
    assert isinstance(coder, HyperCoder)
    side = np.random.default_rng(level).integers(-20, 21, (model.network.config.N, 2, 3)).astype(np.int32)
    return _digest(
        *_parts(coder.side_table(condition.level)), *_parts(coder.gaussians), *coder.expected(side, (8, 12), condition)
    )


def _parts(table: Table) -> list[np.ndarray]:
    return [table.low, table.count, table.frequency]


def _digest(*parts: np.ndarray) -> str:
    return hashlib.sha256(b"".join(part.astype("<i8").tobytes() for part in parts)).hexdigest()[:16]
