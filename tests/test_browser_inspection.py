"""Linked inspection in a real browser: probe, pins and the card of an element say what the arrays of Python hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from browser import ROOT, settle

import explorer

if TYPE_CHECKING:
    from playwright.sync_api import Page

INSIDE = f"{ROOT}.viewer.inside"
PIXELS = [(0, 0), (767, 511), (300, 100), (485, 170)]
# What is shown of y: it was sent with 11 bits, and is written with 4 digits.
Y_TOLERANCE = {"rel": 2**-11 + 5e-4, "abs": 1e-6}


@pytest.fixture
def channels(page: Page) -> Page:
    page.click("[role=tab][data-tab=channels]")
    settle(page)
    return page


def point_at(page: Page, x: int, y: int) -> None:
    """Move the pointer to a pixel of the picture."""
    place = f"""([x, y]) => {{
      const {{ stage }} = {ROOT}.viewer, box = stage.canvases[0].getBoundingClientRect();
      const [left, top] = stage.view.apply([x + 0.5, y + 0.5]);
      return [box.x + left, box.y + top];
    }}"""
    page.mouse.move(*page.evaluate(place, [x, y]))


def numbers(page: Page, kind: str, row: int = 0) -> dict[str, str]:
    """The texts of the probe, or of a pin in the table."""
    read = """([kind, row]) => {
      const cells = [...document.querySelectorAll(`[data-${kind}]`)];
      const keys = [...new Set(cells.map((cell) => cell.dataset[kind]))];
      return Object.fromEntries(cells.slice(row * keys.length, (row + 1) * keys.length)
        .map((cell) => [cell.dataset[kind], cell.textContent.replace("−", "-")]));
    }"""
    return page.evaluate(read, [kind, row])


def shown_lambda(page: Page) -> float:
    return page.evaluate(f"{ROOT}.viewer.shown.header.lmbda")


def assert_equal(found: dict[str, str], session: explorer.Session, lmbda: float, at: tuple[int, int, int]) -> None:
    """What is said of an element is what the arrays hold there. at: channel, row, column."""
    bits = session.bits(lmbda)
    assert float(found["value"]) == pytest.approx(session.latents(lmbda)[at], **Y_TOLERANCE)
    assert int(found["symbol"]) == session.symbols(lmbda)[at]
    assert float(found["bits"]) == pytest.approx(bits[at], rel=1e-3)
    assert float(found["probability"]) == pytest.approx(2.0 ** -bits[at], rel=1e-2)
    assert float(found["positionBits"]) == pytest.approx(bits[:, at[1], at[2]].sum(), rel=1e-3)


def assert_colours(found: dict[str, str], session: explorer.Session, lmbda: float, x: int, y: int) -> None:
    assert [int(part) for part in found["original"].split()] == session.picture.pixels[y, x].tolist()
    assert [int(part) for part in found["decoded"].split()] == session.reconstruct(lmbda)[y, x].tolist()


@pytest.mark.parametrize("channel", [0, 5])
def test_the_probe_says_what_the_arrays_hold(channels: Page, session: explorer.Session, channel: int) -> None:
    page = channels
    page.evaluate(f"{INSIDE}.setChannel({channel})")
    for x, y in PIXELS:
        point_at(page, x, y)
        found, lmbda = numbers(page, "probe"), shown_lambda(page)
        assert_colours(found, session, lmbda, x, y)
        assert_equal(found, session, lmbda, (channel, y // 16, x // 16))


def test_the_maps_are_of_the_arrays_themselves(channels: Page, session: explorer.Session) -> None:
    page = channels
    read = f"(name) => Array.from({INSIDE}.views.channels.bottleneck[name])"
    lmbda = shown_lambda(page)
    np.testing.assert_array_equal(page.evaluate(read, "symbols"), session.symbols(lmbda).ravel())
    np.testing.assert_array_equal(
        np.array(page.evaluate(read, "y"), np.float16), session.latents(lmbda).ravel().astype(np.float16)
    )
    np.testing.assert_allclose(page.evaluate(read, "bits"), session.bits(lmbda).ravel(), rtol=1e-5)
    assert page.evaluate(f"{INSIDE}.canvas.width") == session.latents(lmbda).shape[2]


def test_a_map_of_another_channel_is_probed_as_that_channel(channels: Page, session: explorer.Session) -> None:
    page = channels
    box = page.locator(".mae-multiples canvas").nth(1).bounding_box()
    assert box
    page.mouse.move(box["x"] + 80, box["y"] + 20)
    place = page.evaluate(f"{INSIDE}.inspection.place")
    assert place["channel"] != page.evaluate(f"{INSIDE}.channel")
    at = place["channel"], place["row"], place["column"]
    assert_equal(numbers(page, "probe"), session, shown_lambda(page), at)
    assert page.evaluate(f"{ROOT}.viewer.stage.marks.at(-1)") | {"color": ""} == {
        "x": 16 * at[2], "y": 16 * at[1], "width": 16, "height": 16, "color": "",
    }  # fmt: skip


def test_probe_and_pins_stay_up_to_date_while_the_pointer_rests(channels: Page, session: explorer.Session) -> None:
    page = channels
    for x, y in PIXELS[2:]:
        point_at(page, x, y)
        page.keyboard.press("p")
    settle(page)
    page.focus("[data-part=slider]")
    seen = set()
    for key in ("Home", "End"):
        page.keyboard.press(key)
        settle(page)
        lmbda, (x, y) = shown_lambda(page), PIXELS[3]
        seen.add(numbers(page, "probe")["value"])
        assert_equal(numbers(page, "probe"), session, lmbda, (0, y // 16, x // 16))
        for row, (x, y) in enumerate(PIXELS[2:]):
            found, element = numbers(page, "pin", row), (y // 16, x // 16)
            assert_equal(found, session, lmbda, (0, *element))
            assert_colours(found, session, lmbda, element[1] * 16 + 8, element[0] * 16 + 8)
    assert len(seen) == 2


def test_pins_are_kept_over_tabs_and_go_one_by_one(channels: Page, session: explorer.Session) -> None:
    page = channels
    page.evaluate(f"{ROOT}.viewer.set({{ pins: '6-18,10-30', view: 'rd' }})")
    settle(page)
    assert_equal(numbers(page, "pin", 1), session, shown_lambda(page), (0, 10, 30))
    page.click("[aria-label='Remove the pin at row 6, column 18']")
    assert page.evaluate(f"{ROOT}.viewer.get().pins") == "10-30"
    point_at(page, 30 * 16, 10 * 16)
    page.keyboard.press("p")
    assert page.evaluate(f"{ROOT}.viewer.get().pins") == ""
    assert not page.is_visible("[data-part=pins]")


def test_a_click_opens_an_elements_card_and_escape_closes_it(channels: Page, session: explorer.Session) -> None:
    page, (x, y) = channels, PIXELS[3]
    channel, row, column = 5, y // 16, x // 16
    page.evaluate(f"{INSIDE}.setChannel({channel})")
    point_at(page, x, y)
    page.mouse.down()
    page.mouse.up()
    page.focus("[data-part=slider]")
    for key in ("Home", "End"):
        page.keyboard.press(key)
        settle(page)
        lmbda = shown_lambda(page)
        symbol = int(session.symbols(lmbda)[channel, row, column])
        expected = session.response(lmbda, channel, row, column, None if symbol else 1)
        card = page.inner_text("[data-part=card]")
        assert f"Element {row}, {column} of channel {channel}" in card and f"ŷ {symbol},".replace("-", "−") in card
        assert ("ŷ is 0 here" in card) == (symbol == 0)
        found = page.evaluate(f"Array.from({INSIDE}.inspection.card.response.pixels)")
        np.testing.assert_allclose(found, expected.pixels.ravel(), atol=1e-5)
        field = {"x": expected.left, "y": expected.top, "width": 57, "height": 57, "color": "#fff"}
        assert field in page.evaluate(f"{ROOT}.viewer.stage.marks")
    page.keyboard.press("Escape")
    assert not page.is_visible("[data-part=card]")
    assert all(mark["width"] == 16 for mark in page.evaluate(f"{ROOT}.viewer.stage.marks"))


def test_an_element_is_reached_by_keys_alone(channels: Page) -> None:
    page = channels
    page.focus("[data-part=slider]")
    page.keyboard.press("e")
    row, column = map(int, page.evaluate(f"{ROOT}.viewer.get().element").split("-"))
    assert row in (15, 16) and column in (23, 24)  # around the middle of the picture
    for key in ("ArrowUp", "ArrowRight", "ArrowRight", "p"):
        page.keyboard.press(key)
    settle(page)
    state = page.evaluate(f"{ROOT}.viewer.get()")
    assert state["element"] == state["pins"] == f"{row - 1}-{column + 2}"
    assert f"Element {row - 1}, {column + 2}" in page.inner_text("[data-part=card]")


def test_another_channel_keeps_the_card_and_asks_for_its_response(channels: Page) -> None:
    page = channels
    page.evaluate(f"{INSIDE}.select({{ row: 10, column: 30 }})")
    settle(page)
    page.evaluate(f"{INSIDE}.setChannel(3)")
    page.wait_for_function(f"'response:3:10:30' in {INSIDE}.frame.wishes")
    assert "channel 3" in page.inner_text("[data-part=card]")


def test_what_lies_outside_of_a_smaller_picture_goes(channels: Page) -> None:
    page = channels
    page.evaluate(f"{ROOT}.viewer.set({{ pins: '1-1,31-47', element: '30-40' }})")
    settle(page)
    page.evaluate(f"""async () => {{
      const canvas = new OffscreenCanvas(64, 48);
      canvas.getContext("2d").fillRect(0, 0, 30, 30);
      const file = new File([await canvas.convertToBlob()], "small.png", {{ type: "image/png" }});
      await {ROOT}.viewer.open({{ file }});
    }}""")
    page.wait_for_function(f"{ROOT}.viewer.picture.name === 'small.png'")
    settle(page)
    state = page.evaluate(f"{ROOT}.viewer.get()")
    assert state["pins"] == "1-1" and state["element"] == "" and "picture" not in state
