"""Which names the server answers to, and where it listens; without a model."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from typing import Any

import pytest
from conftest import has_ipv6, run_async
from fastapi import FastAPI, Request, WebSocket
from fastapi.testclient import TestClient
from starlette.routing import Mount
from starlette.websockets import WebSocketDisconnect

from explorer.arguments import parser
from explorer.images import InputError
from explorer.views import app as app_module
from explorer.views import guard
from explorer.views.guard import HEADERS, MAX_ADDRESS, Guard, PageOnly
from explorer.views.listening import address, listen

LINE = "ws://127.0.0.1:7860/line"


def client(*hosts: str, root_path: str = "", server: tuple[str, int] = ("testserver", 80)) -> TestClient:
    """A server that says where it was asked."""
    routes = FastAPI()

    @routes.api_route("/{path:path}", methods=["GET", "POST"])
    def where(path: str) -> str:
        return path

    @routes.websocket("/line")
    async def line(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    @routes.websocket("/stays")
    async def stays(socket: WebSocket) -> None:
        await socket.accept()
        await socket.receive()

    guarded = Guard(routes, hosts, root_path)

    async def at_an_address(scope: Any, receive: Any, send: Any) -> None:
        await guarded({**scope, "server": server}, receive, send)

    return TestClient(at_an_address, base_url="http://127.0.0.1:7860")


def status(of: TestClient, host: str, **headers: str) -> int:
    return of.get("/api/setup", headers={"host": host, **headers}).status_code


@pytest.mark.parametrize("host", [
    "localhost", "localhost:7860", "LocalHost.", "mae.localhost:1", "127.0.0.1", "127.9.8.7:65535", "[::1]", "[::1]:80",
    "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]:7860",
])  # fmt: skip
def test_loopback_is_answered_by_all_its_names(host: str) -> None:
    assert status(client(), host) == 200


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:7860", "localhost.evil.example", "127.0.0.1.evil.example", "evillocalhost", "0.0.0.0",
    "localhost@evil.example", "evil.example#localhost", "localhost/evil", "2130706433", "0x7f.1", "[::2]", "::1", "",
    "localhost:evil", "192.168.0.7", "localhost evil",
])  # fmt: skip
def test_a_foreign_name_is_refused_with_one_sentence(host: str) -> None:
    answer = client().get("/api/setup", headers={"host": host})
    assert answer.status_code == 403
    assert set(answer.json()) == {"error"} and "--allow-host" in answer.json()["error"]
    assert answer.headers.items() >= {name.lower(): value for name, value in HEADERS.items()}.items()


def test_names_that_are_allowed_are_answered_with_any_port() -> None:
    guarded = client("192.168.0.7", "MAE.example.", "[2001:db8::1]")
    for host in ("192.168.0.7:9", "mae.example", "MAE.EXAMPLE:443", "[2001:db8::1]:7860", "localhost"):
        assert status(guarded, host) == 200, host
    for host in ("192.168.0.8", "a.mae.example", "example"):
        assert status(guarded, host) == 403, host


def test_on_every_address_it_answers_to_the_one_that_it_was_asked_at() -> None:
    for open_to_all in ("0.0.0.0", "::"):
        guarded = client(open_to_all, server=("192.168.0.7", 7860))
        assert status(guarded, "192.168.0.7:7860") == 200
        for host in ("192.168.0.8", "evil.example", "0.0.0.0", "[::]"):
            assert status(guarded, host) == 403, host
    assert status(client("192.168.0.7", server=("testserver", 80)), "testserver") == 403


def test_a_proxy_cannot_hand_on_a_foreign_name() -> None:
    assert status(client(), "localhost", **{"x-forwarded-host": "evil.example"}) == 403
    assert status(client("mae.example"), "localhost", **{"x-forwarded-host": "mae.example"}) == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "https://localhost.evil.example:7860", "null", "file://", ""]
)
def test_a_page_from_elsewhere_changes_nothing(origin: str) -> None:
    guarded = client()
    answer = guarded.post("/api/open", headers={"origin": origin})
    assert answer.status_code == 403 and "from elsewhere" in answer.json()["error"]
    with pytest.raises(WebSocketDisconnect), guarded.websocket_connect(LINE, headers={"origin": origin}):
        pass
    for own in ("http://127.0.0.1:7860", "http://localhost:3", "https://[::1]"):
        assert guarded.post("/api/open", headers={"origin": own}).status_code == 200
        with guarded.websocket_connect(LINE, headers={"origin": own}):
            pass
    assert guarded.post("/api/open").status_code == 200


def test_a_long_address_is_refused() -> None:
    answer = client().get("/x?" + MAX_ADDRESS * "a")
    assert answer.status_code == 414 and "characters" in answer.json()["error"]


def test_no_more_is_answered_at_once_than_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = client()
    monkeypatch.setattr(guard, "MOST_AT_ONCE", 1)
    with asked.websocket_connect("ws://localhost/stays"):
        answer = asked.get("/api/setup")
        assert answer.status_code == 503 and "try again" in answer.json()["error"] and answer.headers["retry-after"]
    assert asked.get("/api/setup").status_code == 200


def test_below_a_path_routes_are_found_whether_or_not_the_proxy_takes_it_away() -> None:
    guarded = client(root_path="/mae")
    for path in ("/mae/viewer/app.js", "/viewer/app.js"):
        assert guarded.get(path).json() == "viewer/app.js"
    assert guarded.get("/maeviewer").json() == "maeviewer"


def test_the_policy_lets_nothing_come_from_elsewhere() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert not re.search(r"https:|wss?:|http://(?!localhost:|127\.0\.0\.1:)|(?<!:)\*", policy), policy
    assert "default-src 'self'" in policy and "object-src 'none'" in policy


def test_of_gradio_only_the_page_is_served() -> None:
    gradio = FastAPI()

    @gradio.get("/{path:path}")
    def query(request: Request) -> dict[str, str]:
        return dict(request.query_params)

    gradio.post("/{path:path}")(lambda path: path)
    gradio.get("/assets/none", status_code=404)(lambda: "no")
    whole = FastAPI(routes=[Mount("/", PageOnly(gradio))])
    asked = TestClient(whole)
    for path in ("/", "/theme.css", "/assets/a/b.js", "/static/img/logo.svg", "/favicon.ico"):
        assert asked.get(path).status_code == 200, path
    for path in ("/gradio_api/file=/etc/passwd", "/gradio_api/proxy=http://evil.example", "/config", "/assets/",
                 "/gradio_api/vibe-code", "/theme.css/x", "/monitoring"):  # fmt: skip
        answer = asked.get(path)
        assert (answer.status_code, set(answer.json())) == (404, {"error"}), path
    assert asked.get("/", params={"page": "x", "deep_link": "y"}).json() == {}
    assert asked.post("/gradio_api/upload").status_code == 404
    assert asked.post("/").status_code == 405 and "POST" in asked.post("/").json()["error"]


# -- where it listens --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("host", "connects_to", "shown"), [
    ("127.0.0.1", ["127.0.0.1"], "http://127.0.0.1:{}"),
    ("localhost", ["localhost"], "http://localhost:{}"),
    ("0.0.0.0", ["127.0.0.1"], "http://127.0.0.1:{}"),
    ("::1", ["::1"], "http://[::1]:{}"),
    ("::", ["::1", "127.0.0.1"], "http://[::1]:{}"),
])  # fmt: skip
def test_it_listens_on_addresses_of_both_families(host: str, connects_to: list[str], shown: str) -> None:
    if ":" in host and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        assert address(host, port) == shown.format(port)
        for each in connects_to:
            socket.create_connection((each, port), timeout=5).close()
        with pytest.raises(InputError, match=rf"Port {port} on .* --port"):
            listen(host, port)


def test_nothing_waits_to_be_sent_with_more() -> None:
    """Nagle's algorithm would keep the second part of each answer back until the first is acknowledged, up to 40 ms."""

    async def nodelay(listener: socket.socket) -> int:
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            accepted.set_result(found)
            writer.close()

        async with await asyncio.start_server(answer, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            writer.close()
            return await asyncio.wait_for(accepted, 60)

    with listen("127.0.0.1", 0) as listener:
        assert run_async(nodelay(listener))


@pytest.mark.parametrize(("host", "port", "says"), [
    ("127.0.0.1", 99999, "up to 65535"), ("127.0.0.1", -1, "up to 65535"), ("no.such.name.invalid", 0, "no address"),
    ("192.0.2.1", 0, "cannot be had"), ("::1%none", 0, "--host"), ("a" * 70 + ".example", 0, "no address"),
    ("256.1.1.1", 0, "no address"), ("http://localhost", 0, "no address"), ("\0", 0, "no address"),
])  # fmt: skip
def test_where_it_cannot_listen_one_sentence_says_so(host: str, port: int, says: str) -> None:
    with pytest.raises(InputError, match=says) as refused:
        listen(host, port)
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="every port is this user's")
def test_a_privileged_port_is_refused() -> None:
    with pytest.raises(InputError, match=r"Port 80 on .* denied"):
        listen("127.0.0.1", 80)


@pytest.mark.parametrize("path", ["mae", "/mae/../x", "http://mae.example", "/a b", "/mae?x"])
def test_a_root_path_that_is_none_is_refused_before_anything_is_loaded(path: str) -> None:
    with pytest.raises(InputError, match="like /mae"):
        app_module.launch(root_path=path)


def test_the_command_line_hands_on_names_and_path() -> None:
    args = parser().parse_args(["app", "--allow-host", "a.example", "--allow-host", "b.example", "--root-path", "/mae"])
    assert (args.allow_host, args.root_path) == (["a.example", "b.example"], "/mae")
