"""The curves of the sample pictures that were measured beforehand: complete, right, and never stale."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import curve_lines
from PIL import Image

import explorer
from explorer import images, library
from explorer.codecs import CODECS, measure
from explorer.views.service import precomputed
from explorer.views.service.pictures import OpenPictures
from explorer.views.service.rivals import CHOSEN, Rivals

MODELS = ("mae", "mae-hyperprior")
SAMPLES = explorer.samples()
AGAIN = "make samples/curves.json anew, by the command that views/service/precomputed.py names"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("sample", SAMPLES)
def test_every_point_of_a_sample_is_there_before_it_is_asked_for(sample, model, monkeypatch):
    """Fails when weights or pictures change without the file."""
    rivals = Rivals(library.list_models())
    learned = [rivals.codec(name) for name in ("mae", "bottleneck", "independent")]
    # Of another version of a library nothing is shown, as it should be.
    classical = [CODECS[name] for name in CHOSEN if _versions()[name] == CODECS[name].version]
    opened = OpenPictures(list(MODELS), SAMPLES).open_sample(model, sample)
    for work in ("_measure", "encode", "reconstruct"):
        monkeypatch.setattr(explorer.Session, work, lambda *_: pytest.fail(AGAIN))
    monkeypatch.setattr("explorer.views.service.trials.measure", lambda *_: pytest.fail(AGAIN))
    lines = curve_lines(opened, [*learned, *classical])
    assert not any("error" in line for line in lines)
    number = {name: sum(line["series"] == name and "point" in line for line in lines) for name in ("model", "mae")}
    assert number["model"] == 17 and number["mae"] >= 10, AGAIN
    assert all("ssimulacra2" in line["point"] for line in lines if "point" in line), AGAIN


def _versions() -> dict[str, str]:
    return json.loads(precomputed.FILE.read_text(encoding="utf-8"))["about"]["codecs"]


@pytest.mark.slow
def test_points_are_what_a_session_and_a_codec_measure(mae):
    picture = images.read(SAMPLES["lighthouse"])
    session, known = explorer.Session(mae, picture), precomputed.own_points(picture, mae)
    lmbda = session.curve_lambdas()[9]
    here = dataclasses.asdict(session.point(lmbda))
    assert known[lmbda]["knob"] == here["knob"] and known[lmbda]["width"] == here["width"]
    # Another machine rounds its sums in another order.
    assert known[lmbda]["bytes"] == pytest.approx(here["bytes"], rel=2e-3)
    assert known[lmbda]["psnr"] == pytest.approx(here["psnr"], abs=0.01)
    assert known[lmbda]["ms_ssim"] == pytest.approx(here["ms_ssim"], abs=1e-4)
    jpeg = precomputed.rival_points(picture).get(("jpeg", 50))
    assert (jpeg is not None) == (_versions()["jpeg"] == CODECS["jpeg"].version)
    assert jpeg is None or jpeg["bytes"] == measure(CODECS["jpeg"], picture.pixels, 50).point.bytes


def test_a_row_of_another_version_or_of_other_pixels_is_ignored(mae, tiny, monkeypatch):
    picture = images.read(SAMPLES["parrots"])
    assert precomputed.own_points(picture, mae) and not precomputed.own_points(picture, tiny)
    changed = picture.pixels.copy()
    changed[0, 0, 0] ^= 1
    assert not precomputed.own_points(images.read(changed), mae)
    assert not precomputed.rival_points(images.read(changed))
    monkeypatch.setattr(library, "version", lambda name: "00000000")
    assert {name for name, _ in precomputed.rival_points(picture)} <= set(CHOSEN)


def test_without_the_file_everything_is_measured(mae, monkeypatch):
    monkeypatch.setattr(precomputed, "FILE", Path("nowhere.json"))
    assert not precomputed.rival_points(images.read(SAMPLES["parrots"]))


def test_a_rival_is_measured_until_it_has_the_models_rate_and_quality(tmp_path):
    """With one λ, too: else the verdict would call a curve's end what is only where its sweep stopped."""
    path = tmp_path / "crop.png"
    Image.open(SAMPLES["lighthouse"]).crop((0, 0, 256, 192)).save(path)
    opened = OpenPictures(["independent-256"], {}).open("independent-256", path, "crop")
    lines = curve_lines(opened, [CODECS["jpeg"]])
    points = {name: [each["point"] for each in lines if each["series"] == name and "point" in each]
              for name in ("model", "jpeg")}  # fmt: skip
    assert len(points["model"]) == 1
    for key in ("bpp", "psnr"):
        assert max(each[key] for each in points["jpeg"]) > points["model"][0][key]
    assert len(points["jpeg"]) < len(CODECS["jpeg"].knob.sweep)
    assert np.all(np.diff([each["bpp"] for each in points["jpeg"]]) > 0)


@pytest.mark.slow
def test_what_is_known_comes_before_what_is_measured():
    codecs = [CODECS["jpeg444"], Rivals(library.list_models()).codec("bottleneck")]
    opened = OpenPictures(list(MODELS), SAMPLES).open_sample("mae", "parrots")

    series = [line["series"] for line in curve_lines(opened, codecs)]
    assert len(set(series[:30])) == 2 and "jpeg444" not in series[:30]
