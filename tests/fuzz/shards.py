"""Tar shards of training pictures."""

from __future__ import annotations

import io
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from explorer.images import to_png
from explorer.train.data import load_tiles

from . import mutate
from .campaign import Wrong

SIDE = 16


@cache
def folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


@cache
def corpus() -> list[bytes]:
    noise = np.random.default_rng(0).integers(0, 256, (20, 40, 3), dtype=np.uint8)
    members = {
        "000.png": to_png(noise),
        "000.json": b'{"licence": "CC0"}',
        "001.png": to_png(noise[::-1]),
        "notes.txt": b"x",
    }
    return [_tar(members, kind) for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]


def _tar(members: dict[str, bytes], kind: int) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=kind) as tar:
        for name, data in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(data)
            tar.addfile(about, io.BytesIO(data))
        for kind_of_link in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE):
            about = tarfile.TarInfo(f"link-{kind_of_link.decode()}.png")
            about.type, about.linkname = kind_of_link, "000.png"
            tar.addfile(about)
    return stream.getvalue()


def mutated(random: Random, corpus: list[bytes]) -> bytes:
    """Half of the cases: changes in the header of a member, with a checksum that fits."""
    data = bytearray(random.choice(corpus))
    if random.random() < 0.5:
        return mutate.mutated(random, bytes(data), corpus, 512 * random.randrange(len(data) // 512))
    starts = [at for at in range(0, len(data), 512) if data[at + 257 : at + 262] == b"ustar"]
    start = random.choice(starts)
    block = bytearray(mutate.mutated(random, bytes(data[start : start + 512]))[:512].ljust(512, b"\0"))
    at, size = random.choice(((0, 100), (100, 8), (124, 12), (156, 1), (157, 100), (345, 155)))
    block[at : at + size] = random.choice((random.randbytes(size), b"7" * size, bytes(size), b"-1 ".ljust(size)[:size]))
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    data[start : start + 512] = block
    return bytes(data)


def run(data: bytes) -> None:
    (folder() / "0.tar").write_bytes(data)
    tiles = load_tiles(folder(), SIDE)
    if tiles.shape[1:] != (SIDE, SIDE, 3):
        raise Wrong(f"tiles of {tuple(tiles.shape)}")
