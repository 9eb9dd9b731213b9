"""The values that tests/viewer/flip.test.js holds the viewer's error map to are NVIDIA's own."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

FILE = Path(__file__).parent / "viewer" / "flip.json"
HEIGHT, WIDTH = 24, 32


def pair() -> tuple[np.ndarray, np.ndarray]:
    """A picture and a coarser one, of whole numbers: the JavaScript has the same."""
    y, x, c = np.mgrid[:HEIGHT, :WIDTH, :3]
    original = (7 * x + 3 * y + 40 * c + 31 * ((x >> 3) ^ (y >> 2))) & 255
    return original, (original & 224) + np.where(x > 20, 16, 0)


def error_map(ppd: float) -> list[int]:
    """Ten-thousandths, row after row."""
    flip = pytest.importorskip("flip_evaluator")
    sides = [(side / 255).astype(np.float32) for side in pair()]
    values, *_ = flip.evaluate(*sides, "LDR", applyMagma=False, parameters={"ppd": ppd})
    return [round(value) for value in (1e4 * values.astype(float)).ravel()]


def test_the_viewers_values_are_nvidias() -> None:
    maps = [{"ppd": ppd, "values": error_map(ppd)} for ppd in (3840 * np.pi / 180, 33.5)]
    found = {"size": [WIDTH, HEIGHT], "maps": maps}
    if os.environ.get("EXPLORER_REGENERATE"):
        FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")
    kept = json.loads(FILE.read_text(encoding="utf-8"))
    assert kept["size"] == found["size"]
    for mine, theirs in zip(kept["maps"], maps, strict=True):
        assert mine["ppd"] == pytest.approx(theirs["ppd"])
        assert mine["values"] == pytest.approx(theirs["values"], abs=1)
