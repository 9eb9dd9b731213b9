"""A large picture in a real browser: a window follows λ, the rest comes when λ rests, nothing passes for another."""

from __future__ import annotations

import io
import json
import urllib.request
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browser import ROOT, canvas_pixels, painted, settle
from conftest import sample_paths
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZE = 1792, 1152  # width and height: two megapixels, and no multiple of the tiles' 256
LARGE = f"{ROOT}.viewer.large"
STAGE = f"{ROOT}.viewer.stage"
SLIDER = "[data-part=slider]"


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A photograph of 2 megapixels: samples side by side, twice as large."""
    whole = Image.new("RGB", SIZE)
    for i, path in enumerate(sample_paths()[:4]):
        tile = Image.open(path).convert("RGB").resize((SIZE[0] // 2, SIZE[1] // 2))
        whole.paste(tile, (i % 2 * SIZE[0] // 2, i // 2 * SIZE[1] // 2))
    return np.asarray(whole)[:-37, :-51]


@pytest.fixture
def large(page: Page, picture: np.ndarray) -> Page:
    """The app with the large picture open and at rest."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=1)
    page.set_input_files("[data-part=file]", {"name": "large.png", "mimeType": "image/png", "buffer": file.getvalue()})
    page.wait_for_function(f"{ROOT}.viewer.picture.large && {ROOT}.dataset.state === 'ready'")
    whole(page)
    return page


def whole(page: Page) -> None:
    page.wait_for_function(f"{LARGE}.isWhole && !{ROOT}.viewer.coming && !{STAGE}.drawing")


def sheet(page: Page, name: str) -> tuple[np.ndarray, dict[str, int], int]:
    """A layer's pixels, the rectangle that they are of, and how much they are reduced."""
    layer = f"{STAGE}.layers.{name}"
    rect, reduce = page.evaluate(f"[{layer}.rect, {layer}.reduce]")
    return canvas_pixels(page, f"{layer}.canvas")[..., :3], rect, reduce


