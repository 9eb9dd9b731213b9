"""The viewer's files: modules that are joined in the order of their imports, or served as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from explorer.views import viewer
from explorer.views.service.static import static_files
from explorer.views.viewer.join import JoinError, Module, join, read

ENTRIES = ("app.js", "widget.js", "exported.js")
SVG = "http://www.w3.org/2000/svg"  # a name, from which nothing is loaded


@pytest.fixture(scope="module")
def client() -> TestClient:
    server = FastAPI()
    server.include_router(static_files(), prefix="/viewer")
    return TestClient(server)


def names(folder: Path, entry: str) -> list[str]:
    return [module.name for module in read(folder, entry)]


def write(folder: Path, **sources: str) -> None:
    for name, source in sources.items():
        path = folder / f"{name.replace('_', '/')}.js"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source, encoding="utf-8")


# -- the order --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ENTRIES)
def test_each_module_comes_after_those_that_it_imports(entry: str) -> None:
    modules = read(viewer.FOLDER, entry)
    before: set[str] = set()
    for module in modules:
        assert set(module.imports) <= before, module.name
        before.add(module.name)
    assert modules[-1].name == entry and len(before) == len(modules) == len(names(viewer.FOLDER, entry))


def test_every_module_is_used() -> None:
    used = {name for entry in ENTRIES for name in names(viewer.FOLDER, entry)}
    alone = {"wire/types.js", "browser.js"}  # for the type checker; before all others
    assert used == {name for name in viewer.sources() if name.endswith(".js")} - alone


def test_a_module_runs_once_where_a_browser_would_run_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        main='import { b } from "./room/b.js";\nimport { a } from "./a.js";\nexport const sum = a + b;',
        room_b='import { a } from "../a.js";\nexport const b = a + 1;',
        a="export const a = 1;",
    )
    assert names(tmp_path, "main.js") == ["a.js", "room/b.js", "main.js"]


# -- what is understood, and what is refused --------------------------------------------------------------------------


def test_imports_of_several_lines_and_other_names_are_understood(tmp_path: Path) -> None:
    write(tmp_path, main='import {\n  a,\n  b as other,\n} from "./a.js";', a="export const { a, b } = { a: 1, b: 2 };")
    module = Module.read(tmp_path, "main.js")
    assert module.imports == {"a.js": ["a", "b"]}
    assert module.body == 'const { a, b: other } = modules["a.js"];'


def test_exports_of_each_kind_are_understood(tmp_path: Path) -> None:
    source = "export const a = 1;\nexport const { b, c } = a;\nexport function d() {}\nexport async function e() {}\n"
    write(tmp_path, main=source + "export class F {}\n// export default is none\nconst g = { export: 1 };")
    module = Module.read(tmp_path, "main.js")
    assert module.exports == ["a", "b", "c", "d", "e", "F"]
    assert module.wrapped().endswith("return { a, b, c, d, e, F };\n})();")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ('import a from "./a.js";', "import a from"),
        ('import * as a from "./a.js";', "import * as a"),
        ('import a, { b } from "./a.js";', "import a, { b }"),
        ('import "./a.js";', 'import "./a.js"'),
        ("import { a } from './a.js';", "import { a } from './a.js'"),
        ('  import { a } from "./a.js";', "import { a }"),
        ('const b = 1; import { a } from "./a.js";', "import { a }"),
        ('const a = await import("./a.js");', "import("),
        ("const here = import.meta.url;", "import.meta"),
        ('export { a } from "./a.js";', "export { a } from"),
        ('export * from "./a.js";', "export * from"),
        ("const a = 1;\nexport { a };", "export { a }"),
        ("export default function a() {}", "export default"),
        ("export let a = 1;", "export let a"),
        ("export const { a: b } = { a: 1 };", "export const { a: b }"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_words(tmp_path: Path, source: str, says: str) -> None:
    write(tmp_path, main=source, a="export const a = 1;\nexport const b = 2;")
    with pytest.raises(JoinError, match=re.escape(f"main.js: “{says}")):
        join(tmp_path, "main.js")


def test_a_circle_is_refused_and_told(tmp_path: Path) -> None:
    write(
        tmp_path,
        main='import { a } from "./a.js";',
        a='import { b } from "./b.js";\nexport const a = 1;',
        b='import { a } from "./a.js";\nexport const b = 1;',
    )
    with pytest.raises(JoinError, match=r"in a circle: a\.js → b\.js → a\.js\."):
        join(tmp_path, "main.js")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ('import { a } from "./none.js";', "main.js imports none.js, which is not there."),
        ('import { a, c } from "./a.js";', "main.js imports c of a.js, which exports no such thing."),
        ('import { a } from "d3";', "main.js imports “d3”;"),
        ('import { a } from "../a.js";', "main.js imports “../a.js”;"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, source: str, says: str) -> None:
    write(tmp_path, main=source, a="export const a = 1;")
    with pytest.raises(JoinError, match=re.escape(says)):
        join(tmp_path, "main.js")


# -- what views get ---------------------------------------------------------------------------------------------------


def test_the_exported_page_has_one_module_without_imports() -> None:
    text = viewer.module("exported.js")
    assert not re.search(r"^import ", text, re.MULTILINE)
    assert re.findall(r"^export .*", text, re.MULTILINE) == ['export const { start } = modules["exported.js"];']


def test_the_widget_has_the_same_modules() -> None:
    assert join(viewer.FOLDER, "viewer.js") in viewer.widget()
    assert re.findall(r"^export (\w+)", viewer.widget(), re.MULTILINE) == ["default"]


def test_the_app_serves_modules_as_they_are(client: TestClient) -> None:
    for name in (*names(viewer.FOLDER, "app.js"), "viewer.css"):
        answer = client.get(f"/viewer/{name}")
        assert answer.content == viewer.FOLDER.joinpath(name).read_bytes()
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        assert answer.headers["content-type"] == f"{kind}; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    ["__init__.py", "join.py", "story/lessons.json", "vendor/LICENSE", "inside", "none.js", "", "%2e%2e/app.py",
     "..%2fviewer%2fviewer.js", "wire/..%2Fviewer.js", "%2Fetc%2Fpasswd", "viewer.js%00"],
)  # fmt: skip
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(f"/viewer/{path}").status_code == 404


def test_nothing_is_fetched_from_elsewhere() -> None:
    own = [path for name, path in viewer.sources().items() if not name.startswith("vendor/")]
    assert len(own) > 50
    for path in own:
        text = path.read_text(encoding="utf-8").replace(SVG, "")
        # A style sheet's @import; that of a type, in a comment, has braces.
        assert not re.search(r"https?://|//cdn|@import (?!\{)", text), path.name
