"""How the routes' answers go over HTTP: JSON, lines of it as they come, a reply's arrays, a file to keep."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote

from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from explorer.views.service.wire import Reply, to_json


class Json(JSONResponse):
    def render(self, content: Any) -> bytes:
        return to_json(content)


def binary(reply: Reply, packed: bool = False) -> Response:
    return Response(reply.pack(packed), media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def attachment(data: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, errors='replace')}"}
    return Response(data, media_type="application/octet-stream", headers=headers)


class Counted(StreamingResponse):
    """Lines of JSON that a share of something is used for, until they have ended, however they do."""

    def __init__(self, lines: AsyncIterator[bytes], share: AbstractContextManager[object]) -> None:
        super().__init__(lines, media_type="application/x-ndjson")
        self._share = share

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._share:
            await super().__call__(scope, receive, send)


async def json_lines(items: AsyncIterator[Mapping[str, object]]) -> AsyncIterator[bytes]:
    async for item in items:
        yield to_json(item) + b"\n"
