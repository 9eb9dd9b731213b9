"""The widget in a real JupyterLab in a real browser. Figures are printed (pytest -s), correctness is asserted."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browser import RECORD, ROOT, canvas_pixels, painted, settle, wanted
from conftest import wait_until
from PIL import Image
from test_browser_paint import steps, stroke

if "CI" not in os.environ:
    pytest.importorskip("jupyterlab")

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

import explorer
from explorer import images
from explorer.condition import Condition, level_of
from explorer.lambda_map import LambdaMap
from explorer.library import first_model

NOTEBOOK = Path(__file__).parent.parent / "notebooks" / "01_explore.ipynb"
CYCLES = 20
WARM_UP = 10  # until the allocator of every worker thread has what it keeps
WINDOW = 5  # cycles: what is resident comes and goes by some 50 MB
MEGABYTE = 2**20

pytestmark = pytest.mark.timeout(900)

LAST = "[...document.querySelectorAll('.mae')].at(-1)"

# What a test types into the notebook goes into a cell of its own at the end, as a visitor would type it.
RUN = """async (code) => {
  const { commands, shell } = window.jupyterapp;
  const { content } = shell.currentWidget;
  content.activeCellIndex = content.widgets.length - 1;
  await commands.execute("notebook:insert-cell-below");
  content.activeCell.model.sharedModel.setSource(code);
  await commands.execute("notebook:run-cell");
  const outputs = content.activeCell.model.outputs.toJSON();
  const failed = outputs.find((output) => output.output_type === "error");
  if (failed) throw new Error(failed.evalue);
  return outputs.map((output) => output.text ?? "").join("");
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a copy of the notebook."""
    folder = tmp_path_factory.mktemp("notebooks")
    shutil.copy(NOTEBOOK, folder)
    return folder


@pytest.fixture(scope="module")
def lab(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a JupyterLab of that folder."""
    settings = tmp_path_factory.mktemp("lab")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    options = {
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": folder,
        "ServerApp.allow_root": True,
        "ServerApp.open_browser": False,
        "IdentityProvider.token": "",
        "LabApp.news_url": None,
        "LabApp.expose_app_in_browser": True,
    }
    arguments = [f"--{name}={value}" for name, value in options.items()]
    own = {
        name: str(settings) for name in ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    }
    paths = os.pathsep.join(filter(None, sys.path))
    environment = os.environ | own | {"PYTHONPATH": paths}
    command = [sys.executable, "-m", "jupyterlab", *arguments]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(address, server), seconds=240)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def answers(address: str, server: subprocess.Popen[bytes]) -> bool:
    assert server.poll() is None, "JupyterLab did not start"
    try:
        urllib.request.urlopen(f"{address}/api", timeout=5).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def sent() -> list[int]:
    """Bytes of each message that the notebook's page has sent to the Jupyter server."""
    return []


@pytest.fixture(scope="module")
def notebook(browser: Browser, lab: str, sent: list[int]) -> Iterator[Page]:
    """The notebook, opened and run; the first widget's frames are recorded."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(RECORD)
    context.set_default_timeout(120_000)  # the machine may be busy
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(error.stack or str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda line: line.on("framesent", lambda data: sent.append(len(data))))
    page.goto(f"{lab}/lab/tree/{NOTEBOOK.name}")
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext?.isReady")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_selector(".mae[data-state=ready][data-lmbda]")
    page.evaluate(RUN, "w.lambda_map = None  # once all cells have run, one of which paints")
    page.evaluate(f"{ROOT}.scrollIntoView()")
    yield page
    context.close()
    assert [url for url in asked if not url.startswith((lab, "data:", "blob:"))] == []
    assert [failure for failure in failures if "/static/lab/" not in failure] == []  # those are JupyterLab's own


def run(page: Page, code: str) -> str:
    """Run a cell, return what it printed."""
    printed = page.evaluate(RUN, code).strip()
    page.evaluate(f"{ROOT}?.scrollIntoView()")
    return printed


def show(page: Page, code: str) -> str:
    """Run a cell that ends with a widget, return what it printed once the widget, then the page's last, has a frame."""
    before = page.locator(".mae").count()
    printed = run(page, code)
    page.wait_for_function(f"document.querySelectorAll('.mae').length === {before + 1}")
    page.wait_for_function(f"{LAST}.dataset.lmbda && {LAST}.dataset.state === 'ready'")
    return printed


