"""All that decides a run."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """What a run does. The schedule's position is the larger of step/steps and elapsed/minutes, so a run that is given
    minutes ends its cosine when they do, on any machine."""

    steps: int = 20000
    minutes: float = math.inf
    batch: int = 16
    crop: int = 128
    lr: float = 1e-3
    lr_prior: float = 10.0
    lr_gdn: float = 3.0
    lr_modulators: float = 2.0
    ema: float = 0.999
    seed: int = 0

    def __post_init__(self) -> None:
        from explorer.images import InputError
        from explorer.model import STRIDE

        if self.steps < 1 or self.batch < 1 or self.minutes <= 0 or self.lr <= 0:
            raise InputError("A run needs at least 1 step, 1 crop a step, and minutes and a learning rate above zero.")
        if self.crop < STRIDE or self.crop % STRIDE:
            raise InputError(f"A crop of {self.crop} pixels does not fit; choose a multiple of {STRIDE}.")
