"""Nothing leaves the machine: what Python processes of the project connect to. The pages are watched by every test that
opens one (browser.visiting), the viewer's source by test_viewer_files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from browser import SERVE, serving
from conftest import smooth_picture

from explorer import images

# Run by every interpreter at its start, also by those of worker processes: notes whom it is about to ask for anything.
GUARD = """
import os, sys
ADDRESS = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0}
def note(event, given):
    if event in ADDRESS:
        address = given[ADDRESS[event]]
        host = address[0] if isinstance(address, tuple) else address
        with open(os.environ["GUARD"], "a", encoding="utf-8") as file:
            file.write(f"{host}\\n")
sys.addaudithook(note)
"""
HERE = {"127.0.0.1", "::1", "localhost"}
CODE = """
import numpy as np, explorer
session = explorer.Session(explorer.load_model(device="cpu"), "0.png")
data = session.encode(512)
session.point(300), session.solve(bpp=0.5), session.ratio(4096, 64), session.bits(512)
explorer.decode(data), explorer.receive(data), explorer.list_models(), explorer.samples()
"""
COMMANDS = [
    ["encode", "0.png", "0.mae", "--lambda", "512"],
    ["info", "0.mae"],
    ["decode", "0.mae", "again.png"],
    ["export", "0.png", "sweep.html"],
    ["evaluate", ".", "--codecs", "jpeg,mae", "--points", "2", "--workers", "2", "--json", "rows.json"],
    ["report", "rows.json", "--markdown", "rows.md"],
]

pytestmark = pytest.mark.slow


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file in which every Python process from here on notes whom it asks for something, a host in a line."""
    (tmp_path / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    monkeypatch.setenv("GUARD", str(tmp_path / "asked.txt"))
    return tmp_path / "asked.txt"


def elsewhere(asked: Path) -> list[str]:
    """Hosts that are not this one; sockets of the file system are paths."""
    hosts = asked.read_text(encoding="utf-8").splitlines() if asked.exists() else []
    return [host for host in hosts if host not in HERE and not host.startswith(("/", "\0"))]


def test_the_guard_sees_who_is_asked(guarded: Path) -> None:
    code = "import socket\ntry: socket.create_connection(('host.invalid', 80), 1)\nexcept OSError: pass"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert elsewhere(guarded) == ["host.invalid"]


def test_library_and_commands_ask_nobody(guarded: Path, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for i in range(2):
        (pictures / f"{i}.png").write_bytes(images.to_png(smooth_picture(170, 180, i)))
    for command in [["-c", CODE], *(["-m", "explorer", *each] for each in COMMANDS)]:
        subprocess.run([sys.executable, *command], cwd=pictures, check=True, capture_output=True)
    assert {path.name for path in pictures.iterdir()} >= {"0.mae", "again.png", "sweep.html", "rows.json", "rows.md"}
    assert elsewhere(guarded) == []


def test_the_app_asks_nobody(guarded: Path) -> None:
    with serving(SERVE) as address:
        for path in ("/", "/api/setup"):
            urllib.request.urlopen(address + path).close()
        request = urllib.request.Request(f"{address}/api/open?model=mae&sample=parrots", method="POST")
        token = json.load(urllib.request.urlopen(request))["id"]
        for path in (f"frame/{token}?lmbda=300", f"numbers/{token}?lmbda=300", f"file/{token}?lmbda=300&kind=mae"):
            assert urllib.request.urlopen(f"{address}/api/{path}").read()
    assert elsewhere(guarded) == []
