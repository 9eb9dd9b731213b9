"""The fuzzer itself, a short run of each target, and inputs that failed once; see `fuzz`."""

from __future__ import annotations

from collections import Counter

from fuzz import broken, campaign
from fuzz.campaign import Limits


def test_the_watchdog_tells_hangs_crashes_and_memory_from_errors() -> None:
    seed, count = 1, 16
    inputs = [campaign.case(broken, seed, number).decode() for number in range(count)]
    assert set(inputs) == set(broken.KINDS)
    found = campaign.run("broken", count, seed, workers=2, limits=Limits(seconds=1, memory=200 << 20))
    expected = ["error" if each == "two sentences" else each for each in inputs]
    assert found.counts == Counter(expected)
    failed = [(i, each) for i, each in enumerate(expected) if each not in ("accepted", "refused")]
    assert [(number, outcome) for number, outcome, _ in found.failures] == failed
