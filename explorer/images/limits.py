"""Limits within Pillow, for every use of it in this process: its plugins have no parameters for them."""

from __future__ import annotations

import struct
from typing import IO

from PIL import PngImagePlugin, TiffImagePlugin

_ROOM = 1 << 16


class BoundedDirectory(TiffImagePlugin.ImageFileDirectory_v2):
    """A directory of a TIFF, or of EXIF data in any format, whose values are little more than the file in all.

    Pillow copies the values of each entry: 60,000 that share one block in a file of 1 MB take 17 GB and a minute.
    """

    def load(self, fp: IO[bytes]) -> None:
        """Read the entries at the file's position. Raises ValueError for those that share their values."""
        start = fp.tell()
        room = 4 * fp.seek(0, 2) + _ROOM
        fp.seek(start)
        head, form = ("Q", "HHQ8x") if self._bigtiff else ("H", "HHI4x")
        (entries,) = self._unpack(head, fp.read(struct.calcsize("=" + head)))
        for _ in range(entries):
            _, kind, count = self._unpack(form, fp.read(struct.calcsize("=" + form)))
            room -= count * self._load_dispatch[kind][0] if kind in self._load_dispatch else 0
            if room < 0:
                raise ValueError("entries that share their values")
        fp.seek(start)
        super().load(fp)


TiffImagePlugin.ImageFileDirectory_v2 = BoundedDirectory  # type: ignore[misc]

# Text in PNG files is inflated to 64 MiB at most in all; Pillow's limit of 1 MiB for each chunk refuses what other
# programs write (edit histories of GIMP and darktable, large profiles).
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
