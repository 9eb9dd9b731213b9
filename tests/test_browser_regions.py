"""A painted picture's numbers, its comparison with one λ, and its link, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from browser import ROOT, settle

from explorer.condition import Condition
from explorer.lambda_map import LambdaMap
from explorer.session import Session

if TYPE_CHECKING:
    from playwright.sync_api import Page

STEPS = np.zeros((8, 12), int)
STEPS[2:5, 3:8] = 16
MAP = LambdaMap.of(STEPS)
PAINTED = Condition.of(256, MAP)
BESIDE = f"""() => {{
  const {{ shown, pending }} = {ROOT}.viewer.comparison, rows = document.querySelectorAll("[data-part=regions] tr");
  return shown && !pending && Array.from(rows, ({{ innerText }}) => innerText.split("\\t"));
}}"""


def test_one_click_shows_the_same_bytes_with_one_lambda(page: Page, session: Session) -> None:
    assert page.is_hidden("[data-part=painted]")
    page.evaluate(f"{ROOT}.viewer.set({{ lambda: 256, paint: '{MAP.text}' }})")
    settle(page)
    point = session.point(PAINTED, quick=True)
    assert page.inner_text("[data-number=bytes]") == f"{point.bytes:,}"
    assert page.inner_text("[data-part=rightTag]").startswith("λ 256, painted")
    page.click("[data-part=oneLambda]")
    rows = page.wait_for_function(BESIDE).json_value()
    beside = page.evaluate(f"{ROOT}.viewer.comparison.shown.header")
    assert 0 <= 1 - beside["point"]["bytes"] / point.bytes < 0.02
    own, others = session.painted(PAINTED), session.painted(PAINTED, seen_at=beside["setting"])
    for (name, area, psnr, _, their_psnr, _), key in zip(rows[1:], ("above", "at"), strict=True):
        assert (name, area) == ({"above": "λ raised", "at": "λ as set"}[key], f"{round(100 * own[key].share)} %")
        assert (psnr, their_psnr) == (f"{own[key].psnr:.2f}", f"{others[key].psnr:.2f}")
    assert page.inner_text("[data-part=leftTag]").startswith(f"one λ, λ {beside['setting']:.3g} · ")
    page.wait_for_function("document.querySelector('[data-part=verdict]').innerText.includes('dB below one λ')")


def test_a_link_brings_the_painting_back_and_another_size_drops_it(page: Page) -> None:
    page.evaluate(f"{ROOT}.viewer.set({{ paint: '{MAP.text}', compare: 'mae:rate' }})")
    settle(page)
    page.wait_for_function("location.hash.includes('paint=') && location.hash.includes('compare=mae:rate')")
    link = page.url
    page.evaluate(f"{ROOT}.viewer.set({{ paint: '' }})")  # and with it what one λ was compared for
    page.wait_for_function("!location.hash.includes('paint=') && !location.hash.includes('compare=')")
    page.evaluate("(hash) => { location.hash = hash; }", link.partition("#")[2])
    page.wait_for_function(f"{ROOT}.viewer.map?.text === '{MAP.text}'")
    settle(page)
    page.evaluate(
        """async ([root, width, height]) => {
          const canvas = new OffscreenCanvas(width, height);
          canvas.getContext("2d").fillRect(0, 0, 50, 50);
          const file = new File([await canvas.convertToBlob()], "other.png");
          await document.querySelector(root).viewer.open({ file });
        }""",
        [".mae", 200, 70],
    )
    assert page.evaluate(f"{ROOT}.viewer.map") is None
    assert "this picture has another size" in page.inner_text("[data-part=notice]")
    assert page.is_hidden("[data-part=painted]")
    page.wait_for_function("!location.hash.includes('paint=')")
