"""What models and codecs make of the sample pictures, measured beforehand: a lesson never asks about half a curve.

After a change of weights, make `samples/curves.json` anew (two minutes):

    explorer evaluate explorer/samples --points 17 --json explorer/samples/curves.json \\
        --codecs mae,mae-hyperprior,bottleneck,independent,jpeg,jpeg2000

A row is used only for the picture whose pixels it was measured on, and only while the model's id, or the version of the
codec's library, is the one that is here: what is stale is measured again when it is asked for, never shown.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from math import inf, isclose, nan
from pathlib import Path
from typing import Any

import explorer
from explorer import library, rows, store
from explorer.codecs import CODECS, MissingPackage, RDPoint
from explorer.codecs.baselines import curve_name
from explorer.codecs.learned import SWEEP, LearnedCodec
from explorer.condition import PAPER_LAMBDAS
from explorer.images import Picture
from explorer.survey import image_id
from explorer.views.service.messages import Point
from explorer.views.service.trials import as_message

FILE = Path(explorer.__file__).parent / "samples" / "curves.json"
SETTINGS = tuple(dict.fromkeys((*PAPER_LAMBDAS, *SWEEP)))  # λ of models as rivals; rows have the file header's
ONE_LEVEL = 1e-4
FIELDS = tuple(RDPoint.__dataclass_fields__)
MISSING = {"psnr": inf, "ms_ssim": nan}  # what null stands for in a row


def own_points(picture: Picture, model: LearnedCodec) -> dict[float, Point]:
    """What is known of a picture under a model: {λ: point}."""
    return {store.setting(row): _point(row) for row in _known(picture) if row["version"] == model.version}


def rival_points(picture: Picture) -> dict[tuple[str, float], Point]:
    """What is known of a picture under other codecs, bundled models among them: {(name, setting): point}."""
    found: dict[tuple[str, float], Point] = {}
    for row in _known(picture):
        if row["version"] == _version(row["codec"]):
            value = store.setting(row)
            settings = [each for each in SETTINGS if isclose(each, value, rel_tol=ONE_LEVEL)] or [value]
            found |= {(curve_name(row["codec"]), each): _point(row) for each in settings}
    return found


def _known(picture: Picture) -> list[store.Row]:
    by_picture = _rows(FILE)
    height, width = picture.pixels.shape[:2]
    sizes = {(row["width"], row["height"]) for each in by_picture.values() for row in each}
    # To take the id of a large picture would cost more than to look at its size.
    return by_picture.get(image_id(picture), []) if (width, height) in sizes else []


@cache
def _rows(file: Path) -> dict[str, list[store.Row]]:
    by_picture = defaultdict(list)
    for row in rows.load(file) if file.is_file() else []:
        by_picture[row["image_id"]].append(row)
    return by_picture


def _version(codec: str) -> str | None:
    """The version of a codec or a bundled model that is here, or None."""
    try:
        if codec in CODECS:
            return CODECS[codec].version
        return library.version(codec) if codec in library.list_models() else None
    except MissingPackage:
        return None


def _point(row: store.Row) -> Point:
    known: dict[str, Any] = {name: row[name] for name in FIELDS if row.get(name) is not None}
    if "ssimulacra2" in row and row["ssimulacra2"] is None:
        known["ssimulacra2"] = nan
    return as_message(RDPoint(**{"estimated_bits": None, **MISSING, **known}))
