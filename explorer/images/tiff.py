"""TIFF of the kinds that Pillow does not read, or not in full depth.

libtiff, inside Pillow, inflates the strips or tiles as plain bytes: it is shown a directory in which the picture is
grey of 8 bits and as wide as its rows have bytes. What the bytes mean (depth, byte order, predictor, planes, colours)
is done here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import ImageFile
from PIL.TiffImagePlugin import TiffImageFile

from explorer.images import fax, headers, ycbcr
from explorer.images.deep import Deep, divide, in_bands, to_16_bits, to_white
from explorer.images.limits import BoundedDirectory
from explorer.images.picture import MAX_PIXELS, SMALLER, InputError, check_size, quoted

WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIPS, STRIP_BYTES, SAMPLES, ROWS_PER_STRIP, PLANAR = 273, 279, 277, 278, 284
PREDICTOR, COLOUR_MAP, TILE_WIDTH, TILE_LENGTH, TILES, TILE_BYTES = 317, 320, 322, 323, 324, 325
FAX_OPTIONS, WHITE_POINT, LUMINANCE, SUBSAMPLING, BLACK_AND_WHITE = 292, 318, 529, 530, 532
SUBFILE, ORIENTATION, INK_SET, EXTRA_SAMPLES, SAMPLE_FORMAT, ICC_PROFILE = 254, 274, 332, 338, 339, 34675

# Compressions whose output is the bytes of the samples: none, LZW, deflate (two numbers), PackBits, LZMA, Zstandard.
_PLAIN = {1, 5, 8, 32946, 32773, 34925, 50000}
_JPEG = 7
# Those that Pillow may read. Others (scanners' own) libtiff decodes without a word where they are damaged, and shows
# what was in memory before; fax is read by `fax`.
_COMPRESSIONS = _PLAIN | {_JPEG}
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR, CIELAB, ICCLAB = 0, 1, 2, 3, 5, 6, 8, 9
_COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCBCR: 3, CIELAB: 3, ICCLAB: 3}
_SPACES = {RGB: "RGB", PALETTE: "RGB", CMYK: "CMYK", YCBCR: "RGB", CIELAB: "LAB", ICCLAB: "LAB"}  # others: "L"
_WHOLE = (WIDTH, LENGTH, SAMPLES, ROWS_PER_STRIP, TILE_WIDTH, TILE_LENGTH)
_MAX_BYTES = 8 * MAX_PIXELS  # RGBA of 16 bits
"""Of the samples of one picture."""


class _Unread(Exception):
    """A kind of TIFF that is not read here; the message says which."""


class _Bytes(TiffImageFile):
    """A picture whose pixels are bytes of samples: they may be more than Pillow allows for pixels."""

    def load_prepare(self) -> None:
        """As of any format; a TIFF compares its size with Pillow's limit first."""
        ImageFile.ImageFile.load_prepare(self)


@dataclass(frozen=True)
class Found:
    """A decoded picture; info: what else colours need, by Pillow's names; orientation by EXIF's numbers."""

    deep: Deep
    info: dict[str, Any]
    orientation: int
    notes: list[str]


def read(data: bytes, name: str) -> Found | None:
    """The first picture of a TIFF of a kind that is for this module; None for other kinds and other files.

    Raises InputError for kinds that nothing here reads, and anything on damaged data.
    """
    if data[:4] in (b"II\0*", b"MM*\0"):
        raise ValueError("a number of the other byte order, with which Pillow would go on")
    if data[:4] not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return None
    tags = directory(data)
    if tags.get(SUBFILE, 0) & 1:
        hint = "develop it and save the picture as TIFF or PNG"
        raise InputError(f"{quoted(name)} starts with a reduced copy, as raw files of cameras do; {hint}.")
    if not all(isinstance(tags.get(tag, 1), int) for tag in _WHOLE):
        raise ValueError("a size with a fraction")
    check_size(quoted(name), tags[WIDTH], tags[LENGTH])
    _check_parts(data, tags)
    try:
        kind = _Kind.of(tags)
    except _Unread as reason:
        if tags.get(COMPRESSION, 1) in _COMPRESSIONS and _pillow_opens(data):
            return None
        hint = "save it as a TIFF of 8 or 16 bits in RGB, or as PNG"
        raise InputError(f"{quoted(name)} is a TIFF with {reason}, which is not read here; {hint}.") from None
    if kind.is_for_pillow and _pillow_opens(data):
        return None
    if kind.size > _MAX_BYTES:
        raise InputError(f"{quoted(name)} is too large; {SMALLER}.")
    notes = ["The file holds several frames; only frame 1 is used."] if tags.next else []
    info = {"icc_profile": tags.get(ICC_PROFILE)}
    return Found(kind.decode(data, name), info, tags.get(ORIENTATION, 1), notes)


