"""What follows from rows of measurements (see `store`): curves and BD-rate, and what had to be left out of them.

    files ─ load_sets ─ PictureSet ─┬─ means ────────── {codec: points along its knob}: tables, figures
                                    └─ picture_curves ─ {codec: {picture: curve}} ─ compare ─ BD-rates

Codecs are compared picture by picture: a mean curve depends on how a codec is driven (at equal rate, at equal quality),
the curve of one picture does not. Rows of different sets of pictures never meet in one mean.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean, median
from typing import Any

from explorer import metrics, store
from explorer.codecs.baselines import curve_name, label
from explorer.images import InputError
from explorer.means import MeanPoint, Means, means, unmeasured
from explorer.store import Row, key, listed, printable, texts

PictureCurves = Mapping[str, metrics.Curve]  # one codec's: by image_id

# A BD-rate is marked where it is over less than this share of the test curves' range of PSNR, in the mean over pictures
# or on any one of them: the few dB at an end of a curve say little of the rest.
NARROW, NARROW_ON_ONE = 0.5, 0.1
# Kodak's 24 pictures by image_id: what published mean curves are of.
KODAK = frozenset(
    re.findall(
        "[0-9a-f]{8}",
        "f3f0309a efb3a142 f382c9f1 e8bc6d66 e0ca3db3 59d983a7 913a2bab 787d712e 711cfad4 8536a6ef a63d9315 dfd9eff8 "
        "fa612a13 88dc670e 55e07516 46f26938 b5993909 6cfe860b be1ad983 65a7dc49 cb12e2a4 7aa6307b 84278e4a 3fa80499",
    )
)
_NAMES = {"kodak": "Kodak", "clic": "CLIC"}


# -- curves ----------------------------------------------------------------------------------------------------------


def mean_curves(rows: Iterable[Row]) -> dict[str, list[MeanPoint]]:
    """One curve for each codec, in order of rate: see `means`."""
    return means(rows).curves


def decibels(ms_ssim: float) -> float:
    """MS-SSIM in [0, 1) as −10·log10(1 − MS-SSIM), which spreads its upper end; of a mean, it is that mean's."""
    return -10 * math.log10(1 - ms_ssim) if ms_ssim < 1 else math.inf


def line(points: Sequence[MeanPoint]) -> metrics.Curve:
    """A curve as `metrics.bd_rate` takes it: rates in bpp, PSNR in dB."""
    return [point.bpp for point in points], [point.psnr for point in points]


def seen_line(points: Sequence[MeanPoint]) -> metrics.Curve:
    """The same in SSIMULACRA2, of the points that have it."""
    known = [point for point in points if not math.isnan(point.ssimulacra2)]
    return [point.ssimulacra2_bpp for point in known], [point.ssimulacra2 for point in known]


def picture_curves(rows: Iterable[Row], metric: str = "psnr") -> dict[str, PictureCurves]:
    """{curve: {image_id: its rates in bpp and PSNR in dB, or another metric}}; a setting that loses nothing (infinite
    PSNR) is left out, and so is a curve in some of whose rows the metric was not measured.

    The independent models' curve of a picture is made of its members' points."""
    curves: dict[str, dict[str, tuple[list[float], list[float]]]] = defaultdict(lambda: defaultdict(lambda: ([], [])))
    rows = list(rows)
    partly = unmeasured(rows, metric)
    for row in rows:
        curve = curve_name(row["codec"])
        if row["psnr"] is not None and curve not in partly and row[metric] is not None:
            rates, quality = curves[curve][row["image_id"]]
            rates.append(row["bpp"])
            quality.append(row[metric])
    return {name: dict(pictures) for name, pictures in curves.items()}


