"""What is installed: the wheel has the package, its weights and its licences and nothing else, no secret and no trace
of who built it; its types are for those who import it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from detect_secrets import SecretsCollection
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.settings import transient_settings
from packaging.requirements import Requirement
from packaging.version import Version

import explorer

ROOT = Path(__file__).parent.parent
SUFFIXES = {"", ".css", ".js", ".json", ".jsonl", ".md", ".png", ".py", ".safetensors", ".ts", ".typed"}
BINARY = {".png", ".safetensors"}
MOST_TEXT = 200_000  # bytes: what is longer are rows of numbers
FOLDERS = re.compile(rb"/(home|Users|root|tmp|build|mnt|private|var)/|[A-Za-z]:\\\\?Users|file:///\w")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of this tree as it is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    assert wheel.name == f"mae_explorer-{explorer.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


@pytest.fixture(scope="module")
def about(site: Path) -> PathDistribution:
    (found,) = site.glob("*.dist-info")
    return PathDistribution(found)


def files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]


def test_the_wheel_has_the_package_its_weights_and_its_licences_and_nothing_else(site: Path) -> None:
    found = {path.relative_to(site).as_posix() for path in files(site)}
    package = {path.relative_to(ROOT).as_posix() for path in files(ROOT / "explorer")}
    weights = {f"explorer/{path.relative_to(ROOT).as_posix()}" for path in files(ROOT / "checkpoints")}
    rest = {name.partition(".dist-info/")[2] for name in found - package - weights}
    assert package | weights <= found
    assert rest == {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    assert {Path(name).suffix for name in package | weights} <= SUFFIXES
    assert not [name for name in found if re.search(r"(^|/)(\.|tests?/|test_)", name)]
    assert {
        "explorer/py.typed",
        "explorer/checkpoints/mae.safetensors",
        "explorer/views/viewer/vendor/LICENSE",
    } <= found


def test_the_metadata_are_the_packages(about: PathDistribution) -> None:
    assert about.version == explorer.__version__
    fields = about.metadata
    assert (fields["Name"], fields["License-Expression"]) == ("mae-explorer", "MIT")
    assert fields["Description-Content-Type"] == "text/markdown" and fields["Summary"]
    assert [(each.name, each.value) for each in about.entry_points] == [("explorer", "explorer.__main__:program")]
    needed = {re.match(r"[\w-]+", each)[0] for each in about.requires or () if "extra ==" not in each}
    assert {"numpy", "torch", "pillow", "gradio"} <= needed
    assert not needed & {"pytest", "playwright", "hypothesis", "mypy", "ruff", "jupyterlab"}


def test_nothing_is_allowed_that_the_audit_knows_to_be_vulnerable(about: PathDistribution) -> None:
    allowed = {each.name: each.specifier for each in map(Requirement, about.requires or ()) if each.specifier}
    judged = json.loads((ROOT / "docs" / "audit.json").read_text(encoding="utf-8"))["judged"]
    oldest = {each["package"]: each["minimum"] for each in judged if each["minimum"] != "none"}
    assert {"pillow", "pillow-heif", "torch", "starlette"} <= oldest.keys()
    for package, version in oldest.items():
        bounds = [Version(each.version) for each in allowed[package] if each.operator == ">="]
        assert max(bounds) >= Version(version), package


def test_the_changelog_has_this_version() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(\d[\d.]*)\]", changes, re.MULTILINE)[0] == explorer.__version__


def test_no_secret_and_no_folder_of_who_built_it_is_in_the_wheel(site: Path) -> None:
    plugins = [plugin.__name__ for plugin in get_mapping_from_secret_type_to_class().values()]
    secrets = SecretsCollection()
    # Ids of checkpoints and checksums are as random as a key: what is random alone is no secret here.
    with transient_settings({"plugins_used": [{"name": name} for name in plugins if "Entropy" not in name]}):
        for path in files(site):
            if path.suffix not in BINARY and path.stat().st_size < MOST_TEXT:
                secrets.scan_file(str(path))
    assert [(name, secret.type, secret.line_number) for name, secret in secrets] == []
    traces = {path: FOLDERS.search(path.read_bytes()) for path in files(site)}
    assert {path: found for path, found in traces.items() if found} == {}


CONSUMER = """
import explorer

def size(path: str, lmbda: float) -> int:
    session = explorer.Session(explorer.load_model("mae", device="cpu"), path)
    point: explorer.RDPoint = session.point(lmbda)
    received: explorer.Received = explorer.receive(path)
    return point.bytes + len(session.encode(lmbda)) + received.width

explorer.load_model(3.5)
"""
# What it is made of has types of its own, and takes most of the time.
SETTINGS = """
[mypy]
strict = true
[mypy-torch.*,numpy.*,PIL.*,plotly.*,anywidget.*,ipywidgets.*,traitlets.*]
follow_imports = skip
"""


def test_whoever_imports_it_gets_its_types(site: Path, tmp_path: Path) -> None:
    """mypy knows them of the installed package, and finds the one mistake."""
    (tmp_path / "consumer.py").write_text(CONSUMER, encoding="utf-8")
    (tmp_path / "mypy.ini").write_text(SETTINGS, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--cache-dir=.cache", "consumer.py"]
    paths = os.pathsep.join([str(site), *filter(None, sys.path)])
    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, env=os.environ | {"PYTHONPATH": paths})
    told = [line for line in done.stdout.splitlines() if line.startswith("consumer.py")]
    assert len(told) == 1, done.stdout + done.stderr
    assert 'Argument 1 to "load_model" has incompatible type "float"' in told[0]


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    from explorer.__main__ import main

    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"MAE Explorer {explorer.__version__}\n"
