"""What runs the transforms: a small protocol, so that another engine can stand where PyTorch's eager mode stands.

pixels ─ stem ─ (once per picture) ─ latents(λ) ─ y           ŷ ─ synthesise(λ) ─ pixels
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer import images
from explorer.condition import Condition
from explorer.model import STRIDE, Autoencoder
from explorer.priors.base import Float32

Pixels = NDArray[np.uint8]


class Runtime(Protocol):
    """The transforms of one model; safe to share between threads. h = ⌈H/16⌉, w = ⌈W/16⌉."""

    def stem(self, pixels: Pixels) -> Any:
        """(H, W, 3) uint8 -> what no λ touches of the analysis, in whatever form `latents` takes it."""

    def latents(self, stem: Any, condition: Condition) -> Float32:
        """y (M, h, w) float32 before rounding."""

    def synthesise(self, decoded: Float32, condition: Condition, height: int, width: int) -> Pixels:
        """ŷ (M, h, w) float32 -> the decoded picture (height, width, 3) uint8."""

    def analysis_map(self, pixels: Pixels, condition: Condition, layer: str) -> Float32:
        """(H, W, 3) uint8 -> the map named `layer`, one of the analysis, (C, h', w') float32, of the padded picture."""

    def synthesis_map(self, decoded: Float32, condition: Condition, layer: str) -> Float32:
        """ŷ (M, h, w) float32 -> the map named `layer`, one of the synthesis, (C, h', w') float32."""


class Eager:
    """The network itself, layer by layer, on its own device."""

    def __init__(self, network: Autoencoder) -> None:
        self._network = network

    def stem(self, pixels: Pixels) -> Tensor:
        with torch.inference_mode():
            return self._network.stem(self._padded(pixels))

    def latents(self, stem: Tensor, condition: Condition) -> Float32:
        with torch.inference_mode():
            return as_array(self._network.analysis_from_stem(stem, self._position(condition)))

    def synthesise(self, decoded: Float32, condition: Condition, height: int, width: int) -> Pixels:
        with torch.inference_mode():
            return images.to_pixels(images.crop(self._synthesis(decoded, condition), height, width))

    def analysis_map(self, pixels: Pixels, condition: Condition, layer: str) -> Float32:
        with torch.inference_mode():
            return as_array(self._network.analysis(self._padded(pixels), self._position(condition), layer))

    def synthesis_map(self, decoded: Float32, condition: Condition, layer: str) -> Float32:
        with torch.inference_mode():
            return as_array(self._synthesis(decoded, condition, layer))

    def _padded(self, pixels: Pixels) -> Tensor:
        return images.pad(images.to_tensor(pixels), STRIDE).to(self._network.weight)

    def _synthesis(self, decoded: Float32, condition: Condition, until: str | None = None) -> Tensor:
        # A copy: arrays are read-only, and PyTorch warns of tensors that are not.
        y = torch.from_numpy(np.array(decoded, dtype=np.float32))[None].to(self._network.weight)
        y = y.contiguous(memory_format=torch.channels_last)
        return self._network.synthesis(y, self._position(condition), until)

    def _position(self, condition: Condition) -> Tensor:
        return self._network.position(condition.lmbda)


def as_array(maps: Tensor) -> Float32:
    """(1, C, h, w) -> (C, h, w) float32, contiguous, a copy."""
    return maps[0].float().cpu().contiguous().numpy()
