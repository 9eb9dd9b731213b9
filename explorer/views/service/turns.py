"""Whose turn it is: the work of many users on one machine.

    frames, numbers, … ─ Turns ─ one piece at a time, users in turn, of one user the most urgent first
    curves, rivals, …  ─ Pauses ─ the same beside it, in the pauses of the other

Who asks for much waits longer for it, and nobody else does. Long work (see `explorer.pace`) lets others in once it has
had the machine for a moment, and what its user wants more urgently at once. What nobody waits for any more ends.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import Future
from time import monotonic
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from explorer.views.service.errors import Full, Superseded

T = TypeVar("T")
QUANTUM = 0.1  # seconds of work, after which others have their turn
PAUSE = 0.3  # seconds without other work that are a pause
STARVING = 1.0  # seconds after which work goes on without a pause, where it is others that leave none
LOOK = 0.05  # seconds between two looks whether there is a pause, or whether the visitor has left
MOST_WAITING = 64  # pieces of work of one user
BUSY = "Too much was asked for at once: please wait until some of it is answered."


class Turn:
    """One piece of work: its place in the queue, and then its right to go on."""

    def __init__(
        self, turns: Turns, user: Hashable, rank: int, slot: Hashable, patience: float, is_heavy: bool
    ) -> None:
        self._turns = turns
        self.user, self.rank, self.slot, self.patience, self.is_heavy = user, rank, slot, patience, is_heavy
        self.asked = self.since = -math.inf
        self.granted = _promise()
        self.has_begun = self.is_unwanted = False

    def goes_on(self) -> bool:
        """Whether it may go on now without letting others in; for work that can stop and start again."""
        return not self.is_unwanted and self._turns.may_keep(self)

    def pause(self) -> None:
        """Let others in where it is time to; called in the work's thread. Raises Superseded."""
        if not self.goes_on():
            self._turns.yield_to_others(self)
            self.granted.result()


