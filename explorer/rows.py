"""Rows of measurements: their JSON file, and what follows from them: curves and BD-rate.

    files ─ load_sets ─ PictureSet ─┬─ mean_curves ──── {codec: points along its knob}: tables, figures
                                    └─ picture_curves ─ {codec: {picture: curve}} ─ compare ─ BD-rates

Codecs are compared picture by picture: a mean curve depends on how a codec is driven (at equal rate, at equal quality),
the curve of one picture does not. Rows of different sets of pictures never meet in one mean.

A row is one picture through one codec at one setting: codec, version, image, image_id (the start of the SHA-256 of its
size and pixels), knob {name: setting}, width, height, bytes (of the whole file), estimated_bits (learned codecs only),
bpp, psnr in dB (null: nothing was lost), ms_ssim in [0, 1] (null: the picture is too small), encode_s, decode_s.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from explorer import metrics
from explorer.codecs.baselines import curve_name
from explorer.images import InputError

Row = dict[str, Any]
Key = tuple[str, str, str, float]
PictureCurves = Mapping[str, metrics.Curve]  # one codec's: by image_id

NARROW = 0.5  # a BD-rate over less than this share of the test curve's range of PSNR is marked
# Kodak's 24 pictures by image_id: what published mean curves are of.
KODAK = frozenset(
    re.findall(
        "[0-9a-f]{8}",
        "f3f0309a efb3a142 f382c9f1 e8bc6d66 e0ca3db3 59d983a7 913a2bab 787d712e 711cfad4 8536a6ef a63d9315 dfd9eff8 "
        "fa612a13 88dc670e 55e07516 46f26938 b5993909 6cfe860b be1ad983 65a7dc49 cb12e2a4 7aa6307b 84278e4a 3fa80499",
    )
)
_NAMES = {"kodak": "Kodak", "clic": "CLIC"}


def key(row: Row) -> Key:
    """What makes a row one that need not be measured again: (codec, version, image_id, setting)."""
    return row["codec"], row["version"], row["image_id"], setting(row)


def setting(row: Row) -> float:
    """The value of a row's knob."""
    (value,) = row["knob"].values()
    return value


# -- curves ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MeanPoint:
    """Means of per-picture values at one setting. knob: that setting. psnr in dB; ms_ssim in [0, 1], nan if unknown."""

    knob: float
    bpp: float
    psnr: float
    ms_ssim: float


def mean_curves(rows: Iterable[Row]) -> dict[str, list[MeanPoint]]:
    """One curve for each codec, in order of rate: its points are means over all pictures that there are rows of.

    A setting that some picture lacks, or that loses nothing on one (infinite PSNR), is left out: its mean would be of
    other pictures than its neighbours'. A codec without any setting left has no curve."""
    rows = list(rows)
    pictures = {row["image_id"] for row in rows}
    groups: dict[tuple[str, float], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["codec"], setting(row)].append(row)
    curves: dict[str, list[MeanPoint]] = defaultdict(list)
    for (codec, value), group in groups.items():
        if len(group) == len(pictures) and all(row["psnr"] is not None for row in group):
            curves[curve_name(codec)].append(_mean_point(value, group))
    return {curve: sorted(points, key=lambda point: point.bpp) for curve, points in curves.items()}


def _mean_point(value: float, rows: Sequence[Row]) -> MeanPoint:
    similar = [math.nan if row["ms_ssim"] is None else row["ms_ssim"] for row in rows]
    return MeanPoint(value, fmean(row["bpp"] for row in rows), fmean(row["psnr"] for row in rows), fmean(similar))


def decibels(ms_ssim: float) -> float:
    """MS-SSIM in [0, 1) as −10·log10(1 − MS-SSIM), which spreads its upper end; of a mean, it is that mean's."""
    return -10 * math.log10(1 - ms_ssim) if ms_ssim < 1 else math.inf


def line(points: Sequence[MeanPoint]) -> metrics.Curve:
    """A curve as `metrics.bd_rate` takes it: rates in bpp, PSNR in dB."""
    return [point.bpp for point in points], [point.psnr for point in points]


def picture_curves(rows: Iterable[Row]) -> dict[str, PictureCurves]:
    """{curve: {image_id: its rates in bpp and PSNR in dB}}; a setting that loses nothing (infinite PSNR) is left out.

    The independent models' curve of a picture is made of its members' points."""
    curves: dict[str, dict[str, tuple[list[float], list[float]]]] = defaultdict(lambda: defaultdict(lambda: ([], [])))
    for row in rows:
        if row["psnr"] is not None:
            rates, quality = curves[curve_name(row["codec"])][row["image_id"]]
            rates.append(row["bpp"])
            quality.append(row["psnr"])
    return {name: dict(pictures) for name, pictures in curves.items()}