def directory(data: bytes) -> BoundedDirectory:
    """The first directory. Raises ValueError for a hostile one, and anything on damaged data."""
    # Pillow knows BigTIFF by the third byte, which is that of little-endian files.
    start = b"II+\0" + data[4:16] if 43 in data[2:4] else data[:8]
    tags = BoundedDirectory(start, prefix=data[:2])
    stream = BytesIO(data)
    stream.seek(tags.next)
    tags.load(stream)
    return tags


def _check_parts(data: bytes, tags: BoundedDirectory) -> None:
    """Raise ValueError for strips or tiles that are beyond the end of the file or shared, and for JPEG ones that are
    too small, of which libtiff would leave the rest as memory was."""
    is_tiled = TILES in tags
    starts, sizes = (tags.get(tag, ()) for tag in ((TILES, TILE_BYTES) if is_tiled else (STRIPS, STRIP_BYTES)))
    wide = tags[TILE_WIDTH] if is_tiled else tags[WIDTH]
    high = tags[TILE_LENGTH] if is_tiled else min(tags.get(ROWS_PER_STRIP, tags[LENGTH]), tags[LENGTH])
    if sum(sizes) > len(data):
        raise ValueError("parts that share their bytes: a small file for much work")
    for number, (start, size) in enumerate(zip(starts, sizes, strict=False)):
        if start + size > len(data):
            raise ValueError("cut short")
        if tags.get(COMPRESSION) == _JPEG:
            rows = high if is_tiled else min(high, tags[LENGTH] - high * (number % -(-tags[LENGTH] // high)))
            width, height = headers.jpeg_size(data[start : start + size])
            if width < wide or height < rows:
                raise ValueError("a part of another size")


def _pillow_opens(data: bytes) -> bool:
    try:
        TiffImageFile(BytesIO(data)).close()
        return True
    except Exception:
        return False


@dataclass(frozen=True)
class _Kind:
    """How the samples of a picture lie in a file and what they mean. numbers: "u", "i" or "f"."""

    tags: BoundedDirectory
    samples: int
    depth: int
    numbers: str
    photometric: int

    @classmethod
    def of(cls, tags: BoundedDirectory) -> _Kind:
        """Raises _Unread for kinds that are not for this module."""
        photometric, samples = tags.get(PHOTOMETRIC, WHITE_IS_ZERO), tags.get(SAMPLES, 1)
        depths, formats = set(tags.get(BITS, (1,))), set(tags.get(SAMPLE_FORMAT, (1,)))
        if photometric not in _COLOURS or (photometric == CMYK and tags.get(INK_SET, 1) != 1):
            raise _Unread(f"colours of kind {photometric}")
        compression = tags.get(COMPRESSION, 1)
        if compression not in _PLAIN | fax.COMPRESSIONS:
            raise _Unread(f"compression {compression}")
        depth, numbers = max(depths), {1: "u", 2: "i", 3: "f"}.get(max(formats), "?")
        if (
            len(depths) > 1
            or len(formats) > 1
            or not (
                (numbers == "u" and depth <= 24)
                or f"{numbers}{depth}" in ("u32", "i8", "i16", "i32", "f16", "f32", "f64")
            )
        ):
            named = ", ".join(map(str, sorted(depths)[:4]))
            raise _Unread(f"samples of {named} bits, format {max(formats)}")
        if not _COLOURS[photometric] <= samples <= 16:
            raise _Unread(f"{samples} samples per pixel")
        if tags.get(PREDICTOR, 1) not in (1, 2, 3):
            raise _Unread(f"predictor {tags[PREDICTOR]}")
        if compression in fax.COMPRESSIONS and (samples > 1 or depth > 1 or TILES in tags):
            raise _Unread(f"compression {compression} of tiles or of more than one bit")
        kind = cls(tags, samples, depth, numbers, photometric)
        if photometric == YCBCR:
            kind._check_units()
        return kind

    def _check_units(self) -> None:
        """Raises _Unread for Y'CbCr of other kinds than are taken apart here."""
        across, down = self._unit
        rows, height = self.tags.get(ROWS_PER_STRIP, self.tags[LENGTH]), self.tags[LENGTH]
        are_whole = rows % down == 0 or rows >= height
        if TILES in self.tags:
            are_whole = self.tags[TILE_WIDTH] % across == self.tags[TILE_LENGTH] % down == 0
        is_plain = not self.in_planes and self.tags.get(PREDICTOR, 1) == 1
        if (
            self.numbers != "u"
            or self.depth not in (8, 16)
            or self.samples != 3
            or not {across, down} <= {1, 2, 4}
            or not are_whole
            or not (is_plain or self._unit == (1, 1))
        ):
            raise _Unread(f"colours of kind {YCBCR} in {self.depth} bits, {across}:{down}")

    @property
    def is_for_pillow(self) -> bool:
        """Of 8 bits Pillow reads all but some in planes, numbers with a sign, Y'CbCr without compression, and L*a*b*,
        of which it makes an RGB up to 34 levels off."""
        is_own = self.photometric == YCBCR or _SPACES.get(self.photometric) == "LAB" or self.numbers == "i"
        is_own |= self.tags.get(COMPRESSION, 1) in fax.COMPRESSIONS
        return self.depth <= 8 and not self.in_planes and not is_own

    @property
    def _unit(self) -> tuple[int, int]:
        """Pixels to the side of what shares its chroma, across and down; 1, 1 but for Y'CbCr."""
        return tuple(self.tags.get(SUBSAMPLING, (2, 2))) if self.photometric == YCBCR else (1, 1)

    @property
    def in_planes(self) -> bool:
        """Whether each channel lies by itself, all rows of it."""
        return self.tags.get(PLANAR, 1) == 2

    @property
    def size(self) -> int:
        """Bytes of all samples."""
        return self.tags[WIDTH] * self.tags[LENGTH] * self.samples * self.depth // 8

    def decode(self, data: bytes, name: str) -> Deep:
        """Raises InputError for numbers that are no colours, and anything on damaged data."""
        if self.in_planes:
            values = np.concatenate([self._plane(data, plane, 1) for plane in range(self.samples)], axis=2)
        elif self._unit == (1, 1):
            values = self._plane(data, 0, self.samples)
        else:
            across, down = self._unit
            units = self._plane(data, 0, across * down + 2)
            values = ycbcr.spread(units, across, down, self.tags[WIDTH], self.tags[LENGTH])
        count = _COLOURS[self.photometric]
        colours, white = self._colours(values[..., :count], name)
        alpha = None
        for index, meaning in enumerate(self._extra(), start=count):
            if meaning in (1, 2):
                alpha, _ = self._scaled(values[..., index], name)
                colours = divide(colours, alpha) if meaning == 1 else colours
                break
        given = self.tags.get(WHITE_POINT)
        white_point = None if given is None else [float(part) for part in given]
        space = _SPACES.get(self.photometric, "L")
        return Deep(colours, space, alpha, white if self.depth > 8 else None, white_point)

    def _extra(self) -> tuple[int, ...]:
        """The meanings of the samples after the colours: 1 and 2 are alpha, multiplied into the colours or not."""
        missing = (2,) if self.photometric == RGB else ()  # what Pillow assumes as well
        return self.tags.get(EXTRA_SAMPLES, missing)[: self.samples - _COLOURS[self.photometric]]

    def _scaled(self, values: np.ndarray, name: str) -> tuple[np.ndarray, float]:
        """Samples -> uint16, and what is white."""
        if self.numbers == "u" and self.depth <= 24:
            return to_16_bits(values, self.depth), 2**self.depth - 1
        if self.numbers == "f":
            return to_white(values, (1, 255, 65535), name)
        return to_white(values, {8: (255,), 16: (65535,)}.get(self.depth, (65535, 2**32 - 1)), name)

    def _colours(self, values: np.ndarray, name: str) -> tuple[np.ndarray, float]:
        """Samples of the colours -> what `Deep` holds, and what was white."""
        if self.photometric == PALETTE:
            table = np.array(self.tags[COLOUR_MAP], dtype=np.uint16).reshape(3, -1)
            return table.T[values[..., 0]], 65535
        if self.photometric in (CIELAB, ICCLAB):
            wide = values.astype(np.uint16) << (16 - self.depth)
            wide[..., 0] = to_16_bits(values[..., 0], self.depth)
            if self.photometric == CIELAB:  # a* and b* have signs
                wide[..., 1:] ^= 0x8000
            return wide, 65535
        if self.photometric == YCBCR:
            shares, ends = self.tags.get(LUMINANCE, ycbcr.REC_601), self.tags.get(BLACK_AND_WHITE)
            known = None if ends is None else [float(end) for end in ends]
            return ycbcr.to_rgb(values, self.depth, [float(share) for share in shares], known), 2**self.depth - 1
        scaled, white = self._scaled(values, name)
        return (65535 - scaled if self.photometric == WHITE_IS_ZERO else scaled), white

    def _plane(self, data: bytes, plane: int, samples: int) -> np.ndarray:
        """(H, W, samples) numbers of one plane, or of all channels where they alternate."""
        unit_width, unit_height = self._unit
        width, height = -(-self.tags[WIDTH] // unit_width), -(-self.tags[LENGTH] // unit_height)
        is_tiled = TILES in self.tags
        tile_width, tile_height = width, height
        if is_tiled:
            tile_width, tile_height = self.tags[TILE_WIDTH] // unit_width, self.tags[TILE_LENGTH] // unit_height
        across, down = -(-width // tile_width), -(-height // tile_height)
        rows = min(-(-self.tags.get(ROWS_PER_STRIP, self.tags[LENGTH]) // unit_height), height)
        parts = across * down if is_tiled else -(-height // rows)
        mine = slice(plane * parts, (plane + 1) * parts)
        row = -(-tile_width * samples * self.depth // 8)
        stored = sum(self.tags[TILE_BYTES if is_tiled else STRIP_BYTES][mine])
        is_as_stored = self.photometric == YCBCR and self.tags.get(COMPRESSION, 1) == 1
        if is_as_stored and stored != down * tile_height * across * row:
            raise ValueError("of another subsampling than it says")
        as_bytes = {
            WIDTH: across * row,
            LENGTH: down * tile_height,
            BITS: 8,
            COMPRESSION: self.tags.get(COMPRESSION, 1),
        }
        as_bytes |= {PHOTOMETRIC: BLACK_IS_ZERO, FILL_ORDER: self.tags.get(FILL_ORDER, 1), SAMPLES: 1}
        if is_tiled:
            as_bytes |= {TILE_WIDTH: row, TILE_LENGTH: tile_height}
            where = {TILES: self.tags[TILES][mine], TILE_BYTES: self.tags[TILE_BYTES][mine]}
        else:
            as_bytes |= {ROWS_PER_STRIP: rows}
            where = {STRIPS: self.tags[STRIPS][mine], STRIP_BYTES: self.tags[STRIP_BYTES][mine]}
        if self.tags.get(COMPRESSION) in fax.COMPRESSIONS:
            raw = self._fax(data, as_bytes, where)
        else:
            file = _with_directory(data, {tag: (value,) for tag, value in as_bytes.items()} | where)
            with _Bytes(BytesIO(file)) as image:
                raw = np.array(image)
        raw = raw.reshape(down, tile_height, across, row)
        numbers = self._numbers(raw, tile_width, samples)
        return numbers.reshape(down * tile_height, across * tile_width, samples)[:height, :width]

    def _fax(self, data: bytes, as_bytes: dict[int, int], where: dict[int, tuple[int, ...]]) -> np.ndarray:
        """Rows of bytes, of strips that hold bits."""
        height, rows = as_bytes[LENGTH], as_bytes[ROWS_PER_STRIP]
        if as_bytes[COMPRESSION] == fax.GROUP_3:
            is_reversed = as_bytes[FILL_ORDER] == 2
            for top, start, size in zip(range(0, height, rows), where[STRIPS], where[STRIP_BYTES], strict=True):
                fax.check_lines(data[start : start + size], min(rows, height - top), is_reversed)
        as_bits = as_bytes | {WIDTH: self.tags[WIDTH], BITS: 1, FAX_OPTIONS: self.tags.get(FAX_OPTIONS, 0)}
        return fax.decode(_with_directory(data, {tag: (value,) for tag, value in as_bits.items()} | where))

    def _numbers(self, raw: np.ndarray, width: int, samples: int) -> np.ndarray:
        """Rows of tiles as bytes (down, tile height, across, row) -> their numbers (…, width, samples)."""
        order = "<" if self.tags.prefix == b"II" else ">"
        predictor = self.tags.get(PREDICTOR, 1)
        shape = (*raw.shape[:3], width, samples)
        if predictor == 3:
            sums = np.cumsum(raw.reshape(*raw.shape[:3], -1, samples), axis=3, dtype=np.uint8)
            parts = sums.reshape(*raw.shape[:3], self.depth // 8, width * samples)
            return np.ascontiguousarray(np.moveaxis(parts, 3, 4)).view(f">f{self.depth // 8}").reshape(shape)
        if self.depth in (8, 16, 32, 64):
            numbers = raw.view(f"{order}{self.numbers}{self.depth // 8}").reshape(shape)
        else:
            numbers = _unpack(raw, self.depth, width * samples).reshape(shape)
        if predictor == 2:
            whole = numbers.dtype.newbyteorder("=")
            return np.cumsum(numbers, axis=3, dtype=whole)
        return numbers


def _unpack(raw: np.ndarray, depth: int, count: int) -> np.ndarray:
    """Rows of bytes -> `count` numbers of `depth` bits (24 at most) in each, the highest bit first."""
    byte, bit = np.divmod(np.arange(count) * depth, 8)
    shift, mask = (32 - depth - bit).astype(np.uint32), np.uint32((1 << depth) - 1)

    def unpack(band: np.ndarray) -> np.ndarray:
        padded = np.concatenate([band, np.zeros((len(band), 3), np.uint8)], axis=1)
        words = np.zeros((len(band), count), dtype=np.uint32)
        for step in range(4):
            words <<= 8
            words |= padded[:, byte + step]
        words >>= shift
        words &= mask
        return words

    rows = raw.reshape(-1, raw.shape[-1])
    return in_bands(unpack, (len(rows), count), np.uint16 if depth <= 16 else np.uint32, rows)


def _with_directory(data: bytes, tags: dict[int, tuple[int, ...]]) -> bytes:
    """The same bytes, as a TIFF with another directory, in which all values have 32 bits."""
    start = len(data) + len(data) % 2
    after = start + 2 + 12 * len(tags) + 4
    entries, longer = struct.pack("<H", len(tags)), b""
    for tag in sorted(tags):
        values = struct.pack(f"<{len(tags[tag])}I", *tags[tag])
        entries += struct.pack("<HHI", tag, 4, len(tags[tag]))
        if len(values) == 4:
            entries += values
        else:
            entries += struct.pack("<I", after + len(longer))
            longer += values
    head = b"II*\0" + struct.pack("<I", start)
    return b"".join((head, data[8:], bytes(len(data) % 2), entries, bytes(4), longer))
