"""explorer.images: every kind of PNG, TIFF, HEIC, AVIF and JPEG XL against values that are known, and hostile files."""

import itertools
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from explorer import images, survey
from explorer.images.formats import register_plugins

RNG = np.random.default_rng(12)
SHADES = np.linspace(0, 1, 256)
TO_P3 = np.array([[0.82246, 0.17754, 0], [0.03319, 0.96681, 0], [0.01708, 0.0724, 0.91052]])  # linear sRGB -> P3
P3, BT2020 = 12, 9  # primaries by ITU-T H.273
SRGB_CURVE = 13


def srgb(light: np.ndarray) -> np.ndarray:
    """Linear light in [0, 1] -> levels of sRGB."""
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def light(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def chunk(tag: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))


def packed(samples: np.ndarray, depth: int, order: str = ">") -> bytes:
    """Rows of samples (R, N), each row in whole bytes."""
    if depth >= 8 and depth % 8 == 0 and depth != 24:
        return samples.astype(f"{order}u{depth // 8}").tobytes()
    bits = (samples[..., None].astype(np.uint32) >> np.arange(depth - 1, -1, -1, dtype=np.uint32)) & 1
    return np.packbits(bits.reshape(len(samples), -1).astype(np.uint8), axis=1).tobytes()


def png(values: np.ndarray, depth: int, colour: int, chunks: Sequence[tuple[bytes, bytes]] = ()) -> bytes:
    """A PNG of samples (H, W, C)."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + packed(row.reshape(1, -1), depth) for row in values)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = b"".join(chunk(*one) for one in chunks) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + body


def tiff(
    values: np.ndarray,
    depth: int,
    photometric: int,
    order: str = "<",
    planar: int = 1,
    predictor: int = 1,
    tile: tuple[int, int] | None = None,
    tags: dict[int, tuple[int, ...]] | None = None,
) -> bytes:
    """A TIFF of samples (H, W, C): strips of 5 rows or tiles (height, width); deflated where there is a predictor."""
    height, width, samples = values.shape
    planes = [values[..., i : i + 1] for i in range(samples)] if planar == 2 else [values]
    parts = []
    for plane in planes:
        rows, columns = tile or (5, width)
        for top, left in itertools.product(range(0, height, rows), range(0, width, columns)):
            part = plane[top : top + rows, left : left + columns]
            if tile:
                part = np.pad(part, ((0, rows - part.shape[0]), (0, columns - part.shape[1]), (0, 0)))
            if predictor == 2:
                part = np.concatenate([part[:, :1], np.diff(part, axis=1)], axis=1)
            data = packed(part.reshape(len(part), -1), depth, order)
            parts.append(zlib.compress(data) if predictor == 2 else data)
    starts = [8 + sum(map(len, parts[:i])) for i in range(len(parts))]
    entries = {256: (width,), 257: (height,), 258: (depth,) * samples, 259: (8 if predictor == 2 else 1,)}
    entries |= {262: (photometric,), 277: (samples,), 284: (planar,), 317: (predictor,)}
    places = (324, 325) if tile else (273, 279)
    entries |= {places[0]: tuple(starts), places[1]: tuple(map(len, parts))}
    entries |= {322: (tile[1],), 323: (tile[0],)} if tile else {278: (5,)}
    entries |= tags or {}
    body = b"".join(parts)
    body += bytes(len(body) % 2)
    at = 8 + len(body)
    directory, longer = struct.pack(order + "H", len(entries)), b""
    for tag, numbers in sorted(entries.items()):
        data = struct.pack(f"{order}{len(numbers)}I", *numbers)
        directory += struct.pack(order + "HHI", tag, 4, len(numbers))
        after = at + 2 + 12 * len(entries) + 4 + len(longer)
        directory += data if len(data) == 4 else struct.pack(order + "I", after)
        longer += data if len(data) > 4 else b""
    start = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, at)
    return start + body + directory + bytes(4) + longer


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    register_plugins()
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def gamma(exponent: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(1e5 / exponent))


def primaries(*points: float) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(1e5 * point) for point in points))


P3_PRIMARIES = primaries(0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
SRGB_PRIMARIES = primaries(0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)


@pytest.mark.parametrize("white", [1, 7, 1023, 65535])
@pytest.mark.parametrize("channels", [1, 3])
def test_netpbm_of_every_white(white: int, channels: int) -> None:
    values = RNG.integers(0, white + 1, (9, 13, channels))
    head = f"P{'6' if channels == 3 else '5'} # a comment\n13 9\n# another\n{white}\n".encode()
    data = head + values.astype(">u2" if white > 255 else "u1").tobytes()
    assert np.abs(images.read(data).pixels - 255 * values / white).max() <= 0.502
    with pytest.raises(images.InputError, match="cut short"):
        images.read(data[:-1])


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize(
    ("depth", "colour"),
    [*((depth, 0) for depth in (1, 2, 4, 8, 16)), *((depth, colour) for depth in (8, 16) for colour in (2, 4, 6))],
)
def test_png_of_every_depth_and_transparency(depth: int, colour: int, keyed: bool) -> None:
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    values = RNG.integers(0, 1 << depth, (9, 13, channels))
    values[4:6, 4:6] = values[0, 0]
    shares = values / ((1 << depth) - 1)
    alpha = shares[..., -1:] if colour in (4, 6) else np.ones((9, 13, 1))
    chunks = []
    if keyed and colour in (0, 2):
        chunks = [(b"tRNS", values[0, 0].astype(">u2").tobytes())]
        alpha = 1.0 - (values == values[0, 0]).all(axis=2, keepdims=True)
    right = 255 * (shares[..., : 3 if colour in (2, 6) else 1] * alpha + 1 - alpha)
    assert np.abs(images.read(png(values, depth, colour, chunks)).pixels - right).max() <= 0.502


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_png_palettes_of_every_depth_with_alpha(depth: int) -> None:
    values = RNG.integers(0, 1 << depth, (9, 13, 1))
    colours, alphas = RNG.integers(0, 256, (1 << depth, 3)), RNG.integers(0, 256, 1 << depth)
    chunks = [(b"PLTE", colours.astype(np.uint8).tobytes()), (b"tRNS", alphas.astype(np.uint8).tobytes())]
    share = alphas[values] / 255
    right = colours[values[..., 0]] * share + 255 * (1 - share)
    assert np.abs(images.read(png(values, depth, 3, chunks)).pixels - right).max() <= 0.502


@pytest.mark.parametrize(
    ("tag", "start"), [(b"zTXt", b"history\0\0"), (b"iTXt", b"history\0\1\0\0\0"), (b"iCCP", b"nonsense\0\0")]
)
def test_png_with_long_text_is_read(tag: bytes, start: bytes) -> None:
    values = RNG.integers(0, 256, (9, 13, 3))
    data = png(values, 8, 2, [(tag, start + zlib.compress(b"long text " * 300_000))])
    np.testing.assert_array_equal(images.read(data).pixels, values)


def test_animated_png_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "blue")]
    picture = images.read(saved(frames[0], "PNG", save_all=True, append_images=frames[1:]))
    assert (picture.pixels == (255, 0, 0)).all() and "only frame 1" in picture.notes[0]


# The shades of grey from 0 to 1 and the light that they mean; Chromium shows the same, within a level, but for the rows
# that say otherwise.
CURVES = {
    "gamma 1": ([gamma(1)], SHADES),
    "gamma 1.8": ([gamma(1.8)], SHADES**1.8),
    "gamma 2.8": ([gamma(2.8)], SHADES**2.8),
    "gamma of sRGB": ([gamma(2.2)], light(SHADES)),
    "gamma and primaries of sRGB": ([gamma(2.2), SRGB_PRIMARIES], light(SHADES)),  # Chromium: a power of 2.2
    "gamma of sRGB, P3": ([gamma(2.2), P3_PRIMARIES], SHADES**2.2),
    "sRGB before gamma": ([(b"sRGB", b"\0"), gamma(1)], light(SHADES)),
    "CICP before sRGB": ([(b"cICP", bytes([1, 8, 0, 1])), (b"sRGB", b"\0")], SHADES),
    "CICP before gamma": ([gamma(1), (b"cICP", bytes([1, 4, 0, 1]))], SHADES**2.2),
    "sRGB by CICP": ([(b"cICP", bytes([1, 13, 0, 1]))], light(SHADES)),
    "unspecified CICP": ([(b"cICP", bytes([2, 2, 0, 1]))], light(SHADES)),
    "BT.709 by CICP": ([(b"cICP", bytes([1, 1, 0, 1]))], SHADES**2.4),
    "gamma 0": ([gamma(1e9)], light(SHADES)),
}


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("name", CURVES)
def test_png_is_converted_by_what_it_says_of_its_curve(name: str, depth: int) -> None:
    chunks, right = CURVES[name]
    values = np.rint(SHADES * ((1 << depth) - 1)).astype(int).reshape(1, 256, 1)
    for colour in (0, 2):
        picture = images.read(png(values.repeat(1 + colour, axis=2), depth, colour, chunks))
        assert np.abs(picture.pixels - srgb(right)[None, :, None]).max() <= 0.55
        is_srgb = np.array_equal(right, light(SHADES))
        assert any("converted to sRGB" in note for note in picture.notes) == (not is_srgb)
    assert ("mean no colours" in "".join(picture.notes)) == (name == "gamma 0")


def p3_picture() -> tuple[Image.Image, np.ndarray]:
    """A picture in Display P3, and what it is in sRGB."""
    right = np.stack(np.meshgrid(SHADES[::16], SHADES[::16]), axis=-1)
    right = np.rint(255 * np.dstack([right, 1 - right[..., 0]])).astype(np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    return Image.fromarray(np.rint(srgb((light(right / 255) @ TO_P3.T).clip(0, 1))).astype(np.uint8)), right


def p3_profile() -> bytes:
    """Display P3 as a profile: sRGB's, with other primaries."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    adapted = {"r": (0.51512, 0.24120, -0.00105), "g": (0.29198, 0.69225, 0.04189), "b": (0.15710, 0.06657, 0.78407)}
    for (count,), name in itertools.product([struct.unpack_from(">I", profile, 128)], adapted):
        table = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(count)]
        (at,) = (at for tag, at, _ in table if tag == f"{name}XYZ".encode())
        numbers = struct.pack(">3i", *(round(65536 * value) for value in adapted[name]))
        profile = profile[: at + 8] + numbers + profile[at + 20 :]
    return profile


