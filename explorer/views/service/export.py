"""Files to keep of an open picture: the λ sweep as a page that needs no server or as an animation, and arrays.

A sweep takes seconds, so it is made part by part: whoever runs it can show how far it is and let others go first.

    λ, λ, … ─ part(λ), one after the other ─ join ─ file
"""

from __future__ import annotations

import base64
import gzip
import html
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import numpy as np
from PIL import Image

from explorer.condition import Condition, Lambda, snap
from explorer.images import InputError
from explorer.lambda_map import LambdaMap
from explorer.received import Received
from explorer.runtime import Pixels
from explorer.session import Session
from explorer.views import viewer
from explorer.views.figures.palettes import PALETTES
from explorer.views.figures.rates import rd_figure, series
from explorer.views.service import points, replies
from explorer.views.service.constants import CONSTANTS
from explorer.views.service.messages import EmbeddedFrame, FrameHeader, KeptSweep, OfflinePage, PartHeader, Setup
from explorer.views.service.pictures import Opened
from explorer.views.service.wire import Reply, to_json

T = TypeVar("T")
MAX_FRAMES = 101
MAX_CANVAS = 1 << 24  # pixels: Safari on iOS shows nothing of a larger canvas
TOO_LARGE = "A page shows pictures of up to 16 megapixels: scale this one down"
MAX_PIXELS = 100_000_000  # of an animation's frames together: they are all held at once
FRAME_MS = 120
NO_SERVER = "Nothing codes pictures in this page, so λ cannot be painted here; the app can do that."
MEDIA_TYPES = {"html": "text/html", "webp": "image/webp", "gif": "image/gif"}
# How to write a lossless WebP: a longer search saves 2 % and takes 40 times as long.
WEBP: dict[str, Any] = {"lossless": True, "method": 4, "quality": 80}
# Names of a prior's further maps that need no Greek, and what they are.
PLANES = {
    "z": ("z", "what is coded besides y, a coarser grid of whole numbers"),
    "μ": ("mu", "what z makes the decoder expect of y"),
    "σ": ("sigma", "how far off it takes y to be"),
}


@dataclass(frozen=True)
class Sweep(Generic[T]):
    """A file yet to be made: `part` of each λ in turn, then `join` of all the parts. name, media_type: of the file."""

    name: str
    media_type: str
    lambdas: list[float]
    part: Callable[[float], T]
    join: Callable[[list[T]], bytes]


def sweep(
    opened: Opened,
    kind: str,
    start: float | None = None,
    end: float | None = None,
    frames: int = 25,
    map: LambdaMap | None = None,
) -> Sweep:
    """A file of the reconstructions at `frames` λ from `start` to `end`, equidistant on the log axis.

    kind: "html", a page that opens from disk; "webp", an animation of exact pixels; "gif", one of 256 colours a frame.
    start, end: by default the ends of the model's range. map: goes with every λ. Raises InputError.
    """
    if kind not in MEDIA_TYPES:
        raise InputError(f"A sweep can be saved as {', '.join(MEDIA_TYPES)}.")
    check_frames(frames)
    lambdas = _lambdas(opened.session, start, end, frames)
    opened.condition(lambdas[0], map)  # what has no first part is refused at once
    name = f"{Path(opened.name).stem}{'-painted' if map else ''}-sweep.{kind}"
    if kind == "html":
        if math.prod(opened.session.size) > MAX_CANVAS:
            raise InputError(f"{TOO_LARGE}, or save an animation.")
        frame, join = partial(_page_frame, opened, map=map), partial(_page, opened, map)
        return Sweep(name, MEDIA_TYPES[kind], sorted(lambdas), frame, join)
    if len(lambdas) * opened.session.picture.pixels.size > 3 * MAX_PIXELS:
        raise InputError("This picture is too large to animate in so many frames: ask for fewer or scale it down.")

    def reconstruct(lmbda: float) -> Pixels:
        return opened.session.reconstruct(opened.condition(lmbda, map))

    return Sweep(name, MEDIA_TYPES[kind], lambdas, reconstruct, partial(_animation, kind))


def check_frames(frames: int) -> None:
    """Raise InputError where a sweep cannot have so many."""
    if not 2 <= frames <= MAX_FRAMES:
        raise InputError(f"A sweep has between 2 and {MAX_FRAMES} frames, not {frames}.")


