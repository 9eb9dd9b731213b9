"""BPG: an HEVC intra picture by x265 in the container of BPG Specification 0.9.5 (bellard.org/bpg/bpg_spec.txt).

    encode: RGB ──> YCbCr planes ──x265──> VPS SPS PPS slice ──> BPG header, shortened SPS, PPS slice
    decode: RGB <── YCbCr planes <──HEVC── VPS SPS PPS slice <── BPG header, shortened SPS, PPS slice

BPG drops the VPS and keeps of the SPS only what a still picture needs; a decoder writes both anew. Section numbers
without a name are of that specification (3.1 syntax, 3.2 semantics); "H.265" numbers are of ITU-T H.265.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from explorer.codecs import hevc
from explorer.codecs.base import CodecError, Knob, check_size

MAGIC = b"BPG\xfb"


@dataclass(frozen=True)
class BPG:
    """BPG files of 8-bit full-range BT.601 YCbCr, as `bpgenc -b 8` writes them; pixel_format 1 is 4:2:0, 3 is 4:4:4.

    The knob is the QP of `bpgenc -q`: x265's constant QP, of which an intra picture gets three less.
    """

    name: str
    label: str
    pixel_format: int
    suffix = "bpg"
    knob = Knob("qp", "QP", 0, 51, sweep=(51, 48, 45, 42, 39, 37, 35, 33, 31, 29, 27, 25, 22, 19, 16, 12, 8, 4))

    @property
    def version(self) -> str:
        """Versions of x265 and of PyAV, which brings it."""
        return hevc.version()

    def encode(self, pixels: np.ndarray, setting: float) -> bytes:
        """Return a BPG file of (H,W,3) uint8 pixels at a QP."""
        qp = int(self.knob.check(setting))
        height, width = pixels.shape[:2]
        units = _code(_to_planes(pixels, self.pixel_format), self.pixel_format, qp)
        header = _shorten(units[hevc.SPS])
        picture = next(unit for kind, unit in units.items() if kind in hevc.IDR)
        body = _ue7(len(header)) + header + units[hevc.PPS] + hevc.START_CODE + picture
        flags = bytes([self.pixel_format << 5, 0])  # no alpha, 8 bit; BT.601, no extension, full range, one picture
        return MAGIC + flags + _ue7(width) + _ue7(height) + _ue7(len(body)) + body

    def decode(self, data: bytes) -> np.ndarray:
        """Return the (H,W,3) uint8 pixels of a BPG file, 4:2:0 or 4:4:4 whichever this codec writes.

        Raises CodecError where it is not one, is broken, or has what this codec does not write: alpha, animation,
        more than 8 bits, other colour spaces, limited range.
        """
        file = io.BytesIO(data)
        pixel_format, has_extension = _read_flags(file)
        width, height = _read_ue7(file), _read_ue7(file)
        check_size(width, height)
        length = _read_ue7(file)
        if has_extension:
            file.seek(_read_ue7(file), io.SEEK_CUR)
        rest = file.read()
        if length > len(rest):
            raise CodecError("This BPG file is cut short.")
        body = io.BytesIO(rest[: length or None])  # 0 stands for all the rest
        header = body.read(_read_ue7(body))
        stream = _expand(header, pixel_format, width, height) + hevc.START_CODE + body.read()
        return _to_rgb(hevc.decode(stream, pixel_format), width, height)


BPG444 = BPG("bpg444", "BPG 4:4:4", 3)
BPG420 = BPG("bpg420", "BPG 4:2:0", 1)


# The header (3.1) ------------------------------------------------------------------------------------------------


def _ue7(value: int) -> bytes:
    """ue7(32) of section 2: seven bits a byte, most significant first, the top bit set on all but the last."""
    septets = [value & 0x7F]
    while value := value >> 7:
        septets.append(value & 0x7F | 0x80)
    return bytes(reversed(septets))


def _read_ue7(file: io.BytesIO) -> int:
    value = 0
    for _ in range(5):  # five septets hold 32 bits
        byte = file.read(1)
        if not byte:
            raise CodecError("This BPG file ends within its header.")
        value = value << 7 | byte[0] & 0x7F
        if byte[0] < 0x80:
            return value
    raise CodecError("This BPG file has a broken number in its header.")


def _read_flags(file: io.BytesIO) -> tuple[int, bool]:
    """Read all that comes before picture_width; return pixel_format and extension_present_flag."""
    head = file.read(6)
    if len(head) < 6 or head[:4] != MAGIC:
        raise CodecError("This is not a BPG file.")
    pixel_format, others, extension = head[4] >> 5, (head[4] & 0x1F, head[5] & 0xF7), head[5] & 0x08
    if pixel_format not in hevc.FORMATS or others != (0, 0):
        raise CodecError("Only BPG files of one 8-bit full-range BT.601 picture in 4:2:0 or 4:4:4 can be read here.")
    return pixel_format, bool(extension)


# The picture in it ------------------------------------------------------------------------------------------------


def _code(planes: Sequence[np.ndarray], pixel_format: int, qp: int) -> dict[int, bytes]:
    """Code planes of any size with x265; return the NAL units by their types.

    A decoder takes it that the coded picture is the least multiple of the smallest coding block (3.2), so the right
    and bottom samples are repeated up to that. A picture that is too small for x265 gets one large block.
    """
    small = min(planes[0].shape) <= hevc.SMALLEST - 8
    block = hevc.SMALLEST if small else 8
    steps = (block, block // 2, block // 2) if pixel_format == 1 else (block,) * 3
    padded = [
        np.pad(plane, [(0, -side % step) for side in plane.shape], mode="edge")
        for plane, step in zip(planes, steps, strict=True)
    ]
    sizes = {"ctu": block, "min_cu_size": block} if small else {}
    return {unit[0] >> 1: unit for unit in hevc.encode(padded, pixel_format, qp=qp, **sizes)}


def hevc_header(coder: hevc.Coder) -> None:
    """hevc_header() of 3.1, without its length and trailing bits."""
    hevc.block_sizes(coder)
    coder.ue("max_transform_hierarchy_depth_intra")
    coder.u(1, "sample_adaptive_offset_enabled_flag")
    hevc.pcm(coder)
    coder.u(1, "strong_intra_smoothing_enabled_flag")
    hevc.sps_extension(coder)


# What 3.2 has a decoder assume, and the profile of 3.3. The rest of the fields are 0; those that pack several values
# go by the names that hevc.py gives them.
ASSUMED = {
    "id, base_layer_flags, max_layers_minus1, max_sub_layers_minus1, temporal_id_nesting_flag": 0b0000_11_000000_000_1,
    "vps_reserved_0xffff_16bits": 0xFFFF,
    "video_parameter_set_id, max_sub_layers_minus1, temporal_id_nesting_flag": 0b0000_000_1,
    "profile_tier": 4 << 80 | 1 << (48 + 31 - 4),  # general_profile_idc 4, format range extensions, and its own flag
    "general_level_idc": 255,  # level 8.5
    "log2_max_pic_order_cnt_lsb_minus4": 4,
    "amp_enabled_flag": 1,
    "sps_temporal_mvp_enabled_flag": 1,
}


def _shorten(sps: bytes) -> bytes:
    """The NAL unit of an SPS -> hevc_header(). x265 codes an 8-bit picture without an SPS extension, so 0 is right."""
    writer = hevc.Writer(hevc.read_unit(sps, hevc.seq_parameter_set))
    hevc_header(writer)
    return writer.data()


def _expand(header: bytes, pixel_format: int, width: int, height: int) -> bytes:
    """hevc_header() -> the VPS and SPS that it stands for, as NAL units with start codes."""
    reader = hevc.Reader(header)
    hevc_header(reader)
    kept = reader.fields
    block = 8 << min(kept["log2_min_luma_coding_block_size_minus3"], 3)
    sizes = {
        "chroma_format_idc": pixel_format,
        "pic_width_in_luma_samples": width + -width % block,
        "pic_height_in_luma_samples": height + -height % block,
        "max_transform_hierarchy_depth_inter": kept["max_transform_hierarchy_depth_intra"],
    }
    fields = ASSUMED | kept | sizes
    vps = hevc.write_unit(hevc.VPS, hevc.video_parameter_set, fields)
    return vps + hevc.write_unit(hevc.SPS, _whole_sps, fields)


def _whole_sps(coder: hevc.Coder) -> None:
    hevc.seq_parameter_set(coder)
    coder.u(1, "vui_parameters_present_flag")
    hevc.sps_extension(coder)


# Colour: full-range BT.601, computed in float, rounded once -------------------------------------------------------


def _to_planes(pixels: np.ndarray, pixel_format: int) -> list[np.ndarray]:
    """(H,W,3) uint8 RGB -> Y (H,W), Cb, Cr uint8; for 4:2:0 these have ceil(H/2), ceil(W/2), sited as in JPEG."""
    red, green, blue = (pixels[..., channel].astype(np.float32) for channel in range(3))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    chroma = [(blue - luma) / 1.772 + 128, (red - luma) / 1.402 + 128]
    if pixel_format == 1:
        chroma = [_halve(plane) for plane in chroma]
    return [_to_bytes(plane) for plane in (luma, *chroma)]


def _to_rgb(planes: Sequence[np.ndarray], width: int, height: int) -> np.ndarray:
    """The inverse of _to_planes, from planes that may be larger; it sees 4:2:0 by their sizes."""
    luma, cb, cr = (plane.astype(np.float32) for plane in planes)
    if cb.shape != luma.shape:
        # Samples of the padding must not bleed into the picture.
        cb, cr = (_double(plane[: (height + 1) // 2, : (width + 1) // 2]) for plane in (cb, cr))
    luma, cb, cr = (plane[:height, :width] for plane in (luma, cb, cr))
    red, blue = luma + 1.402 * (cr - 128), luma + 1.772 * (cb - 128)
    green = (luma - 0.299 * red - 0.114 * blue) / 0.587
    return _to_bytes(np.stack([red, green, blue], axis=-1))


def _to_bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _halve(plane: np.ndarray) -> np.ndarray:
    plane = np.pad(plane, [(0, side % 2) for side in plane.shape], mode="edge")
    height, width = plane.shape
    return np.asarray(Image.fromarray(plane).resize((width // 2, height // 2), Image.Resampling.LANCZOS))


def _double(plane: np.ndarray) -> np.ndarray:
    height, width = plane.shape
    return np.asarray(Image.fromarray(plane).resize((2 * width, 2 * height), Image.Resampling.LANCZOS))
