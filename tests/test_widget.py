"""The notebook's widget without a browser: its messages carry what HTTP carries, its traits guard what they take."""

from __future__ import annotations

import asyncio
import base64
import gc
import io
import json
import math
import os
import queue
import subprocess
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import traitlets
from conftest import smooth_picture, wait_until
from fastapi.testclient import TestClient
from PIL import Image

import explorer
from explorer import images
from explorer.library import first_model
from explorer.views import viewer
from explorer.views.service import uploads
from explorer.views.service.errors import Gone
from explorer.views.service.kernel import Connection, ServerThread
from explorer.views.service.pictures import MAX_OPEN, OpenPictures
from explorer.views.service.server import create_server

if "CI" not in os.environ:
    pytest.importorskip("anywidget")

Answer = tuple[dict[str, Any], bytes]


class Kernel:
    """The viewer's end of a line: sends requests and takes their answers."""

    def __init__(self, thread: ServerThread) -> None:
        self.parts: queue.Queue[Answer] = queue.Queue()
        self.connection = Connection(thread, lambda message, buffers: self.parts.put((message, b"".join(buffers))))

    def ask(self, name: str, path: str, query: str = "", method: str = "GET", body: bytes = b"") -> None:
        self.connection.receive(
            {"id": name, "method": method, "path": path, "query": query, "more": False},
            [memoryview(body)] if body else [],
        )

    def send(self, name: str, query: str, parts: list[bytes]) -> None:
        """The first part of a picture's file; the others when those before were taken."""
        first = {"id": name, "method": "POST", "path": "/api/open", "query": query, "more": len(parts) > 1}
        self.connection.receive(first, [parts[0]])
        for i, part in enumerate(parts[1:], 2):
            assert self.next() == ({"id": name, "taken": True}, b"")
            self.connection.receive({"id": name, "more": i < len(parts)}, [part])

    def next(self) -> Answer:
        return self.parts.get(timeout=120)

    def answer(self) -> tuple[int, bytes]:
        """Status and body of one answer, all its parts."""
        message, body = self.next()
        status = message["status"]
        while message["more"]:
            message, part = self.next()
            body += part
        return status, body


@pytest.fixture(scope="module")
def server() -> Any:
    return create_server()


@pytest.fixture(scope="module")
def client(server: Any) -> TestClient:
    return TestClient(server)


@pytest.fixture
def kernel(server: Any) -> Kernel:
    return Kernel(ServerThread(server))


def open_parrots(kernel: Kernel) -> str:
    kernel.ask("open", "/api/open", "model=mae&sample=parrots", "POST")
    return json.loads(kernel.answer()[1])["id"]


def test_messages_carry_the_bytes_that_http_carries(kernel: Kernel, client: TestClient) -> None:
    token = open_parrots(kernel)
    for name, (path, query) in {
        "frame": (f"/api/frame/{token}", "lmbda=300&wish=planes"),
        "pixels": (f"/api/pixels/{token}", ""),
        "script": ("/viewer/plotly.min.js", ""),
    }.items():
        kernel.ask(name, path, query)
        status, body = kernel.answer()
        assert status == 200
        assert body == client.get(f"{path}?{query}").content


def test_a_picture_travels_to_the_kernel(kernel: Kernel) -> None:
    picture = images.to_png(np.full((40, 56, 3), 128, np.uint8))
    kernel.ask("open", "/api/open", "model=mae&name=grey.png", "POST", picture)
    status, body = kernel.answer()
    assert (status, json.loads(body)["name"]) == (200, "grey.png")


def test_a_picture_travels_to_the_kernel_in_parts(kernel: Kernel, client: TestClient) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
    data = images.to_png(pixels)
    kernel.send("open", "model=mae&name=noise.png", [data[start : start + 1000] for start in range(0, len(data), 1000)])
    status, body = kernel.answer()
    assert (status, json.loads(body)["name"]) == (200, "noise.png")
    assert client.get(f"/api/pixels/{json.loads(body)['id']}").content.endswith(pixels.tobytes())


