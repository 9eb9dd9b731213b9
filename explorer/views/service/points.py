"""The rate-distortion points of an open picture, one after the other, in the pauses between frames."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeGuard, cast

from anyio import to_thread

from explorer.codecs import Codec
from explorer.condition import Condition
from explorer.images import InputError
from explorer.pace import Pause, Stopwatch, nothing
from explorer.received import Received
from explorer.session import Session
from explorer.views.service.messages import DoneLine, Point, PointLine
from explorer.views.service.pictures import Opened
from explorer.views.service.trials import Trials, as_message
from explorer.views.service.turns import PAUSE, Pauses

MODEL_POINTS = 17
CURVES = 1  # the rank of what nobody waits for in particular
LONG_PAUSE = 2.0  # for points of large pictures: a codec that is at one for seconds cannot be interrupted
MOST_PAINTED = 100
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
    opened: Opened, codecs: Sequence[Codec], pauses: Pauses, user: Hashable = None, seen: bool = False
) -> AsyncIterator[PointLine | DoneLine]:
    """Points of the model and of the codecs, those that are known first, the others by turns; and the end of each, with
    `error` where a codec cannot do this picture. user: whose turn it takes. seen: with SSIMULACRA2. Closing the
    iterator stops the work."""
    rivals = ((codec.name, _rival_jobs(opened, codec, seen)) for codec in codecs)
    series = [("model", _model_jobs(opened, seen)), *rivals]
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


def _model_jobs(opened: Opened, seen: bool) -> Iterator[Job]:
    session = opened.session
    if session.is_large:  # what many λ need would push out the one that somebody looks at
        session = session.apart()
    lambdas = session.curve_lambdas(MODEL_POINTS)
    for i in coarse_to_fine(len(lambdas)):
        condition = session.model.condition(lambdas[i])
        is_ready = _is_ready(opened.known.get(condition.lmbda) or known_point(opened, condition), seen)
        yield Job(lambdas[i], is_ready, partial(_model_point, opened, session, condition, seen))


def _is_ready(known: Point | None, seen: bool) -> TypeGuard[Point]:
    return known is not None and (not seen or "ssimulacra2" in known)


def _model_point(opened: Opened, session: Session, condition: Condition, seen: bool, pause: Pause) -> Point:
    """The model's R-D point at λ for its curve: measured once, or shipped with a sample."""
    known = opened.known.get(condition.lmbda)
    if _is_ready(known, seen):
        return known
    return (seen_point if seen else measured_point)(opened, session.paced(pause), condition)


def known_point(opened: Opened, condition: Condition) -> Point | None:
    """The RDPoint of the real file at λ, where it was measured here."""
    is_one_of_many = condition.map and isinstance(opened.source, Session)
    return opened.painted.get(condition) if is_one_of_many else opened.points.get(condition.lmbda)


def _keep(opened: Opened, condition: Condition, point: Point) -> Point:
    """Of λ maps, which have no end, the last ones."""
    if not condition.map:
        opened.points[condition.lmbda] = point
        return point
    opened.painted[condition] = point
    for old in list(opened.painted)[:-MOST_PAINTED]:
        opened.painted.pop(old, None)
    return point


def measured_point(opened: Opened, source: Session | Received, condition: Condition) -> Point:
    """The same, measured by `source` where it was not."""
    found = known_point(opened, condition)
    if not found:
        assert isinstance(source, Session)  # the one point of a received file is known
        found = _keep(opened, condition, as_message(source.point(condition, quick=True)))
    return found


def seen_point(opened: Opened, source: Session | Received, condition: Condition) -> Point:
    """The same with SSIMULACRA2, where there is an original."""
    found = known_point(opened, condition)
    if isinstance(source, Session) and not _is_ready(found, seen=True):
        seen = cast(Point, {**(found or {}), **as_message(source.point(condition))})
        found = _keep(opened, condition, seen)
    assert found  # the one point of a received file is known
    return found


def timed_point(opened: Opened, source: Session, condition: Condition, pause: Pause) -> Point:
    """`seen_point` with the seconds that it takes to encode the picture and to decode its file, both from end to end,
    whatever is known of it already. pause: of `source`; what it takes does not count."""
    found = seen_point(opened, source, condition)
    if "encode_s" not in found:
        clock = Stopwatch(pause)
        data = source.apart().paced(clock.pause).encode(condition)
        encode_s = clock.lap()
        code, header = source.model.decode_code(data)
        source.model.synthesise(code.part, code.condition, header.height, header.width, clock.pause)
        found = _keep(opened, condition, {**found, "encode_s": encode_s, "decode_s": clock.lap()})
    return found


def _rival_jobs(opened: Opened, codec: Codec, seen: bool) -> Iterator[Job]:
    """The codec's sweep from the low end until it passes the model's highest rate and quality, so that there is an
    answer to both questions, what it has at this rate and what it needs for this quality; but never far beyond."""
    trials = opened.trials
    for setting in codec.knob.sweep:
        is_ready = _is_ready(trials.known(codec, setting), seen)
        yield Job(setting, is_ready, partial(_rival_point, trials, codec, setting, seen))
        found = trials.point(codec, setting)
        own = [*opened.points.values(), *opened.known.values()]
        rate = max((each["bpp"] for each in own), default=math.inf)
        quality = max((each["psnr"] for each in own), default=math.inf)
        is_beyond = found["bpp"] > rate and found["psnr"] > quality
        if is_beyond or found["bpp"] > MOST_RATE * rate:
            return


def _rival_point(trials: Trials, codec: Codec, setting: float, seen: bool, pause: Pause) -> Point:
    """A codec cannot be interrupted."""
    return trials.seen(codec, setting, pause) if seen else trials.point(codec, setting)
