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
    "wire/latest.js",
    "picture/pixels.js",
    "wire/transport.js",
    "wire/offline.js",
    "page.js",
    "rates/curves.js",
    "rates/readout.js",
    "compare/labels.js",
    "rates/verdict.js",
    "controls/slider.js",
    "picture/opening.js",
    "picture/layers.js",
    "picture/stage.js",
    "picture/modes.js",
    "rates/chart.js",
    "rates/plot.js",
    "rates/panel.js",
    "compare/comparison.js",
    "compare/chooser.js",
    "controls/keys.js",
    "inside/shared/bottleneck.js",
    "inside/shared/colours.js",
    "controls/elements.js",
    "inside/inspection/readings.js",
    "inside/inspection/probe.js",
    "inside/inspection/pins.js",
    "inside/inspection/card.js",
    "inside/inspection/inspection.js",
    "inside/shared/multiples.js",
    "inside/channels/edits.js",
    "inside/channels/detail.js",
    "inside/channels/channels.js",
    "inside/shared/lambdas.js",
    "inside/shared/largemap.js",
    "inside/ratio/ratios.js",
    "inside/ratio/spreads.js",
    "inside/ratio/ratio.js",
    "inside/shared/lambdachart.js",
    "inside/modulation/modulators.js",
    "inside/modulation/gainmap.js",
    "inside/modulation/featuremaps.js",
    "inside/modulation/modulation.js",
    "inside/bits/blockmaps.js",
    "inside/bits/channelbars.js",
    "inside/bits/bits.js",
    "inside/inside.js",
    "state/values.js",
    "state/fields.js",
    "state/state.js",
    "state/links.js",
    "story/player.js",
    "story/score.js",
    "controls/prior.js",
    "story/quiz.js",
    "story/lessons.js",
    "save/files.js",
    "save/exports.js",
    "controls/listen.js",
    "viewer.js",
)
EXPORTS = """
export const { createViewer } = modules["viewer.js"];
export const { httpTransport } = modules["wire/transport.js"];
export const { offlineTransport } = modules["wire/offline.js"];
export const { decodeFrame } = modules["picture/pixels.js"];
"""
# What a widget needs beside the viewer.
WIDGET_MODULES = ("wire/messages.js", "widget.js")
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
