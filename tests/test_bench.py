"""The benchmark's report is whole; no time is asserted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import smooth_picture

from explorer import bench, images
from explorer.codecs import CODECS


@pytest.mark.slow
def test_one_run_measures_sessions_codecs_and_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sample = tmp_path / "sample.png"
    sample.write_bytes(images.to_png(smooth_picture(176, 192)))
    monkeypatch.setattr(bench, "SAMPLE", sample)
    monkeypatch.setattr(bench, "CODECS", {name: CODECS[name] for name in ("jpeg", "webp")})
    monkeypatch.setattr(bench, "REPEATS", 1)
    monkeypatch.setattr(bench, "DRAG_S", 0.1)
    monkeypatch.setattr(bench, "SIZES", ((176, 192), (1100, 1000)))
    monkeypatch.setattr(bench, "MATRIX", 64)
    monkeypatch.setattr(
        bench, "compressai", lambda *size: {"analysis": 1.0, "synthesis": 2.0} if size[0] < 999 else None
    )
    result = bench.bench(tmp_path / "bench.json", png=tmp_path / "bench.png")
    assert json.loads((tmp_path / "bench.json").read_text(encoding="utf-8")) == result
    assert [row["codec"] for row in result["codecs"]] == ["jpeg", "webp", *bench.MODELS]
    assert result["codecs"][0]["encode_ratio"] == 1 and result["peak_gflops"] > 0
    assert list(result["sizes"]) == ["192×176", "1000×1100"]
    for size in result["sizes"].values():
        for name in bench.MODELS:
            session = size["sessions"][f"{name} on cpu"]
            assert all(time > 0 for time in session["stages_ms"].values())
            assert session["ssimulacra2_ms"] >= 0 and session["beside_ssimulacra2"] > 0
            assert session["steps_per_s"] > 0 and session["first_pixels_ms"] > 0 and session["gflops"]["latents"] > 0
        assert any("hyper-synthesis" in stage for stage in size["sessions"]["mae-hyperprior on cpu"]["stages_ms"])
    assert set(result["startup_s"]) == {"python", "import explorer", "explorer --help"}
    shown = bench.text(result)
    assert "MS-SSIM" in shown and "| webp |" in shown and "share of that product" in shown
    assert "bmshj2018-factorized in CompressAI" in shown
    without = {name: size | {"compressai_ms": None} for name, size in result["sizes"].items()}
    assert "CompressAI" not in bench.text(result | {"sizes": without}), "where it is not installed"
    assert not any(str(place) in json.dumps(result) for place in (Path.home(), tmp_path, Path(bench.__file__).parent))
    assert images.read(tmp_path / "bench.png").pixels.std() > 10, "something is drawn"


def test_operations_are_those_of_the_layers(mae) -> None:
    """By hand, for 256 pixels, one element of y, with N = 128 and M = 192."""
    analysis = 16 * (3 * 81 * 128 + 128**2) + 4 * (25 * 128**2 + 128**2) + 25 * 128 * 192 + 192**2
    synthesis = 192**2 + 25 * 192 * 128 + 4 * (128**2 + 25 * 128**2) + 16 * (128**2 + 81 * 128 * 3)
    assert bench.operations(mae.network.analysis_steps(), (1, 1)) == analysis
    assert bench.operations(mae.network.synthesis_steps(), (1, 1)) == synthesis


def test_a_drag_never_shows_the_same_lambda_twice() -> None:
    assert len({bench._lambda(number) for number in range(2000)}) == 2000
