"""The benchmark's report is whole; no time is asserted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import smooth_picture

from explorer import bench, images
from explorer.codecs import CODECS


def test_one_run_measures_sessions_codecs_and_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sample = tmp_path / "sample.png"
    sample.write_bytes(images.to_png(smooth_picture(176, 192)))
    monkeypatch.setattr(bench, "SAMPLE", sample)
    monkeypatch.setattr(bench, "CODECS", {name: CODECS[name] for name in ("jpeg", "webp")})
    monkeypatch.setattr(bench, "REPEATS", 1)
    monkeypatch.setattr(bench, "DRAG_S", 0.1)
    result = bench.bench(tmp_path / "bench.json")
    assert json.loads((tmp_path / "bench.json").read_text(encoding="utf-8")) == result
    assert [row["codec"] for row in result["codecs"]] == ["jpeg", "webp", *bench.MODELS]
    assert result["codecs"][0]["encode_ratio"] == 1
    for name in bench.MODELS:
        session = result["sessions"][f"{name} on cpu"]
        assert all(time > 0 for time in session["stages_ms"].values())
        assert session["frames_per_s"] > 0
    assert any("hyper-synthesis" in stage for stage in result["sessions"]["mae-hyperprior on cpu"]["stages_ms"])
    assert set(result["startup_s"]) == {"python", "import explorer", "explorer --help"}
    shown = bench.text(result)
    assert "MS-SSIM" in shown and "| webp |" in shown
    assert not any(str(place) in json.dumps(result) for place in (Path.home(), tmp_path, Path(bench.__file__).parent))


def test_a_drag_never_shows_the_same_lambda_twice() -> None:
    assert len({bench._lambda(number) for number in range(2000)}) == 2000