def reduced(pixels: np.ndarray, factor: int) -> np.ndarray:
    """The mean of each factor×factor pixels, rounded half up, without blocks that the edge cuts."""
    height, width = (length // factor * factor for length in pixels.shape[:2])
    blocks = pixels[:height, :width].reshape(height // factor, factor, width // factor, factor, 3)
    return np.floor(blocks.mean(axis=(1, 3)) + 0.5).astype(np.uint8)


def part_of(pixels: np.ndarray, rect: dict[str, int]) -> np.ndarray:
    return pixels[rect["y"] : rect["y"] + rect["height"], rect["x"] : rect["x"] + rect["width"]]


def saved(page: Page, address: str, lmbda: float) -> np.ndarray:
    """The whole reconstruction, as the app saves it."""
    token = page.evaluate(f"{ROOT}.dataset.picture")
    with urllib.request.urlopen(f"{address}/api/file/{token}?lmbda={lmbda}&kind=png") as answer:
        return np.asarray(Image.open(io.BytesIO(answer.read())))


def assert_shows(page: Page, picture: np.ndarray, decoded: np.ndarray) -> None:
    """What is in sight is the original and the reconstruction, to the last pixel."""
    sight, reduce = page.evaluate(f"[{STAGE}.sight, {STAGE}.reduce]")
    for name, expected in (("original", picture), ("frame", decoded)):
        pixels, rect, factor = sheet(page, name)
        assert factor == reduce
        wanted = reduced(part_of(expected, sight), reduce)
        top, left = (sight["y"] - rect["y"]) // reduce, (sight["x"] - rect["x"]) // reduce
        np.testing.assert_array_equal(pixels[top : top + wanted.shape[0], left : left + wanted.shape[1]], wanted)


def test_what_is_in_sight_is_exact_at_fit_and_at_one_to_one(large: Page, address: str, picture: np.ndarray) -> None:
    decoded = saved(large, address, large.evaluate(f"{ROOT}.viewer.shown.header.lmbda"))
    assert large.evaluate(f"{STAGE}.reduce") == 2
    assert_shows(large, picture, decoded)
    large.keyboard.press("1")
    whole(large)
    assert large.evaluate(f"{STAGE}.reduce") == 1
    assert_shows(large, picture, decoded)
    large.focus("[data-part=stage]")
    for _ in range(6):
        large.keyboard.press("ArrowRight")
    whole(large)
    assert_shows(large, picture, decoded)


def test_while_lambda_moves_a_window_is_live_and_the_rest_says_its_lambda(
    large: Page, address: str, picture: np.ndarray
) -> None:
    large.evaluate(f"{LARGE}.pace = 4_000_000")
    before = large.evaluate(f"{ROOT}.viewer.wanted")
    large.evaluate(f"{LARGE}.rest = () => {{}}")  # λ never rests
    large.focus(SLIDER)
    large.keyboard.press("PageUp")
    large.wait_for_function(f"{ROOT}.viewer.isSettled() && !{ROOT}.viewer.coming")
    window, lmbda = large.evaluate(f"[{LARGE}.window, {ROOT}.viewer.shown.header.lmbda]")
    assert (window["width"] + 512) * (window["height"] + 512) <= 800_000
    assert large.inner_text("[data-part=rightTag]") == large.inner_text("[data-part=windowHandle]").removeprefix(
        "Live, "
    )
    assert large.inner_text("[data-part=veiled]") == f"Dimmed: still λ {before:.4g}"
    assert large.is_visible("[data-part=window]")
    pixels, rect, reduce = sheet(large, "frame")
    expected = reduced(part_of(saved(large, address, lmbda), window), reduce)
    top, left = (window["y"] - rect["y"]) // reduce, (window["x"] - rect["x"]) // reduce
    np.testing.assert_array_equal(pixels[top : top + expected.shape[0], left : left + expected.shape[1]], expected)
    assert large.get_attribute(".mae", "data-pending") is not None
    large.evaluate(f"delete {LARGE}.rest; {LARGE}.rest()")
    whole(large)
    assert large.inner_text("[data-part=veiled]") == ""
    assert_shows(large, picture, saved(large, address, lmbda))
    settle(large)
    token = large.evaluate(f"{ROOT}.dataset.picture")
    with urllib.request.urlopen(f"{address}/api/numbers/{token}?lmbda={lmbda}") as answer:
        point = json.load(answer)["point"]
    assert large.inner_text("[data-number=psnr]") == f"{point['psnr']:.2f}"
    assert large.inner_text("[data-number=bytes]") == f"{point['bytes']:,}"


def test_dimmed_pixels_are_dimmed_on_the_screen(large: Page) -> None:
    large.keyboard.press("r")  # the model's picture alone
    whole(large)
    screen = "document.querySelector('[data-part=left]')"
    before = canvas_pixels(large, screen).astype(int)
    after = canvas_pixels(large, f"({STAGE}.current = 3, {STAGE}.draw(), {screen})").astype(int)  # before a repaint
    inside = before[..., 3] == 255
    ground = large.evaluate(f"getComputedStyle({STAGE}.parts.stage).backgroundColor.match(/[0-9]+/g).map(Number)")
    expected = 0.38 * before[inside][:, :3] + 0.62 * np.array(ground)
    np.testing.assert_allclose(after[inside][:, :3], expected, atol=2)


def test_the_window_is_moved_by_pointer_and_keys(large: Page) -> None:
    large.evaluate(f"{LARGE}.pace = 4_000_000")
    large.focus(SLIDER)
    large.keyboard.press("ArrowRight")
    whole(large)
    window = f"{LARGE}.window"
    before = large.evaluate(window)
    large.focus("[data-part=windowHandle]")
    large.keyboard.press("ArrowUp")
    assert large.evaluate(window) == before | {"y": before["y"] - 256}
    painted(large)  # the handle is there, too
    handle = large.locator("[data-part=windowHandle]").bounding_box()
    assert handle
    scale = large.evaluate(f"{STAGE}.view.k")
    large.mouse.move(handle["x"] + 10, handle["y"] + 10)
    large.mouse.down()
    large.mouse.move(handle["x"] + 10 - 256 * scale, handle["y"] + 10 + 256 * scale, steps=4)
    large.mouse.up()
    assert large.evaluate(window) == before | {"x": before["x"] - 256}
    large.focus(SLIDER)
    large.keyboard.press("ArrowRight")
    whole(large)
    assert large.evaluate(window) == before | {"x": before["x"] - 256}  # it stays where it was put


def test_differences_and_readings_are_of_what_is_in_sight(large: Page, address: str, picture: np.ndarray) -> None:
    large.keyboard.press("1")
    large.keyboard.press("d")
    whole(large)
    decoded = saved(large, address, large.evaluate(f"{ROOT}.viewer.shown.header.lmbda"))
    sight = large.evaluate(f"{STAGE}.sight")
    pixels, rect, _ = sheet(large, "difference")
    top, left = sight["y"] - rect["y"], sight["x"] - rect["x"]
    gain = int(large.input_value("[data-part=gain]"))
    difference = part_of(decoded, sight).astype(int) - part_of(picture, sight)
    expected = (128 + gain * difference).clip(0, 255)
    np.testing.assert_array_equal(pixels[top : top + sight["height"], left : left + sight["width"]], expected)
    stage = large.locator("[data-part=stage]").bounding_box()
    assert stage
    large.mouse.move(stage["x"] + 200, stage["y"] + 150)
    place = large.inner_text("[data-part=probe] span span").strip("()").split(", ")
    x, y = map(int, place)
    assert large.inner_text("[data-probe=original]") == " ".join(map(str, picture[y, x]))
    assert large.inner_text("[data-probe=decoded]") == " ".join(map(str, decoded[y, x]))


def test_another_codec_stands_beside_a_large_picture(large: Page) -> None:
    sent: list[Any] = []
    large.on("response", lambda response: "/api/rival/" in response.url and sent.append(response))
    large.evaluate(f"{ROOT}.viewer.comparison.choose({{ codec: 'jpeg', by: 'fixed', setting: 40 }})")
    large.wait_for_function(f"{ROOT}.viewer.comparison.shown && {STAGE}.layers.reference && !{ROOT}.viewer.coming")
    assert len(sent[0].body()) < 3 * SIZE[0] * SIZE[1] / 3  # reduced
    assert large.evaluate(f"{STAGE}.layers.sides[0] === {STAGE}.layers.reference")
    held: list[Any] = []
    large.route("**/api/rival/**", lambda route: held.append(route))
    with large.expect_request("**/api/rival/**"):
        large.keyboard.press("1")
    assert large.inner_text("[data-part=leftTag]").startswith("Original · finding JPEG")
    held.pop().continue_()
    large.unroute("**/api/rival/**")
    whole(large)
    large.wait_for_function(f"{STAGE}.layers.reference?.reduce === 1 && !{ROOT}.viewer.coming")
    assert large.inner_text("[data-part=leftTag]").startswith("JPEG")


def test_views_of_the_inside_are_of_the_lambda_at_rest_or_say_that_they_wait(large: Page) -> None:
    large.click("[data-tab=channels]")
    waits = "[data-panel=channels][data-waiting=true]"
    large.wait_for_selector(waits, state="detached")
    assert large.evaluate(f"{STAGE}.layers.map !== null")
    large.evaluate(f"{LARGE}.rest = () => {{}}")  # λ never rests
    large.focus(SLIDER)
    large.keyboard.press("ArrowRight")
    large.wait_for_selector(waits)
    assert large.evaluate(f"{STAGE}.layers.map === null")
    large.evaluate(f"delete {LARGE}.rest; {LARGE}.rest()")
    large.wait_for_selector(waits, state="detached")
    assert large.evaluate(f"{STAGE}.layers.map !== null")
    large.evaluate(f"{ROOT}.viewer.inside.edits.set(0, 0)")
    assert "pictures of up to a megapixel" in large.inner_text("[data-panel=channels]")
    assert large.is_disabled(".mae-keep input")
    assert "pictures of up to a megapixel" in large.text_content("[data-panel=bits]")
    assert "without" not in large.inner_text("[data-part=rightTag]")
