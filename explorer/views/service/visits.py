"""What every request about an open picture brings: whose it is, and the λ that it names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request

from explorer.condition import Condition
from explorer.lambda_map import MOST_TEXT, LambdaMap
from explorer.views.service import uploads
from explorer.views.service.pictures import Opened, OpenPictures

Page = Annotated[str, Query(max_length=64, pattern="^[A-Za-z0-9_-]*$")]


@dataclass(frozen=True)
class Visit:
    """A request about an open picture. user: whose turn it takes. is_one: whether that is one page or one picture of
    one's own. has_left: whether the visitor has."""

    opened: Opened
    user: str
    is_one: bool
    has_left: Callable[[], Awaitable[bool]]


async def _visit(request: Request, token: str, page: Page = "") -> Visit:
    pictures: OpenPictures = request.app.state.api.pictures
    opened = pictures.get(token, page)
    is_one = bool(page) or pictures.sample_of(opened) is None
    return Visit(opened, page or token, is_one, request.is_disconnected)


Visiting = Annotated[Visit, Depends(_visit)]


async def _map(request: Request, map: str = "") -> LambdaMap | None:
    """The λ map that a request brings, in its address or as its body."""
    text = await uploads.text(request, "λ map", MOST_TEXT) if request.method == "POST" else map
    return LambdaMap.of_text(text) if text else None


Mapped = Annotated[LambdaMap | None, Depends(_map)]


async def _condition(visit: Visiting, lmbda: float, map: Mapped) -> Condition:
    return visit.opened.condition(lmbda, map)


At = Annotated[Condition, Depends(_condition)]  # λ as a request names it
