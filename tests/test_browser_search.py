"""The encoder's search in a real browser: what it says while it is made, what stands beside what, and that nothing
of it disagrees. The picture is small: a search takes a second or two."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browser import ROOT, canvas_pixels, matched, painted, settle
from conftest import smooth_picture

import explorer
from explorer.images import to_png

if TYPE_CHECKING:
    from playwright.sync_api import Page

VIEWER = f"{ROOT}.viewer"
START = ".mae-search-start"
STATE = "[data-panel=search] [role=status]"
PICTURE = smooth_picture(112, 160)


@pytest.fixture
def small(page: Page) -> Page:
    """The app with a small picture and the tab open."""
    file = {"name": "small.png", "mimeType": "image/png", "buffer": to_png(PICTURE)}
    page.set_input_files("[data-part=file]", file)
    page.wait_for_function(f"{VIEWER}.picture.name === 'small.png' && {ROOT}.dataset.state === 'ready'")
    page.click("[data-tab=search]")
    settle(page)
    return page


def text(page: Page, selector: str) -> str:
    return page.inner_text(selector)


def test_first_guess_and_what_was_found_agree_in_picture_numbers_plot_maps_and_file(small: Page, address: str) -> None:
    small.wait_for_function(f"{VIEWER}.searches.seconds")
    assert "takes about" in text(small, STATE) and "≈" in text(small, "[data-state=effort] option:checked")
    small.click(START)
    small.wait_for_function(f"{VIEWER}.comparison.shown && {VIEWER}.inside.views.search.answer")
    settle(small)
    token, lmbda = small.evaluate(f"[{VIEWER}.picture.id, {VIEWER}.shown.header.lmbda]")
    with urllib.request.urlopen(f"{address}/api/file/{token}?lmbda={lmbda}&kind=mae&effort=1") as answer:
        data = answer.read()
    received = explorer.receive(data)
    found = small.evaluate(f"{VIEWER}.searches.all")[0]
    assert found["after"]["bytes"] == len(data) < found["before"]["bytes"]
    shown = canvas_pixels(small, f"{VIEWER}.stage.layers.reference.canvas")[..., :3]
    np.testing.assert_array_equal(shown, received.reconstruct())
    assert text(small, "[data-other=bytes]") == f"{len(data):,}"
    rows = small.eval_on_selector_all(
        ".mae-search-numbers tbody tr", "rows => rows.map((row) => row.innerText.split('\\t'))"
    )
    assert rows[0][1:3] == [f"{found['before']['bytes']:,} bytes", f"{len(data):,} bytes"]
    assert [text(small, f"[data-part={side}Tag]").split(",")[0] for side in ("left", "right")][1] == "Searched"
    assert small.evaluate(f"{VIEWER}.panel.plot.places.other.rate") == found["after"]["bpp"]
    points = small.evaluate(f"{VIEWER}.panel.drawn('searched')")
    assert (points["rates"], points["texts"]) == ([found["after"]["bpp"]], [f"λ {lmbda:.3g}, effort 1"])
    session = explorer.Session(explorer.load_model("mae"), PICTURE)
    change = received.code().position_bits - session.code(lmbda).position_bits
    drawn = small.evaluate(f"[...{VIEWER}.inside.views.search.drawn.values]")
    np.testing.assert_allclose(drawn, change.ravel(), atol=1e-3)
    small.evaluate(f"{VIEWER}.inside.hover({{ row: 2, column: 3 }})")
    assert "Block in row 2, column 3" in text(small, "[data-panel=search]")
    assert small.evaluate(f"{VIEWER}.get('searched')") == "on" and small.evaluate(f"{VIEWER}.get('compare')") == ""

    small.evaluate(f"{VIEWER}.setLambda(700)")
    settle(small)
    assert text(small, "[data-part=leftTag]") == "Original · nothing was searched for at this λ"
    small.get_by_role("button", name=f"λ {lmbda:.4g}, effort 1").click()
    settle(small)
    matched(small)
    assert text(small, "[data-part=rightTag]").startswith("Searched, effort 1")
    small.get_by_role("button", name="First guess | searched").click()
    painted(small)
    assert text(small, "[data-part=leftTag]") == "Original"


def test_a_search_is_cancelled_and_another_begins(small: Page) -> None:
    small.evaluate(f"{VIEWER}.set({{ effort: 2 }})")
    small.click(START)
    small.wait_for_function(f"{VIEWER}.searches.running?.line?.done")
    small.evaluate(f"{VIEWER}.setLambda(1000)")  # it goes on for the λ where it began
    settle(small)
    assert "λ 256" in text(small, STATE) and text(small, START) == "Cancel"
    small.click(START)
    assert text(small, START) == "Search" and small.evaluate(f"{VIEWER}.searches.running") is None
    small.evaluate(f"{VIEWER}.set({{ effort: 1 }})")
    small.click(START)
    small.wait_for_function(f"{VIEWER}.searches.all.length === 1")
    assert small.evaluate(f"{VIEWER}.searches.all[0].effort") == 1
