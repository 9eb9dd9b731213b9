"""What the tests of training share: a run that takes no time, its pictures, and the command."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from conftest import photograph_tiles, sample_paths
from PIL import Image

from explorer import __main__ as command_line
from explorer.config import ModelConfig
from explorer.train.loop import Trainer
from explorer.train.models import new_model
from explorer.train.recipe import Recipe

CONFIG = ModelConfig(N=16, M=24, hidden=8)
JOINT = (CONFIG, replace(CONFIG, prior="hyper"))
SMALL = Recipe(steps=8, batch=2, crop=64, precision="float32")


@pytest.fixture(scope="module")
def tiles():
    return photograph_tiles(slice(0, 24))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for i, path in enumerate(sample_paths()):
        Image.open(path).crop((0, 0, 256, 256)).save(folder / f"{i}.png")
    return folder


def trainer_of(tiles, folder, configs=JOINT, **recipe):
    return Trainer([new_model(config, tiles) for config in configs], tiles, replace(SMALL, **recipe), folder)


def after(tiles, folder, steps, configs=JOINT, **recipe):
    trainer = trainer_of(tiles, folder, configs, **recipe)
    for _ in range(steps):
        trainer._one_step()
    return trainer


def weights(trainer):
    modules = trainer.objective, trainer._averages
    return torch.cat([p.detach().flatten() for module in modules for p in module.parameters()])


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def words(pictures, out, *extra):
    small = ["--steps", "4", "--batch", "2", "--crop", "64", "--tile", "128", "--run", str(out.parent / "run")]
    return ["train", "--data", str(pictures), "--out", str(out), "--preset", "tiny", *small, *extra]


def command(pictures, out, *extra):
    return command_line.main(words(pictures, out, *extra))
