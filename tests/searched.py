"""`python -m tests.searched KODAK_FOLDER --json ROWS`: what the encoder's search saves at equal PSNR, on real files.

`explorer evaluate` measures the model without a search at λ close to one another, and with it at some of them; the same
command goes on where it was stopped. The bytes of a searched file are held against those of the model's own file at its
PSNR, whose logarithm is a straight line between two close λ.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np

from explorer import evaluate, search
from explorer.condition import snap
from explorer.store import Row, Store, setting

LAMBDAS = (256.0, 1024.0)
ABOVE = 2.0 ** np.array([0, 0.25, 0.5, 0.75])  # times a searched λ, of the files without a search


def rows_of(folder: Path, file: Path, model: str, efforts: Sequence[int], lambdas: Sequence[float]) -> list[Row]:
    """Measured, or taken from the file."""
    around = sorted({snap(lmbda * factor) for lmbda in lambdas for factor in ABOVE})
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


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.searched", description="What the encoder's search saves.")
    parser.add_argument("folder", type=Path, help="pictures, such as `explorer fetch kodak` brings")
    parser.add_argument("--json", type=Path, required=True, help="the file of rows, as `explorer evaluate` writes it")
    parser.add_argument("--models", nargs="+", default=["mae-hyperprior", "mae"])
    parser.add_argument("--efforts", type=int, nargs="*", default=[1], help="to measure; none: what is there is shown")
    parser.add_argument("--lambdas", type=float, nargs="+", default=LAMBDAS)
    chosen = parser.parse_args()
    rows = Store(chosen.json).read().rows
    for model in chosen.models if chosen.efforts else ():
        rows = rows_of(chosen.folder, chosen.json, model, chosen.efforts, chosen.lambdas)
    for codec in sorted({row["codec"] for row in rows if "@" in row["codec"]}):
        of_codec = saved(rows, codec, codec.partition("@")[0])
        for lmbda in sorted({lmbda for _, lmbda in of_codec}):
            found = [value for (_, own), value in of_codec.items() if own == lmbda]
            changes = [change for change, _ in found]
            seconds = fmean(row["encode_s"] for row in rows if row["codec"] == codec and setting(row) == lmbda)
            print(
                f"{codec} at λ = {lmbda:.4g}, {len(found)} pictures: bytes at equal PSNR {fmean(changes):+.2f} % "
                f"({min(changes):+.2f} to {max(changes):+.2f}), {sum(kept for _, kept in found)} of them no worse, "
                f"{seconds:.0f} s each"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
