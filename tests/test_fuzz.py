"""The fuzzer itself, a short run of each target, and inputs that failed once; see `fuzz`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from fuzz import broken, campaign
from fuzz.campaign import Limits

CASES = {
    "bitstreams": 500,
    "pictures": 600,
    "rows": 80,
    "shards": 200,
    "checkpoints": 120,
    "states": 80,
    "messages": 100,
}
FAILED_ONCE = sorted(path for path in (Path(__file__).parent / "fuzz" / "corpus").rglob("*") if path.is_file())


def test_the_watchdog_tells_hangs_crashes_and_memory_from_errors() -> None:
    seed, count = 1, 16
    inputs = [campaign.case(broken, seed, number).decode() for number in range(count)]
    assert set(inputs) == set(broken.KINDS)
    found = campaign.run("broken", count, seed, workers=2, limits=Limits(seconds=0.5, memory=200 << 20))
    expected = ["error" if each == "two sentences" else each for each in inputs]
    assert found.counts == Counter(expected)
    failed = [(i, each) for i, each in enumerate(expected) if each not in ("accepted", "refused")]
    assert [(number, outcome) for number, outcome, _ in found.failures] == failed


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_hostile_inputs_are_accepted_rightly_or_refused_with_a_sentence(name: str) -> None:
    target = campaign.target(name)
    for data in target.corpus():
        target.run(data)
    found = [(number, *campaign.outcome(target, campaign.case(target, 0, number))) for number in range(CASES[name])]
    assert [each for each in found if each[1] not in ("accepted", "refused")] == []
    assert {outcome for _, outcome, _ in found} == {"accepted", "refused"}


def test_hostile_requests_are_answered_rightly_or_refused_with_a_sentence() -> None:
    found = campaign.run("requests", 300, 0, workers=1)  # Gradio leaves sockets and loops open: in a process of its own
    assert found.failures == [] and found.counts["accepted"] > 30 and found.counts["refused"] > 100


@pytest.mark.parametrize("path", FAILED_ONCE, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_failed_once_does_not_fail_again(path: Path) -> None:
    target = campaign.target(path.parent.name)
    outcome, message = campaign.outcome(target, path.read_bytes())
    assert outcome in ("accepted", "refused"), message
