"""What was computed and may be asked for again: one pool for a whole process, within one bound in bytes.

Every session keeps what it makes on a shelf of the pool, by key; where the pool is full, what was used longest ago
goes, whoever's it is. A shelf's values go with it.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from itertools import count
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


class Pool:
    """Least recently used values within `limit` bytes; the newest is kept even where it alone is larger. May be used
    from any thread."""

    def __init__(self, limit: int) -> None:
        self.limit, self._used = limit, 0
        self._lock = threading.RLock()  # a shelf may be let go of by the garbage collector in the midst of a change
        self._values: OrderedDict[tuple[int, Hashable], tuple[Any, int]] = OrderedDict()
        self._numbers = count()

    @property
    def used(self) -> int:
        """Bytes that its values take."""
        return self._used

    def shelf(self) -> Shelf:
        """A place for values of one owner."""
        shelf = Shelf(self, next(self._numbers))
        weakref.finalize(shelf, self._clear, shelf.number)
        return shelf

    def find(self, key: tuple[int, Hashable]) -> tuple[Any] | None:
        """(the value,) that is kept under a key, or None."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return (self._values[key][0],)

    def keep(self, key: tuple[int, Hashable], value: T, size: int) -> T:
        """Keep a value of `size` bytes, unless there is one already; the one that is kept."""
        with self._lock:
            if key not in self._values:
                self._values[key] = (value, size)
                self._used += size
            kept: T = self._values[key][0]
            while self._used > self.limit and len(self._values) > 1:
                self._used -= self._values.popitem(last=False)[1][1]
        return kept

    def _clear(self, number: int) -> None:
        with self._lock:
            for key in [key for key in self._values if key[0] == number]:
                self._used -= self._values.pop(key)[1]


class Shelf:
    """Values of one owner by key."""

    def __init__(self, pool: Pool, number: int) -> None:
        self._pool, self.number = pool, number

    def known(self, *key: Hashable) -> Any | None:
        """A value that is kept, or None."""
        found = self._pool.find((self.number, key))
        return found[0] if found else None

    def get(self, *key: Hashable, make: Callable[[], T], size: Callable[[T], int]) -> T:
        """A value, made where it is not kept. Two threads may do the same work; neither waits for the other's."""
        found = self._pool.find((self.number, key))
        if found:
            kept: T = found[0]
            return kept
        value = make()
        return self._pool.keep((self.number, key), value, size(value))

    def array(self, *key: Hashable, make: Callable[[], np.ndarray]) -> np.ndarray:
        """The same for an array, which becomes read-only."""

        def read_only() -> np.ndarray:
            made = make()
            made.setflags(write=False)
            return made

        return self.get(*key, make=read_only, size=lambda made: made.nbytes)
