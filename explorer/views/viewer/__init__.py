"""The one JavaScript viewer: small ES modules, of which each view of a session starts one.

browser.js   first of all, whether the browser is too old: see `check`
app.js       the app's page, which imports the modules as they are: see `sources`
widget.js    the notebook's cell ┐ each joined with what it imports into one text, which a browser can load from
exported.js  a page to keep      ┘ anywhere: see `join`
"""

import hashlib
from functools import cache
from pathlib import Path

import plotly

from explorer.views.viewer.join import Module, join, read

FOLDER = Path(__file__).parent
# The plotly.js that came with plotly.py: no file is fetched from elsewhere.
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
SAY = "({ el }) => { el.textContent = tooOld(); }"
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}


def module(entry: str) -> str:
    """A module with all that it imports as one self-contained ES module, which exports what it does."""
    exported = ", ".join(read(FOLDER, entry)[-1].exports)
    return f'const modules = {{}};\n{join(FOLDER, entry)}\nexport const {{ {exported} }} = modules["{entry}"];\n'


def check() -> str:
    """Functions of JavaScript, in the language of any browser: tooOld() is "" or a sentence for who has an old one."""
    return FOLDER.joinpath("browser.js").read_text(encoding="utf-8").replace("export function", "function")


def widget() -> str:
    """The viewer as anywidget takes it: a module whose default export has `render`.

    Each widget brings the module to the page anew, and a browser never lets go of one: only the first is run."""
    body = join(FOLDER, "widget.js")
    key = f"mae-explorer {hashlib.sha256(body.encode()).hexdigest()[:16]}"
    make = f'const make = () => {{\nconst modules = {{}};\n{body}\nreturn modules["widget.js"];\n}};'
    found = f'globalThis[Symbol.for("{key}")] ??= make()'
    return f"{check()}\n{make}\nexport default tooOld() ? {{ render: {SAY} }} : ({found});\n"


def style() -> str:
    """The viewer's style sheet; every rule is below the class `mae`."""
    return FOLDER.joinpath("viewer.css").read_text(encoding="utf-8")


def tabs() -> list[str]:
    """The names of the tabs beside the picture, in order: those of the modules that tabs.js lists."""
    return [Path(name).stem for name in Module.read(FOLDER, "tabs.js").imports]


@cache
def sources() -> dict[str, Path]:
    """The viewer's modules and its style sheet by their paths below the folder: what a server may hand out."""
    return {path.relative_to(FOLDER).as_posix(): path for path in FOLDER.rglob("*") if path.suffix in MEDIA_TYPES}