def test_the_picture_follows_a_drag_and_the_keys(notebook: Page) -> None:
    slider = notebook.locator("[data-part=slider]").first
    box = slider.bounding_box()
    assert box
    middle = box["y"] + box["height"] / 2
    notebook.mouse.move(box["x"] + 12, middle)
    notebook.mouse.down()
    before = len(notebook.evaluate("window.frames_seen"))
    started = time.monotonic()
    for step in range(60):
        notebook.mouse.move(box["x"] + 12 + (box["width"] - 40) * step / 59, middle)
        painted(notebook, frames=3)  # a hand is no faster
    notebook.mouse.up()
    seconds = time.monotonic() - started
    last = settle(notebook)
    seen = notebook.evaluate("window.frames_seen")[before:]
    rate = len({frame["lmbda"] for frame in seen}) / seconds
    delay = last["painted"] - last["asked"]
    print(f"\ndrag in JupyterLab: {rate:.1f} distinct frames/s, last input to last paint {delay:.0f} ms")
    assert len(seen) >= 3 and last["wanted"] == wanted(notebook)
    slider.focus()
    value = wanted(notebook)
    for _ in range(12):
        notebook.keyboard.press("ArrowLeft")
    last = settle(notebook)
    print(f"arrow keys: last key to last paint {last['painted'] - last['asked']:.0f} ms")
    assert last["wanted"] == wanted(notebook) == pytest.approx(value * 2 ** (-12 / 16))


def test_numbers_and_pixels_are_the_apps(notebook: Page) -> None:
    from fastapi.testclient import TestClient

    from explorer.views.service.server import create_server

    run(notebook, "w.lmbda = 300")
    notebook.wait_for_function(f"{ROOT}.viewer.wanted === 300")
    settle(notebook)
    shown = notebook.evaluate(f"{ROOT}.viewer.shown.header")
    with TestClient(create_server()) as client:
        token = client.post(f"/api/open?model={first_model()}&sample=parrots").json()["id"]
        client.get(f"/api/numbers/{token}?lmbda=300")
        answer = client.get(f"/api/frame/{token}?lmbda=300").content
    length = int.from_bytes(answer[:4], "little")
    header = json.loads(answer[4 : 4 + length])
    assert shown["point"].items() >= header["point"].items() and shown["lmbda"] == header["lmbda"]
    text = notebook.evaluate(f"""(() => {{
      const pixels = {ROOT}.viewer.shown.frame.pixels;
      let text = "";
      for (let i = 0; i < pixels.length; i += 32768) text += String.fromCharCode(...pixels.subarray(i, i + 32768));
      return btoa(text);
    }})()""")
    session = explorer.Session(explorer.load_model(first_model()), explorer.samples()["parrots"])
    pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(512, 768, 3)
    np.testing.assert_array_equal(pixels, session.reconstruct(300))


def test_traits_follow_and_are_followed(notebook: Page) -> None:
    run(notebook, "w.lmbda = 1000; w.channel = 7; w.view = 'channels'; w.pins = [[3, 4]]; w.state = {'mode': 'beside'}")
    notebook.wait_for_function(f"{ROOT}.viewer.get().view === 'channels' && {ROOT}.viewer.get().pins")
    settle(notebook)
    state = notebook.evaluate(f"{ROOT}.viewer.get()")
    found = {key: state[key] for key in ("lambda", "channel", "view", "pins", "mode")}
    assert found == {"lambda": 1000, "channel": 7, "view": "channels", "pins": "3-4", "mode": "beside"}
    notebook.locator("[data-part=slider]").first.focus()
    notebook.keyboard.press("PageUp")
    notebook.keyboard.press("s")
    settle(notebook)
    told = "import json; print(json.dumps([w.lmbda, w.view, w.pins, w.state['mode']]))"  # when the state rests
    wait_until(lambda: json.loads(run(notebook, told)) == [2000, "channels", [[3, 4]], "split"])
    run(notebook, "w.view = 'compare'; w.pins = []")
    notebook.wait_for_selector(".mae-panels", state="hidden")


def test_the_file_is_listed_byte_by_byte(notebook: Page) -> None:
    run(notebook, "w.lmbda = 512; w.view = 'file'")
    notebook.wait_for_function(f"{ROOT}.viewer.wanted === 512 && {ROOT}.viewer.get('view') === 'file'")
    settle(notebook)
    notebook.wait_for_selector(".mae-file[data-waiting=false]")
    lines = notebook.inner_text("[data-file=bytes]").splitlines()
    assert run(notebook, "print(w.session.encode(512)[:256].hex())").strip() == "".join(
        line[6:].replace(" ", "") for line in lines
    )


