"""The Kodak mean curves of the bundled result files, where there are any."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

from explorer import rows, store
from explorer.images import InputError
from explorer.views.service.messages import MeanPoint, MeanSetting


def mean_curves(folder: Path) -> dict[str, list[MeanSetting]] | None:
    """Of all files in a folder that `explorer evaluate` wrote, by codec; None where none of them has rows of Kodak
    pictures."""
    found: dict[store.Key, store.Row] = {}
    for path in sorted(folder.glob("*.json")):
        with suppress(InputError):  # other results lie there too
            found |= {store.key(row): row for row in rows.load(path) if row["image"].startswith("kodim")}
    curves = rows.mean_curves(found.values())
    return {name: [_setting(point) for point in points] for name, points in curves.items() if points} or None


def _setting(point: rows.MeanPoint) -> MeanSetting:
    values: MeanPoint = {"bpp": point.bpp, "psnr": point.psnr, "ms_ssim": point.ms_ssim}
    if not math.isnan(point.ssimulacra2):
        values["ssimulacra2"] = point.ssimulacra2
    return {"setting": point.knob, "point": values}
