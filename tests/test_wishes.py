"""What an open view of the inside gets with a frame: the arrays of the Python API, to the precision that is sent."""

from __future__ import annotations

import io
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import sample_paths
from fastapi.testclient import TestClient

from explorer import condition, images, inside
from explorer.checkpoint import save
from explorer.codecs.learned import LearnedCodec
from explorer.condition import Condition, snap
from explorer.images import InputError
from explorer.inside import block_error
from explorer.library import load_model
from explorer.model import Autoencoder, scale_bottleneck, transforms_of
from explorer.session import Session
from explorer.views.figures.snapshot import MAPS, snapshot
from explorer.views.service import export, replies
from explorer.views.service.pictures import Opened, OpenPictures
from explorer.views.service.server import serve
from explorer.views.service.trials import Trials
from explorer.views.service.wishes.answers import answer
from explorer.views.service.wishes.ratios import saved


@pytest.fixture(scope="module")
def bundle(tiny_network, tmp_path_factory) -> Path:
    """A folder of checkpoints: bottleneck scaling with gains of its own, and two independent models that differ."""
    folder = tmp_path_factory.mktemp("checkpoints")
    scaled = scale_bottleneck(tiny_network.fold(4096))
    scaled.y_mod.set_exponential(torch.linspace(-2.5, -1.0, scaled.config.M), 0.1)
    save(scaled, folder / "bottleneck.safetensors")
    for seed, lmbda in enumerate((128, 4096)):
        fixed, random = tiny_network.fold(lmbda), torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for convolution in fixed.a_conv:
                weight = convolution.get_parameter("weight")
                weight.mul_(1 + 0.2 * torch.randn(weight.shape, generator=random))
        save(fixed, folder / f"independent-{lmbda}.safetensors")
    return folder


@pytest.fixture(scope="module")
def session(tiny) -> Session:
    return Session(tiny, images.read(sample_paths()[0]).pixels[100:233, 200:350])


@pytest.fixture
def opened(session) -> Opened:
    return Opened("token", "picture", "tiny", session, Trials(session.picture.pixels))


@pytest.fixture(scope="module")
def predicted(tiny_network) -> Opened:
    """A picture under a hyperprior, untrained, whose z has a column for the last 6 pixels alone."""
    torch.manual_seed(0)
    network = Autoencoder(replace(tiny_network.config, prior="hyper"))
    network.load_state_dict(transforms_of(tiny_network.state_dict()), strict=False)
    codec = LearnedCodec(network, network.prior.freeze(), "hyper", "0" * 8)
    return open_under(Session(codec, images.read(sample_paths()[0]).pixels[100:233, 200:398]))


def open_under(session: Session) -> Opened:
    return Opened("token", "picture", session.model.name, session, Trials(session.picture.pixels))


@pytest.fixture
def bundled(bundle, monkeypatch) -> Path:
    monkeypatch.setattr("explorer.library.folder", lambda: bundle)
    return bundle


def same(array: np.ndarray, expected: np.ndarray) -> None:
    """Equal, to the precision of the type that travels."""
    np.testing.assert_array_equal(array, expected.astype(array.dtype))


@pytest.mark.parametrize(("a", "b", "lambda_a", "lambda_b"), [("4096", "-", 4096, 300), ("-", "64.5", 300, 64.5)])
def test_ratio_of_the_model_is_the_sessions(opened, bundled, a, b, lambda_a, lambda_b):
    about, arrays = answer(opened, Condition.of(300), f"ratio:{a}:{b}")
    ratio = opened.session.log_ratio(lambda_a, lambda_b)
    assert about["lambdas"] == (snap(lambda_a), snap(lambda_b))
    assert (about["kind"], about["floor"]) == ("modulated", inside.FLOOR)
    assert about["systems"]["model"]["masked"] == ratio.masked_share
    assert about["systems"]["model"]["spread"] == pytest.approx(np.nanmedian(ratio.spread))
    assert arrays["model_value"].dtype == np.float16
    assert np.isfinite(arrays["model_value"]).any()
    for name in ("value", "flipped", "spread", "median"):
        same(arrays[f"model_{name}"], getattr(ratio, name))


