"""Files of rows are input: whatever stands in one, its good rows are read, and the others are named."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from explorer import library, rows, store
from explorer.images import InputError
from explorer.store import Row, Store

GOOD: Row = {
    **{"codec": "jpeg", "version": "1", "image": "a.png", "image_id": "00c0ffee", "knob": {"quality": 50}},
    **{"width": 256, "height": 192, "bytes": 4193, "bpp": 0.682454, "psnr": 34.5, "ms_ssim": 0.98},
    **{"encode_s": 0.1, "decode_s": 0.0},
}


def with_text(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def with_rows(path: Path, *found: Any) -> Path:
    return with_text(path, json.dumps({"about": {}, "rows": found}))


# -- what is no file of rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", r"rows.json is not a file of `explorer evaluate`: no JSON, or cut short \(line 1\)"),
        ('{"about": {}, "rows": [\n{"codec": "jp', r"cut short \(line 2\)"),
        ("[" * 100_000, "no JSON"),
        ('{"rows": [' + "9" * 5000 + "]}", "no JSON"),
        (b"\x89PNG\r\n\x1a\n", "no JSON"),
        ("[1]", "is not a file of `explorer evaluate`"),
        ("{}", "is not a file of `explorer evaluate`"),
        ('{"rows": {"codec": "jpeg"}}', "is not a file of `explorer evaluate`"),
        ('{"rows": [], "rows": []}', "is not a file of `explorer evaluate`"),
    ],
)
def test_what_is_no_file_of_rows_is_refused(tmp_path: Path, text: str | bytes, why: str) -> None:
    path = with_text(tmp_path / "rows.json", text)
    for read in (rows.load, lambda each: rows.load_sets([each]), lambda each: Store(each).read(strict=True)):
        with pytest.raises(InputError, match=why) as refused:
            read(path)
        assert "rows.json" in str(refused.value) and "\n" not in str(refused.value)


def test_places_where_no_file_can_be_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (tmp_path / "none.json", tmp_path, tmp_path / ("n" * 300), tmp_path / "a\0b"):
        with pytest.raises(InputError, match="There is no file"):
            rows.load_sets([place])
    path = with_rows(tmp_path / "rows.json", GOOD)
    monkeypatch.setattr(store, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="larger than any file of rows"):
        rows.load(path)


# -- rows that are none ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"codec": None}, "codec is missing or no text"),
        ({"image_id": 7}, "image_id is missing or no text"),
        ({"version": ""}, "version is missing or no text"),
        ({"image": ["a"]}, "image is missing or no text"),
        ({"knob": {}}, "knob is not one name with one number"),
        ({"knob": {"a": 1, "b": 2}}, "knob is not one name with one number"),
        ({"knob": {"quality": "50"}}, "knob is not one name with one number"),
        ({"knob": {"quality": float("nan")}}, "knob is not one name with one number"),
        ({"knob": {"quality": True}}, "knob is not one name with one number"),
        ({"knob": 50}, "knob is not one name with one number"),
        ({"bpp": 0}, "bpp is no number from 1e-09 to 1e\\+09"),
        ({"bpp": -1.5}, "bpp is no number"),
        ({"bpp": float("nan")}, "bpp is no number"),
        ({"bpp": float("inf")}, "bpp is no number"),
        ({"bpp": 10**400}, "bpp is no number"),
        ({"bpp": None}, "bpp is no number"),
        ({"bpp": "0.5"}, "bpp is no number"),
        ({"bytes": 0}, "bytes is no number"),
        ({"psnr": float("-inf")}, "psnr is no number"),
        ({"psnr": 1e30}, "psnr is no number"),
        ({"ms_ssim": 1.5}, "ms_ssim is no number from 0 to 1"),
        ({"ms_ssim": {}}, "ms_ssim is no number from 0 to 1"),
        ({"estimated_bits": "many"}, "estimated_bits is no number"),
        ({"width": 0}, "width is no number"),
    ],
)
def test_a_row_that_is_none_is_named_and_its_neighbours_stay(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    path = with_rows(tmp_path / "rows.json", GOOD, GOOD | change, GOOD | {"knob": {"quality": 60}})
    (found,) = rows.load_sets([path])
    assert [row["knob"]["quality"] for row in found.rows] == [50, 60]
    with pytest.raises(InputError, match=why) as refused:
        Store(path).read(strict=True)  # who would write the file anew
    assert found.left_out[0] in str(refused.value)
    assert found.left_out[0].startswith(f"{path}: row 2 is no row of `explorer evaluate`: its ")
    with pytest.raises(InputError, match="row 1 is no row"):
        rows.load(with_rows(path, GOOD | change))


@pytest.mark.parametrize("name", [name for name in GOOD if name not in ("width", "height", "encode_s", "decode_s")])
def test_a_row_without_a_field_is_named(tmp_path: Path, name: str) -> None:
    path = with_rows(tmp_path / "rows.json", {each: value for each, value in GOOD.items() if each != name})
    with pytest.raises(InputError, match=f"row 1 .* its {name} is"):
        rows.load(path)


def test_a_row_with_a_key_twice_or_that_is_no_object_is_named(tmp_path: Path) -> None:
    twice = json.dumps(GOOD)[:-1] + ', "bpp": 9}'
    path = with_text(tmp_path / "rows.json", f'{{"rows": [{json.dumps(GOOD)}, {twice}, 7, null]}}')
    found = Store(path).read()
    assert found.rows == [GOOD]
    assert found.notes == [f"{path}: row 2 is no row of `explorer evaluate` (3 rows in all): it has 'bpp' twice."]


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    about = {"pictures": {"folder": "../../etc\nx"}, "left_out": ["one\x1b[2J", 3], "commands": 5}
    row = GOOD | {"codec": "a|b\n\ud800", "image": "caf\udce9.png"}
    path = with_text(tmp_path / "rows.json", json.dumps({"about": about, "rows": [row]}))
    (found,) = rows.load_sets([path])
    assert found.folder == "../../etc\\nx" and found.notes == ("one\\x1b[2J",)
    assert (found.rows[0]["codec"], found.rows[0]["image"]) == ("a|b\\n\\ud800", "caf\\udce9.png")


def test_all_files_of_rows_here_are_whole() -> None:
    results = library.folder() / "results"
    for name in ("kodak-classical", "kodak-learned", "clic"):
        found = Store(results / f"{name}.json").read(strict=True)
        assert found.rows and not found.notes


# -- the journal -----------------------------------------------------------------------------------------------------


def test_a_torn_line_of_the_journal_loses_itself_alone(tmp_path: Path) -> None:
    kept = Store(with_rows(tmp_path / "rows.json", GOOD))
    named = GOOD | {"image": "Ω.png"}
    kept.note([named, GOOD])
    line = (json.dumps(named, ensure_ascii=False) + "\n").encode()
    with kept.journal.open("ab") as file:
        file.write(line[: line.index("Ω".encode()) + 1] + b"\n" + line)  # torn inside a sign, then gone on with
        file.write(line.rstrip(b"\n"))  # whole but for its end
    found = kept.read(strict=True)
    assert found.rows == [named, GOOD, named, named]  # the journal's, in place of the file's of that key
    assert found.notes == [f"{kept.journal}: line 3 is no row of `explorer evaluate`: it is cut short or no object."]


def test_rows_with_names_that_are_no_text_come_back(tmp_path: Path) -> None:
    """A lone surrogate stands for a byte of a file's name that is not UTF-8."""
    row = GOOD | {"codec": "caf\udce9"}
    kept = Store(tmp_path / "rows.json")
    kept.note([row])
    assert kept.read().rows == [row]
    kept.write({"commands": ["caf\udce9"]}, [row])
    assert json.loads(kept.path.read_text(encoding="utf-8"))["rows"] == kept.read().rows == [row]
    assert not kept.journal.exists()


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    kept = Store(tmp_path / "rows.json")
    kept.journal.symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"rows.json.journal cannot be written \(No space left on device\)"):
        kept.note([GOOD])


@pytest.mark.skipif(sys.platform == "win32", reason="no devices in folders")
def test_a_device_is_no_place_for_rows() -> None:
    with pytest.raises(InputError, match="is no file that could be read again"):
        Store(Path("/dev/null")).prepare()
