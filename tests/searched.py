"""`python -m tests.searched KODAK_FOLDER --json ROWS`: what the encoder's search saves at equal PSNR, on real files.

`explorer evaluate` measures the model without a search at λ close to one another, and with it at some of them; the same
command goes on where it was stopped. The bytes of a searched file are held against those of the model's own file at its
PSNR, whose logarithm is a straight line between two close λ.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from explorer import evaluate, search
from explorer.condition import LAMBDA_MAX, LAMBDA_MIN, snap
from explorer.store import Row, Store, setting

LAMBDAS = (256.0, 1024.0)
AROUND = 2.0 ** np.arange(-0.25, 1.01, 0.25)  # times a searched λ, of the files without a search: PSNR mostly rises


def rows_of(folder: Path, file: Path, model: str, efforts: Sequence[int], lambdas: Sequence[float]) -> list[Row]:
    """Measured, or taken from the file."""
    around = sorted({snap(min(max(lmbda * factor, LAMBDA_MIN), LAMBDA_MAX)) for lmbda in lambdas for factor in AROUND})
    rows = evaluate.evaluate(folder, [model], file, lambdas=around)
    for effort in efforts:
        rows = evaluate.evaluate(folder, [search.name_of(model, effort)], file, lambdas=lambdas)
    return rows


def saved(rows: Sequence[Row], codec: str, model: str) -> dict[tuple[str, float], tuple[float, bool]]:
    """By picture and λ: the change of bytes at equal PSNR in percent, and whether J is no worse than unsearched."""
    found = {}
    for row in (row for row in rows if row["codec"] == codec):
        own = [each for each in rows if each["codec"] == model and each["image_id"] == row["image_id"]]
        curve = sorted((each["psnr"], math.log(each["bytes"])) for each in own)
        at_equal_quality = np.interp(row["psnr"], *np.transpose(curve), left=math.nan, right=math.nan)
        plain = next(each for each in own if setting(each) == setting(row))
        change = 100 * (row["bytes"] / math.exp(at_equal_quality) - 1)
        found[row["image"], setting(row)] = change, cost(row) <= cost(plain)
    return found


def cost(row: Row) -> float:
    """J in bits per pixel."""
    return row["bpp"] + setting(row) * 10 ** (-row["psnr"] / 10)


def figures(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Of each searched codec at each λ. bytes: their change at equal PSNR in percent. no_worse: on how many pictures J
    is. seconds: that encoding took, on one thread of whatever the machine had left."""
    report = []
    for codec in sorted({row["codec"] for row in rows if "@" in row["codec"]}):
        of_codec = saved(rows, codec, codec.partition("@")[0])
        for lmbda in sorted({lmbda for _, lmbda in of_codec}):
            found = {image: value for (image, own), value in of_codec.items() if own == lmbda}
            changes = {image: round(change, 2) for image, (change, _) in sorted(found.items())}
            about = {
                "codec": codec,
                "lambda": round(lmbda, 3),
                "pictures": len(found),
                "bytes": round(fmean(changes.values()), 2),
                "best": min(changes.values()),
                "worst": max(changes.values()),
                "no_worse": sum(kept for _, kept in found.values()),
                "seconds": round(fmean(row["encode_s"] for row in rows if is_of(row, codec, lmbda))),
            }
            report.append(about | {"of_each": changes})
    return report


def is_of(row: Row, codec: str, lmbda: float) -> bool:
    return row["codec"] == codec and setting(row) == lmbda


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.searched", description="What the encoder's search saves.")
    parser.add_argument("folder", type=Path, help="pictures, such as `explorer fetch kodak` brings")
    parser.add_argument("--json", type=Path, required=True, help="the file of rows, as `explorer evaluate` writes it")
    parser.add_argument("--figures", type=Path, help="file for what is printed, and for each picture's own")
    parser.add_argument("--models", nargs="+", default=["mae-hyperprior", "mae"])
    parser.add_argument("--efforts", type=int, nargs="*", default=[1], help="to measure; none: what is there is shown")
    parser.add_argument("--lambdas", type=float, nargs="+", default=LAMBDAS)
    chosen = parser.parse_args()
    rows = Store(chosen.json).read().rows
    for model in chosen.models if chosen.efforts else ():
        rows = rows_of(chosen.folder, chosen.json, model, chosen.efforts, chosen.lambdas)
    report = figures(rows)
    for about in report:
        print(", ".join(f"{name} {value}" for name, value in about.items() if name != "of_each"))
    if chosen.figures:
        chosen.figures.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
