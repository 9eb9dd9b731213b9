"""The codecs that people use, each as one row of a table: Pillow does the work, or a plugin of Pillow."""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np
from PIL import Image, ImageFile, features

from explorer.codecs.base import CodecError, Knob, MissingPackage, check_size
from explorer.images.formats import register_plugins


@dataclass(frozen=True)
class PillowCodec:
    """A file format of Pillow as a codec.

    options: what to hand to Pillow's `save` for a setting. library: gives the version of the library at work, and
    raises MissingPackage where it is absent.
    """

    name: str
    label: str
    format: str
    suffix: str
    knob: Knob
    options: Callable[[float], dict[str, Any]]
    library: Callable[[], str]

    @property
    def version(self) -> str:
        """Name and version of the library that does the work."""
        return self.library()

    def encode(self, pixels: np.ndarray, setting: float) -> bytes:
        """Return a complete file of (H,W,3) uint8 pixels."""
        options = self.options(self.knob.check(setting))
        self.library()
        register_plugins()
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, self.format, **options)
        return file.getvalue()

    def decode(self, data: bytes) -> np.ndarray:
        """Return the file's (H,W,3) uint8 pixels; raises CodecError where it is not a readable file of this format."""
        self.library()
        register_plugins()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # check_size allows less
                return self._read(io.BytesIO(data))
        except CodecError:
            raise
        except Exception as error:  # the libraries below raise whatever they like on a broken file
            message = f"This file cannot be read as {self.label}: it is damaged or of another format."
            raise CodecError(message) from error

    def _read(self, file: io.BytesIO) -> np.ndarray:
        with Image.open(file, formats=[self.format]) as image:
            check_size(*image.size)
            return np.asarray(image.convert("RGB"))


class FittedJPEG(PillowCodec):
    """JPEG with Huffman tables fitted to the picture, for which libjpeg needs the whole file in one buffer.

    Pillow takes 8 or 16 bits per pixel, or ImageFile.MAXBLOCK if that is more; noise in 4:4:4 needs up to 26."""

    _buffer = threading.Lock()

    def encode(self, pixels: np.ndarray, setting: float) -> bytes:
        """Return a complete file of (H,W,3) uint8 pixels."""
        with self._buffer:
            usual = ImageFile.MAXBLOCK
            ImageFile.MAXBLOCK = max(usual, 2 * pixels.nbytes)
            try:
                return super().encode(pixels, setting)
            finally:
                ImageFile.MAXBLOCK = usual


def _in_pillow(feature: str, library: str) -> Callable[[], str]:
    def version() -> str:
        found = features.version(feature)
        if found is None:
            raise MissingPackage(f"This Pillow has no {library}: pip install --upgrade 'pillow>=12.3'")
        return f"{library} {found}"

    return version


def _jxl() -> str:
    try:
        import pillow_jxl  # noqa: F401
    except ImportError:
        raise MissingPackage("JPEG XL needs a plugin of Pillow: pip install pillow-jxl-plugin") from None
    plugin = metadata.distribution("pillow-jxl-plugin")
    # The plugin has no call for libjxl's version; its bill of materials names it.
    found = re.search(r"libjxl-([\d.]+)", plugin.read_text("sboms/pillow-jxl-plugin.cyclonedx.json") or "")
    return f"libjxl {found[1] if found else 'of unknown version'} (pillow-jxl-plugin {plugin.version})"


def _heic() -> str:
    try:
        import pillow_heif
    except ImportError:
        raise MissingPackage("HEIC needs a plugin of Pillow: pip install pillow-heif") from None
    libraries = pillow_heif.libheif_info()
    return f"libheif {libraries['libheif']}, {libraries['HEIF']}"


_JPEG_KNOB = Knob("quality", "Quality", 1, 100, (2, 4, 7, 11, 16, 22, 30, 40, 50, 60, 70, 78, 85, 90, 94, 97, 99))
_JPEG_LIBRARY = _in_pillow("libjpeg_turbo", "libjpeg-turbo")

