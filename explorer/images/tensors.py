"""Pixels <-> tensors. torch is imported where it is used: reading pictures does not wait seconds for it."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from torch import Tensor

# How Pillow writes a PNG here: in a third of the time that its default takes, photographs no larger.
PNG: dict[str, Any] = {"format": "PNG", "compress_level": 1}


def to_tensor(pixels: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) float32 in [0, 1] on the CPU, a copy in channels-last memory format."""
    import torch

    return torch.from_numpy(pixels.astype(np.float32)).div_(255).permute(2, 0, 1)[None]


def to_pixels(tensor: Tensor) -> np.ndarray:
    """(1, 3, H, W) float on any device -> (H, W, 3) uint8, contiguous: clamp to [0, 1], × 255, round half to even."""
    return to_levels(tensor.detach())[0].permute(1, 2, 0).contiguous().cpu().numpy()


def to_levels(tensor: Tensor) -> Tensor:
    """Float of any shape -> uint8 as `to_pixels` rounds."""
    return tensor.float().clamp(0, 1).mul_(255).round_().byte()


def pad(x: Tensor, multiple: int = 16) -> Tensor:
    """(B, C, H, W) -> the same with right and bottom edges replicated until both sides are multiples of `multiple`.

    In channels-last memory format; x itself where nothing is missing.
    """
    import torch
    import torch.nn.functional as F

    right, bottom = -x.shape[3] % multiple, -x.shape[2] % multiple
    if right == bottom == 0:
        return x
    return F.pad(x, (0, right, 0, bottom), mode="replicate").contiguous(memory_format=torch.channels_last)


def crop(x: Tensor, height: int, width: int) -> Tensor:
    """(B, C, H', W') -> a view of its top left (B, C, height, width): the inverse of `pad`."""
    return x[..., :height, :width]


def to_png(pixels: np.ndarray) -> bytes:
    """(H, W, 3) uint8 -> the bytes of a PNG file."""
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, **PNG)
    return stream.getvalue()
