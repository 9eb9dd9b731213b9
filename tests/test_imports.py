"""What is imported: declared, nothing before it is needed, and CompressAI not at all where it has no wheel."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import explorer
from explorer.priors.rans import NAME

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
FOR_USERS = ("dask", "notebook", "zoo")
NOT_IMPORTED = {"jupyterlab", "websockets"}  # what opens the notebooks, and what uvicorn imports by itself


# -- declared --------------------------------------------------------------------------------------------------------


def plain(name: str) -> str:
    """A distribution's name as package registries compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(*extras: str) -> set[str]:
    lines = PROJECT["dependencies"] + [line for extra in extras for line in EXTRAS[extra]]
    return {plain(re.match(r"[\w.-]+", line)[0]) for line in lines}


def imports(node: ast.AST) -> Iterable[str]:
    """First names of what a module imports at run time, lazily or not."""
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        yield node.module.partition(".")[0]
    elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    for child in ast.iter_child_nodes(node):
        yield from imports(child)


def imported(folder: Path) -> set[str]:
    """The distributions that a folder's modules import; of a name that several bring, the one that is declared."""
    known = packages_distributions()
    names = {name for path in folder.rglob("*.py") for name in imports(ast.parse(path.read_text(encoding="utf-8")))}
    names -= {*sys.stdlib_module_names, "explorer"}
    return {plain(known.get(name, [name])[0]) for name in names} | {"compressai"}  # which its loader names by a string


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    found = imported(Path(explorer.__file__).parent)
    assert found - declared(*FOR_USERS) == set()
    assert declared(*FOR_USERS) - NOT_IMPORTED - found == set()


# -- when ------------------------------------------------------------------------------------------------------------

PAGE = {"gradio", "fastapi", "starlette", "uvicorn", "plotly", "pandas"}
RARE = {"compressai", "torchvision", "torch_geometric", "matplotlib", "scipy", "distributed", "IPython", "av"}
ALL = {"torch", "numpy", "PIL", "safetensors", "tqdm", "anywidget", NAME, *PAGE, *RARE}
RUN = "import explorer.__main__\nassert explorer.__main__.main({}) == 0"
OPENED = """
from fastapi.testclient import TestClient
from explorer.views.app import create_app
app = create_app()
app.state.api.warm_up()
with TestClient(app, base_url="http://127.0.0.1") as client:
    assert client.get("/").status_code == client.get("/api/setup").status_code == 200
"""
CASES = {
    "the package": ("import explorer", ALL),
    "the parser": ("import explorer.__main__", ALL),
    "a model": ("import explorer; explorer.load_model('mae')", PAGE | RARE | {NAME}),
    "encode": (RUN.format(["encode", "0.png", "0.mae", "--lambda", "512"]), PAGE | RARE),
    "decode": (RUN.format(["decode", "known.mae", "0.png"]), PAGE | RARE),
    "info": (RUN.format(["info", "known.mae"]), PAGE | RARE | {"torch"}),
    "the app": (OPENED, RARE - {"IPython", "av"}),  # Gradio looks for IPython; PyAV says whether BPG has its encoder
}


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_imported_before_it_is_needed(case, work):
    code, barred = CASES[case]
    found = run(f"{code}\nimport sys, json; print(json.dumps(list(sys.modules)))", work)
    assert barred & set(json.loads(found.splitlines()[-1])) == set()


@pytest.fixture(scope="module")
def known() -> bytes:
    return explorer.load_model("mae", device="cpu").encode(np.full((40, 60, 3), 90, np.uint8), 512)


@pytest.fixture
def work(tmp_path: Path, known: bytes) -> Path:
    """A folder with a picture and a file."""
    Image.new("RGB", (60, 40), (90, 90, 90)).save(tmp_path / "0.png")
    (tmp_path / "known.mae").write_bytes(known)
    return tmp_path


def run(code: str, folder: Path) -> str:
    """What a fresh Python prints."""
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


# -- without CompressAI ----------------------------------------------------------------------------------------------

HIDDEN = """
import sys
class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] == "compressai" else self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = map(Without, sys.meta_path)
from explorer.priors import pure_rans, rans
assert rans.coder() is pure_rans
"""


def test_without_compressai_all_goes_on(work, known):
    commands = [
        ["encode", "0.png", "0.mae", "--lambda", "512", "--model", "mae"],
        ["decode", "known.mae", "again.png"],
        ["evaluate", ".", "--codecs", "mae,jpeg", "--points", "2", "--json", "rows.json"],
    ]
    runs = "\n".join(f"assert main({command}) == 0" for command in commands)
    run(f"{HIDDEN}\nfrom explorer.__main__ import main\n{runs}\n{OPENED}", work)
    same = Image.new("RGB", (60, 40), (90, 90, 90))
    assert (work / "0.mae").read_bytes() == explorer.load_model("mae", device="cpu").encode(same, 512) == known
    np.testing.assert_array_equal(np.asarray(Image.open(work / "again.png")), explorer.decode(known, "cpu"))
    assert {row["codec"] for row in json.loads((work / "rows.json").read_text())["rows"]} == {"mae", "jpeg"}


def test_without_compressai_its_models_say_what_they_need(work):
    code = """
from explorer import bench
from explorer.__main__ import main
from explorer.codecs import ZOO, MissingPackage, zoo
assert bench.compressai(16, 16) is None
zoo.folder().mkdir(parents=True)
(zoo.folder() / "bmshj2018-factorized-prior-1-0.pth.tar").touch()
for act in (lambda: ZOO["bmshj2018-factorized"].version, lambda: ZOO["bmshj2018-factorized"].addresses):
    try:
        act()
    except MissingPackage as error:
        print(error)
assert main(["fetch", "zoo"]) == 2
"""
    told = run(f"import os; os.environ['TORCH_HOME'] = 'hub'\n{HIDDEN}{code}", work)
    assert told.splitlines() == 2 * ["CompressAI's pretrained models need its package: run `pip install compressai`."]