def test_another_model_in_the_viewer_is_the_sessions(notebook: Page) -> None:
    settle(notebook)
    before = notebook.evaluate(f"{ROOT}.viewer.wanted")
    for model in ("mae", first_model()):
        notebook.evaluate(f"{ROOT}.viewer.set({{ model: {model!r} }})")
        notebook.wait_for_function(f"{ROOT}.viewer.picture.model === {model!r}")
        settle(notebook)
        said = run(notebook, "print(w.session.model.name, len(w.session.encode(w.lmbda)))").split()
        assert said == [model, str(notebook.evaluate(f"{ROOT}.viewer.shown.header.point.bytes"))]
    assert notebook.evaluate(f"{ROOT}.viewer.wanted") == before


def test_keys_are_not_the_notebooks_and_the_address_is_left_alone(notebook: Page) -> None:
    cells = "window.jupyterapp.shell.currentWidget.content.widgets.length"
    before, address = notebook.evaluate(cells), notebook.url
    notebook.locator("[data-part=slider]").first.focus()
    for key in ("b", "a", "x", "d", "d", "s", "Enter"):  # in JupyterLab: new cell, new cell, cut, delete, …
        notebook.keyboard.press(key)
    painted(notebook)
    assert (notebook.evaluate(cells), notebook.url) == (before, address)
    assert notebook.locator(".mae-modes input[value=split]").first.is_checked()


def test_the_viewer_takes_jupyters_theme(notebook: Page) -> None:
    assert notebook.evaluate(f"{ROOT}.dataset.theme") == "light"
    notebook.evaluate("window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })")
    notebook.wait_for_function(f"{ROOT}.dataset.theme === 'dark'")
    notebook.evaluate("window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' })")
    notebook.wait_for_function(f"{ROOT}.dataset.theme === 'light'")


TEXTS = f"""() => [...{ROOT}.querySelectorAll(".mae-numbers > div")].flatMap((column) =>
  [...column.querySelectorAll("dt, dd")].map((each) => {{
    const range = document.createRange();
    range.selectNodeContents(each);
    const {{ left, right }} = range.getBoundingClientRect();
    return [each.tagName + each.className, left, right];
  }})).filter(([, left, right]) => right > left)"""


def test_beside_the_list_of_files_the_slider_has_room_and_no_number_lies_on_another(notebook: Page) -> None:
    run(notebook, "w.lmbda = 4096")
    notebook.wait_for_function(f"{ROOT}.viewer.wanted === 4096")
    settle(notebook)
    room = notebook.evaluate(f"{ROOT}.getBoundingClientRect().width")
    assert 821 < room < 960, "two columns, as narrow as they get"
    assert notebook.locator(".mae-track").first.bounding_box()["width"] > 200
    texts = sorted(notebook.evaluate(TEXTS))
    assert len(texts) > 15
    for (row, _, right), (below, left, _) in pairwise(texts):
        assert row != below or right <= left


OPEN = """
import numpy as np, psutil
from IPython.display import display
pixels = np.asarray(w.session.picture.pixels).copy()
v = explorer.widget(pixels, view="channels")
display(v)
"""
# What the allocator keeps for later, freed by the widget but not given back, is not counted: it varies by tens of MB.
CLOSE = """
import ctypes, gc
v.close()
del v
gc.collect()
getattr(ctypes.CDLL(None), "malloc_trim", int)(0)  # glibc alone has it
print(psutil.Process().memory_info().rss)
"""


DROP = """([name, bytes]) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], name));
  const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
  LAST.querySelector("[data-part=stage]").dispatchEvent(drop);
}"""


