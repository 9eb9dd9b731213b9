"""The rate-distortion points of an open picture, one after the other, in the pauses between frames."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Event
from time import monotonic

from anyio import to_thread

from explorer.codecs import Codec
from explorer.condition import Condition
from explorer.images import InputError
from explorer.pace import Pause
from explorer.received import Received
from explorer.session import Session
from explorer.views.service.messages import DoneLine, Point, PointLine
from explorer.views.service.pictures import Opened
from explorer.views.service.trials import Superseded, as_message

MODEL_POINTS = 17
PAUSE = 0.3  # seconds
LONG_PAUSE = 2.0  # for points of large pictures: a codec that is at one for seconds cannot be interrupted
MOST_RATE = 2.5  # times the model's highest rate, to which a rival is measured


class Pauses:
    """Keeps slower work out of the way of faster: numbers wait while a frame is made, and what nobody waits for in
    particular, such as curves, until neither was asked for during the last `PAUSE` seconds."""

    def __init__(self) -> None:
        self._busy = {"frames": 0, "numbers": 0}
        self._last = -math.inf

    def frame(self) -> AbstractContextManager[None]:
        """Around the work on one frame."""
        return self._during("frames")

    def numbers(self) -> AbstractContextManager[None]:
        """Around the work on the numbers of one λ."""
        return self._during("numbers")

    @contextmanager
    def _during(self, kind: str) -> Iterator[None]:
        self._busy[kind] += 1
        try:
            yield
        finally:
            self._busy[kind] -= 1
            self._last = monotonic()

    def lasts(self, seconds: float = PAUSE) -> bool:
        """Whether there is a pause now, and has been for so long."""
        return not any(self._busy.values()) and monotonic() - self._last >= seconds

    async def wait(self, seconds: float = PAUSE) -> None:
        """Return in the next pause, once it has lasted so long."""
        while not self.lasts(seconds):
            await asyncio.sleep(0.05)

    def between_frames(self, unwanted: Event) -> Pause:
        """For work on numbers in a thread of its own: waits while a frame is made; raises Superseded once nobody wants
        the work any more."""
        return partial(self._give_way, lambda: not self._busy["frames"], unwanted)

    def in_pauses(self, unwanted: Event) -> Pause:
        """The same for work that has time: waits for a pause."""
        return partial(self._give_way, self.lasts, unwanted)

    @staticmethod
    def _give_way(may_go_on: Callable[[], bool], unwanted: Event) -> None:
        while not unwanted.is_set() and not may_go_on():
            unwanted.wait(0.005)
        if unwanted.is_set():
            raise Superseded


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
    unwanted = Event()
    own = _model_jobs(opened, pauses.in_pauses(unwanted))
    series = [("model", own), *((codec.name, _rival_jobs(opened, codec)) for codec in codecs)]
    waiting = [(name, jobs, _next(jobs)) for name, jobs in series]
    try:
        while waiting:
            at = next((at for at, (*_, job) in enumerate(waiting) if not isinstance(job, Job) or job.ready), 0)
            name, jobs, job = waiting.pop(at)
            if not isinstance(job, Job):
                end: DoneLine = {"series": name, "done": True}
                yield {**end, "error": str(job)} if job else end
                continue
            if not job.ready:
                await pauses.wait(LONG_PAUSE if opened.session.is_large else PAUSE)
            try:
                # Abandoned when the stream is closed, and then ended by `unwanted`.
                point = await to_thread.run_sync(job.run, abandon_on_cancel=True)
            except InputError as error:
                yield {"series": name, "done": True, "error": str(error)}
                continue
            yield {"series": name, "setting": job.setting, "point": point}
            waiting.append((name, jobs, _next(jobs)))
    finally:
        unwanted.set()


def _next(jobs: Iterator[Job]) -> Job | InputError | None:
    """The next job, None after the last, or why there is none."""
    try:
        return next(jobs, None)
    except InputError as error:
        return error


def _model_jobs(opened: Opened, pause: Pause) -> Iterator[Job]:
    session = opened.session.paced(pause)
    if session.is_large:  # what many λ need would push out the one that somebody looks at
        session = session.apart()
    lambdas = session.curve_lambdas(MODEL_POINTS)
    for i in coarse_to_fine(len(lambdas)):
        condition = session.model.condition(lambdas[i])
        is_ready = condition.lmbda in opened.points or condition.lmbda in opened.known
        yield Job(lambdas[i], is_ready, partial(model_point, opened, session, condition))


def model_point(opened: Opened, source: Session | Received, condition: Condition) -> Point:
    """The model's R-D point at λ for its curve: measured once by `source`, or shipped with a sample."""
    return opened.known.get(condition.lmbda) or measured_point(opened, source, condition)


def known_point(opened: Opened, condition: Condition) -> Point | None:
    """The RDPoint of the real file at λ, where it was measured here."""
    return opened.points.get(condition.lmbda)


def measured_point(opened: Opened, source: Session | Received, condition: Condition) -> Point:
    """The same, measured by `source` where it was not."""
    found = known_point(opened, condition)
    if not found:
        assert isinstance(source, Session)  # the one point of a received file is known
        found = opened.points[condition.lmbda] = as_message(source.point(condition))
    return found


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
