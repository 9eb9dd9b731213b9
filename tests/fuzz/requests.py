"""Requests over a socket to every route of the whole app: each is answered in time, by a status below 500 or a 503 that
means it, and a refusal is one sentence."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import socket
import tempfile
import threading
import urllib.request
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from urllib.parse import quote

import h11
import numpy as np
import torch
import uvicorn

from explorer.images import InputError, to_png
from explorer.views.app import CONNECTIONS, create_app
from explorer.views.listening import listen
from explorer.views.service.pictures import OpenPictures

from . import mutate
from .bitstreams import small_checkpoint
from .campaign import Wrong

PATIENCE_S = 6.0
TOKEN, MODEL = "TOKEN", "MODEL"  # stand for what nobody can know beforehand
# (method, path, query); what is drawn for a value stands for what the route wants there.
ROUTES = (
    ("GET", "/api/setup", {}),
    ("POST", "/api/open", {"model": MODEL, "sample": "noise", "page": "fuzz"}),
    ("POST", "/api/open", {"model": MODEL, "picture": TOKEN}),
    ("POST", "/api/open", {"model": MODEL, "name": "a.png", "page": "fuzz"}),
    ("GET", "/api/pixels/TOKEN", {"box": "0,0,20,20", "reduce": "2", "packed": "1"}),
    ("GET", "/api/frame/TOKEN", {"lmbda": "512", "box": "0,0,20,20", "reduce": "1", "live": "1", "page": "fuzz"}),
    ("GET", "/api/frame/TOKEN", {"lmbda": "64", "wish": "planes", "wish ": "ratio:-:64", "packed": "1"}),
    ("GET", "/api/frame/TOKEN", {"lmbda": "4096", "wish": "response:0:0:0", "wish ": "edit:1=2"}),
    ("GET", "/api/frame/TOKEN", {"lmbda": "300", "wish": "features:a1.mod", "wish ": "local:64:2048"}),
    ("GET", "/api/numbers/TOKEN", {"lmbda": "300"}),
    ("GET", "/api/numbers/TOKEN", {"lmbda": "300", "map": "1x1~16"}),
    ("POST", "/api/frame/TOKEN", {"lmbda": "300", "reduce": "2"}),
    ("GET", "/api/seen/TOKEN", {"lmbda": "300"}),
    ("GET", "/api/searches/TOKEN", {}),
    ("GET", "/api/search/TOKEN", {"lmbda": "300", "effort": "1", "map": "1x1~16"}),
    ("POST", "/api/search/TOKEN", {"lmbda": "300", "effort": "1"}),
    ("GET", "/api/searched/TOKEN", {"lmbda": "300", "effort": "1", "box": "0,0,9,9", "reduce": "2", "packed": "1"}),
    ("POST", "/api/file/TOKEN", {"lmbda": "300", "kind": "mae"}),
    ("POST", "/api/solve/TOKEN", {"bpp": "0.5"}),
    ("GET", "/api/rivalseen/TOKEN", {"codec": "jpeg", "setting": "50"}),
    ("GET", "/api/rival/TOKEN", {"codec": "jpeg", "setting": "50", "box": "0,0,9,9"}),
    ("GET", "/api/match/TOKEN", {"codec": "jpeg", "lmbda": "512", "by": "rate"}),
    ("GET", "/api/modulation", {"model": MODEL}),
    ("GET", "/api/points/TOKEN", {"codecs": "jpeg,webp"}),
    ("GET", "/api/file/TOKEN", {"lmbda": "512", "kind": "npz", "a": "4096", "b": "64"}),
    ("GET", "/api/file/TOKEN", {"lmbda": "512", "kind": "mae"}),
    ("GET", "/api/rivalfile/TOKEN", {"codec": "jpeg2000", "setting": "30"}),
    ("GET", "/api/solve/TOKEN", {"bpp": "0.5"}),
    ("GET", "/api/sweep/TOKEN", {"kind": "gif", "from": "64", "to": "100", "frames": "2"}),
    ("GET", "/viewer/viewer.js", {}),
    ("GET", "/&hide=head", {}),
    ("GET", "/", {}),
    ("GET", "/theme.css", {}),
)
REFUSED = (
    ("GET", "/api/page", {"page": "fuzz"}),
    ("GET", "/gradio_api/file=/etc/passwd", {}),
    ("POST", "/gradio_api/upload", {}),
)
STREAMS = ("/api/points/", "/api/search/", "/api/sweep/")
VALUES = (
    "", "0", "-1", "1", "64", "4096", "63.999", "nan", "-inf", "inf", "1e308", "1e-320", "1e400", "9" * 400, "0x40",
    "1,2,3", "0,0,0,0", "-1,-1,5,5", "0,0,99999999999999999999,1", "0,0,1,1,1", "51,39,1,1", "0,0,52,40", "3", "128",
    "1x1~0", "1x1~33", "99999x99999~0*99999", "~", "1x1~-32", "-1x1~0", "1x1~0*-1", "2x2~1*4", "1x1~1*99999",
    "32768x1~0*32768", "1x1" + "~1" * 3000, "1x١~0", "01x1~0", "1e0x1~0", "1x1~nan", "1x1~0\n",
    "true", "null", "[]", "[" * 3000, '{"a":' * 2000, "planes", "ratio:nan:64", "edit:0=nan", "edit:9999=1",
    "response:0:0:99999", "response:-1:-1:-1", "features:none", "plane:z", "local:1e9:0", "error", "jpeg", "bpg444",
    "quality", "taste", "gif", "html", "../../etc/passwd", "..", "/", "a\r\nX-Evil: 1", "\0", "\x7f\x1b[2J", "\u202e",
    "\ud800", "é中😀", "%", "%00", "%ff%fe", "a" * 300, "a" * 9000, TOKEN, MODEL, "mae", "noise", "x.mae", "x.svg",
)  # fmt: skip
HOSTS = ("127.0.0.1", "localhost:1", "evil.example", "", "[::1]", "127.0.0.1, evil.example", "a" * 300, "\xff")
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "BREW", "get")
HEADERS = (
    "Content-Length: 0", "Content-Length: 5", "Content-Length: 999999999999", "Content-Length: -1",
    "Content-Length: 1_0", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip", "Expect: 100-continue",
    "Origin: http://evil.example", "Origin: null", "Range: bytes=0-0,-1", "X-Forwarded-Host: evil.example",
    "X-Forwarded-Proto: gopher", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Cookie: " + "a=b;" * 500, "Accept-Encoding: gzip;q=x",
    "If-Modified-Since: never", "Content-Type: application/json", "X: " + "y" * 20000,
)  # fmt: skip


class _Complaints(logging.Handler):
    """What the server wrote into its log."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))


