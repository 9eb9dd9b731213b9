"""What stands in front of all routes, Gradio's included: which names the server answers to, and headers that hold the
page to it.

A page elsewhere can have its own name point at 127.0.0.1 (DNS rebinding) and would then be of the same origin as the
app, in its visitor's browser. So the name that a request was made to has to be one that is known to be this server's.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.views.service.failures import SENTENCES, failure

MAX_ADDRESS = 8192  # bytes of a path and its query
MOST_AT_ONCE = 1000
BUSY = "So many people use this server now that it takes nothing more: please try again in a few seconds."
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
ANY_ADDRESS = ("0.0.0.0", "::")
# Gradio writes its page's scripts and styles into it, and makes functions of what its components are to do in the page.
POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    # Slides and notebooks of the same machine may show the app in a frame.
    "frame-ancestors": "'self' http://localhost:* http://127.0.0.1:*",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:@/?#\[\]]+)(?::\d*)?", re.IGNORECASE)
_ORIGIN = re.compile(r"https?://(.+)", re.IGNORECASE)


class Guard:
    """ASGI around `app`. hosts: names and addresses that it answers to beside loopback's; where "0.0.0.0" or "::" is
    among them, also the address that a request came in by. root_path: where a proxy shows it, "/mae", or ""."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = (), root_path: str = "") -> None:
        self._app, self._root_path = app, root_path
        self._hosts = {_plain(host) for host in hosts}
        self._is_open = not self._hosts.isdisjoint(ANY_ADDRESS)
        self._count = 0  # of requests and connections that are being answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        answer: ASGIApp = failure(*refusal) if refusal else self._app
        if scope["type"] == "http" and not refusal and self._count >= MOST_AT_ONCE:
            answer = failure(503, BUSY, {"Retry-After": "5"})
        self._count += 1
        try:
            await answer(self._below_root(scope), receive, with_headers)
        finally:
            self._count -= 1

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Why a request is not answered: a status and a sentence."""
        headers = Headers(scope=scope)
        names = [name for key in ("host", "x-forwarded-host") for name in headers.getlist(key)]
        foreign = next((name for name in names if not self._answers_to(name, scope)), None)
        if not headers.get("host") or foreign is not None:
            name = quote((foreign or "")[:80], safe=":[]")
            return 403, f"This server does not answer to the name “{name}”: where it is yours, use --allow-host."
        if scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS:
            origin = headers.get("origin")
            found = _ORIGIN.fullmatch(origin or "")
            if origin is not None and not (found and self._answers_to(found[1], scope)):
                return 403, "A page from elsewhere may not change anything here: open the app at its own address."
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_ADDRESS:
            return 414, f"An address may have {MAX_ADDRESS} characters at most: ask for less at once."
        return None

    def _answers_to(self, host: str, scope: Scope) -> bool:
        found = _HOST.fullmatch(host)
        if not found:
            return False
        name = _plain(found[1])
        if name in self._hosts - {*ANY_ADDRESS} or name == "localhost" or name.endswith(".localhost"):
            return True
        address = _address(name)
        if address is None:
            return False
        server, _ = scope.get("server") or ("", None)
        return address.is_loopback or (self._is_open and address == _address(_plain(server)))

    def _below_root(self, scope: Scope) -> Scope:
        """The same request as the routes see it, whether or not the proxy has taken its prefix away."""
        root, path = self._root_path, scope["path"]
        if not root:
            return scope
        raw = scope.get("raw_path") or quote(path).encode()
        if path != root and not path.startswith(f"{root}/"):
            path, raw = root + path, root.encode() + raw
        return {**scope, "root_path": root, "path": path, "raw_path": raw}


def _plain(host: str) -> str:
    """A name or an address without brackets and the dot at the end of a full name, in lower case."""
    return host.strip().removeprefix("[").removesuffix("]").removesuffix(".").lower()


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


class PageOnly:
    """ASGI around Gradio's app: what its page needs, and nothing of what else Gradio serves, such as uploads, a proxy
    and files by their paths."""

    PATHS = re.compile(r"/?|/(theme\.css|favicon\.ico|manifest\.json|robots\.txt|pwa_icon(/\d+)?|(assets|static)/.+)")

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if not self.PATHS.fullmatch(path):
            answer: ASGIApp = failure(404, SENTENCES[404])
        elif scope["method"] not in ("GET", "HEAD"):
            answer = failure(405, f"This address cannot be asked by {scope['method'][:20]}.")
        else:
            answer, scope = self._page, {**scope, "query_string": b""}  # it is the page's: Gradio fails on some
        await answer(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Gradio's answer; where it has none, that is said as the routes say it."""
        status = 0

        async def mended(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            if status < 400:
                await send(message)

        await self._app(scope, receive, mended)
        if status >= 400:
            await failure(404, SENTENCES[404])(scope, receive, send)
