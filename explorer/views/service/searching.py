"""The encoder's search for the app: one at a time, in the pauses of all other work.

asked for ─ Searching, a queue ─ `explorer.search` ─ its file ─ `Searches`, where it is kept
                └ lines: how many are before it, how far it is, what it found
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Hashable
from statistics import median
from time import monotonic

from explorer import inside, search
from explorer.condition import Condition
from explorer.images import InputError
from explorer.pace import Stopwatch
from explorer.search import Enough, Progress
from explorer.session import Session
from explorer.views.service.errors import Full
from explorer.views.service.messages import Point, SearchEnd, SearchFound, SearchPart, SearchWait
from explorer.views.service.pictures import Opened
from explorer.views.service.points import CURVES, measured_point
from explorer.views.service.trials import as_message
from explorer.views.service.turns import Pauses, Turn

EFFORTS = range(1, len(search.ITERATIONS))
MOST_WAITING = 16  # searches of all users
NEWS_SECONDS = 0.2  # between two lines about a search
SAME_PSNR = 0.02  # dB by which two files may differ whose bytes are compared
TRIAL_SIDE, TRIAL_ITERATIONS = 256, 3  # from which the time of a search is told beforehand

Line = SearchWait | SearchPart | SearchFound | SearchEnd


class Searching:
    """The searches of all users. May be used from one event loop."""

    def __init__(self, pauses: Pauses) -> None:
        self.pauses = pauses
        self.queue: list[Search] = []
        self._paces: dict[str, float] = {}  # seconds an iteration takes a pixel, by model

    def ask(self, opened: Opened, condition: Condition, effort: int, user: Hashable) -> Search:
        """A search of a picture, for as long as its context lasts. Raises InputError for what cannot be searched, and
        Full where too many wait or one of this user does."""
        session = opened.session
        if effort not in EFFORTS:
            raise InputError(f"A search has effort {' or '.join(map(str, EFFORTS))}, but {effort} was asked for.")
        if any(each.user == user for each in self.queue):
            raise Full("A search of yours is under way: cancel it, or wait for it to end.")
        if len(self.queue) >= MOST_WAITING:
            raise Full("Many searches wait here already: please try again in a few minutes.")
        return Search(self, opened, session, condition, effort, user)

    async def seconds(self, opened: Opened, user: Hashable) -> list[float]:
        """How long a search of a picture takes here with each effort, about."""
        session, model = opened.session, opened.model
        if model not in self._paces:
            await self.pauses.run(user, lambda turn: self.learn(model, _trial(session, turn)), rank=CURVES)
        return [search.ITERATIONS[effort] * self._paces[model] * math.prod(session.size) for effort in EFFORTS]

    def learn(self, model: str, pace: float) -> None:
        """Take note of the seconds that an iteration has taken for each pixel."""
        self._paces[model] = pace


class Search:
    """One search that was asked for: a context in which its `lines` may be read; at its end the search ends too."""

    def __init__(
        self, searching: Searching, opened: Opened, session: Session, condition: Condition, effort: int, user: Hashable
    ) -> None:
        self._searching, self._opened, self._session = searching, opened, session
        self._condition, self._effort, self.user = condition, effort, user
        self._news: asyncio.Queue[SearchPart | None] = asyncio.Queue()
        self._moved = asyncio.Event()
        self._work: asyncio.Task[SearchFound] | None = None

    def __enter__(self) -> Search:
        self._searching.queue.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self._work:
            self._work.cancel()
        self._searching.queue.remove(self)
        for other in self._searching.queue:
            other._moved.set()

    async def lines(self) -> AsyncIterator[Line]:
        """How it goes on, and at last what was found, or why nothing was."""
        while not self._known and (ahead := self._searching.queue.index(self)):
            yield {"waiting": ahead}
            await self._moved.wait()
            self._moved.clear()
        if self._known:
            yield self._known
            return
        loop = asyncio.get_running_loop()
        self._work = asyncio.ensure_future(
            self._searching.pauses.run(self.user, lambda turn: self._search(turn, loop), rank=CURVES)
        )
        self._work.add_done_callback(lambda _: self._news.put_nowait(None))
        while (news := await self._news.get()) is not None:
            yield news
        try:
            yield self._work.result()
        except InputError as error:
            yield {"error": str(error)}

    @property
    def _known(self) -> SearchFound | None:
        return self._opened.searches.known(self._condition, self._effort)

    def _search(self, turn: Turn, loop: asyncio.AbstractEventLoop) -> SearchFound:
        """The search itself, in a thread."""
        condition, effort, clock = self._condition, self._effort, Stopwatch(turn.pause)
        laps: list[float] = []
        told = began = monotonic()

        def tell(progress: Progress) -> None:
            nonlocal told
            laps.append(clock.lap())
            if progress.done == 1 or monotonic() - told >= NEWS_SECONDS:
                told = monotonic()
                loop.call_soon_threadsafe(self._news.put_nowait, _part(progress))

        session = self._session.paced(clock.pause)
        searched = session.at_effort(effort, tell)
        after = as_message(searched.point(condition, quick=True))
        seconds = monotonic() - began
        self._searching.learn(self._opened.model, median(laps) / math.prod(session.size))
        found: SearchFound = {
            "lmbda": condition.lmbda,
            "level": condition.level,
            "map": condition.map.text if condition.map else "",
            "effort": effort,
            "seconds": seconds,
            "before": measured_point(self._opened, session, condition),
            "after": after,
            "same": _of_same_quality(self._opened, session, condition, after),
            "cost_before": _cost(session, condition),
            "cost_after": _cost(searched, condition),
        }
        self._opened.searches.keep(condition, found, searched)
        return found


def _cost(session: Session, condition: Condition) -> float:
    return inside.cost(condition, len(session.encode(condition)), session.size, session.block_error(condition))


def _part(progress: Progress) -> SearchPart:
    change = progress.cost / progress.start - 1
    return {"done": progress.done, "of": progress.total, "seconds": progress.seconds_left, "change": change}


def _trial(session: Session, turn: Turn) -> float:
    """Seconds that an iteration takes for each pixel, from the first ones on a corner of the picture."""
    corner = session.picture.pixels[:TRIAL_SIDE, :TRIAL_SIDE]
    clock, laps = Stopwatch(turn.pause), []

    def tell(progress: Progress) -> None:
        laps.append(clock.lap())
        if progress.done == TRIAL_ITERATIONS:
            raise Enough

    Session(session.model, corner, cache_bytes=0).paced(clock.pause).at_effort(1, tell).code(session.model.knob.minimum)
    return median(laps) / math.prod(corner.shape[:2])


def _of_same_quality(opened: Opened, session: Session, condition: Condition, after: Point) -> Point | None:
    """The first guess's file, at another λ with the same map, that has the PSNR of what was found, or None."""
    try:
        lmbda = session.solve(psnr=after["psnr"], map=condition.map)
    except InputError:
        return None
    same = measured_point(opened, session, session.condition(Condition.of(lmbda, condition.map)))
    return same if abs(same["psnr"] - after["psnr"]) <= SAME_PSNR else None
