"""Colour scales for maps, from Plotly's: safe for colour-blind readers, each with what it is for."""

from __future__ import annotations

from plotly.colors import diverging, sequential

from explorer.views.service.messages import Palette

# Diverging ones have light grey or white in the middle, where nothing happens.
PALETTES: dict[str, Palette] = {
    "blue-red": {"kind": "diverging", "colors": diverging.RdBu[::-1]},
    "purple-orange": {"kind": "diverging", "colors": diverging.PuOr[::-1]},
    "viridis": {"kind": "sequential", "colors": sequential.Viridis},
    "cividis": {"kind": "sequential", "colors": sequential.Cividis},
    "grey": {"kind": "sequential", "colors": sequential.gray},
}