# -- comparison ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """BD-rates of one codec against another, of each picture its own, in percent; negative for fewer bits.

    mean, median: over the pictures that count, nan where none does. lost: on how many of these the BD-rate is above 0.
    counted: how many these are, of `pictures` in all; on the others the two curves share no quality, or one is missing.
    is_narrow: the shared range of PSNR is, in the mean of the pictures that count, under half of the test curve's.
    """

    mean: float
    median: float
    lost: int
    counted: int
    pictures: int
    is_narrow: bool


def compare(anchor: PictureCurves, test: PictureCurves) -> Comparison:
    """BD-rate of `test` against `anchor`, picture by picture (see `metrics.bd_rate`)."""
    pairs = [(anchor[each], test[each]) for each in test if each in anchor]
    counted = [(rate, pair) for pair in pairs if not math.isnan(rate := _bd_rate(*pair))]
    pictures = len({*anchor, *test})
    if not counted:
        return Comparison(math.nan, math.nan, 0, 0, pictures, False)
    rates = [rate for rate, _ in counted]
    is_narrow = fmean(metrics.shared_range(*pair) for _, pair in counted) < NARROW
    return Comparison(fmean(rates), median(rates), sum(rate > 0 for rate in rates), len(rates), pictures, is_narrow)


def _bd_rate(anchor: metrics.Curve, test: metrics.Curve) -> float:
    try:
        return metrics.bd_rate(anchor, test)
    except ValueError:  # one point is no curve
        return math.nan


def compare_means(anchor: metrics.Curve, test: metrics.Curve) -> Comparison:
    """BD-rate of a mean curve against a published one, of which no more is known: as if it were of one picture."""
    return compare({"mean": anchor}, {"mean": test})


# -- the file --------------------------------------------------------------------------------------------------------


def load(path: str | Path) -> list[Row]:
    """The rows of a file that `explorer evaluate` wrote. Raises InputError where it is not one."""
    return _read(path)[1]


@dataclass(frozen=True)
class PictureSet:
    """Rows of one set of pictures. folder: the name of the folder that the pictures were in."""

    folder: str
    rows: list[Row]

    @property
    def number(self) -> int:
        """How many pictures there are rows of."""
        return len({row["image_id"] for row in self.rows})

    @property
    def is_kodak(self) -> bool:
        """Whether these are rows of Kodak's 24 pictures, so that published means may stand beside them."""
        return {row["image_id"] for row in self.rows} == KODAK

    @property
    def title(self) -> str:
        """For people, such as "Kodak, 24 pictures"."""
        name = "Kodak" if self.is_kodak else _NAMES.get(self.folder, self.folder)
        return f"{name}, {self.number} picture{'s' if self.number > 1 else ''}"


def load_sets(paths: Iterable[str | Path]) -> list[PictureSet]:
    """The rows of files that `explorer evaluate` wrote, apart by the folder of their pictures. Raises InputError."""
    found: dict[str, list[Row]] = defaultdict(list)
    for path in paths:
        about, rows = _read(path)
        found[about.get("pictures", {}).get("folder", Path(path).stem)] += rows
    return [PictureSet(folder, rows) for folder, rows in found.items()]


def _read(path: str | Path) -> tuple[dict[str, Any], list[Row]]:
    if not Path(path).is_file():
        raise InputError(f"There is no file {path}; write it with `explorer evaluate FOLDER --json {path}`.")
    return Store(Path(path)).read()


@dataclass(frozen=True)
class Store:
    """The JSON file {"about": …, "rows": […]}, one row a line, and a journal beside it that a run appends to.

    A killed run leaves the file as it was and in the journal all rows that were finished."""

    path: Path

    @property
    def journal(self) -> Path:
        """Where finished rows go before the whole file is written."""
        return self.path.with_name(self.path.name + ".journal")

    def read(self) -> tuple[dict[str, Any], list[Row]]:
        """(about, rows of the file and of the journal), both empty where there is none yet. Raises InputError."""
        try:
            stored = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}
            about, rows = stored.get("about", {}), stored.get("rows", []) + self._noted()
            for row in rows:
                key(row)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"{self.path} is not a file of `explorer evaluate`; name another one.") from None
        return about, rows

    def prepare(self) -> None:
        """Make the folder of the file. Raises InputError where it cannot be made or written to."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{self.path} cannot be written ({error.strerror}); name another file.") from None
        if self.path.is_dir() or not os.access(self.path.parent, os.W_OK):
            raise InputError(f"{self.path} cannot be written; name a file in a folder of yours.")

    def _noted(self) -> list[Row]:
        if not self.journal.exists():
            return []
        whole_lines = self.journal.read_text(encoding="utf-8").split("\n")[:-1]  # the last may have been torn
        return [json.loads(each) for each in whole_lines]

    def note(self, rows: Iterable[Row]) -> None:
        """Append finished rows to the journal."""
        with self.journal.open("a", encoding="utf-8") as file:
            file.writelines(_json(row) + "\n" for row in rows)

    def write(self, about: Mapping[str, Any], rows: Iterable[Row]) -> None:
        """Replace the file in one step; the journal has then nothing to add and goes."""
        head = json.dumps(about, ensure_ascii=False, indent=1)
        unfinished = self.path.with_name(self.path.name + ".part")
        unfinished.write_text(f'{{"about": {head},\n"rows": [\n' + ",\n".join(map(_json, rows)) + "\n]}\n", "utf-8")
        unfinished.replace(self.path)
        self.journal.unlink(missing_ok=True)


def _json(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))
