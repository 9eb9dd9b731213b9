"""What runs the transforms: a small protocol, so that another engine can stand where PyTorch's eager mode stands.

    pixels ─ stem ─ (once per picture) ─ latents(λ) ─ y           ŷ ─ synthesise(λ) ─ pixels

Each works on one tile of the picture (see `tiles`) and is given what it needs around it. An engine sees the same tiles
whoever asks, so it need not be exact to the last bit between shapes, only from one call to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import takewhile
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from explorer import images
from explorer.condition import Condition
from explorer.gdn import GDN
from explorer.images import InputError
from explorer.model import STRIDE, Autoencoder, Step, subpixel
from explorer.modulation import spread
from explorer.priors.base import Float32
from explorer.tiles import Box, Part, Size, convolve, output_size, reads

Pixels = NDArray[np.uint8]
INPUT = ""  # the name of what enters a chain of convolutions
BLOCK = 4  # pixels to a side that one element before the last convolution stands for


class Runtime(Protocol):
    """The transforms of one model; safe to share between threads. size: (h, w) of the bottleneck, h = ⌈H/16⌉,
    w = ⌈W/16⌉; tile: a tile of its grid, in elements of y."""

    def stem(self, pixels: Pixels, tile: Box) -> Any:
        """(H, W, 3) uint8 -> what no λ touches of the analysis of a tile, in whatever form `latents` takes it, with its
        size in memory as `nbytes`."""

    def latents(self, stem: Any, condition: Condition) -> Float32:
        """y of a tile (M, rows, columns) float32 before rounding."""

    def reach(self, tile: Box, size: Size) -> Box:
        """The rectangle of ŷ that the pixels of a tile depend on."""

    def synthesise(self, decoded: Float32, condition: Condition, tile: Box, size: Size) -> Pixels:
        """ŷ of a tile's reach (M, …) float32 -> the tile's pixels (16·rows, 16·columns, 3) uint8."""

    def analysis_map(self, pixels: Pixels, condition: Condition, layer: str, tile: Box) -> Float32:
        """(H, W, 3) uint8 -> a tile of the map named `layer`, one of the analysis, (C, h', w') float32."""

    def synthesis_map(self, decoded: Float32, condition: Condition, layer: str, tile: Box, size: Size) -> Float32:
        """ŷ of a tile's reach -> a tile of the map named `layer`, one of the synthesis, (C, h', w') float32."""


def device_of(name: str) -> torch.device:
    """The device of a name: "auto" is a GPU where there is one. InputError where there is no such device."""
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InputError("There is no GPU here that PyTorch can use; leave --device out, or choose cpu.")
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def fast_precision(device: torch.device) -> str:
    """bfloat16 on GPUs, and on CPUs that compute in it; elsewhere it would be emulated, and slower: float32."""
    if device.type == "cuda":
        return "bfloat16"
    known = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return "bfloat16" if known.get("avx512_bf16") or known.get("amx_bf16") else "float32"


@dataclass(frozen=True)
class _Stem:
    part: Part
    boxes: Mapping[str, Box]

    @property
    def nbytes(self) -> int:
        return self.part.values.nbytes


