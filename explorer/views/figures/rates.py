"""Figures as plain data in Plotly's JSON form: the viewer draws them in the browser, a notebook in a FigureWidget."""

from dataclasses import dataclass
from itertools import cycle
from typing import Any

from explorer.views.service.messages import Figure


@dataclass(frozen=True)
class Series:
    """One codec's curve: how it is called and how it looks. Line style and symbol differ too, not the colour alone."""

    name: str
    label: str
    color: str
    dash: str
    symbol: str


ENOUGH = 5  # fewer points look like a curve that they are not

# Contrast with both backgrounds, white and near-black, is at least 3:1; the hues stay apart for colour-blind readers.
_COLORS = [
    "#3584e4",
    "#c8590b",
    "#1a936f",
    "#a45bb8",
    "#d6453d",
    "#0d8a9e",
    "#c9408a",
    "#8a7500",
    "#6f74d8",
    "#5f8a1f",
    "#a66a3f",
    "#7d7f86",
]
_DASHES = ("solid", "dot", "dash", "dashdot", "longdash")  # not a divisor of the colours: then no two looks are alike
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x")


def series(labels: dict[str, str]) -> list[Series]:
    """A look for each codec, in the order given; the first is the model itself."""
    looks = zip(cycle(_COLORS), cycle(_DASHES), cycle(_SYMBOLS), strict=False)
    return [Series(name, label, *look) for (name, label), look in zip(labels.items(), looks, strict=False)]


def rd_figure(curves: list[Series]) -> Figure:
    """The rate-distortion plot, still empty: one trace for each curve. The viewer draws those that are chosen and lists
    them beside the plot. enough: how many points of a curve that is still being measured may be joined by a line."""
    data = [_curve(curve) for curve in curves]
    return {"data": data, "layout": _layout(), "config": _config(), "enough": ENOUGH}


def _curve(curve: Series) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": curve.label,
        "line": {"color": curve.color, "width": 2, "dash": curve.dash},
        "marker": {"color": curve.color, "size": 6, "symbol": curve.symbol},
        "hovertemplate": "<b>%{fullData.name}</b> %{text}<br>%{x:.3f} bpp, %{y:.2f} dB<extra></extra>",
        "meta": curve.name,
    }


def _layout() -> dict[str, Any]:
    axis = {"zeroline": False, "ticks": "", "nticks": 6, "autorange": True}
    return {
        "xaxis": axis | {"title": {"text": "Rate (bits per pixel)", "standoff": 8}, "rangemode": "tozero"},
        "yaxis": axis | {"title": {"text": "PSNR (dB)", "standoff": 6}},
        "showlegend": False,
        # Fixed: from these and the axes' ranges the viewer knows where a point is on the screen.
        "margin": {"l": 52, "r": 10, "t": 8, "b": 42, "autoexpand": False},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "closest",
        # A constant: whatever the user zoomed to stays when points arrive.
        "uirevision": "constant",
    }


def _config() -> dict[str, Any]:
    return {"displayModeBar": False, "showTips": False, "doubleClick": False}
