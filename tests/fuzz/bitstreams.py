""".mae files of every prior: what no `encode` wrote is refused where the checksum says so, and never harms where a
hostile writer made the checksum fit."""

from __future__ import annotations

import struct
import tempfile
import zlib
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import torch

from explorer import checkpoint, library
from explorer.bitstream import HEADER_BYTES, MAGIC
from explorer.codecs.learned import bottleneck_size
from explorer.condition import LAST_LEVEL, Condition
from explorer.config import ModelConfig
from explorer.lambda_map import LambdaMap
from explorer.model import Autoencoder
from explorer.received import Received

from . import mutate
from .campaign import Wrong

BUNDLED = ("mae", "mae-hyperprior")
SIZES = ((16, 16), (17, 33), (64, 48), (1, 1), (64, 64))  # height, width
PAINTED = (65, 130)  # six blocks of a λ map
FIELDS = {"version": (4, 1), "model": (5, 4), "width": (9, 2), "height": (11, 2), "level": (13, 2), "length": (15, 4)}


@cache
def models() -> tuple[str, ...]:
    """The bundled models, and small ones with each of the priors."""
    torch.set_num_threads(1)
    return (*BUNDLED, *(str(small_checkpoint(prior)) for prior in ("factorised", "hyper", "per_lambda")))


@cache
def small_checkpoint(prior: str) -> Path:
    """A checkpoint of some 100 kB whose bottleneck is not all zero."""
    torch.manual_seed(0)
    network = Autoencoder(ModelConfig(N=8, M=8, hidden=4, prior=prior)).eval()
    with torch.no_grad():
        network.get_parameter("a_conv.0.weight").mul_(8)
        network.get_parameter("a_conv.2.weight").mul_(40)
    path = Path(tempfile.mkdtemp(prefix="fuzz-")) / f"{prior}.safetensors"
    checkpoint.save(network, path)
    return path


@cache
def corpus() -> list[bytes]:
    files = []
    for name in models():
        model = library.load_model(name, "cpu")
        for i, (height, width) in enumerate(SIZES):
            noise = np.random.default_rng(i).integers(0, 256, (height, width, 3), dtype=np.uint8)
            files.append(model.encode(noise, model.knob.sweep[3 * i % len(model.knob.sweep)]))
        if not model.only:
            noise = np.random.default_rng(9).integers(0, 256, (*PAINTED, 3), dtype=np.uint8)
            files += [model.encode(noise, _painted(Random(seed))) for seed in range(3)]
    return files


def _painted(random: Random) -> Condition:
    """λ with a map of few or of many steps."""
    steps = random.choice(([0, 16], [-3, 0, 4], range(-32, 33)))
    level = random.randrange(LAST_LEVEL + 1)
    return Condition(level, LambdaMap.of([[random.choice(steps) for _ in range(3)] for _ in range(2)]))


def mutated(random: Random, corpus: list[bytes]) -> bytes:
    kind = random.random()
    if kind < 0.05:
        return _written(random)
    data = bytearray(random.choice(corpus))
    kind = random.random()
    if kind < 0.3:
        at, size = FIELDS[random.choice(tuple(FIELDS))]
        old = int.from_bytes(data[at : at + size], "big")
        new = random.choice((random.choice(mutate.EDGES), old ^ 1 << random.randrange(8 * size), random.getrandbits(8)))
        data[at : at + size] = (new % (1 << 8 * size)).to_bytes(size, "big")
        if random.random() < 0.2:  # a file of one model that says it is another's
            data[5:9] = random.choice(corpus)[5:9]
    elif kind < 0.7:
        data = bytearray(mutate.mutated(random, bytes(data), corpus, HEADER_BYTES))
    elif kind < 0.8:
        data[HEADER_BYTES:] = random.randbytes(random.choice((0, 1, 4, 7, 100, 1000)))
    else:
        data = bytearray(mutate.mutated(random, bytes(data), corpus))
    return sealed(bytes(data)) if random.random() < 0.7 else bytes(data)


def _written(random: Random) -> bytes:
    """What a hostile writer's encoder makes of a bottleneck that no picture has."""
    model = library.load_model(random.choice(models()), "cpu")
    is_painted = not model.only and random.random() < 0.3
    condition = _painted(random) if is_painted else model.nearest(Condition(random.randrange(LAST_LEVEL + 1)))
    height, width = PAINTED if is_painted else random.choice(SIZES)
    rng = np.random.default_rng(random.getrandbits(32))
    y = rng.standard_normal((model.channels, *bottleneck_size(height, width))) * 10 ** rng.uniform(-1, 8)
    y = y.clip(-1.2e8, 1.2e8)  # an encoder takes no larger ones
    y[rng.random(y.shape) < random.choice((0, 0.5, 0.99))] = 0
    return model.pack(model.coder.quantise(y.astype(np.float32), condition), height, width)


def sealed(data: bytes) -> bytes:
    """The same with the length and the checksum of what follows its header."""
    if len(data) < HEADER_BYTES:
        return data
    payload = data[HEADER_BYTES:]
    fields = data[:15] + struct.pack(">I", len(payload))
    return fields + struct.pack(">I", zlib.crc32(fields + payload)) + payload


def run(data: bytes) -> None:
    name = library.maker(data, models())
    received = Received(library.load_model(name, "cpu"), data)
    pixels = received.reconstruct()
    if not data.startswith(MAGIC) or sealed(data) != data:
        raise Wrong("a file whose checksum does not fit was decoded")
    if pixels.shape != (*struct.unpack(">HH", data[9:13])[::-1], 3) or pixels.dtype != np.uint8:
        raise Wrong(f"a picture of {pixels.shape} {pixels.dtype} is not what the header says")
    if not np.isfinite(received.bits()).all() or not np.isfinite(received.code().decoded).all():
        raise Wrong("bits or ŷ are not finite")
    if not np.array_equal(pixels, Received(received.model, data).reconstruct()):
        raise Wrong("decoded again, the picture is another one")
