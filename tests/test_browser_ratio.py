"""Ratio maps and edits of channels in a real browser: what is shown equals the arrays of the Python API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browser import ROOT, canvas_pixels, drag_lambda, requests_of, settle

from explorer.inside import LogRatio
from explorer.metrics import ms_ssim_db
from explorer.session import Session

if TYPE_CHECKING:
    from playwright.sync_api import Page

VIEWER = f"{ROOT}.viewer"
RATIO = f"{VIEWER}.inside.views.ratio"
RIGHT = f"{VIEWER}.stage.layers.frame.canvas"
CAPTION_SHARE = re.compile(r"([\d.]+) % beyond the scale")
CAPTION = "[data-panel=ratio] .mae-figure:first-child figcaption"


def apply(page: Page, **values: Any) -> None:
    assert page.evaluate("(values) => document.querySelector('.mae').viewer.set(values)", values) == []
    settle(page)


def shown_values(page: Page) -> np.ndarray:
    values = page.evaluate(f"Array.from({RATIO}.ratio.systems.get('model').values, (v) => Number.isNaN(v) ? null : v)")
    return np.array(values, np.float32)


def same_as(ratio: LogRatio, page: Page) -> None:
    np.testing.assert_array_equal(shown_values(page), ratio.value.astype(np.float16).astype(np.float32).ravel())


def test_the_map_holds_pythons_values_and_follows_the_slider(page: Page, session: Session) -> None:
    apply(page, view="ratio", channel=2)
    same_as(session.log_ratio(4096, 256), page)
    apply(page, **{"lambda": 700})
    same_as(session.log_ratio(4096, 700), page)
    apply(page, a="-", b=300.5)
    same_as(session.log_ratio(700, 300.5), page)
    assert page.evaluate(f"{VIEWER}.state.read().b") == 300.5
    assert "fixed here: λ 300.5" in page.inner_text("[data-panel=ratio] .mae-inside-head")


def test_captions_and_values_under_the_pointer_are_pythons(page: Page, session: Session) -> None:
    apply(page, view="ratio", channel=2, b=256)
    ratio = session.log_ratio(4096, 256)
    caption = page.inner_text(CAPTION)
    assert f"spread {ratio.spread[2]:.3f}" in caption
    assert f"{100 * np.isnan(ratio.value[2]).mean():.2g} % masked" in caption
    row, column = map(int, np.argwhere(~np.isnan(ratio.value[2]))[0])
    page.evaluate(f"{VIEWER}.inside.hover({{ row: {row}, column: {column} }})")
    text = page.inner_text("[data-panel=ratio] .mae-figure:first-child .mae-figure-head span")
    assert float(text.removeprefix("×")) == pytest.approx(2 ** ratio.value[2, row, column], rel=0.01)


def test_the_map_over_the_picture_has_the_colours_of_the_values(page: Page, session: Session) -> None:
    apply(page, view="ratio", channel=2, b=256, opacity=100)
    colours = canvas_pixels(page, f"{VIEWER}.stage.layers.map.canvas")[..., :3].astype(int)
    ratio = session.log_ratio(4096, 256)
    distance = ratio.value[2] - ratio.median[2]
    redness = colours[..., 0] - colours[..., 2]
    assert (colours[np.isnan(distance)] == (0x8B, 0x8F, 0x96)).all()
    assert np.isnan(distance).any()
    spread = ratio.spread[2]  # a fraction of what the bar spans, which is the same for all channels
    assert (redness[distance > spread] > 10).all()
    assert (redness[distance < -spread] < -10).all()


def test_each_system_has_its_map(page: Page) -> None:
    apply(page, view="ratio", b=64)
    captions = page.locator("[data-panel=ratio] .mae-figure").all_inner_texts()
    assert len(captions) == 3 and all("spread" in caption for caption in captions)


def test_channel_scale_and_colours_need_no_request(page: Page) -> None:
    apply(page, view="ratio", b=256)
    with requests_of(page) as asked:
        took = page.evaluate(f"""() => {{
          const start = performance.now();
          for (let channel = 0; channel < 20; channel++) {VIEWER}.inside.setChannel(channel);
          return (performance.now() - start) / 20;
        }}""")
        page.select_option("[data-state=centre]", "one")
        page.select_option("[data-state=ratiocolours]", index=1)
    print(f"\nswitching the channel of the ratio view: {took:.1f} ms")
    assert asked == []


def test_drag_with_ratio_maps_ends_on_the_last_lambda(page: Page, session: Session) -> None:
    apply(page, view="ratio", channel=2)
    _, last = drag_lambda(page, "drag with ratio maps")
    same_as(session.log_ratio(4096, last["lmbda"]), page)


def test_ratio_spread_sorts_channels_and_is_asked_for_only_then(page: Page, session: Session) -> None:
    with requests_of(page) as asked:
        apply(page, view="channels", **{"lambda": 300})
    assert asked and not any("ratio" in url for url in asked)
    apply(page, sort="spread")
    order = page.evaluate(f"{VIEWER}.inside.views.channels.multiples.shown.order")
    spreads = session.log_ratio(4096, 64).spread[order]
    known = spreads[~np.isnan(spreads)]
    assert len(known) and (np.diff(known) <= 0).all()
    assert np.isnan(spreads[len(known) :]).all()


def test_leaving_a_channel_out_shows_the_picture_without_it_and_what_it_costs(page: Page, session: Session) -> None:
    apply(page, view="channels", channel=3)
    assert page.is_checked("[data-part=overlay]")
    page.click(".mae-fold > summary")  # folded on a low screen
    page.click("text=Leave out")
    settle(page)
    edited = session.edit(256, {3: 0})
    np.testing.assert_array_equal(canvas_pixels(page, RIGHT)[..., :3], edited.pixels)
    assert not page.is_checked("[data-part=overlay]"), "the map would hide the picture"
    assert "without channel 3" in page.inner_text("[data-part=rightTag]")
    point = session.point(256)
    saved = float(session.bits(256)[3].sum()) / (point.width * point.height)
    page.wait_for_function(f"!{VIEWER}.shown.header.point.approximate")
    cost = page.inner_text(".mae-detail-side p:last-child")
    assert float(cost.split("saves ")[1].split()[0]) == pytest.approx(saved, abs=6e-4)
    assert f"costs {point.psnr - edited.psnr:.2f} dB" in cost
    numbers = {key: page.inner_text(f"[data-number={key}]") for key in ("psnr", "ms_ssim", "estimated")}
    assert numbers["psnr"] == f"{edited.psnr:.2f}" and numbers["ms_ssim"] == f"{ms_ssim_db(edited.ms_ssim):.2f}"
    assert float(numbers["estimated"]) == pytest.approx(edited.estimated_bits / (point.width * point.height), abs=6e-4)
    struck = page.eval_on_selector_all("[data-struck]", "(all) => all.map((each) => each.dataset.number)")
    assert struck == ["bpp", "bytes", "ratio"] and page.inner_text("[data-number=bytes]") == f"{point.bytes:,}"
    page.click("[data-part=exports] > summary")
    page.wait_for_selector("[data-part=exportList] >> text=Compressed file, without the change")
    page.click("[data-part=exports] > summary")

    apply(page, **{"lambda": 512})
    np.testing.assert_array_equal(canvas_pixels(page, RIGHT)[..., :3], session.edit(512, {3: 0}).pixels)
    page.click(".mae-detail-side >> text=Reset")
    settle(page)
    page.wait_for_function(f"{VIEWER}.stage.layers.frame.pixels === {VIEWER}.shown.frame.pixels")
    np.testing.assert_array_equal(canvas_pixels(page, RIGHT)[..., :3], session.reconstruct(512))
    assert page.locator("[data-struck]").count() == 0
    assert page.inner_text("[data-number=psnr]") == f"{session.point(512).psnr:.2f}"


def test_edits_are_a_part_of_the_state_and_only_where_their_control_is(page: Page, session: Session) -> None:
    apply(page, view="channels", edit="17=0,3=2")
    assert page.evaluate(f"{VIEWER}.state.read().edit") == "3=2,17=0"
    np.testing.assert_array_equal(canvas_pixels(page, RIGHT)[..., :3], session.edit(256, {3: 2, 17: 0}).pixels)
    apply(page, view="rd")
    page.wait_for_function(f"{VIEWER}.stage.layers.frame.pixels === {VIEWER}.shown.frame.pixels")
    for text in ("17", "17=", "999=0", "17=9", "17=0;3=1", "17=0,17=1", "-1=0", "17=1e1"):
        rejected = page.evaluate("(edit) => document.querySelector('.mae').viewer.set({ edit })", text)
        assert rejected == ["edit"], text
    assert page.evaluate(f"{VIEWER}.state.read().edit") == "3=2,17=0"


def test_the_histogram_counts_symbols_under_the_priors_probabilities(page: Page, session: Session) -> None:
    apply(page, view="channels", channel=3)
    page.wait_for_function(f"{VIEWER}.inside.views.channels.detail.chart.data.length === 2")
    occurs, prior = page.evaluate(f"{VIEWER}.inside.views.channels.detail.chart.data.map(({{ x, y }}) => ({{ x, y }}))")
    symbols = session.symbols(256)[3]
    for symbol, share in zip(occurs["x"], occurs["y"], strict=True):
        assert share == pytest.approx((symbols == symbol).mean(), abs=1e-9)
    bits = session.bits(256)[3]
    for symbol, probability in zip(prior["x"], prior["y"], strict=True):
        if (symbols == symbol).any():
            assert -np.log2(probability) == pytest.approx(float(bits[symbols == symbol][0]), rel=1e-5)


def test_every_choice_has_a_key_of_its_own(page: Page) -> None:
    keys = page.evaluate("Array.from(document.querySelectorAll('select[data-state]'), (each) => each.dataset.state)")
    assert len(keys) == len(set(keys))


def test_ratio_opens_on_a_typical_channel_and_a_link_says_which(page: Page, session: Session) -> None:
    assert "channel" not in page.evaluate(f"{VIEWER}.state.read()")
    apply(page, view="ratio", b=256)
    ratio = session.log_ratio(4096, 256)
    shown = np.flatnonzero(np.isnan(ratio.value).mean((1, 2)) < 0.5)
    spreads = np.sort(ratio.spread[shown])
    channel = page.evaluate(f"{VIEWER}.inside.channel")
    assert channel in shown and abs(np.searchsorted(spreads, ratio.spread[channel]) - len(shown) // 2) <= 1
    assert page.evaluate(f"{VIEWER}.state.read().channel") == channel
    apply(page, channel=0)
    assert page.evaluate(f"{VIEWER}.state.changes().channel") == "0"


def test_one_scale_for_all_channels_marks_what_lies_beyond_it(page: Page, session: Session) -> None:
    apply(page, view="ratio", channel=2, b=256, opacity=100)
    ratio = session.log_ratio(4096, 256)
    distance = ratio.value[2] - ratio.median[2]
    beyond = np.abs(distance) > 0.5
    known = np.isfinite(distance)
    share = float(CAPTION_SHARE.search(page.inner_text(CAPTION))[1])
    assert share == pytest.approx(100 * beyond[known].mean(), rel=0.05) and 0 < share < 50
    colours = canvas_pixels(page, f"{VIEWER}.stage.layers.map.canvas")[..., :3].astype(int)
    ends = {tuple(colour) for colour in colours[beyond]}
    assert len(ends) <= 2 and not ends & {tuple(colour) for colour in colours[known & ~beyond]}
    legend = "[data-panel=ratio] .mae-legend"
    assert page.eval_on_selector_all(f"{legend} span", "(all) => all.map((each) => each.textContent)") == [
        "×0.707", "×1", "×1.41",
    ]  # fmt: skip
    apply(page, ratioscale="own", channel=0)
    assert "×0.707" not in page.inner_text(legend)


def test_the_arrays_saved_from_ratio_hold_its_ratios(page: Page, session: Session) -> None:
    apply(page, view="ratio", b=300.5)
    page.click("[data-part=exports] > summary")
    with page.expect_download() as saved:
        page.click("[data-save=NPZ]")
    with np.load(saved.value.path()) as arrays:
        np.testing.assert_array_equal(arrays["model_log2_ratio"], session.log_ratio(4096, 300.5).value)


def test_a_ratio_of_one_lambda_is_no_figure(page: Page) -> None:
    apply(page, view="ratio", **{"lambda": 4096})
    finding = page.inner_text("[data-panel=ratio] .mae-finding")
    assert finding == "Both λ are 4096, so there is no ratio to show: choose two that differ."
    assert "0.000" not in page.inner_text("[data-panel=ratio]")
    apply(page, **{"lambda": 3500})
    text = page.inner_text("[data-panel=ratio] .mae-figure:last-child")
    assert "nearest to both λ is that of λ 4096" in text and "spread" not in text
