"""What is trained on: every picture in folders and shards, and what is left out is said."""

from __future__ import annotations

import io
import os
import stat
import sys
import tarfile

import pytest
from conftest import sample_paths, smooth_picture
from PIL import Image
from training import command

from explorer import images
from explorer.images import InputError
from explorer.train import data


def picture_bytes(size=64, kind="PNG", seed=0, **options):
    file = io.BytesIO()
    Image.fromarray(smooth_picture(size, size, seed)).save(file, kind, **options)
    return file.getvalue()


def write_shard(path, members):
    """members: name -> content, or a TarInfo of something else."""
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.name = name
            info.size = len(content) if isinstance(content, bytes) else 0
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)


def link_to(target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, str(target)
    return info


def loaded(folder, size=32):
    told = []
    return data.load_tiles(folder, size, told.append), told


def test_every_format_is_trained_on_in_folders_shards_and_any_depth(tmp_path):
    kinds = {"a.png": "PNG", "b.heic": "HEIF", "c.jxl": "JXL", "d.jfif": "JPEG", "e.JPG": "JPEG", "f.avif": "AVIF"}
    images.read(sample_paths()[0])  # which registers the formats that Pillow lacks
    files = {name: picture_bytes(kind=kind) for name, kind in kinds.items()}
    for name, content in files.items():
        (tmp_path / "flat").mkdir(exist_ok=True)
        (tmp_path / "flat" / name).write_bytes(content)
        (tmp_path / "deep" / "of" / name).mkdir(parents=True)
        (tmp_path / "deep" / "of" / name / name).write_bytes(content)
    (tmp_path / "shards").mkdir()
    write_shard(tmp_path / "shards" / "0.tar", {f"of/{name}": content for name, content in files.items()})
    for folder in ("flat", "deep", "shards"):
        tiles, told = loaded(tmp_path / folder)
        assert tiles.shape == (4 * len(kinds), 32, 32, 3) and told == []
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "0.tar").write_bytes((tmp_path / "shards" / "0.tar").read_bytes())
    (tmp_path / "both" / "a.png").write_bytes(files["a.png"])
    assert len(loaded(tmp_path / "both")[0]) == 4 * len(kinds) + 4


def test_what_is_left_out_is_named_and_counted(tmp_path):
    for name in ("a.json", "b.json", "notes.txt", "README"):
        (tmp_path / name).write_text("{}")
    for name in ("._0.png", ".DS_Store", "__MACOSX/0.png", ".cache/0.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\26\7")
    (tmp_path / "0.png").write_bytes(picture_bytes())
    (tmp_path / "cut.png").write_bytes(picture_bytes()[:200])
    (tmp_path / "paper.png").write_bytes(b"%PDF-1.4")
    (tmp_path / "empty.jpg").write_bytes(b"")
    for number in range(6):
        (tmp_path / f"small{number}.png").write_bytes(picture_bytes(16))
    tiles, told = loaded(tmp_path)
    assert len(tiles) == 4
    cut, empty, paper, small, others = told
    assert (
        "'cut.png' is cut short" in cut and "'empty.jpg' is empty" in empty and "'paper.png' is not a picture" in paper
    )
    assert "6 pictures smaller than 32×32 pixels (small0.png" in small and small.endswith("small4.png, …).")
    assert others == "Left out: 4 files not named as pictures (2 .json, 1 .txt, 1 without an ending)."
    assert all(sentence.startswith("Left out: ") and sentence.endswith(".") for sentence in told)


def test_many_bad_pictures_are_counted(tmp_path):
    for number in range(9):
        (tmp_path / f"{number}.png").write_bytes(b"")
    told = []
    with pytest.raises(InputError, match="no picture of at least 32×32"):
        data.load_tiles(tmp_path, 32, told.append)
    assert len(told) == 6 and told[-1] == "Left out: 4 more that cannot be read."