@cache
def _service() -> tuple[int, OpenPictures, _Complaints]:
    """The port of the app, its pictures, and what it complained of."""
    torch.set_num_threads(1)
    sample = Path(tempfile.mkdtemp(prefix="fuzz-")) / "noise.png"
    sample.write_bytes(to_png(np.random.default_rng(0).integers(0, 256, (40, 52, 3), dtype=np.uint8)))
    app = create_app(str(small_checkpoint("hyper")), sample)
    pictures: OpenPictures = app.state.api.pictures
    pictures.samples["noise"] = pictures.samples.pop("noise.png")
    pictures._shared["noise"] = pictures._shared.pop("noise.png")
    listener = listen("127.0.0.1", 0)
    complaints = _Complaints()
    logging.getLogger("uvicorn.error").addHandler(complaints)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", **CONNECTIONS))
    threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True).start()
    port = listener.getsockname()[1]
    # What a search found is there to be asked for once it has ended: requests leave theirs before that.
    token = pictures.open_sample(pictures.models[0], "noise", "fuzz").token
    address = f"http://127.0.0.1:{port}/api/search/{token}?lmbda=300&effort=1"
    urllib.request.urlopen(urllib.request.Request(address, method="POST")).read()
    return port, pictures, complaints


@cache
def corpus() -> list[bytes]:
    return [_request(method, path, list(query.items()), _body(method, query)) for method, path, query in ROUTES]


def _body(method: str, query: dict[str, str]) -> bytes:
    if method != "POST":
        return b""
    return to_png(np.zeros((9, 16, 3), np.uint8)) if "name" in query else b"1x1~16"


