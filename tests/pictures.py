"""`python -m tests.pictures docs`: the README's pictures of the app as it is, each a link's page in Chromium.

The curves and the numbers that come last, SSIMULACRA2 and times, are waited for. Charts are drawn by `explorer report`
and `explorer bench`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser import ROOT, SERVE, launched, open_app, painted, serving, settle, visiting

if TYPE_CHECKING:
    from playwright.sync_api import Page

VIEWPORT = {"width": 1280, "height": 800}
PICTURES = {
    "app.jpg": "picture=parrots&model=mae-hyperprior&lambda=256",
    "ratio.jpg": "picture=parrots&model=mae-hyperprior&lambda=256&view=ratio&channel=5",
}
WHOLE = f"""() => {{
  const {{ viewer, dataset }} = {ROOT}, {{ panel }} = viewer;
  const isMeasured = document.querySelector("[data-number=ssimulacra2]").textContent.match(/\\d/);
  return isMeasured && !dataset.pending && ["model", ...panel.names()].every((each) => panel.curveOf(each).done);
}}"""


def take(page: Page, address: str, link: str, path: Path) -> None:
    """A picture of what a link shows, once nothing of it is still to come."""
    open_app(page, f"{address}/#{link}")
    settle(page)
    page.wait_for_function(WHOLE)
    painted(page)
    page.screenshot(path=path, type="jpeg", quality=88)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description="The README's pictures of the app.")
    parser.add_argument("folder", type=Path, help="where to put them")
    folder = parser.parse_args().folder
    with launched() as browser, serving(SERVE) as address:
        for name, link in PICTURES.items():
            with visiting(browser, address, viewport=VIEWPORT) as page:
                take(page, address, link, folder / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
