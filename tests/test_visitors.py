"""Many visitors of one server: whose pictures stay open, what is refused, and what is left when they have gone."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import wait_until
from fastapi.testclient import TestClient
from starlette.requests import ClientDisconnect
from starlette.websockets import WebSocketDisconnect

from explorer.codecs import CODECS
from explorer.images import InputError, to_png
from explorer.session import MAPS, POOL
from explorer.views.service import pictures as open_pictures
from explorer.views.service import server, trials, uploads
from explorer.views.service.errors import Full, Gone, TooSlow
from explorer.views.service.pictures import Opened, OpenPictures
from explorer.views.service.server import create_server

SMALL = np.random.default_rng(3).integers(0, 256, (32, 48, 3), dtype=np.uint8)
SENTENCE = "So many pictures are open"


class Clock:
    """Seconds, as they are set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pictures(checkpoint: str, clock: Clock) -> OpenPictures:
    return OpenPictures([checkpoint], {}, idle=45, pixels=10 * SMALL[..., 0].size, clock=clock)


@pytest.fixture
def put(pictures: OpenPictures, checkpoint: str) -> Callable[..., Opened]:
    return lambda page="", pixels=SMALL: pictures.open(checkpoint, pixels, "mine", page=page)


def are_open(pictures: OpenPictures, *opened: Opened) -> list[bool]:
    return [each.token in pictures._places for each in opened]


# -- whose pictures stay open ------------------------------------------------------------------------------------------


def test_what_a_page_looks_at_stays_until_it_has_gone_and_goes_within_a_minute(pictures, put, clock) -> None:
    with pictures.presence("a"), pictures.presence("a"):  # it connects anew before the old connection has ended
        own, nobodys, left = put("a"), put(), put("b")
        clock.now += 44
        assert pictures.close_idle() == 0
        clock.now += 2
        assert pictures.close_idle() == 2 and are_open(pictures, own, nobodys, left) == [True, False, False]
        clock.now += 10_000
        assert pictures.close_idle() == 0
    clock.now += 44
    assert pictures.close_idle() == 0, "it may come back"
    clock.now += 2
    assert pictures.close_idle() == 1
    with pytest.raises(Gone):
        pictures.get(own.token)


def test_what_was_used_of_late_stays(pictures, put, clock) -> None:
    opened = put()
    for _ in range(5):
        clock.now += 40
        pictures.get(opened.token)
        assert pictures.close_idle() == 0


def test_a_page_that_comes_late_keeps_what_it_asks_for(pictures, put, clock) -> None:
    shared = put("a")
    with pictures.presence("b"):
        pictures.get(shared.token, "b")
        clock.now += 1000
        assert pictures.close_idle() == 0


def test_room_is_made_of_what_is_nobodys_then_of_ones_own_then_of_what_others_looked_away_from(pictures, put) -> None:
    with pictures.presence("a"), pictures.presence("b"):
        before, now = put("a"), put("a")
        loose, own = put(), put("b")
        big = np.zeros((4 * 32, 48, 3), np.uint8)
        put("b", big)
        assert are_open(pictures, before, now, loose, own) == [True, True, True, True]
        third = put("b", np.zeros((3 * 32, 48, 3), np.uint8))
        assert are_open(pictures, before, now, loose, own) == [True, True, False, True]
        fourth = put("b", big)
        assert are_open(pictures, before, now, own, third, fourth) == [True, True, False, True, True]
        with pictures.presence("c"):
            put("c", np.zeros((2 * 32, 48, 3), np.uint8))
            assert are_open(pictures, before, now, third, fourth) == [False, True, True, True]
            with pictures.presence("d"):
                put("d", np.zeros((3 * 32, 48, 3), np.uint8))
                assert are_open(pictures, before, now, third, fourth) == [False, True, False, True]


def test_what_others_look_at_is_not_closed_and_a_refusal_loses_nothing(pictures, put, clock) -> None:
    with pictures.presence("a"), pictures.presence("b"):
        others = put("a", np.zeros((7 * 32, 48, 3), np.uint8))
        own = put("b")
        with pytest.raises(Full, match=SENTENCE):
            put("b", np.zeros((4 * 32, 48, 3), np.uint8))
        assert are_open(pictures, others, own) == [True, True]
    clock.now += 50
    pictures.close_idle()
    put("b", np.zeros((4 * 32, 48, 3), np.uint8))


