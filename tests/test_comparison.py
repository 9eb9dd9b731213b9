"""Fair comparison: BD-rate of each picture its own, sets of pictures apart, published means beside Kodak alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer import cards, checkpoint, images, library, metrics, report, rows
from explorer.images import InputError
from explorer.means import means
from explorer.rows import KODAK, PictureSet
from explorer.store import Row, Store

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
        "(n): over n pictures only; on the others the two curves share no quality, or one has no two points with loss."
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
    assert metrics.overlap(anchor["a"], test["a"]) == (pytest.approx(18 * share), 18)
    assert report.mean_cell(found) == f"-10.0{mark}" and report.overlap_cell(found) == f"{18 * share:.1f} of 18.0"
    assert bool(report.footnotes([found])) == bool(mark)


def test_a_tiny_overlap_is_stated_and_marked() -> None:
    """0.1 of 9 dB: the number alone would say that it takes a seventh of the bits."""
    anchor = {"a": ([1.0, 3.0], [30.0, 39.0])}
    test = {"a": ([0.05, 0.13, 0.15], [21.1, 29.9, 30.1])}
    found = rows.compare(anchor, test)
    assert found.mean < -80 and (found.shared, found.own) == (pytest.approx(0.1), pytest.approx(9))
    assert report.mean_cell(found).endswith("†") and report.overlap_cell(found) == "0.1 of 9.0"
    assert report.footnotes([found]) == [
        "† The curves share less than half of the range of PSNR of the one that is compared, or on one picture a tenth."
    ]


def test_one_picture_of_a_tiny_overlap_marks_the_mean() -> None:
    anchor = {name: ([1.0, 3.0], [30.0, 39.0]) for name in "abc"}
    found = rows.compare(anchor, {**anchor, "c": ([0.05, 0.15], [21.1, 30.1])})
    assert found.shared / found.own > 0.6 and found.least == pytest.approx(0.1 / 9)
    assert report.mean_cell(found).endswith("†")


def test_no_overlap_is_none() -> None:
    anchor, test = ([1, 2], [20, 24]), ([1, 2], [30, 34])
    assert metrics.overlap(anchor, test) == (0, 4)


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
    assert images.read(tmp_path / "r.png").pixels.shape == (750, 2250, 3)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "official-balle2017-mse (published)" in page and '<script src="http' not in page
    published = [trace for trace in report.figure(kodak).data if "published" in trace.name]
    assert len(published) == 3 * len(report.published()) and {each.line.dash for each in published} == {"dash"}


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


def test_a_codec_of_two_files_is_one_curve(tmp_path: Path) -> None:
    """Both runs measured JPEG, which each ran for other times."""
    first = stored(tmp_path / "1.json", "photos", even("jpeg") + even("webp"))
    again = [row | {"encode_s": 2.0} for row in even("jpeg")]
    (found,) = rows.load_sets([first, stored(tmp_path / "2.json", "photos", again + even("avif")), first])
    assert len(found.rows) == 3 * 12 and found.left_out == []
    assert {name: len(points) for name, points in found.means.curves.items()} == {"jpeg": 4, "webp": 4, "avif": 4}
    assert all(len(curve[0]) == 4 for curves in rows.picture_curves(found.rows).values() for curve in curves.values())


def test_one_picture_of_two_names_counts_once(tmp_path: Path) -> None:
    copies = [row | {"image": "copy.png"} for row in even("jpeg") if row["image_id"] == "a"]
    (found,) = rows.load_sets([stored(tmp_path / "1.json", "photos", even("jpeg") + copies)])
    assert found.title == "photos, 3 pictures" and found.rows == even("jpeg")
    only_there = [row | {"image": "copy.png"} for row in even("webp") if row["image_id"] == "a"]
    (found,) = rows.load_sets([stored(tmp_path / "1.json", "photos", even("jpeg") + only_there)])
    assert "'a.png', 'copy.png' are one picture." in found.left_out


def test_files_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    older = [row | {"version": "0"} for row in even("jpeg")]
    files = [
        stored(tmp_path / "1.json", "photos", even("jpeg") + even("jpeg2000")),
        stored(tmp_path / "2.json", "photos", older[:8] + [row | {"bytes": 7} for row in even("jpeg2000")[:2]]),
    ]
    (found,) = rows.load_sets(files)
    assert found.rows == even("jpeg") + even("jpeg2000")
    assert found.left_out == [
        "8 rows of JPEG 4:2:0 (0, q) are left out beside those of 1, q; measure all of them with one.",
        "2 rows of JPEG 2000 contradict others of the same picture and setting; the first of each stays.",
    ]
    by_rate = [row | {"knob": {"bpp": 1.0}} for row in even("jpeg")[:1]]
    (found,) = rows.load_sets([stored(tmp_path / "3.json", "photos", by_rate + even("jpeg"))])
    assert found.rows == even("jpeg") and "(1, bpp) are left out" in found.left_out[0]


def test_of_two_versions_with_as_many_rows_the_later_stays(tmp_path: Path) -> None:
    older = [row | {"version": "0"} for row in even("jpeg")]
    (found,) = rows.load_sets([stored(tmp_path / "1.json", "p", older), stored(tmp_path / "2.json", "p", even("jpeg"))])
    assert found.rows == even("jpeg")


def test_the_same_pictures_in_two_folders_are_one_set(tmp_path: Path) -> None:
    files = [stored(tmp_path / f"{name}.json", name, even(name)) for name in ("jpeg", "webp")]
    (found,) = rows.load_sets(files)
    assert found.title == "jpeg, 3 pictures" and len(found.rows) == 24


def test_files_without_a_row_are_told(tmp_path: Path) -> None:
    empty = stored(tmp_path / "1.json", "photos", [])
    with pytest.raises(InputError, match="There is no row yet"):
        rows.load_sets([empty])
    (found,) = rows.load_sets([empty, stored(tmp_path / "2.json", "clic", even("jpeg"))])
    assert found.folder == "clic"


def test_what_a_run_left_out_stands_under_its_report(tmp_path: Path) -> None:
    path = tmp_path / "1.json"
    Store(path).write({"left_out": ["Left out: 1 of 4 pictures. 'd.png' is empty."]}, even("jpeg"))
    text = report.write(rows.load_sets([path]), tmp_path / "r.md", html=tmp_path / "r.html")
    assert text.endswith("\n\nLeft out: 1 of 4 pictures. 'd.png' is empty.")
    assert text.removeprefix("1, 3 pictures\n\n") in (tmp_path / "r.md").read_text(encoding="utf-8")
    assert "\\u003csup\\u003eLeft out: 1 of 4 pictures." in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_names_of_any_kind_are_written_in_every_form(tmp_path: Path) -> None:
    hostile = "a|$x_</script><script>alert(1)"
    odd = [row | {"codec": hostile, "image": "caf\udce9$.png"} for row in even("jpeg")]
    odd[0]["psnr"] = None
    written = stored(tmp_path / "1.json", "photos $ & <b>", even("webp") + odd)
    text = report.write(rows.load_sets([written]), tmp_path / "r.md", tmp_path / "r.png", tmp_path / "r.html")
    assert r"| a\|$x_</script><script>alert(1) | " in text and r"'caf\udce9$.png'" in text
    assert "</script><script>alert" not in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert images.read(tmp_path / "r.png").pixels.shape == (750, 1500, 3)


# -- means over the same pictures ------------------------------------------------------------------------------------


def lossless(found: list[Row], picture: str, settings: tuple[int, ...]) -> list[Row]:
    is_so = [row["image_id"] == picture and next(iter(row["knob"].values())) in settings for row in found]
    return [row | {"psnr": None, "ms_ssim": 1.0} if so else row for row, so in zip(found, is_so, strict=True)]


def test_one_lossless_setting_costs_that_setting_alone() -> None:
    found = means(lossless(even("jpeg"), "b", (512,)) + even("webp"))
    assert {name: [point.knob for point in points] for name, points in found.curves.items()} == {
        "jpeg": [64, 128, 256],
        "webp": [64, 128, 256, 512],
    }
    assert found.pictures == {"a", "b", "c"}
    assert found.left_out == [
        "JPEG 4:2:0 has no mean at 1 of 4 settings (512), which lose nothing (infinite PSNR) on 'b.png'."
    ]


def test_a_picture_that_most_settings_lose_nothing_on_is_left_out_of_all_means() -> None:
    every = (64, 128, 256, 512)
    found = means(lossless(even("jpeg"), "b", every) + lossless(even("webp"), "b", every[1:]))
    assert found.pictures == {"a", "c"}
    assert {len(points) for points in found.curves.values()} == {4}
    assert found.curves["jpeg"][0].bpp == pytest.approx((1 + 3) / 2 / 8)
    assert found.left_out == [
        "Means are over 2 of 3 pictures, without 'b.png', where 7 of 8 settings lose nothing (infinite PSNR)."
    ]


def test_pictures_that_a_codec_lacks_are_told() -> None:
    unfinished = [row for row in even("webp") if row["image_id"] == "a"]
    found = means(even("jpeg") + even("avif") + unfinished)
    assert list(found.curves) == ["jpeg", "avif"] and found.pictures == {"a", "b", "c"}
    assert found.left_out == [
        "WebP has no mean at 4 of 4 settings (64, 128, 256, 512), which were not measured on 'b.png', 'c.png'."
    ]
    found = means(even("jpeg") + even("avif") + even("webp")[:-4])
    assert {len(points) for points in found.curves.values()} == {4} and found.pictures == {"a", "b"}
    assert found.left_out == [
        "Means are over 2 of 3 pictures, without 'c.png', where 4 of 12 settings were not measured."
    ]


def test_where_nothing_is_lost_there_is_no_mean() -> None:
    shown = PictureSet("grey", lossless(even("jpeg")[:4], "a", (64, 128, 256, 512)))
    assert shown.means.curves == {} and shown.means.pictures == frozenset()
    assert shown.left_out == [
        "Rows without loss (infinite PSNR) are no part of a picture's curve: 4 of JPEG 4:2:0.",
        "Means are over 0 of 1 pictures, without 'a.png', where 4 of 4 settings lose nothing (infinite PSNR).",
    ]
    assert not report.figure(shown).data


def test_ms_ssim_lacks_the_small_picture_alone() -> None:
    small = [row | {"ms_ssim": None if row["image_id"] == "c" else row["ms_ssim"]} for row in even("jpeg")]
    found = means(small)
    first = found.curves["jpeg"][0]
    assert first.ms_ssim == pytest.approx(0.9) and first.bpp == pytest.approx((1 + 2 + 3) / 3 / 8)
    assert first.ms_ssim_bpp == pytest.approx((1 + 2) / 2 / 8)
    assert found.left_out == ["Means of MS-SSIM are over 2 of 3 pictures, without 'c.png': it needs 161 pixels a side."]
    assert "| 0.9000 | 10.00 |" in report.curves_text(found.curves)
    psnr, ms_ssim = report.figure(PictureSet("photos", small)).data
    assert (psnr.x[0], ms_ssim.x[0]) == (first.bpp, first.ms_ssim_bpp)
    none = means([row | {"ms_ssim": None} for row in small])
    assert none.left_out == ["There are no means of MS-SSIM, which needs 161 pixels a side."]
    assert "| – | – |" in report.curves_text(none.curves)


def seen(found: list[Row]) -> list[Row]:
    """The same rows with an SSIMULACRA2 that rises by 20 where PSNR rises by 6 dB."""
    return [row | {"ssimulacra2": 20 / 6 * row["psnr"] - 60, "width": 1000, "height": 500} for row in found]


def test_ssimulacra2_has_curves_bd_rates_and_means() -> None:
    found = seen(even("jpeg") + measured("webp", dict.fromkeys(PICTURES, 0.8)))
    curves = rows.picture_curves(found, "ssimulacra2")
    assert curves["jpeg"]["a"][1] == pytest.approx([20, 40, 60, 80])
    assert rows.compare(curves["jpeg"], curves["webp"]).mean == pytest.approx(-20)
    shown = PictureSet("photos", found)
    assert [point.ssimulacra2 for point in shown.means.curves["jpeg"]] == pytest.approx([20, 40, 60, 80])
    assert "BD-rate at equal SSIMULACRA2" in report.bd_text(shown) and not shown.left_out
    assert "| SSIMULACRA2 |" in report.curves_text(shown.means.curves)
    third = [trace for trace in report.figure(shown).data if trace.yaxis == "y3"]
    assert list(third[0].y) == pytest.approx([20, 40, 60, 80])


def test_rows_of_earlier_versions_have_no_ssimulacra2() -> None:
    old, new = even("jpeg"), seen(measured("webp", dict.fromkeys(PICTURES, 0.8)))
    shown = PictureSet("photos", old)
    assert "SSIMULACRA2" not in report.bd_text(shown) + report.curves_text(shown.means.curves)
    assert {trace.yaxis for trace in report.figure(shown).data} == {"y", "y2"}
    mixed = means(old + new)
    assert np.isnan(mixed.curves["jpeg"][0].ssimulacra2) and mixed.curves["webp"][0].ssimulacra2 == pytest.approx(20)
    told = "SSIMULACRA2 is left out for JPEG 4:2:0: rows of an earlier version lack it; `explorer evaluate` adds it."
    assert mixed.left_out == [told]
    partly = PictureSet("photos", seen(old)[:-1] + old[-1:] + new)  # all but one picture at one setting
    assert partly.left_out == [told] and all(np.isnan(each.ssimulacra2) for each in partly.means.curves["jpeg"])
    at_equal = report.bd_text(partly).split("BD-rate at equal SSIMULACRA2")[1]
    assert "| WebP | +0.0 |" in at_equal and "| JPEG" not in at_equal
    small = [row | {"ssimulacra2": None} if row["image_id"] == "c" else row for row in new]
    first = means(small).curves["webp"][0]
    assert (first.ssimulacra2, first.ssimulacra2_bpp) == pytest.approx((20, 0.8 * 1.5 / 8))
    assert means(small).left_out == [
        "Means of SSIMULACRA2 are without 'c.png': it needs 225 pixels a side or more, and 24 megapixels at most."
    ]


def test_a_report_has_the_seconds_a_megapixel() -> None:
    timed = [row | {"encode_s": 0.01 * (1 + n), "decode_s": 0.002} for n, row in enumerate(seen(even("jpeg"))[:3])]
    assert rows.times(timed)["jpeg"] == pytest.approx((0.04, 0.004))
    assert "| JPEG 4:2:0 | 0.040 | 0.004 |" in report.times_text(timed)
    assert "| JPEG 4:2:0 | – | – |" in report.times_text(even("jpeg"))


def test_a_curve_of_high_rates_is_no_empty_figure() -> None:
    """The figure opens on rates up to 2 bpp, where files of small pictures have none."""
    layout = report.figure(PictureSet("photos", even("jpeg"))).layout
    assert (layout.xaxis.range, layout.yaxis.range) == ((0, 2), (22, 44))
    small = [row | {"bpp": 40 * row["bpp"], "psnr": row["psnr"] + 10} for row in even("webp")]
    layout = report.figure(PictureSet("icons", even("jpeg") + small)).layout
    assert layout.xaxis.range == (0, 80) and layout.yaxis.range == (22, 52)


def test_published_means_stand_beside_means_over_all_of_kodak_only(kodak: PictureSet) -> None:
    lost = [row | {"psnr": None} if row["image"] == "kodim20.png" else row for row in kodak.rows]
    part = PictureSet("kodak", lost)
    assert part.is_kodak and not part.has_published and len(part.means.pictures) == 23
    assert "published by others" not in report.bd_text(part)


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
