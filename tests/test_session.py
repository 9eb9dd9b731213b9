"""A picture under a model: what is shown agrees with the file, whatever computed it."""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import pytest
import torch
from conftest import sample_paths, smooth_picture

import explorer
import explorer.checkpoint
from explorer import bitstream, condition
from explorer.cache import Pool
from explorer.codecs.learned import LearnedCodec
from explorer.images import InputError, read
from explorer.inside import FLOOR
from explorer.library import folder
from explorer.session import Session


@pytest.fixture(scope="module")
def session(mae) -> Session:
    return Session(mae, read(sample_paths()[0]).pixels[100:356, 200:520])


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (16, 16), (17, 33), (95, 64)])
@pytest.mark.parametrize("lmbda", [64, 777.7, 4096])
def test_the_file_decodes_to_what_is_shown(mae, size, lmbda):
    session = Session(mae, smooth_picture(*size))
    shown = session.reconstruct(lmbda)
    assert shown.shape == (*size, 3) and shown.dtype == np.uint8
    assert (explorer.decode(session.encode(lmbda), device="cpu") == shown).all()
    assert mae.encode(session.picture.pixels, lmbda) == session.encode(lmbda)


@pytest.mark.slow
@pytest.mark.parametrize("path", sample_paths(), ids=lambda path: path.stem)
def test_rate_and_quality_rise_with_lambda_and_the_file_has_the_estimated_size(mae, path):
    session = Session(mae, read(path).pixels[64:320, 64:448])
    points = session.curve(9)
    assert all(a.bpp < b.bpp and a.psnr < b.psnr for a, b in pairwise(points))
    for point in points:
        assert abs(point.bytes - point.estimated_bits / 8) <= 0.01 * point.estimated_bits / 8 + 24


def test_numbers_of_a_point(session):
    point, pixels = session.point(512), session.reconstruct(512)
    original = session.picture.pixels
    assert point.bytes == len(session.encode(512))
    assert point.bpp == pytest.approx(8 * point.bytes / (256 * 320))
    error = (original.astype(float) - pixels).var() + (original.astype(float) - pixels).mean() ** 2
    assert point.psnr == pytest.approx(10 * np.log10(255**2 / error))
    assert point.estimated_bits == pytest.approx(session.bits(512).sum(), rel=1e-5)
    assert (point.codec, point.width, point.height) == ("mae", 320, 256)
    assert point.knob["lambda"] == condition.snap(512)


def test_arrays(session):
    y, bits, ratio = session.latents(512), session.bits(512), session.ratio(4096, 64)
    assert y.shape == bits.shape == ratio.shape == (192, 16, 20)
    assert y.dtype == bits.dtype == ratio.dtype == np.float32
    assert (bits > 0).all() and (session.symbols(512) == np.rint(y)).all()
    below = session.latents(64)
    assert np.allclose(ratio[below != 0] * below[below != 0], session.latents(4096)[below != 0], rtol=1e-4, atol=1e-5)
    for array in (y, bits, ratio, session.symbols(512), session.reconstruct(512)):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_bits_add_up_to_the_rate(session):
    for lmbda in (64, 512, 4096):
        total = session.bits(lmbda).sum(dtype=np.float64)
        _, payload = bitstream.unpack(session.encode(lmbda))
        assert 0 <= 8 * len(payload) - total < 0.001 * total + 64, "64 bits end the range coder's words"
        assert session.point(lmbda).estimated_bits == pytest.approx(total, rel=1e-3)


def test_log_ratio_is_the_logarithm_of_ratio(session):
    logs, ratio = session.log_ratio(4096, 512), session.ratio(4096, 512)
    large = (np.abs(session.latents(4096)) >= FLOOR) & (np.abs(session.latents(512)) >= FLOOR)
    assert (np.isnan(logs.value) == ~large).all() and 0.2 < logs.masked_share < 1
    np.testing.assert_allclose(logs.value[large], np.log2(np.abs(ratio[large])), rtol=1e-4, atol=1e-5)
    assert (logs.flipped[large] == (ratio[large] < 0)).all()
    assert session.log_ratio(700, 700).spread[np.isfinite(logs.spread)].max() == 0


def test_features_are_the_stages_of_what_is_shown(session):
    lmbda = 700
    gains = {name: gain[0][:, None, None] for name, gain in session.model.modulation([lmbda]).items()}
    for k in range(3):
        analysis = {step: session.features(lmbda, f"a{k}.{step}") for step in ("conv", "mod", "gdn")}
        synthesis = {step: session.features(lmbda, f"s{k}.{step}") for step in ("igdn", "mod", "conv")}
        np.testing.assert_allclose(analysis["mod"], analysis["conv"] * gains[f"m{k}"], rtol=1e-5)
        np.testing.assert_allclose(synthesis["mod"], synthesis["igdn"] * gains[f"d{k}"], rtol=1e-5)
        assert analysis["gdn"].shape == (192 if k == 2 else 128, 64 >> k, 80 >> k)
        assert synthesis["igdn"].shape == (128 if k else 192, 16 << k, 20 << k)
    np.testing.assert_allclose(analysis["gdn"], session.latents(lmbda), rtol=1e-5, atol=1e-5)
    x = session.features(lmbda, "s2.conv")
    assert x.dtype == np.float32 and not x.flags.writeable
    np.testing.assert_allclose(x.clip(0, 1).transpose(1, 2, 0) * 255, session.reconstruct(lmbda), atol=0.51)