def times(rows: Iterable[Row]) -> dict[str, tuple[float, float]]:
    """{curve: median seconds a megapixel to encode and to decode}, nan where they were not measured."""
    taken: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for row in rows:
        for each, name in zip(taken[curve_name(row["codec"])], ("encode_s", "decode_s"), strict=True):
            each += (
                [1e6 * row[name] / (row["width"] * row["height"])] if {name, "width", "height"} <= row.keys() else []
            )
    return {name: (_median(encode), _median(decode)) for name, (encode, decode) in taken.items()}


def _median(values: Sequence[float]) -> float:
    return median(values) if values else math.nan


# -- comparison ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """BD-rates of one codec against another, of each picture its own, in percent; negative for fewer bits.

    mean, median: over the pictures that count, nan where none does. lost: on how many of these the BD-rate is above 0.
    counted: how many these are, of `pictures` in all; on the others the two curves share no quality, or one is missing.
    shared, own: over how many dB of PSNR this is, and how many the test's curve has, both means over these pictures.
    least: the smallest share of its own range that is shared on one of them.
    """

    mean: float
    median: float
    lost: int
    counted: int
    pictures: int
    shared: float
    own: float
    least: float

    @property
    def is_narrow(self) -> bool:
        """Whether the two curves share so little that the BD-rate says next to nothing of the rest."""
        return self.counted > 0 and (self.shared < NARROW * self.own or self.least < NARROW_ON_ONE)


def compare(anchor: PictureCurves, test: PictureCurves) -> Comparison:
    """BD-rate of `test` against `anchor`, picture by picture (see `metrics.bd_rate`)."""
    pairs = [(anchor[each], test[each]) for each in test if each in anchor]
    counted = [(rate, pair) for pair in pairs if not math.isnan(rate := _bd_rate(*pair))]
    pictures = len({*anchor, *test})
    if not counted:
        return Comparison(math.nan, math.nan, 0, 0, pictures, math.nan, math.nan, math.nan)
    rates = [rate for rate, _ in counted]
    ranges = [metrics.overlap(*pair) for _, pair in counted]
    shared, own = (fmean(each) for each in zip(*ranges, strict=True))
    lost, least = sum(rate > 0 for rate in rates), min(both / alone for both, alone in ranges)
    return Comparison(fmean(rates), median(rates), lost, len(rates), pictures, shared, own, least)


def _bd_rate(anchor: metrics.Curve, test: metrics.Curve) -> float:
    try:
        return metrics.bd_rate(anchor, test)
    except ValueError:  # one point is no curve
        return math.nan


def compare_means(anchor: metrics.Curve, test: metrics.Curve) -> Comparison:
    """BD-rate of a mean curve against a published one, of which no more is known: as if it were of one picture."""
    return compare({"mean": anchor}, {"mean": test})


# -- sets of pictures ------------------------------------------------------------------------------------------------


def load(path: str | Path) -> list[Row]:
    """The rows of a file that `explorer evaluate` wrote. Raises InputError where it is not one."""
    return store.find(path).read().rows


@dataclass(frozen=True)
class PictureSet:
    """Rows of one set of pictures. folder: the name of the folder that the pictures were in. notes: what of the files
    and of the pictures there is no row of here, a sentence each."""

    folder: str
    rows: list[Row]
    notes: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """How many pictures there are rows of."""
        return len({row["image_id"] for row in self.rows})

    @property
    def is_kodak(self) -> bool:
        """Whether these are rows of Kodak's 24 pictures."""
        return {row["image_id"] for row in self.rows} == KODAK

    @property
    def has_published(self) -> bool:
        """Whether published means may stand beside these: both are over Kodak's 24 pictures, none left out."""
        return self.means.pictures == KODAK

    @property
    def title(self) -> str:
        """For people, such as "Kodak, 24 pictures"."""
        name = "Kodak" if self.is_kodak else _NAMES.get(self.folder, self.folder)
        return f"{name}, {self.number} picture{'s' if self.number > 1 else ''}"

    @cached_property
    def means(self) -> Means:
        """The mean curves."""
        return means(self.rows)

    @property
    def left_out(self) -> list[str]:
        """All that these rows' tables and figures do not show, a sentence each."""
        return [*self.notes, *self._lossless(), *self.means.left_out]

    def _lossless(self) -> list[str]:
        """Curves end where nothing is lost."""
        found = Counter(label(curve_name(row["codec"])) for row in self.rows if row["psnr"] is None)
        counts = ", ".join(f"{number} of {name}" for name, number in found.items())
        return [f"Rows without loss (infinite PSNR) are no part of a picture's curve: {counts}."] if counts else []


