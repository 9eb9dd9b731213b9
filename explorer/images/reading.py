"""File, bytes, PIL image or array -> Picture: decoding, sRGB, no transparency, upright, 8 bits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageOps

from explorer.images import tiff
from explorer.images.colour import deep_srgb, srgb
from explorer.images.deep import Deep, from_grey, in_bands, read_heif, read_png, read_pnm, to_8_bits
from explorer.images.formats import load_bytes, open_image
from explorer.images.picture import InputError, Picture, check_size, quoted

OVER_WHITE = "Transparency was composited over white."
_TURNED = "It was turned upright as its EXIF orientation says."


def read(source: str | Path | bytes | Image.Image | np.ndarray, name: str = "") -> Picture:
    """Read one picture from a path, a file's bytes, a PIL image or a uint8 or bool array (H, W), (H, W, 3), (H, W, 4).

    The formats of `SUFFIXES` are accepted, from 1x1 up to MAX_PIXELS and MAX_SIDE; the declared size is checked before
    decoding. The picture is turned upright as EXIF says, colours described by an ICC profile, by CICP or by gamma and
    primaries are converted to sRGB, transparency is composited over white, and 16 bits v become v / 257, rounded.
    `name`: what to call a picture that does not know it itself, such as a file's bytes.
    Raises InputError for anything else, whatever goes wrong inside Pillow.
    """
    if isinstance(source, np.ndarray):
        source = _from_array(source)
    if isinstance(source, Image.Image):
        return _picture(source, name or Path(getattr(source, "filename", "")).name or "picture")
    name = name or (Path(source).name if isinstance(source, (str, Path)) else "picture")
    return _picture(load_bytes(source), name)


def _from_array(array: np.ndarray) -> Image.Image:
    if array.dtype == bool:
        array = array * np.uint8(255)
    if array.dtype != np.uint8:
        is_float = array.dtype.kind == "f"
        found = "NaN among its " if is_float and np.isnan(array).any() else ""
        how = "finite values in [0, 1] by (array * 255).round()" if is_float else "values in 0 to 255 by array"
        hint = f"convert {how}.astype('uint8')"
        raise InputError(f"The array has {found}{array.dtype} values, but a picture needs uint8; {hint}.")
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        hint = "give (H, W), (H, W, 3) or (H, W, 4), by array.transpose(1, 2, 0) if its channels come first"
        raise InputError(f"An array of shape {array.shape} is not a picture; {hint}.")
    check_size("The array", array.shape[1], array.shape[0])
    return Image.fromarray(np.ascontiguousarray(array))


def _picture(source: Image.Image | bytes, name: str) -> Picture:
    notes: list[str] = []
    try:
        if isinstance(source, Image.Image):
            upright = _decode(source, None, name, notes)
        elif (found := tiff.read(source, name)) is not None:
            notes += found.notes
            upright = _turn(_finish(found.deep, found.info, notes), found.orientation, notes)
        else:
            with open_image(source, name) as image:
                deep = read_pnm(source, image.size) if image.format == "PPM" else None
                upright = _decode(image, source, name, notes) if deep is None else _finish(deep, {}, notes)
        pixels = np.array(upright)
    except InputError:
        raise
    except Exception:  # Decoders leak struct.error, SyntaxError, EOFError and more on damaged data.
        hint = "download it again or export it as PNG or JPEG"
        raise InputError(f"{quoted(name)} is cut short, damaged or of an unsupported kind; {hint}.") from None
    pixels.setflags(write=False)
    return Picture(pixels, name, tuple(notes))


def _decode(image: Image.Image, data: bytes | None, name: str, notes: list[str]) -> Image.Image:
    """Pillow's image -> RGB, sRGB, opaque, upright. data: of its file, if it is known."""
    check_size(quoted(name), *image.size)
    if getattr(image, "is_animated", False):
        notes.append(f"The file holds several frames; only frame {image.tell() + 1} is used.")
    # Pillow cuts these by itself; the raw mode says so, but only until the picture is loaded.
    depth = 16 if re.search(";16[BLN]|SGI16", str(getattr(image, "tile", ""))) else image.info.get("depth", 8)
    declared = image.getexif().get(ExifTags.Base.Orientation)
    _load(image)
    check_size(quoted(name), *image.size)  # The picture inside an icon may be larger than the icon's header says.
    # Pillow turns a TIFF by itself while it loads it, and then forgets its orientation.
    orientation = image.getexif().get(ExifTags.Base.Orientation)
    if declared != orientation:
        notes.append(_TURNED)
    deep = _deep(image, data, name)
    if deep is not None:
        return _turn(_finish(deep, image.info, notes), orientation, notes)
    if depth > 8:
        notes.append(f"Its {depth}-bit channels were cut to their upper 8 bits.")
    return _turn(_opaque(image, notes), orientation, notes)


def _load(image: Image.Image) -> None:
    """Decode. Raises ValueError for a HEIC that has other pixels than its header, which was checked, had said."""
    declared = image.size
    image.load()
    if image.format == "HEIF" and image.size != declared:
        raise ValueError("not of the size that its header says")


def _deep(image: Image.Image, data: bytes | None, name: str) -> Deep | None:
    """The samples of more than 8 bits; None where there are none or Pillow has rounded them."""
    if image.mode[0] in "IF":
        return from_grey(image, name)
    if data is not None and image.format == "PNG":
        return read_png(data, image)
    if data is not None and image.format == "HEIF":
        return read_heif(data, image)
    return None


def _finish(deep: Deep, info: Mapping[Any, Any], notes: list[str]) -> Image.Image:
    """16 bits of any space -> RGB over white."""
    if deep.white is not None:
        notes.append(f"Its values, 0 to {deep.white}, were scaled and rounded to 8 bits.")
    rgb = deep_srgb(deep, info, notes)
    if deep.alpha is None or deep.alpha.min() == 65535:
        return Image.fromarray(to_8_bits(rgb))
    notes.append(OVER_WHITE)

    def mixed(band: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        missing = np.multiply(65535 - band, alpha[..., None], dtype=np.uint32)
        return 65535 - (missing + 32767) // 65535

    return Image.fromarray(to_8_bits(in_bands(mixed, rgb.shape, np.uint16, rgb, deep.alpha)))


def _opaque(image: Image.Image, notes: list[str]) -> Image.Image:
    """Any 8-bit mode -> RGB over white. Colours are converted before they are mixed with white."""
    if not image.has_transparency_data:
        return srgb(image, notes)
    rgba = image.convert("RGBA")
    rgb = srgb(rgba.convert("L" if image.mode in ("1", "L", "LA") else "RGB"), notes)
    return _over_white(rgb, rgba.getchannel("A"), notes)


def _over_white(rgb: Image.Image, alpha: Image.Image, notes: list[str]) -> Image.Image:
    if alpha.getextrema() != (255, 255):
        notes.append(OVER_WHITE)
    return Image.composite(rgb, Image.new("RGB", rgb.size, "white"), alpha)


def _turn(image: Image.Image, orientation: object, notes: list[str]) -> Image.Image:
    if orientation not in range(2, 9):
        return image
    notes.append(_TURNED)
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return ImageOps.exif_transpose(image)
