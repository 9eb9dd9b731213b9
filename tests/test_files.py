"""Outputs: looked at before the work, whole or not there, with the permissions that the user wants."""

from __future__ import annotations

import io
import os
import resource
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import sample_paths, smooth_picture
from PIL import Image

import explorer
from explorer import files, library
from explorer.__main__ import main
from explorer.console import take_any_text
from explorer.images import InputError


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    Image.fromarray(smooth_picture(64, 96)).save(path)
    return path


@pytest.fixture
def coded(picture: Path) -> Path:
    path = picture.with_suffix(".mae")
    assert main(["encode", str(picture), str(path), "--lambda", "512"]) == 0
    return path


# -- writing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_has_the_permissions_of_the_umask_and_an_old_one_keeps_its_own(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        files.write(tmp_path / "new", b"1")
        (tmp_path / "old").write_bytes(b"0")
        (tmp_path / "old").chmod(0o640)
        files.write(tmp_path / "old", "λ")
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "new") == mode and mode_of(tmp_path / "old") == 0o640
    assert (tmp_path / "old").read_text(encoding="utf-8") == "λ"


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path):
    """The limit on the size of a file stands for the disk's."""
    path = tmp_path / "state"
    path.write_bytes(b"before")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(InputError, match="File too large"):
            files.write(path, bytes(8192))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


def test_a_full_disk_and_a_folder_that_takes_no_file_are_told_before_the_work(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(InputError, match=r"new\.mae cannot be written \(File too large\)"):
            files.check_output(tmp_path / "new.mae")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    files.check_output(tmp_path / "new.mae")
    assert not list(tmp_path.iterdir())
    if Path("/proc/self").exists():  # which nobody may write to, whatever its permissions say
        with pytest.raises(InputError, match=r"/proc/new\.mae cannot be written"):
            files.check_output("/proc/new.mae")


def test_an_interrupt_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "state"
    path.write_bytes(b"before")

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        files.write(path, b"after")
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


def test_what_a_link_leads_to_is_written_and_a_device_stays_one(tmp_path):
    (tmp_path / "target").write_bytes(b"before")
    (tmp_path / "link").symlink_to("target")
    files.write(tmp_path / "link", b"after")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_bytes() == b"after"
    files.write("/dev/null", b"gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    for write in (files.write, files.append):
        with pytest.raises(InputError, match=r"/dev/full cannot be written \(No space left"):
            write("/dev/full", "x")


# -- looking before the work -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["encode", "a.png", "a.png", "--lambda", "512"], "would be no picture"),
        (["encode", "a.png", "b.JPG", "--lambda", "512"], "name it b.mae"),
        (["encode", "a.png", "hard", "--lambda", "512"], "is what this command reads"),
        (["encode", "a.png", "soft", "--lambda", "512"], "is what this command reads"),
        (["encode", "a.png", "folder/../soft", "--lambda", "512"], "is what this command reads"),
        (["encode", "a.png", "folder", "--lambda", "512"], "it is a folder"),
        (["encode", "a.png", "nowhere/o.mae", "--lambda", "512"], "its folder is not there"),
        (["encode", "a.png", "a.png/o.mae", "--lambda", "512"], "its folder is not there"),
        (["encode", "a.png", "dangling", "--lambda", "512"], "its folder is not there"),
        (["encode", "a.png", "x" * 300, "--lambda", "512"], "File name too long"),
        (["decode", "a.mae", "a.mae"], "name it with .png"),
        (["decode", "a.mae", "y.jpg"], "name it with .png, .webp, .tif, .tiff, .bmp or .ppm at its end"),
        (["decode", "a.mae", "file"], "is what this command reads"),
        (["export", "a.png", "a.png"], "with .html or .htm"),
        (["export", "a.html", "a.html"], "is what this command reads"),
        (["report", "rows.json", "--markdown", "./rows.json"], "is what this command reads"),
        (["report", "rows.json", "--png", "rows.json"], "with .png"),
        (["report", "rows.json", "--png", "nowhere/x.png"], "its folder is not there"),
        (["report", "rows.json", "--html", "x.png"], "with .html"),
        (["report", "rows.json", "--markdown", "./x.png", "--png", "x.png"], "Two outputs would be one file"),
        (["report", "rows.json", "--cards", "a.png"], "is no folder; name the one that holds the checkpoints"),
        (["bench", "--json", "folder"], "it is a folder"),
        (["bench", "--png", "x.jpg"], "with .png"),
        (["fetch", "kodak", "a.png"], "cannot be made"),
        (["train", "--data", ".", "--out", "m.safetensors", "--init", "m.safetensors"], "is what this command reads"),
        (
            ["train", "--data", ".", "--out", "m.safetensors", "--init", "m-hyperprior.safetensors"],
            "this command reads",
        ),
        (["train", "--data", ".", "--out", "m.pt"], "with .safetensors"),
        (["train", "--data", ".", "--out", "o.safetensors", "--run", "a.png"], "cannot be made"),
        (["train", "--data", ".", "--out", "o.safetensors", "--run", "run"], "state.safetensors cannot be written"),
        (["train", "--data", ".", "--out", "folder/o.safetensors"], "o-hyperprior.safetensors cannot be written"),
    ],
)
def test_an_output_that_cannot_be_or_should_not_be_is_told_first(
    picture, coded, tmp_path, monkeypatch, capsys, no_model, command, says
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder" / "o-hyperprior.safetensors").mkdir(parents=True)
    (tmp_path / "run" / "state.safetensors").mkdir(parents=True)
    (tmp_path / "hard").hardlink_to("a.png")
    (tmp_path / "soft").symlink_to("hard")
    (tmp_path / "file").symlink_to("a.mae")
    (tmp_path / "a.html").symlink_to("a.png")
    (tmp_path / "dangling").symlink_to("nowhere/o.mae")
    for name in ("rows.json", "m.safetensors", "m-hyperprior.safetensors"):
        (tmp_path / name).write_bytes(b"{}")
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert main(command) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("explorer: ") and message.endswith(".") and says in message
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


@pytest.fixture
def no_model(coded, monkeypatch):
    """Whoever loads a model from now on fails."""

    def load(*_: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(library, "load_model", load)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is protected from root")
def test_what_is_not_yours_is_not_written(tmp_path):
    (tmp_path / "mine").write_bytes(b"")
    (tmp_path / "mine").chmod(0o444)
    with pytest.raises(InputError, match="it is protected"):
        files.check_output(tmp_path / "mine")
    tmp_path.chmod(0o555)
    with pytest.raises(InputError, match="its folder is not yours"):
        files.check_output(tmp_path / "new")
    tmp_path.chmod(0o755)


# -- pictures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("o.png", "PNG"),
        ("o.PNG", "PNG"),
        ("o", "PNG"),
        ("o.webp", "WEBP"),
        ("o.tif", "TIFF"),
        ("o.tiff", "TIFF"),
        ("o.bmp", "BMP"),
        ("o.ppm", "PPM"),
    ],
)
def test_decode_writes_what_the_name_says_without_loss(coded, tmp_path, name, kind):
    assert main(["decode", str(coded), str(tmp_path / name)]) == 0
    with Image.open(tmp_path / name) as written:
        assert written.format == kind
        np.testing.assert_array_equal(np.asarray(written), library.decode(coded.read_bytes()))


