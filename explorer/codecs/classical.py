"""The codecs that people use, each as one row of a table: Pillow does the work, or a plugin of Pillow."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, features

from explorer.codecs.base import CodecError, Knob, MissingPackage


@dataclass(frozen=True)
class PillowCodec:
    """A file format of Pillow as a codec.

    options: what to hand to Pillow's `save` for a setting. library: gives the version of the library at work,
    registers its plugin where it needs one, and raises MissingPackage where it is absent.
    """

    name: str
    label: str
    format: str
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
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, self.format, **options)
        return file.getvalue()

    def decode(self, data: bytes) -> np.ndarray:
        """Return the file's (H,W,3) uint8 pixels; raises CodecError where it is not a readable file of this format."""
        self.library()
        try:
            with Image.open(io.BytesIO(data), formats=[self.format]) as image:
                return np.asarray(image.convert("RGB"))
        except Exception as error:  # the libraries below raise whatever they like on a broken file
            raise CodecError(f"Not a readable {self.label} file: {error}") from error


def _in_pillow(feature: str, library: str) -> Callable[[], str]:
    def version() -> str:
        found = features.version(feature)
        if found is None:
            raise MissingPackage(f"This Pillow has no {library}: pip install --upgrade 'pillow>=11.3'")
        return f"{library} {found}"

    return version


_JPEG_KNOB = Knob("quality", "Quality", 1, 100, (2, 4, 7, 11, 16, 22, 30, 40, 50, 60, 70, 78, 85, 90, 94, 97, 99))
_JPEG_LIBRARY = _in_pillow("libjpeg_turbo", "libjpeg-turbo")

JPEG = PillowCodec(
    name="jpeg",
    label="JPEG 4:2:0",
    format="JPEG",
    knob=_JPEG_KNOB,
    options=lambda quality: {"quality": quality, "subsampling": "4:2:0", "optimize": True},
    library=_JPEG_LIBRARY,
)

JPEG444 = PillowCodec(
    name="jpeg444",
    label="JPEG 4:4:4",
    format="JPEG",
    knob=_JPEG_KNOB,
    options=lambda quality: {"quality": quality, "subsampling": "4:4:4", "optimize": True},
    library=_JPEG_LIBRARY,
)

# Rate-controlled: OpenJPEG takes a compression ratio, here of 24 bits per pixel.
JPEG2000 = PillowCodec(
    name="jpeg2000",
    label="JPEG 2000",
    format="JPEG2000",
    knob=Knob(
        name="bpp",
        label="Target rate",
        minimum=0.01,
        maximum=12.0,
        sweep=(0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.55, 0.8, 1.1, 1.6, 2.2, 3.2, 4.5),
        integer=False,
        unit="bpp",
    ),
    options=lambda bpp: {"quality_mode": "rates", "quality_layers": [24 / bpp], "irreversible": True, "mct": 1},
    library=_in_pillow("jpg_2000", "OpenJPEG"),
)
