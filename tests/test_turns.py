"""Whose turn it is, exactly: work that says when it may end, and a clock that stands still unless it is moved."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from conftest import run_async

from explorer.views.service import turns
from explorer.views.service.errors import Full, Superseded
from explorer.views.service.turns import PAUSE, QUANTUM, STARVING, Pauses, Turn, Turns


class Clock:
    """Seconds, as they are set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.reads = 0

    def __call__(self) -> float:
        self.reads += 1
        return self.now

    async def looked_at(self) -> None:
        """Wait until who waits for a time has looked a few times whether it has come."""
        end = self.reads + 6
        while self.reads < end:
            await asyncio.sleep(0.001)


class Bench:
    """Pieces of work by name: each notes when it begins, and ends when it is told to."""

    def __init__(self, lane: Turns) -> None:
        self.lane = lane
        self.begun: list[str] = []
        self.ends: dict[str, threading.Event] = {}
        self.tasks: dict[str, asyncio.Task[str]] = {}

    def ask(self, name: str, user: str, **options: Any) -> None:
        end = self.ends[name] = threading.Event()

        def work(_: Turn) -> str:
            self.begun.append(name)
            assert end.wait(10)
            return name

        self.tasks[name] = asyncio.ensure_future(self.lane.run(user, work, **options))

    async def until_begun(self, *names: str) -> None:
        while self.begun != list(names):
            await asyncio.sleep(0.001)

    async def end(self, name: str) -> None:
        self.ends[name].set()
        assert await self.tasks[name] == name


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_async(asyncio.wait_for(work(), 30))


async def during_a_frame() -> tuple[Clock, Bench, Bench]:
    """What is worked on first, while user a has a frame made, and what is worked on beside it."""
    clock = Clock()
    frames = Bench(Turns(clock))
    frames.ask("frame", "a")
    await frames.until_begun("frame")
    return clock, frames, Bench(Pauses(frames.lane, clock))


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_users_take_turns_however_much_one_of_them_asks_for() -> None:
    async def scene() -> None:
        bench = Bench(Turns())
        for name, user in [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("c1", "c"), ("b2", "b")]:
            bench.ask(name, user)
            await settled()
        order = ["a1", "a2", "b1", "c1", "a3", "b2"]
        for count, name in enumerate(order, 1):
            await bench.until_begun(*order[:count])
            await bench.end(name)

    run(scene)


def test_of_one_user_the_most_urgent_goes_first() -> None:
    async def scene() -> None:
        bench = Bench(Turns())
        for name, rank in [("first", 2), ("file", 2), ("numbers", 1), ("frame", 0)]:
            bench.ask(name, "a", rank=rank)
            await settled()
        order = ["first", "frame", "numbers", "file"]
        for count, name in enumerate(order, 1):
            await bench.until_begun(*order[:count])
            await bench.end(name)

    run(scene)


def test_the_latest_takes_the_place_of_what_waits_and_keeps_its_turn() -> None:
    async def scene() -> None:
        bench = Bench(Turns())
        bench.ask("b1", "b")
        await bench.until_begun("b1")
        bench.ask("a1", "a", slot="picture")
        await settled()
        bench.ask("c1", "c")
        await settled()
        bench.ask("a2", "a", slot="picture")
        with pytest.raises(Superseded):  # at once, while b1 still works
            await bench.tasks["a1"]
        bench.ask("other", "a", slot="another picture")
        await settled()
        await bench.end("b1")
        await bench.until_begun("b1", "a2")  # not behind c1
        await bench.end("a2")
        await bench.until_begun("b1", "a2", "c1")
        bench.ask("a3", "a", slot="another picture")  # "other" has not begun
        with pytest.raises(Superseded):
            await bench.tasks["other"]
        await bench.end("c1")
        await bench.end("a3")

    run(scene)


def test_what_has_begun_is_finished() -> None:
    async def scene() -> None:
        bench = Bench(Turns())
        bench.ask("a1", "a", slot="picture")
        await bench.until_begun("a1")
        bench.ask("a2", "a", slot="picture")
        await settled()
        await bench.end("a1")
        await bench.end("a2")

    run(scene)


def test_who_has_left_does_not_take_a_turn() -> None:
    async def scene() -> None:
        bench, gone = Bench(Turns()), False

        async def has_left() -> bool:
            return gone

        bench.ask("b1", "b")
        await bench.until_begun("b1")
        bench.ask("a1", "a", has_left=has_left)
        bench.ask("c1", "c")
        bench.ask("d1", "d")
        await settled()
        gone = True
        with pytest.raises(Superseded):
            await bench.tasks["a1"]
        bench.tasks["c1"].cancel()  # as at the end of a stream
        await settled()
        await bench.end("b1")
        await bench.until_begun("b1", "d1")
        await bench.end("d1")

    run(scene)