def test_one_page_has_no_more_than_its_share(pictures, put, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_pictures, "MAX_OPEN_EACH", 3)
    with pictures.presence("a"), pictures.presence("b"):
        others = put("b")
        own = [put("a") for _ in range(5)]
        assert are_open(pictures, others, *own) == [True, False, False, True, True, True]


def test_there_are_no_more_pages_than_can_be_looked_after(pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_pictures, "MAX_PAGES", 1)
    with pictures.presence("a"), pictures.presence("a"), pytest.raises(Full), pictures.presence("b"):
        pass
    with pictures.presence("b"):
        pass


# -- over HTTP ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def client(checkpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(server, "LOOK_SECONDS", 0.02)
    gc.freeze()  # what there is already need not be gone through at each look
    with TestClient(create_server(checkpoint)) as client:
        yield client
    gc.unfreeze()


def send(client: TestClient, checkpoint: str, page: str = "", pixels: np.ndarray = SMALL, name: str = "a.png") -> Any:
    query = {"model": checkpoint, "name": name} | ({"page": page} if page else {})
    return client.post("/api/open", params=query, content=to_png(pixels))


def test_a_page_that_is_closed_frees_its_pictures(client: TestClient, checkpoint: str) -> None:
    with client.websocket_connect("/api/page?page=abc"):
        token = send(client, checkpoint, "abc").json()["id"]
        other = send(client, checkpoint, "another").json()["id"]
        wait_until(lambda: client.get(f"/api/pixels/{other}").status_code == 410)
        assert client.get(f"/api/pixels/{token}").status_code == 200
    wait_until(lambda: client.get(f"/api/pixels/{token}").status_code == 410)
    assert "open it again" in client.get(f"/api/pixels/{token}").json()["error"]


@pytest.mark.parametrize("query", ["?page=" + 65 * "a", "?page=a%20b", "", "?page="])
def test_a_page_has_a_name(client: TestClient, query: str) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"/api/page{query}"):
        pass


def test_nothing_is_said_over_the_connection_of_a_page(client: TestClient) -> None:
    with client.websocket_connect("/api/page?page=abc") as line:
        line.send_text("hello")
        assert line.receive()["code"] == 1008


def test_when_all_is_full_one_sentence_says_so(client: TestClient, checkpoint: str) -> None:
    pictures = client.app.state.api.pictures  # type: ignore[attr-defined]
    pictures._pixels = SMALL[..., 0].size
    with client.websocket_connect("/api/page?page=abc"):
        assert send(client, checkpoint, "abc").status_code == 200
        refused = send(client, checkpoint, "another")
    assert refused.status_code == 503 and refused.json()["error"].startswith(SENTENCE)
    assert int(refused.headers["retry-after"]) > 0


def test_failures_of_the_framework_are_sentences_too(client: TestClient) -> None:
    for answer, status in [
        (client.get("/api/nothing"), 404), (client.get("/viewer/nothing.js"), 404), (client.put("/api/setup"), 405),
        (client.get("/api/frame/x"), 410), (client.get("/api/modulation"), 422),
        (client.post("/api/open?model=mae&sample=parrots&page=" + 99 * "a"), 422),
    ]:  # fmt: skip
        assert answer.status_code == status and list(answer.json()) == ["error"], answer.text
        assert answer.json()["error"].endswith(".") and "\n" not in answer.json()["error"]


def test_a_name_with_signs_that_no_header_has(client: TestClient, checkpoint: str) -> None:
    with client.websocket_connect("/api/page?page=abc"):
        opened = send(client, checkpoint, "abc", name='../a\r\nX: "1"\u202e\0é中.png').json()
        assert opened["name"] == 'a__X: "1"__é中.png'
        saved = client.get(f"/api/file/{opened['id']}", params={"lmbda": 64, "kind": "png", "page": "abc"})
        name = saved.headers["content-disposition"]
        assert name == "attachment; filename*=UTF-8''a__X%3A%20%221%22__%C3%A9%E4%B8%AD-lambda64.png"


