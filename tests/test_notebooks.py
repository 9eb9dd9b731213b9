"""Every notebook runs from top to bottom, and what is saved of it is light and honest."""

from __future__ import annotations

import os
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

if "CI" not in os.environ:
    pytest.importorskip("nbclient")

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = sorted(Path(__file__).parent.parent.joinpath("notebooks").glob("*.ipynb"))
LARGEST = 1_000_000  # bytes
CELL_SECONDS = 300
# What a notebook has for who watches it, and here: the same cells, in less time.
SHORTER = {"05_train_your_own": ("Recipe(minutes=1.5,", "Recipe(minutes=0.2,")}

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_runs_from_top_to_bottom(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = str(path.parent.parent)  # the package that is tested, not one that happens to be installed
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")])))
    notebook = nbformat.read(path, 4)
    if path.stem in SHORTER:
        long, short = SHORTER[path.stem]
        (cell,) = (cell for cell in code_cells(notebook) if long in cell.source)
        cell.source = cell.source.replace(long, short)
    started = time.monotonic()
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=CELL_SECONDS, kernel_name="python3", resources=resources).execute()
    print(f"\n{path.stem}: {time.monotonic() - started:.0f} s")
    assert all(cell.execution_count for cell in code_cells(notebook))


def test_no_cell_hides_an_exception(path: Path) -> None:
    for cell in code_cells(nbformat.read(path, 4)):
        assert "raises-exception" not in cell.metadata.get("tags", [])
        assert not any(word in cell.source for word in ("except", "suppress(", "%%capture", "warnings."))
        assert all(output.output_type != "error" for output in cell.outputs)


def test_what_is_saved_is_whole_and_light(path: Path) -> None:
    assert path.stat().st_size < LARGEST
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert [cell.execution_count for cell in code_cells(notebook)] == list(range(1, len(code_cells(notebook)) + 1))
    figures = [mime for cell in code_cells(notebook) for output in cell.outputs for mime in output.get("data", {})]
    assert {"text/html", "text/markdown", "image/png"} & set(figures), "nothing is to be seen without a kernel"
    assert "widgets" not in notebook.metadata
    for cell in code_cells(notebook):
        streams = [output.get("name") for output in cell.outputs]
        assert all(one is None or one != next_one for one, next_one in pairwise(streams)), (
            "a progress bar, line by line"
        )
    assert not any(place in str(notebook) for place in (str(Path.home()), "site-packages"))
