"""Many cases of one target in worker processes, and a parent that watches them: hangs, memory, crashes. For Linux.

case n ─ Random(seed, target, n) ─ mutated ─ run ─┬─ accepted, refused
                                                  └─ wrong, error; hang, memory, crash (seen by the parent)
"""

from __future__ import annotations

import faulthandler
import importlib
import multiprocessing
import os
import re
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import psutil

from explorer.images import InputError

OUTCOMES = ("accepted", "refused", "wrong", "error", "hang", "memory", "crash")
NUMBER, STARTED, CPU, SLOWEST, SLOWEST_NUMBER, PEAK, COUNTS = range(7)  # places of what a worker shares; counts last
IDLE = -1.0  # for NUMBER: the corpus is being made
PATIENCE = 6  # for a machine that has others to serve
STARTUP_S = 120.0  # for imports and the corpus
MOST_FAILURES = 50  # are kept with their inputs


class Wrong(Exception):
    """What must not have been accepted."""


@dataclass(frozen=True)
class Limits:
    """A case hangs that takes more than `seconds` of processor time, or PATIENCE times as long by the clock; a worker
    beyond `memory` bytes of resident memory is stopped."""

    seconds: float = 5.0
    memory: int = 3 << 30


@dataclass
class Result:
    """counts: by outcome. slowest_ms: processor time of a case. peak_mb: of a worker. failures: (case, outcome,
    why)."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest_ms: float = 0.0
    slowest_case: int = -1
    peak_mb: int = 0
    failures: list[tuple[int, str, str]] = field(default_factory=list)


def target(name: str) -> ModuleType:
    """A target by its name."""
    return importlib.import_module(f"{__package__}.{name}")


def case(module: ModuleType, seed: int, number: int) -> bytes:
    """The input of one case."""
    return module.mutated(Random(f"{seed}/{module.__name__.rpartition('.')[2]}/{number}"), module.corpus())


def outcome(module: ModuleType, data: bytes) -> tuple[str, str]:
    """(what a target makes of an input, why)."""
    try:
        module.run(data)
    except InputError as refused:
        message = str(refused)
        is_sentence = message.endswith(".") and "\n" not in message and len(message) < 1000
        return ("refused", "") if is_sentence else ("error", f"not one sentence: {message[:2000]!r}")
    except Wrong as wrong:
        return "wrong", str(wrong)
    except Exception as error:
        return "error", f"{type(error).__name__}: {error}"[:2000]
    return "accepted", ""


def run(name: str, count: int, seed: int, workers: int = 0, limits: Limits = Limits()) -> Result:
    """Run cases 0 to count − 1 of a target in so many workers, by default one for each core."""
    started = time.monotonic()
    result = Result()
    step = workers or len(os.sched_getaffinity(0))
    watched = [_Worker(name, seed, range(first, count, step), limits) for first in range(step)]
    while [worker for worker in watched if worker.is_busy(result)]:
        time.sleep(0.05)
    result.seconds = time.monotonic() - started
    result.failures.sort()
    return result


class _Worker:
    """A process that runs some cases, started again after each one that ended it."""

    def __init__(self, name: str, seed: int, numbers: range, limits: Limits) -> None:
        self._name, self._seed, self._numbers, self._limits = name, seed, numbers, limits
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # of a process with threads, a fork may wait for ever
        self._shared = context.RawArray("d", COUNTS + len(OUTCOMES))
        self._shared[NUMBER], self._shared[STARTED] = IDLE, time.monotonic()
        self._failures, theirs = context.Pipe(duplex=False)
        log = tempfile.NamedTemporaryFile(prefix=f"fuzz-{self._name}-", suffix=".txt", delete=False)  # noqa: SIM115
        self._log = Path(log.name)
        arguments = (self._name, self._seed, self._numbers, self._limits, self._shared, theirs, self._log)
        self._process = context.Process(target=_work, args=arguments, daemon=True)
        self._process.start()
        theirs.close()

    def is_busy(self, result: Result) -> bool:
        """Look after the process, and add what it found when it has ended; whether there is more to come."""
        if not self._numbers:
            return False
        self._take_failures(result)
        ended = self._process.exitcode
        reason = self._too_much() if ended is None else f"crash: exit status {ended}" if ended else ""
        if ended is None and not reason:
            return True
        self._process.kill()
        self._process.join()
        self._take_failures(result)
        self._add_to(result)
        number = int(self._shared[NUMBER])
        log, done = self._log.read_text(errors="replace"), number + self._numbers.step
        self._log.unlink()
        if number == IDLE:
            raise RuntimeError(f"The corpus of {self._name} could not be made: {reason}\n{log}")
        if reason:
            kind, _, message = reason.partition(": ")
            result.counts[kind] += 1
            result.failures.append((number, kind, message + (f"\n{log[-2000:]}" if kind == "crash" else "")))
        self._numbers = range(done, self._numbers.stop, self._numbers.step)
        if self._numbers:
            self._start()
        return bool(self._numbers)

    def _too_much(self) -> str:
        """Why the process has to be stopped, or ""."""
        is_case = self._shared[NUMBER] != IDLE
        waited, patience = time.monotonic() - self._shared[STARTED], PATIENCE * self._limits.seconds
        if waited > (patience if is_case else STARTUP_S):
            return f"hang: {waited:.0f} s"
        try:
            about = psutil.Process(self._process.pid)
            took, used = sum(about.cpu_times()[:2]) - self._shared[CPU], about.memory_info().rss
        except psutil.NoSuchProcess:
            return ""
        self._shared[PEAK] = max(self._shared[PEAK], used)
        if is_case and took > self._limits.seconds:
            return f"hang: more than {self._limits.seconds:g} s of processor time"
        return f"memory: {used >> 20} MB" if used > self._limits.memory else ""

    def _take_failures(self, result: Result) -> None:
        while self._failures.poll():
            try:
                result.failures.append(self._failures.recv())
            except EOFError:
                return

    def _add_to(self, result: Result) -> None:
        for name, number in zip(OUTCOMES, self._shared[COUNTS:], strict=True):
            result.counts[name] += int(number)
        if self._shared[SLOWEST] > result.slowest_ms:
            result.slowest_ms, result.slowest_case = self._shared[SLOWEST], int(self._shared[SLOWEST_NUMBER])
        result.peak_mb = max(result.peak_mb, int(self._shared[PEAK]) >> 20)


def _work(name: str, seed: int, numbers: range, limits: Limits, shared: Any, failures: Any, log: Path) -> None:
    """What a worker does. The libraries that decode pictures print to standard error, so that goes into a file."""
    with log.open("w") as file:
        os.dup2(file.fileno(), 2)
    faulthandler.enable()
    warnings.simplefilter("ignore")
    os.environ["OMP_NUM_THREADS"] = "1"
    module = target(name)
    for data in module.corpus():
        module.run(data)
    for number in numbers:
        started = time.process_time()
        shared[CPU], shared[STARTED], shared[NUMBER] = started, time.monotonic(), number
        found, message = outcome(module, case(module, seed, number))
        took, peak = 1000 * (time.process_time() - started), _peak()
        if took > 1000 * limits.seconds:  # the parent looks now and then
            found, message = "hang", f"{took / 1000:.1f} s of processor time"
        if peak > limits.memory:
            found, message = "memory", f"{peak >> 20} MB"
        shared[COUNTS + OUTCOMES.index(found)] += 1
        shared[PEAK] = max(shared[PEAK], peak)
        if took > shared[SLOWEST]:
            shared[SLOWEST], shared[SLOWEST_NUMBER] = took, number
        if found not in ("accepted", "refused"):
            failures.send((number, found, message))
        if peak > limits.memory:
            return  # the peak of a process does not fall


def _peak() -> int:
    """The most resident memory that this process had, in bytes. (getrusage counts that of its parent before exec.)"""
    return 1024 * int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1])