def _request(
    method: str, path: str, query: list[tuple[str, str]], body: bytes, headers: tuple[str, ...] = (), host: str = ""
) -> bytes:
    asked = "&".join(f"{quote(name.strip(), errors='replace')}={_escaped(value)}" for name, value in query)
    lines = [f"{method} {path}?{asked} HTTP/1.1", f"Host: {host or '127.0.0.1'}", "Connection: close", *headers]
    if body and not any("Content-Length" in each for each in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


def _escaped(value: str) -> str:
    """As a hostile client writes it: escapes of its own stay."""
    return value if value.startswith("%") else quote(value, safe=",:=", errors="surrogatepass")


def mutated(random: Random, corpus: list[bytes]) -> bytes:
    if random.random() < 0.2:
        return mutate.mutated(random, random.choice(corpus), corpus)
    method, path, fields = random.choice(ROUTES + REFUSED)
    query, body, headers, host = list(fields.items()), _body(method, fields), [], ""
    for _ in range(random.choice((1, 1, 2, 3))):
        change = random.random()
        if change < 0.6 and query:
            at = random.randrange(len(query))
            query[at] = query[at][0], random.choice(VALUES)
        elif change < 0.68:
            name = random.choice([name for _, _, each in ROUTES for name in each])
            query += [(name, random.choice(VALUES))] * random.choice((1, 2, 40))
        elif change < 0.74:
            path = path.replace(TOKEN, _escaped(random.choice(VALUES)) or "x")
        elif change < 0.8:
            path += random.choice(("/", "//", "/..", "/%2e%2e/", "%00", "?", ";x", "/" + "a" * 9000))
        elif change < 0.86:
            method = random.choice(METHODS)
        elif change < 0.94:
            headers.append(random.choice(HEADERS))
        elif change < 0.97:
            host = random.choice(HOSTS)
        else:
            body = mutate.mutated(random, body or b"x")
    return _request(method, path, query, body, tuple(headers), host)


def run(data: bytes) -> None:
    port, pictures, complaints = _service()
    complaints.found.clear()
    opened = pictures.open_sample(pictures.models[0], "noise", "fuzz")
    data = data.replace(TOKEN.encode(), opened.token.encode())
    data = data.replace(MODEL.encode(), quote(pictures.models[0], safe="").encode())
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as line:
        status, text = _answer(line, data)
    if complaints.found:  # it may be of the case before, whose client had left
        raise Wrong(complaints.found[0][-1500:])
    if status >= 500 and status != 503:
        raise Wrong(f"answered with {status}: {text[:300]!r}")
    if status >= 400:
        raise InputError(_sentence(text))


def _answer(line: socket.socket, data: bytes) -> tuple[int, bytes]:
    """The status and the body, of a stream its first bytes; 0 where a request is not whole, so that nothing is due."""
    with suppress(OSError):  # it may be refused before its end
        line.sendall(data)
    method, _, rest = data.partition(b" ")
    if not _is_whole(data):
        return 0, b""
    response = http.client.HTTPResponse(line, method=method.decode("latin-1"))
    try:
        response.begin()
        is_stream = response.status == 200 and any(each.encode() in rest[:40] for each in STREAMS)
        return response.status, response.read1(1000) if is_stream else response.read()
    except (ConnectionResetError, http.client.RemoteDisconnected):
        return 0, b""  # it was closed while more came than was read
    except http.client.BadStatusLine as error:
        raise Wrong(f"no answer but {error!r}") from None


def _is_whole(data: bytes) -> bool:
    """Whether the server has all that it waits for, or knows that it never will."""
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 16)
    try:
        reader.receive_data(data)
        while True:
            event = reader.next_event()
            if event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):  # the latter after no bytes at all
                return False
            if isinstance(event, h11.EndOfMessage) or event is h11.PAUSED:
                return True
    except h11.RemoteProtocolError:
        return True


def _sentence(text: bytes) -> str:
    if text in (b"", b"Invalid HTTP request received."):  # of a HEAD request; what is no HTTP
        return "Refused."
    found = json.loads(text)
    if list(found) != ["error"]:
        raise Wrong(f"refused without a sentence: {text[:300]!r}")
    return found["error"]