def test_the_cells_picture_and_those_that_are_dropped_stay_in_the_widget(notebook: Page) -> None:
    viewer = f"{LAST}.viewer"
    before = notebook.locator(".mae").count()

    def opened(name: str) -> None:
        shows = f"{viewer}?.picture?.name === {name!r} && {LAST}.dataset.state === 'ready' && {viewer}.shown"
        notebook.wait_for_function(shows)

    def thumbnail(name: str) -> None:
        notebook.evaluate(f"{LAST}.querySelector('.mae-own > button[aria-label^={json.dumps(name)}]').click()")

    make = "np.random.default_rng(3).integers(0, 256, (96, 144, 3), np.uint8)"
    show(notebook, f"import numpy as np; own = explorer.widget({make}); own")
    opened("picture")
    assert notebook.evaluate(f"{viewer}.strip.own.map((own) => own.about)") == ["picture · 144 × 96 pixels"]
    pixels = np.random.default_rng(4).integers(0, 256, (80, 112, 3), np.uint8)
    notebook.evaluate(DROP.replace("LAST", LAST), ["dropped.png", list(images.to_png(pixels))])
    opened("dropped.png")
    wait_until(lambda: run(notebook, "print(own.session)").endswith("'dropped.png', 112×80)"))
    size = run(notebook, "print(len(own.session.encode(700)))")
    notebook.evaluate(f"{viewer}.parts.target.value = '{size} bytes'; {viewer}.parts.targetForm.requestSubmit()")
    gap = f"print(own.lmbda - own.session.solve(bytes={size}))"
    wait_until(lambda: float(run(notebook, gap)) == pytest.approx(0, abs=1e-6))
    thumbnail("picture")  # the kernel has it still
    opened("picture")
    wait_until(lambda: run(notebook, "print(own.session)").endswith("144×96)"))
    thumbnail("dropped.png")  # the page has it still
    opened("dropped.png")
    file = "explorer.load_model('mae').encode(np.zeros((64, 64, 3), np.uint8), 300)"
    run(notebook, "own.close()")
    notebook.wait_for_function(f"document.querySelectorAll('.mae').length === {before}")
    show(notebook, f"got = explorer.widget({file}); got")
    opened("picture")
    assert notebook.evaluate(f"[{viewer}.slider.slider.disabled, {viewer}.stage.mode]") == [True, "flip"]
    assert float(run(notebook, "print(got.lmbda)")) == pytest.approx(300, rel=1e-4)
    run(notebook, "got.close()")


BESIDE = """() => {
  const data = new DataTransfer();
  data.items.add(new File(["x"], "x.png"));
  const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
  document.body.dispatchEvent(drop);
  return drop.defaultPrevented;
}"""


def test_a_file_that_is_dropped_beside_the_widget_does_not_replace_the_notebook(notebook: Page) -> None:
    assert notebook.evaluate(BESIDE)


LISTEN = f"""() => {{
  window.said = [];
  const {{ doing }} = {LAST}.viewer.parts;
  new MutationObserver(() => window.said.push(doing.textContent)).observe(doing, {{ childList: true, subtree: true }});
}}"""


def test_a_file_above_jupyters_limit_travels_in_parts_and_its_pixels_come_back(
    notebook: Page, sent: list[int], tmp_path: Path
) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (2900, 2900, 3), np.uint8)
    path = tmp_path / "noise.tiff"
    Image.fromarray(pixels).save(path)
    size = path.stat().st_size
    assert size > 25_000_000  # a Jupyter server takes messages of up to 10 MiB
    viewer = f"{LAST}.viewer"
    show(notebook, "big = explorer.widget('parrots'); big")
    notebook.evaluate(LISTEN)
    sent.clear()
    notebook.locator("[data-part=file]").last.set_input_files(path)
    notebook.wait_for_function(f"{viewer}.picture.name === 'noise.tiff' && {LAST}.dataset.state === 'ready'")
    assert max(sent) < 1.01 * MEGABYTE and sum(sent) > size
    told = [text for text in notebook.evaluate("window.said") if text.startswith("Sending")]
    parts = range(1, math.ceil(size / MEGABYTE))
    assert told == [f"Sending noise.tiff: {100 * MEGABYTE * part // size} % …" for part in parts]
    digest = notebook.evaluate(f"""async () => {{
      const {{ pixels }} = await {viewer}.transport.pixels({viewer}.picture.id);
      return Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", pixels)));
    }}""")
    assert bytes(digest) == hashlib.sha256(pixels.tobytes()).digest()
    run(notebook, "big.close()")


def test_twenty_widgets_opened_and_closed_leave_no_memory_behind(notebook: Page) -> None:
    devtools = notebook.context.new_cdp_session(notebook)
    memory: list[tuple[float, float]] = []
    widgets = notebook.locator(".mae").count()
    for _ in range(WARM_UP + CYCLES):
        show(notebook, OPEN)
        kernel = int(run(notebook, CLOSE)) / MEGABYTE
        notebook.wait_for_function(f"document.querySelectorAll('.mae').length === {widgets}")
        for _ in range(2):
            notebook.evaluate("window.jupyterapp.commands.execute('notebook:delete-cell')")
        devtools.send("HeapProfiler.collectGarbage")
        memory.append((kernel, notebook.evaluate("performance.memory.usedJSHeapSize") / MEGABYTE))
    before, after = (np.median(part, axis=0) for part in (memory[WARM_UP - WINDOW : WARM_UP], memory[-WINDOW:]))
    for what, first, last in zip(("kernel", "page"), before, after, strict=True):
        print(f"\n{CYCLES} cycles: {what} {first:.0f} -> {last:.0f} MB")
        assert abs(last - first) < 50


