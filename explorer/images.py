"""Pictures <-> tensors: every input format and its limits.

    path, bytes, PIL image, array --read--> Picture (H, W, 3) uint8 sRGB --to_tensor--> (1, 3, H, W) float in [0, 1]
                                  to_png <-- (H, W, 3) uint8 <--to_pixels-- crop <-- model <-- pad

Inside the project a picture is float in [0, 1]; outside it is 8-bit RGB. This is the only module that rounds to 8 bit.
torch is imported where it is used, so that reading pictures does not wait seconds for it.
"""

from __future__ import annotations

import re
import stat
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps

if TYPE_CHECKING:
    from torch import Tensor

MAX_PIXELS = 120_000_000  # What telephones with 108 megapixels make; 2 to 3 GB and a minute on two CPU cores.
MAX_SIDE = 65_535  # The file header holds each side in 16 bits.
_SMALLER = f"scale it down or crop it to {MAX_PIXELS // 10**6} million pixels at most, {MAX_SIDE} a side"


class InputError(ValueError):
    """Bad input; the message is one sentence that says what is wrong and the remedy."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as the rest of the project sees it.

    pixels: (H, W, 3) uint8, sRGB, read-only, upright. name: the file name, or "picture".
    notes: what was done to the picture on the way in, one sentence each; empty if its pixels are as stored.
    """

    pixels: np.ndarray
    name: str
    notes: tuple[str, ...] = ()


def read(source: str | Path | bytes | Image.Image | np.ndarray, name: str = "") -> Picture:
    """Read one picture from a path, a file's bytes, a PIL image or a uint8 or bool array (H, W), (H, W, 3), (H, W, 4).

    Everything that Pillow decodes is accepted, except EPS (a program for Ghostscript to run), from 1x1 up to MAX_PIXELS
    and MAX_SIDE; the declared size is checked before decoding. EXIF rotation is applied, embedded colour profiles are
    converted to sRGB, transparency is composited over white, and grey of 16 bits v becomes v / 257, rounded. `name`:
    what to call a picture that does not know it itself, such as a file's bytes.
    Raises InputError for anything else, whatever goes wrong inside Pillow.
    """
    if isinstance(source, np.ndarray):
        source = _from_array(source)
    if isinstance(source, Image.Image):
        return _picture(source, name or Path(getattr(source, "filename", "")).name or "picture")
    name = name or (Path(source).name if isinstance(source, (str, Path)) else "picture")
    with _open_stream(source) as stream, _open_image(stream, name) as image:
        return _picture(image, name)


def to_tensor(pixels: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) float32 in [0, 1] on the CPU, a copy in channels-last memory format."""
    import torch

    return torch.from_numpy(pixels.astype(np.float32)).div_(255).permute(2, 0, 1)[None]


def to_pixels(tensor: Tensor) -> np.ndarray:
    """(1, 3, H, W) float on any device -> (H, W, 3) uint8, contiguous: clamp to [0, 1], × 255, round half to even."""
    return to_levels(tensor.detach())[0].permute(1, 2, 0).contiguous().cpu().numpy()


def to_levels(tensor: Tensor) -> Tensor:
    """Float of any shape -> uint8 as `to_pixels` rounds."""
    return tensor.float().clamp(0, 1).mul_(255).round_().byte()


def pad(x: Tensor, multiple: int = 16) -> Tensor:
    """(B, C, H, W) -> the same with right and bottom edges replicated until both sides are multiples of `multiple`.

    In channels-last memory format; x itself where nothing is missing.
    """
    import torch
    import torch.nn.functional as F

    right, bottom = -x.shape[3] % multiple, -x.shape[2] % multiple
    if right == bottom == 0:
        return x
    return F.pad(x, (0, right, 0, bottom), mode="replicate").contiguous(memory_format=torch.channels_last)


def crop(x: Tensor, height: int, width: int) -> Tensor:
    """(B, C, H', W') -> a view of its top left (B, C, height, width): the inverse of `pad`."""
    return x[..., :height, :width]


def to_png(pixels: np.ndarray) -> bytes:
    """(H, W, 3) uint8 -> the bytes of a PNG file, at level 1: a third of the default's time, photographs no larger."""
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _open_stream(source: object) -> BinaryIO:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return BytesIO(source)
    if not isinstance(source, (str, Path)):
        hint = "give a path, a file's bytes, a PIL image or a uint8 array"
        raise InputError(f"An object of type {type(source).__name__} is not a picture; {hint}.")
    path = Path(source)
    try:
        # Opening a named pipe would wait for ever, hence regular files only.
        if stat.S_ISREG(path.stat().st_mode):
            return path.open("rb")
    except (OSError, ValueError):
        raise InputError(f"The file {_quoted(path.name)} cannot be opened; check its path and permissions.") from None
    raise InputError(f"{_quoted(path.name)} is a folder or a device; give the path of one picture file.")


