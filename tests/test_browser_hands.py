"""What people's hands do to the page: drops and pastes of all sorts, other keyboards, a server that goes away."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import ROOT, settle, wanted
from conftest import smooth_picture
from PIL import Image

from explorer.images import to_png

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

VIEWER = f"{ROOT}.viewer"
NOTICE = "[data-part=notice]"
STAGE_SIZE = f"2 * {VIEWER}.parts.stage.clientWidth, 2 * {VIEWER}.parts.stage.clientHeight"


def picture(name: str) -> bytes:
    return to_png(smooth_picture(72, 96, seed=len(name)))


def opened(page: Page, name: str) -> None:
    page.wait_for_function(f"{VIEWER}.picture.name === {name!r} && {ROOT}.dataset.state === 'ready'")
    settle(page)


def own(page: Page) -> list[str]:
    """The names of one's own pictures in the strip."""
    return page.evaluate(f"{VIEWER}.strip.own.map((own) => own.name)")


def said(page: Page) -> str:
    page.wait_for_selector("[data-part=notices]:not([hidden])")
    return page.inner_text(NOTICE)


# -- dropped and pasted ------------------------------------------------------------------------------------------------

GIVE = """([type, data, where]) => {
  const transfer = new DataTransfer();
  for (const [kind, text] of Object.entries(data)) transfer.setData(kind, text);
  const about = { bubbles: true, cancelable: true };
  const event = type === "paste" ? new ClipboardEvent("paste", { clipboardData: transfer, ...about })
    : new DragEvent(type, { dataTransfer: transfer, ...about });
  document.querySelector(where).dispatchEvent(event);
  return event.defaultPrevented;
}"""
LINK = {"text/uri-list": "http://pictures.invalid/a.jpg", "text/html": "<img src='http://pictures.invalid/a.jpg'>"}


SAVE = "nothing is loaded from elsewhere: save it, then open the file."
TEXT = "That is text, not a picture: drop or paste a picture or a .mae file."
NO_FILES = [("drop", LINK, SAVE), ("paste", {"text/html": LINK["text/html"]}, SAVE)]
NO_FILES += [("drop", {"text/plain": "hello"}, TEXT), ("paste", {"text/plain": "hello"}, TEXT)]


def test_what_is_no_file_is_answered_by_a_sentence(page: Page) -> None:
    before = page.url, page.evaluate(f"{ROOT}.dataset.picture")
    for type_, data, says in NO_FILES:
        prevented = page.evaluate(GIVE, [type_, data, "[data-part=stage]"])
        assert prevented or type_ == "paste"  # a drop that is not would take the page away
        assert said(page).endswith(says)
        page.click("[data-part=noticeClose]")
    assert (page.url, page.evaluate(f"{ROOT}.dataset.picture")) == before


def test_text_for_a_field_is_the_fields(page: Page) -> None:
    for type_ in ("paste", "dragover", "drop"):
        assert not page.evaluate(GIVE, [type_, {"text/plain": "0.5 bpp"}, "[data-part=target]"])
    assert not page.is_visible("[data-part=notices]")


def drop(page: Page, *paths: Path) -> None:
    """Drop files from the desktop on the picture, as the browser itself does it."""
    box = page.locator("[data-part=stage]").bounding_box()
    assert box
    devtools = page.context.new_cdp_session(page)
    data: dict[str, Any] = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for type_ in ("dragEnter", "dragOver", "drop"):
        at = {"type": type_, "x": box["x"] + 60, "y": box["y"] + 60, "data": data}
        devtools.send("Input.dispatchDragEvent", at)
    devtools.detach()