WRONG = """
for wrong in (m[1:], m * np.nan, m * 100, m[None], "disc", [[256], []]):
    try: w.lambda_map = wrong
    except explorer.InputError as error: print(error)
print(np.allclose(w.lambda_map, m, rtol=1e-3), w.point.bytes, (w.latents == w.session.latents(m)).all())"""


def test_a_lambda_map_goes_both_ways_between_python_and_the_page(notebook: Page) -> None:
    session = explorer.Session(explorer.load_model(first_model()), explorer.samples()["parrots"])
    viewer = f"{ROOT}.viewer"

    def shows(lmbda: float | np.ndarray) -> bool:
        settle(notebook)
        notebook.wait_for_function(f"{viewer}.shown.header.point && !{viewer}.shown.header.point.approximate")
        assert notebook.evaluate(f"{viewer}.shown.header.point.bytes") == len(session.encode(lmbda))
        frame = canvas_pixels(notebook, f"{viewer}.stage.layers.frame.canvas")[..., :3]
        return bool((frame == session.reconstruct(lmbda)).all())

    lambdas = np.full((8, 12), 256.0)
    lambdas[2:5, 6:9], lambdas[:, 0] = 2048, 64
    make = "import numpy as np; m = np.full((8, 12), 256.0); m[2:5, 6:9], m[:, 0] = 2048, 64"
    run(notebook, f"{make}; w.lmbda = 700; w.lambda_map = m")
    notebook.wait_for_function(f"{viewer}.map && {viewer}.wanted < 257")
    assert shows(lambdas)
    *sentences, kept = run(notebook, WRONG).splitlines()
    assert [sentence.endswith(".") for sentence in sentences] == 6 * [True]
    assert kept == f"True {len(session.encode(lambdas))} True", "what was wrong changed nothing"

    run(notebook, "maps = []; w.observe(lambda change: maps.append(change['new']), 'lambda_map'); w.lambda_map = None")
    notebook.wait_for_function(f"!{viewer}.map")
    assert shows(256) and run(notebook, "print(maps)") == "[None]"
    notebook.evaluate(f"{ROOT}.querySelector('[data-part=paintOpen]').click()")
    painted(notebook)
    stroke(notebook, (3, 3), (3, 8))
    settle(notebook)
    expected = Condition(level_of(256), LambdaMap.of(steps(notebook)))
    assert expected.map and np.count_nonzero(expected.map.steps) > 12
    wait_until(lambda: run(notebook, "print(w._map)") == expected.map.text)
    told = json.loads(run(notebook, "print(maps[-1].tolist())"))
    np.testing.assert_array_equal(told, expected.by_block)
    assert shows(np.array(told))
    run(notebook, "w.lmbda = 512")  # the painting moves with λ
    notebook.wait_for_function(f"{viewer}.wanted === 512")
    assert shows(Condition(level_of(512), expected.map))
    notebook.evaluate(f"{ROOT}.querySelector('[data-part=paintDone]').click()")
    run(notebook, "w.lambda_map = None")
    notebook.wait_for_function(f"!{viewer}.map")


SEARCH = """
import numpy as np
sought = explorer.widget(np.random.default_rng(8).integers(0, 256, (64, 80, 3), np.uint8), view="search")
sought"""
BUSY = """async () => {
  const { commands, shell } = window.jupyterapp;
  const { content } = shell.currentWidget;
  await commands.execute("notebook:insert-cell-below");
  content.activeCell.model.sharedModel.setSource("import time\\nwhile True: time.sleep(0.01)");
  window.ended = false;
  commands.execute("notebook:run-cell").then(() => { window.ended = true; });
}"""
INTERRUPT = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()"


