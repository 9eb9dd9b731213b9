"""The encoder's search: never worse than the encoder's own answer, told of, cancelled, repeated."""

from __future__ import annotations

import pytest
from conftest import sample_paths

import explorer
from explorer import images, search
from explorer.images import InputError
from explorer.session import Session

PIXELS = images.read(sample_paths()[0]).pixels[100:164, 200:280]


def cost(session: Session, lmbda: float) -> float:
    return search.cost_of(session.model, session.picture.pixels, session.encode(lmbda))


@pytest.fixture(params=["mae", "hyperprior"])
def plain(request) -> Session:
    return Session(request.getfixturevalue(request.param), PIXELS)


def test_a_search_finds_a_better_file_the_same_each_time(plain):
    found = plain.at_effort(1)
    assert cost(found, 256) < 0.995 * cost(plain, 256)
    assert found.encode(256) == Session(plain.model, PIXELS).at_effort(1).encode(256)
    assert (explorer.decode(found.encode(256), device="cpu") == found.reconstruct(256)).all()
    point = found.point(256)
    assert (point.codec, point.bytes) == (f"{plain.model.name}@1", len(found.encode(256)))
    assert plain.point(256).codec == plain.model.name


def test_who_is_told_of_the_progress_may_end_the_search_and_keep_what_there_is(plain):
    told: list[search.Progress] = []

    def tell(progress: search.Progress) -> None:
        told.append(progress)
        if progress.done == 3:
            raise search.Enough

    found = plain.at_effort(2, tell)
    assert cost(found, 1024) <= cost(plain, 1024)
    assert told[0].start == pytest.approx(cost(plain, 1024), rel=0.1)  # but for the header
    assert [each.done for each in told] == [1, 2, 3] and all(each.total == 2000 for each in told)
    assert all(each.seconds_left > 0 and each.cost > 0 for each in told)
    assert found.known_code(1024) is not None and plain.at_effort(2).known_code(1024) is not None
    assert len(told) == 3, "what was found is searched once"


def test_a_search_that_is_cancelled_leaves_nothing_behind(plain):
    class Cancelled(Exception):
        pass

    def cancel(_: search.Progress) -> None:
        raise Cancelled

    found = plain.at_effort(1, cancel)
    with pytest.raises(Cancelled):
        found.reconstruct(512)
    assert found.known_code(512) is None and plain.at_effort(1).known_code(512) is None


def test_there_are_three_efforts(plain):
    assert plain.at_effort(0).encode(512) == plain.encode(512)
    for effort in (-1, 3):
        with pytest.raises(InputError, match=f"0, 1 or 2, but {effort}"):
            plain.at_effort(effort)
