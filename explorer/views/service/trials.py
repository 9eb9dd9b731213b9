"""What rivals made of one picture: every file that was tried, so that curves, matches and clicks share the work."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections import UserDict, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from explorer.codecs import Codec, Measurement, RDPoint, match, measure


class Superseded(Exception):
    """A match was told to stop; what it had tried is kept for the next attempt."""


class Trials:
    """The files of one picture by codec and setting. One is made at a time; may be called from any thread."""

    def __init__(self, pixels: np.ndarray, known: Mapping[tuple[str, float], dict[str, Any]] | None = None) -> None:
        """pixels: (H, W, 3) uint8. known: points that were measured before, as JSON, by codec's name and setting."""
        self._pixels = pixels
        self._lock = threading.Lock()
        self._tried: defaultdict[str, dict[float, Measurement]] = defaultdict(dict)
        self._points = dict(known or {})

    def known(self, codec: Codec, setting: float) -> bool:
        """Whether `point` has its answer ready."""
        return (codec.name, setting) in self._points

    def point(self, codec: Codec, setting: float) -> dict[str, Any]:
        """The codec's RDPoint at a setting, as JSON can hold it. Raises CodecError."""
        if not self.known(codec, setting):
            self.frame(codec, setting)
        return self._points[codec.name, setting]

    def frame(self, codec: Codec, setting: float) -> tuple[dict[str, Any], np.ndarray]:
        """The RDPoint, as JSON can hold it, and the decoded picture at a setting. Raises CodecError."""
        with self._lock:
            found = self._tried_at(codec, setting)
            pixels = found.pixels
            if (codec.name, setting) not in self._points:
                self._points[codec.name, setting] = as_json(found.point)
            _forget_pixels(self._tried[codec.name])
            return self._points[codec.name, setting], pixels

    def _tried_at(self, codec: Codec, setting: float) -> Measurement:
        tried = self._tried[codec.name]
        if setting not in tried:
            tried[setting] = measure(codec, self._pixels, setting)
        return tried[setting]

    def file(self, codec: Codec, setting: float) -> bytes:
        """The codec's file at a setting. Raises CodecError."""
        with self._lock:
            return self._tried_at(codec, setting).data

    def match(self, codec: Codec, target: RDPoint, by: str, goes_on: Callable[[], bool]) -> dict[str, Any]:
        """The setting nearest to `target` in rate (by="rate") or PSNR (by="quality"), as JSON can hold it.

        gap: what it has beyond the target, as a share of the bytes or in dB. reached: whether that is close enough.
        limit: "lowest" or "highest" where the target is beyond the codec's range, which ends at that setting.
        `goes_on` is asked after every file that is made; where it says no, Superseded is raised.
        """
        wanted: dict[str, Any] = {"bytes": target.bytes} if by == "rate" else {"psnr": target.psnr}
        with self._lock:
            tried = _Stoppable(self._tried[codec.name], goes_on)
            try:
                found = match(codec, self._pixels, tried=tried, **wanted)
                values = [len(each.data) if by == "rate" else each.psnr for each in tried.values()]
            finally:
                _forget_pixels(tried.data)
        (aim,) = wanted.values()
        limit = "lowest" if min(values) > aim else "highest" if max(values) < aim else None
        gap = found.gap if math.isfinite(found.gap) else None
        return {"setting": found.setting, "gap": gap, "reached": found.reached, "limit": limit}


class _Stoppable(UserDict[float, Measurement]):
    """Measurements that `match` reads and adds to, and where it may be stopped between two files."""

    def __init__(self, kept: dict[float, Measurement], goes_on: Callable[[], bool]) -> None:
        super().__init__()
        self.data, self._goes_on = kept, goes_on

    def __setitem__(self, setting: float, found: Measurement) -> None:
        self.data[setting] = found
        if not self._goes_on():
            raise Superseded


def _forget_pixels(tried: dict[float, Measurement]) -> None:
    """Keep the files and the numbers; the decoded pictures of a large one's curves would be gigabytes."""
    for found in tried.values():
        vars(found).pop("_decoded", None)


def as_json(point: RDPoint) -> dict[str, Any]:
    """A point as JSON can hold it: what is infinite or undefined becomes null."""
    fields = dataclasses.asdict(point)
    undefined = {key: None for key, value in fields.items() if isinstance(value, float) and not math.isfinite(value)}
    return fields | undefined