# Huffman tables fitted to the picture, as any careful writer does, cut the rate by 10 % at equal PSNR: mean over Kodak,
# BD-rate against CompressAI's published curve is −12.0 % with them and −1.9 % without.
JPEG = FittedJPEG(
    name="jpeg",
    label="JPEG 4:2:0",
    format="JPEG",
    suffix="jpg",
    knob=_JPEG_KNOB,
    options=lambda quality: {"quality": quality, "subsampling": "4:2:0", "optimize": True},
    library=_JPEG_LIBRARY,
)

JPEG444 = FittedJPEG(
    name="jpeg444",
    label="JPEG 4:4:4",
    format="JPEG",
    suffix="jpg",
    knob=_JPEG_KNOB,
    options=lambda quality: {"quality": quality, "subsampling": "4:4:4", "optimize": True},
    library=_JPEG_LIBRARY,
)

# Quality-controlled: OpenJPEG takes a PSNR and meets it within 0.6 dB on photographs, from 24 to 42 dB. At an equal
# setting pictures then have equal quality, and the mean curve over Kodak lies 19 % of rate above that of equal rates,
# though the curve of each picture is the same. The irreversible 9/7 wavelet is the one for lossy coding. CompressAI's
# published mean curve is FFmpeg's default: by rate (24/10, 24/20, … bpp), with the reversible 5/3 wavelet on YCbCr of 8
# bits and limited range; OpenJPEG with these settings repeats each of its 19 points to 0.01 dB. That our mean curve
# lies only 0.8 % below it is chance: at equal rates it is 20 % below, and the control takes that back.
JPEG2000 = PillowCodec(
    name="jpeg2000",
    label="JPEG 2000",
    format="JPEG2000",
    suffix="jp2",
    knob=Knob(
        name="psnr",
        label="Target PSNR",
        minimum=15,
        maximum=60,
        sweep=(20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 42, 45, 48),
        integer=False,
        unit="dB",
    ),
    options=lambda psnr: {"quality_mode": "dB", "quality_layers": [psnr], "irreversible": True, "mct": 1},
    library=_in_pillow("jpg_2000", "OpenJPEG"),
)

WEBP = PillowCodec(
    name="webp",
    label="WebP",
    format="WEBP",
    suffix="webp",
    knob=Knob("quality", "Quality", 0, 100, (1, 4, 8, 14, 21, 30, 40, 50, 60, 70, 77, 83, 88, 92, 95, 98), False),
    options=lambda quality: {"quality": quality, "method": 6},
    library=_in_pillow("webp", "libwebp"),
)

AVIF = PillowCodec(
    name="avif",
    label="AVIF 4:4:4",
    format="AVIF",
    suffix="avif",
    knob=Knob("quality", "Quality", 0, 100, (4, 10, 16, 22, 28, 34, 40, 47, 54, 61, 68, 75, 82, 88, 93, 97)),
    options=lambda quality: {"quality": quality, "subsampling": "4:4:4", "speed": 6},
    library=_in_pillow("avif", "libavif"),
)

# Distance 0 (quality 100) is another, lossless coder, hence 99.
JXL = PillowCodec(
    name="jxl",
    label="JPEG XL",
    format="JXL",
    suffix="jxl",
    knob=Knob("quality", "Quality", 0, 99, (3, 8, 14, 20, 26, 33, 40, 48, 56, 64, 72, 79, 85, 90, 94, 97), False),
    options=lambda quality: {"quality": quality, "effort": 7},
    library=_jxl,
)

# 4:2:0, as phones write it and every reader of HEIC can decode.
HEIC = PillowCodec(
    name="heic",
    label="HEIC 4:2:0",
    format="HEIF",
    suffix="heic",
    knob=Knob("quality", "Quality", 0, 99, (3, 8, 13, 18, 23, 28, 33, 38, 43, 48, 54, 60, 67, 75, 84, 93)),
    options=lambda quality: {"quality": quality, "chroma": "420"},
    library=_heic,
)