class Turns:
    """One piece of work at a time. May be used from one event loop; `Turn` also from the threads of its work."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._waiting: OrderedDict[Hashable, list[Turn]] = OrderedDict()  # users in the order of their turns
        self._working: Turn | None = None
        self._heavy: Turn | None = None  # that has begun
        self._ended: OrderedDict[Hashable, float] = OrderedDict()  # when, by user; of late
        self._threads = CapacityLimiter(math.inf)  # one works, and those that let it do so wait

    async def run(
        self,
        user: Hashable,
        work: Callable[[Turn], T],
        *,
        rank: int = 0,
        slot: Hashable = None,
        patience: float = PAUSE,
        is_heavy: bool = False,
        has_left: Callable[[], Awaitable[bool]] | None = None,
    ) -> T:
        """The result of work in a thread, once its turn comes. rank: of the same user's, the least goes first. slot:
        it takes the place of what waits under this name. patience: see `Pauses`. is_heavy: it takes much memory, so
        that no two such are begun at a time. has_left: whether the visitor has.

        Raises Superseded, Full, and what the work raises.
        """
        turn = Turn(self, user, rank, slot, patience, is_heavy)
        self._enter(turn)
        watch = asyncio.ensure_future(self._watch(turn, has_left)) if has_left else None
        try:
            await asyncio.wrap_future(turn.granted)
            return await to_thread.run_sync(self._do, turn, work, limiter=self._threads, abandon_on_cancel=True)
        except asyncio.CancelledError:
            self.leave(turn)
            raise
        finally:
            if watch:
                watch.cancel()

    def is_quiet(self, seconds: float, user: Hashable = None) -> bool:
        """Whether there has been no work for so long; of one user alone where one is given."""
        with self._lock:
            users = {turn.user for turns in self._waiting.values() for turn in turns}
            users |= {self._working.user} if self._working else set()
            is_idle = not users if user is None else user not in users
            last = next(reversed(self._ended.values()), -math.inf) if user is None else self._ended.get(user, -math.inf)
            return is_idle and self._clock() - last >= seconds

    def leave(self, turn: Turn) -> None:
        """Nobody wants this work any more: it ends at once where it waits, and otherwise in its next pause."""
        with self._lock:
            turn.is_unwanted = True
            waits = turn in self._waiting.get(turn.user, ())
            if waits:
                self._forget(turn)
            if not turn.granted.done():
                turn.granted.set_exception(Superseded())
            elif not turn.has_begun:
                self._end(turn)  # its turn had come, and no thread will do its work

    def may_keep(self, turn: Turn) -> bool:
        """Whether a turn that works may go on: nobody waits, or it has had no more than its due."""
        with self._lock:
            if any(other.rank < turn.rank for other in self._waiting.get(turn.user, ())):
                return False
            return not self._waiting or self._clock() - turn.since < QUANTUM

    def yield_to_others(self, turn: Turn) -> None:
        """Back into the queue with a turn that works."""
        with self._lock:
            turn.granted = _promise()
            if turn.is_unwanted:
                turn.granted.set_exception(Superseded())
                return
            self._working = None
            self._note(turn)
            self._waiting.setdefault(turn.user, []).append(turn)
            self._grant()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _enter(self, turn: Turn) -> None:
        with self._lock:
            turn.asked = self._clock()
            queue = self._waiting.setdefault(turn.user, [])
            for other in [each for each in queue if turn.slot is not None and each.slot == turn.slot]:
                if not other.has_begun:
                    queue.remove(other)
                    other.granted.set_exception(Superseded())
            if len(queue) >= MOST_WAITING:
                raise Full(BUSY)
            queue.append(turn)
            self._grant()

    def _grant(self) -> None:
        """Give the machine to whose turn it is, where it is free."""
        if self._working is not None:
            return
        found = next(filter(None, map(self._due, self._waiting)), None)
        if found is None:
            return
        self._forget(found)
        if found.user in self._waiting:
            self._waiting.move_to_end(found.user)
        self._working, found.since = found, self._clock()
        if found.is_heavy:
            self._heavy = found
        found.granted.set_result(None)

    def _due(self, user: Hashable) -> Turn | None:
        """What a user is to have next, where that can be now."""
        return min(filter(self._is_due, self._waiting[user]), key=lambda turn: turn.rank, default=None)

    def _is_due(self, turn: Turn) -> bool:
        return not turn.is_heavy or self._heavy in (None, turn)

    def _forget(self, turn: Turn) -> None:
        queue = self._waiting[turn.user]
        queue.remove(turn)
        if not queue:
            del self._waiting[turn.user]

    def _do(self, turn: Turn, work: Callable[[Turn], T]) -> T:
        with self._lock:
            if turn.is_unwanted:
                raise Superseded
            turn.has_begun = True
        try:
            return work(turn)
        finally:
            self._end(turn)

    def _end(self, turn: Turn) -> None:
        with self._lock:
            if self._heavy is turn:
                self._heavy = None
            if self._working is turn:
                self._working = None
                self._note(turn)
            self._grant()

    def _note(self, turn: Turn) -> None:
        now = self._clock()
        self._ended[turn.user] = now
        self._ended.move_to_end(turn.user)
        while next(iter(self._ended.values())) < now - 60:
            self._ended.popitem(last=False)

    async def _watch(self, turn: Turn, has_left: Callable[[], Awaitable[bool]]) -> None:
        while not await has_left():
            await asyncio.sleep(2 * LOOK)
        self.leave(turn)


class Pauses(Turns):
    """Slower work beside that of `first`, in its pauses: a turn waits until there has been no other work for its
    `patience` in seconds, 0 for none. Where it is other users who leave no pause, it gets `QUANTUM` every so often."""

    def __init__(self, first: Turns, clock: Callable[[], float] = monotonic) -> None:
        super().__init__(clock)
        self._first = first
        self._looking: asyncio.Task[None] | None = None

    def may_keep(self, turn: Turn) -> bool:
        """Whether a turn that works may go on: there is a pause, or it has had no more than its due."""
        is_free = turn.patience == 0 or self._first.is_quiet(0)
        is_due = self._first.is_quiet(turn.patience, turn.user) and self._clock() - turn.since < QUANTUM
        return super().may_keep(turn) and (is_free or is_due)

    def _enter(self, turn: Turn) -> None:
        super()._enter(turn)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        """A pause begins without a call from anybody. Who works may wait again later, from a thread."""
        while self._is_in_use():
            await asyncio.sleep(LOOK)
            with self._lock:
                self._grant()

    def _is_in_use(self) -> bool:
        with self._lock:
            return bool(self._waiting) or self._working is not None

    def _is_due(self, turn: Turn) -> bool:
        if not super()._is_due(turn):
            return False
        if turn.patience == 0 or self._first.is_quiet(turn.patience):
            return True
        now, last = self._clock(), next(reversed(self._ended.values()), -math.inf)
        has_starved = min(now - last, now - turn.asked) >= STARVING
        return has_starved and self._first.is_quiet(turn.patience, turn.user)


def _promise() -> Future[None]:
    """One that cannot be cancelled by who waits for it, so that it can always be kept."""
    promise: Future[None] = Future()
    promise.set_running_or_notify_cancel()
    return promise