def test_long_work_lets_others_in_after_its_due_and_its_own_user_at_once() -> None:
    async def scene() -> None:
        clock = Clock()
        bench, goes, asked = Bench(Turns(clock)), threading.Event(), threading.Semaphore(0)
        steps: list[str] = []

        def long(turn: Turn) -> str:
            for step in ("alone", "in time", "others", "own"):
                assert asked.acquire(timeout=10)
                turn.pause()
                steps.append(step)
            goes.set()
            return "long"

        work = asyncio.ensure_future(bench.lane.run("a", long, rank=1))
        await settled()
        clock.now = 10 * QUANTUM
        asked.release()  # nobody else waits
        while steps != ["alone"]:
            await asyncio.sleep(0.001)
        bench.ask("b1", "b")
        await settled()
        clock.now = 0.0  # as though it had just begun
        asked.release()
        while steps != ["alone", "in time"]:
            await asyncio.sleep(0.001)
        clock.now = 2 * QUANTUM
        asked.release()
        await bench.until_begun("b1")
        assert steps == ["alone", "in time"]
        await bench.end("b1")
        while len(steps) < 3:
            await asyncio.sleep(0.001)
        bench.ask("a1", "a")
        await settled()
        asked.release()
        await bench.until_begun("b1", "a1")
        assert len(steps) == 3, "its own user's frame goes first, though it has only just begun again"
        await bench.end("a1")
        assert await work == "long" and goes.is_set()

    run(scene)


def test_long_work_that_nobody_wants_ends_in_its_next_pause() -> None:
    async def scene() -> None:
        lane, gone, ended = Turns(), False, threading.Event()

        async def has_left() -> bool:
            return gone

        def long(turn: Turn) -> None:
            try:
                while True:
                    turn.pause()
            finally:
                ended.set()

        work = asyncio.ensure_future(lane.run("a", long, has_left=has_left))
        await settled()
        gone = True
        with pytest.raises(Superseded):
            await work
        assert ended.wait(10)
        assert await lane.run("b", lambda _: "free") == "free"

    run(scene)


def test_no_two_that_take_much_memory_are_begun_at_a_time() -> None:
    async def scene() -> None:
        clock = Clock()
        bench, asked = Bench(Turns(clock)), threading.Semaphore(0)

        def large(turn: Turn) -> None:
            assert asked.acquire(timeout=10)
            turn.pause()
            assert asked.acquire(timeout=10)

        work = asyncio.ensure_future(bench.lane.run("a", large, is_heavy=True))
        await settled()
        bench.ask("large", "b", is_heavy=True)
        bench.ask("small", "c")
        await settled()
        clock.now = 2 * QUANTUM
        asked.release()
        await bench.until_begun("small")
        await bench.end("small")
        asked.release()
        await work
        await bench.until_begun("small", "large")
        await bench.end("large")

    run(scene)


def test_a_failure_gives_the_machine_back() -> None:
    async def scene() -> None:
        lane = Turns()

        def fails(_: Turn) -> None:
            raise ValueError("bad")

        with pytest.raises(ValueError, match="bad"):
            await lane.run("a", fails)
        assert await lane.run("a", lambda _: 1) == 1

    run(scene)


def test_one_user_cannot_fill_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MOST_WAITING", 2)

    async def scene() -> None:
        bench = Bench(Turns())
        for name in ("a1", "a2", "a3", "a4"):
            bench.ask(name, "a")
            await settled()
        with pytest.raises(Full, match="at once"):
            await bench.tasks["a4"]
        bench.ask("b1", "b")
        await settled()
        for name in ("a1", "a2", "b1", "a3"):
            await bench.end(name)
        assert bench.begun == ["a1", "a2", "b1", "a3"]

    run(scene)


def test_what_has_time_waits_for_a_pause_of_its_length() -> None:
    async def scene() -> None:
        clock, frames, aside = await during_a_frame()
        aside.ask("curve", "a")
        aside.ask("rival", "a", patience=0)
        await aside.until_begun("rival")
        await aside.end("rival")
        await frames.end("frame")
        clock.now = 0.9 * PAUSE
        await clock.looked_at()
        assert aside.begun == ["rival"]
        clock.now = 1.1 * PAUSE
        await aside.until_begun("rival", "curve")
        await aside.end("curve")

    run(scene)


def test_what_let_others_in_goes_on_in_the_next_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LOOK", 0.001)

    async def scene() -> None:
        clock = Clock()
        frames = Bench(Turns(clock))
        lane, begun, asked = Pauses(frames.lane, clock), threading.Event(), threading.Semaphore(0)

        def long(turn: Turn) -> str:
            begun.set()
            assert asked.acquire(timeout=10)
            turn.pause()
            return "whole"

        work = asyncio.ensure_future(lane.run("a", long))
        while not begun.is_set():
            await asyncio.sleep(10 * turns.LOOK)  # nobody waits meanwhile, so that nobody need be looked after
        frames.ask("frame", "a")
        await frames.until_begun("frame")
        asked.release()
        while not lane._waiting:
            await asyncio.sleep(0.001)
        await frames.end("frame")
        clock.now = 1.1 * PAUSE
        assert await work == "whole"

    run(scene)


def test_where_others_leave_no_pause_work_of_who_rests_goes_on_now_and_then() -> None:
    async def scene() -> None:
        clock, frames, aside = await during_a_frame()
        aside.ask("own", "a")
        aside.ask("other", "b")
        await clock.looked_at()
        assert not aside.begun
        clock.now = 1.1 * STARVING
        await aside.until_begun("other")  # it is a who drags
        await aside.end("other")
        aside.ask("more", "b")
        clock.now = 1.9 * STARVING
        await clock.looked_at()
        assert aside.begun == ["other"]
        await frames.end("frame")
        clock.now = 4 * STARVING
        await aside.end("own")
        await aside.end("more")

    run(scene)
