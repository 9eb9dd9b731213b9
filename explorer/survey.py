"""Which pictures a folder holds. What is no picture, cannot be read or is there twice is said before the work.

folder ─ list_pictures ─ files that are named as pictures ─ survey ─ {file: image_id}, and what is left out
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from explorer import images
from explorer.images import InputError
from explorer.store import listed, printable

NAMED = 8  # files that a sentence names at most, where it is no error that they are left out


@dataclass(frozen=True)
class Survey:
    """ids: image_id of each picture by its file, sorted; of one picture in two files only the first. unread: names of
    files that should be pictures and are not. left_out: why something is not among them, a sentence each."""

    ids: dict[Path, str]
    unread: frozenset[str]
    left_out: list[str]


def list_pictures(folder: Path, tell: Callable[[str], None]) -> list[Path]:
    """The files in a folder that are named as pictures, sorted; hidden ones are not looked at. tell: gets a sentence
    about the others. Raises InputError where there is none."""
    try:
        if not folder.is_dir():
            raise InputError(f"There is no folder {folder}; name one with pictures, or run `explorer fetch kodak`.")
        inside = sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    except OSError as error:
        raise InputError(f"The folder {str(folder)[:80]} cannot be read ({error.strerror}); name another.") from None
    folders = [each for each in inside if each.is_dir()]
    named = [each for each in inside if not each.is_dir()]
    found = [each for each in named if each.suffix.lower() in images.SUFFIXES]
    others = [each for each in named if each.suffix.lower() not in images.SUFFIXES]
    if not found:
        hint = f"name one of the {len(folders)} folders in it" if folders else "put PNG files into it"
        raise InputError(f"{folder} holds no pictures; {hint}, or run `explorer fetch kodak`.")
    for them, what in ((folders, "folders in it"), (others, "files that are not named as pictures")):
        if them:
            tell(f"Not looked at: {what}, {listed(list(map(_quoted, them)), NAMED)}.")
    return found


def survey(found: Sequence[Path], tell: Callable[[str], None]) -> Survey:
    """Read all pictures that `list_pictures` found. tell: gets a sentence for whoever looks on. Raises InputError where
    none of them can be read."""
    ids: dict[Path, str] = {}
    unread: dict[Path, str] = {}
    first: dict[str, Path] = {}
    notes: dict[str, int] = {}
    twice = []
    for path in tqdm(found, "reading", unit="picture", leave=False):
        try:
            picture = images.read(path)
        except InputError as error:
            unread[path] = str(error)
            continue
        known_as = image_id(picture)
        if known_as in first:
            twice.append(f"{_quoted(path)} is the same picture as {_quoted(first[known_as])}")
        else:
            ids[path], first[known_as] = known_as, path
            notes |= {note: notes.get(note, 0) + 1 for note in picture.notes}
    reasons = " ".join(unread.values())
    if not ids:
        raise InputError(f"There is no picture that can be read in {found[0].parent}. {reasons}")
    for note, number in notes.items():
        tell(f"{number} of {len(found)} pictures: {note}")
    left_out = [f"Left out: {len(unread)} of {len(found)} pictures. {reasons}"] if unread else []
    left_out += [f"Measured once: {'; '.join(twice)}."] if twice else []
    for each in left_out:
        tell(each)
    return Survey(ids, frozenset(printable(path.name) for path in unread), left_out)


def image_id(picture: images.Picture) -> str:
    """Eight hex digits of the SHA-256 of a picture's size and pixels."""
    digest = hashlib.sha256(repr(picture.pixels.shape).encode() + picture.pixels.tobytes())
    return digest.hexdigest()[:8]


def _quoted(path: Path) -> str:
    return f"'{printable(path.name)}'"
