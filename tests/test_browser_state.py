"""The viewer's state in a real browser: read and applied by key, as a link, and links that mean harm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from browser import ROOT, open_app, settle

if TYPE_CHECKING:
    from playwright.sync_api import Page

STATE = f"{ROOT}.viewer.state"
EVERYTHING = {
    "model": "mae-hyperprior", "zchannel": 12, "magnitudecolours": "cividis",
    "picture": "hibiscus", "lambda": 512.5, "view": "channels", "channel": 17, "mode": "beside", "gain": "8",
    "split": 0.3, "box": "200.5,250,2", "map": "off", "opacity": 40, "compare": "jpeg:fixed:40", "swap": "on",
    "curves": "jpeg,jpeg444", "metric": "ms_ssim", "axis": "log", "hide": "samples,actions", "values": "σ",
    "pins": "10-30,2-3", "element": "12-20", "sort": "energy", "scale": "fixed", "palette": "purple-orange",
    "ppd": "33.51",
}  # fmt: skip
HOSTILE = [
    "picture=<script>window.hacked=1</script>",
    "picture=%3Cimg%20src%3Dx%20onerror%3D%22window.hacked%3D1%22%3E",
    "<img src=x onerror=window.hacked=1>=1",
    "picture=../../etc/passwd",
    "picture=..%2f..%2fetc%2fpasswd",
    "picture=C:\\Windows\\win.ini",
    "picture=parrots.png",
    "picture=",
    "model=/tmp/evil.safetensors",
    "model=http://example.com/model",
    "model=javascript:window.hacked=1",
    "lambda=1e308",
    "lambda=99999999999999999999999",
    "lambda=NaN",
    "lambda=Infinity",
    "lambda=0x100",
    "lambda=-64",
    "lambda=256&lambda=512",
    "channel=-1",
    "channel=192",
    "channel=1.5",
    "zchannel=-1",
    "zchannel=192",
    "values=w",
    "view=__proto__",
    "__proto__=polluted",
    "__proto__.polluted=1",
    "constructor=x",
    "toString=x",
    "unknown=1",
    "mode=split&mode=beside",
    "mode=%E0%A4%A",
    "mode=%00",
    "mode",
    "=split",
    "split=0.5&hide=body",
    "pins=1-1,1-1",
    "pins=32-0",
    "pins=-1--1",
    "element=1-1,2-2",
    "edit=17=9",
    "edit=192=0",
    "costliest=-1",
    "a=63.9",
    "compare=jpeg:fixed:1000000",
    "compare=nobody:rate",
    "compare=jpeg:rate:1:2",
    "box=NaN,NaN,NaN",
    "box=1,1,0",
    "opacity=" + "9" * 500,
    "curves=jpeg,jpeg",
    "x=" + "y" * 3000,
    "palette=%27);window.hacked=1;//",
]


def apply(page: Page, chosen: dict[str, Any]) -> list[str]:
    return page.evaluate(f"(chosen) => {STATE}.apply(chosen)", chosen)


def state(page: Page) -> dict[str, Any]:
    return page.evaluate(f"{STATE}.read()")


def another(page: Page, address: str) -> Page:
    """The app in a second page, settled."""
    other = page.context.new_page()
    other.set_default_timeout(60_000)
    open_app(other, address)
    other.wait_for_function(f"{ROOT}.viewer.isSettled() && !{ROOT}.viewer.coming")
    return other


def wait_for_address(page: Page) -> str:
    """The address once it says what the state is."""
    page.wait_for_function(f"{STATE}.told === JSON.stringify({STATE}.read())")
    return page.evaluate("location.href")


def test_a_link_restores_everything_in_another_page(page: Page, address: str) -> None:
    assert apply(page, EVERYTHING) == []
    settle(page)
    before = state(page)
    assert {key: before[key] for key in EVERYTHING} == EVERYTHING
    link = wait_for_address(page)
    assert link.startswith(f"{address}/#picture=hibiscus&model=mae-hyperprior&lambda=512.5&view=channels&channel=17")
    other = another(page, link)
    assert state(other) == before
    assert other.evaluate("document.querySelector('[data-part=lambda]').textContent") == "512.5"
    assert not other.is_visible("[data-part=samples]") and other.is_visible("[data-part=numbers]")


def test_the_picture_of_a_link_is_the_first_that_is_opened(page: Page, address: str) -> None:
    other, opened = page.context.new_page(), []
    other.on("request", lambda request: "/api/open" in request.url and opened.append(request.url))
    open_app(other, f"{address}/#picture=regatta&lambda=64")
    assert [url for url in opened if "sample=regatta" not in url] == []
    assert other.evaluate("window.frames_seen.every(({ lmbda }) => lmbda === 64)")


def test_the_address_follows_and_is_followed(page: Page, address: str) -> None:
    assert wait_for_address(page).rstrip("/") == address
    page.keyboard.press("b")
    page.focus("[data-part=slider]")
    page.keyboard.press("End")
    settle(page)
    page.wait_for_function("location.hash === '#lambda=4096&mode=beside'")
    page.evaluate("location.hash = '#mode=signed&gain=16'")
    page.wait_for_function(f"{STATE}.read().gain === '16'")
    settle(page)
    assert page.evaluate(f"{STATE}.changes()") == {"mode": "signed", "gain": "16"}
    page.evaluate("history.back()")  # to the entry whose address had followed
    page.wait_for_selector(".mae-modes input[value=beside]:checked", state="attached")


def test_a_rejected_state_changes_nothing(page: Page) -> None:
    before = state(page)
    assert apply(page, {"lambda": 64, "channel": 192, "mode": "beside", "gain": 3}) == ["channel", "gain"]
    assert apply(page, {"lambda": 64, "picture": "nobody", "elsewhere": 1}) == ["elsewhere", "picture"]
    assert apply(page, {"picture": "hibiscus", "lambda": 1e9}) == ["lambda"]
    assert state(page) == before
    assert page.evaluate(f"{STATE}.allowed('channel')") == "a whole number from 0 to 191"


def test_hostile_links_change_nothing_and_show_a_notice(page: Page) -> None:
    apply(page, {"lambda": 100, "view": "channels", "channel": 3})
    settle(page)
    before, good = state(page), wait_for_address(page)
    for hash_ in HOSTILE:
        page.evaluate("() => { document.querySelector('[data-part=notice]').textContent = ''; }")
        page.evaluate("(hash) => { location.hash = hash; }", f"#{hash_}")
        page.wait_for_selector("[data-part=notice]:not(:empty)")
        notice = page.inner_text("[data-part=notice]")
        assert notice.startswith("This link was ignored: ") and notice.endswith("."), hash_
        assert page.locator("[data-part=notice] *").count() == 0, hash_
        assert state(page) == before, hash_
        assert page.evaluate("location.href") == good, hash_
    settle(page)
    assert page.evaluate("[window.hacked, {}.polluted, Object.hasOwn(Object.prototype, 'x')]") == [None, None, False]


@pytest.mark.parametrize("hash_", [HOSTILE[1], "lambda=-64", "__proto__=1", "lambda=64&channel=192"])
def test_a_hostile_link_opens_the_usual_page(page: Page, address: str, hash_: str) -> None:
    usual = state(page)
    other = another(page, f"{address}/#{hash_}")
    assert other.text_content("[data-part=notice]").startswith("This link was ignored: ")
    assert state(other) == usual
    assert other.evaluate("[window.hacked, location.hash]") == [None, ""]


def test_copy_link_puts_the_address_on_the_clipboard(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("[data-sample=houses]")
    page.wait_for_function(f"{ROOT}.viewer.picture.name === 'houses'")
    settle(page)
    page.click("[data-part=copyLink]")
    page.wait_for_selector("[data-part=notice]:not(:empty)")
    assert page.evaluate("navigator.clipboard.readText()").endswith("/#picture=houses")
