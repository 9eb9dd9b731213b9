"""The one JavaScript viewer, as text: the app serves it, the notebook widget hands it to anywidget.

The source is a few small ES modules. `module()` joins them into a single module without imports, which a browser can
load from anywhere, also from the blob that anywidget makes of its `_esm` text. The joining is deliberately plain: every
module imports only its neighbours, on one line each, and no two modules share a top-level name, so dropping the import
lines and the word `export` is enough. `createViewer`, `httpTransport` and `decodeFrame` stay exported; a widget appends
its own `export default { render }` that calls `createViewer(el, transport)`.
"""

import re
from pathlib import Path

FOLDER = Path(__file__).parent
# Each module comes after those that it imports.
MODULES = (
    "vendor/d3-zoom.js",
    "latest.js",
    "pixels.js",
    "transport.js",
    "page.js",
    "curves.js",
    "readout.js",
    "labels.js",
    "verdict.js",
    "slider.js",
    "opening.js",
    "layers.js",
    "stage.js",
    "modes.js",
    "plot.js",
    "panel.js",
    "compare.js",
    "chooser.js",
    "keys.js",
    "listen.js",
    "viewer.js",
)
EXPORTS = "export { createViewer, httpTransport, decodeFrame };\n"


def module() -> str:
    """The viewer as one self-contained ES module."""
    sources = (FOLDER.joinpath(name).read_text(encoding="utf-8") for name in MODULES)
    return "\n".join(_inline(source) for source in sources) + EXPORTS


def style() -> str:
    """The viewer's style sheet; every rule is below the class `mae`."""
    return FOLDER.joinpath("viewer.css").read_text(encoding="utf-8")


def _inline(source: str) -> str:
    without_imports = re.sub(r"^import .*\n", "", source, flags=re.MULTILINE)
    return re.sub(r"^export (?=const|function|class|async)", "", without_imports, flags=re.MULTILINE)