def test_a_search_in_the_widget_goes_on_while_the_kernel_is_busy_and_interrupted(notebook: Page) -> None:
    show(notebook, SEARCH)
    searches, press = f"{LAST}.viewer.searches", f"{LAST}.querySelector('.mae-search-start').click()"
    notebook.evaluate(f"{LAST}.viewer.set({{ effort: 2 }})")
    notebook.evaluate(press)
    notebook.wait_for_function(f"{searches}.running?.line?.done")
    notebook.evaluate(BUSY)
    done = notebook.evaluate(f"{searches}.running.line.done")
    notebook.wait_for_function(f"{searches}.running?.line?.done > {done} + 20")
    notebook.evaluate(INTERRUPT)
    notebook.wait_for_function("window.ended")
    done = notebook.evaluate(f"{searches}.running.line.done")
    notebook.wait_for_function(f"{searches}.running?.line?.done > {done}")
    notebook.evaluate(press)  # "Cancel"
    assert notebook.evaluate(f"{searches}.running") is None and not notebook.evaluate(f"{searches}.all.length")
    notebook.evaluate(f"{LAST}.viewer.set({{ effort: 1 }})")
    notebook.evaluate(press)
    notebook.wait_for_function(f"{searches}.all.length === 1")
    found = notebook.evaluate(f"{searches}.all[0]")
    size = int(run(notebook, "print(len(sought.session.at_effort(1).encode(sought.lmbda)))"))
    costs = [each["bpp"] + 256 * 10 ** (-each["psnr"] / 10) for each in (found["before"], found["after"])]
    assert found["after"]["bytes"] == size and costs[1] < costs[0]
    run(notebook, "sought.close()")


KEEP = """
import numpy as np
kept = explorer.widget(np.random.default_rng(6).integers(0, 256, (80, 112, 3), np.uint8), lmbda=300)
kept.keep(points=3)
kept"""
SAVE_WIDGETS = "window.jupyterapp.commands.execute('@jupyter-widgets/jupyterlab-manager:saveWidgetState')"
KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
RESTART = f"{KERNEL}.restart()"
OFFLINE = ".mae[data-offline=true][data-state=ready][data-lmbda]"


def has_kept(notebook: Path) -> bool:
    """Whether a widget with its sweep is in a notebook's file, which may be being written."""
    with suppress(json.JSONDecodeError, KeyError):
        saved = json.loads(notebook.read_text())["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]
        return any(model["state"].get("_kept") for model in saved["state"].values())
    return False


def test_a_widget_that_is_kept_is_alive_without_its_kernel_and_in_the_saved_notebook(
    notebook: Page, lab: str, folder: Path
) -> None:
    assert "Keeping 3 λ, about" in show(notebook, KEEP)
    assert notebook.evaluate(f"{LAST}.dataset.offline") == "false"
    notebook.evaluate(SAVE_WIDGETS)
    notebook.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    wait_until(lambda: has_kept(folder / NOTEBOOK.name))
    notebook.evaluate(SAVE_WIDGETS)
    notebook.evaluate(RESTART)
    notebook.wait_for_selector(OFFLINE)
    notebook.wait_for_function(f"{KERNEL}.status === 'idle'")

    fresh = notebook.context.new_page()
    fresh.goto(f"{lab}/lab/tree/{NOTEBOOK.name}")
    fresh.wait_for_selector(OFFLINE, state="attached")
    assert fresh.locator(".mae").count() == 1, "others say what to do"
    fresh.locator("text=No kernel knows this widget: run its cell again.").nth(1).wait_for(state="attached")
    pixels = np.random.default_rng(6).integers(0, 256, (80, 112, 3), np.uint8)
    session = explorer.Session(explorer.load_model(first_model()), pixels)
    for key, lmbda in (("Home", 64), ("ArrowRight", 512), ("End", 4096)):
        fresh.locator(".mae [data-part=slider]").press(key)
        fresh.wait_for_selector(".mae:not([data-pending])")
        shown, psnr = fresh.evaluate(f"[{ROOT}.viewer.shown.header.lmbda, {ROOT}.viewer.shown.header.point.psnr]")
        assert shown == pytest.approx(lmbda, rel=1e-4) and psnr == pytest.approx(session.point(shown).psnr)
        frame = canvas_pixels(fresh, f"{ROOT}.viewer.stage.layers.frame.canvas")[..., :3]
        np.testing.assert_array_equal(frame, session.reconstruct(shown))
    fresh.wait_for_selector(".mae-plot .scatterlayer .trace path.point")
    fresh.close()


def test_a_kernel_that_is_restarted_is_told_with_the_remedy(notebook: Page) -> None:
    notebook.evaluate(RESTART)
    notebook.wait_for_selector(".jupyter-widgets-disconnected")
    notebook.locator("[data-part=slider]").first.press("ArrowLeft")
    notebook.wait_for_selector("[data-part=notices]:not([hidden])")
    said = notebook.locator("[data-part=notice]").first.inner_text()
    assert said == "The kernel was restarted or has ended: run the cell again."
