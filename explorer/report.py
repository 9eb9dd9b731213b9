"""From rows to what people read: tables and the rate-distortion figure (HTML, PNG), apart for each set of pictures.

    PictureSet ─┬─ picture_curves ─ BD-rate tables: mean and median over pictures, on how many a codec loses
                ├─ left_out ─ what none of these shows, said under each
                ├─ times ─ seconds a megapixel
                └─ means ─┬─ all points as text
                          ├─ BD-rate against published curves, of which only means are known
                          └─ figure: PSNR, MS-SSIM and SSIMULACRA2 over rate, published curves dashed

A published curve is another's measurement, never one of ours: it is named so wherever it appears, and stands beside
means over Kodak's 24 pictures only, which it is of. BD-rate is the mean rate at equal PSNR in percent, negative for
fewer bits. SSIMULACRA2 is shown of curves all of whose rows have it: those of earlier versions have none.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from explorer import files
from explorer.codecs.baselines import FAMILIES, label
from explorer.metrics import Curve, ms_ssim_db
from explorer.rows import (
    Comparison,
    MeanPoint,
    PictureSet,
    compare,
    compare_means,
    decibels,
    line,
    picture_curves,
    seen_line,
    times,
)
from explorer.store import Row

if TYPE_CHECKING:
    import plotly.graph_objects as go

SHOWN_BPP = 2.0  # the part of the plane that the figure opens on
SHOWN_PSNR, SHOWN_MS_SSIM, SHOWN_SSIMULACRA2 = (22.0, 44.0), (6.0, 26.0), (0.0, 95.0)
CLOCK = (
    "wall clock of the machine that measured, which did as many jobs at once as it has cores; "
    "a learned codec has one CPU thread"
)
# 20 that can be told apart, the strong ones first: the figure has about as many codecs.
_COLORS = re.findall(
    "#.{6}",
    "#d62728 #1f77b4 #2ca02c #9467bd #ff7f0e #8c564b #e377c2 #7f7f7f #bcbd22 #17becf "
    "#ff9896 #aec7e8 #98df8a #c5b0d5 #ffbb78 #c49c94 #f7b6d2 #393b79 #dbdb8d #9edae5",
)


@cache
def published() -> dict[str, dict[str, Any]]:
    """Published Kodak curves: {name: {file, bpp, psnr, msssim where known}}; their sources are in the file itself."""
    from explorer.library import folder

    return json.loads((folder() / "results" / "published.json").read_text(encoding="utf-8"))["kodak"]


def published_lines() -> dict[str, Curve]:
    """The published curves as `metrics.bd_rate` takes them."""
    return {name: (curve["bpp"], curve["psnr"]) for name, curve in published().items()}


# -- tables ----------------------------------------------------------------------------------------------------------


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    lines = [[cell.replace("|", "\\|") for cell in row] for row in [head, rule, *body]]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def bd_text(shown: PictureSet) -> str:
    """Markdown tables of BD-rates: of every measured codec against each other, then against the published curves."""
    curves = picture_curves(shown.rows)
    labels = [label(name) for name in curves]
    found = [[compare(anchor, test) for anchor in curves.values()] for test in curves.values()]
    parts = [
        "BD-rate in percent of the row against the column, mean over pictures:",
        _matrix(labels, labels, found, mean_cell),
        "The same, median over pictures:",
        _matrix(labels, labels, found, lambda each: percent(each.median)),
        "On how many pictures the row loses: its BD-rate is above 0:",
        _matrix(labels, labels, found, lost_cell),
        "Over how many dB of PSNR both curves are known, of how many that the row's has, mean over pictures:",
        _matrix(labels, labels, found, overlap_cell),
    ]
    if seen := picture_curves(shown.rows, "ssimulacra2"):
        named = [label(name) for name in seen]
        at_equal = [[compare(anchor, test) for anchor in seen.values()] for test in seen.values()]
        parts += ["BD-rate at equal SSIMULACRA2, mean over pictures:", _matrix(named, named, at_equal, seen_cell)]
    if shown.has_published:
        means = shown.means.curves
        tests = [line(points) for points in means.values()]
        others = [[compare_means(anchor, test) for anchor in published_lines().values()] for test in tests]
        parts.append(
            "BD-rate in percent against curves published by others, of the mean curves, for no more is known there:"
        )
        parts.append(_matrix(map(label, means), published_lines(), others, mean_cell))
        found += others
    return "\n\n".join([*parts, *footnotes(each for line in found for each in line), *shown.left_out])


def _matrix(
    tests: Iterable[str],
    anchors: Iterable[str],
    found: Sequence[Sequence[Comparison]],
    cell: Callable[[Comparison], str],
) -> str:
    """One Markdown table: a row for each test, a column for each anchor."""
    return table(["", *anchors], [[test, *map(cell, each)] for test, each in zip(tests, found, strict=True)])


def mean_cell(found: Comparison) -> str:
    """The mean BD-rate as text, with the marks that `footnotes` explains."""
    if not found.counted:
        return "–"
    counted = f" ({found.counted})" if found.counted < found.pictures else ""
    return percent(found.mean) + ("†" if found.is_narrow else "") + counted


def seen_cell(found: Comparison) -> str:
    """The mean BD-rate as text; over how many pictures, where some do not count."""
    counted = f" ({found.counted})" if found.counted < found.pictures else ""
    return percent(found.mean) + (counted if found.counted else "")


def lost_cell(found: Comparison) -> str:
    """On how many pictures the test loses, as text; of how many, where some do not count."""
    if not found.counted:
        return "–"
    return f"{found.lost}" if found.counted == found.pictures else f"{found.lost} of {found.counted}"


def overlap_cell(found: Comparison) -> str:
    """What range of PSNR a BD-rate stands for, as text."""
    return f"{found.shared:.1f} of {found.own:.1f}" if found.counted else "–"


def footnotes(found: Iterable[Comparison]) -> list[str]:
    """What the marks in the cells of some comparisons mean, a sentence each; none where there are no marks."""
    found = list(found)
    notes = []
    if any(each.is_narrow for each in found):
        least = "less than half of the range of PSNR of the one that is compared, or on one picture a tenth"
        notes.append(f"† The curves share {least}.")
    if any(0 < each.counted < each.pictures for each in found):
        why = "on the others the two curves share no quality, or one has no two points with loss"
        notes.append(f"(n): over n pictures only; {why}.")
    return notes


def curves_text(curves: Mapping[str, Sequence[MeanPoint]]) -> str:
    """One Markdown table of all mean points."""
    named = [(label(name), point) for name, points in curves.items() for point in points]
    return points_table(["codec", "setting"], [([name, f"{point.knob:.4g}"], point) for name, point in named])


def points_table(head: Sequence[str], points: Sequence[tuple[Sequence[str], MeanPoint]]) -> str:
    """A Markdown table of mean points, each with cells of its own before it: bpp, PSNR, MS-SSIM, MS-SSIM in dB, and
    SSIMULACRA2 where any of them has it."""
    is_seen = any(not math.isnan(point.ssimulacra2) for _, point in points)
    body = [[*before, *_cells(point), *[_number(point.ssimulacra2, 2)] * is_seen] for before, point in points]
    return table([*head, "bpp", "PSNR (dB)", "MS-SSIM", "MS-SSIM (dB)", *["SSIMULACRA2"] * is_seen], body)


def _cells(point: MeanPoint) -> list[str]:
    similar = [_number(point.ms_ssim, 4), _number(ms_ssim_db(point.ms_ssim), 2)]
    return [f"{point.bpp:.4f}", f"{point.psnr:.2f}", *similar]


def _number(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def times_text(rows: Iterable[Row]) -> str:
    """One Markdown table of how long every codec takes."""
    body = [[label(name), *(_number(value, 3) for value in taken)] for name, taken in times(rows).items()]
    return table(["codec", "encode (s)", "decode (s)"], body)


def percent(value: float) -> str:
    """A BD-rate as text."""
    return "–" if math.isnan(value) else f"{value:+.1f}"


# -- the figure ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Trace:
    """One curve of the figure: its name, where it lies, and how it looks."""

    name: str
    color: str
    is_published: bool
    knobs: list[str]
    psnr: Curve
    ms_ssim_db: Curve
    ssimulacra2: Curve


def _traces(shown: PictureSet) -> list[_Trace]:
    """Measured curves first, ours before all; a codec that is also published has the same colour there."""
    curves = shown.means.curves
    curves = {name: curves[name] for name in sorted(curves, key=lambda name: name not in FAMILIES)}
    known = published() if shown.has_published else {}
    names = list(dict.fromkeys([*curves, *known]))
    colors = {name: _COLORS[i % len(_COLORS)] for i, name in enumerate(names)}
    own = [
        _Trace(
            label(name),
            colors[name],
            False,
            [f"{point.knob:.4g}" for point in points],
            line(points),
            ([p.ms_ssim_bpp for p in points], [_drawn(decibels(p.ms_ssim)) for p in points]),
            seen_line(points),
        )
        for name, points in curves.items()
    ]
    others = [
        _Trace(
            f"{name} (published)",
            colors[name],
            True,
            [""] * len(curve["bpp"]),
            (curve["bpp"], curve["psnr"]),
            (curve["bpp"] if "msssim" in curve else [], [decibels(value) for value in curve.get("msssim", [])]),
            ([], []),
        )
        for name, curve in known.items()
    ]
    return own + others


def _drawn(value: float) -> float:
    """A value, or nan, which leaves a gap, where it is infinite."""
    return value if math.isfinite(value) else math.nan


@dataclass(frozen=True)
class _Panel:
    """One plot of the figure. window: of its quality, what the figure opens on."""

    title: str
    window: tuple[float, float]
    curve: Callable[[_Trace], Curve]


def _panels(traces: Iterable[_Trace]) -> list[_Panel]:
    """That of SSIMULACRA2 only where there is any."""
    panels = [
        _Panel("PSNR (dB)", SHOWN_PSNR, lambda trace: trace.psnr),
        _Panel("MS-SSIM (dB)", SHOWN_MS_SSIM, lambda trace: trace.ms_ssim_db),
    ]
    if any(trace.ssimulacra2[0] for trace in traces):
        panels.append(_Panel("SSIMULACRA2", SHOWN_SSIMULACRA2, lambda trace: trace.ssimulacra2))
    return panels


def figure(shown: PictureSet) -> go.Figure:
    """PSNR, MS-SSIM (dB) and, where it was measured, SSIMULACRA2 over rate, means over the pictures, as a Plotly
    figure; a click on a name in the legend hides that curve."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    traces = _traces(shown)
    panels = _panels(traces)
    all_of_them = make_subplots(1, len(panels), subplot_titles=[panel.title for panel in panels])
    for trace in traces:
        for column, panel in enumerate(panels, 1):
            rates, values = panel.curve(trace)
            drawn = go.Scatter(
                x=rates,
                y=values,
                name=trace.name,
                legendgroup=trace.name,
                showlegend=column == 1,
                text=trace.knobs,
                mode="lines" if trace.is_published else "lines+markers",
                line={"color": trace.color, "dash": "dash" if trace.is_published else "solid"},
                hovertemplate="%{x:.3f} bpp, %{y:.2f}, setting %{text}",
            )
            all_of_them.add_trace(drawn, 1, column)
    title = "<br>".join([escape(shown.title), *(f"<sup>{escape(each)}</sup>" for each in _lines(shown.left_out))])
    all_of_them.update_layout(title=title, margin_t=100 + 14 * title.count("<br>"))
    for column, (rates, values) in enumerate(_windows(panels, traces), 1):
        all_of_them.update_xaxes(title_text="bits per pixel", range=rates, col=column)
        all_of_them.update_yaxes(range=values, col=column)
    return all_of_them


