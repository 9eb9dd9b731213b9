"""Evaluation: what is measured, resuming, pool against Dask, and the figures that follow from rows."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import smooth_picture, wait_until

from explorer import cards, checkpoint, evaluate, images, model, report, workers
from explorer.condition import PAPER_LAMBDAS, snap
from explorer.config import PRESETS
from explorer.images import InputError
from explorer.rows import PictureSet, Row, Store, decibels, key, load, mean_curves


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four small pictures, two large enough for MS-SSIM, and a file that is none."""
    place = tmp_path / "pictures"
    place.mkdir()
    for number, (height, width) in enumerate([(176, 192), (48, 64), (64, 48), (180, 176)]):
        (place / f"{number}.png").write_bytes(images.to_png(smooth_picture(height, width, number)))
    (place / "README.txt").write_text("four pictures")
    return place


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """Jobs run in this process; the settings that were encoded, as they are."""
    encoded: list[float] = []

    def counting(codec: Any, pixels: Any, setting: float) -> Any:
        encoded.append(setting)
        return measure(codec, pixels, setting)

    @contextmanager
    def in_process(*_: object) -> Iterator[tuple[ThreadPoolExecutor, int]]:
        with ThreadPoolExecutor(1) as pool:
            yield pool, 1

    measure, threads = evaluate.measure, torch.get_num_threads()
    monkeypatch.setattr(evaluate, "start_workers", in_process)
    monkeypatch.setattr(evaluate, "measure", counting)
    yield encoded
    torch.set_num_threads(threads)


def timeless(rows: list[Row]) -> list[Row]:
    return [{name: row[name] for name in row if not name.endswith("_s")} for row in rows]


# -- measuring -------------------------------------------------------------------------------------------------------


def test_rows_say_what_was_measured(folder: Path, here: list[float], tmp_path: Path) -> None:
    rows = evaluate.evaluate(folder, ["jpeg"], tmp_path / "rows.json", points=3)
    assert rows == load(tmp_path / "rows.json") and len(rows) == len(here) == 12
    assert {row["knob"]["quality"] for row in rows} == {2, 50, 99}
    for row in rows:
        assert row["bpp"] == pytest.approx(8 * row["bytes"] / (row["width"] * row["height"]), abs=1e-6)
        assert (row["ms_ssim"] is None) == (min(row["width"], row["height"]) < 161)
    about, _ = Store(tmp_path / "rows.json").read()
    assert about["commands"] == ["explorer evaluate pictures --codecs jpeg"]
    assert str(tmp_path) not in (tmp_path / "rows.json").read_text(encoding="utf-8")