def test_a_file_above_the_limit_is_refused_before_its_end(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_UPLOAD", 2500)
    first = {"id": "open", "method": "POST", "path": "/api/open", "query": "model=mae", "more": True}
    kernel.connection.receive(first, [bytes(1000)])
    for _ in range(2):
        assert kernel.next() == ({"id": "open", "taken": True}, b"")
        kernel.connection.receive({"id": "open", "more": True}, [bytes(1000)])
    kernel.next()
    status, body = kernel.answer()
    assert status == 422 and "larger than" in json.loads(body)["error"]


def test_a_viewer_that_leaves_in_the_midst_of_a_file_leaves_nothing(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    first = {"id": "open", "method": "POST", "path": "/api/open", "query": "model=mae", "more": True}
    kernel.connection.receive(first, [bytes(1000)])
    assert kernel.next()[0] == {"id": "open", "taken": True}
    kernel.connection.receive({"id": "open", "abort": True}, [])
    kernel.ask("setup", "/api/setup")
    assert kernel.answer()[0] == 200
    gc.collect()
    wait_until(lambda: kernel.connection._requests == {})  # the last is taken off once it is answered
    assert not caplog.records


def test_errors_are_sentences(kernel: Kernel) -> None:
    token = open_parrots(kernel)
    kernel.ask("beyond", f"/api/frame/{token}", "lmbda=3")
    status, body = kernel.answer()
    assert (status, json.loads(body)) == (422, {"error": "λ must lie between 64 and 4096, but 3 was given."})
    kernel.ask("gone", "/api/frame/nothing", "lmbda=300")
    assert kernel.answer()[0] == 410


def test_points_come_one_by_one_until_the_viewer_leaves(kernel: Kernel) -> None:
    token = open_parrots(kernel)
    kernel.ask("points", f"/api/points/{token}")
    for _ in range(2):
        message, line = kernel.next()
        assert message["more"] and json.loads(line)["series"] == "model"
    kernel.connection.receive({"id": "points", "abort": True}, [])
    kernel.ask("setup", "/api/setup")
    while kernel.next()[0]["id"] == "points":  # they were on their way
        pass
    assert drain(kernel, seconds=2) == [], "points went on after the viewer had left"


def drain(kernel: Kernel, seconds: float) -> list[Answer]:
    found = []
    with pytest.raises(queue.Empty):
        while True:
            found.append(kernel.parts.get(timeout=seconds))
    return found


def test_a_closed_line_answers_no_more(kernel: Kernel) -> None:
    token = open_parrots(kernel)
    kernel.ask("points", f"/api/points/{token}")
    kernel.next()
    kernel.connection.close()
    kernel.connection._thread.run(asyncio.sleep(0)).result()  # after what close() runs there
    while not kernel.parts.empty():  # they were on their way
        kernel.next()
    assert drain(kernel, seconds=2) == []


def notebook_service() -> Any:
    from explorer.views.service.shared import shared_service

    return shared_service()


# -- the widget ------------------------------------------------------------------------------------------------------


@pytest.fixture
def open_widget() -> Iterator[Callable[..., explorer.ExplorerWidget]]:
    opened = []

    def make(*args: Any, **options: Any) -> explorer.ExplorerWidget:
        opened.append(explorer.widget(*args, **options))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def test_traits_guard_what_they_take(open_widget: Callable[..., explorer.ExplorerWidget]) -> None:
    widget = open_widget()
    seen: list[float] = []
    widget.observe(lambda change: seen.append(change["new"]), "lmbda")
    widget.lmbda = 300
    assert seen == [300]
    with pytest.raises(explorer.InputError, match="between 64 and 4096"):
        widget.lmbda = 5000
    with pytest.raises(explorer.InputError, match="from 0 to 191"):
        widget.channel = 192
    with pytest.raises(traitlets.TraitError):
        widget.view = "nothing"
    assert (widget.lmbda, widget.channel, widget.view) == (300, 0, "compare")


def test_lambda_is_painted_by_array_and_what_is_painted_by_hand_is_one(
    open_widget: Callable[..., explorer.ExplorerWidget],
) -> None:
    pixels = smooth_picture(100, 150)  # of 2×3 blocks
    widget = open_widget(pixels, lmbda=256)
    seen: list[Any] = []
    widget.observe(lambda change: seen.append(change["new"]), "lambda_map")
    assert widget.lambda_map is None and widget.condition.map is None
    wanted = np.array([[256, 256, 2048], [256, 256, 700]])
    widget.lambda_map = wanted
    assert (widget.lmbda, widget._map) == (256, widget.session.condition(wanted).map.text)
    np.testing.assert_allclose(widget.lambda_map, [[256, 256, 2048], [256, 256, 256 * 2 ** (8 * 3 / 16)]], rtol=1e-3)
    assert len(seen) == 1
    np.testing.assert_array_equal(
        widget.session.reconstruct(widget.condition), widget.session.reconstruct(widget.lambda_map)
    )
    assert widget.point.bytes == len(widget.session.encode(wanted)) and "with a map" in widget.snapshot().caption
    widget.lmbda = 128  # the painting moves with it
    np.testing.assert_allclose(widget.lambda_map[:, 2], [1024, 128 * 2**1.5], rtol=1e-3)
    widget._map = "2x3~0*5~-16"  # as the viewer's brush sets it
    np.testing.assert_allclose(widget.lambda_map, [[128] * 3, [128, 128, 64]], rtol=1e-3)  # as low as λ goes
    widget.lambda_map = np.full((2, 3), 700.0)  # one λ is no map
    assert (widget.lmbda, widget._map) == (pytest.approx(700, rel=1e-4), "") and widget.lambda_map is None
    widget.lambda_map = wanted
    widget.lambda_map = None
    assert (widget._map, seen[-1]) == ("", None)
    widget.lambda_map = wanted.tolist()
    before = widget._map, widget.lmbda
    wrongs = {"2×3 blocks": [[64, 64], [64, 64], [64, 512]], "5000": [[64, 5000, 64]] * 2, "'disc' was given": "disc"}
    wrongs |= {"not 3×3": np.full((3, 3), 300.0), "nan": wanted * np.nan, "make one with NumPy": [[64, 64], [64]]}
    for sentence, wrong in wrongs.items():
        with pytest.raises(explorer.InputError, match=sentence):
            widget.lambda_map = wrong
    assert (widget._map, widget.lmbda) == before
    widget.lambda_map = widget.condition
    assert (widget._map, widget.lmbda) == before
    widget.lambda_map = 300
    assert (widget._map, widget.lmbda) == ("", pytest.approx(300, rel=1e-4)) and widget.lambda_map is None
    received = open_widget(widget.session.encode(wanted))
    np.testing.assert_array_equal(received.lambda_map, widget.session.condition(wanted).by_block)
    with pytest.raises(explorer.InputError, match="The sender chose λ"):
        received.lambda_map = wanted
    assert open_widget(pixels, lmbda=wanted)._map == widget.session.condition(wanted).map.text


def test_arrays_are_the_sessions(open_widget: Callable[..., explorer.ExplorerWidget]) -> None:
    widget = open_widget("parrots", lmbda=500)
    session = explorer.Session(explorer.load_model(first_model()), explorer.samples()["parrots"])
    np.testing.assert_array_equal(widget.latents, session.latents(500))
    assert widget.point == session.point(500)


def test_any_picture_and_any_model(open_widget: Callable[..., explorer.ExplorerWidget], tiny: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    mine = open_widget(pixels, model=tiny, lmbda=70)
    assert mine.session.model is tiny
    again = open_widget(mine.session)
    assert again.session is mine.session
    assert open_widget("parrots").session is open_widget("parrots").session, "a sample is opened once"


def test_a_picture_is_kept_while_a_widget_shows_it(open_widget: Callable[..., explorer.ExplorerWidget]) -> None:
    first, second = open_widget("houses"), open_widget("houses")
    pictures, token = notebook_service().pictures, first._picture
    first.close()
    assert pictures.get(token).session is second.session
    second.close()
    with pytest.raises(Gone):
        pictures.get(token)


def test_a_sweep_is_kept_in_the_state_and_forgotten(
    open_widget: Callable[..., explorer.ExplorerWidget], capsys: pytest.CaptureFixture[str]
) -> None:
    widget = open_widget(smooth_picture(160, 200))
    size = widget.keep_size(5)
    assert "_kept" in widget.get_state() and not widget.get_state()["_kept"]
    widget.keep(5)
    kept = widget.get_state()["_kept"]
    assert len(kept) == pytest.approx(size, rel=0.02)
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"Keeping 5 λ, about {size / 1e6:.1f} MB in the saved notebook …"
    assert f"{len(kept) / 1e6:.1f} MB" in second and "Save Widget State Automatically" in second
    frames = json.loads(kept)["page"]["frames"]
    assert [frame["header"]["lmbda"] for frame in frames] == pytest.approx([64, 181.02, 512, 1448.2, 4096], rel=1e-4)
    for frame in (frames[0], frames[3]):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(frame["webp"]))))
        np.testing.assert_array_equal(pixels, widget.session.reconstruct(frame["header"]["lmbda"]))
    with pytest.raises(explorer.InputError, match=r"^5 λ .* would take about [\d.]+ MB, and 0\.1 MB is the limit"):
        widget.keep(5, limit=100_000)
    for points in (1, 102):
        with pytest.raises(explorer.InputError, match="between 2 and 101"):
            widget.keep(points)
    assert widget._kept == kept, "what cannot be changes nothing"
    widget.forget()
    assert widget._kept == ""
    widget.lambda_map = np.array([[100, 100, 100, 800]] * 3)
    widget.keep(2)
    assert "Keeping 2 λ, without the λ map, about" in capsys.readouterr().out


