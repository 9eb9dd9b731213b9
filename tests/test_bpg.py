"""BPG files against the specification: a parser of its own, a file by bpgenc, and bpgenc and bpgdec where present."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer.codecs import CodecError, MissingPackage, bpg, hevc

if not os.environ.get("CI"):
    try:
        hevc.version()
    except MissingPackage as missing:
        pytest.skip(str(missing), allow_module_level=True)

BOTH = pytest.mark.parametrize("codec", [bpg.BPG444, bpg.BPG420], ids=lambda codec: codec.name)
SIZES = [(1, 1), (1, 2), (5, 3), (24, 200), (25, 25), (31, 33), (64, 48), (130, 97)]

# 32x32 black pixels by bpgenc, 4:2:0: the probe with which web pages test for BPG support.
BY_BPGENC = base64.b64decode("QlBH+yAAICAAA5JHQEQBwXGBEgAAASYBr+DlCr/7ppY=")


def picture(height: int, width: int) -> np.ndarray:
    """Slow waves of colour, so that halving the chroma loses little."""
    y, x = np.mgrid[:height, :width] / 40
    waves = np.stack([np.sin(x + y), np.cos(x - y / 2), np.sin(y - x / 3 + 1)], axis=-1)
    return np.rint(128 + 90 * waves).astype(np.uint8)


# A strict parser, written from the text of the specification alone ------------------------------------------------


class Bits:
    def __init__(self, data: bytes) -> None:
        self.value, self.left = int.from_bytes(data, "big"), 8 * len(data)

    def u(self, n: int) -> int:
        assert n <= self.left, "read past the end"
        self.left -= n
        return self.value >> self.left & (1 << n) - 1

    def ue(self) -> int:
        zeros = 0
        while self.u(1) == 0:
            zeros += 1
        return (1 << zeros) - 1 + self.u(zeros)

    def ue7(self) -> int:
        value, first = 0, self.u(8)
        assert first != 0x80, "not the shortest code"
        while True:
            value = value << 7 | first & 0x7F
            if first < 0x80:
                return value
            first = self.u(8)


def parse(data: bytes) -> tuple[int, int, int, list[tuple[int, bytes]]]:
    """Check every field of 3.1; return width, height, pixel_format and the NAL units with their types."""
    file = Bits(data)
    assert file.u(32) == 0x425047FB
    pixel_format, alpha1, depth = file.u(3), file.u(1), file.u(4)
    color_space, extension, alpha2, limited, animation = file.u(4), file.u(1), file.u(1), file.u(1), file.u(1)
    assert (alpha1, depth, color_space, extension, alpha2, limited, animation) == (0,) * 7
    width, height, length = file.ue7(), file.ue7(), file.ue7()
    assert width > 0 and height > 0 and length in (0, file.left // 8)
    header_length = file.ue7()
    end = file.left - 8 * header_length
    block = 8 << file.ue()
    assert block << file.ue() in (16, 32, 64)
    assert 4 << file.ue() << file.ue() <= 32
    assert file.ue() <= 4  # max_transform_hierarchy_depth_intra
    file.u(1)  # sample_adaptive_offset_enabled_flag
    assert file.u(1) == 0  # pcm_enabled_flag
    file.u(1)  # strong_intra_smoothing_enabled_flag
    assert file.u(1) == 0  # sps_extension_present_flag
    assert 0 <= file.left - end < 8 and file.u(file.left - end) == 0  # trailing_bits
    units = data[-file.left // 8 :].replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    assert all(unit[0] & 0x81 == 0 and unit[1] == 1 for unit in units)  # forbidden_zero_bit, nuh_layer_id, temporal id
    return width, height, pixel_format, [(unit[0] >> 1, unit) for unit in units]


@BOTH
@pytest.mark.parametrize("qp", [0, 22, 51])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_file_keeps_to_the_syntax(codec: bpg.BPG, height: int, width: int, qp: int) -> None:
    data = codec.encode(picture(height, width), qp)
    assert parse(data)[:3] == (width, height, codec.pixel_format)
    pps, idr = parse(data)[3]  # no VPS, no SPS, no SEI
    assert pps[0] == 34 and idr[0] in (19, 20)


def test_the_parser_takes_a_file_of_bpgenc() -> None:
    assert parse(BY_BPGENC)[:3] == (32, 32, 1)
    assert [kind for kind, _ in parse(BY_BPGENC)[3]] == [34, 19]


@BOTH
def test_a_file_of_bpgenc_is_decoded(codec: bpg.BPG) -> None:
    assert np.array_equal(codec.decode(BY_BPGENC), np.zeros((32, 32, 3), np.uint8))


@BOTH
@pytest.mark.parametrize(("height", "width"), [(64, 48), (128, 96)])
def test_the_rebuilt_parameter_sets_decode_as_those_of_x265_do(codec: bpg.BPG, height: int, width: int) -> None:
    planes = bpg._to_planes(picture(height, width), codec.pixel_format)
    whole = b"".join(hevc.START_CODE + unit for unit in hevc.encode(planes, codec.pixel_format, qp=30))
    expected = bpg._to_rgb(hevc.decode(whole, codec.pixel_format), width, height)
    assert np.array_equal(codec.decode(codec.encode(picture(height, width), 30)), expected)


@BOTH
def test_both_codecs_read_either_kind(codec: bpg.BPG) -> None:
    for other in (bpg.BPG444, bpg.BPG420):
        data = other.encode(picture(40, 30), 20)
        assert np.array_equal(codec.decode(data), other.decode(data))


@BOTH
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_colour_conversion_alone_is_nearly_lossless(codec: bpg.BPG, height: int, width: int) -> None:
    pixels = picture(height, width)
    planes = bpg._to_planes(pixels, codec.pixel_format)
    half = codec.pixel_format == 1
    assert planes[1].shape == ((height + 1) // 2, (width + 1) // 2) if half else (height, width)
    error = np.abs(bpg._to_rgb(planes, width, height).astype(int) - pixels)
    assert error.max() <= (6 if half else 2)


def test_known_colours_convert_as_jfif_says() -> None:
    colours = np.array([[[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    luma, cb, cr = bpg._to_planes(colours, 3)
    assert luma.tolist() == [[255, 0, 76, 150, 29]]
    assert cb.tolist() == [[128, 128, 85, 44, 255]]
    assert cr.tolist() == [[128, 128, 255, 21, 107]]


@pytest.mark.parametrize(("value", "code"), [(8, "08"), (542, "841e"), (728855, "acbe17"), (0, "00"), (127, "7f")])
def test_ue7_codes_the_examples_of_the_specification(value: int, code: str) -> None:
    assert bpg._ue7(value).hex() == code


def test_metadata_is_passed_over() -> None:
    data = bpg.BPG444.encode(picture(40, 30), 20)
    body = data[6:]
    lengths = 2 + len(bpg._ue7(len(body)))  # picture_width and picture_height take one byte each
    tagged = data[:5] + b"\x08" + body[:lengths] + bpg._ue7(6) + b"\x01\x04abcd" + body[lengths:]
    assert np.array_equal(bpg.BPG444.decode(tagged), bpg.BPG444.decode(data))


@pytest.mark.parametrize(("at", "bits"), [(4, 0x10), (4, 0x02), (5, 0x10), (5, 0x04), (5, 0x02), (5, 0x01)])
def test_what_this_codec_does_not_write_is_refused(at: int, bits: int) -> None:
    """Alpha, ten bits, RGB, premultiplied alpha, limited range, animation."""
    data = bytearray(bpg.BPG444.encode(picture(40, 30), 20))
    data[at] |= bits
    with pytest.raises(CodecError, match="8-bit full-range"):
        bpg.BPG444.decode(bytes(data))


# The reference programs, where they are installed -----------------------------------------------------------------


@BOTH
@pytest.mark.skipif(not shutil.which("bpgdec"), reason="bpgdec is not on PATH")
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_bpgdec_reads_our_files(codec: bpg.BPG, tmp_path: Path, height: int, width: int) -> None:
    data = codec.encode(picture(height, width), 20)
    (tmp_path / "ours.bpg").write_bytes(data)
    subprocess.run(["bpgdec", "-o", tmp_path / "theirs.png", tmp_path / "ours.bpg"], check=True)
    theirs = np.asarray(Image.open(tmp_path / "theirs.png").convert("RGB"))
    # bpgdec doubles the chroma by another filter and rounds twice.
    assert np.abs(theirs.astype(int) - codec.decode(data)).max() <= (8 if codec.pixel_format == 1 else 2)


@BOTH
@pytest.mark.skipif(not shutil.which("bpgenc"), reason="bpgenc is not on PATH")
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_we_read_the_files_of_bpgenc(codec: bpg.BPG, tmp_path: Path, height: int, width: int) -> None:
    pixels = picture(height, width)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    chroma = "420" if codec.pixel_format == 1 else "444"
    command = ["bpgenc", "-f", chroma, "-b", "8", "-q", "10", "-o", tmp_path / "theirs.bpg", tmp_path / "picture.png"]
    subprocess.run(command, check=True)
    decoded = codec.decode((tmp_path / "theirs.bpg").read_bytes())
    assert decoded.shape == pixels.shape and np.abs(decoded.astype(int) - pixels).mean() < 4
