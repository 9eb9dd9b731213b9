"""From rows to what people read: tables and the rate-distortion figure (HTML, PNG).

    rows ─ mean_curves ─┬─ BD-rate tables, curves as text
                        └─ figure: PSNR and MS-SSIM over rate, published curves dashed

A published curve is another's measurement, never one of ours: it is named so wherever it appears. BD-rate is the mean
rate at equal PSNR in percent, negative for fewer bits.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.codecs.baselines import FAMILIES, label
from explorer.metrics import Curve
from explorer.rows import MeanPoint, Row, bd_table, decibels, line, mean_curves

if TYPE_CHECKING:
    import plotly.graph_objects as go

SHOWN_BPP, SHOWN_PSNR, SHOWN_MS_SSIM = 2.0, (22, 44), (6, 26)  # the part of the plane that the figure opens on
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
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *body])


def bd_text(curves: Mapping[str, Sequence[MeanPoint]]) -> str:
    """Two Markdown tables: BD-rate of every measured curve against each other, and against the published ones."""
    measured = {name: line(points) for name, points in curves.items()}
    parts = []
    for title, anchors in (("measured here", measured), ("published by others", published_lines())):
        head = [label(name) if anchors is measured else name for name in anchors]
        found = bd_table(measured, anchors)
        body = [[label(test), *(percent(values[anchor]) for anchor in anchors)] for test, values in found.items()]
        parts.append(f"BD-rate in percent against curves {title}:\n\n" + table(["", *head], body))
    return "\n\n".join(parts)


def curves_text(curves: Mapping[str, Sequence[MeanPoint]]) -> str:
    """One Markdown table of all mean points."""
    body = [[label(name), f"{point.knob:.4g}", *cells(point)] for name, points in curves.items() for point in points]
    return table(["codec", "setting", "bpp", "PSNR (dB)", "MS-SSIM", "MS-SSIM (dB)"], body)


def cells(point: MeanPoint) -> list[str]:
    """A point's columns in a table: bpp, PSNR, MS-SSIM, MS-SSIM (dB)."""
    quality = (
        [f"{point.ms_ssim:.4f}", f"{decibels(point.ms_ssim):.2f}"] if point.ms_ssim == point.ms_ssim else ["–", "–"]
    )
    return [f"{point.bpp:.4f}", f"{point.psnr:.2f}", *quality]


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
    bpp: list[float]
    psnr: list[float]
    ms_ssim_db: list[float]


def _traces(curves: Mapping[str, Sequence[MeanPoint]]) -> list[_Trace]:
    """Measured curves first, ours before all; a codec that is also published has the same colour there."""
    curves = {name: curves[name] for name in sorted(curves, key=lambda name: name not in FAMILIES)}
    names = list(dict.fromkeys([*curves, *published()]))
    colors = {name: _COLORS[i % len(_COLORS)] for i, name in enumerate(names)}
    own = [
        _Trace(
            label(name),
            colors[name],
            False,
            [f"{point.knob:.4g}" for point in points],
            *([*values] for values in zip(*((p.bpp, p.psnr, decibels(p.ms_ssim)) for p in points), strict=True)),
        )
        for name, points in curves.items()
    ]
    others = [
        _Trace(
            f"{name} (published)",
            colors[name],
            True,
            [""] * len(curve["bpp"]),
            curve["bpp"],
            curve["psnr"],
            [decibels(value) for value in curve.get("msssim", [])],
        )
        for name, curve in published().items()
    ]
    return own + others


def figure(curves: Mapping[str, Sequence[MeanPoint]]) -> go.Figure:
    """PSNR and MS-SSIM (dB) over rate as a Plotly figure; a click on a name in the legend hides that curve."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    both = make_subplots(1, 2, subplot_titles=["PSNR (dB)", "MS-SSIM (dB)"])
    for trace in _traces(curves):
        for column, values in enumerate((trace.psnr, trace.ms_ssim_db), 1):
            drawn = go.Scatter(
                x=trace.bpp,
                y=values,
                name=trace.name,
                legendgroup=trace.name,
                showlegend=column == 1,
                text=trace.knobs,
                mode="lines" if trace.is_published else "lines+markers",
                line={"color": trace.color, "dash": "dash" if trace.is_published else "solid"},
                hovertemplate="%{x:.3f} bpp, %{y:.2f} dB, setting %{text}",
            )
            both.add_trace(drawn, 1, column)
    both.update_xaxes(title_text="bits per pixel", range=[0, SHOWN_BPP])
    both.update_yaxes(range=SHOWN_PSNR, col=1)
    both.update_yaxes(range=SHOWN_MS_SSIM, col=2)
    return both


def write_html(curves: Mapping[str, Sequence[MeanPoint]], path: str | Path) -> None:
    """The figure as one page that works offline (it carries Plotly, some 4 MB)."""
    figure(curves).write_html(path, include_plotlyjs=True)


def write_png(curves: Mapping[str, Sequence[MeanPoint]], path: str | Path) -> None:
    """The figure as a picture of 1500×750 pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    page = Figure(figsize=(15, 7.5), dpi=100, layout="constrained")
    panels = page.subplots(1, 2)
    for trace in _traces(curves):
        style = {"color": trace.color, "lw": 2.4 if trace.name == label("mae") else 1.2, "label": trace.name}
        style |= {"ls": "--"} if trace.is_published else {"marker": "o", "ms": 3}
        for panel, values in zip(panels, (trace.psnr, trace.ms_ssim_db), strict=True):
            panel.plot(trace.bpp[: len(values)], values, **style)
    for panel, title, limits in zip(panels, ("PSNR", "MS-SSIM"), (SHOWN_PSNR, SHOWN_MS_SSIM), strict=True):
        panel.set(xlabel="bits per pixel", ylabel=f"{title} (dB)", xlim=(0, SHOWN_BPP), ylim=limits)
        panel.grid(alpha=0.3)
    panels[1].legend(fontsize=7, ncols=2, loc="lower right")
    FigureCanvasAgg(page).print_png(path)


# -- files -----------------------------------------------------------------------------------------------------------


def write(
    rows: Sequence[Row],
    markdown: str | Path | None = None,
    png: str | Path | None = None,
    html: str | Path | None = None,
) -> str:
    """Write the asked-for forms of the results of `rows` and return the BD-rate tables in Markdown."""
    curves = mean_curves(rows)
    rates = bd_text(curves)
    if markdown:
        pictures = len({row["image_id"] for row in rows})
        parts = [f"# Results, means over {pictures} pictures", rates, "All points:", curves_text(curves)]
        Path(markdown).write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    if png:
        write_png(curves, png)
    if html:
        write_html(curves, html)
    return rates
