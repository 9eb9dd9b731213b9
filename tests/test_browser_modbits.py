"""Modulation and bits in a real browser: what is shown equals Python's arrays. Figures are printed (pytest -s)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from browser import ROOT, canvas_pixels, drag_lambda, requests_of, settle

from explorer.inside import block_error
from explorer.session import Session

if TYPE_CHECKING:
    from playwright.sync_api import Page

VIEWS = f"{ROOT}.viewer.inside.views"
BITS, MODULATION, FEATURES = f"{VIEWS}.bits", f"{VIEWS}.modulation", f"{VIEWS}.modulation.features"


def open_tab(page: Page, name: str) -> float:
    """Open a view and wait until it is filled; return λ of what it shows."""
    page.click(f"[data-tab={name}]")
    settle(page)
    page.wait_for_function(f"{VIEWS}.{name}.map()")
    if name == "modulation":
        page.wait_for_function(f"{MODULATION}.layer")
    return page.evaluate(f"{ROOT}.viewer.shown.header.lmbda")


def choose(page: Page, key: str, value: str) -> None:
    page.select_option(f"[data-state={key}]:visible", value)
    settle(page)


def array(page: Page, expression: str) -> np.ndarray:
    return np.array(page.evaluate(f"Array.from({expression})"), dtype=np.float32)


# -- bits ------------------------------------------------------------------------------------------------------------


def test_bits_add_up_to_the_estimated_rate_by_element_place_and_channel(page: Page, session: Session) -> None:
    lmbda = open_tab(page, "bits")
    estimated = page.evaluate(f"{ROOT}.viewer.shown.header.point.estimated_bits")
    assert estimated == pytest.approx(session.point(lmbda).estimated_bits, rel=1e-6)
    for values in ("bottleneck.bits", "bottleneck.channelBits", "blocks.bits"):
        total = page.evaluate(f"{BITS}.{values}.reduce((sum, each) => sum + each, 0)")
        assert total == pytest.approx(estimated, rel=1e-3), values
    bars = f"{BITS}.bars.chart.data"
    shown = dict(zip(*page.evaluate(f"[{bars}[0].customdata, {bars}[0].y]"), strict=True))
    expected = session.bits(lmbda).sum(axis=(1, 2))
    assert [shown[channel] for channel in range(len(expected))] == pytest.approx(expected, rel=1e-4)
    assert list(shown.values()) == sorted(shown.values(), reverse=True)
    assert page.evaluate(f"{bars}[1].y.at(-1)") == pytest.approx(100)
    carried = np.cumsum(np.sort(expected)[::-1]) / expected.sum()
    sentence = page.inner_text(".mae-inside:visible >> text=channels carry")
    assert sentence.startswith(f"{np.searchsorted(carried, 0.9) + 1} of {len(expected)} channels carry 90 %")


def test_maps_of_blocks_are_the_sessions_arrays(page: Page, session: Session) -> None:
    lmbda = open_tab(page, "bits")
    mse = session.block_error(lmbda).ravel()
    bits = session.bits(lmbda).sum(axis=0).ravel()
    expected = {"bits": bits, "mse": 255**2 * mse, "psnr": -10 * np.log10(mse)}
    for key, values in expected.items():
        choose(page, "where", key)
        assert array(page, f"{BITS}.values") == pytest.approx(values, rel=1e-4)
    choose(page, "where", "removed")
    choose(page, "from", "128")
    choose(page, "to", "2048")
    before, after = (session.block_error(each).ravel() for each in (128, 2048))
    assert array(page, f"{BITS}.values") == pytest.approx(255**2 * (before - after), rel=1e-3, abs=1e-3)
    added = (session.bits(2048) - session.bits(128)).sum(axis=0).ravel()
    choose(page, "where", "added")
    assert array(page, f"{BITS}.values") == pytest.approx(added, rel=1e-3, abs=1e-2)
    choose(page, "where", "worth")
    values = array(page, f"{BITS}.values")
    price = (before - after) / (before - after).sum() / (added / added.sum())
    known = np.isfinite(values)
    assert known.mean() > 0.5
    assert values[known] == pytest.approx(np.log2(price[known]), abs=2e-2)
    assert "λ 128 → 2048" in page.inner_text("[data-part=rightTag]")


def test_the_costliest_elements_alone_are_pythons_in_picture_numbers_and_maps(page: Page, session: Session) -> None:
    lmbda = open_tab(page, "bits")
    whole, elements = session.point(lmbda), session.bits(lmbda).size
    page.wait_for_function(f"!{ROOT}.viewer.shown.header.point.approximate")
    page.fill(".mae-keep input", "60")
    settle(page)
    count = int(page.evaluate(f"{ROOT}.viewer.get('costliest')"))
    kept = session.keep_costliest(lmbda, count)
    frame = canvas_pixels(page, f"{ROOT}.viewer.stage.layers.frame.canvas")[..., :3]
    np.testing.assert_array_equal(frame, kept.pixels)
    assert f"the costliest {count} elements" in page.inner_text("[data-part=rightTag]")
    assert page.inner_text(".mae-keep output") == f"{count} of {elements:,}"
    said = page.inner_text("[data-panel=bits] >> text=of y’s bits")
    assert f"carry {100 * kept.kept_bits / session.bits(lmbda).sum():.3g} % of y’s bits" in said
    assert f"costs {whole.psnr - kept.psnr:.2f} dB" in said
    assert page.inner_text("[data-number=psnr]") == f"{kept.psnr:.2f}"
    assert array(page, f"{BITS}.blocks.bits").sum() == pytest.approx(kept.estimated_bits, rel=1e-4)
    choose(page, "where", "mse")
    error = block_error(session.picture.pixels, kept.pixels).ravel()
    assert array(page, f"{BITS}.values") == pytest.approx(255**2 * error, rel=1e-4)
    bars = page.evaluate(f"{BITS}.bars.chart.data[0].y.reduce((sum, each) => sum + each, 0)")
    assert bars == pytest.approx(kept.estimated_bits - kept.code.side_bits, rel=1e-3)

    page.click("[data-tab=rd]")  # elsewhere there is no control, and no change
    settle(page)
    page.wait_for_function(f"{ROOT}.viewer.stage.layers.frame.pixels === {ROOT}.viewer.shown.frame.pixels")
    page.click("[data-tab=bits]")
    settle(page)
    page.click("[data-panel=bits] button:text-is('All')")
    settle(page)
    assert page.evaluate(f"{ROOT}.viewer.get('costliest')") == "" and page.locator("[data-struck]").count() == 0
    for text, kept_as in ((str(elements), ""), ("0", "0"), ("17", "17")):
        assert page.evaluate(f"{ROOT}.viewer.set({{ costliest: {text!r} }})") == []
        assert page.evaluate(f"{ROOT}.viewer.get('costliest')") == kept_as
    for text in ("-1", str(elements + 1), "2.5", "all"):
        assert page.evaluate(f"{ROOT}.viewer.set({{ costliest: {text!r} }})") == ["costliest"]
    page.evaluate(f"{ROOT}.viewer.set({{ costliest: '' }})")


def test_the_numbers_of_a_block_are_those_of_python(page: Page, session: Session) -> None:
    lmbda = open_tab(page, "bits")
    page.evaluate(f"{ROOT}.viewer.inside.hover({{ row: 10, column: 30 }})")
    text = page.inner_text(".mae-inside:visible >> text=Block in row 10, column 30")
    bits = float(session.bits(lmbda)[:, 10, 30].sum())
    mse = float(session.block_error(lmbda)[10, 30])
    assert (
        f": {float(f'{bits:.3g}'):g} bits, MSE {float(f'{255**2 * mse:.3g}'):g}, {-10 * np.log10(mse):.2f} dB" in text
    )


def test_a_click_on_a_bar_chooses_its_channel_and_one_on_the_rate_sets_lambda(page: Page) -> None:
    open_tab(page, "bits")
    page.wait_for_function(f"{BITS}.bars.chart.started && {BITS}.rate.started", timeout=120_000)
    channel = page.evaluate(f"{BITS}.bars.chart.data[0].customdata[3]")
    page.evaluate(f"{BITS}.bars.chart.box.emit('plotly_click', {{ points: [{{ customdata: {channel} }}] }})")
    assert page.evaluate(f"{ROOT}.viewer.inside.channel") == channel
    assert f"channel {channel}, number 4" in page.inner_text(".mae-inside:visible >> text=channels carry")
    page.wait_for_function(f"{BITS}.rate.data[0].x.length >= 3", timeout=120_000)
    lmbda = page.evaluate(f"{BITS}.rate.data[0].x[1]")
    page.evaluate(f"{BITS}.rate.box.emit('plotly_click', {{ points: [{{ x: {lmbda} }}] }})")
    assert settle(page)["lmbda"] == pytest.approx(lmbda, rel=1e-4)


# -- modulation ------------------------------------------------------------------------------------------------------


def test_gains_are_the_models(page: Page, session: Session) -> None:
    lmbda = open_tab(page, "modulation")
    lambdas = page.evaluate(f"{MODULATION}.modulators.lambdas")
    gains = session.model.modulation(lambdas)
    for name, values in gains.items():
        choose(page, "layer", name)
        logs = array(page, f"{MODULATION}.layer.logs").reshape(values.shape[::-1])
        assert logs == pytest.approx(np.log2(values.T), abs=1e-4)
        here = page.inner_text(".mae-inside:visible >> text=over all λ it moves")
        shown = float(here.split("log₂ ")[1].split(";")[0].replace("−", "-").replace("–", "nan"))
        assert shown == pytest.approx(np.log2(session.model.modulation([lmbda])[name][0, 0]), rel=6e-3, abs=2e-3)
    speeds = {
        name: np.sort(np.abs(np.diff(np.log2(values), axis=0)), axis=1)[:, values.shape[1] // 2] / 0.1
        for name, values in gains.items()
    }
    at = np.searchsorted(lambdas, lmbda, side="right") - 1
    fastest = max(speeds.values(), key=lambda values: values[at])[at]
    sentence = page.inner_text(".mae-inside:visible >> text=change fastest")
    assert f"by {fastest:.2g} octaves per octave" in sentence


@pytest.mark.parametrize("layer", ["a0.mod", "a2.gdn", "s0.igdn"])
def test_maps_between_layers_are_the_sessions(page: Page, session: Session, layer: str) -> None:
    lmbda = open_tab(page, "modulation")
    choose(page, "feature", layer)
    expected = session.features(lmbda, layer)
    if layer == "a0.mod":  # large: see maps.py
        channels, height, width = expected.shape
        expected = expected.reshape(channels, height // 2, 2, width // 2, 2).mean(axis=(2, 4))
        assert "the mean of 2×2" in page.inner_text(".mae-inside:visible >> text=Below each map")
    shown = array(page, f"{FEATURES}.maps.values.subarray(0, {expected[:8].size})")
    assert shown == pytest.approx(expected[:8].ravel(), rel=1e-3, abs=1e-6)
    assert page.is_visible(".mae-pair") == (layer != "a2.gdn")


def test_both_sides_of_a_modulation_have_its_gain_between_them(page: Page, session: Session) -> None:
    lmbda = open_tab(page, "modulation")
    choose(page, "feature", "s0.mod")
    channel = 7
    page.evaluate(f"{ROOT}.viewer.inside.setChannel({channel})")
    own = f"values.subarray(start, start + {FEATURES}.maps.size)"
    sides = [array(page, f"(({{ values, start }}) => {own})({FEATURES}.planes[{i}])") for i in (0, 1)]
    for side, layer in zip(sides, ("s0.igdn", "s0.mod"), strict=True):
        expected = session.features(lmbda, layer)[channel].ravel()
        assert side == pytest.approx(expected, rel=2e-3, abs=1e-5)


def test_a_model_without_modulators_says_so(page: Page) -> None:
    open_tab(page, "modulation")
    page.evaluate(f"""() => {{
      {ROOT}.viewer.transport.modulation = async () => ({{ header: {{ lambdas: [256], arrays: {{}} }} }});
      {MODULATION}.models.clear();
      {ROOT}.viewer.inside.refresh();
    }}""")
    page.wait_for_selector(".mae-inside:visible >> text=it has no modulators")
    assert not page.is_visible(".mae-gainmap")


# -- speed -----------------------------------------------------------------------------------------------------------


def milliseconds(page: Page, *actions: str) -> list[float]:
    """How long the page's thread works on each, painting included."""
    return page.evaluate(f"""async () => {{
      const set = (key, value) => {{
        const select = [...document.querySelectorAll(`[data-state=${{key}}]`)].find((each) => each.checkVisibility());
        select.value = value;
        select.dispatchEvent(new Event("change", {{ bubbles: true }}));
      }};
      const inside = {ROOT}.viewer.inside;
      const times = [];
      for (const action of [{", ".join(f"() => {action}" for action in actions)}]) {{
        for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
        const start = performance.now();
        action();
        times.push(performance.now() - start);
      }}
      return times;
    }}""")