def test_features_of_an_odd_size_are_those_of_the_padded_picture(tiny):
    session = Session(tiny, smooth_picture(17, 33))
    assert session.features(64, "a0.conv").shape == (48, 8, 12)
    assert session.features(64, "s2.conv").shape == (3, 32, 48)


def test_an_unknown_layer_is_one_sentence(session):
    with pytest.raises(InputError, match=r"no layer 'y\.mod'; choose one of a0\.conv, .*, s2\.conv\.$"):
        session.features(512, "y.mod")


def test_large_maps_do_not_push_out_the_pictures(tiny, monkeypatch):
    maps = Pool(1000)
    monkeypatch.setattr("explorer.session.MAPS", maps)
    session = Session(tiny, smooth_picture(32, 32))
    picture = session.reconstruct(64)
    for layer in ("a0.conv", "a0.mod", "a0.gdn"):
        session.features(64, layer)
        assert maps.used == session.features(64, layer).nbytes, "of the newest alone: each is larger than the bound"
    assert session.reconstruct(64) is picture


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_the_symbols_of_a_file_do_not_depend_on_what_reads_it(mae, threads, precision):
    """A file written at any precision and number of threads gives its own symbols back to everybody."""
    before = torch.get_num_threads()
    network, integers, version = explorer.checkpoint.load(folder() / "mae.safetensors")
    writer = LearnedCodec(network.to(precision), integers, "mae", version)
    pixels = read(sample_paths()[1]).pixels[:128, :160]
    try:
        torch.set_num_threads(threads)
        condition = writer.condition(3000)
        code = writer.quantise(writer.latents(pixels, condition), condition)
        written = code.symbols
        data = writer.pack(code, *pixels.shape[:2])
        torch.set_num_threads(before)
        assert (mae.decode_code(data)[0].symbols == written).all()
        torch.set_num_threads(threads)
        assert (writer.decode_code(data)[0].symbols == written).all()
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("target", [{"bpp": 0.5}, {"bytes": 4000}, {"psnr": 33.0}])
def test_solve(session, target):
    point = session.point(session.solve(**target))
    ((name, value),) = target.items()
    got = getattr(point, name)
    assert (value <= got < value + 0.02) if name == "psnr" else (0.99 * value <= got <= value)


@pytest.mark.slow
def test_a_target_costs_few_files(mae, monkeypatch):
    """Each is seconds for a large picture; halving 65536 levels would take 16."""
    session, made = Session(mae, read(sample_paths()[0]).pixels[:256, :384]), []
    pack = type(mae).pack
    monkeypatch.setattr(type(mae), "pack", lambda *parts: made.append(1) or pack(*parts))
    for target in ({"bpp": 0.4}, {"bytes": 9000}, {"psnr": 31.0}):
        session.solve(**target)
        assert len(made) <= 9, target
        made.clear()


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (8, 24)])
def test_targets_of_tiny_pictures_whose_bytes_rise_in_stairs(mae, size):
    session = Session(mae, smooth_picture(*size))
    lowest, highest = (len(session.encode(lmbda)) for lmbda in (64, 4096))
    for limit in range(lowest, highest + 1):
        assert len(session.encode(session.solve(bytes=limit))) <= limit


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ({"bytes": 5}, "in its range"),
        ({"bpp": 1e-4}, r"gives 0\.0001 bpp .* in its range, [\d.]+ to [\d.]+ bpp\.$"),
        ({"psnr": 90.0}, "in its range"),
        ({"bpp": -1}, "above zero"),
        ({"bpp": float("nan")}, "above zero"),
        ({}, "exactly one"),
        ({"bpp": 1, "psnr": 30}, "exactly one"),
    ],
)
def test_solve_says_what_cannot_be_met(session, target, says):
    with pytest.raises(InputError, match=says):
        session.solve(**target)


@pytest.mark.parametrize(
    "image", ["missing.png", b"", b"text", np.full((4, 4, 3), np.nan), 7, np.zeros((0, 3, 3), np.uint8)]
)
def test_a_bad_picture_is_one_sentence(mae, image):
    with pytest.raises(InputError) as caught:
        Session(mae, image)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_threads_share_a_session(mae):
    session = Session(mae, smooth_picture(48, 64))
    lambdas = [64, 512, 4096] * 3
    found: list = [None] * len(lambdas)

    def work(i: int) -> None:
        found[i] = (session.point(lambdas[i]), session.reconstruct(lambdas[i]).tobytes())

    workers = [threading.Thread(target=work, args=(i,)) for i in range(len(lambdas))]
    [worker.start() for worker in workers]
    [worker.join() for worker in workers]
    assert [str(f) for f in found[:3]] * 3 == [str(f) for f in found]


def test_models_by_name(tmp_path):
    assert explorer.list_models()[0] == "mae"
    with pytest.raises(InputError, match="choose one of mae"):
        explorer.load_model("nonsense")
    with pytest.raises(InputError, match="no checkpoint"):
        explorer.load_model(tmp_path / "none.safetensors")
