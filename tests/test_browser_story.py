"""Telling a story in a real browser: files to keep, autoplay, lessons, the blind comparison."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.etree import ElementTree

import numpy as np
import pytest
from browser import ROOT, STILL, canvas_pixels, open_app, painted, settle, visiting, wanted
from PIL import Image, ImageSequence
from scipy.stats import binomtest

import explorer
from explorer.views.service import setup

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

VIEWER = f"{ROOT}.viewer"
SAMPLE = Path(explorer.__file__).parent / "samples" / "parrots.png"


# -- files to keep ---------------------------------------------------------------------------------------------------


def export(page: Page, label: str, kind: str) -> tuple[str, bytes]:
    """Choose a file in the menu; its name and bytes."""
    page.click("[data-part=exports] > summary")
    with page.expect_download(timeout=240_000) as saved:
        page.click(f"[aria-label='{label}: {kind}']")
    return saved.value.suggested_filename, saved.value.path().read_bytes()


def table(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_picture_and_file_are_those_that_are_shown(page: Page) -> None:
    page.wait_for_function(f"!{VIEWER}.shown.header.point.approximate")
    shown = page.evaluate(f"{VIEWER}.shown.header")
    name, data = export(page, "Compressed file", ".mae")
    assert name == "parrots-lambda256.mae" and len(data) == shown["point"]["bytes"]
    _, data = export(page, "Reconstruction", "PNG")
    frame = canvas_pixels(page, f"{VIEWER}.stage.layers.frame.canvas")[..., :3]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), frame)
    page.keyboard.press("b")
    painted(page)
    _, data = export(page, "Picture as shown", "PNG")
    right = canvas_pixels(page, "document.querySelector('[data-part=right]')")
    opaque = right[..., 3] == 255
    saved = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[-right.shape[0] :, -right.shape[1] :]
    np.testing.assert_array_equal(saved[opaque], right[opaque][:, :3])


def test_the_map_has_a_pixel_for_each_element(page: Page) -> None:
    page.click("[data-tab=channels]")
    settle(page)
    name, data = export(page, "Map, a pixel for each element", "PNG")
    assert name == "parrots-lambda256-map.png"
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (48, 32)
        np.testing.assert_array_equal(np.asarray(image), canvas_pixels(page, f"{VIEWER}.inside.canvas"))


def test_the_chart_as_svg_and_png(page: Page) -> None:
    page.wait_for_selector(".mae-plot .scatterlayer .trace path.point", timeout=120_000)
    _, svg = export(page, "R–D chart", "SVG")
    assert ElementTree.fromstring(svg).tag.endswith("svg") and b"bits per pixel" in svg
    name, png = export(page, "R–D chart", "PNG")
    assert name == "parrots-lambda256-r-d-chart.png"
    with Image.open(io.BytesIO(png)) as image:
        # In a file the curves are named: the legend has its own room beside them.
        assert image.width == 2 * (page.evaluate(f"{VIEWER}.panel.plot.box.clientWidth") + 230)


def test_the_tables_hold_the_numbers_of_python(page: Page) -> None:
    session = explorer.Session(explorer.load_model("mae", device="cpu"), SAMPLE)
    page.wait_for_function(f"{VIEWER}.panel.curves.of('model').done", timeout=200_000)
    rows = [row for row in table(export(page, "Points of the curves", "CSV")[1]) if row["series"] == "mae"]
    assert {row["picture"] for row in rows} == {"parrots"}
    assert {float(row["setting"]) for row in rows} >= set(session.curve_lambdas())
    for row in rows[::8]:
        point = session.point(float(row["setting"]))
        numbers = [float(row[name]) for name in ("rate_bpp", "psnr_db", "ms_ssim", "file_bytes")]
        assert numbers == pytest.approx([point.bpp, point.psnr, point.ms_ssim, point.bytes], rel=1e-4)
    page.click("[data-tab=channels]")
    settle(page)
    channels = table(export(page, "Numbers of the channels", "CSV")[1])
    bits = session.bits(256).sum(axis=(1, 2))
    np.testing.assert_allclose([float(row["estimated_bits"]) for row in channels], bits, rtol=1e-3, atol=1e-3)
    zeros = (session.symbols(256) == 0).mean(axis=(1, 2))
    np.testing.assert_allclose([float(row["zero_share"]) for row in channels], zeros)


def test_a_sweep_says_how_far_it_is_can_be_stopped_and_holds_exact_frames(page: Page) -> None:
    page.click("[data-part=exports] > summary")
    page.click("[aria-label='Sweep over all λ: GIF']")
    page.wait_for_function("/\\d+ of 25/.test(document.querySelector('[data-part=exportStop]').textContent)")
    page.click("[data-part=exportStop]")
    assert not page.is_visible("[data-part=exportStop]")
    name, data = export(page, "Sweep over all λ", "WebP")
    assert name == "parrots-sweep.webp" and not page.is_visible("[data-part=exportStop]")
    with Image.open(io.BytesIO(data)) as image:
        last = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)][-1]
    page.focus("[data-part=slider]")
    page.keyboard.press("End")
    settle(page)
    np.testing.assert_array_equal(last, canvas_pixels(page, f"{VIEWER}.stage.layers.frame.canvas")[..., :3])


# -- autoplay --------------------------------------------------------------------------------------------------------


def test_autoplay_paints_each_step_before_the_next(page: Page) -> None:
    page.evaluate(f"{VIEWER}.state.apply({{ lambda: 1024, speed: 10, step: 0.25, turn: 'there' }})")
    settle(page)
    page.evaluate(f"""() => {{
      const viewer = {VIEWER}, {{ setLambda }} = viewer;
      window.steps = [];
      viewer.setLambda = (lmbda) => {{
        window.steps.push([viewer.shown.header.lmbda, lmbda]);
        setLambda.call(viewer, lmbda);
      }};
    }}""")
    page.keyboard.press("k")
    page.wait_for_function("window.steps.length >= 12", timeout=120_000)
    page.keyboard.press("k")
    octaves = (*range(16, 25), *range(23, 0, -1))  # quarters, up to 4096 and back
    steps = [pytest.approx((64 * 2 ** (a / 4), 64 * 2 ** (b / 4)), rel=1e-4) for a, b in pairwise(octaves)]
    assert page.evaluate("window.steps")[:12] == steps[:12], "what was on show, and what was asked for"
    assert page.get_attribute("[data-part=play]", "aria-pressed") == "false"


def test_autoplay_ends_at_the_end_and_stops_when_the_user_moves_lambda(page: Page) -> None:
    page.evaluate(f"{VIEWER}.state.apply({{ lambda: 2048, speed: 10, step: 0.5, turn: 'once', play: 'on' }})")
    page.wait_for_function(f"{VIEWER}.wanted === 4096 && {STILL}")
    page.evaluate(f"{VIEWER}.state.apply({{ turn: 'again', play: 'on' }})")
    page.wait_for_function(f"{VIEWER}.wanted < 100")
    page.focus("[data-part=slider]")
    page.keyboard.press("PageUp")
    page.wait_for_function(f"{STILL}")
    before = wanted(page)
    painted(page, frames=12)  # two steps at this speed
    assert wanted(page) == before


@pytest.fixture
def calm(browser: Browser, address: str) -> Iterator[Page]:
    """The app for somebody who asked for less motion."""
    with visiting(browser, address, reduced_motion="reduce") as page:
        open_app(page, address)
        yield page


def test_autoplay_is_calm_where_less_motion_is_wanted(calm: Page) -> None:
    calm.evaluate(f"{VIEWER}.state.apply({{ lambda: 128, speed: 10, step: 0.0625, play: 'on' }})")
    painted(calm, frames=12)  # two steps at this speed
    assert wanted(calm) == 128 and calm.evaluate(STILL)
    waited = calm.evaluate(f"""async () => {{
        const started = performance.now();
        document.querySelector("[data-part=play]").click();
        while ({VIEWER}.wanted === 128) await new Promise(requestAnimationFrame);
        return performance.now() - started;
    }}""")
    assert wanted(calm) == 256 and waited > 800


# -- lessons ---------------------------------------------------------------------------------------------------------

LESSONS = json.loads(setup.LESSONS.read_text(encoding="utf-8"))
STEPS = [(f"{lesson['id']}.{i}", step) for lesson in LESSONS for i, step in enumerate(lesson["steps"], 1)]


def go(page: Page, place: str) -> None:
    page.evaluate(f"(place) => {VIEWER}.lessons.go(place)", place)
    page.wait_for_selector(".mae[data-state=ready]")


def test_lessons_are_five_or_more_of_a_few_steps_and_sentences() -> None:
    assert len(LESSONS) >= 5 and len({lesson["id"] for lesson in LESSONS}) == len(LESSONS)
    for _, step in STEPS:
        assert 2 <= len(re.findall(r"[.?!](?= |$)", step["text"])) <= 6 and step["state"]


def test_every_step_can_be_applied_and_is_then_what_is_shown(page: Page) -> None:
    here = set(page.evaluate(f"{VIEWER}.setup.rivals.map(({{ name }}) => name)"))
    for place, step in STEPS:
        needed = {name for name in ("bottleneck", "independent") if name in json.dumps(step["state"])}
        assert needed <= here
        go(page, place)
        assert page.inner_text("[data-part=notice]") == "", place
        state = page.evaluate(f"{VIEWER}.state.read()")
        moving = {"lambda": state["lambda"]} if "play" in step["state"] else {}
        expected = step["state"] | {"lesson": place} | moving
        assert {key: str(state[key]) for key in expected} == {key: str(value) for key, value in expected.items()}
        assert page.inner_text("[data-part=lessonTexts] [data-shown=true]") == step["text"]
    page.evaluate(f"{VIEWER}.player.stop()")


def test_a_lesson_is_chosen_walked_through_and_closed(page: Page) -> None:
    page.click("[data-part=lessonsOpen]")
    page.click("[data-lesson=lambda]")
    page.wait_for_function(f"{VIEWER}.lessons.place === 'lambda.1' && {VIEWER}.wanted === 4096")
    assert page.inner_text("[data-part=lessonCount]") == f"1 of {len(LESSONS[0]['steps'])}"
    assert page.is_disabled("[data-part=lessonBack]")
    page.click("[data-part=lessonNext]")
    page.wait_for_function(f"{VIEWER}.wanted === 64")
    page.click("[data-part=lessonBack]")
    page.wait_for_function(f"{VIEWER}.wanted === 4096")
    go(page, STEPS[len(LESSONS[0]["steps"]) - 1][0])
    assert page.inner_text("[data-part=lessonNext]") == "Finish"
    page.click("[data-part=lessonNext]")
    assert not page.is_visible("[data-part=lesson]")


def test_a_link_opens_a_step_and_keeps_what_was_changed_in_it(page: Page, address: str) -> None:
    go(page, "ratio.2")
    page.wait_for_function("location.hash === '#lesson=ratio.2'")
    page.evaluate(f"{VIEWER}.state.apply({{ centre: 'median', channel: 3 }})")
    page.wait_for_function("location.hash.includes('channel')")
    address_of_step, state = page.evaluate(f"[location.href, {VIEWER}.state.read()]")
    page.goto("about:blank")
    open_app(page, address_of_step)
    page.wait_for_selector("[data-part=lesson]")
    assert page.evaluate(f"{VIEWER}.state.read()") == state
    page.evaluate("location.hash = '#lesson=lambda.2'")  # also from an open page
    page.wait_for_function(f"{VIEWER}.lessons.place === 'lambda.2' && {VIEWER}.wanted === 64")


# -- the blind comparison --------------------------------------------------------------------------------------------

QUIZ = f"{VIEWER}.quiz"


def play(page: Page, rounds: int, choose: Callable[[bool], str]) -> str:
    """A whole quiz against JPEG; choose(whether the model is A) -> "a" or "b". Returns what is said at the end."""
    page.click("[data-part=quizOpen]")
    page.select_option("[data-quiz=opponent]", "jpeg")
    page.select_option("[data-quiz=rounds]", str(rounds))
    page.click("[data-quiz=start]")
    for number in range(1, rounds + 1):
        page.wait_for_selector("[data-screen=ask]")
        said = page.inner_text("[data-part=quiz]")
        assert f"Round {number} of {rounds}" in said
        assert not re.search(r"JPEG|model|λ|bpp|dB|\d\.\d", said), "labels or numbers that give it away"
        page.click(f"[data-quiz={choose(page.evaluate(f'{QUIZ}.rounds.at(-1).isModelLeft'))}]")
        page.click("[data-quiz=next]")
    page.wait_for_selector("[data-screen=end]")
    return page.inner_text("[data-quiz=text]")


def test_the_quiz_is_blind_and_says_what_the_answers_are_worth(page: Page) -> None:
    sent: list[str] = []
    page.wait_for_function("window.Plotly")  # which is not the quiz's
    page.on("request", lambda request: sent.append(urlsplit(request.url).path.split("/")[2]))
    for rounds, verdict in ((5, "could be chance"), (6, "hardly chance")):
        text = play(page, rounds, lambda is_model_left: "a" if is_model_left else "b")
        share = round(100 * binomtest(rounds, rounds).pvalue)
        assert f"this model in {rounds} of {rounds}" in text and f"{share} of 100" in text and verdict in text
        assert page.locator("[data-quiz=list] li").count() == rounds
        for round_ in page.evaluate(
            f"{QUIZ}.rounds.map(({{ ours, theirs }}) => [ours.header.point, theirs.header.point])"
        ):
            assert round_[1]["bytes"] == pytest.approx(round_[0]["bytes"], rel=0.02)
        page.click("[data-quiz=close]")
    assert set(sent) <= {"open", "pixels", "frame", "match", "numbers", "seen", "points"}


def test_the_quiz_shuffles_the_sides_and_shows_exact_pixels(page: Page) -> None:
    layers, side = f"{QUIZ}.stage.layers", f"{QUIZ}.stage.layers.sides[%d].canvas"
    for random, left in (("() => 0.3", "ours"), ("() => 0.7", "theirs")):
        page.evaluate(f"{QUIZ}.random = {random}")
        page.click("[data-part=quizOpen]")
        page.click("[data-quiz=start]")
        page.wait_for_selector("[data-screen=ask]")
        assert page.evaluate(f"{layers}.sides[0].pixels === {QUIZ}.rounds[0].{left}.pixels")
        shown = canvas_pixels(page, side % 0)[..., :3]
        assert (shown != canvas_pixels(page, side % 1)[..., :3]).any()
        page.keyboard.down("o")
        original = canvas_pixels(page, f"{layers}.original.canvas")
        for number in (0, 1):
            np.testing.assert_array_equal(canvas_pixels(page, side % number), original)
        page.keyboard.up("o")
        np.testing.assert_array_equal(canvas_pixels(page, side % 0)[..., :3], shown)
        page.keyboard.press("b")
        assert page.inner_text("[data-quiz=rightTag]").endswith("This model" if left == "theirs" else "") and "dB" in (
            page.inner_text("[data-quiz=text]")
        )
        page.keyboard.press("Escape")
        assert not page.is_visible("[data-part=quiz]")
    assert page.is_checked(".mae-modes input[value=split]")  # its keys are its own