def _open_image(stream: BinaryIO, name: str) -> Image.Image:
    if not stream.read(1):
        raise InputError(f"{_quoted(name)} is empty (0 bytes); download or export it again.")
    stream.seek(0)
    Image.init()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is our own
            return Image.open(stream, formats=[known for known in Image.ID if known != "EPS"])
    except Image.DecompressionBombError:
        raise InputError(f"{_quoted(name)} is too large; {_SMALLER}.") from None
    except Exception:  # Plugins leak their own kinds of error on damaged headers.
        hint = "or its start is damaged; save it as PNG or JPEG"
        raise InputError(f"{_quoted(name)} is not a picture of a known format, {hint}.") from None


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
    _check_size("The array", array.shape[1], array.shape[0])
    return Image.fromarray(np.ascontiguousarray(array))


def _picture(image: Image.Image, name: str) -> Picture:
    _check_size(_quoted(name), *image.size)
    notes: list[str] = []
    try:
        pixels = _decode(image, name, notes)
    except InputError:
        raise
    except Exception:  # Decoders leak struct.error, SyntaxError, EOFError and more on damaged data.
        hint = "download it again or export it as PNG or JPEG"
        raise InputError(f"{_quoted(name)} is cut short, damaged or of an unsupported kind; {hint}.") from None
    pixels.setflags(write=False)
    return Picture(pixels, name, tuple(notes))


def _decode(image: Image.Image, name: str, notes: list[str]) -> np.ndarray:
    # Pillow decodes 16-bit colour to 8 bits by itself; the raw mode says so, but only until the picture is loaded.
    if image.mode[0] not in "IF" and re.search(";16[BLN]", str(getattr(image, "tile", ""))):
        notes.append("Its 16-bit channels were cut to their upper 8 bits.")
    if getattr(image, "is_animated", False):
        notes.append(f"The file holds several frames; only frame {image.tell() + 1} is used.")
    orientation = image.getexif().get(ExifTags.Base.Orientation)  # Asked first: loading turns a TIFF by itself.
    image.load()
    _check_size(_quoted(name), *image.size)  # The picture inside an icon may be larger than the icon's header says.
    if orientation in range(2, 9):
        image = ImageOps.exif_transpose(image)
        notes.append("It was turned upright as its EXIF orientation says.")
    if image.mode[0] in "IF":
        image = _eight_bit(image, name, notes)
    return np.array(_opaque(image, notes))


def _eight_bit(image: Image.Image, name: str, notes: list[str]) -> Image.Image:
    """Grey of mode I;16, I (both 0 to 65535) or F (0 to the first of 1, 255, 65535 that holds its values) -> mode L."""
    values = np.asarray(image, dtype=np.float32)
    whites = (1, 255, 65535) if image.mode == "F" else (65535,)
    white = next((white for white in whites if values.min() >= 0 and values.max() <= white), None)
    if white is None:
        raise InputError(f"{_quoted(name)} has NaN or values outside 0 to 65535; scale it to 8 or 16 bits.")
    notes.append(f"Its grey values, 0 to {white}, were scaled and rounded to 8 bits.")
    grey = Image.fromarray(np.rint(values * (255 / white)).astype(np.uint8))
    grey.info["icc_profile"] = image.info.get("icc_profile")
    return grey


def _opaque(image: Image.Image, notes: list[str]) -> Image.Image:
    """Any 8-bit mode -> sRGB over white. Colours are converted before they are mixed with white."""
    if not image.has_transparency_data:
        return _srgb(image, notes)
    rgba = image.convert("RGBA")
    rgb, alpha = _srgb(rgba.convert("L" if image.mode in ("1", "L", "LA") else "RGB"), notes), rgba.getchannel("A")
    if alpha.getextrema() != (255, 255):
        notes.append("Transparency was composited over white.")
    return Image.composite(rgb, Image.new("RGB", rgb.size, "white"), alpha)


def _srgb(image: Image.Image, notes: list[str]) -> Image.Image:
    """Any opaque 8-bit mode -> RGB in sRGB, by the embedded profile if there is one that fits."""
    transform = _to_srgb(image, notes) if image.info.get("icc_profile") else None
    if transform is not None:
        notes.append("Its colours were converted to sRGB by the embedded colour profile.")
        return transform.point(image.convert(transform.input_mode))
    if image.mode == "CMYK":
        notes.append("CMYK was converted without a colour profile, so its colours are approximate.")
    return image.convert("RGB")


def _to_srgb(image: Image.Image, notes: list[str]) -> ImageCms.ImageCmsTransform | None:
    """The transform from the embedded profile; None where that cannot be used or describes sRGB itself."""
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


def _check_size(subject: str, width: int, height: int) -> None:
    if min(width, height) < 1:
        raise InputError(f"{subject} is {width}x{height} and has no pixels; give a picture of 1x1 or more.")
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise InputError(f"{subject} is {width}x{height}, which is too large; {_SMALLER}.")


def _quoted(name: str) -> str:
    # A file's content passed by mistake as its path must not flood the message.
    return repr(name if len(name) <= 80 else name[:77] + "...")
