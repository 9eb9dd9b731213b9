"""Files that visitors send: how large each and all together may be, and how long they may take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect, Request

from explorer.images import InputError
from explorer.views.service.errors import Full, TooSlow

MAX_UPLOAD = 128 * 2**20  # bytes of one file
MAX_UPLOADS = 2 * MAX_UPLOAD  # of all that are on their way
SILENCE = 20.0  # seconds without a byte
UPLOAD_SECONDS = 300.0


class Budget:
    """So many of something, of all users together. sentence: what to say where it is used up."""

    def __init__(self, limit: int, sentence: str) -> None:
        self.limit, self.used, self._sentence = limit, 0, sentence

    def take(self, amount: int = 0) -> Share:
        """A part of it, for as long as it is needed: a context manager. Raises Full."""
        share = Share(self)
        share.grow(amount)
        return share

    def use(self, amount: int) -> None:
        """Count so much as used; raises Full."""
        if self.used + amount > self.limit:
            raise Full(self._sentence)
        self.used += amount


class Share:
    """What one user has of a budget; given back at the end of its context."""

    def __init__(self, budget: Budget) -> None:
        self._budget, self.size = budget, 0

    def grow(self, size: int) -> None:
        """Have so much of it, where it is more than before; raises Full."""
        self._budget.use(max(0, size - self.size))
        self.size = max(self.size, size)

    def __enter__(self) -> Share:
        return self

    def __exit__(self, *_: object) -> None:
        self._budget.used -= self.size


async def body(request: Request, name: str, share: Share) -> bytes:
    """The file that a request brings, called `name`. share: of the memory for all files that are on their way.

    Raises InputError for one that is too large or that breaks off, Full, and TooSlow.
    """
    announced = request.headers.get("content-length", "")
    size = int(announced) if announced.isdecimal() else 0
    data = bytearray()
    try:
        share.grow(_checked(size, name))
        async for chunk in _in_time(request, name):
            data += chunk
            share.grow(_checked(len(data), name))
    except ClientDisconnect:
        raise InputError(f"{name!r} broke off: please send it again.") from None
    return bytes(data)


async def text(request: Request, name: str, most: int) -> str:
    """What a request brings as its body, called `name`, as far as `most` bytes and little more. Raises as `body`."""
    data = bytearray()
    try:
        async for chunk in _in_time(request, name):
            data += chunk
            if len(data) > most:
                break
    except ClientDisconnect:
        raise InputError(f"{name!r} broke off: please send it again.") from None
    return data.decode(errors="replace")


def _checked(size: int, name: str) -> int:
    if size > MAX_UPLOAD:
        raise InputError(f"{name!r} is larger than {MAX_UPLOAD >> 20} MB: please send a smaller one.")
    return size


async def _in_time(request: Request, name: str) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    end = loop.time() + UPLOAD_SECONDS
    chunks = request.stream()
    while True:
        try:
            yield await asyncio.wait_for(anext(chunks), min(SILENCE, end - loop.time()))
        except StopAsyncIteration:
            return
        except asyncio.TimeoutError:
            raise TooSlow(f"{name!r} arrived too slowly: please send it again, or a smaller one.") from None
