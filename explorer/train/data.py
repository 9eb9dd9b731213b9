"""Training crops: shards or a folder of pictures -> one uint8 array in memory -> random batches.

Every source picture is cut into tiles of one size, decoded once, and kept where the training runs (also on the GPU), so
that a batch costs a gather and no decoding.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from explorer import images
from explorer.images import InputError
from explorer.train.parallel import first

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue


def load_tiles(folder: str | Path, size: int) -> Tensor:
    """All tiles of a folder of pictures, or of the tar shards of pictures in it: (n, size, size, 3) uint8.

    A picture smaller than size on either side is left out. InputError where nothing is left."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}; name a folder of pictures or of tar shards.")
    shards = sorted(folder.glob("*.tar"))
    sources: Iterable[bytes | Path] = (
        _from_shards(shards)
        if shards
        else sorted(path for path in folder.iterdir() if path.suffix.lower() in images.SUFFIXES)
    )
    with ThreadPoolExecutor() as pool:  # Pillow decodes outside the interpreter's lock
        pictures = tqdm(pool.map(images.read, sources), "reading pictures", unit="picture", disable=not first())
        tiles = [tile for picture in pictures for tile in cut(picture.pixels, size)]
    if not tiles:
        raise InputError(f"{folder} holds no picture of at least {size}×{size} pixels; add some, or use smaller crops.")
    return torch.from_numpy(np.stack(tiles))


def _from_shards(shards: list[Path]) -> Iterator[bytes]:
    for shard in shards:
        with tarfile.open(shard) as tar:
            for member in tar:
                file = tar.extractfile(member)
                if file is not None:
                    yield file.read()


def cut(pixels: NDArray[np.uint8], size: int) -> Iterator[NDArray[np.uint8]]:
    """The whole tiles of a picture, spread evenly so that as little as possible is lost at its edges."""
    height, width = pixels.shape[:2]
    for top in _starts(height, size):
        for left in _starts(width, size):
            yield pixels[top : top + size, left : left + size]


def _starts(length: int, size: int) -> list[int]:
    number = length // size
    return [0] if number == 1 else [i * (length - size) // (number - 1) for i in range(number)]


def grey(crops: Tensor) -> Tensor:
    """Crops (n, 3, S, S) with their luma in all three channels."""
    weights = torch.tensor(LUMA, device=crops.device).reshape(1, 3, 1, 1)
    return (crops * weights).sum(dim=1, keepdim=True).expand_as(crops)


@dataclass(frozen=True)
class Batches:
    """Random crops of tiles (n, S, S, 3) uint8, each place and each tile as likely, flipped and transposed; a share of
    them is made grey.

    All draws are from torch's generator of the tiles' device, so that a seed before a draw decides it."""

    tiles: Tensor
    crop: int
    grey: float = 0.0

    def __post_init__(self) -> None:
        if self.crop > self.tiles.shape[1]:
            raise InputError(f"Crops of {self.crop} pixels need tiles that large; these have {self.tiles.shape[1]}.")

    def draw(self, number: int, part: slice = slice(None)) -> tuple[Tensor, Tensor]:
        """`part` of that many crops, (n, 3, crop, crop) float32 in [0, 1], channels last, and which of them are grey
        (n,) bool."""
        device, size = self.tiles.device, self.tiles.shape[1]
        which = torch.randint(len(self.tiles), (number,), device=device)
        corner = torch.randint(size - self.crop + 1, (2, number), device=device)
        turn = torch.randint(2, (3, number), device=device).bool()
        is_grey = (torch.rand(number, device=device) < self.grey)[part]
        crops = self._cut(which[part], corner[:, part], turn[:, part])
        return torch.where(is_grey[:, None, None, None], grey(crops), crops), is_grey

    def _cut(self, which: Tensor, corner: Tensor, turn: Tensor) -> Tensor:
        """Crops of the tiles `which` (n,) at corner (2, n), flipped along either axis and transposed by turn (3, n)."""
        steps = torch.arange(self.crop, device=which.device)
        lines = [torch.where(turn[i, :, None], self.crop - 1 - steps, steps) + corner[i, :, None] for i in (0, 1)]
        rows, columns = lines[0][:, :, None], lines[1][:, None, :]
        transposed = turn[2, :, None, None]
        across = lines[0][:, None, :], lines[1][:, :, None]  # the same places with the two axes exchanged
        rows, columns = torch.where(transposed, across[0], rows), torch.where(transposed, across[1], columns)
        crops = self.tiles[which[:, None, None], rows, columns]
        return crops.permute(0, 3, 1, 2).float().div_(255)
