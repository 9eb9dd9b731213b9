"""Memory that is free again goes back to the system."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress


def give_back() -> None:
    """Where the C library is glibc: it keeps what was freed for later, which after a large picture is hundreds of
    megabytes in small pieces."""
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
