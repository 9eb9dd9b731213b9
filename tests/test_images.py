"""explorer.images: every input format against known pixels, the limits, and bad input of every kind."""

import os
import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from explorer import images

RNG = np.random.default_rng(7)
RGB = RNG.integers(0, 256, (5, 7, 3), dtype=np.uint8)
GREY = RGB[..., 0]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png(width: int, height: int, depth: int = 8, colour: int = 2, rows: bytes = b"") -> bytes:
    """A PNG whose header says whatever the caller likes."""

    def chunk(tag: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def icc(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile of version 2 from its tags' data; a stand-in for printers' profiles, which are not free."""
    head = struct.pack(">I4sI4s4s4s12s4s28s", 0, b"", 0x02400000, kind, space, connection, b"", b"acsp", b"")
    head = (head + struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)).ljust(128, b"\0")
    table, body, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for tag, data in tags.items():
        table += struct.pack(">4sII", tag, at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    profile = head + table + body
    return struct.pack(">I", len(profile)) + profile[4:]


def linear_grey_profile() -> bytes:
    curve = b"curv" + struct.pack(">II", 0, 0)
    white = b"XYZ " + struct.pack(">IIII", 0, 0xF6D6, 0x10000, 0xD32D)
    return icc(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": white, b"kTRC": curve})


def red_ink_profile() -> bytes:
    """CMYK in which paper is white, K black, and every other ink the red of sRGB."""
    identity = bytes(range(256))
    matrix = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    white, black, red = bytes([255, 128, 128]), bytes([0, 128, 128]), bytes([138, 209, 198])  # Lab in 8 bits
    grid = white + black + 7 * (red + black)
    lut = b"mft1" + struct.pack(">IBBBB", 0, 4, 3, 2, 0) + matrix + 4 * identity + grid + 3 * identity
    return icc(b"prtr", b"CMYK", b"Lab ", {b"A2B0": lut})


def swapped_profile() -> bytes:
    """sRGB with red and green exchanged, so that a conversion is easy to tell."""
    return SRGB.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")


def over_white(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255
    return colour * share + 255 * (1 - share)


def animation() -> bytes:
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "blue")]
    return encode(frames[0], "GIF", save_all=True, append_images=frames[1:])


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "TGA"])
def test_lossless_files_keep_every_pixel(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"fünf.{kind.lower()}"
    path.write_bytes(encode(Image.fromarray(RGB), kind))
    for source in (path, str(path), path.read_bytes(), Image.open(path)):
        picture = images.read(source)
        np.testing.assert_array_equal(picture.pixels, RGB)
        assert picture.pixels.dtype == np.uint8 and picture.notes == () and not picture.pixels.flags.writeable
        assert picture.name == ("picture" if isinstance(source, bytes) else path.name)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "JPEG2000"])
def test_lossy_files_are_near(kind: str) -> None:
    flat = Image.new("RGB", (32, 16), (200, 100, 50))
    assert np.abs(images.read(encode(flat, kind)).pixels - np.array((200.0, 100, 50))).max() <= 4


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (RGB, RGB),
        (RGB[::-1, ::2], RGB[::-1, ::2]),
        (GREY, np.stack([GREY] * 3, -1)),
        (GREY > 99, np.stack([(GREY > 99) * np.uint8(255)] * 3, -1)),
        (np.dstack([RGB, np.full_like(GREY, 255)]), RGB),
        (np.dstack([RGB, np.zeros_like(GREY)]), np.full_like(RGB, 255)),
        (RGB[:1, :1], RGB[:1, :1]),
    ],
)
def test_arrays(array: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(images.read(array).pixels, expected)


@pytest.mark.parametrize("mode", ["1", "L", "P", "YCbCr", "HSV", "LAB", "RGBX", "CMYK"])
def test_opaque_modes_match_pillow(mode: str) -> None:
    image = Image.new("LAB", (3, 2), (138, 209, 198)) if mode == "LAB" else Image.fromarray(RGB).convert(mode)
    np.testing.assert_array_equal(images.read(image).pixels, np.array(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["LA", "PA", "RGBA", "RGBa"])
def test_alpha_is_composited_over_white(mode: str) -> None:
    image = Image.fromarray(np.dstack([RGB, GREY])).convert("RGBA")
    if mode == "PA":
        image = Image.fromarray(GREY).convert("P")
        image.putalpha(Image.fromarray(GREY))
    image = image.convert(mode)
    rgba = np.array(image.convert("RGBA"))
    picture = images.read(image)
    assert np.abs(picture.pixels - over_white(rgba[..., :3], rgba[..., 3])).max() <= 1
    assert picture.notes == ("Transparency was composited over white.",)


@pytest.mark.parametrize("transparency", [0, bytes([0, 128, 255])], ids=["one index", "alpha table"])
def test_palette_transparency(transparency: int | bytes) -> None:
    image = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8), "P")
    image.putpalette([0, 0, 0, 0, 0, 0, 9, 9, 9])
    picture = images.read(encode(image, transparency=transparency))
    middle = 127 if isinstance(transparency, bytes) else 0
    np.testing.assert_array_equal(picture.pixels[0, :, 0], [255, middle, 9])
    assert picture.notes == ("Transparency was composited over white.",)


def test_sixteen_bit_grey_is_divided_by_257_and_rounded() -> None:
    deep = np.array([[0, 128, 129, 385, 386, 33023, 65535]], dtype=np.uint16)
    expected = np.rint(deep / 257)
    netpbm = b"P5\n7 1\n65535\n" + deep.astype(">u2").tobytes()
    for data in (encode(Image.fromarray(deep)), encode(Image.fromarray(deep), "TIFF"), netpbm):
        picture = images.read(data)
        np.testing.assert_array_equal(picture.pixels[..., 1], expected)
        assert "0 to 65535," in picture.notes[0]


@pytest.mark.parametrize("white", [1, 255, 65535])
def test_float_grey_is_scaled_by_its_range(white: int) -> None:
    values = np.array([[0, 0.25, 0.5, 1]], dtype=np.float32) * white
    picture = images.read(encode(Image.fromarray(values), "TIFF"))
    np.testing.assert_array_equal(picture.pixels[0, :, 2], [0, 64, 128, 255])
    assert f"0 to {white}," in picture.notes[0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int) -> None:
    turned = [RGB, RGB[:, ::-1], RGB[::-1, ::-1], RGB[::-1]]
    turned += [side.transpose(1, 0, 2) for side in (RGB, RGB[::-1], RGB[::-1, ::-1], RGB[:, ::-1])]
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind in ("PNG", "TIFF"):
        picture = images.read(encode(Image.fromarray(RGB), kind, exif=exif))
        np.testing.assert_array_equal(picture.pixels, turned[orientation - 1])
        assert len(picture.notes) == (orientation > 1)


def test_animation_gives_its_first_frame() -> None:
    picture = images.read(animation())
    assert (picture.pixels == (255, 0, 0)).all() and "only frame 1" in picture.notes[0]


@pytest.mark.parametrize(
    ("image", "profile", "expected"),
    [
        (Image.new("RGB", (3, 2), "red"), swapped_profile(), (0, 255, 0)),
        (Image.new("RGB", (3, 2), "red").convert("RGBA"), swapped_profile(), (0, 255, 0)),
        (Image.new("RGB", (3, 2), "red").convert("P"), swapped_profile(), (0, 255, 0)),
        (Image.new("L", (3, 2), 55), linear_grey_profile(), (128, 128, 128)),
        (Image.new("LA", (3, 2), (55, 255)), linear_grey_profile(), (128, 128, 128)),
        (Image.new("CMYK", (3, 2), (255, 0, 0, 0)), red_ink_profile(), (255, 0, 0)),
        (Image.new("CMYK", (3, 2)), red_ink_profile(), (255, 255, 255)),
    ],
    ids=lambda value: getattr(value, "mode", ""),
)
def test_colour_profile_is_converted(image: Image.Image, profile: bytes, expected: tuple[int, int, int]) -> None:
    picture = images.read(encode(image, "TIFF", icc_profile=profile))
    assert (np.abs(picture.pixels - np.array(expected, dtype=float)) <= 2).all()
    assert picture.notes == ("Its colours were converted to sRGB by the embedded colour profile.",)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_srgb_profile_leaves_pixels_alone(mode: str) -> None:
    image = Image.fromarray(RGB).convert(mode)
    picture = images.read(encode(image, icc_profile=SRGB))
    np.testing.assert_array_equal(picture.pixels, np.array(image.convert("RGB")))
    assert picture.notes == ()


@pytest.mark.parametrize(("mode", "profile"), [("RGB", b"nonsense"), ("CMYK", SRGB), ("RGB", linear_grey_profile())])
def test_unfit_profile_is_ignored_and_said(mode: str, profile: bytes) -> None:
    image = Image.fromarray(RGB).convert(mode)
    picture = images.read(encode(image, "TIFF", icc_profile=profile))
    np.testing.assert_array_equal(picture.pixels, np.array(image.convert("RGB")))
    assert "was ignored" in picture.notes[0] and any("CMYK" in note for note in picture.notes) == (mode == "CMYK")


def make_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.png")
    return folder / "pipe.png"


def make_file(folder: Path, data: bytes) -> Path:
    (folder / "in.png").write_bytes(data)
    return folder / "in.png"


NAN_TIFF = encode(Image.fromarray(np.array([[0, np.nan]], dtype=np.float32)), "TIFF")
BIG = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
BAD = {
    "missing file": (lambda folder: folder / "no.png", "cannot be opened"),
    "folder": (lambda folder: folder, "is a folder"),
    "named pipe": (make_pipe, "is a folder or a device"),
    "empty path": (lambda _: "", "is a folder"),
    "NUL in path": (lambda _: "a\0b.png", "cannot be opened"),
    "content as path": (lambda _: "data:image/png;base64," + "A" * 9000, "cannot be opened"),
    "zero bytes": (lambda _: b"", "0 bytes"),
    "empty file": (lambda folder: make_file(folder, b""), "'in.png' is empty"),
    "text": (lambda folder: make_file(folder, b"hello\n"), "not a picture"),
    "svg": (lambda _: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
    "eps": (lambda _: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "not a picture"),
    "png signature": (lambda _: encode(Image.fromarray(BIG))[:8], "not a picture"),
    "cut png": (lambda _: encode(Image.fromarray(BIG))[:-3000], "cut short"),
    "cut jpeg": (lambda _: encode(Image.fromarray(BIG), "JPEG")[:-900], "cut short"),
    "cut gif": (lambda _: encode(Image.fromarray(BIG), "GIF")[:1500], "cut short"),
    "cut tiff": (lambda _: encode(Image.fromarray(BIG), "TIFF")[:4000], "cut short"),
    "cut bmp": (lambda _: encode(Image.fromarray(BIG), "BMP")[:4000], "cut short"),
    "no pixel data": (lambda _: png(9, 9), "cut short"),
    "zero width": (lambda _: png(0, 9), "not a picture"),
    "just too many pixels": (lambda _: png(10_001, 12_000), "10001x12000, which is too large"),
    "side too long": (lambda _: png(65_536, 2), "65536x2, which is too large"),
    "bomb warned of by Pillow": (lambda _: png(11_000, 11_000), "too large"),
    "bomb refused by Pillow": (lambda _: png(2**31 - 1, 2**31 - 1), "too large"),
    "NaN in a file": (lambda _: NAN_TIFF, "NaN"),
    "negative integers": (lambda _: Image.new("I", (2, 2), -5), "values outside 0 to 65535"),
    "PIL image without pixels": (lambda _: Image.new("RGB", (0, 5)), "no pixels"),
    "unconvertible mode": (lambda _: Image.new("La", (2, 2)), "unsupported"),
    "float array": (lambda _: RGB / 255, r"array \* 255"),
    "NaN array": (lambda _: np.full((4, 4, 3), np.nan), "NaN"),
    "int64 array": (lambda _: RGB.astype(np.int64), r"0 to 255 by array\.astype"),
    "object array": (lambda _: np.array([[None]]), "object"),
    "channels first": (lambda _: RGB.transpose(2, 0, 1), "transpose"),
    "one dimension": (lambda _: RGB.ravel(), "shape"),
    "array without pixels": (lambda _: RGB[:0], "no pixels"),
    "array too large": (lambda _: np.broadcast_to(np.uint8(0), (65_536, 2, 3)), "too large"),
    "None": (lambda _: None, "NoneType"),
    "tensor": (lambda _: torch.zeros(1, 3, 4, 4), "Tensor"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("row", BAD)
def test_bad_input_gives_one_sentence(row: str, tmp_path: Path) -> None:
    make, expected = BAD[row]
    with pytest.raises(images.InputError, match=expected) as caught:
        images.read(make(tmp_path))
    message = str(caught.value)
    assert message.endswith(".") and ". " not in message and "\n" not in message and ";" in message
    assert len(message) < 260 and "Error" not in message and str(tmp_path) not in message
    # Whoever prints the whole error sees nothing of Pillow's.
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


SEEDS = [encode(Image.fromarray(BIG), kind) for kind in ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "ICO")] + [animation()]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SEEDS), st.integers(0, 400), st.binary(min_size=1, max_size=6), st.integers(0, 12_000))
def test_damaged_files_are_read_or_refused(data: bytes, at: int, patch: bytes, end: int) -> None:
    damaged = (data[:at] + patch + data[at + len(patch) :])[: max(end, at)]
    try:
        picture = images.read(damaged)
    except images.InputError:
        return
    assert picture.pixels.ndim == 3 and picture.pixels.dtype == np.uint8


def test_tensor_round_trip_is_exact_for_every_level() -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(3).reshape(8, 32, 3)
    tensor = images.to_tensor(pixels)
    assert tensor.shape == (1, 3, 8, 32) and tensor.dtype == torch.float32
    assert tensor.is_contiguous(memory_format=torch.channels_last)
    assert tensor.min() == 0 and tensor.max() == 1
    for layout in (tensor, tensor.contiguous()):
        back = images.to_pixels(layout)
        np.testing.assert_array_equal(back, pixels)
        assert back.flags.c_contiguous


def test_read_only_pixels_make_a_writable_tensor_of_their_own() -> None:
    picture = images.read(RGB)
    images.to_tensor(picture.pixels).zero_()
    np.testing.assert_array_equal(picture.pixels, RGB)


@pytest.mark.parametrize(
    ("value", "level"), [(-1, 0), (2, 255), (0.5 / 255, 0), (1.5 / 255, 2), (2.5 / 255, 2), (254.4 / 255, 254)]
)
def test_to_pixels_clamps_and_rounds_half_to_even(value: float, level: int) -> None:
    assert (images.to_pixels(torch.full((1, 3, 2, 2), value)) == level).all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (15, 17), (16, 32)])
def test_pad_replicates_and_crop_undoes_it(height: int, width: int) -> None:
    x = torch.rand(1, 3, height, width).contiguous(memory_format=torch.channels_last)
    padded = images.pad(x)
    assert padded.shape[2] % 16 == padded.shape[3] % 16 == 0 and padded.shape[2] - height < 16
    assert padded.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images.crop(padded, height, width), x)
    assert torch.equal(padded[..., -1, -1], x[..., -1, -1])


def test_png_is_lossless() -> None:
    np.testing.assert_array_equal(np.array(Image.open(BytesIO(images.to_png(RGB)))), RGB)