def _lambdas(session: Session, start: float | None, end: float | None, count: int) -> list[float]:
    model = session.model
    ends = model.knob.minimum if start is None else start, model.knob.maximum if end is None else end
    first, last = (model.condition(lmbda).lmbda for lmbda in ends)
    if model.only:
        return [lmbda for lmbda in session.curve_lambdas() if min(first, last) <= lmbda <= max(first, last)]
    return [snap(lmbda) for lmbda in np.geomspace(first, last, count)] if first != last else [first]


def arrays(
    source: Session | Received, lmbda: Lambda, more: Mapping[str, tuple[np.ndarray, str]] | None = None
) -> bytes:
    """An .npz file of the inside at λ: decoded, symbols, bits, side_bits, lambda, the further maps of the prior; where
    there is an original, y and block_error; `more`, {name: (array, what it is)}; and what they are ("about")."""
    condition, code = Condition.of(lmbda), source.code(lmbda)
    symbols = "y less mu, rounded" if "μ" in code.planes else "after rounding"
    found: dict[str, tuple[Any, str]] = {
        "decoded": (code.decoded, "(M,h,w): what the decoder sees of the bottleneck"),
        "symbols": (code.symbols, f"(M,h,w): what the file holds, {symbols}"),
        "bits": (code.bits, "(M,h,w): estimated bits of each element"),
        "side_bits": (code.side_bits, ": estimated bits of what the file holds besides"),
        "lambda": (condition.lmbda, ": trade-off"),
    }
    if condition.map:
        found["lambda_by_block"] = (condition.by_block, "(rows,columns): trade-off of each 64x64 block")
    for sign, values in code.planes.items():
        name, what = PLANES.get(sign, (sign, sign))
        found[name] = (values, f"({','.join(map(str, values.shape))}): {what}")
    if isinstance(source, Session):
        found["y"] = (source.latents(lmbda), "(M,h,w): bottleneck before rounding, quantiser steps")
        found["block_error"] = (
            source.block_error(lmbda),
            "(h,w): mean squared error of each 16x16 block on [0, 1]",
        )
    found |= more or {}
    about = "; ".join(f"{name} {what}".replace(" :", ":") for name, (_, what) in found.items())
    file = io.BytesIO()
    np.savez_compressed(file, about=np.array(about), **{name: np.asarray(value) for name, (value, _) in found.items()})
    return file.getvalue()


def _animation(kind: str, frames: list[np.ndarray]) -> bytes:
    """(H, W, 3) uint8 frames -> an animated WebP, without loss, or GIF; it plays for ever."""
    first, *others = map(Image.fromarray, frames)
    file = io.BytesIO()
    options = WEBP if kind == "webp" else {}
    first.save(file, kind, save_all=True, append_images=others, duration=FRAME_MS, loop=0, **options)
    return file.getvalue()


# -- the page --------------------------------------------------------------------------------------------------------

