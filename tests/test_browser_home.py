"""One's own pictures, received files and targets in a real browser."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from browser import ROOT, canvas_pixels, settle
from conftest import smooth_picture
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

VIEWER = f"{ROOT}.viewer"
TURNED = 6  # EXIF: what is stored lies on its side
Given = tuple[str, bytes]


def picture(name: str, height: int = 120, width: int = 200, orientation: int | None = None) -> Given:
    """A file of a smooth picture, by its name's ending."""
    exif = Image.Exif()
    if orientation:
        exif[0x112] = orientation
    file = io.BytesIO()
    Image.fromarray(smooth_picture(height, width, seed=len(name))).save(
        file, {"jpg": "JPEG", "png": "PNG", "tiff": "TIFF"}[name.split(".")[-1]], exif=exif
    )
    return name, file.getvalue()


def give(page: Page, *files: Given) -> None:
    """Choose files in the dialog of the browser."""
    page.set_input_files("[data-part=file]", [{"name": n, "mimeType": "", "buffer": data} for n, data in files])


def opened(page: Page, name: str) -> None:
    page.wait_for_function(f"{VIEWER}.picture.name === {name!r} && {ROOT}.dataset.state === 'ready'")
    settle(page)


def thumbnails(page: Page) -> list[str]:
    """What is said of each of one's own pictures, from the left."""
    return page.evaluate(
        "[...document.querySelectorAll('.mae-own > button:first-child')].map((each) => each.ariaLabel)"
    )


def thumbnail(page: Page, name: str) -> Any:
    return page.locator(f".mae-own > button[aria-label^='{name}']")


# -- one's own pictures ----------------------------------------------------------------------------------------------


def test_several_pictures_stay_beside_the_samples_with_name_size_and_bytes(page: Page) -> None:
    files = [picture("beach.jpg"), picture("turned.jpg", orientation=TURNED), picture("scan.tiff")]
    give(page, *files)
    opened(page, "beach.jpg")
    sizes = [f"{len(data):,} bytes" for _, data in files]
    about = ["beach.jpg · 200 × 120 pixels · " + sizes[0], "turned.jpg · 120 × 200 pixels · " + sizes[1]]
    page.wait_for_function("document.querySelectorAll('.mae-own img[src^=data]').length === 2")
    assert thumbnails(page) == [*about, f"scan.tiff · {sizes[2]}"]  # which this browser cannot read
    assert thumbnail(page, "beach.jpg").get_attribute("title") == about[0]
    thumbnail(page, "scan.tiff").click()
    opened(page, "scan.tiff")
    assert thumbnails(page)[2] == f"scan.tiff · 200 × 120 pixels · {sizes[2]}"
    assert page.locator(".mae-own img[src^=data]").count() == 3
    assert thumbnail(page, "scan.tiff").get_attribute("aria-pressed") == "true"
    page.click("[data-sample=parrots]")
    opened(page, "parrots")
    assert len(thumbnails(page)) == 3


DROP = """(files) => {
  const data = new DataTransfer();
  for (const [name, bytes] of files) data.items.add(new File([new Uint8Array(bytes)], name, { lastModified: 1 }));
  const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
  document.querySelector("[data-part=stage]").dispatchEvent(drop);
}"""


def test_files_that_are_dropped_together_come_once(page: Page) -> None:
    files = [(name, list(data)) for name, data in (picture("one.png"), picture("two.png"))]
    for _ in range(2):
        page.evaluate(DROP, files)
        opened(page, "one.png")
        assert [about.split(" ")[0] for about in thumbnails(page)] == ["one.png", "two.png"]


HOLD_FRAMES = f"""() => {{
  const {{ transport }} = {VIEWER}, {{ frame }} = transport;
  const released = new Promise((resolve) => (window.release = resolve));
  transport.frame = (...wish) => released.then(() => frame(...wish));
}}"""


