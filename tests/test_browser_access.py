"""What people with assistive technology meet: axe-core over every view and dialog, in both themes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browser import ROOT, settle, visiting
from conftest import smooth_picture

import explorer
from explorer import images
from explorer.views import viewer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TABS = viewer.tabs()
DIALOGS = ("Lessons", "Quiz", "Help: words and keys")


def violations(page: Page) -> list[dict[str, Any]]:
    """Those that axe-core calls serious or critical."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [each for each in found if each["impact"] in ("serious", "critical")]


@pytest.fixture
def page(browser: Browser, address: str, theme: str) -> Iterator[Page]:
    """Not yet anywhere, in a light or a dark theme."""
    with visiting(browser, address, color_scheme=theme) as page:
        yield page


@pytest.mark.parametrize("hash_", ["", "#model=mae-hyperprior&values=z&where=side&layer=h0&pins=1-1&costliest=100"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_violation(page: Page, address: str, theme: str, hash_: str) -> None:
    page.goto(f"{address}?__theme={theme}{hash_}")
    page.wait_for_selector(".mae[data-state=ready][data-lmbda]", timeout=120_000)
    for tab in TABS:
        page.evaluate(f"{ROOT}.viewer.inside.setTab({tab!r})")
        settle(page)
        assert violations(page) == [], tab
    for name in DIALOGS if not hash_ else ():
        page.get_by_role("button", name=name, exact=True).click()
        assert violations(page) == [], name
        page.keyboard.press("Escape")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_none_with_own_pictures_and_a_received_file(page: Page, address: str, theme: str) -> None:
    page.goto(f"{address}?__theme={theme}")
    page.wait_for_selector(".mae[data-state=ready][data-lmbda]", timeout=120_000)
    pixels = smooth_picture(120, 200)
    sent = explorer.load_model("mae", device="cpu").encode(pixels, np.array([[300.0] * 4, [2400] * 4]))  # with a map
    files = {"one.png": images.to_png(pixels), "two.mae": sent}
    hold = f"""() => {{ const {{ transport }} = {ROOT}.viewer, {{ frame }} = transport;
      transport.frame = (...query) => new Promise((done) => (window.release = done)).then(() => frame(...query));
      window.resume = () => {{ transport.frame = frame; window.release(); }}; }}"""
    for name, data in files.items():
        page.evaluate(hold)
        page.set_input_files("[data-part=file]", {"name": name, "mimeType": "", "buffer": data})
        page.wait_for_function("/λ = /.test(document.querySelector('[data-part=doing]').textContent)")
        assert violations(page) == [], f"{name}, on its way"
        page.evaluate("window.resume()")
        page.wait_for_function(f"{ROOT}.viewer.picture.name === {name!r} && {ROOT}.dataset.state === 'ready'")
    for tab in TABS:
        page.evaluate(f"{ROOT}.viewer.inside.setTab({tab!r})")
        settle(page)
        assert violations(page) == [], tab


@pytest.mark.parametrize(("theme", "width", "height"), [("light", 1280, 720), ("dark", 390, 844)])
def test_axe_finds_none_in_what_comes_and_goes(page: Page, address: str, theme: str, width: int, height: int) -> None:
    """A lesson and what it points at, a message, an explanation, the plan of the network, a card, pins, painting."""
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{address}?__theme={theme}#lesson=bits.1&pins=1-1&element=2-2")
    page.wait_for_selector(".mae[data-state=ready][data-lmbda]", timeout=120_000)
    page.wait_for_selector("[data-pointed]")
    page.evaluate(f"{ROOT}.viewer.fail('What went wrong, and the remedy.')")
    assert violations(page) == [], "lesson and message"
    page.click("[data-part=noticeClose]")
    page.locator("[data-part=numbers] [data-term=PSNR]").click()
    page.wait_for_selector("[role=tooltip]:popover-open")
    assert violations(page) == [], "explanation"
    page.keyboard.press("Escape")
    page.click("[data-part=paintOpen]")
    page.click("[data-part=paintCentre]")
    assert violations(page) == [], "painting"
    page.click("[data-part=networkOpen]")
    assert violations(page) == [], "network"
