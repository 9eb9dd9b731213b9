"""All that decides a run: which model, begun from what, on which crops, in which steps.

    command line ─ Recipe ─┬─ run.train
                           ├─ the saved state, where a run is resumed with this recipe or not at all
                           └─ the checkpoint's header and the published log

Two runs with equal recipes on the same data differ by no more than the order of their sums. Nothing heavy is imported
here: the command line reads its defaults from `Recipe`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

KINDS = ("modulated", "fixed", "bottleneck")
JOINT = ("factorised", "hyper")  # the priors of a joint run, in turn
PRIORS = ("joint", *JOINT, "per_lambda")
PRECISIONS = ("auto", "bfloat16", "float32")
LAST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Recipe:
    """The schedule's position is the larger of step/steps and elapsed/minutes, so a run that is given minutes ends its
    cosine when they do, on any machine.

    What is None is settled when the run begins, and then recorded.

    kind, lmbda: the model, and the λ of a fixed one. preset: its size, where there is no start.
    prior: one by its name, or "joint", several in turn over one set of transforms. None: joint for a modulated model,
    that of the start for other kinds.
    start: names and ids of the checkpoints that the run begins from. None: the transform-coding initialisation.
    tile, tiles: side in pixels, and number, of the squares that the pictures are cut into. batch, crop: crops a step,
    over all processes, and their side; every place of the tiles is as likely.
    grey, chroma: the share of crops that are made grey, and how much dearer an error in colour is on those.
    lr: peak of Adam's rate, warmed up for `warmup` steps (at most a tenth of the run), then a cosine to zero;
    lr_density, lr_gdn, lr_modulators: factors of it. betas: Adam's. clip: the largest norm of a gradient.
    rounded_after: the position from which the decoder sees rounded latents. ema: decay of the exported average.
    precision: of the convolutions. "auto": bfloat16 where the device computes in it.
    """

    kind: Literal["modulated", "fixed", "bottleneck"] = "modulated"
    preset: str | None = "compact"
    prior: str | None = None
    lmbda: float | None = None
    start: str | None = None
    tile: int = 320
    tiles: int | None = None
    batch: int = 4
    crop: int = 256
    grey: float = 0.12
    chroma: float = 6.0
    steps: int = 20000
    minutes: float | None = None
    lr: float = 3e-4
    lr_density: float = 10.0
    lr_gdn: float = 3.0
    lr_modulators: float = 2.0
    betas: tuple[float, float] = (0.9, 0.99)
    warmup: int = 200
    clip: float = 1.0
    rounded_after: float = 0.4
    ema: float = 0.999
    precision: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        from explorer.images import InputError
        from explorer.model import STRIDE

        positive = [self.lr, *([] if self.minutes is None else [self.minutes])]
        if self.steps < 1 or self.batch < 1 or not all(0 < value < math.inf for value in positive):
            raise InputError("A run needs at least 1 step, 1 crop a step, and minutes and a learning rate above zero.")
        if not 0 <= self.seed <= LAST_SEED:
            raise InputError(f"A seed is a whole number between 0 and {LAST_SEED}; choose one with --seed.")
        if self.crop < STRIDE or self.crop % STRIDE:
            raise InputError(f"A crop of {self.crop} pixels does not fit; choose a multiple of {STRIDE}.")
        if not 0 <= self.grey <= 1 or not 0 <= self.rounded_after <= 1:
            raise InputError("The share of grey crops and that of the steps before rounding lie between 0 and 1.")
        if self.kind == "fixed" and self.lmbda is None:
            raise InputError("A fixed model needs its λ; add --lambda, for instance --lambda 512.")
        if self.kind != "fixed" and self.lmbda is not None:
            raise InputError("Only a fixed model has a λ of its own; leave --lambda out, or add --kind fixed.")
        if self.kind != "modulated" and self.prior == "joint":
            raise InputError("Only a modulated model has several priors; leave --prior out, it is that of --init.")

    @property
    def priors(self) -> tuple[str, ...]:
        """The priors that are trained in turn; none while that is not settled."""
        if self.prior is None:
            return ()
        return JOINT if self.prior == "joint" else (self.prior,)