def test_a_received_file_and_a_huge_picture_cannot_be_kept(
    open_widget: Callable[..., explorer.ExplorerWidget], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = explorer.load_model("mae").encode(np.zeros((64, 64, 3), np.uint8), 300)
    with pytest.raises(explorer.InputError, match="open the picture itself"):
        open_widget(file).keep()
    monkeypatch.setattr("explorer.views.service.export.MAX_CANVAS", 1000)
    with pytest.raises(explorer.InputError, match=r"up to 16 megapixels: scale this one down\.$"):
        open_widget(smooth_picture(40, 40)).keep()


def test_a_widget_that_cannot_be_made_holds_nothing() -> None:
    before = dict(notebook_service().pictures._held)
    grey = np.zeros((40, 56, 3), np.uint8)
    for traits in ({"lmbda": np.ones((1, 2))}, {"lmbda": [[5000.0]]}, {"lmbda": "much"}, {"lmbda": math.nan}):
        with pytest.raises(explorer.InputError):
            explorer.widget(grey, **traits)
    with pytest.raises(traitlets.TraitError):
        explorer.widget(grey, view="nothing")
    assert notebook_service().pictures._held == before


def test_held_pictures_do_not_make_room() -> None:
    pictures = OpenPictures(["mae"], explorer.samples())
    held = pictures.hold(pictures.open_sample("mae", "parrots").token)
    grey = np.zeros((16, 16, 3), np.uint8)
    others = [pictures.open("mae", grey, "grey") for _ in range(2 * MAX_OPEN)]
    assert pictures.get(held.token) is held
    with pytest.raises(Gone):
        pictures.get(others[0].token)


def test_the_viewer_is_the_apps() -> None:
    from explorer.views.notebook import VIEWS, ExplorerWidget

    assert ExplorerWidget._esm == viewer.widget()
    assert ExplorerWidget._css == viewer.style()
    assert VIEWS[:3] == ("compare", "rd", "channels") and "bits" in VIEWS


def test_where_colab_hides_it_the_widget_says_what_to_run(
    open_widget: Callable[..., explorer.ExplorerWidget], monkeypatch: pytest.MonkeyPatch
) -> None:
    def enable() -> None:
        output._widgets._installed_url = "https://colab.invalid/manager.js"

    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    with pytest.warns(UserWarning, match=r"^Google Colab .* output\.enable_custom_widget_manager\(\)`"):
        open_widget()
    output: Any = types.ModuleType("google.colab.output")
    output._widgets = types.SimpleNamespace(_installed_url=None)
    output.enable_custom_widget_manager = enable
    monkeypatch.setitem(sys.modules, "google.colab.output", output)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_widget()  # anywidget turns it on


def test_without_anywidget_one_sentence_says_the_remedy() -> None:
    code = "import sys; sys.modules['anywidget'] = None\nimport explorer\n"
    code += "try: explorer.widget\nexcept ImportError as error: print(error)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Widgets need anywidget and ipywidgets: pip install 'mae-explorer[notebook]'"


def test_a_received_file_is_shown_at_its_own_lambda(open_widget: Callable[..., explorer.ExplorerWidget]) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (40, 56, 3), np.uint8)
    data = explorer.load_model("mae").encode(pixels, 700)
    shown = open_widget(data)
    assert shown.lmbda == pytest.approx(700, rel=1e-4) and shown.source.model.name == "mae"
    np.testing.assert_array_equal(shown.source.reconstruct(shown.lmbda), explorer.decode(data))
    with pytest.raises(explorer.InputError, match="without the original"):
        shown.session  # noqa: B018


def test_the_picture_that_a_widget_was_made_with_stays_until_it_is_closed(
    open_widget: Callable[..., explorer.ExplorerWidget],
) -> None:
    shown = open_widget(np.zeros((40, 56, 3), np.uint8))
    pictures, first = notebook_service().pictures, shown._picture
    shown._picture = pictures.open_sample("mae", "parrots").token
    assert pictures.get(first).token == first
    shown.close()
    with pytest.raises(Gone):
        pictures.get(first)
