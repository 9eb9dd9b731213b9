"""The pool that all sessions keep their results in."""

from __future__ import annotations

import gc

import numpy as np

from explorer.cache import Pool


def test_the_pool_has_a_bound_over_all_shelves_and_lets_go_of_what_was_used_longest_ago():
    pool = Pool(100)
    shelves = [pool.shelf(), pool.shelf()]
    for number in range(10):
        shelves[number % 2].get("x", number, make=lambda: b"x" * 30, size=len)
        assert pool.used <= 100
    shelves[1].get("x", 7, make=lambda: b"", size=len)  # used again, so 8 goes first
    shelves[0].get("x", 10, make=lambda: b"x" * 30, size=len)
    assert shelves[1].known("x", 7) is not None
    assert shelves[0].known("x", 8) is None
    assert shelves[0].known("x", 7) is None, "keys of two owners are two keys"


def test_the_newest_is_kept_even_where_it_is_too_large():
    shelf = Pool(10).shelf()
    shelf.get("small", make=lambda: b"x", size=len)
    shelf.get("large", make=lambda: b"x" * 30, size=len)
    assert shelf.known("large") is not None and shelf.known("small") is None


def test_a_value_is_made_once_and_arrays_are_read_only():
    shelf, made = Pool(10_000).shelf(), []

    def make() -> np.ndarray:
        made.append(1)
        return np.zeros(10)

    first, second = (shelf.array("zeros", make=make) for _ in range(2))
    assert first is second and made == [1] and not first.flags.writeable


def test_what_an_owner_kept_goes_with_it():
    pool = Pool(1000)
    shelf = pool.shelf()
    shelf.get("x", make=lambda: b"x" * 30, size=len)
    del shelf
    gc.collect()
    assert pool.used == 0
