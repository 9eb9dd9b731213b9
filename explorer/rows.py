"""Rows of measurements: their JSON file, and what follows from them: mean curves and BD-rate.

    rows ─ mean_curves ─ {codec: points along its knob} ─ bd_table ─ percent of rate at equal PSNR

A row is one picture through one codec at one setting: codec, version, image, image_id (the start of the SHA-256 of its
size and pixels), knob {name: setting}, width, height, bytes (of the whole file), estimated_bits (learned codecs only),
bpp, psnr in dB (null: nothing was lost), ms_ssim in [0, 1] (null: the picture is too small), encode_s, decode_s.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from explorer import metrics
from explorer.codecs.baselines import curve_name
from explorer.images import InputError

Row = dict[str, Any]
Key = tuple[str, str, str, float]


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


def bd_table(tests: Mapping[str, metrics.Curve], anchors: Mapping[str, metrics.Curve]) -> dict[str, dict[str, float]]:
    """BD-rate of each test curve against each anchor, {test: {anchor: percent}}; nan where the two share no quality."""
    return {test: {name: _bd_rate(anchor, curve) for name, anchor in anchors.items()} for test, curve in tests.items()}


def _bd_rate(anchor: metrics.Curve, test: metrics.Curve) -> float:
    try:
        return metrics.bd_rate(anchor, test)
    except ValueError:  # one point is no curve
        return math.nan


# -- the file --------------------------------------------------------------------------------------------------------


def load(path: str | Path) -> list[Row]:
    """The rows of a file that `explorer evaluate` wrote. Raises InputError where it is not one."""
    if not Path(path).is_file():
        raise InputError(f"There is no file {path}; write it with `explorer evaluate FOLDER --json {path}`.")
    return Store(Path(path)).read()[1]


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
        self.path.parent.mkdir(parents=True, exist_ok=True)
        head = json.dumps(about, ensure_ascii=False, indent=1)
        unfinished = self.path.with_name(self.path.name + ".part")
        unfinished.write_text(f'{{"about": {head},\n"rows": [\n' + ",\n".join(map(_json, rows)) + "\n]}\n", "utf-8")
        unfinished.replace(self.path)
        self.journal.unlink(missing_ok=True)


def _json(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))
