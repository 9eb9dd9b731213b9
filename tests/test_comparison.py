"""Fair comparison: BD-rate of each picture its own, sets of pictures apart, published means beside Kodak alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from explorer import cards, checkpoint, images, library, metrics, report, rows
from explorer.rows import KODAK, PictureSet, Row, Store

PICTURES = ("a", "b", "c")


@pytest.fixture(scope="module")
def kodak() -> PictureSet:
    """The bundled rows of two codecs for Kodak's 24 pictures."""
    found = rows.load(library.folder() / "results" / "kodak-classical.json")
    return PictureSet("kodak", [row for row in found if row["codec"] in ("jpeg", "webp")])


def measured(codec: str, factors: dict[str, float], start: float = 24, points: int = 4, knob: str = "q") -> list[Row]:
    """Each picture's PSNR rises by 6 dB with each doubling of its rate; factors: on the rate, so that a BD-rate against
    factor 1 is known. Pictures differ in rate: b takes twice the bits of a, c thrice."""
    return [
        {
            **{"codec": codec, "version": "1", "image": f"{each}.png", "image_id": each, "knob": {knob: 64 * 2**index}},
            **{"bytes": 1000, "estimated_bits": 7900.0, "ms_ssim": 0.9},
            "bpp": factor * (1 + place) * 2 ** (index + (start - 24) / 6) / 8,
            "psnr": start + 6 * index,
        }
        for place, (each, factor) in enumerate(factors.items())
        for index in range(points)
    ]


def even(codec: str, **options: Any) -> list[Row]:
    return measured(codec, dict.fromkeys(PICTURES, 1.0), **options)


def compared(anchor: list[Row], test: list[Row]) -> rows.Comparison:
    (own,), (other,) = (rows.picture_curves(each).values() for each in (anchor, test))
    return rows.compare(own, other)


# -- one number for many pictures ------------------------------------------------------------------------------------


def test_bd_rate_is_the_mean_over_pictures_and_not_that_of_the_mean_curve() -> None:
    anchor, test = even("jpeg")[:8], measured("webp", {"a": 0.5, "b": 1.1})
    found = compared(anchor, test)
    assert (found.mean, found.median) == (pytest.approx(-20), pytest.approx(-20))
    assert (found.lost, found.counted, found.pictures, found.is_narrow) == (1, 2, 2, False)
    lines = {name: rows.line(points) for name, points in rows.mean_curves(anchor + test).items()}
    of_means = rows.compare_means(lines["jpeg"], lines["webp"])
    assert of_means.mean == pytest.approx(-10)  # (0.5 · 1 + 1.1 · 2) / 3


def test_the_median_is_told_from_the_mean() -> None:
    found = compared(even("jpeg"), measured("webp", {"a": 0.5, "b": 0.9, "c": 1.3}))
    assert (found.mean, found.median, found.lost) == (pytest.approx(-10), pytest.approx(-10), 1)
    found = compared(even("jpeg"), measured("webp", {"a": 0.4, "b": 1.1, "c": 1.2}))
    assert (found.mean, found.median, found.lost) == (pytest.approx(-10), pytest.approx(10), 2)


def test_how_a_codec_is_driven_does_not_matter() -> None:
    """Settings of the same curves that give the pictures equal rates in place of equal quality."""
    by_quality = even("jpeg2000")
    by_rate = [
        row | {"bpp": row["bpp"] * 2**shift, "psnr": row["psnr"] + 6 * shift}
        for row in by_quality
        for shift in [-PICTURES.index(row["image_id"]) / 2]
    ]
    test = measured("mae", dict.fromkeys(PICTURES, 0.8))
    for driven in (by_quality, by_rate):
        assert compared(driven, test).mean == pytest.approx(-20)


def test_pictures_without_a_shared_quality_are_left_out_and_counted() -> None:
    above = [row | {"psnr": row["psnr"] + 40} if row["image_id"] == "b" else row for row in even("jpeg")]
    found = compared(above, measured("webp", {"a": 0.9, "b": 5.0, "c": 0.7}))
    assert (found.mean, found.lost, found.counted, found.pictures) == (pytest.approx(-20), 0, 2, 3)
    assert report.mean_cell(found) == "-20.0 (2)" and report.lost_cell(found) == "0 of 2"
    assert report.footnotes([found]) == [
        "(n): over n pictures only, for on the others the two curves share no quality."
    ]
    one_point = compared(even("jpeg", points=1), even("webp"))
    assert (one_point.counted, report.mean_cell(one_point), report.lost_cell(one_point)) == (0, "–", "–")
    unfinished = compared(even("jpeg")[:4], measured("webp", dict.fromkeys(PICTURES, 0.9)))
    assert (unfinished.counted, unfinished.pictures) == (1, 3)