def _windows(
    panels: Sequence[_Panel], traces: Sequence[_Trace]
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """What the panels open on, as limits of rate and of quality: more than usual where a measured curve, such as one
    of small pictures, would have fewer than two of its points there."""
    own = [trace for trace in traces if not trace.is_published]
    windows = []
    for panel in panels:
        low, high = panel.window
        more = [(0.0, low), (SHOWN_BPP, high)]
        for trace in own:
            points = [point for point in zip(*panel.curve(trace), strict=True) if not math.isnan(point[1])]
            inside = [rate <= SHOWN_BPP and low <= value <= high for rate, value in points]
            more += points if sum(inside) < 2 else []
        rates, values = zip(*more, strict=True)
        windows.append(((0.0, max(rates)), (min(values), max(values))))
    return windows


def _lines(sentences: Iterable[str]) -> list[str]:
    """Sentences as lines that are no longer than the figure is wide."""
    return [line for each in sentences for line in wrap(each, 200)]


def write_html(shown: PictureSet, path: str | Path) -> None:
    """The figure as one page that works offline (it carries Plotly, some 4 MB)."""
    files.write(path, figure(shown).to_html(include_plotlyjs=True))


def write_png(shown: PictureSet, path: str | Path) -> None:
    """The figure as a picture of 750 pixels high and as many wide for each panel."""
    import matplotlib

    with matplotlib.rc_context({"text.parse_math": False}):  # a folder may have a dollar in its name
        files.write(path, _png(shown))


def _png(shown: PictureSet) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    traces = _traces(shown)
    panels = _panels(traces)
    page = Figure(figsize=(7.5 * len(panels), 7.5), dpi=100, layout="constrained")
    page.suptitle(shown.title)
    page.supxlabel("\n".join(_lines(shown.left_out)), fontsize=8, x=0.01, ha="left")
    plots = page.subplots(1, len(panels))
    for trace in traces:
        style = {"color": trace.color, "lw": 2.4 if trace.name == label("mae") else 1.2, "label": trace.name}
        style |= {"ls": "--"} if trace.is_published else {"marker": "o", "ms": 3}
        for plot, panel in zip(plots, panels, strict=True):
            plot.plot(*panel.curve(trace), **style)
    for plot, panel, (rates, values) in zip(plots, panels, _windows(panels, traces), strict=True):
        plot.set(xlabel="bits per pixel", ylabel=panel.title, xlim=rates, ylim=values)
        plot.grid(alpha=0.3)
    plots[1].legend(fontsize=7, ncols=2, loc="lower right")
    drawn = BytesIO()
    FigureCanvasAgg(page).print_png(drawn)
    return drawn.getvalue()


# -- files -----------------------------------------------------------------------------------------------------------


def write(
    sets: Sequence[PictureSet],
    markdown: str | Path | None = None,
    png: str | Path | None = None,
    html: str | Path | None = None,
) -> str:
    """Write the asked-for forms of the results and return the BD-rate tables in Markdown.

    Sets of pictures stay apart: the figure of each but the first has the name of its folder at the end of its own."""
    rates = [bd_text(each) for each in sets]
    if markdown:
        parts = ["# Results"]
        for each, text in zip(sets, rates, strict=True):
            points = curves_text(each.means.curves)
            parts += [f"## {each.title}", text, "All points, means over pictures:", points]
            parts += [f"Seconds a megapixel, median over pictures and settings; {CLOCK}:", times_text(each.rows)]
        files.write(markdown, "\n\n".join(parts) + "\n")
    for number, each in enumerate(sets):
        ending = "-" + re.sub(r"[/\\]", "_", each.folder) if number else ""
        if png:
            write_png(each, _ending(png, ending))
        if html:
            write_html(each, _ending(html, ending))
    return "\n\n".join(f"{each.title}\n\n{text}" for each, text in zip(sets, rates, strict=True))


def _ending(path: str | Path, ending: str) -> Path:
    return Path(path).with_stem(Path(path).stem + ending)
