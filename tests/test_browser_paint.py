"""Painting λ on the picture: with a mouse, fingers and keys; on a desk and on a phone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browser import ROOT, canvas_pixels, open_app, painted, settle, visiting
from conftest import smooth_picture

import explorer
from explorer.condition import Condition
from explorer.lambda_map import LambdaMap
from explorer.views.service import setup
from explorer.views.service.pictures import SENDERS_LAMBDA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from explorer.codecs.learned import LearnedCodec

VIEWER = f"{ROOT}.viewer"
STEPS = f"({VIEWER}.map ? [...{VIEWER}.map.steps] : [])"
SHAPE = (8, 12)  # blocks of the picture that the app opens with
PLACE = f"""([row, column]) => {{
  const {{ view, canvases: [canvas] }} = {VIEWER}.stage, {{ left, top }} = canvas.getBoundingClientRect();
  const [x, y] = view.apply([64 * column + 32, 64 * row + 32]);
  return [left + x, top + y];
}}"""


def place(page: Page, row: int, column: int) -> tuple[float, float]:
    """The middle of a block, in the window."""
    x, y = page.evaluate(PLACE, [row, column])
    return x, y


def stroke(page: Page, *blocks: tuple[int, int]) -> None:
    page.mouse.move(*place(page, *blocks[0]))
    page.mouse.down()
    for block in blocks[1:]:
        page.mouse.move(*place(page, *block), steps=3)
    page.mouse.up()


def steps(page: Page) -> np.ndarray:
    """(rows, columns) of the map; all zero where there is none."""
    found = page.evaluate(STEPS)
    return np.reshape(found, SHAPE) if found else np.zeros(SHAPE, int)


def disc(*middles: tuple[int, int]) -> np.ndarray:
    """What a brush of three blocks covers, at the strength that it has at first."""
    found = np.zeros(SHAPE, int)
    for row, column in middles:
        found[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = 16
    return found


def start(page: Page) -> None:
    page.click("[data-part=paintOpen]")
    page.wait_for_selector("[data-part=paint]:not([hidden])")


KEEP = f"() => {{ window.before = {VIEWER}.stage.layers.frame.pixels.slice(); }}"
CHANGE = f"""() => {{
  const {{ pixels, rect: {{ width }} }} = {VIEWER}.stage.layers.frame, sums = new Array(96).fill(0);
  pixels.forEach((value, i) => {{
    const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    sums[12 * Math.floor(y / 64) + Math.floor(x / 64)] += Math.abs(value - window.before[i]) / (3 * 64 ** 2);
  }});
  return sums;
}}"""
COUNT = f"""() => {{
  const viewer = {VIEWER}, {{ setMap }} = viewer;
  window.maps = 0;
  viewer.setMap = (...given) => {{ window.maps++; return setMap.apply(viewer, given); }};
}}"""


def test_a_stroke_changes_the_picture_where_it_was_painted_and_can_be_undone(page: Page) -> None:
    start(page)
    page.evaluate(KEEP)
    page.evaluate(COUNT)
    look = page.evaluate(f"{VIEWER}.stage.look")
    stroke(page, (1, 1), (1, 3))
    expected = disc((1, 1), (1, 2), (1, 3))
    assert (steps(page) == expected).all()
    assert page.evaluate(f"{VIEWER}.stage.look") == look  # it did not pan
    assert 1 <= page.evaluate("window.maps") <= 5  # no more than there were moves
    settle(page)
    change = np.reshape(page.evaluate(CHANGE), SHAPE)
    assert change[expected > 0].mean() > 10 * change[4:, 7:].mean()
    page.keyboard.press("Control+z")
    assert not steps(page).any()
    page.keyboard.press("Control+Shift+z")
    assert (steps(page) == expected).all()
    page.mouse.move(*place(page, 5, 2))
    page.mouse.down()
    page.mouse.move(*place(page, 5, 4), steps=3)
    page.keyboard.press("Escape")  # gives up the stroke alone
    page.mouse.move(*place(page, 5, 6), steps=3)
    page.mouse.up()
    assert (steps(page) == expected).all()
    page.keyboard.press("Escape")
    assert page.is_hidden("[data-part=paint]") and (steps(page) == expected).all()


def test_tools_erase_fill_and_clear(page: Page) -> None:
    start(page)
    page.click("[data-part=paintCentre]")
    assert (steps(page) != 0).sum() == 24  # a quarter
    page.get_by_text("Erase", exact=True).click()
    stroke(page, (3, 5), (4, 5))
    assert (steps(page)[2:6, 4:7] == 0).all()
    page.click("[data-part=paintClear]")
    assert not steps(page).any()
    page.get_by_text("Rectangle", exact=True).click()
    page.fill("[data-part=paintStrength]", "-5")
    stroke(page, (6, 9), (4, 11), (5, 11))
    expected = np.zeros(SHAPE, int)
    expected[5:7, 9:12] = -5
    assert (steps(page) == expected).all()
    page.click("[data-part=paintClear]")
    page.get_by_text("Gradient", exact=True).click()
    page.fill("[data-part=paintStrength]", "10")
    stroke(page, (0, 0), (0, 10))
    assert (steps(page) == np.r_[10:-1:-1, 0]).all()
    for _ in range(6):
        page.keyboard.press("Control+z")
    assert not steps(page).any() and page.is_disabled("[data-part=paintUndo]")


def test_painting_without_a_pointer(page: Page) -> None:
    page.focus("[data-part=stage]")
    page.keyboard.press("l")
    assert page.evaluate("document.activeElement.dataset.part") == "stage"
    page.keyboard.press("[")
    page.keyboard.press("[")
    assert page.inner_text("[data-part=paintSize]") == "1 block"
    page.keyboard.press("ArrowRight")
    row, column = 4, 6  # the middle
    assert page.inner_text("[data-part=paintSaid]") == f"Row {row + 1}, column {column + 1}: ×1, λ 256"
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert np.argwhere(steps(page)).tolist() == [[row - 1, column], [row, column]]
    assert page.inner_text("[data-part=paintSaid]") == "2 of 96 blocks have a λ of their own."
    page.get_by_text("Rectangle", exact=True).click()
    page.focus("[data-part=stage]")
    for key in ("Enter", "ArrowLeft", "ArrowLeft", "Escape"):
        page.keyboard.press(key)
    assert (steps(page) != 0).sum() == 2  # given up
    for key in ("Enter", "ArrowLeft", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    assert (steps(page) != 0).sum() == 6
    page.keyboard.press("Escape")
    assert page.is_hidden("[data-part=paint]")


def test_space_pans_and_the_wheel_zooms_while_painting(page: Page) -> None:
    page.keyboard.press("r")
    start(page)
    page.mouse.move(*place(page, 4, 6))
    page.mouse.wheel(0, -400)
    page.wait_for_function(f"!{VIEWER}.stage.fitted")
    before = page.evaluate(f"{VIEWER}.stage.look")
    x, y = place(page, 4, 6)
    page.mouse.move(x, y)
    page.keyboard.down(" ")
    page.mouse.down()
    page.mouse.move(x - 40, y - 30, steps=3)
    page.mouse.up()
    page.keyboard.up(" ")
    after = page.evaluate(f"{VIEWER}.stage.look")
    assert after[0] > before[0] and after[1] > before[1] and not steps(page).any()
    stroke(page, (4, 6))
    assert (steps(page) == disc((4, 6))).all()


@pytest.fixture
def phone(browser: Browser, address: str) -> Iterator[Page]:
    with visiting(browser, address, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True) as page:
        open_app(page, address)
        yield page


def test_one_finger_paints_and_two_zoom(phone: Page) -> None:
    phone.tap("[data-part=paintOpen]")
    phone.wait_for_selector("[data-part=paint]:not([hidden])")  # a tap becomes a click a little later
    devtools = phone.context.new_cdp_session(phone)

    def touch(type_: str, *blocks: tuple[int, int]) -> None:
        points = [dict(zip("xy", place(phone, *block), strict=True)) | {"id": i} for i, block in enumerate(blocks)]
        devtools.send("Input.dispatchTouchEvent", {"type": type_, "touchPoints": points})

    touch("touchStart", (2, 2))
    touch("touchMove", (2, 5))
    touch("touchEnd")
    expected = disc(*((2, column) for column in range(2, 6)))
    assert (steps(phone) == expected).all()
    touch("touchStart", (4, 3))
    touch("touchStart", (4, 3), (4, 8))
    touch("touchMove", (4, 1), (4, 10))
    touch("touchEnd")
    painted(phone)
    assert not phone.evaluate(f"{VIEWER}.stage.fitted") and (steps(phone) == expected).all()
    width, inner = phone.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= inner
    for part in ("paintOpen", "paintUndo", "paintClear", "paintDone", "paintStrength"):
        box = phone.locator(f"[data-part={part}]").bounding_box()
        assert box is None or (box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["height"] >= 22), part


def test_the_map_lies_over_the_picture_and_can_be_switched_off(page: Page) -> None:
    start(page)
    page.keyboard.press("r")
    page.click("[data-part=paintCentre]")
    settle(page)
    canvas = f"{VIEWER}.stage.canvases[0]"
    shown = canvas_pixels(page, canvas)
    page.uncheck("[data-part=paintShown]")
    painted(page)
    plain = canvas_pixels(page, canvas)
    changed = (shown != plain).any(-1)
    left, top = page.evaluate(f"{VIEWER}.stage.view.apply([0, 0]).map(Math.ceil)")
    scale = page.evaluate(f"{VIEWER}.stage.scale")
    inside = changed[int(top + 230 * scale) : int(top + 250 * scale), int(left + 350 * scale) : int(left + 370 * scale)]
    corner = changed[int(top + 10) : int(top + 40), int(left + 10) : int(left + 40)]
    assert inside.mean() > 0.9 and not corner.any()


def test_the_map_of_a_received_file_lies_over_it_and_stays(page: Page, mae: LearnedCodec) -> None:
    lambdas = np.full((2, 3), 256.0)
    lambdas[1, 1] = 2048
    data = mae.encode(smooth_picture(128, 192), lambdas)
    page.set_input_files("[data-part=file]", {"name": "sent.mae", "mimeType": "", "buffer": data})
    page.wait_for_function(f"{VIEWER}.picture.name === 'sent.mae' && {ROOT}.dataset.state === 'ready'")
    assert page.inner_text("[data-part=notice]").endswith("It has a λ map: λ is 256 to 2048 from place to place.")
    assert page.inner_text("[data-part=paintOpen]") == "λ map" and page.is_hidden("[data-part=painted]")
    page.click("[data-part=noticeClose]")
    stroke(page, (0, 0), (1, 1))
    assert page.evaluate(STEPS) == [0, 0, 0, 0, 16, 0], "it is read, not painted"
    assert page.inner_text("[data-part=paintPlace]") == "×8, λ 2048"
    page.mouse.move(0, 0)
    canvas = f"{VIEWER}.stage.canvases[0]"
    for isShown in (True, False):
        assert page.get_attribute("[data-part=paintOpen]", "aria-pressed") == str(isShown).lower()
        painted(page)
        pixels = canvas_pixels(page, canvas)
        page.evaluate(f"{VIEWER}.painter.overlay.isShown = false; {VIEWER}.stage.draw()")
        tinted = (pixels != canvas_pixels(page, canvas)).any(-1)
        middles = [
            page.evaluate(f"{VIEWER}.stage.view.apply([{x}, {y}]).map(Math.round)") for x, y in ((96, 96), (32, 32))
        ]
        assert [bool(tinted[y, x]) for x, y in middles] == [isShown, False]
        page.keyboard.press("l")


def test_where_nothing_can_be_painted_the_button_says_why(page: Page) -> None:
    start(page)
    data = explorer.load_model("mae", device="cpu").encode(smooth_picture(100, 130), 300)
    page.set_input_files("[data-part=file]", {"name": "sent.mae", "mimeType": "", "buffer": data})
    page.wait_for_function(f"{VIEWER}.picture.name === 'sent.mae' && {ROOT}.dataset.state === 'ready'")
    assert page.is_hidden("[data-part=paint]") and page.is_disabled("[data-part=paintOpen]")
    assert page.get_attribute("[data-part=paintOpen]", "title") == SENDERS_LAMBDA
    page.keyboard.press("l")
    assert page.inner_text("[data-part=notice]") == SENDERS_LAMBDA


ALIKE = 124.3  # one λ with as many bytes as the painted picture of the lesson


def test_what_the_lesson_says_is_so(hyperprior: LearnedCodec) -> None:
    (lesson,) = (each for each in json.loads(setup.LESSONS.read_text(encoding="utf-8")) if each["id"] == "painted")
    state = lesson["steps"][2]["state"]
    session = explorer.Session(hyperprior, explorer.samples()[state["picture"]])
    one, painted = Condition.of(state["lambda"]), Condition.of(state["lambda"], LambdaMap.of_text(state["paint"]))
    sizes = [len(session.encode(each)) for each in (one, painted)]
    assert sizes[1] / sizes[0] == pytest.approx(1.4, abs=0.04)
    found = session.painted(painted)
    assert len(session.encode(ALIKE)) == pytest.approx(sizes[1], rel=0.01)
    alike = session.painted(painted, ALIKE)
    assert found["above"].psnr > session.painted(painted, one)["above"].psnr + 5
    assert found["above"].psnr - alike["above"].psnr == pytest.approx(4, abs=0.3)
    assert 0 < alike["at"].psnr - found["at"].psnr < 2
