"""HEVC pictures: x265 and a decoder through PyAV, and the parameter sets that BPG shortens and rebuilds.

    planes (Y, Cb, Cr uint8) ──encode──> NAL units        NAL units with start codes ──decode──> planes

Each syntax is one function that a Reader or a Writer walks, so that reading and writing cannot differ. Section numbers
are of ITU-T H.265.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from explorer.codecs.base import CodecError, MissingPackage

START_CODE = b"\0\0\1"
IDR, VPS, SPS, PPS = (19, 20), 32, 33, 34  # nal_unit_type, table 7-1
FORMATS = {1: "yuv420p", 3: "yuv444p"}  # chroma_format_idc -> FFmpeg's name
SMALLEST = 32  # x265 refuses a picture with a smaller side
PRESET = "slow"  # a third less time than "placebo", which bpgenc takes, for 0.3 % more bits at equal PSNR
# One thread and no wavefronts: the same bytes on every machine, and none for entry points. No VUI timing, no comment.
STILL = {"keyint": 1, "pools": "none", "frame-threads": 1, "wpp": 0, "vui-timing-info": 0, "info": 0, "log-level": -1}


def _av() -> ModuleType:
    try:
        import av
    except ImportError:
        raise MissingPackage("BPG needs PyAV, which brings x265 and an HEVC decoder: pip install av") from None
    if "libx265" not in av.codecs_available:
        raise MissingPackage("This PyAV has no x265; its wheel has: pip install --force-reinstall --only-binary av av")
    return av


@cache
def version() -> str:
    """Versions of x265 and PyAV. x265 names its own only in a comment within a stream, so a grey picture is coded."""
    grey = [np.full((SMALLEST, SMALLEST), 128, np.uint8)] * 3
    found = re.search(rb"x265 \(build \d+\) - ([\w.+-]+)", b"".join(encode(grey, 3, qp=51, info=1)))
    return f"x265 {found[1].decode() if found else 'of unknown version'} (PyAV {_av().__version__})"


def encode(planes: Sequence[np.ndarray], chroma_format: int, **parameters: int) -> list[bytes]:
    """Code one picture, uint8 planes Y, Cb, Cr with sides of SMALLEST or more; return its NAL units.

    chroma_format: a key of FORMATS, which gives the planes' sizes. parameters: of x265, with _ for -.
    """
    av = _av()
    context = av.CodecContext.create("libx265", "w")
    context.height, context.width = planes[0].shape
    context.pix_fmt = FORMATS[chroma_format]
    context.time_base, context.framerate = Fraction(1, 25), 25
    options = ":".join(f"{name.replace('_', '-')}={value}" for name, value in (STILL | parameters).items())
    context.options = {"preset": PRESET, "tune": "ssim", "x265-params": options}
    packets = [*context.encode(_frame(av, planes, chroma_format)), *context.encode(None)]
    return re.split(b"\0?\0\0\1", b"".join(map(bytes, packets)))[1:]


def _frame(av: ModuleType, planes: Sequence[np.ndarray], chroma_format: int) -> Any:
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, FORMATS[chroma_format])
    for plane, source in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        rows[:, : plane.width] = source
        plane.update(rows)
    frame.pts = 0
    return frame


def decode(stream: bytes, chroma_format: int) -> list[np.ndarray]:
    """Decode NAL units with start codes; return the uint8 planes Y, Cb, Cr of the first picture.

    Raises CodecError where there is none or where it has another chroma format or bit depth.
    """
    av = _av()
    context = av.CodecContext.create("hevc", "r")
    context.thread_count = 1
    try:
        frames = [*context.decode(av.Packet(stream)), *context.decode(None)]
    except av.FFmpegError as error:
        raise CodecError(f"The HEVC picture in this file is broken: {error}") from error
    if not frames or frames[0].format.name != FORMATS[chroma_format]:
        raise CodecError("The HEVC picture in this file is broken, or it is not of the kind that the header says.")
    planes = frames[0].planes
    return [np.frombuffer(each, np.uint8).reshape(each.height, -1)[:, : each.width] for each in planes]


class Reader:
    """Reads HEVC syntax elements from bytes into `fields`, a dict of unsigned integers by their names."""

    def __init__(self, data: bytes) -> None:
        self.fields: dict[str, int] = {}
        self._bits = "".join(f"{byte:08b}" for byte in data)
        self._at = 0

    def u(self, size: int, name: str) -> int:
        """u(n), 7.2."""
        bits = self._bits[self._at : self._at + size]
        if len(bits) < size:
            raise CodecError("This BPG file ends within its HEVC header.")
        self._at += size
        self.fields[name] = int(bits, 2)
        return self.fields[name]

    def ue(self, name: str) -> int:
        """ue(v), 9.2: as many zeros as there are bits after the leading one of value + 1."""
        zeros = self._bits.find("1", self._at) - self._at
        if not 0 <= zeros <= 32:
            raise CodecError("This BPG file has a broken number in its HEVC header.")
        self.fields[name] = self.u(2 * zeros + 1, name) - 1
        return self.fields[name]


class Writer:
    """Writes the HEVC syntax elements of `fields` to bytes; a name that is not there is 0."""

    def __init__(self, fields: dict[str, int]) -> None:
        self.fields = fields
        self._bits = ""

    def u(self, size: int, name: str) -> int:
        """u(n), 7.2."""
        value = self.fields.get(name, 0)
        self._bits += f"{value:0{size}b}"
        return value

    def ue(self, name: str) -> int:
        """ue(v), 9.2."""
        value = self.fields.get(name, 0)
        self._bits += f"{value + 1:0{2 * (value + 1).bit_length() - 1}b}"
        return value

    def data(self) -> bytes:
        """The bytes so far, the last one filled up with zeros."""
        bits = self._bits + "0" * (-len(self._bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big")


Coder = Reader | Writer


def block_sizes(coder: Coder) -> None:
    """A run of fields that the SPS and the header of BPG share."""
    coder.ue("log2_min_luma_coding_block_size_minus3")
    coder.ue("log2_diff_max_min_luma_coding_block_size")
    coder.ue("log2_min_transform_block_size_minus2")
    coder.ue("log2_diff_max_min_transform_block_size")


def pcm(coder: Coder) -> None:
    """The fields on PCM coding, shared in the same way."""
    if coder.u(1, "pcm_enabled_flag"):
        coder.u(4, "pcm_sample_bit_depth_luma_minus1")
        coder.u(4, "pcm_sample_bit_depth_chroma_minus1")
        coder.ue("log2_min_pcm_luma_coding_block_size_minus3")
        coder.ue("log2_diff_max_min_pcm_luma_coding_block_size")
        coder.u(1, "pcm_loop_filter_disabled_flag")


def sps_extension(coder: Coder) -> None:
    """sps_extension_present_flag and sps_range_extension(), shared in the same way."""
    if coder.u(1, "sps_extension_present_flag") and coder.u(8, "sps_range_extension_flag, sps_extension_7bits") & 0x80:
        coder.u(9, "sps_range_extension")


def seq_parameter_set(coder: Coder) -> None:
    """seq_parameter_set_rbsp() of 7.3.2.2 for one sub-layer, up to its VUI: all that BPG needs lies before."""
    coder.u(8, "video_parameter_set_id, max_sub_layers_minus1, temporal_id_nesting_flag")
    coder.u(88, "profile_tier")
    coder.u(8, "general_level_idc")
    coder.ue("sps_seq_parameter_set_id")
    if coder.ue("chroma_format_idc") == 3:
        coder.u(1, "separate_colour_plane_flag")
    coder.ue("pic_width_in_luma_samples")
    coder.ue("pic_height_in_luma_samples")
    coder.u(1, "conformance_window_flag")
    coder.ue("bit_depth_luma_minus8")
    coder.ue("bit_depth_chroma_minus8")
    coder.ue("log2_max_pic_order_cnt_lsb_minus4")
    coder.u(1, "sps_sub_layer_ordering_info_present_flag")
    coder.ue("sps_max_dec_pic_buffering_minus1")
    coder.ue("sps_max_num_reorder_pics")
    coder.ue("sps_max_latency_increase_plus1")
    block_sizes(coder)
    coder.ue("max_transform_hierarchy_depth_inter")
    coder.ue("max_transform_hierarchy_depth_intra")
    coder.u(1, "scaling_list_enabled_flag")
    coder.u(1, "amp_enabled_flag")
    coder.u(1, "sample_adaptive_offset_enabled_flag")
    pcm(coder)
    coder.ue("num_short_term_ref_pic_sets")
    coder.u(1, "long_term_ref_pics_present_flag")
    coder.u(1, "sps_temporal_mvp_enabled_flag")
    coder.u(1, "strong_intra_smoothing_enabled_flag")


def video_parameter_set(coder: Coder) -> None:
    """video_parameter_set_rbsp() of 7.3.2.1 for one layer and one sub-layer, without timing."""
    coder.u(16, "id, base_layer_flags, max_layers_minus1, max_sub_layers_minus1, temporal_id_nesting_flag")
    coder.u(16, "vps_reserved_0xffff_16bits")
    coder.u(88, "profile_tier")
    coder.u(8, "general_level_idc")
    coder.u(1, "vps_sub_layer_ordering_info_present_flag")
    coder.ue("sps_max_dec_pic_buffering_minus1")
    coder.ue("sps_max_num_reorder_pics")
    coder.ue("sps_max_latency_increase_plus1")
    coder.u(6, "vps_max_layer_id")
    coder.ue("vps_num_layer_sets_minus1")
    coder.u(1, "vps_timing_info_present_flag")
    coder.u(1, "vps_extension_flag")


def read_unit(unit: bytes, syntax: Callable[[Coder], None]) -> dict[str, int]:
    """The fields of a NAL unit without start code: header of 7.3.1.2, emulation prevention of 7.4.2."""
    reader = Reader(unit[2:].replace(b"\0\0\3", b"\0\0"))
    syntax(reader)
    return reader.fields


def write_unit(kind: int, syntax: Callable[[Coder], None], fields: dict[str, int]) -> bytes:
    """The inverse of read_unit, with a start code before and rbsp_trailing_bits() after."""
    writer = Writer(fields | {"rbsp_stop_one_bit": 1})
    syntax(writer)
    writer.u(1, "rbsp_stop_one_bit")
    return START_CODE + bytes([kind << 1, 1]) + re.sub(b"\0\0(?=[\0-\3])", b"\0\0\3", writer.data())
