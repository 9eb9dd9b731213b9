"""The app in a real browser: what a visitor sees and does. Figures are printed (pytest -s), correctness is asserted."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browser import ROOT, canvas_pixels, compare_with, decoded, drag_lambda, matched, open_app, painted, settle, wanted

from explorer.images import to_png

if TYPE_CHECKING:
    from playwright.sync_api import Page


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def send(page: Page, name: str, data: bytes) -> None:
    page.set_input_files("[data-part=file]", {"name": name, "mimeType": "image/png", "buffer": data})


def test_opens_with_a_reconstruction_its_numbers_and_a_plot(page: Page) -> None:
    assert "λ" in page.get_attribute("[data-part=slider]", "aria-valuetext")
    assert "bits per pixel" in page.get_attribute("[data-part=slider]", "aria-valuetext")
    for number in ("bpp", "bytes", "psnr", "ms_ssim", "ratio"):
        assert any(map(str.isdigit, page.inner_text(f"[data-number={number}]")))
    page.wait_for_function("/JPEG 4:2:0.*JPEG 2000/s.test(document.querySelector('[data-part=legend]').innerText)")
    enough = f"{ROOT}.viewer.panel.plot.data.every((trace) => trace.x.length >= 3)"
    page.wait_for_function(enough, timeout=120_000)
    page.wait_for_selector(".mae-plot .scatterlayer .trace path.point")


def test_drag_paints_distinct_frames_and_ends_on_the_last_lambda(page: Page) -> None:
    seen, _ = drag_lambda(page, "drag")
    assert len({frame["lmbda"] for frame in seen}) >= 3
    for frame in seen:  # picture, numbers and plot never disagree
        assert frame["plotted"] == frame["shown"]
        assert frame["bpp"].removeprefix("≈ ") == f"{frame['shown']:.3f}"
        assert "At" not in frame["verdict"] or f"At {frame['shown']:.2f}" in frame["verdict"]
        assert not frame["bpp"].startswith("≈") or frame["verdict"].startswith("≈") or "At" not in frame["verdict"]
        assert abs(float(frame["tag"].removeprefix("λ ")) / frame["lmbda"] - 1) < 1e-3


def test_label_and_value_text_follow_the_thumb_before_any_frame(page: Page) -> None:
    told = page.evaluate("""() => {
      const [slider, label] = ["slider", "lambda"].map((part) => document.querySelector(`[data-part=${part}]`));
      slider.value = 1024;  // of 256 steps an octave
      slider.dispatchEvent(new InputEvent("input", { bubbles: true }));
      return [label.textContent, slider.getAttribute("aria-valuetext")];
    }""")
    assert told == ["1024", "λ 1024"]


def test_the_picture_comes_first_and_its_numbers_when_lambda_rests(page: Page, address: str) -> None:
    held: list[Any] = []
    page.route("**/api/numbers/**", lambda route: held.append(route))
    enough = f"{ROOT}.viewer.panel.measured('').length >= 2"
    page.wait_for_function(enough, timeout=120_000)
    page.focus("[data-part=slider]")
    with page.expect_request("**/api/numbers/**"):
        page.keyboard.press("ArrowRight")
    assert page.evaluate(f"{ROOT}.viewer.isSettled()")
    numbers = {key: page.inner_text(f"[data-number={key}]") for key in ("bpp", "psnr", "bytes", "ms_ssim", "estimated")}
    assert all(numbers[key].startswith("≈ ") for key in ("bpp", "psnr", "bytes", "ms_ssim"))
    assert numbers["bpp"] == f"≈ {numbers['estimated']}"
    assert page.get_attribute("[data-part=now]", "data-about") is not None
    assert page.get_attribute(".mae", "data-pending") is not None
    held.pop().continue_()
    page.unroute("**/api/numbers/**")
    lmbda = settle(page)["lmbda"]
    token = page.evaluate(f"{ROOT}.dataset.picture")
    with urllib.request.urlopen(f"{address}/api/numbers/{token}?lmbda={lmbda}") as answer:
        point = json.load(answer)["point"]
    assert page.inner_text("[data-number=bpp]") == f"{point['bpp']:.3f}"
    assert page.inner_text("[data-number=psnr]") == f"{point['psnr']:.2f}"
    assert abs(float(numbers["psnr"].removeprefix("≈ ")) - point["psnr"]) < 1
    assert page.get_attribute("[data-part=now]", "data-about") is None


def test_arrow_keys_follow_and_end_on_the_last_lambda(page: Page) -> None:
    page.focus("[data-part=slider]")
    before = wanted(page)
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    assert wanted(page) == pytest.approx(before * 2 ** (20 / 16))
    assert settle(page)["wanted"] == wanted(page)
    for key, value in (("PageDown", before * 2 ** (4 / 16)), ("Home", 64), ("PageUp", 128), ("End", 4096)):
        page.keyboard.press(key)
        assert wanted(page) == pytest.approx(value)
    assert settle(page)["lmbda"] == pytest.approx(4096)


def test_zoom_and_pan_survive_twenty_updates(page: Page) -> None:
    stage = page.locator("[data-part=stage]").bounding_box()
    assert stage
    page.mouse.move(stage["x"] + 300, stage["y"] + 200)
    page.mouse.wheel(0, -600)
    page.mouse.down()
    page.mouse.move(stage["x"] + 350, stage["y"] + 240)
    page.mouse.up()
    view = f"(({{ k, x, y }}) => [k, x, y])({ROOT}.viewer.stage.view)"
    before = page.evaluate(view)
    assert before[0] > 1.5
    page.focus("[data-part=slider]")
    for _ in range(20):
        page.keyboard.press("ArrowRight")
        settle(page)
    page.keyboard.press("b")
    page.keyboard.press("s")
    assert page.evaluate(view) == pytest.approx(before)


def test_panels_share_one_view(page: Page) -> None:
    page.keyboard.press("b")
    right = page.locator("[data-part=right]").bounding_box()
    assert right
    page.mouse.move(right["x"] + right["width"] / 2, right["y"] + right["height"] / 2)
    page.mouse.wheel(0, -500)
    transforms = "['left', 'right'].map((name) => String(document.querySelector(`[data-part=${name}]`).__zoom))"
    left, other = page.evaluate(transforms)
    assert left == other == page.evaluate(f"String({ROOT}.viewer.stage.view)")


def test_a_canvas_pixel_is_the_decoded_pixel(page: Page, address: str) -> None:
    page.keyboard.press("r")
    page.keyboard.press("1")
    page.focus("[data-part=slider]")
    page.keyboard.press("PageUp")
    frame = settle(page)
    expected = decoded(page, address, frame["lmbda"])
    exact = canvas_pixels(page, f"{ROOT}.viewer.stage.layers.frame.canvas")
    np.testing.assert_array_equal(exact[..., :3], expected)
    screen = canvas_pixels(page, "document.querySelector('[data-part=left]')")
    x, y = page.evaluate(f"(({{ x, y }}) => [Math.round(x), Math.round(y)])({ROOT}.viewer.stage.view)")
    height, width, _ = expected.shape
    np.testing.assert_array_equal(screen[y : y + height, x : x + width, :3], expected)


def test_integer_zoom_is_nearest_neighbour(page: Page) -> None:
    page.keyboard.press("4")
    painted(page)
    assert page.inner_text("[data-part=zoom]") == "400 %"
    screen = canvas_pixels(page, "document.querySelector('[data-part=left]')")
    x, y = page.evaluate(f"(({{ x, y }}) => [Math.round(x), Math.round(y)])({ROOT}.viewer.stage.view)")
    blocks = screen[y % 4 : y % 4 + 400, x % 4 : x % 4 + 320].reshape(100, 4, 80, 4, 4)
    assert (blocks == blocks[:, :1, :, :1]).all()


def test_modes_by_key_and_the_original_while_one_is_held(page: Page, address: str) -> None:
    for key, mode in (("b", "beside"), ("d", "signed"), ("a", "absolute"), ("s", "split"), ("r", "flip")):
        page.keyboard.press(key)
        assert page.is_checked(f".mae-modes input[value={mode}]")
    page.keyboard.press("1")
    page.keyboard.down("f")
    assert page.inner_text("[data-part=leftTag]") == "Original"
    page.keyboard.up("f")
    assert page.inner_text("[data-part=leftTag]").startswith("λ")
    page.keyboard.press("?")
    assert page.is_visible("[data-part=help]")
    page.keyboard.press("Escape")
    assert not page.is_visible("[data-part=help]")


def test_difference_is_the_arrays_difference(page: Page) -> None:
    page.keyboard.press("d")
    page.keyboard.press("g")
    painted(page)
    layers = f"{ROOT}.viewer.stage.layers"
    names = ("original", "frame", "difference")
    original, frame, shown = (canvas_pixels(page, f"{layers}.{name}.canvas") for name in names)
    gain = int(page.input_value("[data-part=gain]"))
    expected = 128 + gain * (frame[..., :3].astype(int) - original[..., :3])
    np.testing.assert_array_equal(shown[..., :3], expected.clip(0, 255))


def test_arrows_pan_the_focused_picture(page: Page) -> None:
    page.keyboard.press("4")
    page.focus("[data-part=stage]")
    before, lmbda = page.evaluate(f"{ROOT}.viewer.stage.view.x"), wanted(page)
    page.keyboard.press("ArrowRight")
    assert page.evaluate(f"{ROOT}.viewer.stage.view.x") < before
    assert wanted(page) == lmbda


@pytest.mark.parametrize("data", [b"", b"not a picture", to_png(noise(64, 64))[:200]])
def test_a_bad_upload_is_one_sentence_and_loses_nothing(page: Page, data: bytes) -> None:
    before = page.evaluate(f"{ROOT}.dataset.picture")
    send(page, "holiday.png", data)
    page.wait_for_selector("[data-part=notice]:not(:empty)")
    notice = page.inner_text("[data-part=notice]")
    assert notice.endswith((".", "?")) and "Traceback" not in notice and len(notice) < 200
    assert page.evaluate(f"{ROOT}.dataset.picture") == before
    page.focus("[data-part=slider]")
    page.keyboard.press("ArrowRight")
    assert settle(page)["picture"] == before


def test_upload_shows_that_very_picture(page: Page) -> None:
    pixels = noise(65, 130)
    send(page, "noise.png", to_png(pixels))
    page.wait_for_function(f"{ROOT}.viewer.picture.name === 'noise.png'")
    settle(page)
    np.testing.assert_array_equal(canvas_pixels(page, f"{ROOT}.viewer.stage.layers.original.canvas")[..., :3], pixels)


def test_paste_and_drop_open_a_picture(page: Page) -> None:
    give = """([name, bytes]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(bytes)], `${name}.png`, { type: "image/png" }));
      const event = name === "paste" ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
      document.querySelector("[data-part=stage]").dispatchEvent(event);
    }"""
    for name in ("paste", "drop"):
        page.evaluate(give, [name, list(to_png(noise(48, 48)))])
        page.wait_for_function(f"{ROOT}.viewer.picture.name === '{name}.png'")


def test_a_picture_that_the_server_let_go_of_is_opened_again(page: Page) -> None:
    page.route("**/api/frame/**", lambda route: route.fulfill(status=410, json={"error": "gone"}), times=1)
    page.focus("[data-part=slider]")
    with page.expect_response("**/api/open?**"):
        page.keyboard.press("PageUp")
    frame = settle(page)
    assert not page.is_visible("[data-part=notices]")  # nobody has to do anything
    assert frame["wanted"] == wanted(page) and frame["picture"] == page.evaluate(f"{ROOT}.dataset.picture")


def measured(page: Page) -> None:
    """Wait until all curves are whole and drawn: then nothing in the plot moves by itself."""
    panel = f"{ROOT}.viewer.panel"
    done = f"['model', ...{panel}.names()].every((name) => {panel}.curves.of(name).done)"
    page.wait_for_function(f"{done} && !{panel}.drawing && {panel}.plot.started", timeout=120_000)
    page.wait_for_selector(".mae-plot .scatterlayer .trace path.point")


def test_plot_zoom_survives_updates_and_a_click_sets_lambda(page: Page) -> None:
    measured(page)
    pick = f"""() => {{
      const {{ plot }} = {ROOT}.viewer.panel, {{ xaxis, yaxis }} = plot.box._fullLayout, model = plot.data[0];
      const box = plot.box.getBoundingClientRect();
      return [box.x + xaxis._offset + xaxis.d2p(model.x[1]), box.y + yaxis._offset + yaxis.d2p(model.y[1]),
        model.customdata[1]];
    }}"""
    x, y, lmbda = page.evaluate(pick)
    page.mouse.move(x, y)
    page.wait_for_selector(".mae-plot .hoverlayer .hovertext")
    page.mouse.click(x, y)
    page.wait_for_function(f"{ROOT}.viewer.wanted === {lmbda}")
    box = page.locator(".mae-plot .nsewdrag").bounding_box()
    assert box
    layout = f"{ROOT}.viewer.panel.plot.box._fullLayout"
    limits = f"[...{layout}.xaxis.range, ...{layout}.yaxis.range]"
    whole = page.evaluate(limits)
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.8 * box["height"], steps=5)
    page.mouse.up()
    page.wait_for_function(f"(whole) => {limits}.every((limit, i) => limit !== whole[i])", arg=whole)
    zoomed = page.evaluate(limits)
    page.focus("[data-part=slider]")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        settle(page)
    assert page.evaluate(limits) == pytest.approx(zoomed)


# -- comparison ------------------------------------------------------------------------------------------------------


def test_same_rate_and_same_quality_follow_lambda_and_say_the_gap(page: Page) -> None:
    for rule, key, tolerance in (("rate", "bpp", 0.02), ("quality", "psnr", 0.1)):
        header = compare_with(page, "jpeg2000")
        page.select_option("[data-part=rule]", rule)
        for press in ("Home", "PageUp"):
            page.focus("[data-part=slider]")
            page.keyboard.press(press)
            frame = settle(page)
            header = matched(page)
            model = page.evaluate(f"{ROOT}.viewer.shown.header.point")
            gap = header["point"][key] - model[key]
            assert header["reached"] == (abs(gap) <= tolerance * (model[key] if rule == "rate" else 1))
            tag = page.inner_text("[data-part=leftTag]")
            assert "JPEG 2000" in tag and ("(" in tag) == header["reached"] != ("not reachable" in tag)
            assert page.inner_text("[data-other=bpp]") == f"{header['point']['bpp']:.3f}"
            assert frame["wanted"] == wanted(page)


def test_a_pairing_of_another_lambda_is_never_shown_as_current(page: Page) -> None:
    compare_with(page, "jpeg")
    page.route("**/api/match/**", lambda route: None)  # an answer that does not come
    page.focus("[data-part=slider]")
    page.keyboard.press("PageUp")
    settle(page)
    tag = page.inner_text("[data-part=leftTag]")
    assert "finding" in tag and "(" not in tag
    assert page.inner_text("[data-other=bpp]") == "…"
    page.unroute("**/api/match/**")
    page.keyboard.press("PageDown")  # known from before
    settle(page)
    matched(page)
    assert "finding" not in page.inner_text("[data-part=leftTag]")


def test_a_rate_that_the_codec_does_not_reach_is_called_so(page: Page) -> None:
    send(page, "noise.png", to_png(noise(64, 64)))
    page.wait_for_function(f"{ROOT}.viewer.picture.name === 'noise.png'")
    page.focus("[data-part=slider]")
    page.keyboard.press("Home")
    settle(page)
    for codec in ("jpeg444", "bpg444"):
        header = compare_with(page, codec)
        tag = page.inner_text("[data-part=leftTag]")
        says = f"its {header['limit']} rate is" if header["limit"] else "its nearest setting has"
        assert (f"not reachable: {says}" in tag) != header["reached"]


def test_a_clicked_point_becomes_the_right_picture_and_there_is_a_way_back(page: Page, address: str) -> None:
    page.wait_for_function(f"{ROOT}.viewer.panel.settings('jpeg').length >= 4", timeout=120_000)
    setting = page.evaluate(f"{ROOT}.viewer.panel.settings('jpeg')[3]")
    page.wait_for_selector(".mae-plot .scatterlayer .trace path.point")
    page.evaluate(f"{ROOT}.viewer.panel.plot.box.emit('plotly_click', "
                  f"{{ points: [{{ data: {{ meta: 'jpeg' }}, customdata: {setting} }}] }})")  # fmt: skip
    assert matched(page)["setting"] == setting
    assert "JPEG 4:2:0" in page.inner_text("[data-part=rightTag]")
    token = page.evaluate(f"{ROOT}.dataset.picture")
    with urllib.request.urlopen(f"{address}/api/rival/{token}?codec=jpeg&setting={setting}") as answer:
        body = answer.read()
    right = canvas_pixels(page, f"{ROOT}.viewer.stage.layers.sides[1].canvas")[..., :3]
    np.testing.assert_array_equal(right.ravel(), np.frombuffer(body[-right.size :], np.uint8))
    page.keyboard.press("x")
    page.wait_for_function("document.querySelector('[data-part=leftTag]').textContent.startsWith('JPEG')")
    page.click("[data-part=back]")
    page.wait_for_function("document.querySelector('[data-part=leftTag]').textContent === 'Original'")
    assert page.inner_text("[data-part=rightTag]").startswith("λ")
    assert not page.is_visible("[data-part=back]")


def test_the_verdict_is_pchip_on_the_measured_curve(page: Page) -> None:
    from scipy.interpolate import PchipInterpolator

    page.wait_for_function(f"{ROOT}.viewer.panel.curves.of('jpeg').done", timeout=120_000)
    points = page.evaluate(f"{ROOT}.viewer.panel.curves.of('jpeg').points.map((each) => each.point)")
    model = page.evaluate(f"{ROOT}.viewer.shown.header.point")
    rates, quality = np.log([point["bpp"] for point in points]), [point["psnr"] for point in points]
    gain = model["psnr"] - PchipInterpolator(rates, quality)(np.log(model["bpp"]))
    share = np.exp(PchipInterpolator(quality, rates)(model["psnr"])) / model["bpp"] - 1
    sentence = page.inner_text("[data-part=verdict]").replace("\xa0", " ")
    assert f"At {model['bpp']:.2f} bpp: {abs(gain):.1f} dB {'above' if gain > 0 else 'below'} JPEG 4:2:0" in sentence
    more = f"{abs(share):.0%} {'more' if share > 0 else 'fewer'} bytes".replace("%", " %")
    assert f"for the same PSNR {more} with JPEG 4:2:0" in sentence


def test_axes_curves_and_means_can_be_chosen(page: Page) -> None:
    page.wait_for_selector(".mae-plot .scatterlayer .trace path.point")
    page.select_option("[data-part=axis]", "log")
    page.select_option("[data-part=metric]", "ms_ssim")
    layout = f"{ROOT}.viewer.panel.plot.box._fullLayout"
    page.wait_for_function(f"{layout}.xaxis.type === 'log' && {layout}.yaxis.title.text.includes('MS-SSIM')")
    assert page.is_visible("[data-part=now]")
    page.click(".mae-curves summary")
    page.check("[data-part=curveList] [value=webp]")
    page.wait_for_function(f"{ROOT}.viewer.panel.settings('webp').length >= 2", timeout=120_000)
    page.uncheck("[data-part=curveList] [value=jpeg2000]")
    assert page.evaluate(f"{ROOT}.viewer.panel.plot.data.map((trace) => trace.meta)") == ["model", "jpeg", "webp"]
    page.keyboard.press("Escape")
    assert not page.is_visible("[data-part=curveList]")
    page.click("[data-part=means]")
    assert "Kodak means" in page.evaluate(f"{layout}.xaxis.title.text")
    assert page.inner_text("[data-part=verdict]").startswith("This picture")
    assert page.is_visible("[data-part=now][data-about]"), "where the mean curve is at this λ"
    last, end = page.evaluate(f"[Math.log10({ROOT}.viewer.panel.plot.data[0].x.at(-1)), {layout}.xaxis.range[1]]")
    assert last < end < last + 0.15, "the model fills the axis, however far others go"
    assert "No mean curve" not in page.inner_text("[data-part=verdict]")
    page.evaluate(f"delete {ROOT}.viewer.panel.setup.means.webp; {ROOT}.viewer.panel.redraw()")
    assert page.inner_text("[data-part=verdict]").startswith("No mean curve is bundled of WebP. This picture")


def test_a_compared_codecs_curve_goes_with_it_and_no_two_curves_share_a_colour(page: Page) -> None:
    panel = f"{ROOT}.viewer.panel"
    drawn = f"{panel}.plot.data.map(({{ meta, line }}) => [meta, line.color])"
    page.wait_for_function(f"{panel}.plot.data.length === 3")
    for codec in ("webp", "mae-hyperprior"):  # the latter's own colour is one of the others'
        page.select_option("[data-part=reference]", codec)
        page.wait_for_function(f"{panel}.plot.data.some(({{ meta }}) => meta === '{codec}')")
        curves = dict(page.evaluate(drawn))
        assert set(curves) == {"model", "jpeg", "jpeg2000", codec} and len(set(curves.values())) == 4
        assert page.evaluate(f"{ROOT}.viewer.state.read().curves") == "jpeg,jpeg2000"
    names = page.eval_on_selector_all("[data-part=legend] li", "(all) => all.map((each) => each.textContent)")
    assert len(names) == 4 and "JPEG 4:2:0" in names
    page.click("[data-part=back]")
    page.wait_for_function(f"{panel}.plot.data.length === 3")


def test_few_points_of_a_curve_under_way_are_not_joined(page: Page) -> None:
    panel = f"{ROOT}.viewer.panel"
    page.wait_for_function(f"{panel}.curves.of('jpeg').done && {panel}.curves.of('model').done", timeout=120_000)
    modes = page.evaluate(f"""() => {{
      const panel = {panel};
      panel.collecting.abort();
      const seen = [];
      for (const count of [2, 4, 5]) {{
        Object.assign(panel.curves.of("jpeg"), {{ done: false, points: panel.curves.of("jpeg").points.slice(-count) }});
        panel.redraw();
        seen.push(panel.plot.data.map(({{ mode }}) => mode));
        panel.curves.of("jpeg").points.push(...panel.curves.of("jpeg").points.map((each) => ({{ ...each }})));
      }}
      return seen;
    }}""")
    joined = "lines+markers"
    assert [each[:2] for each in modes] == [[joined, "markers"], [joined, "markers"], [joined, joined]]


# -- the page --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_viewer_follows_the_page_theme(page: Page, address: str, theme: str) -> None:
    open_app(page, f"{address}/?__theme={theme}")
    assert page.evaluate(f"{ROOT}.dataset.theme") == theme
    bright = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert (int(bright) > 128) == (theme == "light")


# The plot is drawn anew when its box has got another size.
SAME_HEIGHT = """() => {
  const [drawn, plot] = [".mae-plot .main-svg", ".mae-plot"].map((part) => document.querySelector(part));
  return Math.abs(drawn.getBoundingClientRect().height - plot.getBoundingClientRect().height) <= 1;
}"""


def test_everything_fits_1280_by_720_and_a_phone(page: Page) -> None:
    page.wait_for_selector(".mae-plot .scatterlayer .trace path.point")
    for reference in ("", "jpeg"):
        page.select_option("[data-part=reference]", reference)
        page.wait_for_function(f"Boolean({ROOT}.viewer.comparison.shown) === {str(bool(reference)).lower()}")
        page.wait_for_function(SAME_HEIGHT)
        for part in ("stage", "slider", "numbers", "verdict", "plot", "samples", "exports"):
            box = page.locator(f"[data-part={part}]").bounding_box()
            assert box and box["y"] >= 0 and box["y"] + box["height"] <= 720, part
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.documentElement.scrollWidth <= 390")
    for part in ("stage", "slider"):
        box = page.locator(f"[data-part={part}]").bounding_box()
        assert box and box["y"] + box["height"] <= 844, part


def test_samples_and_model_keep_the_page_consistent(page: Page, address: str) -> None:
    setup = json.load(urllib.request.urlopen(f"{address}/api/setup"))
    name = setup["samples"][-1]["name"]
    page.click(f"[data-sample={name}]")
    page.wait_for_function(f"{ROOT}.viewer.picture.name === '{name}'")
    frame = settle(page)
    assert frame["picture"] == page.evaluate(f"{ROOT}.dataset.picture")
    assert page.get_attribute(f"[data-sample={name}]", "aria-pressed") == "true"
    page.evaluate(f"{ROOT}.viewer.set({{ model: {ROOT}.viewer.get('model') }})")
    assert page.evaluate(f"{ROOT}.viewer.picture.name") == name
    assert settle(page)["wanted"] == wanted(page)


def test_lambda_that_moves_while_a_picture_is_opened_is_the_one_that_is_shown(page: Page) -> None:
    page.focus("[data-part=slider]")
    for key in ("PageUp", "PageDown"):  # so that the page has both frames
        page.keyboard.press(key)
        settle(page)
    held: list[Any] = []
    page.route("**/api/frame/**", lambda route: held.append(route))
    with page.expect_request("**/api/frame/**"):
        page.click("[data-sample=parrots]")  # which is open
    page.focus("[data-part=slider]")
    page.keyboard.press("PageUp")
    page.wait_for_function(f"{ROOT}.viewer.shown.request.lmbda === {ROOT}.viewer.wanted")
    held.pop().continue_()
    page.unroute("**/api/frame/**")
    page.wait_for_selector(".mae[data-state=ready]")
    assert settle(page)["lmbda"] == pytest.approx(wanted(page), rel=1e-4)


def test_a_closed_viewer_leaves_nothing_behind(page: Page) -> None:
    page.evaluate(f"window.closed_viewer = {ROOT}.viewer; window.closed_viewer.destroy()")
    assert page.evaluate(f"{ROOT}.childElementCount") == 0
    page.keyboard.press("b")
    assert page.evaluate("window.closed_viewer.stage.mode") == "split"