@pytest.mark.parametrize("kind", ["PNG cICP", "PNG cHRM", "AVIF nclx", "HEIF nclx", "TIFF 16 bits with a profile"])
def test_display_p3_is_converted_in_every_container(kind: str) -> None:
    image, right = p3_picture()
    values = np.asarray(image)
    if kind == "PNG cICP":
        data = png(values, 8, 2, [(b"cICP", bytes([P3, SRGB_CURVE, 0, 1])), (b"iCCP", b"x\0\0" + zlib.compress(b"no"))])
    elif kind == "PNG cHRM":
        data = png(values, 8, 2, [P3_PRIMARIES])
    elif kind == "AVIF nclx":
        data = saved(image, "AVIF", quality=100, subsampling="4:4:4").replace(b"nclx\0\1", b"nclx\0\x0c")
    elif kind == "HEIF nclx":
        data = saved(image, "HEIF", quality=100, chroma="444", color_primaries=P3, transfer_characteristics=SRGB_CURVE)
    else:
        profile = p3_profile()
        tags = {34675: struct.unpack(f"<{len(profile) // 4}I", profile)}
        data = tiff(values * np.uint16(257), 16, 2, tags=tags)
        # The tag is of bytes, as profiles are, and not of numbers.
        data = data.replace(
            struct.pack("<HHI", 34675, 4, len(profile) // 4), struct.pack("<HHI", 34675, 7, len(profile))
        )
    picture = images.read(data)
    # A level of P3 is several of sRGB in the dark.
    assert np.abs(picture.pixels - right.astype(float)).mean() < 2
    assert np.abs(picture.pixels - values.astype(float)).mean() > 4
    assert any("converted to sRGB" in note for note in picture.notes)


def with_jp2_profile(data: bytes, profile: bytes) -> bytes:
    """A JPEG 2000 file with a profile instead of the number of sRGB."""
    at = data.index(b"jp2h") - 4
    colour = data.index(b"colr") - 4
    (length,) = struct.unpack_from(">I", data, colour)
    box = struct.pack(">I4s", 11 + len(profile), b"colr") + b"\2\0\0" + profile
    (whole,) = struct.unpack_from(">I", data, at)
    start = data[:at] + struct.pack(">I", whole - length + len(box))
    return start + data[at + 4 : colour] + box + data[colour + length :]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF", "JPEG2000"])
def test_profile_is_used_in_every_container(kind: str) -> None:
    image, right = p3_picture()
    lossless = {"WEBP": {"lossless": True}, "JPEG": {"subsampling": 0}, "AVIF": {"subsampling": "4:4:4"}}
    options = {"quality": 100, "icc_profile": p3_profile(), "chroma": "444"} | lossless.get(kind, {})
    data = saved(image, kind, **(options if kind != "JPEG2000" else {}))
    picture = images.read(with_jp2_profile(data, p3_profile()) if kind == "JPEG2000" else data)
    assert np.abs(picture.pixels - right.astype(float)).mean() < 2
    assert picture.notes == ("Its colours were converted to sRGB by the embedded colour profile.",)


@pytest.mark.parametrize("transfer", [16, 18], ids=["PQ", "HLG"])
def test_high_dynamic_range_has_its_white_at_203_candela(transfer: int) -> None:
    white = {16: 0.5807, 18: 0.75}[transfer]  # ITU-R BT.2408
    values = np.rint(np.array([0, white - 0.1, white, 1]) * 65535).astype(int).reshape(1, 4, 1).repeat(3, axis=2)
    picture = images.read(png(values, 16, 2, [(b"cICP", bytes([BT2020, transfer, 0, 1]))]))
    black, grey, full, bright = picture.pixels[0, :, 0]
    assert black == 0 and 120 < grey < 230 and full >= 253 and bright == 255
    assert any("high dynamic range" in note for note in picture.notes)


def test_unknown_colours_are_left_alone_and_said() -> None:
    values = RNG.integers(0, 256, (4, 4, 3))
    picture = images.read(png(values, 8, 2, [(b"cICP", bytes([99, 13, 0, 1]))]))
    np.testing.assert_array_equal(picture.pixels, values)
    assert picture.notes == ("Its colours are of a space not known here (CICP 99/13) and were left as they are.",)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("photometric", [0, 1, 2])
@pytest.mark.parametrize("depth", [8, 10, 12, 14, 16, 24, 32])
def test_tiff_of_every_depth_order_and_layout(depth: int, photometric: int, order: str) -> None:
    samples = 3 if photometric == 2 else 1
    dtype = np.uint32 if depth > 16 else np.uint16 if depth > 8 else np.uint8
    values = RNG.integers(0, 1 << depth, (21, 35, samples)).astype(dtype)
    right = 255.0 * values / ((1 << depth) - 1)
    right = 255 - right if photometric == 0 else right
    predictors = (1, 2) if depth in (8, 16, 32) else (1,)
    for planar, predictor, tile in itertools.product((1, 2), predictors, (None, (16, 32))):
        picture = images.read(tiff(values, depth, photometric, order, planar, predictor, tile))
        assert np.abs(picture.pixels - right).max() <= 0.502


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("extra", [0, 1, 2])
@pytest.mark.parametrize("depth", [8, 16])
def test_tiff_alpha_multiplied_or_not(depth: int, extra: int, planar: int, order: str) -> None:
    white, dtype = (1 << depth) - 1, np.uint16 if depth == 16 else np.uint8
    colours, alpha = RNG.random((9, 13, 3)), np.rint(RNG.random((9, 13, 1)) * white) / white
    stored = np.rint((colours * alpha if extra == 1 else colours) * white)
    data = tiff(np.dstack([stored, alpha * white]).astype(dtype), depth, 2, order, planar, tags={338: (extra,)})
    right = 255 * (colours * alpha + 1 - alpha) if extra else 255 * colours
    assert np.abs(images.read(data).pixels - right).max() <= 1.5


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_palettes_cmyk_and_lab_of_16_bits(order: str) -> None:
    table = RNG.integers(0, 65536, (3, 65536))
    values = RNG.integers(0, 65536, (9, 13, 1)).astype(np.uint16)
    picture = images.read(tiff(values, 16, 3, order, tags={320: tuple(table.ravel().tolist())}))
    assert np.abs(picture.pixels - table.T[values[..., 0]] / 257).max() <= 0.502
    inks = np.zeros((2, 2, 4), dtype=np.uint16)
    inks[0, :, 0] = inks[1, 1, 3] = 65535  # cyan above, white and black below
    picture = images.read(tiff(inks, 16, 5, order))
    np.testing.assert_array_equal(picture.pixels, [[[0, 255, 255]] * 2, [[255, 255, 255], [0, 0, 0]]])
    red = np.array([[[54.29, 80.81, 69.89]]])  # of sRGB, under D50
    lab = np.rint(red * (655.35, 256, 256)).astype(np.int32).astype(np.uint16)
    assert np.abs(images.read(tiff(lab, 16, 8, order)).pixels - np.array([[[255.0, 0, 0]]])).max() <= 2
    eight = np.rint(red * (2.55, 1, 1)).astype(np.uint8)
    assert np.abs(images.read(tiff(eight, 8, 8, order)).pixels - np.array([[[255.0, 0, 0]]])).max() <= 4


def test_tiff_of_lab_under_its_own_white() -> None:
    """D65, as ImageMagick writes: there a* and b* of sRGB's red are others."""
    red = np.rint(np.array([[[53.24, 80.09, 67.20]]]) * (655.35, 256, 256)).astype(np.int32).astype(np.uint16)
    data = tiff(red, 16, 8, tags={318: (0x3127, 0x10000)})
    at = data.index(struct.pack("<HHI", 318, 4, 2))
    data = data[: at + 2] + struct.pack("<HIII", 5, 2, len(data), 0)[:10] + data[at + 12 :]
    data += struct.pack("<4I", 3127, 10_000, 3290, 10_000)
    assert np.abs(images.read(data).pixels - np.array([[[255.0, 0, 0]]])).max() <= 2


def test_tiff_whose_size_has_a_fraction_is_refused() -> None:
    data = tiff(RNG.integers(0, 256, (5, 7, 3)).astype(np.uint8), 8, 2)
    for tag, size in ((256, 7), (257, 5)):
        known = struct.pack("<HHI", tag, 4, 1)
        rational = data.replace(known + struct.pack("<I", size), struct.pack("<HHII", tag, 5, 1, len(data)))
        with pytest.raises(images.InputError, match="damaged"):
            images.read(rational + struct.pack("<II", 10 * size - 5, 10))


def test_tiff_of_numbers_with_a_sign() -> None:
    values = RNG.integers(0, 128, (9, 13, 1)).astype(np.uint8)
    picture = images.read(tiff(values, 8, 1, tags={339: (2,)}))
    np.testing.assert_array_equal(picture.pixels, values.repeat(3, axis=2))
    values[4, 4] = 200  # -56
    with pytest.raises(images.InputError, match="values outside 0 to 255"):
        images.read(tiff(values, 8, 1, tags={339: (2,)}))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("unit", [(1, 1), (2, 1), (2, 2), (4, 2)], ids=str)
def test_tiff_of_luma_and_chroma(unit: tuple[int, int], depth: int) -> None:
    """Y'CbCr by Rec. 601, the chroma of blocks: Pillow takes what is not compressed for RGB with a fourth channel."""
    (across, down), (height, width), white = unit, (10, 37), (1 << depth) - 1
    blocks = -(-height // down), -(-width // across)
    y = RNG.integers(0, white + 1, (blocks[0] * down, blocks[1] * across))
    cb, cr = RNG.integers(white // 3, white * 2 // 3, (2, *blocks))
    luma = y.reshape(blocks[0], down, blocks[1], across).swapaxes(1, 2).reshape(*blocks, -1)
    units = np.dstack([luma, cb, cr]).astype(np.uint16 if depth > 8 else np.uint8)
    tags = {256: (width,), 257: (height,), 258: (depth,) * 3, 277: (3,), 278: (5 * down,), 530: unit}
    b, r = (2 * (each.repeat(down, 0).repeat(across, 1) - (white + 1) / 2) / (white - 1) for each in (cb, cr))
    b, r = (each * (white - 1) / white for each in (b, r))
    y = y / white
    rgb = np.dstack([y + 0.701 * r, y - (0.299 * 0.701 * r + 0.114 * 0.886 * b) / 0.587, y + 0.886 * b])
    right = 255 * rgb[:height, :width].clip(0, 1)
    for order in "<>":
        data = tiff(units, depth, 6, order, tags=tags)
        assert np.abs(images.read(data).pixels - right).max() <= 0.51
    if unit != (1, 1):
        with pytest.raises(images.InputError, match="damaged"):  # the size that a file of another unit has
            images.read(tiff(units, depth, 6, tags=tags | {530: (1, 1)}) + bytes(5000))


FAXES = {"group3": 3, "group4": 4, "tiff_ccitt": 2}


@pytest.mark.parametrize("rows", [7, 100])
@pytest.mark.parametrize("kind", FAXES)
def test_tiff_that_is_compressed_as_a_fax(kind: str, rows: int) -> None:
    page = Image.fromarray(RNG.random((60, 83)) < 0.1).convert("1")
    right = np.asarray(page)[..., None].repeat(3, axis=2) * 255
    for photometric, pixels in ((1, right), (0, right)):
        data = saved(page, "TIFF", compression=kind, tiffinfo={278: rows, 262: photometric})
        np.testing.assert_array_equal(images.read(data).pixels, pixels)


@pytest.mark.parametrize("kind", FAXES)
def test_a_damaged_fax_is_read_the_same_each_time_or_refused(kind: str) -> None:
    """Never what was in memory before. Most damage is noticed: of group 3 also lines that are not there."""
    page = Image.fromarray(RNG.random((60, 83)) < 0.1).convert("1")
    data = saved(page, "TIFF", compression=kind, tiffinfo={278: 60})
    start = 8
    refused = 0
    for number in range(100):
        broken = bytearray(data)
        at = start + number * (len(data) - 300 - start) // 100
        broken[at : at + 4] = bytes(4)
        try:
            first = images.read(bytes(broken)).pixels
        except images.InputError:
            refused += 1
        else:
            np.testing.assert_array_equal(images.read(bytes(broken)).pixels, first)
    assert refused > 80


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_tiff_of_16_bits_is_turned_upright(orientation: int) -> None:
    values = RNG.integers(0, 65536, (5, 7, 3)).astype(np.uint16)
    picture = images.read(tiff(values, 16, 2, tags={274: (orientation,)}))
    turned = np.rot90(values, {1: 0, 3: 2, 6: 3}[orientation])
    assert np.abs(picture.pixels - turned / 257).max() <= 0.502


def test_unread_tiff_says_which_kind_it_is() -> None:
    values = RNG.integers(0, 65536, (5, 7, 3)).astype(np.uint16)
    for data, reason in [
        (tiff(values, 12, 6, tags={530: (1, 1)}), "colours of kind 6 in 12 bits"),
        (tiff(values, 16, 6, tags={530: (3, 1)}), "colours of kind 6 in 16 bits, 3:1"),
        (tiff(values, 16, 2, tags={259: (50002,)}), "compression 50002"),
        (tiff(values, 16, 2, tags={254: (1,)}), "raw files of cameras"),
    ]:
        with pytest.raises(images.InputError, match=reason):
            images.read(data)


def test_heic_of_10_and_12_bits_is_rounded_once() -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64, 1).repeat(3, axis=2).astype(np.uint16)
    stream = BytesIO()
    heif = pillow_heif.from_bytes("RGB;16", (64, 64), ramp.tobytes())
    heif.save(stream, quality=-1, chroma="444", matrix_coefficients=0)
    picture = images.read(stream.getvalue())
    assert np.abs(picture.pixels - ramp / 257).max() <= 0.8 and "rounded to 8 bits" in picture.notes[0]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "JXL", "HEIF"])