def test_a_shard_gives_its_pictures_and_nothing_else(tmp_path, monkeypatch):
    outside = tmp_path / "outside.png"
    outside.write_bytes(picture_bytes())
    members = {f"{number}.png": picture_bytes(seed=number) for number in range(3)}
    members |= {"0.json": b"{}", "0.txt": b"a cat", "._0.png": b"x", "bad.png": b"x", "key": b"1"}
    members |= {"a/b/c.png": picture_bytes(seed=7), "/abs/olute.png": picture_bytes(), "../up.png": picture_bytes()}
    members |= {"soft.png": link_to(outside), "hard.png": link_to("0.png", tarfile.LNKTYPE)}
    shards = tmp_path / "shards"
    shards.mkdir()
    write_shard(shards / "0.tar", members)
    before = sorted(tmp_path.rglob("*"))
    tiles, told = loaded(shards)
    assert len(tiles) == 4 * 6 and sorted(tmp_path.rglob("*")) == before
    bad, others = told
    assert "'0.tar/bad.png' is not a picture" in bad
    assert others == "Left out: 5 files not named as pictures (1 .json, 1 .txt, 2 link or device, 1 without an ending)."


@pytest.mark.parametrize("where", ["header", "content", "between", "middle"])
def test_the_whole_part_of_a_torn_shard_is_taken(tmp_path, where):
    write_shard(tmp_path / "0.tar", {f"{number}.png": picture_bytes(seed=number) for number in range(3)})
    with tarfile.open(tmp_path / "0.tar") as tar:
        last = tar.getmembers()[-1]
    content = (tmp_path / "0.tar").read_bytes()
    at = {"header": last.offset + 100, "content": last.offset_data + 100, "between": last.offset}
    torn = (
        content[: at[where]] if where in at else content[: last.offset] + b"\xff" * 512 + content[last.offset + 512 :]
    )
    (tmp_path / "0.tar").write_bytes(torn)
    (tmp_path / "1.tar").write_bytes(b"not a shard at all")
    tiles, told = loaded(tmp_path)
    assert len(tiles) == 4 * 2
    assert [sentence.split(",")[0] for sentence in told] == [f"Left out: the rest of {n}.tar" for n in (0, 1)]


def test_a_sparse_member_is_not_unfolded(tmp_path):
    huge = tarfile.TarInfo("huge.png")
    huge.type, huge.pax_headers = tarfile.REGTYPE, {"GNU.sparse.size": str(1 << 45), "GNU.sparse.map": "0,1"}
    with tarfile.open(tmp_path / "0.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        huge.size = 1
        tar.addfile(huge, io.BytesIO(b"x"))
        whole = tarfile.TarInfo("a.png")
        whole.size = len(picture_bytes())
        tar.addfile(whole, io.BytesIO(picture_bytes()))
    tiles, told = loaded(tmp_path)
    assert len(tiles) == 4 and told == ["Left out: 0.tar/huge.png is larger than 1 GiB."]


def test_folders_that_link_to_each_other_are_entered_once(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.png").write_bytes(picture_bytes())
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "data")
    assert len(loaded(tmp_path / "data")[0]) == 4


def test_the_command_tells_what_it_leaves_out_and_that_nothing_is_held_out(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.png").write_bytes(picture_bytes(128))
    (tmp_path / "data" / "a.json").write_text("{}")
    out = tmp_path / "out" / "of" / "nowhere" / "o.safetensors"
    assert command(tmp_path / "data", out) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Left out: 1 file not named as pictures (1 .json)."
    assert lines[1] == "Nothing is held out to measure the model on: that takes 4 tiles, and there are 1."
    assert len(lines) == 3 and lines[2].startswith(f"{out}, ") and out.is_file()


def test_training_needs_no_terminal_that_knows_greek(pictures, tmp_path, monkeypatch):
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="cp1252") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert command(pictures, tmp_path / "o.safetensors") == 0
    out.flush()
    assert "factorised lambda     64" in out.buffer.getvalue().decode("cp1252")
    assert (tmp_path / "o.safetensors").is_file() and (tmp_path / "o.train.jsonl").is_file()


def test_files_of_a_run_are_for_those_that_the_umask_lets(pictures, tmp_path):
    before = os.umask(0o022)
    try:
        assert command(pictures, tmp_path / "o.safetensors") == 0
    finally:
        os.umask(before)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in written} >= {"o.safetensors", "o-hyperprior.safetensors", "state.safetensors"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o644}
