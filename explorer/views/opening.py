"""What is changed in Gradio's page: a script comes before all others, for browsers in which none of those runs, and its
manifest is asked for beside it."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from explorer.views import viewer

# What is written takes the place of the page, which is not read any further.
SCRIPT = f"""<script>
{viewer.check()}
if (tooOld()) {{
  document.write('<meta name="viewport" content="width=device-width"><body>' + tooOld());
  window.stop();
}}
</script>"""
# The page asks for it at the root of the server, which may be another's.
MANIFEST = (b'href="/manifest.json"', b'href="manifest.json"')


class Opening:
    """ASGI around an app whose page is at "/": the page has the script at the beginning of its head, and asks for its
    manifest beside itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        isnt_page = scope["type"] != "http" or scope["path"].removeprefix(scope.get("root_path", "")) not in ("", "/")
        if isnt_page or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        start: MutableMapping[str, Any] = {}
        page = bytearray()

        async def gather(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            if message["type"] != "http.response.body":
                await send(message)
                return
            page.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            whole = bytes(page).replace(b"<head>", b"<head>" + SCRIPT.encode(), 1).replace(*MANIFEST)
            others = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
            start["headers"] = [*others, (b"content-length", str(len(whole)).encode())]
            await send(start)
            await send({"type": "http.response.body", "body": whole})

        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        await self._app({**scope, "headers": plain}, receive, gather)
