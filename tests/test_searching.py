"""The encoder's search in the app: one at a time, told of, cancelled at once, kept; its numbers, picture, maps and file
are those of one session. The model is a tiny one, and a search of a few steps."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from conftest import run_async, smooth_picture, unpack, wait_until
from fastapi.testclient import TestClient
from PIL import Image
from test_app import as_sent, upload
from test_wire import check

import explorer
from explorer import search
from explorer.codecs.learned import LearnedCodec
from explorer.condition import Condition
from explorer.images import InputError, to_png
from explorer.lambda_map import LambdaMap
from explorer.session import Session
from explorer.views.service import messages, rectangles, replies, searching, server
from explorer.views.service.errors import Full
from explorer.views.service.pictures import Opened
from explorer.views.service.searching import Searching
from explorer.views.service.trials import Trials
from explorer.views.service.turns import Pauses, Turns
from explorer.views.service.wishes.answers import answer

PICTURE = smooth_picture(80, 112)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "ITERATIONS", (0, 12, 400))
    monkeypatch.setattr(searching, "NEWS_SECONDS", 0)


@pytest.fixture
def opened(tiny: LearnedCodec) -> Opened:
    return Opened("token", "holiday.png", tiny.name, Session(tiny, PICTURE), Trials(PICTURE))


async def lines_of(searching: Searching, opened: Opened, lmbda: Any, effort: int = 1, user: str = "") -> list[Any]:
    with searching.ask(opened, opened.condition(lmbda), effort, user) as asked:
        return [line async for line in asked.lines()]


def test_a_search_tells_how_far_it_is_and_then_what_it_found(opened: Opened) -> None:
    lines = run_async(lines_of(Searching(Pauses(Turns())), opened, 256))
    assert [line["done"] for line in lines[:-1]] == list(range(1, 13)) and {line["of"] for line in lines[:-1]} == {12}
    assert all(line["seconds"] >= 0 for line in lines[:-1]) and lines[-2]["seconds"] == 0
    for line in lines:
        check(line, messages.SearchFound if "after" in line else messages.SearchPart)
    found, session = lines[-1], opened.session
    condition = opened.condition(256)
    searched = session.at_effort(1)
    assert found["before"]["bytes"] == len(session.encode(condition))
    assert found["after"]["bytes"] == len(searched.encode(condition)) and found["after"]["codec"] == "tiny@1"
    assert cost(found["after"], condition.lmbda) <= cost(found["before"], condition.lmbda)
    assert abs(found["same"]["psnr"] - found["after"]["psnr"]) <= searching.SAME_PSNR
    assert opened.searches.found() == [found]


def test_a_painted_picture_is_searched_for_what_its_map_asks(opened: Opened) -> None:
    condition = Condition(opened.condition(256).level, LambdaMap.of([[0, 16], [0, 0]]))
    found = run_async(lines_of(Searching(Pauses(Turns())), opened, condition))[-1]
    assert found["map"] == condition.map.text == found["after"]["knob"]["map"]
    assert found["cost_after"] < found["cost_before"]
    for name, session in {"before": opened.session, "after": opened.session.at_effort(1)}.items():
        assert found[name]["bytes"] == len(data := session.encode(condition))
        assert found[f"cost_{name}"] == pytest.approx(search.cost_of(session.model, PICTURE, data))


def cost(point: Any, lmbda: float) -> float:
    return point["bpp"] + lmbda * 10 ** (-point["psnr"] / 10)


def test_what_was_found_is_told_at_once_when_it_is_asked_for_again(opened: Opened, monkeypatch) -> None:
    all_searches = Searching(Pauses(Turns()))
    found = run_async(lines_of(all_searches, opened, 256))[-1]
    monkeypatch.setattr(search, "search", lambda *_: pytest.fail("it was searched for again"))
    assert run_async(lines_of(all_searches, opened, 256)) == [found]


def test_maps_are_of_the_files_before_and_after(opened: Opened) -> None:
    condition = opened.condition(256)
    assert answer(opened, condition, "searched:1") == ({}, {})
    run_async(lines_of(Searching(Pauses(Turns())), opened, 256))
    about, arrays = answer(opened, condition, "searched:1")
    check(arrays, messages.SearchedArrays)
    assert about == {"effort": 1}
    for name, session in {"_before": opened.session, "": opened.session.at_effort(1)}.items():
        np.testing.assert_array_equal(arrays[f"bits{name}"], session.code(condition).position_bits)
        np.testing.assert_array_equal(arrays[f"mse{name}"], session.block_error(condition))


@pytest.mark.parametrize("effort", ["3", "0", "-1", "x", ""])
def test_a_wish_for_another_effort_brings_nothing_or_is_refused(opened: Opened, effort: str) -> None:
    try:
        assert answer(opened, opened.condition(256), f"searched:{effort}") == ({}, {})
    except InputError:
        assert not effort.lstrip("-").isdigit()


# -- one at a time -----------------------------------------------------------------------------------------------------


def test_one_search_is_made_at_a_time_and_who_waits_is_told(opened: Opened) -> None:
    async def both() -> tuple[list[Any], list[Any]]:
        all_searches = Searching(Pauses(Turns()))
        jobs = [lines_of(all_searches, opened, lmbda, user=user) for lmbda, user in [(256, "a"), (512, "b")]]
        first, second = await asyncio.gather(*jobs)
        return first, second

    first, second = run_async(both())
    assert "waiting" not in first[0]
    check(second[0], messages.SearchWait)
    assert second[0] == {"waiting": 1} and second[1]["done"] == 1 and "after" in second[-1]


def test_a_search_that_is_left_ends_within_an_iteration_and_the_next_begins(opened: Opened) -> None:
    async def leave() -> tuple[list[Any], list[Any]]:
        all_searches = Searching(Pauses(Turns()))
        asked = all_searches.ask(opened, opened.condition(256), 2, "a")
        seen = []
        with asked:
            async for line in asked.lines():
                seen.append(line)
                if len(seen) == 3:
                    break
        return seen, await asyncio.wait_for(lines_of(all_searches, opened, 512, user="b"), 60)

    seen, after = run_async(leave())
    assert [line["done"] for line in seen] == [1, 2, 3]
    assert "after" in after[-1] and [each["effort"] for each in opened.searches.found()] == [1]


def test_a_search_stands_still_while_a_frame_is_made(opened: Opened) -> None:
    async def look() -> list[Any]:
        first = Turns()
        pauses = Pauses(first)
        with Searching(pauses).ask(opened, opened.condition(256), 1, "a") as asked:
            lines = asked.lines()
            begun = await anext(lines)
            await first.run("a", lambda _: wait_until(lambda: pauses._working is None, seconds=20))
            return [begun] + [line async for line in lines]

    lines = run_async(look())
    assert [line["done"] for line in lines[:-1]] == list(range(1, 13)) and "after" in lines[-1]


def test_so_many_searches_may_wait_and_one_of_each_user(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "MOST_WAITING", 2)
    all_searches = Searching(Pauses(Turns()))
    condition = opened.condition(256)
    with all_searches.ask(opened, condition, 1, "a"):
        with pytest.raises(Full, match="of yours is under way"):
            all_searches.ask(opened, condition, 2, "a")
        with all_searches.ask(opened, condition, 1, "b"), pytest.raises(Full, match="try again"):
            all_searches.ask(opened, condition, 1, "c")
    all_searches.ask(opened, condition, 1, "c")


def test_the_time_of_a_search_is_told_before_it_begins(opened: Opened) -> None:
    one, two = run_async(Searching(Pauses(Turns())).seconds(opened, ""))
    assert 0 < one < 60 and two == pytest.approx(one * 400 / 12)


def test_a_large_picture_is_searched_too_and_seen_by_parts(tiny: LearnedCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "ITERATIONS", (0, 1, 2))
    monkeypatch.setattr(searching, "_of_same_quality", lambda *_: None)
    pixels = smooth_picture(1040, 1040)
    large = Opened("token", "large.png", tiny.name, Session(tiny, pixels), Trials(pixels))
    found = run_async(lines_of(Searching(Pauses(Turns())), large, 256))[-1]
    condition, part = large.condition(256), rectangles.parse("500,500,64,32", 2, (1040, 1040))
    shown = replies.searched(large, condition, 1, part)
    assert shown.header["point"] == found["after"] and shown.arrays["pixels"].shape == (16, 32, 3)
    assert cost(found["after"], condition.lmbda) <= cost(found["before"], condition.lmbda)


# -- the routes --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(checkpoint: str) -> Iterator[TestClient]:
    with TestClient(server.create_server(checkpoint)) as client:
        yield client


@pytest.fixture
def ask(client: TestClient, checkpoint: str) -> Callable[..., Any]:
    token = upload(client, checkpoint, to_png(PICTURE)).json()["id"]
    return lambda route, **query: client.get(f"/api/{route}/{token}", params=query)


def test_picture_numbers_and_file_of_a_search_are_those_of_its_session(ask, checkpoint: str) -> None:
    lines = [json.loads(line) for line in ask("search", lmbda=300, effort=1).text.splitlines()]
    searched = Session(explorer.load_model(checkpoint), PICTURE).at_effort(1)
    header, pixels = unpack(ask("searched", lmbda=300, effort=1).content)
    np.testing.assert_array_equal(pixels, searched.reconstruct(300))
    assert header["point"] == lines[-1]["after"] == as_sent(searched.point(300, quick=True))
    assert (header["codec"], header["setting"]) == ("searched", 1)
    seen = ask("seen", lmbda=300, effort=1).json()["point"]
    assert (
        seen["bytes"] == header["point"]["bytes"] and seen["encode_s"] == lines[-1]["seconds"] and seen["decode_s"] > 0
    )
    corner = unpack(ask("searched", lmbda=300, effort=1, box="16,0,32,48").content)[1]
    np.testing.assert_array_equal(corner, pixels[:48, 16:48])
    saved = ask("file", lmbda=300, kind="mae", effort=1)
    assert (
        saved.content == searched.encode(300) and "mine-lambda300-effort1.mae" in saved.headers["content-disposition"]
    )
    np.testing.assert_array_equal(explorer.load_model(checkpoint).decode(saved.content), pixels)
    assert ask("searches").json()["found"] == lines[-1:]


@pytest.mark.parametrize(
    ("route", "query", "says"),
    [
        ("search", {"lmbda": 300, "effort": 3}, "effort 1 or 2, but 3"),
        ("search", {"lmbda": 300, "effort": 0}, "effort 1 or 2, but 0"),
        ("search", {"lmbda": 300, "effort": -(10**30)}, "effort"),
        ("search", {"lmbda": 300, "effort": "1e3"}, "“effort” is not as it has to be"),
        ("search", {"lmbda": "nan", "effort": 1}, "λ must lie between"),
        ("search", {"lmbda": 5000, "effort": 1}, "λ must lie between"),
        ("search", {"lmbda": 300}, "“effort”"),
        ("searched", {"lmbda": 300, "effort": 2}, "Nobody has searched with effort 2"),
        ("searched", {"lmbda": 300, "effort": 9}, "Nobody has searched"),
        ("seen", {"lmbda": 300, "effort": 2}, "Nobody has searched"),
        ("file", {"lmbda": 300, "kind": "mae", "effort": 2}, "Nobody has searched"),
        ("file", {"lmbda": 300, "kind": "npz", "effort": -1}, "Nobody has searched"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_a_sentence(ask, route: str, query: dict[str, Any], says: str) -> None:
    refused = ask(route, **query)
    assert refused.status_code == 422 and says in refused.json()["error"]


def test_a_received_file_has_no_original_to_search_for(client: TestClient, checkpoint: str) -> None:
    data = explorer.load_model(checkpoint).encode(Image.fromarray(PICTURE), 512)
    token = client.post("/api/open", params={"model": checkpoint, "name": "a.mae"}, content=data).json()["id"]
    for route in ("search", "searches", "searched"):
        refused = client.get(f"/api/{route}/{token}", params={"lmbda": 512, "effort": 1})
        assert refused.status_code == 422 and "without the original" in refused.json()["error"]
