"""Saved states of a training run that is to go on."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import torch

from explorer.config import ModelConfig
from explorer.model import Autoencoder
from explorer.train import state
from explorer.train.loop import Trainer
from explorer.train.recipe import Recipe

from . import tensors
from .campaign import Wrong


@cache
def trainer() -> Trainer:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    models = [Autoencoder(ModelConfig(N=4, M=4, hidden=2, prior=prior)) for prior in ("factorised", "hyper")]
    noise = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    recipe = Recipe(preset=None, batch=1, crop=16, tile=32, steps=1)
    return Trainer(models, torch.from_numpy(noise), recipe, Path(tempfile.mkdtemp(prefix="fuzz-")))


@cache
def corpus() -> list[bytes]:
    trainer().run()
    return [(trainer().folder / state.NAME).read_bytes()]


def mutated(random: Random, corpus: list[bytes]) -> bytes:
    return tensors.mutated(random, corpus[0], corpus)


def run(data: bytes) -> None:
    (trainer().folder / state.NAME).write_bytes(data)
    trainer().resume()
    if not 0 <= trainer().position <= 1:
        raise Wrong(f"the run goes on at {trainer().position} of its schedule")
