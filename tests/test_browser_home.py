"""One's own pictures, received files and targets in a real browser."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browser import ROOT, canvas_pixels, settle, wanted
from conftest import smooth_picture
from PIL import Image

import explorer

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


def looked_at(page: Page, count: int) -> None:
    """Wait until so many of one's own pictures have a thumbnail, and with it their size."""
    page.wait_for_function(f"document.querySelectorAll('.mae-own img[src^=data]').length === {count}")


def thumbnail(page: Page, name: str) -> Any:
    return page.locator(f".mae-own > button[aria-label^='{name}']")


# -- one's own pictures ----------------------------------------------------------------------------------------------


def test_several_pictures_stay_beside_the_samples_with_name_size_and_bytes(page: Page) -> None:
    files = [picture("beach.jpg"), picture("turned.jpg", orientation=TURNED), picture("scan.tiff")]
    give(page, *files)
    opened(page, "beach.jpg")
    sizes = [f"{len(data):,} bytes" for _, data in files]
    about = ["beach.jpg · 200 × 120 pixels · " + sizes[0], "turned.jpg · 120 × 200 pixels · " + sizes[1]]
    looked_at(page, 2)
    assert thumbnails(page) == [*about, f"scan.tiff · {sizes[2]}"]  # which this browser cannot read
    assert thumbnail(page, "beach.jpg").get_attribute("title") == about[0]
    thumbnail(page, "scan.tiff").click()
    opened(page, "scan.tiff")
    looked_at(page, 3)
    assert thumbnails(page)[2] == f"scan.tiff · 200 × 120 pixels · {sizes[2]}"
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
  transport.frame = (...query) => released.then(() => frame(...query));
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
    chosen = {
        "lambda": 700,
        "view": "channels",
        "channel": 3,
        "mode": "beside",
        "box": "200,150,2",
        "compare": "jpeg:rate",
    }
    assert page.evaluate(f"(chosen) => {VIEWER}.state.apply(chosen)", chosen) == []
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


# -- received files --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def file() -> Given:
    """A .mae file of a small picture at λ = 700, by another model than the one that the app starts with."""
    pixels = smooth_picture(176, 240)
    return "photo.mae", explorer.load_model("mae-hyperprior", device="cpu").encode(pixels, 700)


def test_a_received_file_is_shown_without_an_original(page: Page, file: Given) -> None:
    give(page, file)
    opened(page, "photo.mae")
    decoded = explorer.receive(file[1], device="cpu")
    shown = canvas_pixels(page, f"{VIEWER}.stage.layers.frame.canvas")[..., :3]
    np.testing.assert_array_equal(shown, decoded.reconstruct())
    looked_at(page, 1)
    assert thumbnails(page) == [f"photo.mae · 240 × 176 pixels · {len(file[1]):,} bytes"]
    assert page.evaluate(f"{VIEWER}.model") == "mae-hyperprior"
    assert page.inner_text("[data-part=lambda]") == "700" and page.is_disabled("[data-part=slider]")
    assert page.is_disabled("[data-part=target]")
    assert "sender chose" in page.inner_text("[data-part=ticks]")
    assert page.inner_text("[data-number=bytes]") == f"{len(file[1]):,}"
    assert page.inner_text("[data-number=psnr]") == page.inner_text("[data-number=ms_ssim]") == "–"
    assert "without the original" in page.get_attribute("[data-number=psnr]", "title")
    modes = "[...document.querySelectorAll('[name^=mae-mode]:enabled')].map((each) => each.value)"
    assert page.evaluate(modes) == ["flip"]
    page.keyboard.press("s")
    page.keyboard.down("f")
    assert page.inner_text("[data-part=leftTag]") == "λ 700", "there is nothing else to show"
    page.keyboard.up("f")
    assert page.is_disabled("[data-part=reference]")


def test_every_tab_of_a_received_file_shows_what_there_is_or_why_not(page: Page, file: Given) -> None:
    give(page, file)
    opened(page, "photo.mae")
    page.evaluate(f"{VIEWER}.state.apply({{ sort: 'spread', values: 'before', where: 'worth', feature: 'a1.mod' }})")
    for tab in ("rd", "ratio"):
        page.evaluate(f"{VIEWER}.inside.setTab({tab!r})")
        settle(page)
        section = page.locator(f"[data-panel={tab}]")
        assert section.inner_text() == page.evaluate(f"{VIEWER}.picture.missing"), "the reason and nothing else"
    for tab in ("channels", "modulation", "bits"):
        page.evaluate(f"{VIEWER}.inside.setTab({tab!r})")
        settle(page)
        page.wait_for_function(f"{VIEWER}.stage.layers.map")
    assert page.input_value("[data-state=values]") == "after" and page.input_value("[data-state=where]") == "bits"
    assert page.input_value("[data-state=feature]") == "s0.igdn"
    bits = explorer.receive(file[1], device="cpu").code().total_bits
    assert f"half of the {round(bits):,} bits" in page.inner_text("[data-panel=bits]")
    page.evaluate(f"{VIEWER}.state.apply({{ view: 'channels', edit: '0=0', pins: '2-3', element: '4-5' }})")
    settle(page)
    edited = explorer.receive(file[1], device="cpu").edit(None, {0: 0}).pixels
    np.testing.assert_array_equal(canvas_pixels(page, f"{VIEWER}.stage.layers.frame.canvas")[..., :3], edited)
    heads = "[...document.querySelectorAll('.mae-pins thead th:not([hidden])')].map((each) => each.innerText)"
    signs = ["x̂", "ŷ", "μ", "σ", "q", "p", "bits", "Σ bits"]  # neither x nor y
    assert page.evaluate(heads) == ["pins, channel 0", *signs]


