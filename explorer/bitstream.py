"""The .mae file: a header of 23 bytes, a λ map where λ differs from place to place, then the range coder's payload.

    offset  size  field
         0     4  magic b"MAE\\x89"
         4     1  version of this format: 1, or 2 with a map
         5     4  checkpoint id: which weights and tables decode it
         9     2  width, 1 to 65535
        11     2  height
        13     2  λ level: λ = 64·64^(level/65535)
        15     4  length in bytes of all that follows the header
        19     4  CRC-32 of all that precedes it and of all that follows
        23        version 2: the map (`mapcode`), of ⌈height/64⌉×⌈width/64⌉ blocks
                  payload (`Coder.encode`)

Integers are big-endian. A change of this layout, or of what the tables make of a payload, is a new version. A file
without a map is of version 1, as all were before there were maps.
"""

from __future__ import annotations

import stat
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from explorer import mapcode
from explorer.condition import Condition
from explorer.images import MAX_PIXELS, InputError
from explorer.lambda_map import LambdaMap, blocks

MAGIC = b"MAE\x89"
VERSION, VERSION_OF_MAPS = 1, 2
_FIELDS = struct.Struct(">4sB4sHHHI")
_CHECKSUM = struct.Struct(">I")
HEADER_BYTES = _FIELDS.size + _CHECKSUM.size


@dataclass(frozen=True)
class Header:
    """What a file says of itself. model: the checkpoint's id, 8 hex digits. level: λ's, in [0, 65535]. map: how far λ
    differs from place to place, if it does."""

    model: str
    width: int
    height: int
    level: int
    map: LambdaMap | None = None

    @property
    def condition(self) -> Condition:
        """λ, with its map."""
        return Condition(self.level, self.map)

    @cached_property
    def map_bytes(self) -> int:
        """What the map takes."""
        return len(mapcode.encode(self.map)) if self.map else 0


def read(file: str | Path | bytes) -> bytes:
    """The bytes of a file that is there, of one that is no .mae file the first alone, or bytes as they are; InputError
    where it cannot be read."""
    if isinstance(file, bytes):
        return file
    path = Path(file)
    try:
        if stat.S_ISREG(path.stat().st_mode):
            with path.open("rb") as stream:
                start = stream.read(HEADER_BYTES)
                return start + stream.read() if start.startswith(MAGIC) else start
    except (OSError, ValueError) as error:  # ValueError: no path may have a zero byte
        raise InputError(f"{file} cannot be read ({getattr(error, 'strerror', error)}); check the path.") from None
    # A named pipe may be waited for for ever, and a device may have no end.
    raise InputError(f"{file} is a folder or a device; give the path of a .mae file.")


def is_file(name: str, start: bytes = b"") -> bool:
    """Whether a file's name or its first bytes say that it is a .mae file, damaged or not."""
    return Path(name).suffix.lower() == ".mae" or start.startswith(MAGIC)


def pack(header: Header, payload: bytes) -> bytes:
    """A whole file."""
    version = VERSION_OF_MAPS if header.map else VERSION
    rest = (mapcode.encode(header.map) if header.map else b"") + payload
    model = bytes.fromhex(header.model)
    fields = _FIELDS.pack(MAGIC, version, model, header.width, header.height, header.level, len(rest))
    return fields + _CHECKSUM.pack(zlib.crc32(rest, zlib.crc32(fields))) + rest


def unpack(data: bytes) -> tuple[Header, bytes]:
    """A file -> (header, payload); InputError, before anything is decoded, unless every bit is as it was written."""
    if not data:
        raise InputError("This .mae file is empty (0 bytes); copy or download it again.")
    if data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise InputError("This is not a .mae file; encode a picture with `explorer encode` to make one.")
    if len(data) < HEADER_BYTES:
        raise InputError(f"This .mae file is cut short after {len(data)} bytes; copy or download it again.")
    _, version, model, width, height, level, length = _FIELDS.unpack_from(data)
    rest = data[HEADER_BYTES:]
    if version not in (VERSION, VERSION_OF_MAPS):
        known = f"{VERSION} and {VERSION_OF_MAPS}"
        raise InputError(f"This .mae file has format version {version}, but this program reads {known}; update it.")
    if len(rest) != length:
        raise InputError(f"This .mae file should have {length + HEADER_BYTES} bytes, not {len(data)}; copy it again.")
    (checksum,) = _CHECKSUM.unpack_from(data, _FIELDS.size)
    if zlib.crc32(rest, zlib.crc32(data[: _FIELDS.size])) != checksum:
        raise InputError("This .mae file is damaged (its checksum does not match); copy or download it again.")
    if not 0 < width * height <= MAX_PIXELS:
        raise InputError(f"This .mae file claims {width}×{height} pixels, which is beyond the limit; encode it again.")
    if version == VERSION:
        return Header(model.hex(), width, height, level), rest
    lambda_map, size = mapcode.decode(rest, *blocks(height, width))
    header = Header(model.hex(), width, height, level, lambda_map)
    if not header.condition.map:
        raise InputError("The λ map of this file makes no difference; encode the picture again.")
    return header, rest[size:]