def test_what_is_there_is_kept_and_another_version_is_replaced(folder: Path, here: list[float], tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    first = evaluate.evaluate(folder, ["jpeg"], out, points=2)
    assert evaluate.evaluate(folder, ["jpeg"], out, points=2) == first and len(here) == len(first)
    both = evaluate.evaluate(folder, ["jpeg", "webp"], out, points=2)
    assert len(both) == len(here) == 2 * len(first)
    Store(out).write({}, [row | {"version": "older"} for row in both])
    again = evaluate.evaluate(folder, ["jpeg"], out, points=2)
    assert len(here) == 3 * len(first)
    assert [row["version"] for row in again if row["codec"] == "webp"] == ["older"] * len(first)
    (folder / "0.png").unlink()
    assert len(evaluate.evaluate(folder, ["jpeg", "webp"], out, points=2)) == 12


def test_rows_of_a_knob_that_the_codec_no_longer_has_are_replaced(
    folder: Path, here: list[float], tmp_path: Path
) -> None:
    out = tmp_path / "rows.json"
    first = evaluate.evaluate(folder, ["jpeg2000"], out, points=2)
    about, _ = Store(out).read()
    Store(out).write(about, [row | {"knob": {"bpp": 0.1}} for row in first])
    assert timeless(evaluate.evaluate(folder, ["jpeg2000"], out, points=2)) == timeless(first)


def test_a_killed_run_goes_on_without_repeating_a_row(folder: Path, here: list[float], tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    arguments = f"{str(folder)!r}, ['jpeg', 'bpg444'], {str(out)!r}, workers=1, points=4"
    script = f"from explorer.evaluate import evaluate\nif __name__ == '__main__': evaluate({arguments})"
    run = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    journal = Store(out).journal
    wait_until(lambda: journal.exists() or run.poll() is not None)
    run.send_signal(signal.SIGKILL)
    run.wait()
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"codec": "jpeg", "ver')  # torn in the middle of a line
    _, before = Store(out).read()
    rows = evaluate.evaluate(folder, ["jpeg", "bpg444"], out, points=4)
    assert 0 < len(before) < len(rows) == 4 * (4 + 4) == len({key(row) for row in rows})
    assert len(here) == len(rows) - len(before)
    assert all(row in rows for row in before)  # to the last digit of their times
    assert not journal.exists()


def test_dask_gives_the_rows_of_the_pool(folder: Path, tmp_path: Path, tiny_network: model.Autoencoder) -> None:
    distributed = pytest.importorskip("distributed")
    path = tmp_path / "tiny.safetensors"
    checkpoint.save(tiny_network, path)
    codecs = ["jpeg", str(path)]
    pool = evaluate.evaluate(folder, codecs, tmp_path / "pool.json", workers=1, points=3)
    threads = torch.get_num_threads()
    with distributed.LocalCluster(2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        dask = evaluate.evaluate(folder, codecs, tmp_path / "dask.json", dask=cluster.scheduler_address, points=3)
    torch.set_num_threads(threads)
    assert timeless(pool) == timeless(dask)
    learned = [row for row in pool if row["codec"] == "tiny"]
    assert len(learned) == 12 and {row["knob"]["lambda"] for row in learned} == {64, snap(512), 4096}
    assert all(row["estimated_bits"] < 8 * row["bytes"] for row in learned)


def test_sweeps_hold_the_papers_lambdas_and_a_spread_of_any_size() -> None:
    mae = evaluate.find_codec("mae")
    assert {snap(value) for value in PAPER_LAMBDAS} < set(evaluate.sweep(mae))
    assert {snap(value) for value in cards.BETWEEN} < set(evaluate.sweep(mae))
    assert evaluate.sweep(mae, 2) == [64, 4096]
    assert len(evaluate.sweep(evaluate.find_codec("bpg444"), 5)) == 5


def test_bad_input_is_one_sentence_with_the_remedy(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(message: str, place: Path, codecs: list[str], **options: Any) -> None:
        with pytest.raises(InputError, match=message):
            evaluate.evaluate(place, codecs, tmp_path / "rows.json", **options)

    refused("no folder", tmp_path / "nowhere", ["jpeg"])
    refused("holds no pictures", tmp_path, ["jpeg"])
    refused("no codec 'jpg'; choose among jpeg, ", folder, ["jpg"])
    monkeypatch.setattr(workers, "DASK_TIMEOUT_S", 0.5)
    refused("No Dask scheduler answers", folder, ["jpeg"], dask="127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "distributed", None)
    refused("pip install 'mae-explorer\\[dask\\]'", folder, ["jpeg"], dask="127.0.0.1:9")
    (tmp_path / "rows.json").write_text("[1]")
    refused("not a file of `explorer evaluate`", folder, ["jpeg"])


# -- figures from rows -----------------------------------------------------------------------------------------------


def synthetic(codec: str, factor: float, settings: list[float], name: str = "q") -> list[Row]:
    """Two pictures, PSNR 6 dB for each doubling of the rate; factor: on the rate."""
    return [
        {
            "codec": codec,
            "version": "1",
            "image": f"{picture}.png",
            "image_id": f"{picture}",
            "knob": {name: setting},
            "bytes": 1000,
            "bpp": factor * 2**index * (1 + picture) / 8,
            "psnr": 24 + 6 * index + picture,
            "ms_ssim": 0.9 + 0.02 * index,
        }
        for index, setting in enumerate(settings)
        for picture in range(2)
    ]


def test_mean_curves_and_bd_rate_of_known_rows() -> None:
    rows = synthetic("jpeg", 1.0, [10, 20, 30, 40]) + synthetic("webp", 0.8, [1, 2, 3, 4])
    curves = mean_curves(rows)
    assert [point.bpp for point in curves["jpeg"]] == pytest.approx([0.1875, 0.375, 0.75, 1.5])
    assert [point.psnr for point in curves["jpeg"]] == [24.5, 30.5, 36.5, 42.5]
    assert "| WebP | -20.0 | +0.0 |" in report.bd_text(PictureSet("two", rows))
    assert "| JPEG 4:2:0 | +0.0 | +25.0 |" in report.bd_text(PictureSet("two", rows))
    assert decibels(0.99) == pytest.approx(20)


def test_a_setting_without_all_pictures_or_without_loss_is_left_out() -> None:
    rows = synthetic("jpeg", 1.0, [10, 20, 30, 40])
    rows[-1]["psnr"] = None
    unfinished = synthetic("webp", 1.0, [1, 2])[::2]
    curves = mean_curves(rows[1:] + unfinished)
    assert list(curves) == ["jpeg"] and [point.knob for point in curves["jpeg"]] == [20, 30]


def test_independent_models_make_one_curve_and_a_card(tmp_path: Path) -> None:
    family = [
        row | {"codec": f"independent-{row['knob']['lambda']:.0f}", "estimated_bits": 7900.0}
        for row in synthetic("", 0.5, [64, snap(512), 4096], "lambda")
    ]
    rows = family + synthetic("jpeg", 1.0, [10, 20, 30, 40])
    assert [point.knob for point in mean_curves(rows)["independent"]] == [64, snap(512), 4096]
    card = cards.model_card("independent", [PictureSet("two", rows)], {"seed": 7, "recipe": {"steps": 100}})
    assert "| 512 | 0.1875 | 30.50 | 0.9200 | 10.97 |" in card
    assert "| JPEG 4:2:0 (measured here) | -50.0 | -50.0 | 0 of 2 |" in card and "(published)" not in card
    assert "| steps | 100 |" in card and "1.27 % above" in card
    assert "    explorer evaluate two --json two.json\n    explorer report two.json --cards FOLDER" in card
    for lacking in (family, rows[:0], synthetic("jpeg", 1.0, [10, 20])):
        with pytest.raises(InputError, match="lack independent or jpeg"):
            cards.model_card("independent", [PictureSet("two", lacking)], {})


@pytest.mark.parametrize(("prior", "models"), [("factorised", 7), ("hyper", 4)])
def test_one_shared_model_costs_little_more_than_one_of_the_independent_ones(prior: str, models: int) -> None:
    config = replace(PRESETS["compact"], prior=prior)
    independent, bottleneck, mae = cards.model_sizes(config)
    assert independent.models == models and independent.bytes == 4 * independent.parameters
    assert bottleneck.parameters < mae.parameters < 1.03 * independent.parameters / models
    assert all(("hyperprior" in each.name) == (prior == "hyper") for each in (independent, bottleneck, mae))
    assert f"| {independent.name}, compact | {models} | {independent.parameters / 1e6:.2f} |" in cards.sizes_text()