def test_orientation_is_applied_once_in_every_container(kind: str) -> None:
    stored = Image.new("RGB", (48, 32), "white")
    stored.paste("black", (0, 0, 24, 32))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = images.read(saved(stored, kind, exif=exif.tobytes() if kind == "JXL" else exif, quality=95))
    # The codestream of a JPEG XL and the boxes of a HEIC say how they are turned; EXIF there is a copy of history.
    if kind in ("JXL", "HEIF"):
        assert picture.pixels.shape == (32, 48, 3) and picture.pixels[:, :20].max() < 30 and picture.notes == ()
    else:
        assert picture.pixels.shape == (48, 32, 3) and picture.pixels[:20].max() < 30 and len(picture.notes) == 1


def test_jpeg_within_jpeg_xl_is_turned_as_the_jpeg_is(tmp_path: Path) -> None:
    stored = Image.new("RGB", (48, 32), "white")
    stored.paste("black", (0, 0, 24, 32))
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "a.jpg").write_bytes(saved(stored, "JPEG", exif=exif))
    register_plugins()
    with Image.open(tmp_path / "a.jpg") as jpeg:
        jpeg.save(tmp_path / "a.jxl", lossless_jpeg=True)
    assert images.read(tmp_path / "a.jxl").pixels[:20].max() < 30


