"""The hyperprior in a real browser: what is shown equals Python's arrays, and a change of the prior changes no more."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browser import ROOT, SERVE, canvas_pixels, decoded, open_app, serving, settle, visiting
from conftest import wait_until

import explorer
from explorer.checkpoint import save
from explorer.codecs.learned import LearnedCodec
from explorer.model import Autoencoder, scale_bottleneck, transforms_of
from explorer.session import Session
from explorer.views.service import setup

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

VIEWER = f"{ROOT}.viewer"
INSIDE = f"{VIEWER}.inside"
CHANNELS, BITS = f"{INSIDE}.views.channels", f"{INSIDE}.views.bits"
MODEL = "mae-hyperprior"
PLACE = (10, 30)


@pytest.fixture(scope="module")
def session(session: Session, hyperprior: LearnedCodec) -> Session:
    return session.under(hyperprior)


@pytest.fixture
def hyper(page: Page) -> Page:
    apply(page, model=MODEL, **{"lambda": 512})
    return page


def apply(page: Page, **values: Any) -> None:
    assert page.evaluate("(values) => document.querySelector('.mae').viewer.set(values)", values) == []
    settle(page)


def state(page: Page) -> dict[str, Any]:
    return page.evaluate(f"{VIEWER}.state.read()")


def file_numbers(page: Page) -> dict[str, Any]:
    """What is measured at once of the file on show; the rest comes later."""
    point = page.evaluate(f"{VIEWER}.shown.header.point")
    return {key: point[key] for key in ("codec", "bytes", "estimated_bits", "psnr", "ms_ssim")}


def array(page: Page, expression: str) -> np.ndarray:
    return np.array(page.evaluate(f"Array.from({expression})"), dtype=np.float32)


def halves(values: np.ndarray) -> np.ndarray:
    """As they travel."""
    return values.astype(np.float16).astype(np.float32).ravel()


# -- maps ------------------------------------------------------------------------------------------------------------


def test_every_map_that_is_offered_is_pythons(hyper: Page, session: Session) -> None:
    page, code = hyper, session.code(512)
    apply(page, view="channels")
    offered = page.evaluate(f"Array.from({CHANNELS}.values.options).filter((o) => !o.disabled).map((o) => o.value)")
    own = {"after": code.decoded, "before": session.latents(512), "symbols": code.symbols}
    expected = own | code.planes
    assert offered == list(expected)
    for name, values in expected.items():
        apply(page, values=name)
        np.testing.assert_array_equal(array(page, f"{CHANNELS}.shown.values"), halves(values))
        assert page.evaluate(f"[{INSIDE}.canvas.height, {INSIDE}.canvas.width]") == list(values.shape[1:])


def test_an_element_of_z_is_64_pixels_wide_in_every_map(hyper: Page, session: Session) -> None:
    page, z = hyper, session.code(512).planes["z"]
    apply(page, view="channels", values="z", opacity=100, channel=150)
    strongest = int((z**2).mean(axis=(1, 2)).argmax())
    assert page.evaluate(f"{CHANNELS}.channel") == strongest
    row, column = PLACE
    page.evaluate(f"{INSIDE}.hover({{ row: {row}, column: {column} }})")
    assert page.evaluate(f"{VIEWER}.stage.marks.at(-1)") | {"color": ""} == {
        "x": column // 4 * 64, "y": row // 4 * 64, "width": 64, "height": 64, "color": "",
    }  # fmt: skip
    said = page.inner_text(f".mae-inside:visible >> text=z of channel {strongest} in row {row // 4}")
    assert float(said.split(": ")[1].strip(".").replace("−", "-")) == z[strongest, row // 4, column // 4]
    summary = page.inner_text(".mae-inside:visible >> text=an element for each 64×64 pixels")
    silent = int((z == 0).all(axis=(1, 2)).sum())
    assert f"{len(z)} channels of 12×8" in summary and f"{silent} are zero everywhere" in summary
    assert f"{session.code(512).side_bits:,.0f} bits" in summary
    assert f"channel {strongest}, z" in page.inner_text("[data-part=rightTag]")


def test_z_has_a_channel_of_its_own_that_keys_choose(hyper: Page) -> None:
    page = hyper
    apply(page, view="channels", values="z", channel=150, zchannel=150)
    assert page.evaluate(f"[{CHANNELS}.channel, {INSIDE}.channel]") == [127, 150], "its last one"
    apply(page, zchannel="")
    page.focus("[data-panel=channels] .mae-multiples canvas + canvas")
    order = page.evaluate(f"{CHANNELS}.multiples.shown.order")
    for at in (1, 2):
        page.keyboard.press("ArrowRight")
        settle(page)
        assert (state(page)["zchannel"], state(page)["channel"]) == (order[at], 150)
    apply(page, values="before")
    assert page.evaluate(f"{CHANNELS}.channel") == 150


def test_a_plane_that_the_other_model_lacks_gives_way(hyper: Page) -> None:
    apply(hyper, view="channels", values="σ")
    assert hyper.is_visible("[data-state=magnitudecolours]") and not hyper.is_visible("[data-state=palette]")
    apply(hyper, model="mae")
    assert state(hyper)["values"] == "after"
    assert hyper.inner_text("[data-state=values] option:checked") == "ŷ, rounded"
    assert hyper.is_visible("[data-state=palette]")


def test_the_histogram_is_of_q_under_the_mixture_that_the_prior_expects(hyper: Page, session: Session) -> None:
    apply(hyper, view="channels", channel=3)
    data = f"{CHANNELS}.detail.chart.data"
    hyper.wait_for_function(f"{data}.length === 2")
    occurs, prior = hyper.evaluate(f"{data}.map(({{ x, y }}) => ({{ x, y }}))")
    code = session.code(512)
    expected = code.distribution()
    for symbol, share, probability in zip(occurs["x"], occurs["y"], prior["y"], strict=True):
        assert share == pytest.approx((code.symbols[3] == symbol).mean(), abs=1e-9)
        column = symbol - int(expected.low[3])
        known = 0 <= column < expected.count[3]
        assert probability == pytest.approx(expected.probability[3, column] if known else 0, rel=1e-5)


# -- one element -----------------------------------------------------------------------------------------------------


def test_pins_and_the_card_say_what_the_prior_expected(hyper: Page, session: Session) -> None:
    page, (row, column) = hyper, PLACE
    apply(page, view="channels", channel=5, pins=f"{row}-{column}", element=f"{row}-{column}")
    code, at = session.code(512), (5, row, column)
    read = "Object.fromEntries([...document.querySelectorAll('[data-pin]')].map((c) => [c.dataset.pin, c.textContent]))"
    found = {key: text.replace("−", "-") for key, text in page.evaluate(read).items()}
    assert float(found["rounded"]) == pytest.approx(code.decoded[at], rel=1e-3)
    assert float(found["mean"]) == pytest.approx(code.planes["μ"][at], rel=1e-3, abs=1e-3)
    assert float(found["scale"]) == pytest.approx(code.planes["σ"][at], rel=5e-3)
    assert int(found["symbol"]) == code.symbols[at]
    assert float(found["bits"]) == pytest.approx(code.bits[at], rel=1e-3)
    assert float(found["positionBits"]) == pytest.approx(code.position_bits[row, column], rel=1e-3)
    card = page.inner_text("[data-part=card]").replace("−", "-")
    assert f"q {code.symbols[at]}, p" in card and f"σ {found['scale']}" in card and f"μ {found['mean']}" in card
    assert page.is_visible("[data-pin-head=mean]") and page.is_visible("[data-pin-head=symbol]")
    apply(page, model="mae")
    assert not page.is_visible("[data-pin-head=mean]") and not page.is_visible("[data-pin=symbol]")


def test_maps_of_the_prior_are_asked_for_where_they_are_shown_alone(hyper: Page) -> None:
    asked: list[str] = []
    hyper.on("request", lambda request: asked.append(request.url))
    apply(hyper, view="channels")
    apply(hyper, view="bits", where="side")
    assert asked and not any("plane%3A" in url for url in asked)
    apply(hyper, pins="1-1")
    assert any("plane%3A%CE%BC" in url for url in asked) and not any("plane%3Az" in url for url in asked)


# -- bits ------------------------------------------------------------------------------------------------------------


def test_bits_are_split_into_those_of_y_and_of_z(hyper: Page, session: Session) -> None:
    page, code = hyper, session.code(512)
    apply(page, view="bits", where="side")
    cells = code.side_element_bits.sum(axis=0)  # type: ignore[attr-defined]
    assert array(page, f"{BITS}.values") == pytest.approx(cells.ravel(), rel=1e-3)
    y, z = (page.evaluate(f"{values}.reduce((sum, each) => sum + each, 0)")
            for values in (f"{BITS}.bottleneck.channelBits", f"{BITS}.values"))  # fmt: skip
    assert y + z == pytest.approx(session.point(512).estimated_bits, rel=1e-6)
    assert y + z == pytest.approx(page.evaluate(f"{BITS}.blocks.bits.reduce((sum, each) => sum + each, 0)"), rel=1e-5)
    summary = page.inner_text(".mae-inside:visible >> text=half of the error in")
    share = code.side_bits / code.total_bits
    assert f"{100 * (1 - share):.2g} % of the bits are y’s and {100 * share:.2g} % z’s" in summary
    assert f"z takes {code.side_bits:,.0f} bits" in page.inner_text(".mae-inside:visible >> text=of y’s bits")
    title = page.get_attribute("[data-number=estimated]", "title")
    assert title and f"{code.side_bits / (768 * 512):.3f} of z" in title
    apply(page, model="mae")
    assert state(page)["where"] == "bits" and "z’s" not in page.inner_text(".mae-inside:visible >> text=half of")


# -- modulation, comparison ------------------------------------------------------------------------------------------


def test_the_perceptrons_of_the_hyper_transforms_are_among_the_modulators(hyper: Page, session: Session) -> None:
    apply(hyper, view="modulation")
    modulation = f"{INSIDE}.views.modulation"
    hyper.wait_for_function(f"{modulation}.layer")
    lambdas = hyper.evaluate(f"{modulation}.modulators.lambdas")
    gains = session.model.modulation(lambdas)
    titles = {
        "h0": "hyper-analysis 1", "h1": "hyper-analysis 2", "h2": "hyper-analysis 3",
        "g0": "hyper-synthesis 1", "g1": "hyper-synthesis 2", "a_z": "the side prior",
    }  # fmt: skip
    for name, title in titles.items():
        hyper.select_option("[data-state=layer]", name)
        logs = array(hyper, f"{modulation}.layer.logs").reshape(gains[name].shape[::-1])
        assert logs == pytest.approx(np.log2(gains[name].T), abs=1e-4)
        assert title in hyper.inner_text(".mae-inside:visible >> text=over all λ it moves")
        assert f"before and after {title}" in hyper.inner_text(".mae-inside:visible >> text=There are no maps")
    hyper.select_option("[data-state=layer]", "m2")
    assert not hyper.is_visible(".mae-inside:visible >> text=There are no maps")


def test_the_two_models_are_each_others_rivals(hyper: Page, session: Session) -> None:
    apply(hyper, compare="mae:fixed:512", curves="mae")
    hyper.wait_for_function(f"{VIEWER}.comparison.shown && !{VIEWER}.comparison.pending")
    point = hyper.evaluate(f"{VIEWER}.comparison.shown.header.point")
    other = explorer.load_model("mae", device="cpu")
    assert point["bytes"] == session.under(other).point(512).bytes
    hyper.wait_for_function(f"{VIEWER}.panel.curves.of('mae').points.length > 1")
    assert hyper.evaluate(f"{VIEWER}.panel.plot.data.map((trace) => trace.meta)") == ["model", "mae"]


# -- the switch ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pair(tiny_network: Autoencoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app with two tiny models that differ in their prior alone, the second of them first, and one
    whose transforms are its own."""
    folder: Path = tmp_path_factory.mktemp("pair")
    second = Autoencoder(dataclasses.replace(tiny_network.config, prior="hyper"))
    second.load_state_dict(transforms_of(tiny_network.state_dict()), strict=False)
    save(tiny_network, folder / "mae.safetensors")
    save(second, folder / f"{MODEL}.safetensors")
    save(scale_bottleneck(tiny_network.fold(4096)), folder / "bottleneck.safetensors")
    code = f"import pathlib; from explorer import library; library.folder = lambda: pathlib.Path({str(folder)!r}); "
    with serving(code + SERVE.replace("'mae'", repr(MODEL))) as address:
        yield address