def test_bottleneck_scaling_is_uniform_and_independent_models_are_the_nearest(opened, bundled):
    about, arrays = answer(opened, Condition.of(300), "ratio:3500:-")
    scaled = Session(load_model("bottleneck"), opened.session.picture).log_ratio(3500, 300)
    same(arrays["bottleneck_value"], scaled.value)
    assert np.isfinite(arrays["bottleneck_spread"]).sum() >= 8
    assert np.nanmax(arrays["bottleneck_spread"]) < 0.001
    assert np.ptp(scaled.median[np.isfinite(scaled.median)]) > 0.3, "each channel has its own gain"

    assert about["systems"]["independent"]["lambdas"] == (4096, 128)
    models = {each: load_model(f"independent-{each}") for each in (4096, 128)}
    near, far = (Session(model, opened.session.picture).latents(each) for each, model in models.items())
    expected = inside.log_ratio(near, far)
    same(arrays["independent_value"], expected.value)
    same(arrays["independent_flipped"], expected.flipped)
    assert expected.flipped.any()


def test_the_baselines_of_a_model_have_its_prior(opened, bundle, tmp_path, monkeypatch):
    monkeypatch.setattr("explorer.library.folder", lambda: tmp_path)
    monkeypatch.setattr(opened.session.model, "prior", "hyper")
    for path in bundle.glob("*.safetensors"):
        shutil.copy(path, tmp_path)
    systems = answer(opened, Condition.of(300), "ratio:3500:-")[0]["systems"]
    assert "“bottleneck-hyperprior”" in systems["bottleneck"]["missing"]
    assert "“independent-hyperprior-λ”" in systems["independent"]["missing"]
    for path in tmp_path.glob("*.safetensors"):
        family, _, lmbda = path.stem.partition("-")
        path.rename(tmp_path / f"{family}-hyperprior{lmbda and '-'}{lmbda}.safetensors")
    systems = answer(opened, Condition.of(300), "ratio:3500:-")[0]["systems"]
    assert systems["bottleneck"]["spread"] < 0.001 and systems["independent"]["lambdas"] == (4096, 128)


def test_other_models_of_a_picture_are_opened_once(opened, bundled):
    assert opened.other_models.session("bottleneck") is opened.other_models.session("bottleneck")
    with pytest.raises(InputError, match="no bundled model"):
        opened.other_models.session("nothing")


def test_what_is_not_bundled_is_said_in_its_place(opened, tmp_path, monkeypatch):
    monkeypatch.setattr("explorer.library.folder", lambda: tmp_path)
    about, arrays = answer(opened, Condition.of(300), "ratio:4096:-")
    assert "bottleneck" in about["systems"]["bottleneck"]["missing"]
    assert "independent" in about["systems"]["independent"]["missing"]
    assert all(name.startswith("model_") for name in arrays)


def test_a_model_of_one_lambda_has_no_ratio_but_says_so(bundled):
    session = Session(load_model("independent-128"), np.zeros((32, 32, 3), np.uint8))
    alone = Opened("token", "picture", "independent-128", session, Trials(session.picture.pixels))
    reply = replies.frame(alone, Condition.of(128), ["ratio:4096:-"])
    systems = reply.header["wishes"]["ratio:4096:-"]["systems"]
    assert "128 alone" in systems["model"]["missing"]
    assert np.isnan(systems["bottleneck"]["spread"]), "a black picture has nothing that could spread"
    assert reply.pack()


def test_where_both_lambdas_snap_to_one_model_there_is_no_figure_but_the_reason(bundled):
    session = Session(load_model("independent-4096"), np.zeros((32, 32, 3), np.uint8))
    opened = Opened("token", "picture", "independent-4096", session, Trials(session.picture.pixels))
    about, arrays = answer(opened, Condition.of(4096), "ratio:4096:3000")
    assert about["systems"]["independent"] == {
        "missing": "The independent model nearest to both λ is that of λ 4096: there is no ratio of two."
    }
    assert not any(name.startswith("independent") for name in arrays)
    about, arrays = answer(opened, Condition.of(4096), "ratio:4096:-")
    reasons = {system["missing"] for system in about["systems"].values()}
    assert reasons == {"Both λ are 4096, so there is no ratio to show: choose two that differ."} and not arrays