def test_a_frame_that_is_no_longer_wanted_is_answered_with_nothing(client: TestClient, checkpoint: str) -> None:
    api = client.app.state.api  # type: ignore[attr-defined]
    begun, end = threading.Event(), threading.Event()

    def blocks(_: object) -> None:
        begun.set()
        end.wait(20)

    with client.websocket_connect("/api/page?page=abc"):
        token = send(client, checkpoint, "abc").json()["id"]
        statuses: dict[float, int] = {}

        def ask(lmbda: float) -> None:
            query = {"lmbda": lmbda, "live": 1, "page": "abc"}
            statuses[lmbda] = client.get(f"/api/frame/{token}", params=query).status_code

        busy = client.portal.start_task_soon(api.turns.run, "other", blocks)  # type: ignore[union-attr]
        assert begun.wait(20)
        threads = []
        for lmbda in (64.0, 128.0, 256.0):
            threads.append(threading.Thread(target=ask, args=(lmbda,)))
            threads[-1].start()
            wait_until(lambda: any(each.slot for turns in api.turns._waiting.values() for each in turns))
            if lmbda != 256.0:
                first = lmbda
                continue
            wait_until(lambda: len(statuses) == 2)
        end.set()
        busy.result(20)
        for thread in threads:
            thread.join(20)
    assert first and sorted(statuses.values()) == [200, 204, 204]


# -- files that are sent -----------------------------------------------------------------------------------------------


