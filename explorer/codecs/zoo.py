"""CompressAI's pretrained models as codecs: independent models of others, one network for each quality.

    pixels ─pad─ network.compress ─ strings ─┬─ file ─┬─ strings ─ network.decompress ─crop─ pixels
                                      header ┘        └ header

    offset  size  field
         0     4  magic b"CAI\\x89"
         4     4  CRC-32 of the model's name and of all that follows
         8     1  quality: which network decodes it
         9     2  width, 1 to 65535
        11     2  height
        13        each string of the entropy coder: its length in 4 bytes, then itself

Numbers are big-endian. A file is for measuring, not for keeping: the hyperpriors' decoders compute their tables'
indices in floating point, so a file may come out as noise on another machine, or after an update of PyTorch.
The weights are used where torch.hub keeps them and are never downloaded from here: `explorer fetch zoo` does that.
"""

from __future__ import annotations

import importlib
import struct
import zlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from explorer import images
from explorer.codecs.base import CodecError, Knob, MissingPackage, check_size

MAGIC = b"CAI\x89"
_HEADER = struct.Struct(">BHH")
_UINT32 = struct.Struct(">I")


@dataclass(frozen=True)
class ZooCodec:
    """A model of compressai.zoo, trained for MSE, on the CPU. name: as CompressAI calls it."""

    name: str
    label: str
    suffix = "cai"
    knob = Knob("quality", "Quality", 1, 8, sweep=(1, 2, 3, 4, 5, 6, 7, 8))

    @property
    def version(self) -> str:
        """The version of CompressAI, which pins the weights; raises MissingPackage where one of them is absent."""
        for quality in self.knob.sweep:
            self._weights(quality)
        return f"compressai {metadata.version('compressai')}"

    @property
    def addresses(self) -> list[str]:
        """Where the weights are published, one file for each quality; a name ends with the start of its SHA-256.
        Raises MissingPackage without CompressAI, which knows them."""
        return list(_compressai("zoo.image").model_urls[self.name]["mse"].values())

    def encode(self, pixels: np.ndarray, setting: float) -> bytes:
        """Return a complete file of (H,W,3) uint8 pixels by the network of quality = setting."""
        import torch

        quality = int(self.knob.check(setting))
        network = self._network(quality)
        with torch.inference_mode():
            x = images.pad(images.to_tensor(pixels), network.downsampling_factor)
            strings = [string for (string,) in network.compress(x)["strings"]]  # one picture in the batch
        body = _HEADER.pack(quality, pixels.shape[1], pixels.shape[0]) + _join(strings)
        return MAGIC + _UINT32.pack(self._checksum(body)) + body

    def decode(self, data: bytes) -> np.ndarray:
        """Return the file's (H,W,3) uint8 pixels; raises CodecError where it is damaged or of another model."""
        import torch

        quality, width, height, strings = self._parse(data)
        network = self._network(quality)
        stride = network.downsampling_factor
        with torch.inference_mode():
            shape = -(-height // stride), -(-width // stride)
            x = network.decompress([[string] for string in strings], shape)["x_hat"]
            return images.to_pixels(images.crop(x, height, width))

    def _parse(self, data: bytes) -> tuple[int, int, int, list[bytes]]:
        """The checksum is all that stands between a damaged file and CompressAI's decoder, which reads past the end."""
        body = data[len(MAGIC) + _UINT32.size :]
        if data[: len(MAGIC)] != MAGIC or len(body) < _HEADER.size:
            raise CodecError(f"This is not a file of {self.label}.")
        if _UINT32.unpack_from(data, len(MAGIC)) != (self._checksum(body),):
            raise CodecError(f"This file is damaged, or another model than {self.label} made it.")
        quality, width, height = _HEADER.unpack_from(body)
        check_size(width, height)
        return quality, width, height, _split(body[_HEADER.size :])

    def _checksum(self, body: bytes) -> int:
        return zlib.crc32(body, zlib.crc32(self.name.encode()))

    def _network(self, quality: int) -> Any:
        return _load(self.name, self._weights(quality))

    def _weights(self, quality: float) -> Path:
        # Looked at first: the exact names are CompressAI's to say, and to import that takes 2 seconds and 270 MB.
        is_any_here = any(folder().glob(f"{self.name}-*"))
        path = folder() / Path(self.addresses[int(self.knob.check(quality)) - 1]).name if is_any_here else None
        if path is None or not path.is_file():
            raise MissingPackage(f"{self.label} needs its weights: run `explorer fetch zoo`.")
        return path


FACTORIZED = ZooCodec("bmshj2018-factorized", "CompressAI factorized")
HYPERPRIOR = ZooCodec("bmshj2018-hyperprior", "CompressAI hyperprior")
MEAN_HYPERPRIOR = ZooCodec("mbt2018-mean", "CompressAI mean hyperprior")


def folder() -> Path:
    """Where torch.hub keeps weights; TORCH_HOME moves it."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints"


@lru_cache(maxsize=8)  # some 400 MB at most
def _load(name: str, path: Path) -> Any:
    import torch

    load_pretrained = _compressai("zoo.pretrained").load_pretrained
    architecture = _compressai("zoo.image").model_architectures[name]
    try:
        weights = load_pretrained(torch.load(path, "cpu", weights_only=True))
        network = architecture.from_state_dict(weights)
    except Exception as error:  # a damaged file may fail anywhere in there
        raise CodecError(f"The weights in {path} are damaged: delete them and run `explorer fetch zoo`.") from error
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def _compressai(module: str) -> ModuleType:
    """A module of CompressAI, which not every machine has a wheel of."""
    try:
        return importlib.import_module(f"compressai.{module}")
    except ImportError:
        raise MissingPackage("CompressAI's pretrained models need its package: run `pip install compressai`.") from None


def _join(strings: list[bytes]) -> bytes:
    return b"".join(_UINT32.pack(len(string)) + string for string in strings)


def _split(data: bytes) -> list[bytes]:
    strings = []
    while data:
        end = _UINT32.size + _UINT32.unpack_from(data)[0]
        strings.append(data[_UINT32.size : end])
        data = data[end:]
    return strings
