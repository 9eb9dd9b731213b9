"""Long work that others may interrupt: it calls a function every few milliseconds.

What is called may wait, while something more urgent runs, or raise an exception of its own, and so end the work.
"""

from collections.abc import Callable
from time import perf_counter

Pause = Callable[[], None]


def nothing() -> None:
    """For work that nobody interrupts."""


class Stopwatch:
    """Seconds of work that others may interrupt; the interruptions do not count."""

    def __init__(self, pause: Pause) -> None:
        self._pause, self._start = pause, perf_counter()

    def pause(self) -> None:
        """Pause, with the clock stopped."""
        before = perf_counter()
        self._pause()
        self._start += perf_counter() - before

    def lap(self) -> float:
        """Seconds since the last lap, or the start."""
        taken, self._start = perf_counter() - self._start, perf_counter()
        return taken