def load_sets(paths: Iterable[str | Path]) -> list[PictureSet]:
    """The rows of files that `explorer evaluate` wrote, apart by the folder of their pictures; folders that hold the
    same pictures are one set. Raises InputError, also where there is no row at all."""
    rows: dict[str, list[Row]] = defaultdict(list)
    notes: dict[str, dict[str, None]] = defaultdict(dict)
    for path in paths:
        found = store.find(path).read()
        folder = _folder(found.about) or printable(Path(path).stem)
        rows[folder] += map(_printable, found.rows)
        notes[folder] |= dict.fromkeys([*found.notes, *texts(found.about.get("left_out"))])
    if not any(rows.values()):
        raise InputError("There is no row yet in what was given; run `explorer evaluate` again, it goes on.")
    same: dict[frozenset[str], list[str]] = defaultdict(list)
    for folder, each in rows.items():
        same[frozenset(row["image_id"] for row in each)].append(folder)
    sets = []
    for pictures, folders in same.items():
        if pictures:
            kept, said = _reconciled([row for folder in folders for row in rows[folder]])
            told = dict.fromkeys([*(note for folder in folders for note in notes[folder]), *said])
            sets.append(PictureSet(folders[0], kept, tuple(told)))
    return sets


def _folder(about: Mapping[str, Any]) -> str:
    """The name of the folder of pictures that a file tells, nothing where it tells none."""
    pictures = about.get("pictures")
    name = pictures.get("folder") if isinstance(pictures, dict) else None
    return printable(name)[:80] if isinstance(name, str) else ""


def _printable(row: Row) -> Row:
    return row | {name: printable(row[name]) for name in ("codec", "version", "image")}


def _reconciled(rows: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """Rows in which each codec has one version and one knob, and each setting of it one row for a picture; and what was
    left out for it. Of several versions the one with most rows stays, of equal ones the later."""
    by_codec: dict[str, dict[tuple[str, str], dict[Any, Row]]] = defaultdict(lambda: defaultdict(dict))
    contradicted: Counter[str] = Counter()
    for row in rows:
        variant = row["version"], next(iter(row["knob"]))
        first = by_codec[row["codec"]][variant].setdefault(key(row), row)
        contradicted[row["codec"]] += any(first[name] != row[name] for name in ("bytes", "bpp", "psnr", "ms_ssim"))
    kept: list[Row] = []
    notes = []
    for codec, variants in by_codec.items():
        chosen = max(reversed(variants), key=lambda each: len(variants[each]))
        kept += variants[chosen].values()
        for each, others in variants.items():
            if each != chosen:
                apart = f"{', '.join(each)}) are left out beside those of {', '.join(chosen)}"
                notes.append(f"{len(others)} rows of {label(codec)} ({apart}; measure all of them with one.")
    notes += [
        f"{number} rows of {label(codec)} contradict others of the same picture and setting; the first of each stays."
        for codec, number in contradicted.items()
        if number
    ]
    return kept, notes + _of_two_names(kept)


def _of_two_names(rows: Iterable[Row]) -> list[str]:
    names: dict[str, dict[str, None]] = defaultdict(dict)
    for row in rows:
        names[row["image_id"]][f"'{row['image']}'"] = None
    return [f"{listed(list(each))} are one picture." for each in names.values() if len(each) > 1]
