"""What headers of files say and Pillow's plugins keep to themselves: CICP, ICC of JPEG 2000, size of a JPEG XL."""

from __future__ import annotations

import struct
from collections.abc import Iterator


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """The boxes in data[start:end]: kind, start and end of the content. Ends where a length does not fit.

    The form of ISO base media files (AVIF, HEIC), of JPEG 2000 and of JPEG XL."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, start)
        content = start + 8
        if length == 1 and start + 16 <= end:
            (length,) = struct.unpack_from(">Q", data, content)
            content += 8
        stop = end if length == 0 else start + length
        if not content <= stop <= end:
            return
        yield kind, content, stop
        start = stop


def find(data: bytes, *path: bytes) -> bytes:
    """The content of the first box at a path of kinds, or b""; four bytes precede the boxes in `meta`."""
    for kind in path:
        content = next((data[start:end] for found, start, end in boxes(data) if found == kind), b"")
        data = content[4:] if kind == b"meta" else content
    return data


def nclx(data: bytes) -> tuple[int, int] | None:
    """Colour primaries and transfer function by the numbers of ITU-T H.273 of an AVIF's or HEIC's primary picture."""
    meta = find(data, b"meta")
    properties = [(kind, meta_part) for kind, meta_part in _contents(find(meta, b"iprp", b"ipco"))]
    own = _primary_properties(find(meta, b"pitm"), find(meta, b"iprp", b"ipma"))
    # The tiles of a grid may have what the grid itself lacks.
    for index in [*own, *range(1, len(properties) + 1)]:
        kind, content = properties[index - 1] if 0 < index <= len(properties) else (b"", b"")
        if kind == b"colr" and content[:4] == b"nclx" and len(content) >= 8:
            primaries, transfer = struct.unpack_from(">HH", content, 4)
            return primaries, transfer
    return None


def _contents(data: bytes) -> list[tuple[bytes, bytes]]:
    return [(kind, data[start:end]) for kind, start, end in boxes(data)]


def _primary_properties(pitm: bytes, ipma: bytes) -> list[int]:
    """The numbers, from 1, of the properties that belong to the primary item."""
    try:
        (primary,) = struct.unpack_from(">I" if pitm[0] else ">H", pitm, 4)
        version, wide = ipma[0], ipma[3] & 1
        (entries,) = struct.unpack_from(">I", ipma, 4)
        at = 8
        for _ in range(entries):
            (item,) = struct.unpack_from(">I" if version else ">H", ipma, at)
            at += 4 if version else 2
            count, at = ipma[at], at + 1
            numbers = struct.unpack_from(f">{count}{'H' if wide else 'B'}", ipma, at)
            at += count << wide
            if item == primary:
                return [number & (0x7FFF if wide else 0x7F) for number in numbers]
    except (IndexError, struct.error):
        pass  # damaged: its decoder will say so
    return []


def depth(data: bytes) -> int | None:
    """Bits of each channel of an AVIF or a JPEG 2000, of which Pillow keeps 8 at most; None for other formats."""
    if av1c := find(data, b"meta", b"iprp", b"ipco", b"av1C")[:4]:
        return 8 + 2 * bool(av1c[-2] & 0x40) + 2 * bool(av1c[-2] & 0x20)
    if ihdr := find(data, b"jp2h", b"ihdr")[:11]:
        return (ihdr[-1] & 0x7F) + 1
    return (data[42] & 0x7F) + 1 if data[:4] == b"\xff\x4f\xff\x51" and len(data) > 42 else None


def jp2_profile(data: bytes) -> bytes | None:
    """The ICC profile of a JPEG 2000 file."""
    for kind, content in _contents(find(data, b"jp2h")):
        if kind == b"colr" and content[:1] in (b"\2", b"\3"):  # restricted and any profile
            return content[3:]
    return None


def jxl_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG XL declares, before it is turned upright; None if data is none."""
    codestream = data[:32]
    if data[4:8] == b"JXL ":
        parts = ((kind, data[start : min(end, start + 36)]) for kind, start, end in boxes(data))
        codestream = next((part[4 * (kind == b"jxlp") :] for kind, part in parts if kind in (b"jxlc", b"jxlp")), b"")
    if codestream[:2] != b"\xff\x0a":
        return None
    bits = int.from_bytes(codestream[2:], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    small = take(1)

    def side() -> int:
        return 8 * (take(5) + 1) if small else take((9, 13, 18, 30)[take(2)]) + 1

    height = side()
    ratio = take(3)
    if ratio == 0:
        return side(), height
    over, under = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio - 1]
    return height * over // under, height


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height of a JPEG. Raises ValueError where there are none."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        if 0xC0 <= data[at + 1] <= 0xCF and data[at + 1] not in (0xC4, 0xC8, 0xCC):  # tables and extensions
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    raise ValueError("no frame")


def png_cicp(data: bytes) -> tuple[int, int] | None:
    """Colour primaries and transfer function by the numbers of ITU-T H.273 of a PNG's cICP chunk."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"cICP" and length == 4:
            return data[at + 8], data[at + 9]
        if kind == b"IDAT":
            break
        at += 12 + length
    return None
