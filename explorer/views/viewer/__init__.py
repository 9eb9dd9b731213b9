"""The one JavaScript viewer, as text: the app serves it, the notebook widget hands it to anywidget.

The source is a few small ES modules. `module()` joins them into a single module without imports, which a browser can
load from anywhere, also from the blob that anywidget makes of its `_esm` text. The joining is deliberately plain: each
module becomes a function of its own, called in order, that returns what it exports, so names do not meet; imports and
exports stand on one line each. `createViewer`, two transports and `decodeFrame` are exported; `widget()` is the same
module with the `render` that anywidget calls.
"""

import hashlib
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

import plotly

FOLDER = Path(__file__).parent
# The plotly.js that came with plotly.py: no file is fetched from elsewhere.
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
# Each module comes after those that it imports.
MODULES = (
    "vendor/d3-zoom.js",
    "latest.js",
    "pixels.js",
    "transport.js",
    "offline.js",
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
    "chart.js",
    "plot.js",
    "panel.js",
    "compare.js",
    "chooser.js",
    "keys.js",
    "inside/bottleneck.js",
    "inside/colours.js",
    "inside/controls.js",
    "inside/readings.js",
    "inside/probe.js",
    "inside/pins.js",
    "inside/card.js",
    "inside/inspection.js",
    "inside/multiples.js",
    "inside/edits.js",
    "inside/detail.js",
    "inside/channels.js",
    "inside/lambdas.js",
    "inside/largemap.js",
    "inside/ratios.js",
    "inside/spreads.js",
    "inside/ratio.js",
    "inside/lambdachart.js",
    "inside/modulators.js",
    "inside/gainmap.js",
    "inside/featuremaps.js",
    "inside/modulation.js",
    "inside/blockmaps.js",
    "inside/channelbars.js",
    "inside/bits.js",
    "inside/inside.js",
    "values.js",
    "fields.js",
    "state.js",
    "links.js",
    "player.js",
    "score.js",
    "prior.js",
    "quiz.js",
    "lessons.js",
    "files.js",
    "exports.js",
    "listen.js",
    "viewer.js",
)
EXPORTS = """
export const { createViewer } = modules["viewer.js"];
export const { httpTransport } = modules["transport.js"];
export const { offlineTransport } = modules["offline.js"];
export const { decodeFrame } = modules["pixels.js"];
"""
# What a widget needs beside the viewer.
WIDGET_MODULES = ("messages.js", "widget.js")
_IMPORT = re.compile(r"^import (\{.*\}) from \"(.*)\";$", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|let|(?:async )?function|class) (\w+|\{.*?\}))", re.MULTILINE)


def module() -> str:
    """The viewer as one self-contained ES module."""
    return "const modules = {};\n" + _joined(MODULES) + EXPORTS


def widget() -> str:
    """The same as anywidget takes it: a module whose default export has `render`.

    Each widget brings the module to the page anew, and a browser never lets go of one: only the first is run."""
    body = _joined(MODULES + WIDGET_MODULES)
    key = f"mae-explorer {hashlib.sha256(body.encode()).hexdigest()[:16]}"
    make = f'const make = () => {{\nconst modules = {{}};\n{body}\nreturn modules["widget.js"];\n}};'
    return f'{make}\nexport default (globalThis[Symbol.for("{key}")] ??= make());\n'


def style() -> str:
    """The viewer's style sheet; every rule is below the class `mae`."""
    return FOLDER.joinpath("viewer.css").read_text(encoding="utf-8")


def _joined(names: Iterable[str]) -> str:
    return "\n".join(_wrapped(name, FOLDER.joinpath(name).read_text(encoding="utf-8")) for name in names)


def _wrapped(name: str, source: str) -> str:
    def imported(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), found[2]))
        return f'const {found[1]} = modules["{target}"];'

    exported = ", ".join(each.strip("{} ") for each in _EXPORT.findall(source))
    body = _EXPORT.sub("", _IMPORT.sub(imported, source))
    return f'modules["{name}"] = (() => {{\n{body}\nreturn {{ {exported} }};\n}})();'
