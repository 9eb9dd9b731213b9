"""What rivals made of one picture: every file that was tried, so that curves, matches and clicks share the work."""

from __future__ import annotations

import dataclasses
import threading
from collections import UserDict, defaultdict
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np

from explorer.codecs import Codec, Measurement, RDPoint, match, measure
from explorer.pace import Pause, nothing
from explorer.ssimulacra import ssimulacra2
from explorer.views.service.errors import Superseded
from explorer.views.service.messages import By, Limit, Match, Point

MAX_BYTES = 32 << 20  # of the files of one picture that are kept
MAX_POINTS = 2000  # of one picture


class Trials:
    """The files of one picture by codec and setting. One is made at a time; may be called from any thread."""

    def __init__(self, pixels: np.ndarray, known: Mapping[tuple[str, float], Point] | None = None) -> None:
        """pixels: (H, W, 3) uint8. known: points that were measured before, by codec's name and setting."""
        self._pixels = pixels
        self._lock = threading.Lock()
        self._tried: defaultdict[str, dict[float, Measurement]] = defaultdict(dict)
        self._known = dict(known or {})
        self._points: dict[tuple[str, float], Point] = {}

    def known(self, codec: Codec, setting: float) -> Point | None:
        """What is known of `point`, and of `seen` where it has SSIMULACRA2."""
        key = codec.name, setting
        return self._points.get(key) or self._known.get(key)

    def point(self, codec: Codec, setting: float) -> Point:
        """The codec's RDPoint at a setting. Raises CodecError."""
        return self.known(codec, setting) or self.frame(codec, setting)[0]

    def seen(self, codec: Codec, setting: float, pause: Pause = nothing) -> Point:
        """The same with SSIMULACRA2, which may take long. pause: see `explorer.pace`. Raises CodecError."""
        point = self.point(codec, setting)
        if "ssimulacra2" in point:
            return point
        point, pixels = self.frame(codec, setting)
        value = ssimulacra2(self._pixels, pixels, pause)  # not under the lock: others go on with these trials meanwhile
        with self._lock:
            return self._keep(codec, setting, {**point, "ssimulacra2": value})

    def frame(self, codec: Codec, setting: float) -> tuple[Point, np.ndarray]:
        """The RDPoint, with the times of this file, and the decoded picture at a setting. Raises CodecError."""
        with self._lock:
            found = self._tried_at(codec, setting)
            pixels, point = found.pixels, self.known(codec, setting) or as_message(found.point)
            if "encode_s" not in point:  # a file that is decoded again keeps the time of the first
                point = {**point, "encode_s": found.encode_s, "decode_s": found.decode_s}
            self._forget(codec)
            return self._keep(codec, setting, point), pixels

    def _keep(self, codec: Codec, setting: float, point: Point) -> Point:
        self._points[codec.name, setting] = point
        if len(self._points) > MAX_POINTS:
            del self._points[next(iter(self._points))]
        return point

    def _tried_at(self, codec: Codec, setting: float) -> Measurement:
        tried = self._tried[codec.name]
        if setting not in tried:
            tried[setting] = measure(codec, self._pixels, setting)
        return tried[setting]

    def file(self, codec: Codec, setting: float) -> bytes:
        """The codec's file at a setting. Raises CodecError."""
        with self._lock:
            data = self._tried_at(codec, setting).data
            self._forget(codec)
            return data

    def match(self, codec: Codec, target: RDPoint, by: By, goes_on: Callable[[], bool]) -> tuple[float, Match]:
        """The setting nearest to `target` in rate or in PSNR (quality), and how near it is.

        `goes_on` is asked after every file that is made; where it says no, Superseded is raised.
        """
        wanted: dict[str, Any] = {"bytes": target.bytes} if by == "rate" else {"psnr": target.psnr}
        with self._lock:
            tried = _Stoppable(self._tried[codec.name], goes_on)
            try:
                found = match(codec, self._pixels, tried=tried, **wanted)
                values = [len(each.data) if by == "rate" else each.psnr for each in tried.values()]
            finally:
                self._forget(codec)
        (aim,) = wanted.values()
        limit: Limit | None = "lowest" if min(values) > aim else "highest" if max(values) < aim else None
        return found.setting, {"by": by, "gap": found.gap, "reached": found.reached, "limit": limit}

    def _forget(self, last: Codec) -> None:
        """Keep the numbers, and of the files no more than there is room for, the codec's that was last the longest. The
        decoded pictures of a large one's curves would be gigabytes."""
        for found in self._tried[last.name].values():
            vars(found).pop("_decoded", None)
        others = [tried for name, tried in self._tried.items() if name != last.name]
        used = sum(len(found.data) for tried in self._tried.values() for found in tried.values())
        for tried in (*others, self._tried[last.name]):
            while used > MAX_BYTES and tried:
                used -= len(tried.pop(next(iter(tried))).data)


class _Stoppable(UserDict[float, Measurement]):
    """Measurements that `match` reads and adds to, and where it may be stopped between two files."""

    def __init__(self, kept: dict[float, Measurement], goes_on: Callable[[], bool]) -> None:
        super().__init__()
        self.data, self._goes_on = kept, goes_on

    def __setitem__(self, setting: float, found: Measurement) -> None:
        self.data[setting] = found
        if not self._goes_on():
            raise Superseded


def as_message(point: RDPoint) -> Point:
    """A point as a message; of SSIMULACRA2 nothing is said where it was not measured."""
    values = dataclasses.asdict(point)
    return cast(Point, {name: value for name, value in values.items() if name != "ssimulacra2" or value is not None})
