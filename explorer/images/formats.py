"""Which files are opened, and by which plugin of Pillow; the size that they declare is checked before decoding."""

from __future__ import annotations

import contextlib
import stat
import warnings
from functools import cache
from io import BytesIO
from pathlib import Path

from PIL import Image

from explorer.images import headers
from explorer.images.picture import SMALLER, InputError, check_size, quoted
from explorer.images.spaces import CAMERAS

# The formats that people have, by the names of Pillow's plugins, and the suffixes of their files. The other plugins are
# left out: they run Ghostscript (EPS), are stubs (HDF5, FITS), or decode pixel by pixel in Python, so that a small file
# takes minutes (DDS, QOI, XPM).
_SUFFIXES = {
    "AVIF": ".avif",
    "BMP": ".bmp",
    "DIB": ".dib",
    "GIF": ".gif",
    "HEIF": ".heic .heif .hif",
    "ICNS": ".icns",
    "ICO": ".ico",
    "JPEG": ".jpg .jpeg .jpe .jfif",
    "JPEG2000": ".jp2 .j2k .jpc .jpf .jpx .j2c",
    "JXL": ".jxl",
    "MPO": ".mpo",
    "PCX": ".pcx",
    "PNG": ".png .apng",
    "PPM": ".ppm .pgm .pbm .pnm .pfm",
    "PSD": ".psd",
    "SGI": ".sgi .rgb .bw",
    "TGA": ".tga",
    "TIFF": ".tif .tiff",
    "WEBP": ".webp",
}
SUFFIXES = frozenset(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes.split())
"""The suffixes of files that `read` accepts, in lower case with their dots."""

_MAX_SCANS = 2_000_000_000  # pixels of all scans of a JPEG: 16 scans at MAX_PIXELS, where encoders write 10


@cache
def register_plugins() -> None:
    """Make Pillow know HEIC and JPEG XL, where their plugins are installed. Takes 30 ms, once."""
    Image.init()
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    with contextlib.suppress(ImportError):
        import pillow_jxl  # noqa: F401, it registers the format with Pillow


def load_bytes(source: object) -> bytes:
    """The bytes of a file, given as such or by its path. Raises InputError where it cannot be opened."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if not isinstance(source, (str, Path)):
        hint = "give a path, a file's bytes, a PIL image or a uint8 array"
        raise InputError(f"An object of type {type(source).__name__} is not a picture; {hint}.")
    path = Path(source)
    try:
        # Opening a named pipe would wait for ever, hence regular files only.
        if stat.S_ISREG(path.stat().st_mode):
            return path.read_bytes()
    except (OSError, ValueError):
        raise InputError(f"The file {quoted(path.name)} cannot be opened; check its path and permissions.") from None
    raise InputError(f"{quoted(path.name)} is a folder or a device; give the path of one picture file.")


def open_image(data: bytes, name: str) -> Image.Image:
    """A file's bytes as Pillow's image, not yet decoded. Raises InputError where it is unknown or too large."""
    if not data:
        raise InputError(f"{quoted(name)} is empty (0 bytes); download or export it again.")
    register_plugins()
    if (declared := headers.jxl_size(data)) is not None:  # its plugin decodes when it opens
        check_size(quoted(name), *declared)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is our own
            image = Image.open(BytesIO(data), formats=[known for known in _SUFFIXES if known in Image.OPEN])
    except Image.DecompressionBombError:
        raise InputError(f"{quoted(name)} is too large; {SMALLER}.") from None
    except Exception:  # Plugins leak their own kinds of error on damaged headers.
        hint = "or its start is damaged; save it as PNG or JPEG"
        raise InputError(f"{quoted(name)} is not a picture of a known format, {hint}.") from None
    check_size(quoted(name), *image.size)
    if image.format in ("JPEG", "MPO") and data.count(b"\xff\xda") * image.width * image.height > _MAX_SCANS:
        raise InputError(f"{quoted(name)} is a JPEG of too many scans; save it as a baseline JPEG or as PNG.")
    if image.format == "PCX" and image.mode == "L" and data[-769:-768] != b"\x0c":
        raise InputError(f"{quoted(name)} is cut short, for it ends without its palette; download it again.")
    _complete(image, data)
    return image


def _complete(image: Image.Image, data: bytes) -> None:
    """Put into `image.info` what Pillow leaves out of it, and take out what must not turn the picture."""
    info = image.info
    if (depth := headers.depth(data)) is not None:
        info["depth"] = depth
    if image.format == "PNG":
        if (cicp := headers.png_cicp(data)) is not None:
            info["cicp"] = cicp
        if data[25] == 0 and data[24] in (2, 4) and "transparency" in info:
            info["transparency"] *= 255 // ((1 << data[24]) - 1)  # Pillow scales the pixels alone
    elif image.format in ("AVIF", "HEIF") and "icc_profile" not in info and (nclx := headers.nclx(data)):
        primaries, transfer = nclx
        info["cicp"] = primaries, 13 if transfer in CAMERAS else transfer
    elif image.format == "JPEG2000" and (profile := headers.jp2_profile(data)):
        info["icc_profile"] = profile
    if image.format == "JXL" and not getattr(image, "jpeg", False):
        info.pop("exif", None)  # the codestream says how it is turned, and has been decoded so
    for key in ("xmp", "XML:com.adobe.xmp"):
        info.pop(key, None)  # Pillow would look for an orientation there, as no other reader does
