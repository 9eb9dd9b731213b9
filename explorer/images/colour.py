"""Any colours -> sRGB, by what the file says of them: CICP, an ICC profile, gamma and primaries; else they are sRGB.

`image.info` may hold "cicp" (two numbers of ITU-T H.273, as `formats` finds them), "icc_profile", "srgb", "gamma" and
"chromaticity" (as Pillow names them). They count in this order, which is that of the PNG specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from explorer.images import spaces
from explorer.images.deep import Deep, to_8_bits

_BY_PROFILE = "Its colours were converted to sRGB by the embedded colour profile."


def srgb(image: Image.Image, notes: list[str]) -> Image.Image:
    """Any opaque 8-bit mode -> RGB in sRGB."""
    space = _space(image.info, notes) if image.mode != "CMYK" else None
    if space is not None:
        values = np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
        return Image.fromarray(to_8_bits(space.apply(values.reshape(*values.shape[:2], -1))))
    transform = _transform(image, notes)
    if transform is not None:
        notes.append(_BY_PROFILE)
        return transform.point(image.convert(transform.input_mode))
    if image.mode == "CMYK":
        notes.append("CMYK was converted without a colour profile, so its colours are approximate.")
    return image.convert("RGB")


def deep_srgb(deep: Deep, info: Mapping[Any, Any], notes: list[str]) -> np.ndarray:
    """The colours of 16 bits -> (H, W, 3) uint16 in sRGB; by way of 8 bits for CMYK and ICC profiles of tables."""
    if deep.space == "LAB":
        notes.append("Its colours were converted to sRGB from CIE L*a*b*.")
        return spaces.lab_to_srgb(deep.values, deep.white_point)
    space = _space(info, notes) if deep.space != "CMYK" else None
    if space is not None:
        return space.apply(deep.values)
    transform = None
    if deep.space == "CMYK" or info.get("icc_profile"):
        values = to_8_bits(deep.values)
        image = Image.fromarray(values[..., 0] if deep.space == "L" else values, deep.space)
        image.info["icc_profile"] = info.get("icc_profile")
        if deep.space == "CMYK":
            return np.asarray(srgb(image, notes)) * np.uint16(257)
        transform = _transform(image, notes)
    if transform is None:
        return np.broadcast_to(deep.values, (*deep.values.shape[:2], 3))
    notes.append(_BY_PROFILE)
    space = spaces.from_icc(info["icc_profile"])
    if space is None:
        return np.asarray(transform.point(image.convert(transform.input_mode))) * np.uint16(257)
    return space.apply(deep.values)


def _space(info: Mapping[Any, Any], notes: list[str]) -> spaces.Space | None:
    """The space by CICP, or by gamma and primaries if nothing else is said; None where that is sRGB or left to ICC."""
    if (cicp := info.get("cicp")) is not None:
        space = spaces.from_cicp(*cicp)
        if space is None:
            numbers = "/".join(map(str, cicp))
            notes.append(f"Its colours are of a space not known here (CICP {numbers}) and were left as they are.")
            return None
        if cicp[1] in (spaces.PQ, spaces.HLG):
            how = f"white is {spaces.WHITE_NITS} cd/m², and what is brighter was clipped"
            notes.append(f"Its high dynamic range was converted to sRGB: {how}.")
        elif space.is_srgb:
            return None
        else:
            notes.append("Its colours were converted to sRGB from the colour space that the file names.")
        return space
    if info.get("icc_profile") or "srgb" in info or not {"gamma", "chromaticity"} & info.keys():
        return None
    try:
        space = spaces.from_png(info.get("gamma"), info.get("chromaticity"))
    except ValueError:
        notes.append("The gamma or the primaries that the file states mean no colours, and were ignored.")
        return None
    if space is not None:
        notes.append("Its colours were converted to sRGB by the gamma and the primaries that the file states.")
    return space


def _transform(image: Image.Image, notes: list[str]) -> ImageCms.ImageCmsTransform | None:
    """The transform from the embedded profile; None where there is none, it is unfit, or it describes sRGB itself."""
    if not image.info.get("icc_profile"):
        return None
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(image.info["icc_profile"]))
        mode = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}[profile.profile.xcolor_space]
        if (mode == "CMYK") != (image.mode == "CMYK") or (mode == "L" and image.mode not in ("1", "L")):
            raise ValueError("a profile for another kind of picture")
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (OSError, KeyError, ValueError, ImageCms.PyCMSError):
        notes.append("Its colour profile does not fit or is damaged, and was ignored.")
        return None
    return None if mode != "CMYK" and _keeps_colours(transform, mode) else transform


def _keeps_colours(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a transform moves a chart by 2 levels at most: sRGB goes by many names, so judge it by what it does."""
    ramp = Image.linear_gradient("L")
    chart = Image.merge("RGB", (ramp, ramp.rotate(90), Image.radial_gradient("L"))).convert(mode)
    moved = np.subtract(np.asarray(transform.point(chart)), np.asarray(chart.convert("RGB")), dtype=np.int16)
    return bool(np.abs(moved).max() <= 2)
