"""Evaluation: what is measured, resuming, pool against Dask, and the figures that follow from rows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import smooth_picture, wait_until

from explorer import cards, checkpoint, evaluate, images, model, report, workers
from explorer.__main__ import main
from explorer.condition import PAPER_LAMBDAS, snap
from explorer.config import PRESETS
from explorer.images import InputError
from explorer.rows import PictureSet, decibels, load, load_sets, mean_curves
from explorer.ssimulacra import SMALLEST
from explorer.store import Row, Store, key


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four small pictures, two large enough for MS-SSIM, and a file that is none."""
    place = tmp_path / "pictures"
    place.mkdir()
    for number, (height, width) in enumerate([(176, 192), (48, 64), (64, 48), (228, 230)]):
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
    def in_process(*_: object) -> Iterator[workers.Workers]:
        with ThreadPoolExecutor(1) as pool:
            yield workers.Workers(pool, 1)

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
        assert (row["ssimulacra2"] is None) == (min(row["width"], row["height"]) < SMALLEST)
    about, _, _ = Store(tmp_path / "rows.json").read()
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


def test_rows_of_an_earlier_version_get_what_they_lack(folder: Path, here: list[float], tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    whole = evaluate.evaluate(folder, ["jpeg", "webp"], out, points=2)
    lacking = [{name: value for name, value in row.items() if name != "ssimulacra2"} for row in whole]
    Store(out).write({}, lacking)
    jpeg = [row if row["codec"] == "jpeg" else before for row, before in zip(whole, lacking, strict=True)]
    told: list[str] = []
    assert evaluate.evaluate(folder, ["jpeg"], out, points=2, tell=told.append) == jpeg  # with the times that they had
    assert told[-1].startswith("8 rows of an earlier version lack SSIMULACRA2.")
    assert evaluate.evaluate(folder, ["jpeg", "webp"], out, points=2) == whole and len(here) == 2 * len(whole)
    # What comes out as another file is another measurement.
    Store(out).write({}, [row | {"bytes": row["bytes"] + 1, "encode_s": 1e6} for row in lacking])
    again = evaluate.evaluate(folder, ["jpeg", "webp"], out, points=2)
    assert timeless(again) == timeless(whole) and all(row["encode_s"] < 1e6 for row in again)


def test_of_an_interrupted_run_nothing_is_there_twice(folder: Path, here: list[float], tmp_path: Path) -> None:
    out = Store(tmp_path / "rows.json")
    whole = evaluate.evaluate(folder, ["jpeg"], out.path, points=2)
    first, *others = whole
    lacking = [{name: value for name, value in row.items() if name != "ssimulacra2"} for row in whole]
    out.write({}, lacking)
    out.note([first])
    assert load(out.path) == [*lacking[1:], first]
    assert evaluate.evaluate(folder, ["jpeg"], out.path, points=2) == whole
    assert len(here) == len(whole) + len(others)


def test_rows_of_a_knob_that_the_codec_no_longer_has_are_replaced(
    folder: Path, here: list[float], tmp_path: Path
) -> None:
    out = tmp_path / "rows.json"
    first = evaluate.evaluate(folder, ["jpeg2000"], out, points=2)
    about, _, _ = Store(out).read()
    Store(out).write(about, [row | {"knob": {"bpp": 0.1}} for row in first])
    assert timeless(evaluate.evaluate(folder, ["jpeg2000"], out, points=2)) == timeless(first)


def test_a_killed_run_goes_on_without_repeating_a_row(folder: Path, here: list[float], tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    arguments = f"{str(folder)!r}, ['jpeg', 'bpg444'], {str(out)!r}, workers=1, points=4"
    script = f"from explorer.evaluate import evaluate\nif __name__ == '__main__': evaluate({arguments})"
    run = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    journal = Store(out).journal
    wait_until(lambda: (journal.exists() and journal.stat().st_size > 0) or run.poll() is not None)
    run.send_signal(signal.SIGKILL)
    run.wait()
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"codec": "jpeg", "ver')  # torn in the middle of a line
    _, before, (torn,) = Store(out).read()
    assert torn == f"{journal}: line {len(before) + 1} is no row of `explorer evaluate`: it is cut short or no object."
    rows = evaluate.evaluate(folder, ["jpeg", "bpg444"], out, points=4)
    assert 0 < len(before) < len(rows) == 4 * (4 + 4) == len({key(row) for row in rows})
    assert len(here) == len(rows) - len(before)
    assert all(row in rows for row in before)  # to the last digit of their times
    assert not journal.exists()


def test_two_runs_do_not_write_one_file(folder: Path, here: list[float], tmp_path: Path) -> None:
    """Each would leave out what the other has measured meanwhile; by another name it is the same file."""
    out, link = tmp_path / "rows.json", tmp_path / "link.json"
    evaluate.evaluate(folder, ["jpeg"], out, points=2)
    link.symlink_to(out)
    before = out.read_bytes()
    with Store(out).alone():
        for name in (out, link):
            with pytest.raises(InputError, match=r"Another `explorer evaluate` is writing .*json; wait for its end"):
                evaluate.evaluate(folder, ["webp"], name, points=2)
    assert out.read_bytes() == before
    assert len(evaluate.evaluate(folder, ["webp"], out, points=2)) == len(here) == 16
    assert sorted(tmp_path.glob("*.json*")) == [link, out] and not list(tmp_path.glob(".*"))


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


# -- folders as they are ---------------------------------------------------------------------------------------------


def test_what_is_no_picture_is_left_out_and_the_run_goes_on(folder: Path, here: list[float], tmp_path: Path) -> None:
    png = (folder / "0.png").read_bytes()
    (folder / "._0.png").write_bytes(b"\0\5\x16\7 what macOS puts beside a file")
    (folder / ".hidden.png").write_bytes(png)
    (folder / "cut.png").write_bytes(png[: len(png) // 2])
    (folder / "a paper.png").write_bytes(b"%PDF-1.7\n")
    (folder / "a paper.pdf").write_bytes(b"%PDF-1.7\n")
    (folder / "empty.jpg").touch()
    (folder / "gone.png").symlink_to(folder / "nothing.png")
    (folder / "huge.pgm").write_bytes(b"P5 20000 20000 255\n")
    (folder / "more.png").mkdir()
    (folder / "elsewhere").symlink_to(tmp_path)
    (folder / "00.png").symlink_to(folder / "0.png")
    told: list[str] = []
    found = evaluate.evaluate(folder, ["jpeg"], tmp_path / "rows.json", points=2, tell=told.append)
    assert len(found) == len(here) == 2 * 4
    others, files, unread, twice = told
    assert others == "Not looked at: folders in it, 'elsewhere', 'more.png'."
    assert files == "Not looked at: files that are not named as pictures, 'README.txt', 'a paper.pdf'."
    assert unread.startswith("Left out: 5 of 10 pictures. 'a paper.png' is not a picture of a known format")
    assert all(f"'{name}' " in unread for name in ("cut.png", "empty.jpg", "huge.pgm"))
    assert "The file 'gone.png' cannot be opened" in unread
    assert twice == "Measured once: '00.png' is the same picture as '0.png'."
    about, _, _ = Store(tmp_path / "rows.json").read()
    assert about["left_out"] == [unread, twice] and about["pictures"]["number"] == 4
    (shown,) = load_sets([tmp_path / "rows.json"])
    assert shown.notes == (unread, twice)


def test_a_folder_without_a_picture_that_can_be_read_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "pictures"
    (place / "inner").mkdir(parents=True)
    with pytest.raises(InputError, match="holds no pictures; name one of the 1 folders in it"):
        evaluate.evaluate(place, ["jpeg"], tmp_path / "rows.json")
    (place / "cut.png").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match=r"no picture that can be read in .*pictures. 'cut.png' is not") as refused:
        evaluate.evaluate(place, ["jpeg"], tmp_path / "rows.json")
    assert "\n" not in str(refused.value)
    for no_folder in (place / "cut.png", tmp_path / ("n" * 300)):
        with pytest.raises(InputError, match=r"no folder|cannot be read"):
            evaluate.evaluate(no_folder, ["jpeg"], tmp_path / "rows.json")


def test_a_flat_picture_costs_no_codec_its_curve(folder: Path, here: list[float], tmp_path: Path) -> None:
    """One grey picture, on which most settings lose nothing."""
    (folder / "grey.png").write_bytes(images.to_png(np.full((180, 180, 3), 128, np.uint8)))
    out = tmp_path / "rows.json"
    found = evaluate.evaluate(folder, ["jpeg", "webp"], out, points=4)
    assert {row["image"] for row in found if row["psnr"] is None} == {"grey.png"}
    (shown,) = load_sets([out])
    assert {name: len(points) for name, points in shown.means.curves.items()} == {"jpeg": 4, "webp": 4}
    said = "Means are over 4 of 5 pictures, without 'grey.png', where"
    assert said in report.write([shown], tmp_path / "r.md") and said in (tmp_path / "r.md").read_text(encoding="utf-8")


def test_what_a_codec_cannot_take_is_left_out_and_said(folder: Path, here: list[float], tmp_path: Path) -> None:
    """WebP has 14 bits for a side."""
    wide = np.zeros((2, 16500, 3), np.uint8)
    wide[:, ::3] = 200
    (folder / "wide.png").write_bytes(images.to_png(wide))
    told: list[str] = []
    found = evaluate.evaluate(folder, ["jpeg", "webp"], tmp_path / "rows.json", points=2, tell=told.append)
    assert len(found) == 2 * 5 + 2 * 4
    assert told[-1].startswith("WebP on 'wide.png': 2 settings are left out, for ")
    assert Store(tmp_path / "rows.json").read().about["left_out"] == told[-1:]
    with pytest.raises(InputError, match=r"Nothing could be measured. WebP on 'wide.png'"):
        for path in folder.glob("?.png"):
            path.unlink()
        evaluate.evaluate(folder, ["webp"], tmp_path / "none.json", points=2)


def test_a_name_that_is_no_text_is_measured_and_reported(here: list[float], tmp_path: Path) -> None:
    """Latin-1 bytes in the names of the folder, the picture and the checkpoint."""
    place = tmp_path / os.fsdecode(b"caf\xe9")
    try:
        place.mkdir()
    except OSError:
        pytest.skip("this file system has names in UTF-8 only")
    name = os.fsdecode(b"\xe9t\xe9.png")
    (place / name).write_bytes(images.to_png(smooth_picture(48, 64)))
    out = tmp_path / "rows.json"
    found = evaluate.evaluate(place, ["jpeg"], out, points=2)
    assert {row["image"] for row in found} == {r"\udce9t\udce9.png"}
    about = json.loads(out.read_text(encoding="utf-8"))["about"]
    assert about["pictures"]["folder"] == r"caf\udce9" and about["commands"][0].startswith(
        r"explorer evaluate caf\udce9"
    )
    assert report.write(load_sets([out]), tmp_path / "r.md").startswith(r"caf\udce9, 1 picture")
    assert r"caf\udce9" in (tmp_path / "r.md").read_text(encoding="utf-8")


def test_rows_of_other_pictures_are_not_lost_to_a_wrong_name(folder: Path, here: list[float], tmp_path: Path) -> None:
    out, told = tmp_path / "rows.json", []
    first = evaluate.evaluate(folder, ["jpeg"], out, points=2)
    elsewhere = tmp_path / "other"
    elsewhere.mkdir()
    (elsewhere / "0.png").write_bytes(images.to_png(smooth_picture(32, 32)))
    with pytest.raises(InputError, match="holds rows of other pictures than this folder's"):
        evaluate.evaluate(elsewhere, ["jpeg"], out, points=2)
    assert load(out) == first
    (folder / "1.png").write_bytes(b"\x89PNG")  # damaged since: what is known of it stays
    (folder / "2.png").rename(elsewhere / "2.png")
    with pytest.raises(InputError, match=r"rows of 2\.png, which this folder lacks; .* put the pictures back"):
        evaluate.evaluate(folder, ["jpeg"], out, points=2)
    assert load(out) == first
    (folder / "2.png").write_bytes(images.to_png(smooth_picture(40, 40)))
    kept = evaluate.evaluate(folder, ["jpeg"], out, points=2, tell=told.append)
    assert [row for row in kept if row["image"] != "2.png"] == [row for row in first if row["image"] != "2.png"]
    assert {row["width"] for row in kept if row["image"] == "2.png"} == {40}
    assert told[-1] == "2 rows of pictures that have changed since are dropped."


def test_a_file_with_a_bad_row_is_not_written_anew(folder: Path, here: list[float], tmp_path: Path) -> None:
    out = tmp_path / "rows.json"
    first = evaluate.evaluate(folder, ["jpeg"], out, points=2)
    Store(out).write({}, [*first, first[0] | {"bpp": -1}])
    before = out.read_bytes()
    with pytest.raises(InputError, match=r"rows.json: row 9 is no row .* bpp is no number .* Mend the file"):
        evaluate.evaluate(folder, ["jpeg"], out, points=2)
    assert out.read_bytes() == before


def test_two_checkpoints_of_one_name_are_refused(folder: Path, tmp_path: Path, tiny_network: model.Autoencoder) -> None:
    checkpoint.save(tiny_network, tmp_path / "mae.safetensors")
    with pytest.raises(InputError, match=r"Two codecs would be called mae, also .*mae.safetensors"):
        evaluate.evaluate(folder, ["mae", str(tmp_path / "mae.safetensors")], tmp_path / "rows.json")


def test_a_picture_that_changes_meanwhile_is_left_out(folder: Path) -> None:
    job = evaluate.Job("jpeg", folder / "0.png", "00000000", 50)
    with pytest.raises(InputError, match="the file was changed meanwhile"):
        evaluate.run_job(job, (folder / "0.png").read_bytes())


def test_a_file_that_goes_meanwhile_is_told(folder: Path) -> None:
    jobs = [evaluate.Job("jpeg", folder / name, "00000000", 50) for name in ("gone.png", "gone.png")]
    with ThreadPoolExecutor(1) as pool:
        found = list(evaluate._outcomes(workers.Workers(pool, 1), jobs))
    assert [job for job, _ in found] == jobs
    assert all("cannot be read any more (No such file" in str(outcome) for _, outcome in found)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--codecs", ","], "argument --codecs: it names none"),
        (["--codecs", ""], "argument --codecs: it names none"),
        (["--points", "0"], "argument --points: 0 is below 1"),
        (["--lambdas", "256,8"], "argument --lambdas: λ must lie between 64 and 4096, but 8 was given."),
        (["--lambdas", "high"], "argument --lambdas: could not convert"),
        (["--lambdas", "256", "--points", "3"], "not allowed with argument --lambdas"),
        (["--workers", "0"], "argument --workers: 0 is below 1"),
        (["--codecs", "jpeg,gif"], "There is no codec 'gif'; choose among"),
        (["--codecs", " none.safetensors"], "none.safetensors"),
        (["--codecs", "jpeg", "--json", "0.png"], "0.png is not a file of"),
        (["--codecs", "jpeg", "--json", "."], "it is a folder"),
        (["--codecs", "jpeg", "--json", "0.png/rows.json"], "0.png/rows.json cannot be written"),
    ],
)
def test_a_command_that_cannot_work_is_one_sentence(
    folder: Path, arguments: list[str], why: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    before = (folder / "0.png").read_bytes()
    with pytest.raises(SystemExit, match="2"):
        sys.exit(main(["evaluate", ".", "--json", "new.json", *arguments]))
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("explorer") and why in last
    assert (folder / "0.png").read_bytes() == before


def test_more_points_than_there_are_settings_are_those_settings(mae: Any) -> None:
    assert len(evaluate.sweep(mae, 10**9)) == 65536
    assert len(evaluate.sweep(evaluate.find_codec("jpeg"), 10**9)) == 17


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
