"""A checkpoint as a codec: the network, its prior's coder, and the stages between a picture and a file.

    pixels ─latents(λ)─ y ─Coder.quantise─ Code ─Coder.encode─ payload ─bitstream.pack─ file
                                             └─ ŷ ─synthesise(λ)─ pixels

Files are portable: whatever computed y, the symbols in the file are decoded by integers alone. The pixels that the
synthesis makes of them are the same on one machine, and within rounding of it on another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explorer import bitstream, images
from explorer.checkpoint import load, transforms_id
from explorer.codecs.base import Knob
from explorer.condition import LAMBDA_MAX, LAMBDA_MIN, Condition, Lambda, among
from explorer.config import describe
from explorer.images import InputError
from explorer.lambda_map import check_shape
from explorer.model import STRIDE, Autoencoder
from explorer.pace import Pause, nothing
from explorer.priors.base import Code, Latents, Memo, anew, frozen
from explorer.runtime import Eager, Pixels, Runtime, device_of
from explorer.tiles import Box, Grid, Size, paste, size_of, whole

SWEEP = tuple(float(v) for v in np.geomspace(LAMBDA_MIN, LAMBDA_MAX, 17))


class LearnedCodec:
    """A loaded checkpoint; immutable, safe to share between threads.

    name: the checkpoint's file name. version: its id, 8 hex digits of its content, which every file names.
    knob: λ, its range and a sweep. only: the conditions of a model that has but a few λ, else none.
    kind, prior: see `ModelConfig`. channels: M, of the bottleneck.
    layers: names of the intermediate maps in data order; analysis_layers: those up to y.
    suffix: of the names of its files.
    transforms: 8 hex digits of the weights besides the prior's; models that share them have the same y.
    """

    suffix = "mae"

    def __init__(
        self,
        network: Autoencoder,
        integers: Mapping[str, Tensor],
        name: str,
        version: str,
        runtime: Callable[[Autoencoder], Runtime] = Eager,
    ) -> None:
        """integers: what `Prior.freeze` gave. Raises KeyError or ValueError where they are not this network's."""
        self.network = network.eval().requires_grad_(False)
        if network.weight.device.type == "cpu":  # twice as fast as the default layout on a CPU
            self.network = self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.coder, self.name, self.version = network.prior.coder(integers), name, version
        self.runtime: Runtime = runtime(self.network)
        self.kind, self.prior, self.channels = network.config.kind, network.config.prior, network.config.M
        self.layers, self.analysis_layers = network.layers(), network.analysis_layers()
        self.transforms = transforms_id(network)
        low, high = network.lambda_range()
        few = (low,) if low == high else network.prior.lambdas
        self.only = tuple(Condition.of(lmbda) for lmbda in few)
        self.knob = Knob("lambda", "λ", low, high, few or SWEEP, integer=False)

    @classmethod
    def open(cls, path: str | Path, device: str = "auto") -> LearnedCodec:
        """Load a checkpoint onto "cpu", "cuda" or, with "auto", the GPU where there is one. Raises InputError."""
        network, integers, version = load(path)
        chosen = device_of(device)
        try:
            return cls(network.to(chosen), integers, Path(path).stem, version)
        except (KeyError, ValueError):
            raise InputError(f"{path} has no usable prior tables; export the checkpoint again.") from None

    @property
    def label(self) -> str:
        """Its name for people."""
        fixed = self.network.config.lmbda
        return describe(self.kind, self.prior) + (f" λ={fixed:g}" if fixed is not None else "")

    def __repr__(self) -> str:
        return f"LearnedCodec({self.name!r}, {self.label}, version={self.version!r})"

    # -- λ ---------------------------------------------------------------------------------------------------------

    def condition(self, lmbda: Lambda, height: int = 0, width: int = 0) -> Condition:
        """λ as the value that all stages take; InputError where this model has no such λ, or where λ by block is not
        for a picture of this size, where one is given."""
        condition = among(lmbda, self.knob.sweep if self.only else ())
        if height and (shape := condition.map.shape if condition.map else np.asarray(lmbda).shape):
            check_shape(shape, height, width)  # also of an array in which all λ are one, which has no map
        return condition

    def _known(self) -> str:
        return ", ".join(f"{each:g}" for each in self.knob.sweep)

    def nearest(self, lmbda: Lambda) -> Condition:
        """The condition of this model that is nearest to λ on its axis."""
        asked = lmbda if isinstance(lmbda, Condition) else Condition.of(np.clip(lmbda, LAMBDA_MIN, LAMBDA_MAX))
        return min(self.only, key=lambda one: abs(one.level - asked.level)) if self.only else asked

    # -- whole files -----------------------------------------------------------------------------------------------

    def encode(self, image: Any, setting: Lambda) -> bytes:
        """Any picture that `images.read` takes, at λ = setting, a number or an array by block -> a whole .mae file.
        Raises InputError."""
        pixels = image if _is_pixels(image) else images.read(image).pixels
        condition = self.condition(setting, *pixels.shape[:2])
        code = self.quantise(self.latents(pixels, condition), condition)
        return self.pack(code, *pixels.shape[:2])

    def decode(self, data: bytes) -> Pixels:
        """A file of this checkpoint -> (H, W, 3) uint8. Raises InputError, for another checkpoint's file too."""
        code, header = self.decode_code(data)
        return self.synthesise(code.part, code.condition, header.height, header.width)

    def decode_code(self, data: bytes) -> tuple[Code, bitstream.Header]:
        """The bottleneck in a file, and the file's header: integer arithmetic from end to end."""
        header, payload = bitstream.unpack(data)
        if header.model != self.version:
            raise InputError(
                f"This file was made by checkpoint {header.model}, not by {self.version}; decode with that one."
            )
        condition = header.condition
        if self.only and condition not in self.only:
            raise InputError(
                f"This file claims λ = {condition.lmbda:.6g}, but its model has λ = {self._known()} alone; "
                "encode the picture again."
            )
        return self.coder.decode(payload, bottleneck_size(header.height, header.width), condition), header

    # -- stages ----------------------------------------------------------------------------------------------------

    def latents(self, pixels: Pixels, condition: Condition) -> NDArray[np.float32]:
        """(H, W, 3) uint8 -> y (M, h, w) float32 before rounding, h = ⌈H/16⌉, w = ⌈W/16⌉."""
        size = bottleneck_size(*pixels.shape[:2])
        y = np.empty((self.channels, *size), np.float32)
        for tile in Grid(size):
            paste(y, whole(size), self.runtime.latents(self.runtime.stem(pixels, tile), condition), tile)
        return y

    def quantise(
        self,
        y: NDArray[np.float32],
        condition: Condition,
        pause: Pause = nothing,
        memo: Memo = anew,
        side: NDArray[np.float32] | None = None,
    ) -> Code:
        """y (M, h, w) float32 -> what a file holds of it. pause: see `pace`, here and below. memo: see `Coder.part`,
        side: `Coder.quantise`."""
        return self.coder.quantise(y, condition, pause, memo, side)

    def pack(self, code: Code, height: int, width: int) -> bytes:
        """A code of a picture of this size -> a whole file."""
        header = bitstream.Header(self.version, width, height, code.condition.level, code.condition.map)
        return bitstream.pack(header, self.coder.encode(code))

    def synthesise(
        self,
        decoded: Latents,
        condition: Condition,
        height: int,
        width: int,
        pause: Pause = nothing,
        known: Callable[[Box], Pixels | None] = lambda _: None,
    ) -> Pixels:
        """ŷ, a rectangle of it when asked for one (`Code.part` is such a function) -> the decoded picture
        (height, width, 3) uint8. known: the pixels of a tile, where they need not be made."""
        size, picture = bottleneck_size(height, width), whole((height, width))
        pixels = np.empty((height, width, 3), np.uint8)
        for tile in Grid(size):
            made = known(tile)
            if made is None:
                made = self.runtime.synthesise(decoded(self.runtime.reach(tile, size)), condition, tile, size)
            at = tile.times(STRIDE).within(picture.shape)
            pixels[at.slices] = made[: at.shape[0], : at.shape[1]]
            pause()
        return pixels

    # -- inside ----------------------------------------------------------------------------------------------------

    def modulation(self, lambdas: Sequence[Lambda]) -> dict[str, NDArray[np.float32]]:
        """The gains of every modulator at L values of λ, each (L, channels) float32, above zero, without unit: "m0" to
        "m2" of the analysis, "d0" to "d2" of the synthesis (paper Eq. 3 and 4) and those of the prior ("a"; with a
        hyperprior also "h0" to "h2" and "g0", "g1" of the hyper-transforms, and "a_z"); "y" and the prior's for
        bottleneck scaling; none for an independent model. Raises InputError for a λ that the model does not have, and
        for a map, which has gains for each of its λ."""
        conditions = [self.condition(lmbda) for lmbda in lambdas]
        if any(condition.map for condition in conditions):
            raise InputError("A map has gains for each of its λ; give numbers, such as those of `Condition.by_block`.")
        with torch.inference_mode():
            t = self.network.position(torch.tensor([condition.lmbda for condition in conditions]))
            return {name: frozen(gain.float().cpu().numpy()) for name, gain in self.network.gains(t).items()}

    def analysis_map(self, pixels: Pixels, condition: Condition, layer: str) -> NDArray[np.float32]:
        """(H, W, 3) uint8 -> the map named `layer`, one of the analysis, (C, h', w') float32, of the padded picture."""
        size = bottleneck_size(*pixels.shape[:2])
        return _map(size, lambda tile: self.runtime.analysis_map(pixels, condition, layer, tile))

    def synthesis_map(self, decoded: Latents, condition: Condition, layer: str, size: Size) -> NDArray[np.float32]:
        """ŷ of `size`, a rectangle of it when asked for one -> the map named `layer`, one of the synthesis,
        (C, h', w') float32."""

        def of_tile(tile: Box) -> NDArray[np.float32]:
            return self.runtime.synthesis_map(decoded(self.runtime.reach(tile, size)), condition, layer, tile, size)

        return _map(size, of_tile)


def bottleneck_size(height: int, width: int) -> Size:
    """(h, w) of the bottleneck of a picture."""
    return -(-height // STRIDE), -(-width // STRIDE)


def _map(size: Size, of_tile: Callable[[Box], NDArray[np.float32]]) -> NDArray[np.float32]:
    """A map of a picture whose bottleneck is of `size`, put together from its tiles."""
    tiles = list(Grid(size))
    first = of_tile(tiles[0])
    if len(tiles) == 1:
        return first
    scale = first.shape[1] // tiles[0].shape[0]
    made = np.empty((len(first), size[0] * scale, size[1] * scale), np.float32)
    for tile in tiles:
        paste(made, whole(size_of(made)), first if tile is tiles[0] else of_tile(tile), tile.times(scale))
    return made


def _is_pixels(image: Any) -> bool:
    return isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
