"""The server's routes without a network: a viewer in a notebook sends its requests as messages to the kernel.

    {id, method, path, query} + body ─ Connection ─ the server's routes, in a thread of their own
    {id, status, headers, more} + part ←────── one message for each part of the answer; the last has more = false
    {id, abort} ─────────────────────────────── the viewer has left: what the server does when a connection is closed

So the kernel's own thread stays free, and an answer is the same, byte for byte, as over HTTP.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import traceback
from collections.abc import Callable, Coroutine, MutableMapping
from concurrent.futures import Future
from typing import Any

from starlette.types import ASGIApp

from explorer.views.service.messages import Abort, Head, Part, Request

Send = Callable[[Part, list[bytes]], None]
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

    def receive(self, message: Request | Abort, buffers: list[Any]) -> None:
        """Take a message of the viewer; returns at once."""
        body = b"".join(bytes(buffer) for buffer in buffers)
        self._thread.loop.call_soon_threadsafe(self._take, message, body)

    def close(self) -> None:
        """Give up all that is under way, and the memory that it holds."""
        self._thread.run(self._leave())

    def _take(self, message: Request | Abort, body: bytes) -> None:
        name = message["id"]
        if "abort" in message:
            if name in self._requests:
                self._requests[name].left.set()
            return
        request = self._requests[name] = _Request(name, body, self._send)
        answer = asyncio.ensure_future(self._thread.app(_scope(message), request.receive, request.send))
        request.answer = answer  # the loop itself does not keep it
        answer.add_done_callback(lambda _: self._requests.pop(name, None))

    async def _leave(self) -> None:
        requests = list(self._requests.values())
        for request in requests:
            request.left.set()
        await asyncio.gather(*(request.answer for request in requests if request.answer), return_exceptions=True)
        gc.collect()  # a stream that was broken off is a cycle, and holds the picture


class _Request:
    """One request as the routes see it (ASGI): what they receive, and where they send."""

    def __init__(self, name: str, body: bytes, send: Send) -> None:
        self._name, self._body, self._send = name, body, send
        self._read = False
        self._head: Head = {}
        self.left = asyncio.Event()
        self.answer: asyncio.Future[None] | None = None

    async def receive(self) -> Event:
        if not self._read:
            self._read = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, event: MutableMapping[str, Any]) -> None:
        if event["type"] == "http.response.start":
            headers = {name.decode(): value.decode() for name, value in event["headers"]}
            self._head = {"status": event["status"], "headers": headers}
        elif not self.left.is_set():
            self._send({"id": self._name, "more": event.get("more_body", False), **self._head}, [event["body"]])
            self._head = {}  # it goes with the first part


def _print_failure(done: Future[None]) -> None:
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
