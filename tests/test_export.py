"""What can be kept: the standalone page, in a browser from disk; animations; arrays."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browser import ROOT, canvas_pixels, visiting
from conftest import sample_paths, smooth_picture
from fastapi.testclient import TestClient
from PIL import Image, ImageSequence

import explorer
from explorer import checkpoint, config
from explorer import model as networks
from explorer.__main__ import main
from explorer.codecs.learned import LearnedCodec
from explorer.images import InputError, to_png
from explorer.session import Session
from explorer.views.service import export, server
from explorer.views.service.pictures import Opened
from explorer.views.service.trials import Trials

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURE = smooth_picture(80, 112)


@pytest.fixture
def opened(tiny: LearnedCodec) -> Opened:
    return Opened("token", "holiday.jpg", "tiny", Session(tiny, PICTURE), Trials(PICTURE))


def made(work: export.Sweep[Any]) -> bytes:
    return work.join([work.part(lmbda) for lmbda in work.lambdas])


def test_animated_webp_holds_the_exact_frames_from_first_to_last(opened: Opened) -> None:
    work = export.sweep(opened, "webp", 2048, 128, frames=5)
    assert work.name == "holiday-sweep.webp"
    np.testing.assert_allclose(work.lambdas, [2048, 1024, 512, 256, 128], rtol=1e-4)
    with Image.open(io.BytesIO(made(work))) as image:
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]
        assert image.info["loop"] == 0
    assert len(frames) == 5
    for frame, lmbda in zip(frames, work.lambdas, strict=True):
        np.testing.assert_array_equal(frame, opened.session.reconstruct(lmbda))


def test_animated_gif_shows_the_same_in_256_colours(opened: Opened) -> None:
    work = export.sweep(opened, "gif", frames=4)
    with Image.open(io.BytesIO(made(work))) as image:
        frames = [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(image)]
    assert len(frames) == 4 and [work.lambdas[0], work.lambdas[-1]] == [64, 4096]
    for frame, lmbda in zip(frames, work.lambdas, strict=True):
        assert np.abs(frame - opened.session.reconstruct(lmbda)).mean() < 8


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("mp4",), "html, webp, gif"),
        (("webp", 64, 4096, 1), "between 2 and"),
        (("webp", 64, 4096, 10**6), "between 2 and"),
        (("webp", 1, 4096), "λ"),
        (("webp", float("nan")), "λ"),
    ],
)
def test_a_sweep_that_cannot_be_is_one_sentence(opened: Opened, arguments: tuple[Any, ...], says: str) -> None:
    with pytest.raises(InputError, match=says):
        export.sweep(opened, *arguments)


def test_too_large_an_animation_is_refused(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "MAX_PIXELS", 24 * 80 * 112)
    with pytest.raises(InputError, match="too large"):
        export.sweep(opened, "gif", frames=25)
    assert len(export.sweep(opened, "gif", frames=24).lambdas) == 24


def test_a_page_is_refused_for_a_picture_that_no_canvas_shows(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "MAX_CANVAS", 1000)
    with pytest.raises(InputError, match="up to 16 megapixels"):
        export.sweep(opened, "html")


def test_arrays_are_the_sessions_own(opened: Opened) -> None:
    session = opened.session
    with np.load(io.BytesIO(export.arrays(session, 500))) as found:
        common = {"y", "decoded", "symbols", "bits", "side_bits", "block_error", "lambda", "about"}
        assert set(found) == common
        np.testing.assert_array_equal(found["y"], session.latents(500))
        np.testing.assert_array_equal(found["symbols"], session.symbols(500))
        np.testing.assert_array_equal(found["decoded"], found["symbols"])
        np.testing.assert_array_equal(found["bits"], session.bits(500))
        np.testing.assert_array_equal(found["block_error"], session.block_error(500))
        assert found["lambda"] == session.point(500).knob["lambda"]
        assert "quantiser steps" in str(found["about"])


def test_arrays_of_a_hyperprior_add_up_and_say_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    hyper = dataclasses.replace(config.PRESETS["tiny"], prior="hyper")
    checkpoint.save(networks.Autoencoder(hyper), path)
    session = Session(LearnedCodec.open(path), PICTURE)
    with np.load(io.BytesIO(export.arrays(session, 500))) as found:
        code = session.code(500)
        np.testing.assert_array_equal(found["decoded"], code.decoded)
        np.testing.assert_array_equal(found["decoded"], found["symbols"] + found["mu"])
        assert found["mu"].shape == found["sigma"].shape == found["y"].shape
        np.testing.assert_array_equal(found["z"], code.planes["z"])
        whole = found["bits"].sum(dtype=np.float64) + found["side_bits"]
        assert whole == pytest.approx(session.point(500).estimated_bits)
        about = str(found["about"])
        assert all(f"{name} (" in about for name in ("decoded", "z", "mu", "sigma")) and "less mu" in about


def test_a_page_of_one_lambda_where_the_model_has_one(tiny_network, tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    checkpoint.save(tiny_network.fold(512), path)
    one = Opened("token", "</script><b>.png", "one", Session(LearnedCodec.open(path), PICTURE), Trials(PICTURE))
    page = made(export.sweep(one, "html")).decode()
    data = json.loads(page.partition('id="sweep">')[2].partition("</script>")[0])
    assert [frame["header"]["lmbda"] for frame in data["frames"]] == [pytest.approx(512, rel=1e-4)]
    assert "<b>" not in page.partition("<style>")[0]


# -- over HTTP -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(checkpoint: str) -> Iterator[TestClient]:
    with TestClient(server.create_server(checkpoint)) as client:
        yield client


@pytest.fixture
def token(client: TestClient) -> str:
    model = client.get("/api/setup").json()["model"]
    query = {"model": model, "name": "holiday.png"}
    return client.post("/api/open", params=query, content=to_png(PICTURE)).json()["id"]


def test_a_sweep_says_how_far_it_is_and_ends_with_the_file(client: TestClient, token: str) -> None:
    answer = client.get(f"/api/sweep/{token}", params={"kind": "gif", "from": 64, "to": 1024, "frames": 3})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[:-1] == [{"done": done, "of": 3} for done in (1, 2, 3)]
    assert (lines[-1]["name"], lines[-1]["type"]) == ("holiday-sweep.gif", "image/gif")
    with Image.open(io.BytesIO(base64.b64decode(lines[-1]["data"]))) as image:
        assert image.format == "GIF" and image.size == (112, 80)


def test_a_bad_sweep_and_a_bad_file_are_refused(client: TestClient, token: str) -> None:
    for path in (f"sweep/{token}?kind=mp4", f"sweep/{token}?kind=gif&frames=1", f"file/{token}?lmbda=64&kind=exe"):
        answer = client.get(f"/api/{path}")
        assert answer.status_code == 422 and answer.json()["error"].endswith(".")


def test_arrays_can_be_downloaded(client: TestClient, token: str) -> None:
    answer = client.get(f"/api/file/{token}", params={"lmbda": 512, "kind": "npz"})
    assert "holiday-lambda512.npz" in answer.headers["content-disposition"]
    with np.load(io.BytesIO(answer.content)) as found:
        assert found["y"].shape[1:] == (5, 7)


# -- from disk -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["mae", "mae-hyperprior"])
def model(request: pytest.FixtureRequest) -> LearnedCodec:
    return explorer.load_model(request.param, device="cpu")


@pytest.fixture(scope="module")
def page_file(model: LearnedCodec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "sweep.html"
    assert main(["export", "--model", model.name, str(sample_paths()[3]), str(path)]) == 0
    return path


@pytest.fixture
def offline(browser: Browser, page_file: Path) -> Iterator[Page]:
    """The exported page, opened from disk, with its first frame painted; no request is made and no script fails."""
    failures: list[str] = []
    with visiting(browser, page_file.as_uri()) as page:
        page.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
        page.goto(page_file.as_uri())
        page.wait_for_selector(".mae[data-state=ready][data-lmbda]")
        yield page
    assert not failures


@pytest.mark.slow
def test_the_page_holds_17_lambdas_of_a_sample_in_12_megabytes(page_file: Path) -> None:
    print(f"\n{page_file.stat().st_size / 1e6:.2f} MB")
    assert page_file.stat().st_size < 12_000_000
    assert page_file.read_text().count('"webp":') == 17 + 1


def test_its_pixels_are_the_reconstructions(offline: Page, model: LearnedCodec) -> None:
    assert f"{model.label}, 17 steps" in offline.inner_text("header")
    picture = explorer.images.read(sample_paths()[3]).pixels
    session = Session(model, picture)
    layers = f"{ROOT}.viewer.stage.layers"
    np.testing.assert_array_equal(canvas_pixels(offline, f"{layers}.original.canvas")[..., :3], picture)
    seen = []
    for key in ("Home", "ArrowRight", "PageUp", "End"):
        offline.focus("[data-part=slider]")
        offline.keyboard.press(key)
        offline.wait_for_selector(".mae:not([data-pending])")
        lmbda, bpp = offline.evaluate(f"[{ROOT}.viewer.shown.header.lmbda, {ROOT}.viewer.shown.header.point.bpp]")
        np.testing.assert_array_equal(
            canvas_pixels(offline, f"{layers}.frame.canvas")[..., :3], session.reconstruct(lmbda)
        )
        assert bpp == pytest.approx(session.point(lmbda).bpp, abs=1e-6)  # rows of known curves have six digits
        seen.append(lmbda)
    np.testing.assert_allclose(seen, [64, 64 * 2**0.375, 64 * 2**1.5, 4096], rtol=1e-4)


def test_its_reconstruction_can_be_kept(offline: Page, model: LearnedCodec) -> None:
    lmbda = offline.evaluate(f"{ROOT}.viewer.shown.header.lmbda")
    offline.click("[data-part=exports] > summary")
    assert not offline.is_visible("[data-save='.mae']")
    with offline.expect_download() as saved:
        offline.click("[aria-label='Reconstruction: PNG']")
    assert saved.value.suggested_filename == f"parrots-lambda{lmbda:.0f}.png"
    pixels = Session(model, sample_paths()[3]).reconstruct(lmbda)
    np.testing.assert_array_equal(np.asarray(Image.open(saved.value.path()).convert("RGB")), pixels)


def test_it_plots_its_points_and_hides_what_it_has_no_data_for(offline: Page) -> None:
    offline.wait_for_selector(".mae-plot .scatterlayer .trace path.point")
    assert offline.locator(".mae-plot .scatterlayer .trace path.point").count() == 17
    for part in ("reference", "prior", "tabs", "samples", "choose"):
        assert not offline.is_visible(f"[data-part={part}]")
    offline.evaluate(f"{ROOT}.viewer.open({{ file: new File([], 'a.png'), name: 'a.png' }})")
    assert "one picture" in offline.inner_text("[data-part=notice]")
