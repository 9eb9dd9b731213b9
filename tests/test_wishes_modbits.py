"""Maps and gains as the viewer gets them: equal to the session's arrays, to the precision sent."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from conftest import sample_paths
from fastapi.testclient import TestClient

from explorer.codecs.learned import LearnedCodec
from explorer.condition import PAPER_LAMBDAS, Condition, snap
from explorer.images import InputError, read
from explorer.library import load_model
from explorer.model import scale_bottleneck
from explorer.session import Session
from explorer.views.service import replies
from explorer.views.service.pictures import Opened
from explorer.views.service.server import create_server
from explorer.views.service.trials import Trials
from explorer.views.service.wishes import maps
from explorer.views.service.wishes.answers import answer

LAMBDA = Condition.of(300)


def open_under(model: LearnedCodec) -> Opened:
    session = Session(model, read(sample_paths()[0]).pixels[100:233, 200:350])
    return Opened("token", "crop", "name", session, Trials(session.picture.pixels))


@pytest.fixture(scope="module")
def opened(mae) -> Opened:
    return open_under(mae)


@pytest.fixture(scope="module")
def scaled(tiny_network) -> Opened:
    """Bottleneck scaling whose gains differ from channel to channel."""
    network = scale_bottleneck(tiny_network.fold(4096))
    network.y_mod.set_exponential(torch.linspace(-2.5, -1.0, network.config.M), 0.1)
    return open_under(LearnedCodec(network, network.prior.freeze(), "scaled", "0" * 8))


# -- maps between layers ---------------------------------------------------------------------------------------------


def test_every_layer_is_sent_in_half_precision(opened):
    for layer in opened.session.model.layers:
        about, arrays = answer(opened, LAMBDA, f"features:{layer}")
        expected = opened.session.features(LAMBDA, layer)
        assert about["pooled"] == 1
        assert about["shape"] == expected.shape
        assert about["layers"] == opened.session.model.layers
        np.testing.assert_array_equal(arrays["values"], expected.astype(np.float16))


@pytest.mark.parametrize("limit", [100_000, 10_000])
def test_a_large_map_is_averaged_over_squares(opened, monkeypatch, limit):
    monkeypatch.setattr(maps, "MAX_VALUES", limit)
    about, arrays = answer(opened, LAMBDA, "features:a0.mod")
    whole, side = opened.session.features(LAMBDA, "a0.mod"), about["pooled"]
    assert whole.size / side**2 <= limit < 4 * whole.size / side**2
    rows, columns = (-(-length // side) for length in whole.shape[1:])
    assert arrays["values"].shape == about["shape"] == (len(whole), rows, columns)
    for row, column in ((0, 0), (rows - 1, columns - 1)):
        square = whole[:, row * side : (row + 1) * side, column * side : (column + 1) * side]
        assert arrays["values"][:, row, column] == pytest.approx(square.mean(axis=(1, 2)), rel=1e-3, abs=1e-4)


@pytest.mark.slow
def test_gains_lead_from_the_map_before_modulation_to_that_after(opened, scaled):
    pairs = [(opened, *pair) for name, pair in maps.MODULATIONS.items() if name != "y"]
    for picture, before, after in [*pairs, (scaled, *maps.MODULATIONS["y"])]:
        gains = [answer(picture, LAMBDA, f"features:{layer}")[1]["gains"] for layer in (before, after)]
        np.testing.assert_array_equal(*gains)
        predicted = picture.session.features(LAMBDA, before) * gains[0][:, None, None]
        assert predicted == pytest.approx(picture.session.features(LAMBDA, after), rel=1e-4, abs=1e-5)


def test_where_nothing_is_modulated_there_are_no_gains(opened, scaled):
    for picture, layer in ((opened, "a2.gdn"), (opened, "s1.conv"), (scaled, "a1.conv"), (scaled, "y.div")):
        assert "gains" not in answer(picture, LAMBDA, f"features:{layer}")[1]


def test_a_layer_that_the_model_lacks_is_answered_with_those_it_has(scaled):
    about, arrays = answer(scaled, LAMBDA, "features:a0.mod")
    assert about == {"layers": scaled.session.model.layers}
    assert not arrays


# -- blocks ----------------------------------------------------------------------------------------------------------


def test_errors_of_blocks_are_the_sessions(opened):
    np.testing.assert_array_equal(answer(opened, LAMBDA, "error")[1]["mse"], opened.session.block_error(LAMBDA))


def test_local_rate_and_distortion_are_the_sessions_at_both_lambdas(opened):
    about, arrays = answer(opened, LAMBDA, "local:-:2048")
    assert about["lambdas"] == (LAMBDA.lmbda, snap(2048))
    for end, lmbda in (("a", LAMBDA), ("b", 2048)):
        np.testing.assert_array_equal(arrays[f"mse_{end}"], opened.session.block_error(lmbda))
        assert arrays[f"bits_{end}"] == pytest.approx(opened.session.bits(lmbda).sum(axis=0), rel=1e-5)
        assert arrays[f"bits_{end}"].sum() == pytest.approx(opened.session.point(lmbda).estimated_bits, rel=1e-4)
    assert arrays["bits_b"].sum() > arrays["bits_a"].sum()
    assert arrays["mse_b"].mean() < arrays["mse_a"].mean()


def test_a_lambda_beyond_the_model_becomes_the_nearest_it_has(tiny_network):
    network = tiny_network.fold(256)
    fixed = open_under(LearnedCodec(network, network.prior.freeze(), "fixed", "0" * 8))
    assert answer(fixed, Condition.of(256), "local:64:-")[0]["lambdas"] == (snap(256), snap(256))


@pytest.mark.parametrize("wish", ["local:64", "local:a:b", "local:nan:64", "local:64:128:256", "features", "error:1"])
def test_what_is_no_wish_is_refused_with_a_sentence(opened, wish):
    with pytest.raises(InputError, match=r"\.$|reload"):
        answer(opened, LAMBDA, wish)


def test_leaving_a_channel_out_saves_the_bits_of_its_bar(opened):
    bits = opened.session.bits(LAMBDA)
    whole = opened.session.point(LAMBDA).estimated_bits
    assert bits.sum(dtype=np.float64) == pytest.approx(whole, rel=1e-9)
    for channel in np.argsort(bits.sum(axis=(1, 2)))[[-1, -20, 0]]:
        bar = bits[channel].sum(dtype=np.float64)
        left = opened.session.edit(LAMBDA, {int(channel): 0}).estimated_bits
        assert whole - left == pytest.approx(bar, rel=1e-3, abs=1e-6 * whole)


# -- gains over λ ----------------------------------------------------------------------------------------------------


def test_gains_are_the_models_at_lambdas_with_the_papers_among_them(mae):
    reply = replies.modulation(mae)
    lambdas = reply.header["lambdas"]
    assert np.diff(np.log2(lambdas)) == pytest.approx(0.1)
    assert [lambdas[10 * i] for i in range(7)] == pytest.approx(PAPER_LAMBDAS)
    assert list(reply.arrays) == ["m0", "m1", "m2", "d0", "d1", "d2", "a"]
    for at in (0, 20, 60):
        expected = mae.modulation([lambdas[at]])
        for name, gains in reply.arrays.items():
            assert gains[at] == pytest.approx(expected[name][0], rel=1e-5)
    assert snap(lambdas[20]) == pytest.approx(256, rel=1e-4)


def test_an_independent_model_has_no_gains_and_bottleneck_scaling_two_sets(tiny_network, scaled):
    network = tiny_network.fold(256)
    reply = replies.modulation(LearnedCodec(network, network.prior.freeze(), "fixed", "0" * 8))
    assert (reply.header["lambdas"], reply.arrays) == ([256.0], {})
    assert list(replies.modulation(scaled.session.model).arrays) == ["y", "a"]


def test_the_route_of_the_gains_needs_no_picture_and_knows_bundled_models_alone():
    with TestClient(create_server("mae")) as client:
        answer = client.get("/api/modulation", params={"model": "mae"})
        assert answer.content == replies.modulation(load_model("mae")).pack()
        refused = client.get("/api/modulation", params={"model": "../mae"})
        assert refused.status_code == 422
        assert refused.json()["error"].endswith(".")