@pytest.fixture
def switching(browser: Browser, pair: str) -> Iterator[Page]:
    with visiting(browser, pair) as page:
        open_app(page, pair)
        yield page


def test_the_switch_changes_the_price_and_nothing_else(switching: Page, pair: str) -> None:
    page = switching
    apply(page, picture="houses", box="300,200,2", mode="beside", view="channels", channel=7, **{"lambda": 300})
    before, shown = state(page), file_numbers(page)
    y = array(page, f"{CHANNELS}.bottleneck.y")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.click("[data-part=priorChoice] >> text=factorised")
    page.wait_for_function(f"{VIEWER}.shown.id === {VIEWER}.picture.id && {VIEWER}.picture.model === 'mae'")
    settle(page)
    assert state(page) == before | {"model": "mae"}
    assert page.evaluate(f"{VIEWER}.shown.header.point.bytes") != shown["bytes"]
    np.testing.assert_array_equal(array(page, f"{CHANNELS}.bottleneck.y"), y)
    assert not any("/api/pixels" in url for url in asked), "the original is there"
    assert page.locator("#model input").input_value() == "mae: modulated autoencoder"

    page.keyboard.press("h")
    page.wait_for_function(f"{VIEWER}.shown.id === {VIEWER}.picture.id && {VIEWER}.picture.model === '{MODEL}'")
    settle(page)
    assert state(page) == before
    assert file_numbers(page) == shown
    assert page.is_checked(f"[data-part=priorChoice] input[value={MODEL}]")
    np.testing.assert_array_equal(
        canvas_pixels(page, f"{VIEWER}.stage.layers.original.canvas")[..., :3],
        np.asarray(explorer.images.read(explorer.samples()["houses"]).pixels),
    )


