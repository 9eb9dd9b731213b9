"""Mean curves over a set of pictures, and what has to be left out for their points to be over the same pictures.

          pictures            a setting that loses nothing on a picture, or was not measured there, has no mean:
settings  × × × ×             either the setting goes or the picture, whichever keeps more rows
          × ∞ × ×
          × × × ×  ─ means ─ {curve: points in order of rate}, and the sentences that say what went
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from explorer import metrics
from explorer.codecs.baselines import curve_name, label
from explorer.ssimulacra import MOST_PIXELS, SMALLEST
from explorer.store import Row, listed, setting


@dataclass(frozen=True)
class MeanPoint:
    """Means of per-picture values at one setting. knob: that setting. bpp, psnr in dB: over the same pictures for all
    points. ms_ssim in [0, 1]: over those of them that are large enough, nan if none is; ms_ssim_bpp: their mean rate.
    ssimulacra2, ssimulacra2_bpp: the same over those whose size has an SSIMULACRA2; nan also where it was not measured.
    """

    knob: float
    bpp: float
    psnr: float
    ms_ssim: float
    ms_ssim_bpp: float
    ssimulacra2: float = math.nan
    ssimulacra2_bpp: float = math.nan


@dataclass(frozen=True)
class Means:
    """curves: one for each codec, in order of rate. pictures: what all their points are means over, by image_id.
    left_out: which pictures and settings are no part of them, a sentence each."""

    curves: dict[str, list[MeanPoint]]
    pictures: frozenset[str]
    left_out: list[str]


_Grid = Mapping[tuple[str, float], Mapping[str, Row]]  # by codec and setting, then by image_id


def means(rows: Iterable[Row]) -> Means:
    """Mean curves whose points are all over the same pictures; others would be bent by which pictures they lack.

    Where a picture was not measured at some setting, or loses nothing there (infinite PSNR has no mean), either the
    setting is left out or the picture: whichever keeps more rows. A codec without any setting left has no curve."""
    rows = list(rows)
    grid: dict[tuple[str, float], dict[str, Row]] = defaultdict(dict)
    for row in rows:
        grid[row["codec"], setting(row)][row["image_id"]] = row
    kept = _kept_pictures(grid)
    whole = {place: [at[each] for each in kept] for place, at in grid.items() if kept and kept <= _lossy(at)}
    small = _without(whole.values(), "ms_ssim")
    unseen = _without(whole.values(), "ssimulacra2")
    partly = unmeasured(rows, "ssimulacra2")
    curves: dict[str, list[MeanPoint]] = defaultdict(list)
    for (codec, value), at in whole.items():
        bpp, psnr = fmean(row["bpp"] for row in at), fmean(row["psnr"] for row in at)
        similar = _mean_of(at, "ms_ssim", small)
        seen = (math.nan, math.nan) if curve_name(codec) in partly else _mean_of(at, "ssimulacra2", unseen)
        curves[curve_name(codec)].append(MeanPoint(value, bpp, psnr, *similar, *seen))
    in_order = {curve: sorted(points, key=lambda point: point.bpp) for curve, points in curves.items()}
    sentences = (
        _left_out(grid, kept, set(whole)),
        _without_ms_ssim(grid, kept, small),
        _without_ssimulacra2(grid, unseen, partly),
    )
    return Means(in_order, kept, [each for some in sentences for each in some])


def unmeasured(rows: Iterable[Row], metric: str) -> dict[str, None]:
    """The curves with a row in which a metric was not measured, in order: the rest would show a part as the whole."""
    return dict.fromkeys(curve_name(row["codec"]) for row in rows if metric not in row)


def _without(settings: Iterable[Iterable[Row]], metric: str) -> set[str]:
    """The pictures that have no value of a metric, for their size."""
    return {row["image_id"] for at in settings for row in at if row.get(metric, 0) is None}


def _lossy(at: Mapping[str, Row]) -> set[str]:
    return {each for each, row in at.items() if row["psnr"] is not None}


def _kept_pictures(grid: _Grid) -> frozenset[str]:
    """The pictures to take means over: without those that most settings lack, as many as it takes to keep most rows."""
    pictures = {each for at in grid.values() for each in at}
    lacking = [pictures - _lossy(at) for at in grid.values()]
    order = [each for each, _ in Counter(sorted(each for lack in lacking for each in lack)).most_common()]
    place = {each: number for number, each in enumerate(order, 1)}
    needed = [max((place[each] for each in lack), default=0) for lack in lacking]  # so many to drop

    def rows_kept(dropped: int) -> tuple[int, int]:
        settings = sum(number <= dropped for number in needed)
        return (len(pictures) - dropped) * settings, settings

    return frozenset(pictures - set(order[: max(range(len(order) + 1), key=rows_kept)]))


def _mean_of(rows: Sequence[Row], metric: str, without: Iterable[str]) -> tuple[float, float]:
    """The mean of a metric and that of the rate, over the rows of all pictures but those `without` it; nan where there
    are none."""
    kept = [row for row in rows if row["image_id"] not in without]
    if not kept:
        return math.nan, math.nan
    return fmean(row[metric] for row in kept), fmean(row["bpp"] for row in kept)


# -- what is left out ------------------------------------------------------------------------------------------------


def _left_out(grid: _Grid, kept: frozenset[str], whole: set[tuple[str, float]]) -> list[str]:
    pictures = {each for at in grid.values() for each in at}
    sentences = []
    if dropped := pictures - kept:
        at = [rows for rows in grid.values() if not dropped <= _lossy(rows)]
        why = f"where {len(at)} of {len(grid)} settings {_why(at, dropped)}"
        sentences.append(
            f"Means are over {len(kept)} of {len(pictures)} pictures, without {_names(grid, dropped)}, {why}."
        )
    if not kept:
        return sentences
    by_curve: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for place in grid:
        by_curve[curve_name(place[0])].append(place)
    for curve, places in by_curve.items():
        missing = [place for place in places if place not in whole]
        if missing:
            at = [grid[place] for place in missing]
            on = {each for each in kept if any(each not in _lossy(rows) for rows in at)}
            values = listed([f"{value:g}" for _, value in sorted(missing, key=lambda place: place[1])])
            which = f"{len(missing)} of {len(places)} settings ({values})"
            sentences.append(f"{label(curve)} has no mean at {which}, which {_why(at, on)} on {_names(grid, on)}.")
    return sentences


def _why(settings: Iterable[Mapping[str, Row]], pictures: Iterable[str]) -> str:
    """Why these settings have no mean over these pictures."""
    settings = list(settings)
    is_lossless = any(each in at and at[each]["psnr"] is None for at in settings for each in pictures)
    is_absent = any(each not in at for at in settings for each in pictures)
    reasons = ["lose nothing (infinite PSNR)"] * is_lossless + ["were not measured"] * is_absent
    return " or ".join(reasons)


def _without_ms_ssim(grid: _Grid, kept: frozenset[str], small: set[str]) -> list[str]:
    if not small:
        return []
    why = f"needs {metrics.SMALLEST_SIDE} pixels a side"
    if small == kept:
        return [f"There are no means of MS-SSIM, which {why}."]
    of = f"{len(kept) - len(small)} of {len(kept)} pictures, without {_names(grid, small)}"
    return [f"Means of MS-SSIM are over {of}: it {why}."]


def _without_ssimulacra2(grid: _Grid, unseen: set[str], partly: Iterable[str]) -> list[str]:
    """Nothing is said where nothing has it: rows of earlier versions have none."""
    if not any("ssimulacra2" in row for at in grid.values() for row in at.values()):
        return []
    sentences = []
    if unseen:
        why = f"{SMALLEST} pixels a side or more, and {MOST_PIXELS // 10**6} megapixels at most"
        sentences.append(f"Means of SSIMULACRA2 are without {_names(grid, unseen)}: it needs {why}.")
    if names := [label(curve) for curve in partly]:
        why = "rows of an earlier version lack it; `explorer evaluate` adds it"
        sentences.append(f"SSIMULACRA2 is left out for {', '.join(names)}: {why}.")
    return sentences


def _names(grid: _Grid, pictures: set[str]) -> str:
    names = {each: row["image"] for at in grid.values() for each, row in at.items()}
    return listed(sorted(f"'{names[each]}'" for each in pictures))
