"""The app in a real browser, for the tests that drive it: fixtures (a pytest plugin, see conftest) and helpers."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Request

SERVE = "from explorer.views.app import launch; launch(port=0, open_browser=False, model='mae')"
ROOT = "document.querySelector('.mae')"
STILL = "document.querySelector('[data-part=play]').ariaPressed === 'false'"  # λ does not move by itself
# Run before any script of a page: the frames of its first viewer, each as it was right after its paint.
RECORD = f"""
  window.frames_seen = [];
  window.addEventListener("frame", ({{ target, detail }}) => target === {ROOT} && window.frames_seen.push({{
    ...detail,
    tag: document.querySelector("[data-part=rightTag]").textContent,
    bpp: document.querySelector("[data-number=bpp]").textContent,
    plotted: {ROOT}.viewer.panel.plot.places.now?.rate,
    verdict: document.querySelector("[data-part=verdict]").textContent,
    shown: {ROOT}.viewer.shown.header.point?.bpp,
  }}), true);
"""
# Answers and messages that are late by chance, by up to LATE_MS milliseconds: a wait that a test lacks shows then.
LATE = """
  const wait = () => new Promise((done) => setTimeout(done, Math.max(0, Math.random() - 0.5) * 2 * MS));
  const [{ fetch }, { postMessage }] = [window, MessagePort.prototype];
  window.fetch = (...query) => wait().then(() => fetch(...query)).finally(wait);
  MessagePort.prototype.postMessage = function (...message) { wait().then(() => postMessage.apply(this, message)); };
"""
# The last frame's event, once what was asked for last is painted and its event has come, which is a little after that.
SETTLED = f"""() => {{
  const {{ viewer, dataset }} = {ROOT}, {{ id, request }} = viewer.shown ?? {{}}, last = window.frames_seen.at(-1);
  const isReported = last && last.picture === id && last.wanted === request.lmbda && last.asked === request.asked;
  return isReported && viewer.isSettled() && !viewer.coming && !dataset.pending && last;
}}"""
# What a document loads or gets ready for: of a host that it is to connect to later (rel=preconnect) no request tells.
LOADED = """() => [...document.querySelectorAll("link[href], [src], object[data], form[action]")].map((each) =>
  each.href || each.src || each.data || each.action)"""


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with serving(SERVE) as address:
        yield address


@contextmanager
def serving(code: str) -> Iterator[str]:
    """The address of an app that Python code launches in a process of its own."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", code]
    started = monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        watchdog = threading.Timer(240, server.kill)
        watchdog.start()
        try:
            assert server.stdout
            line = server.stdout.readline()
            watchdog.cancel()
            assert "http://" in line, "the server did not start"
            print(f"\nserver ready after {monotonic() - started:.1f} s")
            yield next(word for word in line.split() if word.startswith("http://"))
        finally:
            watchdog.cancel()
            server.terminate()
            server.wait(10)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if "CI" not in os.environ:
        pytest.importorskip("playwright")
        if chromium() is None:
            pytest.skip("no Chromium is installed here")
    with launched() as browser:
        yield browser


def chromium() -> str | None:
    """Where the Chromium of this machine is."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """A Chromium without a window."""
    from playwright.sync_api import sync_playwright

    found = chromium()
    assert found, "CI needs a Chromium"
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}} | options)
    context.set_default_timeout(60_000)  # the machine may be busy
    context.add_init_script(RECORD)
    if late := os.environ.get("LATE_MS"):
        context.add_init_script(f"{{ const MS = {float(late)}; {LATE} }}")
    return context


@pytest.fixture(scope="session")
def context(browser: Browser) -> BrowserContext:
    """Where most pages are opened: what all of them load is fetched and compiled once."""
    return new_context(browser)


@contextmanager
def visiting(browser: Browser, address: str, **options: Any) -> Iterator[Page]:
    """A page of a context of its own, not yet anywhere, and watched."""
    context = new_context(browser, **options)
    with watched(context, address) as page:
        yield page
    context.close()


@contextmanager
def watched(context: BrowserContext, address: str) -> Iterator[Page]:
    """A page, not yet anywhere. Neither it nor those that are opened beside it may ask another address for anything,
    or have it in mind, no script may fail, and nothing may be tried that the page's own policy forbids."""
    asked: list[str] = []
    failures: list[str] = []

    def watch(page: Page) -> None:
        page.on("websocket", lambda socket: asked.append(socket.url.replace("ws", "http", 1)))

    listeners = {
        "page": watch,
        "request": lambda request: asked.append(request.url),
        "weberror": lambda error: failures.append(str(error.error)),
        "console": lambda line: failures.append(line.text) if "Security Policy" in line.text else None,
    }
    for event, listener in listeners.items():
        context.on(event, listener)  # type: ignore[call-overload]
    yield context.new_page()
    for page in context.pages:
        asked += page.evaluate(LOADED)
        page.close()
    for event, listener in listeners.items():
        context.remove_listener(event, listener)
    context.clear_permissions()
    assert not failures
    assert [url for url in asked if not url.startswith((address, "data:", "blob:", "about:"))] == []


