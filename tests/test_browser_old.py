"""Browsers that are too old for the viewer get one sentence, wherever it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from explorer.views import viewer
from explorer.views.service import export

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SENTENCE = (
    "This browser is too old for MAE Explorer: please use Chrome or Edge 111, Firefox 121, Safari 16.4, or newer."
)


@pytest.fixture
def old(browser: Browser) -> Iterator[Page]:
    """A page of a browser that lacks something, as Safari before 16.4 does. No script may fail there."""
    context = browser.new_context()
    context.add_init_script("delete window.DecompressionStream")
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    yield page
    context.close()
    assert not failures


def test_in_the_app(old: Page, address: str) -> None:
    asked: list[str] = []
    old.on("request", lambda request: asked.append(request.url))
    old.goto(address, wait_until="commit")  # there is no more of it
    old.wait_for_function("document.body?.textContent")
    assert old.inner_text("body") == SENTENCE
    assert not [url for url in asked if "/viewer/" in url]


def test_in_a_notebook(old: Page) -> None:
    said = old.evaluate(
        """async (source) => {
      const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      const { default: widget } = await import(url);
      const el = document.createElement("div");
      widget.render({ model: {}, el });
      return el.textContent;
    }""",
        viewer.widget(),
    )
    assert said == SENTENCE


def test_in_a_page_to_keep(old: Page) -> None:
    texts = {"title": "", "about": "", "style": "", "data": "", "plotly": "", "check": viewer.check()}
    old.set_content(export.PAGE.format(module=viewer.module("exported.js"), **texts))
    assert old.inner_text(".mae") == SENTENCE