class Eager:
    """The network itself, step by step, on its own device."""

    def __init__(self, network: Autoencoder) -> None:
        self._network = network
        self._analysis, self._synthesis = network.analysis_steps(), network.synthesis_steps()
        self._analysis_convs, self._synthesis_convs = _convolutions(self._analysis), _convolutions(self._synthesis)
        self._synthesis_layers = frozenset(network.synthesis_layers())
        self._stem = list(takewhile(lambda step: not step.conditioned, self._analysis))
        steps = {step.name: step for step in self._analysis + self._synthesis}
        self._gdn = {name: step.layer.constants() for name, step in steps.items() if isinstance(step.layer, GDN)}
        # The last transposed convolution has three outputs, too few to fill a vector register: as a convolution to all
        # pixels of a 4×4 block at once it takes a third of the time.
        self._last = self._synthesis[-1]
        assert isinstance(self._last.layer, nn.ConvTranspose2d)
        self._to_blocks = subpixel(self._last.layer).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._strides = _strides(self._analysis, 1) | _strides(self._synthesis, STRIDE)
        self._gain_at = lru_cache(maxsize=4096)(lambda name, lmbda: steps[name].gain(network.position(lmbda)))
        self._boxes = lru_cache(maxsize=4096)(_boxes)

    def stem(self, pixels: Pixels, tile: Box) -> _Stem:
        with torch.inference_mode():
            part, boxes = self._picture(pixels, tile)
            return _Stem(self._run(self._stem, part, boxes), boxes)

    def latents(self, stem: _Stem, condition: Condition) -> Float32:
        with torch.inference_mode():
            return as_array(self._run(self._analysis[len(self._stem) :], stem.part, stem.boxes, condition).values)

    def reach(self, tile: Box, size: Size) -> Box:
        return self._synthesis_boxes(tile, size)[INPUT]

    def synthesise(self, decoded: Float32, condition: Condition, tile: Box, size: Size) -> Pixels:
        with torch.inference_mode():
            return _assembled(images.to_levels(self._blocks(decoded, condition, tile, size)))

    def analysis_map(self, pixels: Pixels, condition: Condition, layer: str, tile: Box) -> Float32:
        with torch.inference_mode():
            part, boxes = self._picture(pixels, tile)
            made = self._run(self._analysis, part, boxes, condition, layer)
            return as_array(made.crop(tile.times(made.size[0] * STRIDE // part.size[0])))

    def synthesis_map(self, decoded: Float32, condition: Condition, layer: str, tile: Box, size: Size) -> Float32:
        with torch.inference_mode():
            if layer == self._last.name:
                return _assembled(self._blocks(decoded, condition, tile, size)).transpose(2, 0, 1)
            boxes = self._synthesis_boxes(tile, size)
            made = self._run(self._synthesis, self._bottleneck(decoded, boxes, size), boxes, condition, layer)
            return as_array(made.crop(tile.times(made.size[0] // size[0])))

    def _blocks(self, decoded: Float32, condition: Condition, tile: Box, size: Size) -> Tensor:
        """x̂ of a tile, (1, 48, 4·rows, 4·columns), not clipped: see `subpixel`."""
        boxes = self._synthesis_boxes(tile, size)
        part = self._run(self._synthesis[:-1], self._bottleneck(decoded, boxes, size), boxes, condition)
        return convolve(self._to_blocks, part, tile.times(STRIDE // BLOCK)).values

    def _picture(self, pixels: Pixels, tile: Box) -> tuple[Part, Mapping[str, Box]]:
        """What a tile of y needs of the picture, and the boxes of the analysis on the way to it."""
        size = _padded_size(pixels)
        boxes = self._boxes(self._analysis_convs, tile, size)
        x = images.to_tensor(_with_edge(pixels, boxes[INPUT])).to(self._network.weight)
        return Part(x, boxes[INPUT], size), boxes

    def _bottleneck(self, decoded: Float32, boxes: Mapping[str, Box], size: Size) -> Part:
        # A copy: arrays are read-only, and PyTorch warns of tensors that are not.
        y = torch.from_numpy(np.array(decoded, dtype=np.float32))[None].to(self._network.weight)
        return Part(y.contiguous(memory_format=torch.channels_last), boxes[INPUT], size)

    def _synthesis_boxes(self, tile: Box, size: Size) -> Mapping[str, Box]:
        return self._boxes(self._synthesis_convs, tile.times(STRIDE), size)

    def _run(
        self,
        steps: Iterable[Step],
        part: Part,
        boxes: Mapping[str, Box],
        condition: Condition | None = None,
        until: str | None = None,
    ) -> Part:
        for step in steps:
            if step.name in boxes:
                part = convolve(step.layer, part, boxes[step.name])
            elif step.name in self._gdn:
                part = part.with_values(self._normalised(step, part.values))
            else:
                assert condition is not None
                part = part.with_values(part.values * self._gain(step.name, condition, part.box))
            if step.name == until:
                break
        return part

    def _gain(self, name: str, condition: Condition, box: Box) -> Tensor:
        """What a modulator's step multiplies a rectangle of its map by; see `lambda_map` for where a map is ramped."""
        stride = self._strides[name]
        ramped = stride < STRIDE and name in self._synthesis_layers
        return spread(partial(self._gain_at, name), condition, box, stride, ramped)

    def _normalised(self, step: Step, x: Tensor) -> Tensor:
        """GDN or its inverse, with constants and memory used again."""
        norm = F.conv2d(x * x, *self._gdn[step.name])
        return (norm.sqrt_() if step.layer.inverse else norm.rsqrt_()).mul_(x)


def _convolutions(steps: list[Step]) -> tuple[tuple[str, nn.Module], ...]:
    return tuple((step.name, step.layer) for step in steps if isinstance(step.layer, (nn.Conv2d, nn.ConvTranspose2d)))


def _strides(steps: list[Step], stride: int) -> dict[str, int]:
    """How many pixels to a side an element of each step's map stands for; stride: of their input."""
    found = {}
    for step in steps:
        if isinstance(step.layer, nn.ConvTranspose2d):
            stride //= step.layer.stride[0]
        elif isinstance(step.layer, nn.Conv2d):
            stride *= step.layer.stride[0]
        found[step.name] = stride
    return found


def _boxes(convolutions: tuple[tuple[str, nn.Module], ...], output: Box, size: Size) -> dict[str, Box]:
    """The rectangle of its output that each convolution of a chain has to make for a rectangle of the last one's, by
    name, and that of the chain's input, a map of `size`."""
    sizes = [size]
    for _, conv in convolutions:
        sizes.append(output_size(conv, sizes[-1]))
    found = {}
    for (name, conv), before in zip(reversed(convolutions), reversed(sizes[:-1]), strict=True):
        found[name] = output
        output = reads(conv, output, before)
    return found | {INPUT: output}


def _padded_size(pixels: Pixels) -> Size:
    height, width = (-(-length // STRIDE) * STRIDE for length in pixels.shape[:2])
    return height, width


def _with_edge(pixels: Pixels, box: Box) -> Pixels:
    """A rectangle of a picture padded to multiples of 16: its last row and column are repeated beyond it."""
    found = pixels[box.slices]
    missing = [(0, wanted - there) for wanted, there in zip(box.shape, found.shape, strict=False)]
    return np.pad(found, [*missing, (0, 0)], mode="edge") if any(map(any, missing)) else found


def _assembled(blocks: Tensor) -> np.ndarray:
    """(1, 48, h, w), the pixels of 4×4 blocks, row by row -> (4h, 4w, 3)."""
    values = blocks[0].permute(1, 2, 0).contiguous().cpu().numpy()
    high, wide, _ = values.shape
    whole = values.reshape(high, wide, BLOCK, BLOCK, 3).swapaxes(1, 2)
    return np.ascontiguousarray(whole).reshape(high * BLOCK, wide * BLOCK, 3)


def as_array(maps: Tensor) -> Float32:
    """(1, C, h, w) -> (C, h, w) float32, contiguous, a copy."""
    return maps[0].float().cpu().contiguous().numpy()