def test_the_switch_is_reached_by_keys_and_its_choice_by_a_link(switching: Page, pair: str) -> None:
    page = switching
    page.focus(f"[data-part=priorChoice] input[value={MODEL}]")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"{VIEWER}.picture.model === 'mae'")
    page.wait_for_function("location.hash === '#model=mae'")
    page.evaluate(f"location.hash = '#model={MODEL}&view=channels&values=z&zchannel=3'")
    page.wait_for_function(f"{CHANNELS}.shown?.sign === 'z' && {CHANNELS}.channel === 3")
    assert page.is_checked(f"[data-part=priorChoice] input[value={MODEL}]")
    page.goto("about:blank")
    open_app(page, f"{pair}/#model=mae&lambda=100")
    assert page.is_checked("[data-part=priorChoice] input[value=mae]")


def test_a_picture_of_ones_own_is_switched_too_and_quick_changes_end_on_the_last(switching: Page) -> None:
    page = switching
    page.evaluate(f"""async () => {{
      const canvas = new OffscreenCanvas(90, 70);
      canvas.getContext("2d").fillRect(0, 0, 30, 50);
      await {VIEWER}.open({{ file: new File([await canvas.convertToBlob()], "mine.png", {{ type: "image/png" }}) }});
    }}""")
    page.wait_for_function(f"{VIEWER}.picture.name === 'mine.png'")
    asked: list[str] = []
    answered: list[str] = []
    page.on("request", lambda request: "/api/open" in request.url and asked.append(request.url))
    for done in ("requestfinished", "requestfailed"):
        page.on(done, lambda request: "/api/open" in request.url and answered.append(request.url))
    for _ in range(5):
        page.keyboard.press("h")
    page.wait_for_function(f"{VIEWER}.picture.model === 'mae' && {ROOT}.dataset.state === 'ready'")
    wait_until(lambda: settle(page) and len(answered) == len(asked))
    assert asked
    assert (state(page)["model"], page.evaluate(f"{VIEWER}.picture.name")) == ("mae", "mine.png")
    assert page.is_checked("[data-part=priorChoice] input[value=mae]")