def test_after_a_received_file_all_is_as_it_was_and_its_model_is_its_own(page: Page, file: Given) -> None:
    model = page.evaluate(f"{VIEWER}.model")
    page.keyboard.press("b")
    give(page, file)
    opened(page, "photo.mae")
    page.evaluate(f"{VIEWER}.setModel({model!r})")
    page.wait_for_selector("[data-part=notice]:not(:empty)")
    page.wait_for_function(
        "document.querySelector('[data-part=notice]').textContent.includes('no other model can read it')"
    )
    assert page.evaluate(f"[{VIEWER}.model, {VIEWER}.picture.name]") == ["mae-hyperprior", "photo.mae"]
    page.click("[data-sample=houses]")
    opened(page, "houses")
    assert page.evaluate(f"[{VIEWER}.model, {VIEWER}.stage.mode]") == [model, "beside"]
    assert not page.is_disabled("[data-part=reference]") and "." in page.inner_text("[data-number=psnr]")


def test_a_damaged_file_is_one_sentence(page: Page, file: Given) -> None:
    give(page, (file[0], file[1][:-1] + bytes([file[1][-1] ^ 1])))
    page.wait_for_selector("[data-part=notice]:not(:empty)")
    assert "damaged" in page.inner_text("[data-part=notice]") and thumbnails(page) == []


# -- targets and files of rivals -------------------------------------------------------------------------------------


def reach(page: Page, text: str) -> None:
    page.keyboard.press("t")
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_a_target_is_reached_and_what_is_beyond_reach_is_said(page: Page) -> None:
    session = explorer.Session(explorer.load_model("mae", device="cpu"), explorer.samples()["parrots"])
    reach(page, "700")
    page.wait_for_function(f"{VIEWER}.wanted === 700")
    for text, target in (("0.5 bpp", {"bpp": 0.5}), ("20 kB", {"bytes": 20_000}), ("33 dB", {"psnr": 33})):
        page.keyboard.press("Escape")
        reach(page, text)
        expected = session.solve(**target)
        page.wait_for_function(f"{VIEWER}.wanted === {expected}")
        assert page.input_value("[data-part=target]") == "" and page.inner_text("[data-part=doing]") == ""
    for text, sentence in (("1 kB", "No λ"), ("1 GB", "is no target"), ("9000", "λ must lie between 64 and 4096")):
        page.fill("[data-part=target]", text)
        page.press("[data-part=target]", "Enter")
        page.wait_for_function(f"document.querySelector('[data-part=notice]').textContent.includes({sentence!r})")
        assert wanted(page) == expected


def test_the_file_of_the_compared_codec_can_be_kept(page: Page) -> None:
    page.select_option("[data-part=reference]", "jpeg")
    page.wait_for_function(f"{VIEWER}.comparison.shown && !{VIEWER}.comparison.pending")
    header = page.evaluate(f"{VIEWER}.comparison.shown.header")
    page.click("[data-part=exports] > summary")
    with page.expect_download() as saved:
        page.click("[aria-label='JPEG 4:2:0 file: .jpg']")
    assert saved.value.suggested_filename == f"parrots-jpeg-quality{header['setting']}.jpg"
    data = saved.value.path().read_bytes()
    assert len(data) == header["point"]["bytes"]
    with Image.open(io.BytesIO(data)) as image:
        kept = np.asarray(image)
    np.testing.assert_array_equal(kept, canvas_pixels(page, f"{VIEWER}.stage.layers.reference.canvas")[..., :3])


# -- the quiz --------------------------------------------------------------------------------------------------------


def test_the_quiz_draws_from_ones_own_pictures_and_shows_the_middle_of_a_large_one(page: Page, file: Given) -> None:
    page.click("[data-part=quizOpen]")
    assert page.is_visible("[data-quiz=opponent]") and not page.is_visible("[data-quiz=pictures]")  # there are none yet
    page.click("[data-quiz=close]")
    height, width = 1040, 1600
    mine = picture("mine.png", height, width)
    give(page, mine, file, ("notes.jpg", b"not a picture"))
    opened(page, "mine.png")
    page.click("[data-part=quizOpen]")
    page.select_option("[data-quiz=opponent]", "jpeg")
    page.select_option("[data-quiz=pictures]", "own")
    page.click("[data-quiz=start]")
    page.wait_for_selector("[data-screen=ask]", timeout=240_000)
    quiz = f"{VIEWER}.quiz"
    assert page.evaluate(f"{quiz}.rounds[0].name") == "mine.png"
    page.keyboard.down("o")
    with Image.open(io.BytesIO(mine[1])) as image:
        middle = np.asarray(image)[8 : 8 + 1024, 32 : 32 + 1536]
    original = canvas_pixels(page, f"{quiz}.stage.layers.sides[0].canvas")[..., :3]
    np.testing.assert_array_equal(original, middle)
    page.keyboard.up("o")
    # Both are of the same place: at eight pixels from it the correlation is 0.4, here 0.77 and more at whatever rate.
    for side in (0, 1):
        shown = canvas_pixels(page, f"{quiz}.stage.layers.sides[{side}].canvas")[..., :3]
        assert shown.shape == middle.shape and np.corrcoef(shown.ravel(), middle.ravel())[0, 1] > 0.7
