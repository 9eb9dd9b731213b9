"""What eyes see, in a real browser: SSIMULACRA2 after all other numbers, maps of the visible error, times."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browser import ROOT, decoded, settle, wanted

import explorer
from explorer import images, samples
from explorer.codecs import CODECS, measure

if TYPE_CHECKING:
    from playwright.sync_api import Page

SEEN = "[data-number=ssimulacra2]"
STAGE = f"{ROOT}.viewer.stage"
LEFT, RIGHT = "[data-part=leftTag]", "[data-part=rightTag]"


def text_of(selector: str, pattern: str) -> str:
    return f"{pattern}.test(document.querySelector('{selector}').textContent)"


def test_frames_and_numbers_do_not_wait_for_what_eyes_see(page: Page, address: str) -> None:
    page.route("**/api/seen/**", lambda route: None)  # no answer
    with page.expect_request(re.compile(r"/api/seen/.*lmbda=(299|300)")):
        page.evaluate(f"{ROOT}.viewer.setLambda(300)")
    assert page.evaluate(f"!{ROOT}.dataset.pending")
    psnr = page.inner_text("[data-number=psnr]")
    assert not psnr.startswith("≈") and not page.inner_text(SEEN).lstrip("−")[:1].isdigit()
    page.evaluate(f"{ROOT}.viewer.setLambda(700)")
    assert settle(page)["wanted"] == wanted(page)
    page.wait_for_function(f"!{ROOT}.dataset.pending")
    assert page.evaluate(f"{ROOT}.viewer.shown.header.point.ssimulacra2 === undefined")
    page.unroute("**/api/seen/**")
    page.evaluate(f"{ROOT}.viewer.setLambda(900)")  # what was asked for the λ before is given up
    page.wait_for_function(text_of(SEEN, r"/^[−\d.]+$/"))
    lmbda = wanted(page)
    session = explorer.Session(explorer.load_model(page.evaluate(f"{ROOT}.viewer.model")), samples()["parrots"])
    assert page.inner_text(SEEN) == f"{session.point(lmbda).ssimulacra2:.1f}"
    assert page.inner_text("[data-part=times]").startswith("Encode / decode: this model ")
    assert page.get_attribute("[data-part=times] [title]", "title").endswith("encoder and decoder alone")


def test_the_maps_of_the_visible_error_are_those_of_the_pictures_on_show(page: Page, address: str) -> None:
    flip = pytest.importorskip("flip_evaluator")
    page.evaluate(f"{ROOT}.viewer.set({{mode: 'visible', compare: 'jpeg:fixed:10', metric: 'ssimulacra2'}})")
    for selector in (LEFT, RIGHT):
        page.wait_for_function(text_of(selector, "/mean/"))
    original = images.read(samples()["parrots"]).pixels
    shown = measure(CODECS["jpeg"], original, 10).pixels, decoded(page, address, wanted(page))
    for side, pixels in enumerate(shown):
        theirs = [(each / 255).astype(np.float32) for each in (original, pixels)]
        values, mean, _ = flip.evaluate(*theirs, "LDR", applyMagma=False, parameters={"ppd": 67.02})
        mine = f"[...{STAGE}.layers.errorOf({STAGE}.layers.sides[{side}]).values].filter((_, i) => i % 97 === 0)"
        assert np.abs(np.array(page.evaluate(mine)) - values.ravel()[::97]).max() < 1e-3
        assert page.inner_text((LEFT, RIGHT)[side]).endswith(f"mean {mean:.3f}")
    place = page.evaluate(f"(({{ view }}) => view.apply([10.5, 20.5]))({STAGE})")
    page.hover("[data-part=left]", position={"x": place[0], "y": place[1]})
    at = page.inner_text("[data-part=visibleValue]").split(" | ")
    assert float(at[1]) == pytest.approx(values[20, 10, 0], abs=2e-3)
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    assert not [each["id"] for each in found if each["impact"] in ("serious", "critical")]
    # Another λ: no map of the one before, and one of its own once it rests.
    page.evaluate(f"{ROOT}.viewer.setLambda(2000)")
    settle(page)
    assert page.evaluate(f"{STAGE}.layers.errors === null") and "to come" in page.inner_text(RIGHT)
    page.wait_for_function(text_of(RIGHT, "/λ 2000, mean/"))
    page.wait_for_function(text_of("[data-other=ssimulacra2]", r"/^[−\d.]+$/"))
    assert "JPEG 4:2:0 " in page.inner_text("[data-part=times]")
