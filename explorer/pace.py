"""Long work that others may interrupt: it calls a function every few milliseconds.

What is called may wait, while something more urgent runs, or raise an exception of its own, and so end the work.
"""

from collections.abc import Callable

Pause = Callable[[], None]


def nothing() -> None:
    """For work that nobody interrupts."""
