"""Rows of measurements and their JSON file, which is input as any other: what is wrong in it is found and said.

    evaluate ─ note ─> journal ─┐
                                ├─ read: every row checked ─ rows, and what had to be left out
    evaluate ─ write ─> file ───┘

A row is one picture through one codec at one setting: codec, version, image, image_id (the start of the SHA-256 of its
size and pixels), knob {name: setting}, width, height, bytes (of the whole file), estimated_bits (learned codecs only),
bpp, psnr in dB (null: nothing was lost), ms_ssim in [0, 1] (null: the picture is too small), ssimulacra2 up to 100
(null: the picture is too small or too large; rows of earlier versions lack it), encode_s, decode_s.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from filelock import FileLock, Timeout

from explorer import files
from explorer.images import InputError

Row = dict[str, Any]
Key = tuple[str, str, str, float]

MAX_BYTES = 2**30  # of a file of rows: some three million
_TEXTS = ("codec", "version", "image", "image_id")
# What a number may be: the lowest and the highest.
_RANGES: dict[str, tuple[float, float]] = {
    **{"bytes": (1, 1e12), "bpp": (1e-9, 1e9), "psnr": (0, 1e3), "ms_ssim": (0, 1), "estimated_bits": (0, 1e13)},
    **{"ssimulacra2": (-1e9, 100), "width": (1, 1e9), "height": (1, 1e9), "encode_s": (0, 1e9), "decode_s": (0, 1e9)},
}
_NEEDED = ("bytes", "bpp", "psnr", "ms_ssim")
_MAY_BE_NULL = ("psnr", "ms_ssim", "ssimulacra2", "estimated_bits")


def key(row: Row) -> Key:
    """What makes a row one that need not be measured again: (codec, version, image_id, setting)."""
    return row["codec"], row["version"], row["image_id"], setting(row)


def setting(row: Row) -> float:
    """The value of a row's knob."""
    (value,) = row["knob"].values()
    return value


class Stored(NamedTuple):
    """What a file and its journal hold. notes: what had to be left out, a sentence each."""

    about: dict[str, Any]
    rows: list[Row]
    notes: list[str]


@dataclass(frozen=True)
class Store:
    """The JSON file {"about": …, "rows": […]}, one row a line, and a journal beside it that a run appends to.

    A killed run leaves the file as it was and in the journal all rows that were finished; one of the same key as a row
    of the file takes its place."""

    path: Path

    @property
    def journal(self) -> Path:
        """Where finished rows go before the whole file is written."""
        return self.path.with_name(self.path.name + ".journal")

    def read(self, strict: bool = False) -> Stored:
        """Everything that is there, and nothing where there is no file yet.

        A row that is none is left out; strict: it is an error, for who means to write the file anew. A torn line of the
        journal is left out in any case. Raises InputError, also for what is no file of `explorer evaluate`."""
        about, found = self._whole()
        rows, notes = _sifted(found, "row", self.path)
        if notes and (strict or not rows):
            raise InputError(f"{notes[0]} Mend the file, or name another one.")
        noted, torn = self.noted()
        anew = {key(row) for row in noted}
        return Stored(about, [row for row in rows if key(row) not in anew] + noted, notes + torn)

    def noted(self) -> tuple[list[Row], list[str]]:
        """The journal's rows, and a sentence where lines of it are torn."""
        return _sifted(self._lines(), "line", self.journal)

    def prepare(self) -> None:
        """Make the folder of the file. Raises InputError where it cannot be made, or the file not be written."""
        try:
            files.make_folder(self.path.parent)
        except InputError as error:
            raise InputError(f"{self.path} cannot be written: {error}") from None
        files.check_output(self.path)
        if self.path.exists() and not self.path.is_file():
            raise InputError(f"{self.path} is no file that could be read again; name another one.")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other runs from the file meanwhile: each would write it without what the other has measured. Raises
        InputError where one is at it. The lock goes with the process, however that ends."""
        target = Path(os.path.realpath(self.path))
        lock = FileLock(target.with_name(f".{target.name}.lock"), timeout=0)
        try:
            lock.acquire()
        except Timeout:
            hint = "wait for its end, or name another file: `explorer report` takes several"
            raise InputError(f"Another `explorer evaluate` is writing {self.path}; {hint}.") from None
        except OSError as error:
            raise InputError(f"{lock.lock_file} cannot be made ({error.strerror}); name another file.") from None
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # Windows deletes no file that is open
                Path(lock.lock_file).unlink()
            lock.release()

    def note(self, rows: Iterable[Row]) -> None:
        """Append finished rows to the journal. Raises InputError where the disk has no room for them."""
        try:
            with self.journal.open("ab") as file:
                file.writelines(_encoded(_json(row) + "\n") for row in rows)
        except OSError as error:
            raise InputError(f"{self.journal} cannot be written ({error.strerror}); make room for it.") from None

    def write(self, about: Mapping[str, Any], rows: Iterable[Row]) -> None:
        """Replace the file in one step; the journal has then nothing to add and goes."""
        head = json.dumps(about, ensure_ascii=False, indent=1)
        files.write(self.path, _encoded(f'{{"about": {head},\n"rows": [\n' + ",\n".join(map(_json, rows)) + "\n]}\n"))
        self.journal.unlink(missing_ok=True)

    def _whole(self) -> tuple[dict[str, Any], list[Any]]:
        text = _text(self.path)
        if text is None:
            return {}, []
        try:
            stored = _parsed(text)
        except json.JSONDecodeError as error:
            raise self._foreign(f": no JSON, or cut short (line {error.lineno})") from None
        except (ValueError, RecursionError):
            raise self._foreign(": no JSON that can be read here") from None
        if not isinstance(stored, dict) or not isinstance(stored.get("rows"), list):
            raise self._foreign()
        about = stored.get("about")
        return about if isinstance(about, dict) else {}, stored["rows"]

    def _foreign(self, why: str = "") -> InputError:
        return InputError(f"{self.path} is not a file of `explorer evaluate`{why}; name another one.")

    def _lines(self) -> list[Any]:
        """The journal's lines, None for one that was torn."""
        return [_parsed_line(line) for line in (_text(self.journal) or "").split("\n") if line]