def test_a_picture_too_wide_for_webp_is_told():
    with pytest.raises(InputError, match="16383 pixels a side"):
        files.picture(np.zeros((1, 16384, 3), np.uint8), ".webp")


# -- what is printed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "200×120, λ 512"),
        ("utf-16", "200×120, λ 512"),
        ("cp1252", "200×120, lambda 512"),
        ("latin-1", "200×120, lambda 512"),
        ("ascii", "200x120, lambda 512"),
        ("koi8-r", "200x120, lambda 512"),
    ],
)
def test_signs_are_spelt_where_the_encoding_has_none(picture, tmp_path, monkeypatch, encoding, shown):
    Image.open(sample_paths()[0]).crop((0, 0, 200, 120)).save(picture)
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    coded = tmp_path / "o.mae"
    assert main(["encode", str(picture), str(coded), "--lambda", "512"]) == 0
    assert main(["info", str(coded)]) == 0
    assert main(["encode", str(picture), str(coded), "--lambda", "5"]) == 2
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out.flush()
    err.flush()
    text = out.buffer.getvalue().decode(encoding)
    width, lmbda = shown.split(", ")
    assert width in text and lmbda in text and ("drag λ" in text or "drag lambda" in text)
    assert lmbda.split()[0] + " must lie between" in err.buffer.getvalue().decode(encoding)


@pytest.mark.skipif(sys.platform == "win32", reason="of a shell's own")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_command_without_an_output_does_its_work(coded, tmp_path, closed):
    command = shlex.join([sys.executable, "-m", "explorer", "decode", str(coded), str(tmp_path / "a.png")])
    done = subprocess.run(
        ["sh", "-c", f"{command} {closed}"], cwd=Path(explorer.__file__).parents[1], capture_output=True, text=True
    )
    assert done.returncode == 0 and (tmp_path / "a.png").stat().st_size > 0
    assert "Traceback" not in done.stdout + done.stderr


def test_every_sign_has_a_spelling(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    take_any_text()
    print("λ μ σ × ÷ – − → ≤ “ŷ” x̂ … é † ½ 10⁹ \udce9 漢 🙂", end="", flush=True)
    assert out.buffer.getvalue().decode() == 'lambda mu sigma x / - - -> <= "y" x ... e + 1/2 109 ? ? ?'