def test_a_lossless_point_is_no_part_of_a_pictures_curve() -> None:
    lossless = [row | {"psnr": None} if row["psnr"] == 42 else row for row in even("jpeg")]
    assert compared(lossless, measured("webp", dict.fromkeys(PICTURES, 0.9))).mean == pytest.approx(-10)


@pytest.mark.parametrize(("start", "share", "mark"), [(24, 1, ""), (30, 2 / 3, ""), (36, 1 / 3, "†"), (18, 2 / 3, "")])
def test_a_small_overlap_is_marked(start: float, share: float, mark: str) -> None:
    found = compared(even("jpeg", start=start), measured("webp", dict.fromkeys(PICTURES, 0.9)))
    (anchor,), (test,) = (rows.picture_curves(each).values() for each in (even("jpeg", start=start), even("webp")))
    assert metrics.shared_range(anchor["a"], test["a"]) == pytest.approx(share)
    assert report.mean_cell(found) == f"-10.0{mark}"
    assert bool(report.footnotes([found])) == bool(mark)


def test_no_overlap_is_no_share() -> None:
    anchor, test = ([1, 2], [20, 24]), ([1, 2], [30, 34])
    assert metrics.shared_range(anchor, test) == 0


def test_independent_models_make_one_curve_of_each_picture() -> None:
    together = even("mae", knob="lambda")
    apart = [row | {"codec": f"independent-hyperprior-{row['knob']['lambda']}"} for row in together]
    (name,) = rows.picture_curves(apart)
    assert name == "independent-hyperprior"
    assert rows.picture_curves(apart)[name] == rows.picture_curves(together)["mae"]


def test_the_results_are_written_in_every_form(tmp_path: Path, kodak: PictureSet) -> None:
    text = report.write([kodak], tmp_path / "r.md", tmp_path / "r.png", tmp_path / "r.html")
    assert text.startswith("Kodak, 24 pictures\n\nBD-rate in percent") and "published by others" in text
    assert report.bd_text(kodak) in (tmp_path / "r.md").read_text(encoding="utf-8")
    assert images.read(tmp_path / "r.png").pixels.shape == (750, 1500, 3)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "official-balle2017-mse (published)" in page and '<script src="http' not in page
    published = [trace for trace in report.figure(kodak).data if "published" in trace.name]
    assert len(published) == 2 * len(report.published()) and {each.line.dash for each in published} == {"dash"}


# -- sets of pictures ------------------------------------------------------------------------------------------------


def stored(path: Path, folder: str, found: list[Row]) -> Path:
    Store(path).write({"pictures": {"folder": folder}}, found)
    return path


def test_files_of_one_folder_are_one_set_and_others_stay_apart(tmp_path: Path) -> None:
    files = [
        stored(tmp_path / "1.json", "photos", even("jpeg")),
        stored(tmp_path / "2.json", "clic", measured("jpeg", {"d": 9.0})),
        stored(tmp_path / "3.json", "photos", even("webp")),
    ]
    photos, clic = rows.load_sets(files)
    assert (photos.title, clic.title) == ("photos, 3 pictures", "CLIC, 1 picture")
    assert {row["codec"] for row in photos.rows} == {"jpeg", "webp"} and len(clic.rows) == 4


def test_a_report_of_two_sets_never_mixes_them(tmp_path: Path, kodak: PictureSet) -> None:
    clic = PictureSet("clic", even("jpeg") + measured("webp", {"a": 0.5, "b": 1.1, "c": 0.8}))
    text = report.write([kodak, clic], tmp_path / "r.md", tmp_path / "r.png")
    ours, theirs = text.split("CLIC, 3 pictures")
    assert "published" in ours and "published" not in theirs
    assert "| WebP | -20.0 | +0.0 |" in theirs and "| WebP | 1 | 0 |" in theirs
    alone = report.write([kodak])
    assert alone == ours.rstrip()
    page = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert page.index("## Kodak, 24 pictures") < page.index("## CLIC, 3 pictures")
    assert (tmp_path / "r.png").exists() and (tmp_path / "r-clic.png").exists()