@pytest.fixture
def page(context: BrowserContext, address: str) -> Iterator[Page]:
    """The app, opened, with its first frame painted."""
    with watched(context, address) as page:
        open_app(page, address)
        yield page


def open_app(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector(".mae[data-state=ready][data-lmbda]", timeout=120_000)


def settle(page: Page) -> dict[str, Any]:
    """Wait until what was asked for last is painted; return the last frame's event."""
    return page.wait_for_function(SETTLED).json_value()


def matched(page: Page) -> dict[str, Any] | None:
    """Wait until what stands beside the model's picture is there and painted; return a codec's header."""
    page.wait_for_function(f"!{ROOT}.viewer.comparison.pending && !{ROOT}.viewer.coming")
    return page.evaluate(f"{ROOT}.viewer.comparison.shown?.header")


def compare_with(page: Page, codec: str) -> dict[str, Any] | None:
    """Choose a codec, or "" for the original; see `matched`."""
    page.select_option("[data-part=reference]", codec)
    return matched(page)


def painted(page: Page, frames: int = 2) -> None:
    """Wait until what was done so far is on the screen: a change is drawn in the next frame, and that is over in the
    one after it."""
    page.evaluate("async (frames) => { for (; frames; frames--) await new Promise(requestAnimationFrame); }", frames)


@contextmanager
def requests_of(page: Page) -> Iterator[list[str]]:
    """The addresses of the app that a page asks for meanwhile, up to the last change that was made; without the numbers
    that come by themselves some time after λ has come to rest."""
    urls: list[str] = []

    def remember(request: Request) -> None:
        if "/api/seen/" not in request.url:
            urls.append(request.url)

    page.on("request", remember)
    yield urls
    painted(page)
    page.remove_listener("request", remember)


def wanted(page: Page) -> float:
    return page.evaluate(f"{ROOT}.viewer.get('lambda')")


def drag_lambda(page: Page, what: str, steps: int = 60) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Drag the slider from end to end and print how fast `what` followed: the frames painted by then, and the last one
    once it has settled."""
    box = page.locator("[data-part=slider]").bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 20, middle)
    page.mouse.down()
    page.evaluate("() => { window.frames_seen = []; }")
    started = monotonic()
    for step in range(steps):
        page.mouse.move(box["x"] + 20 + (box["width"] - 60) * step / (steps - 1), middle)
        painted(page, frames=3)  # a hand is no faster
    page.mouse.up()
    seconds = monotonic() - started
    last = settle(page)
    seen = page.evaluate("window.frames_seen")
    delays = [frame["painted"] - frame["asked"] for frame in seen]
    rate = len({frame["lmbda"] for frame in seen}) / seconds
    print(f"\n{what}: {rate:.1f} distinct frames/s, input to paint p50 {np.median(delays):.0f} ms, "
          f"p90 {np.percentile(delays, 90):.0f} ms, {len(seen)} frames")  # fmt: skip
    assert last["wanted"] == wanted(page)
    return seen, last


def canvas_pixels(page: Page, canvas: str) -> np.ndarray:
    read = f"""() => {{
      const canvas = {canvas};
      const {{ data }} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let text = "";
      for (let i = 0; i < data.length; i += 32768) text += String.fromCharCode(...data.subarray(i, i + 32768));
      return [canvas.height, canvas.width, btoa(text)];
    }}"""
    height, width, text = page.evaluate(read)
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)


def decoded(page: Page, address: str, lmbda: float) -> np.ndarray:
    """The reconstruction that Python gets from the file that the page offers."""
    import explorer

    token = page.evaluate(f"{ROOT}.dataset.picture")
    with urllib.request.urlopen(f"{address}/api/file/{token}?lmbda={lmbda}&kind=mae") as answer:
        return explorer.decode(answer.read())
