"""The server's routes without a network: a viewer in a notebook sends its requests as messages to the kernel.

    {id, method, path, query, more} + part ─ Connection ─ the server's routes, in a thread of their own
    {id, taken} ←────────────────────────────── the routes have taken a part of the body, so the next may be sent
    {id, more} + part ───────────────────────── the next part of the body; the last has more = false
    {id, status, headers, more} + part ←────── one message for each part of the answer; the last has more = false
    {id, abort} ─────────────────────────────── the viewer has left: what the server does when a connection is closed

So the kernel's own thread stays free, and an answer is the same, byte for byte, as over HTTP. A body comes in parts
because a Jupyter server closes the connection at a message of more than 10 MiB, and the kernel with it seems dead.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import traceback
from collections.abc import Callable, Coroutine, MutableMapping
from concurrent.futures import Future
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp

from explorer.views.service.messages import Abort, BodyPart, Head, Part, Request, Taken

Send = Callable[[Part | Taken, list[bytes]], None]
Event = dict[str, Any]  # of ASGI


class ServerThread:
    """A server's routes and the thread that they run in."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="explorer", daemon=True).start()

    def run(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        """Run work in the thread, beside the requests; may be called from any thread. Its failure is printed."""
        done = asyncio.run_coroutine_threadsafe(work, self.loop)
        done.add_done_callback(_print_failure)
        return done


class Connection:
    """The requests of one viewer. send(message, buffers): takes an answer to it, from any thread."""

    def __init__(self, thread: ServerThread, send: Send) -> None:
        self._thread, self._send = thread, send
        self._requests: dict[str, _Request] = {}

    def receive(self, message: Request | BodyPart | Abort, buffers: list[Any]) -> None:
        """Take a message of the viewer; returns at once. What is none, some other script's, is dropped."""
        if not _is_message(message):
            return
        part = b"".join(bytes(buffer) for buffer in buffers)
        self._thread.loop.call_soon_threadsafe(self._take, message, part)

    def close(self) -> None:
        """Give up all that is under way, and the memory that it holds."""
        self._thread.run(self._leave())

    def _take(self, message: Request | BodyPart | Abort, part: bytes) -> None:
        name = message["id"]
        if "path" not in message:  # of a request that is under way, or was: what comes late is of no use
            if name in self._requests:
                self._requests[name].go_on(message, part)
            return
        if name in self._requests:
            return
        request = self._requests[name] = _Request(name, self._send)
        request.go_on(message, part)
        answer = asyncio.ensure_future(self._thread.app(_scope(message), request.receive, request.send))
        request.answer = answer  # the loop itself does not keep it
        answer.add_done_callback(lambda done: self._end(name, done))

    def _end(self, name: str, answer: asyncio.Future[None]) -> None:
        self._requests.pop(name, None)
        if not answer.cancelled() and isinstance(answer.exception(), ClientDisconnect):
            return  # it left in the midst of its body
        _print_failure(answer)

    async def _leave(self) -> None:
        requests = list(self._requests.values())
        for request in requests:
            request.leave()
        await asyncio.gather(*(request.answer for request in requests if request.answer), return_exceptions=True)
        gc.collect()  # a stream that was broken off is a cycle, and holds the picture


class _Request:
    """One request as the routes see it (ASGI): what they receive, and where they send."""

    def __init__(self, name: str, send: Send) -> None:
        self._name, self._send = name, send
        self._came: asyncio.Queue[Event] = asyncio.Queue()
        self._head: Head = {}
        self._left = False
        self.answer: asyncio.Future[None] | None = None

    def go_on(self, message: Request | BodyPart | Abort, part: bytes) -> None:
        if "abort" in message:
            self.leave()
        else:
            self._came.put_nowait({"type": "http.request", "body": part, "more_body": message["more"]})

    def leave(self) -> None:
        self._left = True
        self._came.put_nowait({"type": "http.disconnect"})

    async def receive(self) -> Event:
        event = await self._came.get()
        if event["type"] == "http.disconnect":
            self._came.put_nowait(event)  # whoever asks again is told again
        elif event["more_body"]:
            self._send({"id": self._name, "taken": True}, [])
        return event

    async def send(self, event: MutableMapping[str, Any]) -> None:
        if event["type"] == "http.response.start":
            headers = {name.decode(): value.decode() for name, value in event["headers"]}
            self._head = {"status": event["status"], "headers": headers}
        elif not self._left:
            self._send({"id": self._name, "more": event.get("more_body", False), **self._head}, [event["body"]])
            self._head = {}  # it goes with the first part


def _is_message(message: object) -> bool:
    """Whether it has the fields of one of the three, by their types."""
    if not isinstance(message, dict) or not isinstance(message.get("id"), str):
        return False
    if "abort" in message:
        return True
    texts = [message[name] for name in ("method", "path", "query") if "path" in message and name in message]
    is_whole = "path" not in message or len(texts) == 3
    return is_whole and all(map(_is_text, texts)) and isinstance(message.get("more"), bool)


def _is_text(value: object) -> bool:
    """Whether it can be sent: a script's text may hold halves of pairs, which stand for nothing."""
    return isinstance(value, str) and not any("\ud800" <= each <= "\udfff" for each in value)


def _print_failure(done: Future[None] | asyncio.Future[None]) -> None:
    if not done.cancelled() and (error := done.exception()):
        traceback.print_exception(error)


def _scope(message: Request) -> Event:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": message["method"],
        "scheme": "http",
        "path": message["path"],
        "raw_path": message["path"].encode(),
        "root_path": "",
        "query_string": message["query"].encode(),
        "headers": [],
        "client": None,
        "server": None,
    }
