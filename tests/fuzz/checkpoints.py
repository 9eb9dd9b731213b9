"""Checkpoints: every one that is opened is a codec that decodes what it encodes."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import torch

from explorer import checkpoint
from explorer.codecs.learned import LearnedCodec
from explorer.config import ModelConfig
from explorer.model import Autoencoder

from . import tensors
from .bitstreams import small_checkpoint
from .campaign import Wrong

PICTURE = np.random.default_rng(0).integers(0, 256, (20, 33, 3), dtype=np.uint8)


@cache
def folder() -> Path:
    """Where the base of the differences lies."""
    made = Path(tempfile.mkdtemp(prefix="fuzz-"))
    shutil.copy(small_checkpoint("factorised"), made / "base.safetensors")
    return made


@cache
def corpus() -> list[bytes]:
    torch.set_num_threads(1)
    files = [small_checkpoint(prior) for prior in ("factorised", "hyper", "per_lambda")]
    base = folder() / "base.safetensors"
    start, _, _ = checkpoint.load(base)
    fixed, scaled = (folder() / f"{name}.safetensors" for name in ("fixed", "scaled"))
    checkpoint.save(start.fold(512), fixed, base=base)
    torch.manual_seed(1)
    checkpoint.save(Autoencoder(ModelConfig(kind="bottleneck", N=8, M=8, hidden=4)), scaled)
    return [path.read_bytes() for path in (*files, fixed, scaled)]


def mutated(random: Random, corpus: list[bytes]) -> bytes:
    return tensors.mutated(random, random.choice(corpus), corpus)


def run(data: bytes) -> None:
    path = folder() / "case.safetensors"
    path.write_bytes(data)
    model = LearnedCodec.open(path, "cpu")
    condition = model.nearest(512)
    code = model.quantise(model.latents(PICTURE, condition), condition)
    shown = model.synthesise(code.part, condition, *PICTURE.shape[:2])
    if not np.array_equal(model.decode(model.pack(code, *PICTURE.shape[:2])), shown):
        raise Wrong("the decoder sees another picture than the encoder")
