"""Figures as plain data in Plotly's JSON form: the viewer draws them in the browser, a notebook in a FigureWidget."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Series:
    """One codec's curve: how it is called and how it looks. Line style and symbol differ too, not the colour alone."""

    name: str
    label: str
    color: str
    dash: str
    symbol: str


# Contrast with both backgrounds, white and near-black, is at least 3:1; the hues stay apart for colour-blind readers.
_LOOKS = (
    ("#3584e4", "solid", "circle"),
    ("#c8590b", "dot", "square"),
    ("#1a936f", "dash", "diamond"),
    ("#a45bb8", "dashdot", "triangle-up"),
)


def series(labels: dict[str, str]) -> list[Series]:
    """A look for each codec, in the order given; the first is the model itself."""
    return [Series(name, label, *_LOOKS[i % len(_LOOKS)]) for i, (name, label) in enumerate(labels.items())]


def rd_figure(curves: list[Series]) -> dict[str, Any]:
    """The rate-distortion plot of one picture, still empty: one trace for each curve."""
    return {"data": [_curve(curve) for curve in curves], "layout": _layout(), "config": _config()}


def _curve(curve: Series) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": curve.label,
        "x": [],
        "y": [],
        "text": [],
        "line": {"color": curve.color, "width": 2, "dash": curve.dash},
        "marker": {"color": curve.color, "size": 6, "symbol": curve.symbol},
        "hovertemplate": "<b>%{fullData.name}</b> %{text}<br>%{x:.3f} bpp, %{y:.2f} dB<extra></extra>",
        "meta": curve.name,
    }


def _layout() -> dict[str, Any]:
    axis = {"zeroline": False, "ticks": "", "nticks": 6}
    return {
        "xaxis": axis | {"title": {"text": "Rate (bits per pixel)", "standoff": 8}, "rangemode": "tozero"},
        "yaxis": axis | {"title": {"text": "PSNR (dB)", "standoff": 6}},
        "showlegend": True,
        "legend": {"x": 1, "y": 0, "xanchor": "right", "yanchor": "bottom", "bgcolor": "rgba(0,0,0,0)"},
        # Fixed: from these and the axes' ranges the viewer knows where a point is on the screen.
        "margin": {"l": 52, "r": 10, "t": 8, "b": 42, "autoexpand": False},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "closest",
        # A constant: whatever the user zoomed to stays when points arrive.
        "uirevision": "picture",
    }


def _config() -> dict[str, Any]:
    return {"displayModeBar": False, "responsive": True, "showTips": False}
