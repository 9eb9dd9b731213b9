"""Picture files in every format and mode that Pillow and its plugins write, and some that are made by hand."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from io import BytesIO
from random import Random
from typing import Any

import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401 (registers itself)
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin, UnidentifiedImageError

from explorer import images
from explorer.images import InputError

from . import mutate
from .campaign import Wrong

SIZE = 24, 17  # width, height
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "LAB", "I;16", "I;16B", "I", "F")
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LONGEST = 20_000  # bytes: Pillow's ICNS holds ten pictures of up to 1024×1024
LARGE = 12_000_000  # numbers of a picture that is not read twice
PNG = b"\x89PNG\r\n\x1a\n"
ICONS = ("ICO", "ICNS")  # hold several sizes; which one is the largest, their directories may say wrongly


# -- the corpus ------------------------------------------------------------------------------------------------------


@cache
def corpus() -> list[bytes]:
    Image.init()
    pillow_heif.register_heif_opener()
    made = [_saved(_in_mode(mode), kind) for kind in sorted(Image.SAVE) for mode in MODES]
    made += [_saved(_in_mode(mode), kind, **options) for kind, mode, options in _variants()]
    return [data for data in [*made, *_by_hand()] if 0 < len(data) < LONGEST and _is_read(data)]


def _in_mode(mode: str) -> Image.Image:
    width, height = SIZE
    deep = np.random.default_rng(0).integers(0, 65536, (height, width, 3), dtype=np.uint16)
    colour = Image.fromarray((deep >> 8).astype(np.uint8))
    if mode.startswith("I;16"):
        return Image.fromarray(deep[..., 0].astype(">u2" if mode.endswith("B") else "<u2"))
    if mode == "LAB":
        return Image.merge("LAB", colour.split())
    if mode == "RGBA":
        return Image.fromarray(np.dstack([colour, deep[..., 1] & 255]).astype(np.uint8))
    return colour.convert("P").convert("PA") if mode == "PA" else colour.convert(mode)


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = BytesIO()
    try:
        image.save(stream, kind, **options)
    except Exception:  # a format that has not this mode
        return b""
    return stream.getvalue()


def _is_read(data: bytes) -> bool:
    try:
        images.read(data)
    except InputError:
        return False
    return True


def _variants() -> list[tuple[str, str, dict[str, Any]]]:
    exif = Image.Exif()
    exif[0x0112] = 6
    several = {"save_all": True, "append_images": [_in_mode("RGB"), _in_mode("RGB").rotate(180)]}
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "x" * 3000, zip=True)
    text.add_itxt("Title", "ü", "de", "Titel", zip=True)
    text.add(b"gAMA", struct.pack(">I", 100000))
    text.add(b"cHRM", struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000))
    lossless = ("tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd", "lzma")
    bilevel = ("group3", "group4", "tiff_ccitt")
    return [
        *(("TIFF", mode, {"compression": each}) for each in lossless for mode in ("L", "RGB", "CMYK", "I;16")),
        *(("TIFF", mode, {"compression": "jpeg"}) for mode in ("L", "RGB")),  # libtiff crashes on others
        *(("TIFF", "1", {"compression": each}) for each in bilevel),
        *(("TIFF", "RGB", {"tiffinfo": TiffImagePlugin.ImageFileDirectory_v2(prefix=each)}) for each in (b"MM", b"II")),
        ("TIFF", "RGB", {"big_tiff": True}),
        ("TIFF", "RGB", {"exif": exif}),
        ("TIFF", "CMYK", {"icc_profile": SRGB}),
        *((kind, "RGB", several) for kind in ("TIFF", "GIF", "PNG", "WEBP", "AVIF", "HEIF", "MPO")),
        *(
            (kind, "RGB", {"exif": exif, "icc_profile": SRGB})
            for kind in ("PNG", "JPEG", "WEBP", "AVIF", "HEIF", "JXL")
        ),
        ("PNG", "RGB", {"pnginfo": text}),
        ("PNG", "RGB", {"transparency": (1, 2, 3)}),
        ("PNG", "L", {"transparency": 7}),
        ("PNG", "P", {"transparency": bytes(range(256))}),
        ("PNG", "P", {"bits": 4}),
        ("GIF", "P", {"transparency": 3, "interlace": True}),
        ("JPEG", "RGB", {"progressive": True, "quality": 40}),
        ("JPEG", "RGB", {"restart_marker_rows": 1, "subsampling": 2}),
        ("JPEG", "CMYK", {"icc_profile": SRGB}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("JPEG2000", "RGB", {"tile_size": (16, 16), "irreversible": True, "quality_layers": [20, 5]}),
        ("JXL", "RGB", {"lossless": True}),
        ("TGA", "RGB", {"compression": "tga_rle"}),
        ("BMP", "L", {"bitmap_format": "bmp"}),
        ("ICO", "RGBA", {"sizes": [(16, 16), (24, 17)], "bitmap_format": "bmp"}),
        *(("DDS", "RGBA", {"pixel_format": each}) for each in ("DXT1", "DXT3", "DXT5", "BC2", "BC3", "BC5")),
        ("PPM", "RGBA", {}),
    ]


def _by_hand() -> list[bytes]:
    width, height = SIZE
    grey = np.random.default_rng(1).integers(0, 256, (height, width), dtype=np.uint8)
    made = [_png(depth, colour, interlaced) for depth, colour in _PNG_KINDS for interlaced in (0, 1)]
    made += [_tiff(order, *kind) for order in "<>" for kind in _TIFF_KINDS]
    psd = b"8BPS" + struct.pack(">H6xHIIHH", 1, 1, height, width, 8, 1) + bytes(12) + bytes(2) + grey.tobytes()
    cards = ["SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    2"]
    cards += [f"NAXIS1  = {width:20d}", f"NAXIS2  = {height:20d}", "END"]
    fits = "".join(card.ljust(80) for card in cards).ljust(2880).encode() + grey.tobytes().ljust(2880, b"\0")
    rows = ",\n".join('"' + "ab" * (width // 2) + '"' for _ in range(height))
    xpm = f'/* XPM */\nstatic char *x[] = {{\n"{width} {height} 2 1",\n"a c #ff0000",\n"b c #00ff00",\n{rows}\n}};\n'
    sun = struct.pack(">8I", 0x59A66A95, width, height, 8, width * height, 1, 0, 0) + grey.tobytes()
    plain = f"P3\n{width} {height}\n255\n".encode() + b" ".join(b"%d" % v for v in np.repeat(grey, 3))
    icon = _saved(Image.new("RGBA", (32, 32), (1, 2, 3, 4)), "PNG")
    icns = b"icns" + struct.pack(">I4sI", 16 + len(icon), b"icp5", 8 + len(icon)) + icon
    return [*made, icns, psd, fits, xpm.encode(), sun, plain]


_PNG_KINDS = (
    (1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2), (1, 3), (2, 3), (4, 3), (8, 3), (8, 4), (16, 4), (8, 6),
    (16, 6),
)  # fmt: skip
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def _png(depth: int, colour: int, interlaced: int) -> bytes:
    """A PNG of noise of this bit depth and colour type."""
    width, height = SIZE
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    random, raw = Random(depth + 16 * colour), b""
    for x, y, dx, dy in passes:
        columns, rows = -(-(width - x) // dx), -(-(height - y) // dy)
        raw += b"".join(b"\0" + random.randbytes(-(-columns * samples * depth // 8)) for _ in range(rows))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))]
    if colour == 3:
        chunks += [(b"PLTE", random.randbytes(3 << depth)), (b"tRNS", random.randbytes(1 << depth))]
    elif colour in (0, 2) and depth > 4:
        chunks.append((b"tRNS", random.randbytes(2 * samples)))
    return _from_chunks([*chunks, (b"IDAT", zlib.compress(raw)), (b"IEND", b"")])


_TIFF_KINDS = tuple(
    (bits, samples, photometric, planar)
    for bits in (8, 16, 32)
    for samples, photometric in ((1, 0), (1, 1), (3, 2), (4, 2), (4, 5))
    for planar in (1, 2)
)


def _tiff(order: str, bits: int, samples: int, photometric: int, planar: int) -> bytes:
    """A TIFF of one strip, or of one for each plane."""
    width, height = SIZE
    plane = width * height * bits // 8
    strips = samples if planar == 2 else 1
    data = Random(bits * samples).randbytes(plane * samples)
    after, extra = 8 + len(data), b""
    entries = []
    for tag, kind, values in (
        (256, 3, [width]), (257, 3, [height]), (258, 3, [bits] * samples), (259, 3, [1]), (262, 3, [photometric]),
        (273, 4, [8 + i * plane * samples // strips for i in range(strips)]), (277, 3, [samples]), (278, 3, [height]),
        (279, 4, [plane * samples // strips] * strips), (284, 3, [planar]),
    ):  # fmt: skip
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            packed, extra = struct.pack(f"{order}I", after + len(extra)), extra + packed
        entries.append(struct.pack(f"{order}HHI", tag, kind, len(values)) + packed.ljust(4, b"\0"))
    directory = struct.pack(f"{order}H", len(entries)) + b"".join(entries) + bytes(4)
    start = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, after + len(extra))
    return start + data + extra + directory


# -- mutations -------------------------------------------------------------------------------------------------------


def mutated(random: Random, corpus: list[bytes]) -> bytes:
    data = random.choice(corpus)
    if random.random() < 0.1:
        return data[: random.randrange(len(data))]
    aware = next((change for start, change in _AWARE.items() if data.startswith(start)), None)
    if aware and random.random() < 0.6:
        return aware(random, data, corpus)
    return mutate.mutated(random, data, corpus)


def _png_mutated(random: Random, data: bytes, corpus: list[bytes]) -> bytes:
    """Chunks changed, dropped, doubled, moved or added, with checksums that fit."""
    chunks = _chunks(data)
    for _ in range(random.choice((1, 1, 2, 3))):
        at = random.randrange(len(chunks))
        tag, body = chunks[at]
        change = random.randrange(7)
        if change == 0:
            chunks.insert(
                random.randrange(len(chunks) + 1),
                (random.choice(_TAGS), random.randbytes(random.choice((0, 1, 4, 32)))),
            )
        elif change == 1 and len(chunks) > 1:
            chunks.pop(at)
        elif change == 2:
            chunks.insert(random.randrange(len(chunks) + 1), chunks[at])
        elif change == 3 and tag == b"IDAT":
            chunks[at] = tag, zlib.compress(mutate.mutated(random, _inflated(body)))
        elif change == 4:
            others = [chunk for other in (random.choice(corpus),) if other.startswith(PNG) for chunk in _chunks(other)]
            chunks.insert(at, random.choice(others or [(b"IDAT", b"")]))
        elif change == 5:
            bomb = zlib.compress(bytes(random.choice((10**5, 3 * 10**6))))
            chunks.insert(
                1,
                random.choice(
                    ((b"zTXt", b"k\0\0" + bomb), (b"iCCP", b"k\0\0" + bomb), (b"iTXt", b"k\0\1\0\0\0" + bomb))
                ),
            )
        else:
            chunks[at] = tag, mutate.mutated(random, body)
    return _from_chunks(chunks)


_TAGS = (
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"bKGD", b"pHYs",
    b"tIME", b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"acTL", b"fcTL", b"fdAT", b"mDCV", b"cLLI", b"XXXX", b"xxXx",
)  # fmt: skip


def _inflated(body: bytes) -> bytes:
    try:
        return zlib.decompress(body)
    except zlib.error:  # mutated before
        return body


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], len(PNG)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def _from_chunks(chunks: list[tuple[bytes, bytes]]) -> bytes:
    framed = (
        struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body)) for tag, body in chunks
    )
    return PNG + b"".join(framed)


def _tiff_mutated(random: Random, data: bytes, _: list[bytes]) -> bytes:
    """Entries of the first directory with another tag, type, number or value."""
    made, order = bytearray(data), "<" if data.startswith(b"II") else ">"
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    if data[2:4] != struct.pack(f"{order}H", 42) or start + 2 > len(data):
        return mutate.mutated(random, data)
    (number,) = struct.unpack_from(f"{order}H", data, start)
    for _ in range(random.choice((1, 1, 2, 3))):
        at = start + 2 + 12 * random.randrange(number)
        where, size = random.choice(((0, "H"), (2, "H"), (4, "I"), (8, "I"), (8, "H"), (8, "H")))
        new = random.choice((random.choice(mutate.EDGES), random.choice(_TIFF_TAGS), random.randrange(20)))
        struct.pack_into(f"{order}{size}", made, at + where, new % (1 << (16 if size == "H" else 32)))
    return bytes(made)


_TIFF_TAGS = (
    254,
    256,
    257,
    258,
    259,
    262,
    266,
    270,
    273,
    274,
    277,
    278,
    279,
    284,
    317,
    320,
    322,
    323,
    324,
    330,
    338,
    339,
    347,
    530,
    34675,
)


def _jpeg_mutated(random: Random, data: bytes, corpus: list[bytes]) -> bytes:
    """Segments before the scan changed inside, dropped, doubled or added, with lengths that fit."""
    segments, at = [], 2
    while data[at : at + 1] == b"\xff" and data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        segments.append((data[at + 1], data[at + 4 : at + 2 + length]))
        at += 2 + length
    place = random.randrange(len(segments))
    marker, body = segments[place]
    change = random.randrange(4)
    if change == 0:
        segments.pop(place)
    elif change == 1:
        segments.insert(
            random.randrange(len(segments)),
            (random.choice((marker, 0xC0, 0xC2, 0xC4, 0xDB, 0xDD, 0xE0, 0xE1, 0xE2, 0xEE)), body),
        )
    else:
        segments[place] = marker, mutate.mutated(random, body)[:65000]
    framed = (bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body for marker, body in segments)
    return data[:2] + b"".join(framed) + data[at:]


_AWARE: dict[bytes, Callable[[Random, bytes, list[bytes]], bytes]] = {
    PNG: _png_mutated, b"II": _tiff_mutated, b"MM": _tiff_mutated, b"\xff\xd8": _jpeg_mutated
}  # fmt: skip


# -- what has to hold ------------------------------------------------------------------------------------------------


def run(data: bytes) -> None:
    picture = images.read(data)
    pixels = picture.pixels
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.flags.writeable:
        raise Wrong(f"pixels of {pixels.dtype} {pixels.shape}")
    with suppress(UnidentifiedImageError), Image.open(BytesIO(data)) as image:  # some TIFF are beyond Pillow
        height, width = pixels.shape[:2]
        if image.format not in ICONS and sorted(image.size) != sorted((width, height)):
            raise Wrong(f"{width}×{height} pixels of a {image.format} that declares {image.size}")
    if pixels.size > LARGE:
        return
    again = images.read(data)
    if again.notes != picture.notes or not np.array_equal(again.pixels, pixels):
        raise Wrong("read again, the picture is another one")
    whole = next((each for each in corpus() if len(each) > len(data) and each.startswith(data)), None)
    if whole and not np.array_equal(images.read(whole).pixels, pixels):
        raise Wrong("a file that was cut short is read as if it were whole")
