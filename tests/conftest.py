"""What several test modules share: the bundled model, a small picture, a tiny model that costs no training."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import explorer
from explorer import images
from explorer.checkpoint import content_id, save
from explorer.codecs.learned import LearnedCodec
from explorer.config import PRESETS
from explorer.model import Autoencoder
from explorer.session import Session
from explorer.train.data import cut
from explorer.train.initialise import transform_coding_init
from explorer.views.service.points import curve_points
from explorer.views.service.turns import Pauses, Turns

pytest_plugins = ["browser", "training"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


def smooth_picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 with the falling spectrum of photographs, and colours that mostly agree."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(rng.standard_normal((3, height, width)))
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    fields = np.fft.irfft2(spectrum / (0.01 + np.hypot(fy, fx)) ** 1.3, s=(height, width))
    fields = (fields - fields.mean()) / (fields.std() + 1e-9)
    picture = 127 + 40 * fields[0] + 10 * np.stack([fields[1], 0 * fields[1], fields[2]])
    return picture.clip(0, 255).astype(np.uint8).transpose(1, 2, 0).copy()


@pytest.fixture(scope="session")
def mae() -> LearnedCodec:
    return explorer.load_model("mae", device="cpu")


@pytest.fixture(scope="session")
def hyperprior() -> LearnedCodec:
    return explorer.load_model("mae-hyperprior", device="cpu")


@pytest.fixture(scope="session")
def session(mae: LearnedCodec) -> Session:
    """Of the picture that the app opens with."""
    return Session(mae, explorer.samples()["parrots"])


def sample_paths() -> list[Path]:
    """The bundled sample pictures."""
    return sorted((Path(explorer.__file__).parent / "samples").glob("*.png"))


def photograph_tiles(which: slice) -> torch.Tensor:
    """(n, 128, 128, 3) uint8 tiles of the bundled samples, every third kept so that they vary."""
    tiles = [tile for path in sample_paths() for tile in cut(images.read(path).pixels, 128)][::3]
    return torch.from_numpy(np.stack(tiles[which]))


@pytest.fixture(scope="session")
def tiny_network() -> Autoencoder:
    """Preset tiny after the transform-coding initialisation: a working codec without a training step."""
    torch.manual_seed(0)
    network = Autoencoder(PRESETS["tiny"])
    transform_coding_init(network, photograph_tiles(slice(0, 24)).permute(0, 3, 1, 2) / 255)
    return network.eval()


@pytest.fixture(scope="session")
def tiny(tiny_network) -> LearnedCodec:
    return codec_of(tiny_network, "tiny")


@pytest.fixture(scope="session")
def checkpoint(tiny_network, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of the tiny model."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.safetensors"
    save(tiny_network, path)
    return str(path)


@pytest.fixture(scope="session")
def compressai() -> None:
    """Skips where CompressAI is not installed. In CI it must be there if there are wheels of it."""
    if "CI" not in os.environ or sys.version_info >= (3, 13):
        pytest.importorskip("compressai")


@pytest.fixture(scope="session")
def compressai_zoo(compressai: None) -> ModuleType:
    """CompressAI's list of models."""
    return importlib.import_module("compressai.zoo.image")


def codec_of(network: Autoencoder, name: str) -> LearnedCodec:
    """A network as a codec, its prior frozen."""
    integers = network.prior.freeze()
    return LearnedCodec(network, integers, name, content_id(integers))


def unpack(body: bytes) -> tuple[dict[str, Any], np.ndarray]:
    """The header of a reply on the wire (see `explorer.views.service.wire`) and its pixels, (H, W, 3) uint8."""
    (length,) = struct.unpack_from("<I", body)
    header = json.loads(body[4 : 4 + length])
    size = 3 * header["width"] * header["height"]
    return header, np.frombuffer(body, np.uint8, size, 4 + length).reshape(header["height"], header["width"], 3)


def curve_lines(opened: Any, codecs: list[Any]) -> list[Any]:
    """All lines of a stream of points."""

    async def collect() -> list[Any]:
        return [line async for line in curve_points(opened, codecs, Pauses(Turns()))]

    return run_async(collect())


def run_async(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine. In a thread: after tests of the page Playwright's own loop runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def has_ipv6() -> bool:
    """Whether this machine has IPv6's loopback."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that tells nobody when it happens. Fails where it has not after some seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