class Sender:
    """A request with a body that arrives as it is told to."""

    def __init__(self, chunks: list[bytes | float], length: str = "") -> None:
        self.headers = {"content-length": length} if length else {}
        self._chunks = chunks
        self.read = 0

    async def stream(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            if isinstance(chunk, float):
                await asyncio.sleep(chunk)
            elif chunk == b"left":
                raise ClientDisconnect
            else:
                self.read += len(chunk)
                yield chunk


def received(sender: Sender, budget: uploads.Budget) -> bytes:
    async def whole() -> bytes:
        with budget.take() as share:
            return await uploads.body(sender, "a.png", share)  # type: ignore[arg-type]

    found: list[Any] = []

    def run() -> None:
        try:
            found.append(asyncio.run(whole()))
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(found[0], Exception):
        raise found[0]
    return found[0]


def test_a_file_arrives_whole_and_its_memory_is_given_back() -> None:
    budget = uploads.Budget(100, "Full.")
    assert received(Sender([b"ab", b"c"], "3"), budget) == b"abc"
    assert received(Sender([b"ab", b"c"]), budget) == b"abc"
    assert budget.used == 0


@pytest.mark.parametrize(("chunks", "length", "error", "read"), [
    ([b"x" * 60], "60", InputError, 0),  # said beforehand: nothing of it is read
    ([b"x" * 30, b"x" * 30, b"x" * 30], "", InputError, 60),
    ([b"x" * 30, b"x" * 30, b"x" * 30], "9", InputError, 60),
    ([b"x" * 30, 9.0], "40", TooSlow, 30),
    ([b"x" * 30, b"left"], "40", InputError, 30),
    ([b"x" * 30], "nonsense", None, 30),
])  # fmt: skip
def test_a_file_that_is_too_large_or_too_slow_is_refused(
    monkeypatch: pytest.MonkeyPatch, chunks: list[Any], length: str, error: type[Exception] | None, read: int
) -> None:
    monkeypatch.setattr(uploads, "MAX_UPLOAD", 50)
    monkeypatch.setattr(uploads, "SILENCE", 0.05)
    sender, budget = Sender(chunks, length), uploads.Budget(1000, "Full.")
    if error is None:
        assert len(received(sender, budget)) == read
    else:
        with pytest.raises(error, match=r"^'a.png' .*\.$"):
            received(sender, budget)
    assert sender.read == read and budget.used == 0


def test_all_files_together_have_a_bound() -> None:
    budget = uploads.Budget(100, "Full.")
    with budget.take(70):
        with pytest.raises(Full, match="Full"):
            received(Sender([b"x" * 40]), budget)
        assert received(Sender([b"x" * 30], "30"), budget)
        with pytest.raises(Full):
            budget.take(31)
    assert budget.used == 0


# -- hours in one process ----------------------------------------------------------------------------------------------


def test_nothing_is_left_of_pictures_that_were_closed(checkpoint: str, client: TestClient) -> None:
    def visit(number: int) -> None:
        page = f"page{number}"
        with client.websocket_connect(f"/api/page?page={page}"):
            send(client, checkpoint, page, SMALL[::-1])
            token = send(client, checkpoint, page, np.roll(SMALL, number, axis=0)).json()["id"]
            query: dict[str, Any] = {"page": page, "lmbda": 64 + number % 3}
            assert client.get(f"/api/frame/{token}", params=query | {"live": 1, "wish": "planes"}).status_code == 200
            assert client.get(f"/api/numbers/{token}", params=query).status_code == 200
            rival = {"page": page, "codec": "jpeg", "setting": 50}
            assert client.get(f"/api/rival/{token}", params=rival).status_code == 200
            if number % 50 == 1:  # it takes a pause
                with client.stream("GET", f"/api/points/{token}", params={"page": page}) as lines:
                    assert json.loads(next(lines.iter_lines()))["series"] == "model"

    api = client.app.state.api  # type: ignore[attr-defined]
    for number in range(3):
        visit(number)
    wait_until(lambda: not api.pictures._places)
    gc.collect()
    objects, threads, used = len(gc.get_objects()), threading.active_count(), (POOL.used, MAPS.used)
    for number in range(100):
        visit(number)
    wait_until(lambda: not api.pictures._places)
    gc.collect()
    kept = [each for each in gc.get_objects() if isinstance(each, (Opened, open_pictures.Session))]
    assert kept == []
    assert len(gc.get_objects()) < objects + 1500 and threading.active_count() <= threads + 8
    wait_until(lambda: (POOL.used, MAPS.used) == used)  # another thread's garbage collection may be letting go of them
    assert not (api.pictures._held or api.pictures._present or len(api.pictures._left) > 1)
    assert not api.turns._waiting and not api.pauses._waiting and api.turns._working is None
    assert api._uploads.used == api._sweeps.used == 0


def test_trials_of_one_picture_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = trials.Trials(SMALL)
    size = len(tried.file(CODECS["jpeg"], 80))
    monkeypatch.setattr(trials, "MAX_BYTES", 5 * size)
    monkeypatch.setattr(trials, "MAX_POINTS", 7)
    tried.frame(CODECS["webp"], 50)
    for quality in range(61, 80):
        assert tried.frame(CODECS["jpeg"], quality)[0]["knob"] == {"quality": quality}
    kept = [found for each in tried._tried.values() for found in each.values()]
    assert 4 < sum(len(found.data) for found in kept) / size <= 5 and not tried._tried["webp"]
    assert [setting for _, setting in tried._points] == list(range(73, 80))


def test_samples_are_shared_and_closed_once_nobody_looks(checkpoint: str, client: TestClient) -> None:
    pages = ("a", "b")
    with client.websocket_connect("/api/page?page=b"):
        with client.websocket_connect("/api/page?page=a"):
            tokens = {
                client.post("/api/open", params={"model": checkpoint, "sample": "parrots", "page": page}).json()["id"]
                for page in pages
            }
            assert len(tokens) == 1
        (token,) = tokens
        api = client.app.state.api  # type: ignore[attr-defined]
        looked = api.pictures._places[token].pages
        wait_until(lambda: "a" not in api.pictures._left)
        assert looked <= {"a", "b"} and client.get(f"/api/pixels/{token}?page=b").status_code == 200
    wait_until(lambda: token not in api.pictures._places)


def test_the_bundled_model_is_offered_to_whoever_asks_for_it_by_name_alone(client: TestClient, tmp_path: Path) -> None:
    answer = client.post("/api/open", params={"model": str(tmp_path / "x.safetensors"), "sample": "parrots"})
    assert answer.status_code == 422 and "no model called" in answer.json()["error"]