def test_published_means_stand_beside_all_of_kodak_and_nothing_else(kodak: PictureSet) -> None:
    first = kodak.rows[0]["image_id"]
    part = PictureSet("kodak", [row for row in kodak.rows if row["image_id"] != first])
    assert (kodak.is_kodak, part.is_kodak, part.title) == (True, False, "Kodak, 23 pictures")
    for shown in (kodak, part):
        assert ("published" in report.bd_text(shown)) == shown.is_kodak
        assert any("published" in trace.name for trace in report.figure(shown).data) == shown.is_kodak
    elsewhere = PictureSet("somewhere", kodak.rows)
    assert elsewhere.title == "Kodak, 24 pictures"


def test_the_bundled_rows_are_kodaks() -> None:
    results = library.folder() / "results"
    (found,) = rows.load_sets([results / "kodak-classical.json", results / "kodak-learned.json"])
    assert found.is_kodak and len(KODAK) == 24


def test_jpeg_2000_by_target_psnr_is_within_a_percent_of_the_published_mean_curve() -> None:
    found = rows.load(library.folder() / "results" / "kodak-classical.json")
    curve = rows.line(rows.mean_curves(found)["jpeg2000"])
    assert abs(rows.compare_means(report.published_lines()["jpeg2000"], curve).mean) < 1


# -- cards -----------------------------------------------------------------------------------------------------------


def systems(names: dict[str, float], pictures: tuple[str, ...] = PICTURES) -> list[Row]:
    found = {name: measured(name, dict.fromkeys(pictures, factor), knob="lambda") for name, factor in names.items()}
    return [row for each in found.values() for row in each]


def test_a_card_compares_with_its_likes_and_with_what_is_published(kodak: PictureSet) -> None:
    ours = {"mae": 0.8, "mae-hyperprior": 0.6, "bottleneck": 1.0, "bottleneck-hyperprior": 0.75, "jpeg2000": 0.5}
    on_kodak = PictureSet("kodak", systems(ours | {"jpeg": 1.0}, tuple(sorted(KODAK))))
    clic = PictureSet("clic", systems({"mae-hyperprior": 0.5, "jpeg": 1.0}))
    card = cards.model_card("mae-hyperprior", [on_kodak, clic], {"seed": 0})
    first, second = card.split("## CLIC, 3 pictures")
    assert "## Kodak, 24 pictures" in first
    for line in (
        "| JPEG 4:2:0 (measured here) | -40.0 | -40.0 | 0 of 24 |",
        "| JPEG 2000 (measured here) | +20.0 | +20.0 | 24 of 24 |",
        "| bottleneck scaling with hyperprior (measured here) | -20.0 | -20.0 | 0 of 24 |",
        "| MAE (this project) (measured here) | -25.0 | -25.0 | 0 of 24 |",
    ):
        assert line in first
    assert "| bottleneck scaling (measured here)" not in first and "| JPEG 2000" not in second
    for name in cards.PUBLISHED_ANCHORS:
        assert f"| {name} (published) |" in first and name in report.published()
    assert "| JPEG 4:2:0 (measured here) | -50.0 | -50.0 | 0 of 3 |" in second and "(published)" not in second
    assert "explorer evaluate clic --json clic.json\n    explorer report kodak.json clic.json --cards FOLDER" in second


def test_a_published_curve_is_compared_with_the_mean_curve() -> None:
    curve = report.published()["jpeg"]
    mae = [
        row | {"bpp": 0.8 * bpp, "psnr": psnr, "knob": {"lambda": number}}
        for row in systems({"mae": 1.0}, tuple(sorted(KODAK)))[::4]
        for number, (bpp, psnr) in enumerate(zip(curve["bpp"], curve["psnr"], strict=True))
    ]
    shown = PictureSet("kodak", mae + systems({"jpeg": 1.0}, tuple(sorted(KODAK))))
    assert "| jpeg (published) | -20.0 | – | – |" in cards.model_card("mae", [shown], {})


@pytest.mark.slow
def test_every_learned_family_with_checkpoints_gets_a_card(tmp_path: Path, tiny_network: Any) -> None:
    families = ["mae", "mae-hyperprior", "independent-64", "independent-hyperprior-64", "bottleneck"]
    for name in families[:-1]:
        checkpoint.save(tiny_network, tmp_path / f"{name}.safetensors")
    shown = PictureSet("photos", systems(dict.fromkeys([*families, "jpeg"], 1.0)))
    written = cards.write_cards([shown], tmp_path)
    assert [path.name for path in written] == [
        *("mae.md", "mae-hyperprior.md", "independent.md", "independent-hyperprior.md"),
    ]
