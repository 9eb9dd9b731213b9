"""Training crops: shards or a folder of pictures -> one uint8 array in memory -> random batches.

Every source picture is cut into tiles of one size, decoded once, and kept where the training runs (also on the GPU), so
that a batch costs a gather and no decoding.
"""

from __future__ import annotations

import lzma
import os
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from explorer import images
from explorer.images import InputError, Picture
from explorer.train.parallel import first

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue
MOST_BYTES = 1 << 30  # of a member of a shard: one that is sparse may claim any size
NAMED = 5  # of the files that are left out for one reason


def load_tiles(folder: str | Path, size: int, tell: Callable[[str], None] = lambda sentence: None) -> Tensor:
    """All tiles of the pictures below a folder, in files and in the members of tar shards: (n, size, size, 3) uint8.

    Hidden files are passed over. What else is no picture, what cannot be read and what is smaller than size on either
    side is left out, and told. tell: takes a sentence for each reason. InputError where nothing is left."""
    if not Path(folder).is_dir():
        raise InputError(f"There is no folder {folder}; name a folder of pictures or of tar shards.")
    left, tiles = _LeftOut(), []
    found = tqdm(_pictures(Path(folder), left), "reading pictures", unit="picture", disable=not first())
    for picture in found:
        own = list(cut(picture.pixels, size))
        tiles += own
        if not own:
            left.small.append(picture.name)
    for sentence in left.sentences(size):
        tell(sentence)
    if not tiles:
        raise InputError(f"{folder} holds no picture of at least {size}×{size} pixels; add some, or use smaller crops.")
    return torch.from_numpy(np.stack(tiles))


@dataclass
class _LeftOut:
    """What is not trained on. others: how many files are no pictures, by the ending of their names. unreadable: a
    sentence each. small: names."""

    others: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)

    def sentences(self, size: int) -> Iterator[str]:
        for sentence in self.unreadable[:NAMED]:
            yield f"Left out: {sentence}"
        if len(self.unreadable) > NAMED:
            yield f"Left out: {len(self.unreadable) - NAMED} more that cannot be read."
        if self.small:
            more = ", …" if len(self.small) > NAMED else ""
            names = ", ".join(self.small[:NAMED]) + more
            yield f"Left out: {_count(len(self.small), 'picture')} smaller than {size}×{size} pixels ({names})."
        if self.others:
            kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(self.others.items()))
            yield f"Left out: {_count(self.others.total(), 'file')} not named as pictures ({kinds})."


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("s" if number > 1 else "")


def _pictures(folder: Path, left: _LeftOut) -> Iterator[Picture]:
    """The pictures that can be read, in order; what cannot is noted in `left`."""
    sources = _sources(folder, left)
    with ThreadPoolExecutor() as pool:  # Pillow decodes outside the interpreter's lock
        # No more at a time: a shard's pictures are in memory, and an interrupt waits for those under way.
        while some := list(islice(sources, 2 * (os.cpu_count() or 1))):
            for found in pool.map(_read, some):
                if isinstance(found, Picture):
                    yield found
                else:
                    left.unreadable.append(str(found))


def _read(source: tuple[str, Path | bytes]) -> Picture | InputError:
    name, content = source
    try:
        return replace(images.read(content, name), name=name)
    except InputError as error:
        return error


def _sources(folder: Path, left: _LeftOut) -> Iterator[tuple[str, Path | bytes]]:
    """Name, below the folder, and path or content of all that is named as a picture."""
    for path in _files(folder, left):
        name, suffix = str(path.relative_to(folder)), path.suffix.lower()
        if suffix == ".tar":
            yield from _members(path, name, left)
        elif suffix in images.SUFFIXES:
            yield name, path
        else:
            left.others[suffix or "without an ending"] += 1


def _files(folder: Path, left: _LeftOut) -> Iterator[Path]:
    """The files below a folder, in order, but for hidden ones; a folder that links lead to again is entered once."""
    entered = set()
    walk = os.walk(folder, onerror=lambda error: left.unreadable.append(_of_system(error)), followlinks=True)
    for top, folders, names in walk:
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        if os.path.realpath(top) in entered:
            folders.clear()
            continue
        entered.add(os.path.realpath(top))
        yield from (Path(top, name) for name in sorted(names) if not _is_hidden(name))


def _members(shard: Path, name: str, left: _LeftOut) -> Iterator[tuple[str, bytes]]:
    """The pictures in a shard, which are read where they lie: nothing is unpacked, and no link is followed."""
    try:
        with tarfile.open(shard) as tar:
            for member in tar:
                path = PurePosixPath(member.name)
                if member.size < 0:  # tarfile would go back, and so round and round
                    raise tarfile.ReadError
                if member.isdir() or any(map(_is_hidden, path.parts)):
                    continue
                if not member.isfile():
                    left.others["link or device"] += 1
                elif path.suffix.lower() not in images.SUFFIXES:
                    left.others[path.suffix.lower() or "without an ending"] += 1
                elif member.size > MOST_BYTES:
                    left.unreadable.append(f"{name}/{member.name} is larger than {MOST_BYTES >> 30} GiB.")
                else:
                    file = tar.extractfile(member)
                    assert file is not None  # as it is for links and folders
                    yield f"{name}/{member.name}", file.read()
            # tarfile takes any end for the end; a whole shard has blocks of zeros there.
            assert tar.fileobj is not None
            tar.fileobj.seek(tar.offset)
            if tar.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                raise tarfile.ReadError
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError, ArithmeticError, RecursionError):
        left.unreadable.append(f"the rest of {name}, which is cut short or damaged; download it again.")
    except OSError as error:
        left.unreadable.append(_of_system(error))


def _is_hidden(name: str) -> bool:
    """Whether it is the system's own, such as the ._ files and the folder __MACOSX that macOS adds."""
    return (name.startswith(".") and name.strip(".") != "") or name == "__MACOSX"


def _of_system(error: OSError) -> str:
    return f"{error.filename} cannot be read ({error.strerror})."


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
