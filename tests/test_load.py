"""Many users at once: a short run of `tests.load`, and what it would find."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest
import uvicorn
from conftest import run_async
from load import LAMBDAS, Load, picture, prepare

from explorer import Session, load_model
from explorer.views.app import CONNECTIONS
from explorer.views.listening import listen
from explorer.views.service.server import create_server
from explorer.views.service.wire import Reply

USERS, SECONDS = 6, 5.0


def test_many_users_get_their_own_frames_and_wait_alike(checkpoint: str) -> None:
    pictures = prepare(USERS, checkpoint, sizes=((192, 256),))
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(create_server(checkpoint), log_level="warning", **CONNECTIONS))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    load = Load(f"http://127.0.0.1:{listener.getsockname()[1]}", os.getpid(), pictures, checkpoint)
    run_async(load.run(SECONDS, 0))
    server.should_exit = True
    thread.join(20)
    report = load.report
    print(f"\n{report.frames} frames, median waits {report.shortest_median_ms} to {report.longest_median_ms} ms")
    assert report.errors == [] and report.cross_talk == 0 and report.refused == 0
    assert report.frames > 10 * USERS and report.superseded and report.numbers and report.spread <= 3


@pytest.mark.parametrize(("shown", "errors", "cross_talk"), [(0, 0, 0), (4, 1, 1)])
def test_what_is_shown_to_a_user_is_told_from_what_is_anothers(
    checkpoint: str, shown: int, errors: int, cross_talk: int
) -> None:
    sizes = ((96, 128),)
    pictures = prepare(3, checkpoint, LAMBDAS[:1], sizes)
    load = Load("http://127.0.0.1:1", os.getpid(), pictures, checkpoint)
    pixels = Session(load_model(checkpoint), picture(shown, sizes[0])).reconstruct(LAMBDAS[0])
    body = Reply({"picture": "token", "lmbda": LAMBDAS[0], "width": 128, "height": 96}, {"pixels": pixels}).pack()
    load.check(0, 0, "token", LAMBDAS[0], body)
    assert (len(load.report.errors), load.report.cross_talk) == (errors, cross_talk)
