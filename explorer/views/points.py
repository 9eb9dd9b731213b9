"""The rate-distortion points of an open picture, one after the other, in the pauses between frames."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from time import monotonic
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool

from explorer.codecs import CODECS, Codec, CodecError, RDPoint, measure
from explorer.views.store import Opened

CLASSICAL = ("jpeg", "jpeg2000")
MODEL_POINTS = 17
PAUSE = 0.3

Key = tuple[str, float]
Jobs = Iterator[tuple[Key, Callable[[], RDPoint]]]


class Pauses:
    """Keeps background work out of a drag: it waits until no frame was asked for during the last `PAUSE` seconds."""

    def __init__(self) -> None:
        self._busy = 0
        self._last = -math.inf

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Around the work on one frame."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self._last = monotonic()

    async def wait(self) -> None:
        """Return in the next pause."""
        while self._busy or monotonic() - self._last < PAUSE:
            await asyncio.sleep(0.05)


def as_json(point: RDPoint) -> dict[str, Any]:
    """A point as JSON can hold it: what is infinite or undefined becomes null."""
    fields = dataclasses.asdict(point)
    undefined = {key: None for key, value in fields.items() if isinstance(value, float) and not math.isfinite(value)}
    return fields | undefined


def coarse_to_fine(count: int) -> list[int]:
    """The last and the first of `count` places, then ever finer halves: a curve soon shows its whole shape."""
    last = count - 1
    steps = (2**k for k in range(count.bit_length(), -1, -1))
    return list(dict.fromkeys(place for step in steps for place in (last, *range(0, count, step))))


async def curve_points(opened: Opened, pauses: Pauses) -> AsyncIterator[dict[str, Any]]:
    """Points of the model and of the classical codecs by turns; closing the iterator stops the work."""
    waiting = [_model_jobs(opened), *(_classical_jobs(opened, name) for name in CLASSICAL)]
    while waiting:
        jobs = waiting.pop(0)
        for key, job in islice(jobs, 1):
            if key not in opened.points:
                await pauses.wait()
            with suppress(CodecError):  # where a codec is not installed its curve is left out
                yield await run_in_threadpool(_measured, opened, key, job)
                waiting.append(jobs)


def _model_jobs(opened: Opened) -> Jobs:
    lambdas = opened.session.curve_lambdas(MODEL_POINTS)
    for i in coarse_to_fine(len(lambdas)):
        yield ("model", lambdas[i]), partial(opened.session.point, lambdas[i])


def _classical_jobs(opened: Opened, name: str) -> Jobs:
    """The codec's sweep from the low end until it passes the model's highest rate: more would squeeze the plot."""
    codec, pixels = CODECS[name], opened.session.picture.pixels
    for setting in codec.knob.sweep:
        key = (name, setting)
        yield key, partial(_classical_point, codec, pixels, setting)
        if opened.points[key]["bpp"] > _highest_rate(opened):
            return


def _classical_point(codec: Codec, pixels: np.ndarray, setting: float) -> RDPoint:
    return measure(codec, pixels, setting).point


def _highest_rate(opened: Opened) -> float:
    return max((point["bpp"] for (series, _), point in opened.points.items() if series == "model"), default=math.inf)


def _measured(opened: Opened, key: Key, job: Callable[[], RDPoint]) -> dict[str, Any]:
    with opened.measuring:
        if key not in opened.points:
            opened.points[key] = as_json(job())
        return {"series": key[0], "setting": key[1], "point": opened.points[key]}
