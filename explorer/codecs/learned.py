"""A checkpoint as a codec: the network, its integer tables, and the stages between a picture and a file.

    pixels ─stem─ u ─latents(λ)─ y ─round─ q ─entropy.encode_symbols─ payload ─bitstream.pack─ file
                                             └─synthesise(λ)─ pixels

Files are portable: whatever computed y, the symbols in the file are decoded by integer tables alone. The pixels that
the synthesis makes of them are the same on one machine, and within rounding of it on another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer import bitstream, entropy, images
from explorer.condition import LAMBDA_MAX, LAMBDA_MIN, lambda_of, level_of
from explorer.checkpoint import load
from explorer.codecs.base import Knob
from explorer.images import InputError
from explorer.model import STRIDE, Autoencoder

Pixels = NDArray[np.uint8]
Array = TypeVar("Array", bound=np.ndarray)
Latents = NDArray[np.int32] | NDArray[np.float32]
SWEEP = tuple(float(v) for v in np.geomspace(LAMBDA_MIN, LAMBDA_MAX, 17))


@dataclass(frozen=True)
class Stem:
    """What no λ touches of the analysis of one padded picture (see `Autoencoder.stem`), and the picture's true size."""

    features: Tensor
    height: int
    width: int


class LearnedCodec:
    """A loaded checkpoint; immutable, safe to share between threads.

    name: the checkpoint's file name. version: its id, 8 hex digits of its content, which every file names.
    network, tables: the weights and the prior's integers.
    """

    def __init__(self, network: Autoencoder, tables: entropy.PriorTables, name: str, version: str) -> None:
        device_is_cpu = network.weight.device.type == "cpu"
        self.network = network.eval().requires_grad_(False)
        if device_is_cpu:  # twice as fast as the default layout on a CPU
            self.network = self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.tables, self.name, self.version = tables, name, version
        low, high = network.lambda_range()
        sweep = SWEEP if low < high else (low,)
        self.knob = Knob("lambda", "λ", low, high, sweep, integer=False)

    @classmethod
    def open(cls, path: str | Path, device: str = "auto") -> LearnedCodec:
        """Load a checkpoint onto "cpu", "cuda" or, with "auto", the GPU where there is one. Raises InputError."""
        network, integers, version = load(path)
        try:
            tables = entropy.PriorTables.from_tensors(integers)
        except (KeyError, ValueError):
            raise InputError(f"{path} has no usable prior tables; export the checkpoint again.") from None
        chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        return cls(network.to(chosen), tables, Path(path).stem, version)

    @property
    def label(self) -> str:
        """Its name for people."""
        kind = {"modulated": "modulated autoencoder", "fixed": "independent model", "bottleneck": "bottleneck scaling"}
        fixed = self.network.config.lmbda
        return kind[self.network.config.kind] + (f" λ={fixed:g}" if fixed is not None else "")

    # -- whole files -----------------------------------------------------------------------------------------------

    def encode(self, image: Any, setting: float) -> bytes:
        """Any picture that `images.read` takes, at λ = setting -> a whole .mae file. Raises InputError."""
        level = self.level(setting)
        stem = self.stem(image if _is_pixels(image) else images.read(image).pixels)
        return self.pack(stem, self.symbols(self.latents(stem, level)), level)

    def decode(self, data: bytes) -> Pixels:
        """A file of this checkpoint -> (H, W, 3) uint8. Raises InputError, for another checkpoint's file too."""
        q, header = self.decode_symbols(data)
        return self.synthesise(q, header.level, header.height, header.width)

    def decode_symbols(self, data: bytes) -> tuple[NDArray[np.int32], bitstream.Header]:
        """The bottleneck's symbols (M, h, w) and the header of a file: integer arithmetic from end to end."""
        header, payload = bitstream.unpack(data)
        if header.model != self.version:
            raise InputError(
                f"This file was made by checkpoint {header.model}, not by {self.version}; decode with that one."
            )
        h, w = -(-header.height // STRIDE), -(-header.width // STRIDE)
        table = self.tables.at(header.level)
        return entropy.decode_symbols(payload, (self.network.config.M, h, w), table), header

    # -- stages ----------------------------------------------------------------------------------------------------

    def level(self, lmbda: float) -> int:
        """λ as a header level; InputError where this model has no such λ."""
        return level_of(self.network.check(lmbda))

    def stem(self, pixels: Pixels) -> Stem:
        """(H, W, 3) uint8 -> the part of the analysis that is done once per picture."""
        with torch.inference_mode():
            return Stem(self.network.stem(self._padded(pixels)), *pixels.shape[:2])

    def latents(self, stem: Stem, level: int) -> NDArray[np.float32]:
        """y (M, h, w) float32 before rounding, h = ⌈H/16⌉, w = ⌈W/16⌉."""
        with torch.inference_mode():
            return _as_array(self.network.analysis_from_stem(stem.features, self._position(level)))

    @staticmethod
    def symbols(y: NDArray[np.float32]) -> NDArray[np.int32]:
        """The quantiser: to the nearest integer, halves to the even one."""
        return np.rint(y).astype(np.int32)

    def pack(self, stem: Stem, q: NDArray[np.int32], level: int) -> bytes:
        """Symbols (M, h, w) -> a whole file."""
        header = bitstream.Header(self.version, stem.width, stem.height, level)
        return bitstream.pack(header, entropy.encode_symbols(q, self.tables.at(level)))

    def element_bits(self, q: NDArray[np.int32], level: int) -> NDArray[np.float32]:
        """The estimated bits of each symbol, (M, h, w), from the tables that the coder uses."""
        return self.tables.at(level).element_bits(q)

    def synthesise(self, q: Latents, level: int, height: int, width: int) -> Pixels:
        """Symbols (M, h, w), or any other ŷ -> the decoded picture (height, width, 3) uint8."""
        with torch.inference_mode():
            return images.to_pixels(images.crop(self._synthesis(q, level), height, width))

    # -- inside ----------------------------------------------------------------------------------------------------

    def table(self, lmbda: float) -> entropy.LevelTable:
        """The prior's table at λ: the symbols of each channel, their frequencies and bits, as the coder uses them."""
        return self.tables.at(self.level(lmbda))

    def modulation(self, lambdas: Sequence[float]) -> dict[str, NDArray[np.float32]]:
        """The gains of every modulator at L values of λ, each (L, channels) float32, above zero, without unit: "m0" to
        "m2" of the analysis, "d0" to "d2" of the synthesis (paper Eq. 3 and 4), "a" of the prior; "y" and "a" for
        bottleneck scaling; none for an independent model. Raises InputError for a λ that the model does not have."""
        with torch.inference_mode():
            t = self.network.position(torch.tensor([self.network.check(lmbda) for lmbda in lambdas]))
            return {name: frozen(gain.float().cpu().numpy()) for name, gain in self.network.gains(t).items()}

    def analysis_map(self, pixels: Pixels, level: int, layer: str) -> NDArray[np.float32]:
        """(H, W, 3) uint8 -> the map named `layer`, one of the analysis, (C, h', w') float32, of the padded picture."""
        with torch.inference_mode():
            return _as_array(self.network.analysis(self._padded(pixels), self._position(level), layer))

    def synthesis_map(self, q: Latents, level: int, layer: str) -> NDArray[np.float32]:
        """Symbols (M, h, w), or any other ŷ -> the map named `layer`, one of the synthesis, (C, h', w') float32."""
        with torch.inference_mode():
            return _as_array(self._synthesis(q, level, layer))

    def _padded(self, pixels: Pixels) -> Tensor:
        return images.pad(images.to_tensor(pixels), STRIDE).to(self.network.weight)

    def _synthesis(self, q: Latents, level: int, until: str | None = None) -> Tensor:
        y = torch.from_numpy(q.astype(np.float32))[None].to(self.network.weight)
        y = y.contiguous(memory_format=torch.channels_last)
        return self.network.synthesis(y, self._position(level), until)

    def _position(self, level: int) -> Tensor:
        return self.network.position(lambda_of(level))


def frozen(array: Array) -> Array:
    """The array itself, from now on read-only."""
    array.setflags(write=False)
    return array


def _as_array(maps: Tensor) -> NDArray[np.float32]:
    """(1, C, h, w) -> (C, h, w) float32, contiguous, a copy."""
    return maps[0].float().cpu().contiguous().numpy()


def _is_pixels(image: Any) -> bool:
    return isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
