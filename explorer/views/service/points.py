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
    """Points of the model and of the codecs, those that are known first, the others by turns; and the end of each, with
    `error` where a codec cannot do this picture. Closing the iterator stops the work."""
    series = [("model", _model_jobs(opened)), *((codec.name, _rival_jobs(opened, codec)) for codec in codecs)]
    waiting = [(name, jobs, _next(jobs)) for name, jobs in series]
    while waiting:
        at = next((at for at, (*_, job) in enumerate(waiting) if not isinstance(job, Job) or job.ready), 0)
        name, jobs, job = waiting.pop(at)
        if not isinstance(job, Job):
            end: DoneLine = {"series": name, "done": True}
            yield {**end, "error": str(job)} if job else end
            continue
        if not job.ready:
            await pauses.wait()
        try:
            point = await run_in_threadpool(job.run)
        except InputError as error:
            yield {"series": name, "done": True, "error": str(error)}
            continue
        yield {"series": name, "setting": job.setting, "point": point}
        waiting.append((name, jobs, _next(jobs)))


def _next(jobs: Iterator[Job]) -> Job | InputError | None:
    """The next job, None after the last, or why there is none."""
    try:
        return next(jobs, None)
    except InputError as error:
        return error


def _model_jobs(opened: Opened) -> Iterator[Job]:
    lambdas = opened.session.curve_lambdas(MODEL_POINTS)
    for i in coarse_to_fine(len(lambdas)):
        condition = opened.session.model.condition(lambdas[i])
        found = opened.known.get(condition.lmbda)
        run = partial(model_point, opened, condition) if found is None else partial(_same, found)
        yield Job(lambdas[i], found is not None or condition.lmbda in opened.points, run)


def _same(point: Point) -> Point:
    return point


def model_point(opened: Opened, condition: Condition) -> Point:
    """The model's RDPoint at λ; measured once."""
    if condition.lmbda not in opened.points:
        opened.points[condition.lmbda] = as_json(opened.session.point(condition))
    return opened.points[condition.lmbda]


def _rival_jobs(opened: Opened, codec: Codec) -> Iterator[Job]:
    """The codec's sweep from the low end until it passes the model's highest rate and quality, so that there is an
    answer to both questions, what it has at this rate and what it needs for this quality; but never far beyond."""
    trials = opened.trials
    for setting in codec.knob.sweep:
        yield Job(setting, trials.known(codec, setting), partial(trials.point, codec, setting))
        found = trials.point(codec, setting)
        own = [*opened.points.values(), *opened.known.values()]
        rate = max((each["bpp"] for each in own), default=math.inf)
        quality = max((each["psnr"] for each in own), default=math.inf)
        is_beyond = found["bpp"] > rate and found["psnr"] > quality
        if is_beyond or found["bpp"] > MOST_RATE * rate:
            return