def test_the_original_is_there_at_once_upright_and_it_is_said_what_is_done(page: Page) -> None:
    page.evaluate(HOLD_FRAMES)
    name, data = picture("turned.jpg", 300, 500, TURNED)
    give(page, (name, data))
    page.wait_for_function("document.querySelector('[data-part=doing]').textContent === 'Coding at λ = 256 …'")
    page.wait_for_selector("[data-part=preview]:not([hidden])")
    assert not page.is_visible("[data-number=psnr]") and not page.is_visible(".mae-plot-box"), (
        "those of another picture"
    )
    seen = canvas_pixels(page, "document.querySelector('[data-part=preview] canvas')")
    drawn = np.argwhere(seen[..., 3] == 255)
    (top, left), (bottom, right) = drawn.min(axis=0), drawn.max(axis=0) + 1
    with Image.open(io.BytesIO(data)) as image:
        upright = image.transpose(Image.Transpose.ROTATE_270).resize((right - left, bottom - top))
    difference = seen[top:bottom, left:right, :3].astype(int) - np.asarray(upright)
    assert np.abs(difference).mean() < 4
    page.evaluate("window.release()")
    opened(page, name)
    assert not page.is_visible("[data-part=preview]") and page.inner_text("[data-part=doing]") == ""
    assert page.is_visible("[data-number=psnr]")


def test_a_file_that_is_no_picture_loses_nothing_and_does_not_stay(page: Page) -> None:
    before = page.evaluate(f"{ROOT}.dataset.picture")
    give(page, ("notes.jpg", b"not a picture"))
    page.wait_for_selector("[data-part=notice]:not(:empty)")
    assert page.evaluate(f"{ROOT}.dataset.picture") == before and thumbnails(page) == []
    assert page.is_visible("[data-number=psnr]") and page.inner_text("[data-part=doing]") == ""


def test_a_picture_can_be_removed_by_pointer_and_by_key(page: Page) -> None:
    give(page, picture("one.png"), picture("two.png"))
    opened(page, "one.png")
    thumbnail(page, "two.png").hover()
    page.click("[aria-label='Remove two.png']")
    assert [about.split(" ")[0] for about in thumbnails(page)] == ["one.png"]
    thumbnail(page, "one.png").press("Delete")  # the one that is shown
    opened(page, "parrots")
    assert thumbnails(page) == []


def test_closing_a_lesson_brings_back_what_was_there(page: Page) -> None:
    give(page, picture("mine.png", 300, 400))
    opened(page, "mine.png")
    wish = {
        "lambda": 700,
        "view": "channels",
        "channel": 3,
        "mode": "beside",
        "box": "200,150,2",
        "compare": "jpeg:rate",
    }
    assert page.evaluate(f"(wish) => {VIEWER}.state.apply(wish)", wish) == []
    settle(page)
    before = page.evaluate(f"{VIEWER}.state.read()")
    for place in ("lambda.1", "lambda.2"):
        page.evaluate(f"(place) => {VIEWER}.lessons.go(place)", place)
        opened(page, "lighthouse")
    page.click("[data-part=lessonClose]")
    opened(page, "mine.png")
    assert page.evaluate(f"{VIEWER}.state.read()") == before
    page.evaluate(f"{VIEWER}.lessons.go('lambda.1')")
    opened(page, "lighthouse")
    page.click("[data-sample=hibiscus]")  # who opens a picture in a lesson stays with it
    opened(page, "hibiscus")
    page.click("[data-part=lessonClose]")
    settle(page)
    assert page.evaluate(f"{VIEWER}.picture.name") == "hibiscus"


def test_a_picture_that_the_server_let_go_of_is_sent_again(page: Page) -> None:
    give(page, picture("mine.png"))
    opened(page, "mine.png")
    first = page.evaluate(f"{ROOT}.dataset.picture")
    page.click("[data-sample=houses]")
    opened(page, "houses")
    gone = {"status": 410, "json": {"error": "gone"}}
    page.route("**/api/open?*picture=*", lambda route: route.fulfill(**gone), times=1)
    thumbnail(page, "mine.png").click()
    opened(page, "mine.png")
    assert page.evaluate(f"{ROOT}.dataset.picture") != first
    assert page.inner_text("[data-part=notice]") == ""
