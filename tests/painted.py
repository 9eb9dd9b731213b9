"""`python -m tests.painted KODAK_FOLDER`: what a λ map buys, measured on real files.

A disc of a quarter of a picture's area has 8 times the base λ. Against the one λ whose file has as many bytes: the gain
in its place, the loss elsewhere, and the energy of the gradients across the edges between blocks of different λ (the
squared differences of the pixels on both sides, summed) over that of the same places at one λ. More detail is more
energy: the mean of what the two λ have there, each over the whole picture, is stated beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import explorer
from explorer import mapcode
from explorer.condition import LAST_LEVEL, Condition, level_of
from explorer.lambda_map import BLOCK, STEP, LambdaMap, blocks
from explorer.session import Session

MODELS = ("mae", "mae-hyperprior")
LAMBDAS = (64.0, 128.0, 256.0)
STEPS = (0, 5, 11, 16)  # of the disc: at the base's λ, and up to 8 times that
SHARE = 0.25


@dataclass(frozen=True)
class Measured:
    """A picture with a disc. gain, loss: in dB, inside and outside. seam: the ratio of energies; without_seam: that of
    the mean of both λ. rises: whether PSNR inside rises with each of STEPS. blocks: the share of the disc's blocks that
    are better than without it."""

    picture: str
    bytes: int
    bytes_at_one_lambda: int
    map_bytes: int
    gain: float
    loss: float
    seam: float
    without_seam: float
    rises: bool
    blocks: float


def disc(size: tuple[int, int], step: int) -> LambdaMap:
    """The blocks nearest to the middle of a picture, SHARE of all."""
    rows, columns = blocks(*size)
    down, across = np.ogrid[:rows, :columns]
    distance = np.hypot(down - (rows - 1) / 2, across - (columns - 1) / 2)
    farthest = np.sort(distance, axis=None)[round(SHARE * distance.size) - 1]
    return LambdaMap.of(np.where(distance <= farthest, step, 0))


def seam_energy(pixels: np.ndarray, steps: np.ndarray) -> float:
    """Of the gradients across the edges between blocks of different steps, in a picture (H, W, 3) uint8."""

    def below(picture: np.ndarray, own: np.ndarray) -> float:
        edges = np.arange(BLOCK, len(picture), BLOCK)
        difference = np.square(picture[edges].astype(float) - picture[edges - 1]).sum(axis=2)
        differs = (np.diff(own.astype(int), axis=0) != 0).repeat(BLOCK, axis=1)[:, : difference.shape[1]]
        return float(difference[differs].sum())

    return below(pixels, steps) + below(pixels.swapaxes(0, 1), steps.T)


def measured(session: Session, lmbda: float) -> Measured:
    """One picture at one base λ."""
    base = level_of(lmbda)
    conditions = [Condition(base, disc(session.size, step)) for step in STEPS]
    painted = conditions[-1]
    file = session.encode(painted)
    uniform = session.solve(bytes=len(file))
    own, even = session.painted(painted), session.painted(painted, seen_at=uniform)
    quality = [session.painted(painted, seen_at=each)["above"].psnr for each in conditions]
    assert painted.map
    steps = painted.map.steps
    error, before = (session.block_error(each)[: 4 * len(steps)] for each in (painted, conditions[0]))
    better = _by_block(error, steps.shape) < _by_block(before, steps.shape)
    both = base, base + int(steps.max()) * STEP
    one, low, high = (
        seam_energy(session.reconstruct(each), steps)
        for each in (uniform, *(Condition(min(b, LAST_LEVEL)) for b in both))
    )
    return Measured(
        session.name,
        len(file),
        len(session.encode(uniform)),
        len(mapcode.encode(painted.map)),
        own["above"].psnr - even["above"].psnr,
        own["at"].psnr - even["at"].psnr,
        seam_energy(session.reconstruct(painted), steps) / one,
        (low + high) / 2 / one,
        quality == sorted(set(quality)),
        float(better[steps > 0].mean()),
    )


def _by_block(error: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = (np.arange(0, length, 4) for length in error.shape)
    found = np.add.reduceat(np.add.reduceat(error, rows, axis=0), columns, axis=1)
    assert found.shape == shape
    return found


def summary(found: list[Measured]) -> dict[str, float]:
    """The figures of all pictures."""
    names = "gain", "loss", "seam", "without_seam"
    gain, loss, seam, without_seam = ([getattr(each, name) for each in found] for name in names)
    return {
        "pictures": len(found),
        "gain": float(np.mean(gain)),
        "smallest_gain": min(gain),
        "loss": float(np.mean(loss)),
        "largest_loss": min(loss),
        "seam": float(np.mean(seam)),
        "worst_seam": max(seam),
        "without_seam": float(np.mean(without_seam)),
        "map_bytes": max(each.map_bytes for each in found),
        "pictures_that_rise": sum(each.rises for each in found),
        "blocks_that_rise": float(np.mean([each.blocks for each in found])),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.painted", description="What λ maps buy on pictures.")
    parser.add_argument("folder", type=Path, help="PNG files, such as `explorer fetch kodak` brings")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--lambdas", type=float, nargs="+", default=LAMBDAS, help="base λ (default: %(default)s)")
    chosen = parser.parse_args()
    report = []
    for lmbda in chosen.lambdas:
        for name in MODELS:
            model, found = explorer.load_model(name, "cpu"), []
            for path in sorted(chosen.folder.glob("*.png")):
                found.append(measured(Session(model, path), lmbda))
                print(name, f"λ {lmbda:g}", found[-1], flush=True)
            report.append({"model": name, "lambda": lmbda, **summary(found), "rows": [asdict(each) for each in found]})
            print(json.dumps({key: value for key, value in report[-1].items() if key != "rows"}), flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
