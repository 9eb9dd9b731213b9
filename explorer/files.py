"""The files that commands write: looked at before the work, and whole or not there at all.

name ─ check_output (before the work) … data ─ write ─ a file beside it ─ renamed
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from explorer.images import InputError
from explorer.images.tensors import PNG

# Formats that keep every pixel, by the ending of a file's name, and how Pillow writes them.
LOSSLESS: dict[str, dict[str, Any]] = {
    ".png": PNG,
    ".webp": {"format": "WEBP", "lossless": True, "method": 4, "quality": 80},
    ".tif": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    ".tiff": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    ".bmp": {"format": "BMP"},
    ".ppm": {"format": "PPM"},
}
WEBP_SIDE = 16_383  # pixels, the longest that the format has


def check_output(path: str | Path, suffixes: Sequence[str] = (), inputs: Iterable[str | Path] = ()) -> None:
    """Raise InputError where a file cannot be written, or should not be.

    suffixes: the endings, in lower case, of which its name has to have one. inputs: what the command reads, which it
    may not be, by whatever name."""
    path = Path(path)
    if suffixes and path.suffix.lower() not in suffixes:
        known = " or ".join(filter(None, [", ".join(suffixes[:-1]), suffixes[-1]]))
        raise InputError(f"{path} would not hold what its name says; name it with {known} at its end.")
    try:
        is_read, why = any(_is_same(path, Path(each)) for each in inputs), _obstacle(path)
    except OSError as error:  # such as a name that is too long
        raise _refusal(path, error.strerror) from None
    if is_read:
        raise InputError(f"{path} is what this command reads, and would be lost; choose another name.")
    if why:
        raise _refusal(path, why)


def picture(pixels: np.ndarray, suffix: str) -> bytes:
    """(H, W, 3) uint8 -> the bytes of a file that keeps every pixel, of the format that `suffix`, one of LOSSLESS,
    stands for. InputError where that has no room for the picture."""
    if suffix == ".webp" and max(pixels.shape) > WEBP_SIDE:
        raise InputError(f"WebP holds at most {WEBP_SIDE} pixels a side; write a PNG instead.")
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, **LOSSLESS[suffix])
    return stream.getvalue()


def make_folder(path: str | Path) -> None:
    """Make a folder where there is none. Raises InputError where it cannot be made or written to."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {path} cannot be made ({error.strerror}); choose another place.") from None
    if not os.access(path, os.W_OK):
        raise InputError(f"The folder {path} is not yours to write into; choose another place.")


def write(path: str | Path, data: bytes | str) -> None:
    """Write a whole file, text in UTF-8. A file that is there is replaced in one step and keeps its permissions, or is
    left as it was; a new one has those of the umask. Raises InputError, also where the disk is full."""
    content = data.encode() if isinstance(data, str) else data
    target = Path(os.path.realpath(path))  # what a link leads to is replaced, not the link
    try:
        if _is_device(target):
            target.write_bytes(content)
        else:
            _replace(target, content)
    except OSError as error:
        raise _refusal(path, error.strerror) from None


def append(path: str | Path, line: str) -> None:
    """Add a line to a text file in UTF-8, which is made where there is none. Raises InputError where it cannot be."""
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise _refusal(path, error.strerror) from None


def _replace(target: Path, content: bytes) -> None:
    part = _beside(target)
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            part.chmod(stat.S_IMODE(target.stat().st_mode))
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _is_same(path: Path, other: Path) -> bool:
    return path.exists() and other.exists() and path.samefile(other)


def _is_device(path: Path) -> bool:
    """Whether it is a pipe, a terminal and the like, which nothing can take the place of."""
    return path.exists() and not path.is_file()


def _obstacle(path: Path) -> str:
    target = Path(os.path.realpath(path))
    if target.is_dir():
        return "it is a folder"
    if not target.parent.is_dir():
        return "its folder is not there"
    if target.exists() and not os.access(target, os.W_OK):
        return "it is protected"
    if _is_device(target):
        return ""
    return "its folder is not yours" if not os.access(target.parent, os.W_OK) else _obstacle_to_new(target)


def _obstacle_to_new(target: Path) -> str:
    """What the file system says of a new file beside it: some take none, and a full one no bytes."""
    part = _beside(target)
    try:
        part.write_bytes(bytes(4096))
    except OSError as error:
        return str(error.strerror)
    finally:
        part.unlink(missing_ok=True)
    return ""


def _beside(target: Path) -> Path:
    return target.with_name(f".{secrets.token_hex(6)}.part")


def _refusal(path: str | Path, why: str | None) -> InputError:
    return InputError(f"{path} cannot be written ({why}); choose another place.")