def test_the_menu_chooses_models_as_well(switching: Page) -> None:
    page = switching
    page.click("#model input")
    page.click("[role=option] >> text=mae: modulated autoencoder")
    page.wait_for_function(f"{VIEWER}.picture.model === 'mae'")
    assert page.is_checked("[data-part=priorChoice] input[value=mae]")


def test_without_a_model_of_the_same_transforms_there_is_no_switch(switching: Page) -> None:
    assert switching.is_visible("[data-part=prior]")
    apply(switching, model="bottleneck")
    assert not switching.is_visible("[data-part=prior]")
    switching.keyboard.press("h")
    assert state(switching)["model"] == "bottleneck"


def test_a_system_that_is_not_bundled_is_named(switching: Page) -> None:
    apply(switching, view="ratio", b=64)
    told = switching.inner_text("[data-panel=ratio]")
    assert "“bottleneck-hyperprior”" in told and "“independent-hyperprior-λ”" in told


# -- the lesson ------------------------------------------------------------------------------------------------------

LESSONS = json.loads(setup.LESSONS.read_text(encoding="utf-8"))
(STEPS,) = (lesson["steps"] for lesson in LESSONS if lesson["id"] == "hyperprior")


def test_the_lesson_shows_the_two_models_in_turn(page: Page, address: str) -> None:
    for number, step in enumerate(STEPS, 1):
        page.evaluate(f"{VIEWER}.lessons.go('hyperprior.{number}')")
        page.wait_for_function(f"{VIEWER}.lessons.place === 'hyperprior.{number}' && {ROOT}.dataset.state === 'ready'")
        settle(page)
        shown = page.evaluate(f"{VIEWER}.shown.header")
        model = explorer.load_model(step["state"]["model"], device="cpu")
        session = Session(model, explorer.samples()["parrots"])
        expected = session.point(512, quick=True).bytes
        assert (page.evaluate(f"{VIEWER}.picture.model"), shown["point"]["bytes"]) == (model.name, expected)
        frame = canvas_pixels(page, f"{VIEWER}.stage.layers.frame.canvas")[..., :3]
        count = step["state"].get("costliest")
        pixels = session.keep_costliest(512, int(count)).pixels if count else decoded(page, address, 512)
        np.testing.assert_array_equal(frame, pixels)


