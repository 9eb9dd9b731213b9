"""What an open view of the inside wants to come with a frame: wishes, each a function of picture and λ.

A wish is a name and its arguments with colons between them, such as "planes" or "ratio:4096:64". The answer is what
JSON can hold and arrays. It travels in the frame's own reply, so that maps and picture are always of the same λ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from explorer.condition import Condition
from explorer.images import InputError
from explorer.inside import block_error
from explorer.session import Session
from explorer.views.service.messages import (
    Edit,
    EditArrays,
    Kept,
    KeptArrays,
    Plane,
    PlaneArrays,
    Planes,
    PlanesArrays,
    Response,
    ResponseArrays,
)
from explorer.views.service.pictures import Opened
from explorer.views.service.wishes import maps
from explorer.views.service.wishes.ratios import ratio

Answer = tuple[Mapping[str, Any], Mapping[str, Any]]  # the JSON, and the arrays


def planes(opened: Opened, condition: Condition) -> tuple[Planes, PlanesArrays]:
    """The bottleneck and its price. JSON: shape (M, h, w); side_bits, what the file holds besides y; further, the names
    that `plane` knows. y (M, h, w) float16 where there is an original, symbols (M, h, w) int16, decoded (M, h, w)
    float16 where ŷ is not the symbols; bits (M, h, w) and positions (h, w) float32, estimated. Where something is coded
    besides y, positions have their shares of it, side (h, w) float32, and side_stride says for how many elements of y,
    in each direction, one of its own stands. And what the prior expects of each channel's symbols: the first one, low
    (M,) int16, how many follow one another, count (M,) int16, and the probabilities of each, float32, channel after
    channel."""
    code = opened.source.code(condition)
    expected, further = code.distribution(), code.planes
    kept = np.arange(expected.probability.shape[1]) < expected.count[:, None]
    arrays: PlanesArrays = {
        "symbols": code.symbols.astype(np.int16),
        "bits": code.bits,
        "positions": code.position_bits,
        "low": expected.low.astype(np.int16),
        "count": expected.count.astype(np.int16),
        "probabilities": expected.probability[kept],
    }
    if isinstance(opened.source, Session):
        arrays["y"] = opened.source.latents(condition).astype(np.float16)
    if further:
        arrays["decoded"] = code.decoded.astype(np.float16)
    shape = code.symbols.shape
    about: Planes = {"shape": shape, "side_bits": code.side_bits, "further": list(further)}
    if code.side_bits:
        arrays["side"] = code.position_bits - code.bits.sum(axis=0)
        about["side_stride"] = max(_stride(shape, values.shape) for values in further.values())
    return about, arrays


def plane(opened: Opened, condition: Condition, name: str) -> tuple[Plane, PlaneArrays]:
    """A further map of the prior, one of `Code.planes`. JSON: shape (C, h', w'); stride, for how many elements of y, in
    each direction, one of the map stands. values: (C, h', w') float16. None of it where the prior has no such map, so
    that a wish may stay while the model changes."""
    code = opened.source.code(condition)
    values = code.planes.get(name)
    if values is None:
        return {}, {}
    about: Plane = {"shape": values.shape, "stride": _stride(code.symbols.shape, values.shape)}
    return about, {"values": values.astype(np.float16)}


def _stride(whole: tuple[int, ...], coarse: tuple[int, ...]) -> int:
    """How many elements of a map, in each direction, one of a coarser map of the same picture stands for: the lowest
    power of two that explains its size."""
    stride = 1
    while any(-(-length // stride) > short for length, short in zip(whole[1:], coarse[1:], strict=True)):
        stride *= 2
    return stride


def edit(opened: Opened, condition: Condition, factors: str) -> tuple[Edit, EditArrays]:
    """The picture when channels are scaled or left out; factors: "17=0,30=2", channel = factor. JSON: estimated_bits
    and, where there is an original, psnr (dB, null where nothing is lost) and ms_ssim (null for a small picture).
    pixels: (H, W, 3) uint8."""
    pairs = (each.split("=") for each in factors.split(","))
    edited = opened.source.edit(condition, {int(channel): float(factor) for channel, factor in pairs})
    about: Edit = {"estimated_bits": edited.estimated_bits}
    if isinstance(opened.source, Session):
        about |= {"psnr": edited.psnr, "ms_ssim": edited.ms_ssim}
    return about, {"pixels": edited.pixels}


def costliest(opened: Opened, condition: Condition, count: str) -> tuple[Kept, KeptArrays]:
    """The picture when only `count` elements, those that cost most, keep their symbols, or all where there are fewer.
    JSON: as `edit` has it, for a file of that picture; elements, how many there are; kept_bits, of those that are
    kept. pixels: (H, W, 3) uint8. positions (h, w), channels (M,) float32: bits by place, as those of `planes`, and by
    channel. mse (h, w) float32: of each block, where there is an original."""
    source = opened.source
    elements = source.code(condition).symbols.size
    kept = source.keep_costliest(condition, min(int(count), elements))
    about: Kept = {"estimated_bits": kept.estimated_bits, "kept_bits": kept.kept_bits, "elements": elements}
    arrays: KeptArrays = {
        "pixels": kept.pixels,
        "positions": kept.code.position_bits,
        "channels": kept.code.bits.sum(axis=(1, 2)),
    }
    if isinstance(source, Session):
        about |= {"psnr": kept.psnr, "ms_ssim": kept.ms_ssim}
        arrays["mse"] = block_error(source.picture.pixels, kept.pixels)
    return about, arrays


def response(
    opened: Opened, condition: Condition, channel: str, row: str, column: str
) -> tuple[Response, ResponseArrays]:
    """What the decoder makes of one coefficient alone, or of a 1 where it is 0. JSON: its amplitude; top, left and side
    of the pixels that it reaches. pixels: (side, side, 3) float32, where white is 1."""
    element = int(channel), int(row), int(column)
    found = opened.source.response(condition, *element)
    if found.amplitude == 0:
        found = opened.source.response(condition, *element, amplitude=1)
    about: Response = {"amplitude": found.amplitude, "top": found.top, "left": found.left, "side": len(found.pixels)}
    return about, {"pixels": found.pixels}


WISHES: dict[str, Callable[..., Answer]] = {
    "planes": planes,
    "plane": plane,
    "ratio": ratio,
    "edit": edit,
    "costliest": costliest,
    "response": response,
    "features": maps.features,
    "error": maps.error,
    "local": maps.local,
    "searched": maps.searched,
}


def answer(opened: Opened, condition: Condition, wish: str) -> Answer:
    """The answer to a wish; raises InputError for one that is none."""
    name, *arguments = wish.split(":")
    try:
        return WISHES[name](opened, condition, *arguments)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"There is nothing called “{wish[:40]}” to show of the inside; reload the page.") from None
