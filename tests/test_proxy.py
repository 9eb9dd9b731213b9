"""The app on an IPv6 address behind nginx, as the README has it: all that the page asks for is below its path."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from browser import ROOT, drag_lambda, open_app, serving, visiting
from conftest import has_ipv6, wait_until

from explorer.images import to_png
from explorer.views.listening import listen

README = Path(__file__).parent.parent / "README.md"
LAUNCH = """from explorer.views.app import launch
from explorer.views.service import server
server.IDLE_SECONDS, server.LOOK_SECONDS = {idle}, 0.1
launch({host!r}, port=0, open_browser=False, model={model!r}, root_path="/mae", allow_hosts=["mae.example"])"""
IDLE_S = 2.0
LINES = """window.lines = [];
window.WebSocket = class extends WebSocket { constructor(url) { super(url); window.lines.push(this); } };"""
CONFIGURATION = """daemon off; master_process off; pid {folder}/pid; error_log {folder}/log;
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {server}
}}
"""
CONTRAST = """() => {
  const levels = (color) => color.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = (color) => levels(color).reduce((sum, level) => sum + level, 0) / 3;
  const style = (query) => getComputedStyle(document.querySelector(query));
  return light(style("#title h1").color) - light(style("body").backgroundColor);
}"""


@pytest.fixture(scope="module")
def proxied(checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address below which the proxy shows the app, with a slash at its end."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None and "CI" not in os.environ:
        pytest.skip("no nginx is installed here")
    assert nginx, "CI needs nginx"
    folder = tmp_path_factory.mktemp("nginx")
    (found,) = re.findall(r"```nginx\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    host = "::1" if has_ipv6() else "127.0.0.1"
    with serving(LAUNCH.format(host=host, model=checkpoint, idle=IDLE_S)) as behind:
        assert behind.startswith("http://[::1]:" if host == "::1" else "http://127.0.0.1:")
        server = found.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("http://127.0.0.1:7860", behind)
        (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, server=server))
        proxy = subprocess.Popen([nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")])
        try:
            wait_until(lambda: answers(port, proxy))
            yield f"http://127.0.0.1:{port}/mae/"
        finally:
            proxy.terminate()
            proxy.wait(10)


def answers(port: int, proxy: subprocess.Popen) -> bool:
    assert proxy.poll() is None, "nginx did not start"
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_the_page_works_below_its_path_in_the_dark_theme(proxied: str, browser) -> None:
    with visiting(browser, proxied, color_scheme="dark") as page:
        lines, styles = [], []
        page.on("websocket", lambda line: lines.append(line))
        page.on("response", lambda answer: styles.append(answer.status) if "/theme.css" in answer.url else None)
        open_app(page, proxied)
        assert styles and set(styles) == {200}
        assert page.evaluate(CONTRAST) > 120, "light text on a dark ground"
        seen, last = drag_lambda(page, "behind nginx", steps=20)
        assert len(seen) > 2 and last["lmbda"] == pytest.approx(last["wanted"], rel=1e-4)
        page.wait_for_function(f"{ROOT}.viewer.panel.curves.of('model').done")
        assert [line.is_closed() for line in lines] == [False] and lines[0].url.split("?")[0].endswith("/mae/api/page")


def is_open(proxied: str, token: str) -> bool:
    """Whether a picture is, which is one more use of it."""
    return httpx.get(f"{proxied}api/pixels/{token}", params={"box": "0,0,1,1"}, timeout=60).status_code == 200


def wait_until_closed(proxied: str, token: str) -> None:
    end = time.monotonic() + 60
    while is_open(proxied, token):
        assert time.monotonic() < end
        time.sleep(IDLE_S + 0.5)  # to look is to use it


def test_a_closed_tab_frees_its_picture_and_one_that_comes_back_opens_it_again(proxied: str, browser) -> None:
    with visiting(browser, proxied) as page:
        page.add_init_script(LINES)
        open_app(page, proxied)
        token = page.evaluate(f"{ROOT}.dataset.picture")
        page.wait_for_function("lines.some(({ readyState }) => readyState === WebSocket.OPEN)")
        time.sleep(IDLE_S + 0.5)
        assert is_open(proxied, token), "it is looked at"
        page.evaluate("lines.forEach((line) => { line.onclose = null; line.close(); })")  # as in its sleep
        wait_until_closed(proxied, token)
        drag_lambda(page, "after its sleep", steps=5)
        again = page.evaluate(f"{ROOT}.dataset.picture")
        assert again != token and page.evaluate(f"{ROOT}.dataset.state") == "ready"
    with visiting(browser, proxied) as page:
        open_app(page, proxied)
        token = page.evaluate(f"{ROOT}.dataset.picture")
    wait_until_closed(proxied, token)


def test_links_files_and_streams_pass_through_the_proxy(proxied: str) -> None:
    with httpx.Client(base_url=proxied, timeout=60) as client:
        link = client.get("&hide=head")
        assert (link.status_code, link.headers["location"]) == (307, "/mae/#hide=head")
        assert httpx.get(proxied.rstrip("/")).headers["location"] == proxied
        noise = np.random.default_rng(0).integers(0, 256, (800, 900, 3), dtype=np.uint8)
        file = to_png(noise)
        assert len(file) > 2**21, "more than nginx takes by itself"
        model = client.get("api/setup").json()["model"]
        opened = client.post("api/open", params={"model": model, "name": "noise.png"}, content=file).json()
        saved = client.get(f"api/file/{opened['id']}", params={"lmbda": 64, "kind": "mae"})
        assert saved.content[:3] == b"MAE" and "noise-lambda64.mae" in saved.headers["content-disposition"]
        small = client.post("api/open", params={"model": model}, content=to_png(noise[:32, :32])).json()["id"]
        with client.stream("GET", f"api/points/{small}") as lines:
            assert json.loads(next(lines.iter_lines()))["series"] == "model"
        query = {"kind": "html", "frames": 2}
        with client.stream("GET", f"api/sweep/{small}", params=query) as lines:
            parts = [json.loads(line) for line in lines.iter_lines()]
        assert parts[0] == {"done": 1, "of": 2} and parts[-1]["type"] == "text/html"


@pytest.mark.parametrize(("host", "status"), [("mae.example", 200), ("evil.example", 403), ("mae.example.evil", 403)])
def test_the_name_that_the_proxy_hands_on_has_to_be_allowed(proxied: str, host: str, status: int) -> None:
    answer = httpx.get(f"{proxied}api/setup", headers={"host": host}, timeout=60)
    assert answer.status_code == status and ("error" in answer.json()) == (status == 403)
    page = httpx.get(proxied, headers={"host": host}, timeout=60)
    assert page.status_code == status and (f"http://{host}/mae" in page.text) == (status == 200)
