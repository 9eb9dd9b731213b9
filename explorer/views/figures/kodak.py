"""The Kodak mean curves of the bundled result files, where there are any."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

from explorer import rows
from explorer.images import InputError


def mean_curves(folder: Path) -> dict[str, list[dict[str, Any]]] | None:
    """{codec: [{setting, point: {bpp, psnr, ms_ssim}}]} of all files in a folder that `explorer evaluate` wrote; None
    where none of them has rows of Kodak pictures."""
    found: dict[rows.Key, rows.Row] = {}
    for path in sorted(folder.glob("*.json")):
        with suppress(InputError):  # other results lie there too
            found |= {rows.key(row): row for row in rows.load(path) if row["image"].startswith("kodim")}
    curves = rows.mean_curves(found.values())
    return {name: [_as_json(point) for point in points] for name, points in curves.items() if points} or None


def _as_json(point: rows.MeanPoint) -> dict[str, Any]:
    similar = point.ms_ssim if math.isfinite(point.ms_ssim) else None
    return {"setting": point.knob, "point": {"bpp": point.bpp, "psnr": point.psnr, "ms_ssim": similar}}
