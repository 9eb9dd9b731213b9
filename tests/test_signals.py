"""Ctrl-C and SIGTERM, really sent to real processes: the end within seconds, the status of a shell, nothing lost."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from conftest import sample_paths, smooth_picture, wait_until
from PIL import Image
from safetensors import safe_open

from explorer import checkpoint

END_S = 5.0
BETWEEN_S = 2.0  # two presses of Ctrl-C
START_S = 60.0

pytestmark = pytest.mark.slow


@contextmanager
def running(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "explorer", *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(happened: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    def has_happened() -> bool:
        assert process.poll() is None
        return happened()

    wait_until(has_happened, START_S)


def interrupt(process: subprocess.Popen[str], *signals: int) -> tuple[str, str]:
    """Send signals, BETWEEN_S apart where the process lives on; returns (stdout, stderr) of one that ended in time."""
    start = time.monotonic()
    for number in signals:
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(BETWEEN_S)
    output = process.communicate(timeout=START_S)
    assert time.monotonic() - start < END_S
    assert process.returncode == 128 + signals[0]
    assert "Traceback" not in output[1]
    return output


def has_loaded(process: subprocess.Popen[str], library: str) -> Callable[[], bool]:
    """Whether a process has a shared library in memory: it is on its way through the imports."""
    return lambda: library in Path(f"/proc/{process.pid}/maps").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("library", ["_multiarray_umath", "libtorch_cpu"])
def test_a_start_is_interrupted_without_a_word(tmp_path, library, number):
    with running("encode", sample_paths()[0], tmp_path / "o.mae", "--psnr", "33") as process:
        wait_for(has_loaded(process, library), process)
        _, told = interrupt(process, number)
    assert told == "" and not list(tmp_path.iterdir())


@pytest.mark.parametrize("signals", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM,)])
def test_training_keeps_its_state(tmp_path, signals):
    run, out = tmp_path / "run", tmp_path / "o.safetensors"
    small = ["--preset", "tiny", "--batch", "2", "--crop", "64", "--tile", "128", "--steps", "100000"]
    with running("train", "--data", sample_paths()[0].parent, "--out", out, "--run", run, *small) as process:
        wait_for(lambda: (run / "log.jsonl").is_file() and b"\n" in (run / "log.jsonl").read_bytes(), process)
        told, _ = interrupt(process, *signals)
    with safe_open(run / "state.safetensors", "pt") as state:
        step = json.loads(state.metadata()["about"])["step"]
    assert f"Stopped after step {step} of 100000; go on with the same command and --resume." in told.splitlines()
    assert checkpoint.load(out)[2] and not list(tmp_path.rglob("*.part"))


def test_an_export_leaves_no_half_of_a_page(tmp_path):
    page = tmp_path / "o.html"
    page.write_text("before")
    with running("export", sample_paths()[0], page, "--points", "101") as process:
        assert process.stderr is not None
        wait_for(lambda: "1/101" in process.stderr.read(20), process)
        interrupt(process, signal.SIGINT, signal.SIGINT)
    assert page.read_text() == "before" and list(tmp_path.iterdir()) == [page]


def test_the_app_waits_for_no_picture_and_no_page(tmp_path):
    """A picture that takes longer than anybody waits is being coded, and a page listens."""
    picture = tmp_path / "large.png"
    Image.fromarray(np.tile(smooth_picture(300, 400), (10, 10, 1))).save(picture, compress_level=1)
    with running("app", picture, "--no-browser", "--port", "0") as process:
        assert process.stdout is not None
        found = re.search(r"http://[^ ]+", process.stdout.readline())
        assert found
        busy = threading.Event()
        threading.Thread(target=listen, args=(found.group(), busy), daemon=True).start()
        assert busy.wait(START_S)
        _, told = interrupt(process, signal.SIGINT, signal.SIGINT)
        assert told == ""


def listen(address: str, busy: threading.Event) -> None:
    """Open the picture and listen to its points, which take minutes."""
    with suppress(OSError, HTTPException):
        setup = json.load(urllib.request.urlopen(f"{address}/api/setup"))
        asked = urlencode({"model": setup["model"], "sample": setup["source"]["sample"]})
        opened = json.load(urllib.request.urlopen(f"{address}/api/open?{asked}", data=b""))
        points = urllib.request.urlopen(f"{address}/api/points/{opened['id']}?codecs=jpeg")
        busy.set()
        points.read()
