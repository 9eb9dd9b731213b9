"""The rate-distortion points of an open picture, one after the other, in the pauses between frames."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from anyio import to_thread

from explorer.codecs import Codec
from explorer.condition import Condition
from explorer.images import InputError
from explorer.pace import Pause, nothing
from explorer.received import Received
from explorer.session import Session
from explorer.views.service.messages import DoneLine, Point, PointLine
from explorer.views.service.pictures import Opened
from explorer.views.service.trials import Trials, as_message
from explorer.views.service.turns import PAUSE, Pauses

MODEL_POINTS = 17
CURVES = 1  # the rank of what nobody waits for in particular
LONG_PAUSE = 2.0  # for points of large pictures: a codec that is at one for seconds cannot be interrupted
MOST_RATE = 2.5  # times the model's highest rate, to which a rival is measured


@dataclass(frozen=True)
class Job:
    """One point to measure: run(pause), see `explorer.pace`. ready: it was measured before, so it costs nothing."""

    setting: float
    ready: bool
    run: Callable[[Pause], Point]


def coarse_to_fine(count: int) -> list[int]:
    """The last and the first of `count` places, then ever finer halves: a curve soon shows its whole shape."""
    last = count - 1
    steps = (2**k for k in range(count.bit_length(), -1, -1))
    return list(dict.fromkeys(place for step in steps for place in (last, *range(0, count, step))))


async def curve_points(
    opened: Opened, codecs: Sequence[Codec], pauses: Pauses, user: Hashable = None
) -> AsyncIterator[PointLine | DoneLine]:
    """Points of the model and of the codecs, those that are known first, the others by turns; and the end of each, with
    `error` where a codec cannot do this picture. user: whose turn it takes. Closing the iterator stops the work."""
    series = [("model", _model_jobs(opened)), *((codec.name, _rival_jobs(opened, codec)) for codec in codecs)]
    waiting = [(name, jobs, _next(jobs)) for name, jobs in series]
    while waiting:
        at = next((at for at, (*_, job) in enumerate(waiting) if not isinstance(job, Job) or job.ready), 0)
        name, jobs, job = waiting.pop(at)
        if not isinstance(job, Job):
            end: DoneLine = {"series": name, "done": True}
            yield {**end, "error": str(job)} if job else end
            continue
        try:
            point = await (to_thread.run_sync(job.run, nothing) if job.ready else _measured(opened, job, pauses, user))
        except InputError as error:
            yield {"series": name, "done": True, "error": str(error)}
            continue
        yield {"series": name, "setting": job.setting, "point": point}
        waiting.append((name, jobs, _next(jobs)))


async def _measured(opened: Opened, job: Job, pauses: Pauses, user: Hashable) -> Point:
    is_large = opened.session.is_large
    patience = LONG_PAUSE if is_large else PAUSE
    return await pauses.run(user, lambda turn: job.run(turn.pause), rank=CURVES, patience=patience, is_heavy=is_large)


def _next(jobs: Iterator[Job]) -> Job | InputError | None:
    """The next job, None after the last, or why there is none."""
    try:
        return next(jobs, None)
    except InputError as error:
        return error


def _model_jobs(opened: Opened) -> Iterator[Job]:
    session = opened.session
    if session.is_large:  # what many λ need would push out the one that somebody looks at
        session = session.apart()
    lambdas = session.curve_lambdas(MODEL_POINTS)
    for i in coarse_to_fine(len(lambdas)):
        condition = session.model.condition(lambdas[i])
        is_ready = condition.lmbda in opened.points or condition.lmbda in opened.known
        yield Job(lambdas[i], is_ready, partial(_model_point, opened, session, condition))


def _model_point(opened: Opened, session: Session, condition: Condition, pause: Pause) -> Point:
    """The model's R-D point at λ for its curve: measured once, or shipped with a sample."""
    return opened.known.get(condition.lmbda) or measured_point(opened, session.paced(pause), condition)


def known_point(opened: Opened, condition: Condition) -> Point | None:
    """The RDPoint of the real file at λ, where it was measured here."""
    return opened.points.get(condition.lmbda)


def measured_point(opened: Opened, source: Session | Received, condition: Condition) -> Point:
    """The same, measured by `source` where it was not."""
    found = known_point(opened, condition)
    if not found:
        assert isinstance(source, Session)  # the one point of a received file is known
        found = opened.points[condition.lmbda] = as_message(source.point(condition, quick=True))
    return found


def _rival_jobs(opened: Opened, codec: Codec) -> Iterator[Job]:
    """The codec's sweep from the low end until it passes the model's highest rate and quality, so that there is an
    answer to both questions, what it has at this rate and what it needs for this quality; but never far beyond."""
    trials = opened.trials
    for setting in codec.knob.sweep:
        yield Job(setting, trials.known(codec, setting), partial(_rival_point, trials, codec, setting))
        found = trials.point(codec, setting)
        own = [*opened.points.values(), *opened.known.values()]
        rate = max((each["bpp"] for each in own), default=math.inf)
        quality = max((each["psnr"] for each in own), default=math.inf)
        is_beyond = found["bpp"] > rate and found["psnr"] > quality
        if is_beyond or found["bpp"] > MOST_RATE * rate:
            return


def _rival_point(trials: Trials, codec: Codec, setting: float, _pause: Pause) -> Point:
    """A codec cannot be interrupted."""
    return trials.point(codec, setting)
