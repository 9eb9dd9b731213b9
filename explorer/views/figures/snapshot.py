"""A figure of what the viewer shows, without a viewer: it stays in a saved notebook, and needs no kernel to be seen.

session, λ ─┬─ original │ reconstruction ─┐
            └─ a map of the inside ───────┴─ Snapshot: one picture and its numbers as text
"""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from plotly.colors import unlabel_rgb

from explorer import metrics
from explorer.codecs.base import RDPoint
from explorer.condition import Lambda
from explorer.model import STRIDE
from explorer.runtime import Pixels
from explorer.session import Session
from explorer.views.figures.palettes import PALETTES

WIDTH = 900
JPEG: dict[str, Any] = {"format": "JPEG", "quality": 88, "subsampling": 0, "optimize": True}
PNG: dict[str, Any] = {"format": "PNG", "optimize": True}
_GAP = 4  # pixels of white between two panels
_NONE = (139, 143, 150)  # no value here
Map = tuple[NDArray[np.float32], str, bool, str]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A picture, (H, W, 3) uint8, with its caption; a notebook shows it. lossless: as PNG rather than JPEG."""

    pixels: Pixels
    caption: str
    lossless: bool = False

    def save(self, path: str | Path) -> None:
        """Write the picture alone, in the format that the name's ending says."""
        Image.fromarray(self.pixels).save(path)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        options = PNG if self.lossless else JPEG
        file = io.BytesIO()
        Image.fromarray(self.pixels).save(file, **options)
        source = f"data:image/{options['format'].lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
        caption = html.escape(self.caption)
        figure = f'<figure><img src="{source}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
        return {"text/html": figure, "text/plain": self.caption}


def snapshot(session: Session, lmbda: Lambda, view: str, channel: int, ratio: tuple[Lambda, Lambda]) -> Snapshot:
    """The original and the reconstruction, halves of one picture, and beside it the map of an open view of the inside:
    of a channel where the view is "channels" or "ratio" (of λa and λb), of the bits of each element where it is
    "bits". At most `WIDTH` pixels wide."""
    panels = [_split(session.picture.pixels, session.reconstruct(lmbda))]
    caption = f"{session.picture.name}, {describe(session.point(lmbda))}. Left of the line the original"
    if view in MAPS:
        values, palette, is_symmetric, title = MAPS[view](session, lmbda, channel, ratio)
        low, high = _range(values, is_symmetric)
        panels.append(_painted(values, palette, (low, high), panels[0].shape))
        caption += f"; beside it {title}, coloured from {low:.3g} to {high:.3g}"
    return Snapshot(_fitted(panels), caption + ".")


def describe(point: RDPoint) -> str:
    """A point in words: λ, rate, size, quality."""
    similar = f", MS-SSIM {metrics.ms_ssim_db(point.ms_ssim):.2f} dB" if point.ms_ssim == point.ms_ssim else ""
    if point.ssimulacra2 is not None and not math.isnan(point.ssimulacra2):
        similar += f", SSIMULACRA2 {point.ssimulacra2:.1f}"
    painted = " with a map" if "map" in point.knob else ""
    rate = f"{point.bpp:.3f} bpp, {point.bytes:,} bytes"
    return f"λ {point.knob['lambda']:.4g}{painted}: {rate}, PSNR {point.psnr:.2f} dB{similar}"


# -- maps: values (h, w), a palette, whether 0 is its middle, a title --------------------------------------------------


def _channel(session: Session, lmbda: Lambda, channel: int, _: Any) -> Map:
    return session.code(lmbda).decoded[channel], "blue-red", True, f"channel {channel} of ŷ"


def _ratio(session: Session, lmbda: Lambda, channel: int, ratio: tuple[Lambda, Lambda]) -> Map:
    found = session.log_ratio(*ratio).value[channel]
    a, b = (f"{session.condition(each).lmbda:.4g}" for each in ratio)
    return found, "purple-orange", True, f"log₂ |y({a})/y({b})| in channel {channel}"


def _bits(session: Session, lmbda: Lambda, channel: int, _: Any) -> Map:
    code = session.code(lmbda)
    with_z = " and with their share of z’s" if code.side_bits else ""
    return code.position_bits, "viridis", False, f"the bits of each element, all channels together{with_z}"


MAPS: dict[str, Callable[[Session, Lambda, int, tuple[Lambda, Lambda]], Map]] = {
    "channels": _channel,
    "ratio": _ratio,
    "bits": _bits,
}


# -- pixels ----------------------------------------------------------------------------------------------------------


def _split(left: Pixels, right: Pixels) -> Pixels:
    middle = left.shape[1] // 2
    both = np.concatenate([left[:, :middle], right[:, middle:]], axis=1)
    both[:, middle - 1 : middle + 1] = 255
    return both


def _range(values: NDArray[np.float32], is_symmetric: bool) -> tuple[float, float]:
    """What the colours span: all but the largest 0.5 % of the magnitudes."""
    high = float(np.nanquantile(np.abs(values), 0.995)) if np.isfinite(values).any() else 1.0
    return (-high if is_symmetric else 0.0), high


def _painted(values: NDArray[np.float32], palette: str, ends: tuple[float, float], shape: tuple[int, ...]) -> Pixels:
    """A map of elements in colours, one element as large as the pixels that it stands for."""
    table = np.array([_rgb(color) for color in PALETTES[palette]["colors"]])
    low, high = ends
    place = np.clip((np.nan_to_num(values) - low) / max(high - low, 1e-9), 0, 1) * (len(table) - 1)
    colours = np.stack([np.interp(place, np.arange(len(table)), table[:, c]) for c in range(3)], axis=-1)
    colours[np.isnan(values)] = _NONE
    large = colours.round().astype(np.uint8).repeat(STRIDE, axis=0).repeat(STRIDE, axis=1)
    return large[: shape[0], : shape[1]]


def _rgb(color: str) -> tuple[float, ...]:
    if color.startswith("#"):
        return tuple(int(color[at : at + 2], 16) for at in (1, 3, 5))
    return unlabel_rgb(color)


def _fitted(panels: list[Pixels]) -> Pixels:
    gap = np.full((len(panels[0]), _GAP, 3), 255, np.uint8)
    whole = Image.fromarray(np.concatenate([part for panel in panels for part in (gap, panel)][1:], axis=1))
    if whole.width > WIDTH:
        height = round(whole.height * WIDTH / whole.width)
        whole = whole.resize((WIDTH, height), Image.Resampling.LANCZOS)
    return np.asarray(whole)