# Whoever opens it may be offline for good: the policy forbids every request.
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:">
<title>{title}</title>
<style>
body {{ margin: 0; padding: 10px 16px; font: 14px/1.4 system-ui, sans-serif; background: #f7f7f5; color: #1a1d21; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #121417; color: #e9ebee; }} }}
h1 {{ display: inline; margin-right: 12px; font-size: 19px; }}
header {{ margin-bottom: 10px; }}
.mae {{ --mae-height: clamp(540px, calc(100vh - 66px), 1100px); }}
{style}
</style>
<header><h1>{title}</h1>{about}</header>
<div class="mae"></div>
<script>
{check}
document.querySelector(".mae").textContent = tooOld();
</script>
<script type="application/json" id="sweep">{data}</script>
<script type="text/plain" id="plotly">{plotly}</script>
<script type="module">
{module}
const text = (id) => document.getElementById(id).textContent;
if (!tooOld()) start(document.querySelector(".mae"), text("sweep"), text("plotly"));
</script>
</html>
"""


def _page_frame(opened: Opened, lmbda: float, map: LambdaMap | None = None) -> EmbeddedFrame:
    condition = opened.condition(lmbda, map)
    points.seen_point(opened, opened.source, condition)
    reply = replies.frame(opened, condition)
    return {"header": cast(FrameHeader, reply.header), "webp": _webp(reply)}


def _page(opened: Opened, map: LambdaMap | None, frames: list[EmbeddedFrame]) -> bytes:
    """The whole page of frames by rising λ."""
    painted = ", which differs from place to place" if map else ""
    about = f"{opened.session.model.label}, {len(frames)} steps of λ{painted}. Drag λ. Made with MAE Explorer."
    return PAGE.format(
        title=html.escape(f"{Path(opened.name).stem} at every rate"),
        about=html.escape(about),
        style=viewer.style(),
        data=to_json(_data(opened, frames, map)).decode().replace("<", "\\u003c"),
        plotly=_plotly(),
        check=viewer.check(),
        module=viewer.module("exported.js").replace("</script", "<\\/script"),
    ).encode()


def _data(opened: Opened, frames: list[EmbeddedFrame], map: LambdaMap | None = None) -> OfflinePage:
    """What the page shows, of frames by rising λ; `offlineTransport` (see offline.js) reads it."""
    lambdas = [frame["header"]["lmbda"] for frame in frames]
    picture, original = replies.opened_picture(opened, priors=[]), replies.original(opened)
    picture["large"] = False  # all of it is in the page
    picture["fixed"], picture["map"] = NO_SERVER, map.text if map else ""
    picture["lmbda"] = {"min": lambdas[0], "max": lambdas[-1], "steps": len(lambdas) - 1}
    return {
        "setup": _setup(opened),
        "opened": picture,
        "original": {"header": cast(PartHeader, original.header), "webp": _webp(original)},
        "frames": frames,
    }


@cache
def _plotly() -> str:
    """The library as the base64 of its gzip."""
    return base64.b64encode(gzip.compress(viewer.PLOTLY.read_bytes())).decode()


def _setup(opened: Opened) -> Setup:
    """What the viewer starts with, of one picture, one model and no rival."""
    low, high = opened.session.model.knob.minimum, opened.session.model.knob.maximum
    height, width = opened.session.size
    return {
        "offline": True,
        "models": [opened.model],
        "model": opened.model,
        "samples": [{"name": opened.name, "thumbnail": "", "width": width, "height": height, "bytes": 0}],
        "source": {"sample": opened.name},
        "lmbda": {"min": low, "max": high, "start": (low * high) ** 0.5},
        "maxUpload": 0,
        "rivals": [],
        "chosen": [],
        "means": None,
        "figure": rd_figure(series({"model": "This model"})),
        "palettes": PALETTES,
        "lessons": [],
        "constants": CONSTANTS,
    }


def _webp(reply: Reply) -> str:
    """A reply's picture as the base64 of a lossless WebP."""
    file = io.BytesIO()
    Image.fromarray(reply.arrays["pixels"]).save(file, "WEBP", **WEBP)
    return base64.b64encode(file.getvalue()).decode()


# -- a widget's ------------------------------------------------------------------------------------------------------


def kept(opened: Opened, points: int) -> str:
    """The λ sweep of the page as a text that a widget keeps in its state: JSON of a `KeptSweep`. Raises InputError."""
    frames = [_page_frame(opened, lmbda) for lmbda in _kept_lambdas(opened, points)]
    sweep: KeptSweep = {"page": _data(opened, frames), "plotly": _plotly()}
    return to_json(sweep).decode()


def kept_size(opened: Opened, points: int) -> int:
    """About how many bytes `kept(opened, points)` has: the frames of three λ are made and those between assumed to lie
    on a parabola (Simpson's rule). Raises InputError."""
    lambdas = _kept_lambdas(opened, points)
    three = [lambdas[0], lambdas[len(lambdas) // 2], lambdas[-1]]
    frames = [_page_frame(opened, lmbda) for lmbda in three]
    first, middle, last = (len(to_json(frame)) for frame in frames)
    with_three: KeptSweep = {"page": _data(opened, frames), "plotly": _plotly()}
    return len(to_json(with_three)) - (first + middle + last) + len(lambdas) * (first + 4 * middle + last) // 6


def _kept_lambdas(opened: Opened, points: int) -> list[float]:
    check_frames(points)
    if math.prod(opened.session.size) > MAX_CANVAS:
        raise InputError(f"{TOO_LARGE}.")
    return _lambdas(opened.session, None, None, points)
