"""What the page of a widget sends its kernel: every message gets an answer or none, and the thread lives on."""

from __future__ import annotations

import asyncio
import json
import tempfile
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from starlette.requests import ClientDisconnect

from explorer.images import InputError, to_png
from explorer.views.service.kernel import Connection, ServerThread
from explorer.views.service.pictures import OpenPictures
from explorer.views.service.server import serve

from . import mutate
from .bitstreams import small_checkpoint
from .campaign import Wrong

TOKEN = "TOKEN"  # stands for that of the open picture, which nobody can know beforehand
BODY = b"\nBODY\n"  # between messages and the body that goes with each
PATIENCE_S = 0.1
PATHS = {
    "open": ("POST", "model=MODEL&sample=noise"), "pixels/TOKEN": ("GET", "box=0,0,20,20&reduce=1"),
    "frame/TOKEN": ("GET", "lmbda=512&wish=response:0:0:0&wish=edit:1=2&live=1&packed=1"),
    "numbers/TOKEN": ("GET", "lmbda=300"),
    "rival/TOKEN": ("GET", "codec=jpeg&setting=50"), "match/TOKEN": ("GET", "codec=jpeg&lmbda=512&by=rate"),
    "modulation": ("GET", "model=MODEL"), "file/TOKEN": ("GET", "lmbda=512&kind=npz&a=4096&b=64"),
    "solve/TOKEN": ("GET", "bpp=0.5"), "setup": ("GET", ""),
}  # fmt: skip


@cache
def _service() -> tuple[ServerThread, OpenPictures, list[dict[str, Any]]]:
    """The thread, its pictures, and what its loop complained of."""
    torch.set_num_threads(1)
    sample = Path(tempfile.mkdtemp(prefix="fuzz-")) / "noise.png"
    noise = np.random.default_rng(0).integers(0, 256, (40, 52, 3), dtype=np.uint8)
    sample.write_bytes(to_png(noise))
    model = str(small_checkpoint("hyper"))
    pictures = OpenPictures([model], {"noise": sample})
    thread = ServerThread(serve(pictures, model))
    complaints: list[dict[str, Any]] = []
    thread.loop.call_soon_threadsafe(thread.loop.set_exception_handler, lambda _, about: complaints.append(about))
    return thread, pictures, complaints


@cache
def corpus() -> list[bytes]:
    requests = [
        {"id": str(i), "method": method, "path": f"/api/{path}", "query": query, "more": False}
        for i, (path, (method, query)) in enumerate(PATHS.items())
    ]
    upload = {"id": "up", "method": "POST", "path": "/api/open", "query": "model=MODEL&name=a.png", "more": False}
    conversations = [
        *([each] for each in (*requests, upload)),
        [requests[2], {"id": requests[2]["id"], "abort": True}],
        [upload | {"more": True}, {"id": "up", "more": True}, {"id": "up", "more": False}],
    ]
    body = BODY + to_png(np.zeros((9, 16, 3), np.uint8))
    return [json.dumps(each).encode() + body for each in conversations]


def mutated(random: Random, corpus: list[bytes]) -> bytes:
    text, _, body = random.choice(corpus).partition(BODY)
    messages = json.loads(text)
    which = random.randrange(len(messages))
    kind = random.random()
    if kind < 0.4:
        messages[which] = mutate.json_mutated(random, messages[which])
    elif kind < 0.9:
        part = random.choice(("query", "path", "method")) if "query" in messages[which] else "id"
        new = mutate.mutated(random, messages[which][part].encode()) or b"x"
        messages[which][part] = new.decode(random.choice(("latin-1", "utf-8")), "replace")
    else:
        messages.append(random.choice(messages))
    if random.random() < 0.2:
        body = mutate.mutated(random, body)
    return mutate.to_json(messages) + BODY + body


def run(data: bytes) -> None:
    thread, pictures, complaints = _service()
    complaints.clear()
    opened = pictures.open_sample(pictures.models[0], "noise")
    text, _, body = data.partition(BODY)
    text = text.replace(TOKEN.encode(), opened.token.encode()).replace(b"MODEL", pictures.models[0].encode())
    status: list[int] = []
    connection = Connection(thread, lambda part, _: status.append(part.get("status", 200)))
    messages = json.loads(text)
    size = -(-len(body) // len(messages)) if messages else 0
    for i, message in enumerate(messages):
        connection.receive(message, [body[i * size : (i + 1) * size]])
    asyncio.run_coroutine_threadsafe(_ended(connection), thread.loop).result()
    if complaints:
        raise complaints[0].get("exception") or Wrong(complaints[0]["message"])
    if any(each >= 500 for each in status):
        raise Wrong(f"answered with {status}")
    if any(each >= 400 for each in status):
        raise InputError("Refused with a status.")


async def _ended(connection: Connection) -> None:
    """Wait for the answers; a request whose body goes on is left."""
    answers = [request.answer for request in connection._requests.values() if request.answer]
    if answers:
        await asyncio.wait(answers, timeout=PATIENCE_S)
    await asyncio.sleep(0)  # for what they do when they are done
    if connection._requests:
        await connection._leave()
    failures = [answer.exception() for answer in answers if answer.done() and not answer.cancelled()]
    for failure in failures:
        if failure and not isinstance(failure, ClientDisconnect):  # left in the midst of its body
            raise failure