def test_saved_arrays_have_the_ratios_of_every_system(opened, bundled):
    found = saved(opened, Condition.of(300), "4096", "-")
    expected = opened.session.log_ratio(4096, 300)
    same(found["model_log2_ratio"][0], expected.value)
    same(found["model_flipped"][0], expected.flipped)
    same(found["model_spread"][0], expected.spread)
    np.testing.assert_allclose(found["model_lambdas"][0], (4096, 300), rtol=1e-4)
    assert {name.split("_")[0] for name in found} == {"model", "bottleneck", "independent"}
    data = np.load(io.BytesIO(export.arrays(opened.session, 300, found)))
    same(data["independent_median"], found["independent_median"][0])
    assert "model_log2_ratio (M,h,w): log2 of |y(a)/y(b)|" in str(data["about"])


# -- the bottleneck and what its prior has besides -------------------------------------------------------------------


def test_planes_are_the_sessions_and_their_bits_add_up(opened, predicted):
    for picture in (opened, predicted):
        about, arrays = answer(picture, Condition.of(300), "planes")
        session, code = picture.session, picture.session.code(300)
        same(arrays["y"], session.latents(300))
        same(arrays["symbols"], code.symbols)
        same(arrays.get("decoded", arrays["symbols"]), code.decoded)
        whole = session.point(300).estimated_bits
        assert arrays["bits"].sum(dtype=np.float64) + about["side_bits"] == pytest.approx(whole, rel=1e-9)
        assert arrays["positions"].sum(dtype=np.float64) == pytest.approx(whole, rel=1e-5)
        assert about["further"] == list(code.planes)


def test_each_position_bears_its_share_of_what_is_coded_besides_y(opened, predicted):
    assert "side" not in answer(opened, Condition.of(300), "planes")[1]
    about, arrays = answer(predicted, Condition.of(300), "planes")
    code, stride = predicted.session.code(300), about["side_stride"]
    assert stride == 4
    cells = code.side_element_bits.sum(axis=0)
    for row, column in np.ndindex(*cells.shape):
        own = arrays["side"][row * stride : (row + 1) * stride, column * stride : (column + 1) * stride]
        assert own.sum() == pytest.approx(cells[row, column], rel=1e-3)
        assert np.ptp(own) == pytest.approx(0, abs=1e-3)


def test_further_planes_are_sent_by_name_with_what_an_element_stands_for(predicted):
    code = predicted.session.code(300)
    for name, stride in (("z", 4), ("μ", 1), ("σ", 1)):
        about, arrays = answer(predicted, Condition.of(300), f"plane:{name}")
        same(arrays["values"], code.planes[name])
        assert about == {"shape": code.planes[name].shape, "stride": stride}


def test_a_plane_that_a_prior_lacks_is_answered_with_nothing(opened):
    assert answer(opened, Condition.of(300), "plane:σ") == ({}, {})


def test_a_frame_says_what_the_file_holds_besides_y(opened, predicted):
    for picture in (opened, predicted):
        assert replies.frame(picture, Condition.of(300)).header["side_bits"] == picture.session.code(300).side_bits


# Each end that a wish names is one λ more, and so is that of a model that is compared with; there are none of these.
@pytest.mark.parametrize(("wishes", "ends"), [
    ((), 0),
    (("planes", "error", "plane:z", "plane:μ", "plane:σ"), 0),
    (("planes", "features:a1.mod", "response:3:1:1", "edit:3=0"), 0),
    (("planes", "local:64:2048"), 2),
    (("planes", "local:-:2048", "ratio:-:64"), 2),
])  # fmt: skip
def test_a_frame_converts_lambda_and_level_twice(opened, predicted, monkeypatch, tmp_path, wishes, ends):
    monkeypatch.setattr("explorer.library.folder", lambda: tmp_path)
    made = Counter[str]()
    for name in ("level_of", "lambda_of"):
        count_calls(monkeypatch, made, name)
    for picture in (opened, predicted):
        pictures = OpenPictures([picture.model], {})
        monkeypatch.setattr(pictures, "get", lambda *_, picture=picture: picture)
        with TestClient(serve(pictures, picture.model)) as client:
            made.clear()
            query = {"lmbda": 345.6, "wish": list(wishes)}
            assert client.get("/api/frame/token", params=query).status_code == 200
        assert 0 < made.total() <= 2 + 2 * ends, made