def find(path: str | Path) -> Store:
    """The store of a file that `explorer evaluate` wrote. Raises InputError where there is none."""
    try:
        if Path(path).is_file():
            return Store(Path(path))
    except (OSError, ValueError):  # such as a name that is too long
        pass
    raise InputError(f"There is no file {path}; write it with `explorer evaluate FOLDER --json {path}`.")


def printable(text: str) -> str:
    """Text as one line that every encoding of Unicode has: control signs, and the bytes of a file's name that are not
    UTF-8, are spelt as Python would."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


def listed(texts: Sequence[str], most: int = 4) -> str:
    """Some texts with commas; of many the first ones, and how many more there are."""
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")


def texts(found: Any) -> list[str]:
    """The texts of what should be a list of them, printable."""
    return [printable(each) for each in found if isinstance(each, str)] if isinstance(found, list) else []


# -- JSON ------------------------------------------------------------------------------------------------------------


class _Twice(str):
    """Stands for a JSON object that names a key twice: the key."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Twice:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            return _Twice(name)
        found[name] = value
    return found


def _parsed(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_object)


def _parsed_line(line: str) -> Any:
    try:
        return _parsed(line)
    except (ValueError, RecursionError):
        return None


def _json(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def _encoded(text: str) -> bytes:
    """JSON in UTF-8. A lone surrogate is spelt \\udcXX, which is its escape in JSON: it comes back as it was."""
    return text.encode("utf-8", "backslashreplace")


def _text(path: Path) -> str | None:
    """A file's text, None where there is no file. A torn sign spoils no line but its own."""
    try:
        if not path.exists():
            return None
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than any file of rows ({MAX_BYTES // 2**20} MiB); name another one.")
        return path.read_bytes().decode("utf-8-sig", "replace")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check its path and permissions.") from None


# -- checks ----------------------------------------------------------------------------------------------------------


def _sifted(found: Sequence[Any], what: str, path: Path) -> tuple[list[Row], list[str]]:
    """The rows among what was found, and one sentence about the others where there are any."""
    faults = [(number, fault) for number, row in enumerate(found, 1) if (fault := _fault(row))]
    if not faults:
        return list(found), []
    wrong = {number for number, _ in faults}
    number, fault = faults[0]
    others = f" ({len(faults)} {what}s in all)" if len(faults) > 1 else ""
    sentence = f"{path}: {what} {number} is no row of `explorer evaluate`{others}: {fault}."
    return [row for place, row in enumerate(found, 1) if place not in wrong], [sentence]


def _fault(row: Any) -> str:
    """What is wrong with a row; nothing where it is one."""
    if isinstance(row, _Twice):
        return f"it has {str(row)[:40]!r} twice"
    if not isinstance(row, dict):
        return "it is cut short or no object"
    for name in _TEXTS:
        if not isinstance(row.get(name), str) or isinstance(row[name], _Twice) or not row[name]:
            return f"its {name} is missing or no text"
    knob = row.get("knob")
    if not isinstance(knob, dict) or len(knob) != 1 or not _is_number(setting(row), -1e9, 1e9):
        return "its knob is not one name with one number"
    for name, limits in _RANGES.items():
        if name not in row:
            if name in _NEEDED:
                return f"its {name} is missing"
        elif not (row[name] is None and name in _MAY_BE_NULL) and not _is_number(row[name], *limits):
            return f"its {name} is no number from {limits[0]:g} to {limits[1]:g}"
    return ""


def _is_number(value: Any, low: float, high: float) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
