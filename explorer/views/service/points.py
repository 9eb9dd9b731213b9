"""The rate-distortion points of an open picture, one after the other, in the pauses between frames."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic

from starlette.concurrency import run_in_threadpool

from explorer.codecs import Codec
from explorer.condition import Condition
from explorer.images import InputError
from explorer.views.service.messages import DoneLine, Point, PointLine
from explorer.views.service.pictures import Opened
from explorer.views.service.trials import as_json

MODEL_POINTS = 17
PAUSE = 0.3
MOST_RATE = 2.5  # times the model's highest rate, to which a rival is measured


class Pauses:
    """Keeps background work out of a drag: a pause is when no frame was asked for during the last `PAUSE` seconds."""

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

    def lasts(self) -> bool:
        """Whether there is a pause now."""
        return not self._busy and monotonic() - self._last >= PAUSE

    async def wait(self) -> None:
        """Return in the next pause."""
        while not self.lasts():
            await asyncio.sleep(0.05)


@dataclass(frozen=True)
class Job:
    """One point to measure. ready: it was measured before, so it costs nothing."""

    setting: float
    ready: bool
    run: Callable[[], Point]


def coarse_to_fine(count: int) -> list[int]:
    """The last and the first of `count` places, then ever finer halves: a curve soon shows its whole shape."""
    last = count - 1
    steps = (2**k for k in range(count.bit_length(), -1, -1))
    return list(dict.fromkeys(place for step in steps for place in (last, *range(0, count, step))))


async def curve_points(opened: Opened, codecs: Sequence[Codec], pauses: Pauses) -> AsyncIterator[PointLine | DoneLine]:
    """Points of the model and of the codecs by turns, and the end of each, with `error` where a codec cannot do this
    picture. Closing the iterator stops the work."""
    waiting = [("model", _model_jobs(opened)), *((codec.name, _rival_jobs(opened, codec)) for codec in codecs)]
    while waiting:
        series, jobs = waiting.pop(0)
        try:
            job = next(jobs, None)
            if job is None:
                yield {"series": series, "done": True}
                continue
            if not job.ready:
                await pauses.wait()
            point = await run_in_threadpool(job.run)
        except InputError as error:
            yield {"series": series, "done": True, "error": str(error)}
            continue
        yield {"series": series, "setting": job.setting, "point": point}
        waiting.append((series, jobs))


def _model_jobs(opened: Opened) -> Iterator[Job]:
    lambdas = opened.session.curve_lambdas(MODEL_POINTS)
    for i in coarse_to_fine(len(lambdas)):
        condition = opened.session.model.condition(lambdas[i])
        yield Job(lambdas[i], condition.lmbda in opened.points, partial(model_point, opened, condition))


def model_point(opened: Opened, condition: Condition) -> Point:
    """The model's R-D point at λ; measured once, or shipped with a sample's curve."""
    return opened.points.get(condition.lmbda) or measured_point(opened, condition)


def known_point(opened: Opened, condition: Condition) -> Point | None:
    """The RDPoint of the real file at λ, where it was measured here; a shipped one has less."""
    found = opened.points.get(condition.lmbda)
    return found if found and "bytes" in found else None


def measured_point(opened: Opened, condition: Condition) -> Point:
    """The same, measured where it was not."""
    found = known_point(opened, condition) or as_json(opened.session.point(condition))
    opened.points[condition.lmbda] = found
    return found


def _rival_jobs(opened: Opened, codec: Codec) -> Iterator[Job]:
    """The codec's sweep from the low end until it passes the model's highest rate and quality, so that there is an
    answer to both questions, what it has at this rate and what it needs for this quality; but never far beyond."""
    trials = opened.trials
    for setting in codec.knob.sweep:
        yield Job(setting, trials.known(codec, setting), partial(trials.point, codec, setting))
        found = trials.point(codec, setting)
        rate = max((each["bpp"] for each in opened.points.values()), default=math.inf)
        quality = max((each["psnr"] for each in opened.points.values()), default=math.inf)
        is_beyond = found["bpp"] > rate and found["psnr"] > quality
        if is_beyond or found["bpp"] > MOST_RATE * rate:
            return