def test_a_folder_opens_its_pictures_and_names_the_rest(page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "album"
    (folder / "deeper").mkdir(parents=True)
    for name in ("b.png", "deeper/c.png", ".hidden.png"):
        (folder / name).write_bytes(picture(name))
    (folder / "a.png").write_bytes(b"not a picture, whatever its name says")
    (folder / "notes.txt").write_text("text")
    drop(page, folder)
    opened(page, "b.png")
    assert own(page) == ["b.png", "c.png"]


def test_right_files_among_wrong_ones_are_opened_and_the_wrong_ones_named(page: Page, tmp_path: Path) -> None:
    names = ["report.pdf", "empty.png", "one.png", "two.png"]
    for name in names:
        (tmp_path / name).write_bytes(b"" if name == "empty.png" else picture(name))
    drop(page, *(tmp_path / name for name in names))
    opened(page, "one.png")
    assert own(page) == ["one.png", "two.png"]
    assert said(page) == "“report.pdf” is no picture and “empty.png” is empty: they were left out."


def test_a_file_that_was_moved_since_it_was_chosen_is_told(page: Page, tmp_path: Path) -> None:
    (tmp_path / "moved.png").write_bytes(picture("moved.png"))
    page.evaluate(f"() => {{ {VIEWER}.transport.open = () => new Promise(() => {{}}); }}")  # it is still on its way
    page.set_input_files("[data-part=file]", tmp_path / "moved.png")
    page.wait_for_function(f"{VIEWER}.strip.own.length === 1")
    (tmp_path / "moved.png").unlink()
    page.click(".mae-own > button:first-child")
    assert said(page) == "“moved.png” cannot be read: it was moved or changed. Please choose it again."
    assert own(page) == []


def test_a_file_above_the_limit_is_refused_before_it_is_sent(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(f"() => {{ {VIEWER}.setup.maxUpload = 2 ** 20; }}")
    page.set_input_files("[data-part=file]", {"name": "huge.tif", "mimeType": "", "buffer": bytes(2**20 + 1)})
    assert said(page) == "“huge.tif” is larger than 1 MB: please send a smaller one."
    assert own(page) == [] and not [url for url in asked if "/api/open" in url]


# -- keyboards ---------------------------------------------------------------------------------------------------------

PRESS = """([key, code, held]) => {
  const event = (type) => new KeyboardEvent(type, { key, code, bubbles: true, cancelable: true, ...held });
  const stage = document.querySelector("[data-part=stage]");
  stage.dispatchEvent(event("keydown"));
  const during = stage.dataset.held;
  stage.dispatchEvent(event("keyup"));
  return [stage.dataset.mode, during, stage.dataset.held];
}"""


def test_letters_of_other_alphabets_work_by_their_place(page: Page) -> None:
    for key, code, mode in [
        ("и", "KeyB", "beside"),
        ("ק", "KeyR", "flip"),
        ("δ", "KeyD", "signed"),
        ("ы", "KeyS", "split"),
    ]:
        assert page.evaluate(PRESS, [key, code, {}])[0] == mode
    assert page.evaluate(PRESS, ["а", "KeyF", {}]) == ["split", "true", "false"]  # held, and let go
    assert page.evaluate(PRESS, ["a", "KeyQ", {}])[0] == "absolute"  # French: what is typed
    assert page.evaluate(PRESS, ["ß", "KeyS", {"modifierAltGraph": True}])[0] == "absolute"
    page.evaluate(PRESS, ["é", "Digit2", {}])
    assert page.evaluate(f"{VIEWER}.stage.scale") == 2


# -- a server that goes away -------------------------------------------------------------------------------------------


def test_a_server_that_goes_away_is_told_and_waited_for(page: Page) -> None:
    page.set_input_files("[data-part=file]", {"name": "mine.png", "mimeType": "", "buffer": picture("mine.png")})
    opened(page, "mine.png")
    page.keyboard.press("2")
    look = page.evaluate(f"{VIEWER}.stage.look")
    page.route(
        "**/api/**", lambda route: route.fulfill(status=502, content_type="text/html", body="<h1>Bad Gateway</h1>")
    )
    page.focus("[data-part=slider]")
    page.keyboard.press("PageUp")
    assert said(page) == "The server does not answer: is it still running? This page goes on by itself once it does."
    lmbda = wanted(page)
    page.unroute("**/api/**")
    # Another server is there now, which knows nothing of the picture.
    token = page.evaluate(f"{ROOT}.dataset.picture")
    page.route(f"**/api/*/{token}**", lambda route: route.fulfill(status=410, json={"error": "gone"}))
    page.route(f"**/api/open?*picture={token}*", lambda route: route.fulfill(status=410, json={"error": "gone"}))
    page.wait_for_function(f"{ROOT}.dataset.picture !== {token!r}")
    opened(page, "mine.png")
    assert not page.is_visible("[data-part=notices]")
    assert (wanted(page), page.evaluate(f"{VIEWER}.stage.look")) == (lmbda, look)
    assert settle(page)["lmbda"] == pytest.approx(lmbda, rel=1e-4)


def test_what_fails_for_a_moment_is_asked_for_again(page: Page) -> None:
    failed: list[str] = []

    def fail(route: Any) -> None:
        failed.append(route.request.url.split("/")[4])
        route.fulfill(status=503, json={"error": "Come back."}, headers={"Retry-After": "1"})

    for kind in ("numbers", "points"):
        page.route(f"**/api/{kind}/**", fail, times=1)
    page.click("[data-sample=houses]")
    opened(page, "houses")
    page.focus("[data-part=slider]")
    page.keyboard.press("ArrowRight")  # to a λ that was not measured beforehand
    settle(page)
    page.wait_for_function(f"{VIEWER}.panel.curves.of('model').done && {VIEWER}.panel.curves.of('jpeg').done")
    assert sorted(failed) == ["numbers", "points"]
    assert not page.is_visible("[data-part=notices]")


# -- no canvas is too large --------------------------------------------------------------------------------------------

CANVASES = """() => {
  window.largest = 0;
  const note = (width, height) => (window.largest = Math.max(window.largest, width * height));
  for (const name of ["width", "height"]) {
    const { get, set } = Object.getOwnPropertyDescriptor(HTMLCanvasElement.prototype, name);
    Object.defineProperty(HTMLCanvasElement.prototype, name, {
      get,
      set(value) {
        set.call(this, value);
        note(this.width, this.height);
      },
    });
  }
  window.OffscreenCanvas = class extends OffscreenCanvas {
    constructor(width, height) {
      super(width, height);
      note(width, height);
    }
  };
}"""
MULTIPLES = """async () => {
  const { Multiples } = await import("/viewer/inside/shared/multiples.js");
  const box = document.body.appendChild(document.createElement("div"));
  const shown = new Multiples(box, {});
  const [channels, width, height] = [192, 375, 250];
  const order = Array.from({ length: channels }, (_, i) => i);
  shown.show({
    values: new Float32Array(channels * width * height), width, height, order,
    scale: () => ({ table: new Uint32Array(256), low: 0, high: 1, over: 0 }), label: (channel) => [String(channel), ""],
  });
  const size = [shown.atlas.width, shown.atlas.height];
  shown.destroy();
  box.remove();
  return size;
}"""


def test_no_canvas_of_24_megapixels_is_above_what_safari_shows(browser: Browser, address: str) -> None:
    whole = Image.fromarray(smooth_picture(400, 600)).resize((6000, 4000))
    file = io.BytesIO()
    whole.save(file, "JPEG", quality=85)
    context = browser.new_context(viewport={"width": 1280, "height": 720}, device_scale_factor=2)
    context.add_init_script(f"({CANVASES})()")
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(address)
    page.wait_for_selector(".mae[data-state=ready][data-lmbda]")
    page.evaluate(f"() => {{ {VIEWER}.large.rest = () => {{}}; }}")  # what fills in is no larger, and takes long
    page.set_input_files("[data-part=file]", {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()})
    page.wait_for_function(f"{VIEWER}.picture.name === 'p.jpg' && {ROOT}.dataset.state === 'ready'")
    for key in ("b", "d", "1", "s"):  # zoomed out in all modes, then at 1:1
        page.keyboard.press(key)
        shown = f"{VIEWER}.large.shown !== null && {VIEWER}.stage.layers.reduce === {VIEWER}.stage.reduce"
        page.wait_for_function(f"{shown} && !{VIEWER}.stage.layers.original.cells.lacking({VIEWER}.stage.sight, 1)")
        page.evaluate(f"{VIEWER}.stage.draw()")
    page.keyboard.press("b")
    with page.expect_download() as kept:
        page.click(".mae-exports summary")
        page.click(".mae-export:has-text('Picture as shown') button")
    with Image.open(kept.value.path()) as image:
        assert image.size == tuple(page.evaluate(f"[{STAGE_SIZE}]"))
    # 14 × 14 maps of means: 192 of 375 × 250 elements would be 18 million.
    assert page.evaluate(MULTIPLES) == [14 * 188, 14 * 125]
    assert 2**20 < page.evaluate("window.largest") <= 2**24
    context.close()


# -- what a browser may deny -------------------------------------------------------------------------------------------

DENY = """() => {
  const deny = () => {
    throw new DOMException("denied", "SecurityError");
  };
  const stores = ["localStorage", "sessionStorage", "indexedDB"];
  for (const name of stores) Object.defineProperty(window, name, { get: deny });
  const writeText = () => Promise.reject(new DOMException("denied", "NotAllowedError"));
  Object.defineProperty(navigator, "clipboard", { value: { writeText } });
  for (const name of ["popover", "showPopover", "hidePopover"]) delete HTMLElement.prototype[name];
}"""


def test_the_page_does_without_storage_clipboard_and_popovers(browser: Browser, address: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.add_init_script(f"({DENY})()")
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.goto(address)
    page.wait_for_selector(".mae[data-state=ready][data-lmbda]")
    page.click("[data-part=copyLink]")
    assert said(page).startswith(f"This browser does not let a page copy: here is the link. {address}")
    assert not page.is_visible(".mae-tip")
    page.click("[data-part=noticeClose]")
    page.hover(".mae-numbers .mae-term >> nth=0")
    page.wait_for_selector(".mae-tip", state="visible")
    page.keyboard.press("Escape")
    page.wait_for_selector(".mae-tip", state="hidden")
    context.close()
    assert not failures