SWITCHES = {  # [there, and back]
    "bits": [
        ("inside.setChannel(9)", "inside.setChannel(0)"),
        ('set("bitcolours", "cividis")', 'set("bitcolours", "viridis")'),
        ('set("where", "psnr")', 'set("where", "bits")'),
    ],
    "modulation": [
        ("inside.setChannel(9)", "inside.setChannel(0)"),
        ('inside.views.modulation.pick("m1", 12)', 'inside.views.modulation.pick("m1", 0)'),
        ('set("gaincolours", "purple-orange")', 'set("gaincolours", "blue-red")'),
        ('set("layer", "d1")', 'set("layer", "m2")'),
        ('set("reference", "layer")', 'set("reference", "own")'),
    ],
}


@pytest.mark.parametrize("tab", SWITCHES)
def test_channel_palette_and_range_need_no_request(page: Page, tab: str) -> None:
    open_tab(page, tab)
    curves = f"{ROOT}.viewer.panel.names().every((name) => {ROOT}.viewer.panel.curves.of(name).done)"
    page.wait_for_function(f"{curves} && window.Plotly", timeout=120_000)
    settle(page)
    there, back = zip(*SWITCHES[tab], strict=True)
    milliseconds(page, *there, *back)  # once to warm up
    with requests_of(page) as asked:
        times = milliseconds(page, *there)
    assert asked == []
    print(f"\n{tab}: " + ", ".join(f"{action} {time:.0f} ms" for action, time in zip(there, times, strict=True)))