def count_calls(monkeypatch, made, name):
    """Count the calls of a function of explorer.condition, under whatever name a module has it."""
    real = getattr(condition, name)

    def counted(value):
        made[name] += 1
        return real(value)

    for module in [module for path, module in sys.modules.items() if path.startswith("explorer")]:
        if getattr(module, name, None) is real:
            monkeypatch.setattr(module, name, counted)


def test_a_figure_to_keep_has_what_the_decoder_sees_and_all_bits(predicted):
    session = predicted.session
    code = session.code(300)
    values, *_ = MAPS["channels"](session, 300, 3, (4096, 300))
    np.testing.assert_array_equal(values, code.decoded[3])
    values, *_ = MAPS["bits"](session, 300, 3, (4096, 300))
    assert values.sum(dtype=np.float64) == pytest.approx(code.total_bits, rel=1e-5)
    assert "z’s" in snapshot(session, 300, "bits", 3, (4096, 300)).caption


# -- edits, responses ------------------------------------------------------------------------------------------------


def test_edit_is_the_sessions(opened):
    about, arrays = answer(opened, Condition.of(300), "edit:3=0,5=1.5")
    edited = opened.session.edit(300, {3: 0, 5: 1.5})
    same(arrays["pixels"], edited.pixels)
    assert about["estimated_bits"] == edited.estimated_bits and about["psnr"] == edited.psnr
    assert np.isnan(about["ms_ssim"]) and np.isnan(edited.ms_ssim), "the picture is too small"


def test_leaving_a_channel_out_saves_its_bits(opened):
    bits = opened.session.bits(300)
    channel = int(bits.sum((1, 2)).argmax())
    about, _ = answer(opened, Condition.of(300), f"edit:{channel}=0")
    saved = opened.session.point(300).estimated_bits - about["estimated_bits"]
    assert saved == pytest.approx(float(bits[channel].sum(dtype=np.float64)), rel=1e-6)


@pytest.mark.parametrize("which", ["opened", "predicted"])
def test_the_costliest_elements_are_the_sessions_and_its_maps_add_up(which, request):
    opened = request.getfixturevalue(which)
    about, arrays = answer(opened, Condition.of(300), "costliest:25")
    kept = opened.session.keep_costliest(300, 25)
    same(arrays["pixels"], kept.pixels)
    assert [about[key] for key in ("estimated_bits", "kept_bits", "psnr")] == [
        kept.estimated_bits,
        kept.kept_bits,
        kept.psnr,
    ]
    assert about["elements"] == opened.session.bits(300).size
    assert arrays["positions"].sum(dtype=np.float64) == pytest.approx(kept.estimated_bits, rel=1e-5)
    side = kept.code.side_bits
    assert arrays["channels"].sum(dtype=np.float64) + side == pytest.approx(kept.estimated_bits, rel=1e-5)
    same(arrays["mse"], block_error(opened.session.picture.pixels, kept.pixels))
    more, _ = answer(opened, Condition.of(300), "costliest:999999999")
    assert more["estimated_bits"] == pytest.approx(opened.session.point(300).estimated_bits)


@pytest.mark.parametrize(
    "wish",
    [
        *("nothing", "ratio", "ratio:4096", "ratio:4096:a", "ratio:4096:5000", "ratio:nan:64", "ratio:128:256:512"),
        *("costliest", "costliest:", "costliest:-1", "costliest:2.5"),
        *("edit", "edit:", "edit:1", "edit:999=0", "edit:-1=0", "edit:0=9", "edit:0=nan", "edit:0=0,x"),
    ],
)
def test_what_is_no_wish_is_refused(opened, wish):
    with pytest.raises(InputError):
        answer(opened, Condition.of(300), wish)