@pytest.mark.parametrize("kind", ["HEIF", "JXL", "AVIF"])
def test_plugins_are_there_in_a_fresh_process(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(saved(Image.new("RGB", (16, 16), "red"), kind))
    code = f"from explorer import images; print(images.read({str(tmp_path / 'a')!r}).pixels.shape)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "(16, 16, 3)"


def test_folders_list_every_suffix_that_is_read(tmp_path: Path) -> None:
    assert {".heic", ".jxl", ".avif", ".jfif", ".jpg", ".png", ".tif"} < images.SUFFIXES
    assert not {".eps", ".pdf", ".dds", ".h5"} & images.SUFFIXES
    for suffix in sorted(images.SUFFIXES):
        (tmp_path / f"a{suffix}").touch()
    (tmp_path / "b.pdf").touch()
    told: list[str] = []
    assert len(survey.list_pictures(tmp_path, told.append)) == len(images.SUFFIXES) and "b.pdf" in told[0]


def shared_values() -> bytes:
    """EXIF data of 60,000 entries that share one block of 300 kB: Pillow alone would copy 17 GB."""
    entries = 60_000
    at = 8 + 2 + 12 * entries + 4
    fields = b"".join(struct.pack("<HHII", 1000 + i, 7, 300_000, at) for i in range(entries))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", entries) + fields + bytes(4 + 300_000)


def inflated_text() -> bytes:
    return png(np.zeros((1, 1, 1), int), 8, 0, [(b"zTXt", b"a\0\0" + zlib.compress(bytes(80_000_000)))])


def many_scans() -> bytes:
    data = saved(Image.new("L", (8000, 8000)), "JPEG", progressive=True)
    return data[:-2] + data[data.rfind(b"\xff\xda") : -2] * 300 + data[-2:]


def shared_strips() -> bytes:
    """A TIFF of 100 million samples whose strips are all the same few bytes."""
    values = np.zeros((5, 10_000, 1), np.uint16)
    data = tiff(values, 16, 1, predictor=2)
    (at,) = struct.unpack_from("<I", data, 4)
    size = len(zlib.compress(values.tobytes()))
    lists = struct.pack("<2000I", *[8] * 2000) + struct.pack("<2000I", *[size] * 2000)
    for tag, number in ((273, len(data)), (279, len(data) + 8000)):
        place = data.index(struct.pack("<HHI", tag, 4, 1), at)
        data = data[:place] + struct.pack("<HHII", tag, 4, 2000, number) + data[place + 12 :]
    height = data.index(struct.pack("<HHI", 257, 4, 1), at)
    return data[: height + 8] + struct.pack("<I", 10_000) + data[height + 12 :] + lists


HOSTILE = {
    "shared strips": shared_strips,
    "EXIF of a PNG": lambda: saved(Image.new("RGB", (8, 8)), "PNG", exif=shared_values()),
    "EXIF of a WebP": lambda: saved(Image.new("RGB", (8, 8)), "WEBP", exif=shared_values()),
    "TIFF": shared_values,
    "progressive JPEG": many_scans,
    "JPEG XL": lambda: b"\xff\x0a" + (6 | (2**30 - 1) << 3 | 1 << 33).to_bytes(8, "little") + bytes(20),
    "DDS": lambda: b"DDS " + struct.pack("<7I", 124, 0x1007, 9000, 9000, 0, 0, 0) + bytes(44) + bytes(52),
    "text of a PNG": lambda: png(
        np.zeros((1, 1, 1), int), 8, 0, [(b"zTXt", b"a\0\0" + zlib.compress(bytes(80_000_000)))]
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_before_they_cost_anything(name: str) -> None:
    data = HOSTILE[name]()
    began = time.process_time()
    with pytest.raises(images.InputError):
        images.read(data)
    assert time.process_time() - began < 1


def test_tiff_of_a_wrong_byte_order_is_refused() -> None:
    data = tiff(RNG.integers(0, 256, (5, 7, 3)).astype(np.uint8), 8, 2)
    with pytest.raises(images.InputError, match="damaged"):
        images.read(b"II\0*" + data[4:])