@pytest.mark.parametrize("prepare", ["bits", "bits removed", "modulation a1.mod", "modulation a0.mod"])
def test_a_drag_with_the_view_open_ends_on_the_last_lambda(page: Page, prepare: str) -> None:
    tab, _, value = prepare.partition(" ")
    open_tab(page, tab)
    if value:
        choose(page, "where" if tab == "bits" else "feature", value)
    _, last = drag_lambda(page, prepare)
    assert page.evaluate(f"{ROOT}.viewer.shown.header.lmbda") == last["lmbda"]
    wishes = page.evaluate(f"[{ROOT}.viewer.inside.wishes, Object.keys({ROOT}.viewer.inside.frame.wishes)]")
    assert set(wishes[0]) <= set(wishes[1])


def test_the_map_of_gains_uses_its_whole_bar_and_marks_what_lies_beyond(page: Page) -> None:
    open_tab(page, "modulation")
    legend = "document.querySelector('[data-panel=modulation] .mae-legend canvas')"
    values = array(page, f"{MODULATION}.layer.relative('own')")
    pixels = list(map(tuple, canvas_pixels(page, f"{MODULATION}.heat.canvas").reshape(-1, 4)))
    bar = list(map(tuple, canvas_pixels(page, legend)[0]))
    low, high = np.quantile(values, 0.1), max(np.quantile(values, 0.9), 0)
    within = {colour for colour, value in zip(pixels, values, strict=True) if low * 0.98 < value < high}
    far = {colour for colour, value in zip(pixels, values, strict=True) if value < low * 1.02}
    assert far == {bar[0]} and not far & within, "beyond the scale: the end of the bar"
    assert np.mean([colour in within for colour in bar[12:-12]]) > 0.9, "of the bar between its ends nearly all occurs"
    assert "% beyond" in page.inner_text("[data-panel=modulation] .mae-legend em >> nth=0")