@pytest.mark.slow
def test_what_the_lesson_says_is_so(session: Session, mae: LearnedCodec) -> None:
    assert mae.transforms == session.model.transforms, "the lesson is about two models of the same y"
    before, after = session.under(mae), session
    smoothest = min(explorer.samples().values(), key=lambda path: Session(mae, path).code(512).total_bits)
    assert smoothest.stem == STEPS[0]["state"]["picture"]
    old, new = before.code(512).position_bits, after.code(512).position_bits
    order = old.ravel().argsort()
    quiet, busy = order[: old.size // 2], order[-old.size // 4 :]

    def share(values: np.ndarray, which: np.ndarray) -> float:
        return float(values.ravel()[which].sum() / values.sum())

    calm, lively = (tuple(map(int, pin.split("-"))) for pin in STEPS[0]["state"]["pins"].split(","))
    assert old[calm] == pytest.approx(40, abs=8) and old[calm] < 1.1 * old.min()
    assert old[lively] > np.quantile(old, 0.98)
    assert share(old, quiet) == pytest.approx(0.30, abs=0.03)
    assert before.point(512).psnr == pytest.approx(after.point(512).psnr, abs=0.06)
    assert after.point(512).bytes / before.point(512).bytes == pytest.approx(0.77, abs=0.03)
    assert new.ravel()[quiet].sum() / old.ravel()[quiet].sum() == pytest.approx(0.48, abs=0.07)
    assert new.ravel()[busy].sum() / old.ravel()[busy].sum() > 0.88
    scale, z = after.code(512).planes["σ"][4].ravel(), after.code(512).planes["z"]
    assert scale[busy].mean() > 3 * scale[quiet].mean()
    assert (z == 0).all(axis=(1, 2)).mean() > 0.5
    side = after.code(512).side_bits
    assert side / after.code(512).total_bits == pytest.approx(0.02, abs=0.006)
    assert before.code(512).total_bits - after.code(512).total_bits > 10 * side
    savings = [1 - after.point(lmbda).bytes / before.point(lmbda).bytes for lmbda in (64, 4096)]
    assert savings == pytest.approx([1 / 6, 1 / 4], abs=0.04)
    detailed = Session(mae, explorer.samples()["houses"])
    ratio = detailed.under(session.model).point(512).bytes / detailed.point(512).bytes
    assert 1 - ratio < 0.6 * (1 - after.point(512).bytes / before.point(512).bytes)
