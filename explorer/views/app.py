"""The app: a Gradio page around the viewer, on one server with the viewer's binary routes.

`launch` loads the network and Gradio at the same time, because each takes seconds, and then opens the browser.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import threading
import warnings
import webbrowser
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.routing import Mount

from explorer.console import end_soon
from explorer.images import InputError
from explorer.views.guard import Guard, PageOnly
from explorer.views.listening import address, listen
from explorer.views.opening import Opening

if TYPE_CHECKING:
    from fastapi import FastAPI

# A connection that says nothing is closed; one of a page that is there is asked whether it still is.
CONNECTIONS: dict[str, Any] = {
    "http": "h11",
    "ws_max_size": 1024,
    "ws_ping_interval": 20,
    "ws_ping_timeout": 20,
    "proxy_headers": False,
    "server_header": False,
}
TITLE = """<h1>MAE Explorer</h1><p>One autoencoder, every bitrate. Drag λ.</p>"""
ABOUT = """
**What moves when λ moves.** A single autoencoder compresses this picture. A small network looks at λ, the price of
distortion in L = R + λ·D, and re-scales the autoencoder's features; so one model covers every bitrate without a gap.
The method is the modulated autoencoder of [Yang et al., 2020](https://arxiv.org/abs/1912.05526).

**What the numbers say.** Rate, file size and ratio are those of the real `.mae` file, header included, which you can
save and decode. PSNR and MS-SSIM compare the decoded 8-bit picture with the original. Only the rate marked “estimated”
is the entropy model's own expectation.

**What the prior is.** The features y are whole numbers in the file, and a prior says how probable each of them is: the
more probable, the fewer bits. The *factorised* prior knows each channel as a whole. The *hyperprior* spends a few bits
on z, a coarse description of the picture, and expects of every place what z says of it. “Prior” switches between the
two: the features stay, and with them the quality; the price changes.

**What the plot says.** Every point is this very picture, really compressed: further left is smaller, further up is
closer to the original. Click a point of the model's curve to go there, or another codec's to see that file beside the
model's. “Compare with” pairs the model with a codec at the same rate or the same quality, and keeps up with λ.
"""
# The viewer's colours (viewer.css) are the page's too; Gradio marks its dark theme on the body.
CSS = """
body { background: var(--body-background-fill) !important; }
.gradio-container { padding: 0 !important; overflow: clip !important; } /* so that λ can stick to the window */
.gradio-container > .main { padding: 8px 16px !important; }
.gradio-container .html-container { padding: 0; }
.gradio-container .column { gap: 10px; }
.mae { --mae-height: clamp(540px, calc(100vh - 66px), 1100px); }
footer .settings { color: var(--body-text-color) !important; }
#head { align-items: center; gap: 16px; flex-wrap: nowrap; }
#head .form { flex: 0 1 470px !important; min-width: 0 !important; border: 0; box-shadow: none; background: none; }
#title h1 { display: inline; margin: 0 12px 0 0; font-size: 19px; font-weight: 650; }
#title p { display: inline; margin: 0; font-size: 15px; opacity: 0.72; }
#model { margin: 0; padding: 0; background: none; }
#model input { margin: 0; padding-right: 26px; text-overflow: ellipsis; }
body:has(.mae[data-hide~="head"]) #head, body:has(.mae[data-hide~="about"]) #about { display: none; }
@media (max-width: 820px) {
  #title { flex: none !important; width: auto !important; min-width: 0 !important; }
  #title p { display: none; }
  #head .form { flex: 1 !important; }
  /* Not only while the viewer is in sight: what is below it moves the dock otherwise. */
  .mae .mae-dock { position: fixed; inset: auto 0 0; padding-inline: 16px; }
  .gradio-container { padding-bottom: 84px !important; }
  .gradio-container:has(.mae-lesson:not([hidden])) { padding-bottom: 42vh !important; }
}
"""
START_VIEWER = """
const base = document.baseURI;
const root = element.querySelector(".mae");
const href = new URL("viewer/viewer.css", base);
const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
document.head.append(style);
const styled = new Promise((done) => (style.onload = done));
Promise.all([import(new URL("viewer/app.js", base)), styled]).then(([{ start }]) =>
  start(root, base).on("picture", () => trigger("change"))
);
"""
# The model is chosen here, but also by a link.
CHOOSE_MODEL = """(model) => {
  const { viewer } = document.querySelector(".mae");
  if (viewer.get("model") !== model) viewer.set({ model });
}"""
SHOW_MODEL = """() => document.querySelector(".mae").viewer.get("model")"""


def launch(
    host: str = "127.0.0.1",
    port: int | None = None,
    model: str | None = None,
    image: str | Path | None = None,
    open_browser: bool = True,
    allow_hosts: Sequence[str] = (),
    root_path: str = "",
) -> None:
    """Serve the app until it is interrupted, which raises KeyboardInterrupt, and print its address.

    port: None takes the first free one from 7860; 0 any free one. model: a bundled name or a path; None takes
    `library.first_model`. image: a picture or a .mae file to start with, before the samples. allow_hosts: names beside
    `host` and those of this machine that it answers to. root_path: where a proxy shows it, such as "/mae". Raises
    InputError where the model, the image, the host or the port cannot be had.
    """
    root_path = _checked_path(root_path)
    with listen(host, port) as listener:
        here = address(host, listener.getsockname()[1])
        app = create_app(model, Path(image) if image else None, [host, *allow_hosts], root_path)
        print(f"MAE Explorer is running at {here} (stop it with Ctrl+C)", flush=True)
        if open_browser:
            threading.Timer(0.5, webbrowser.open, [here]).start()
        # An open page holds a connection for as long as it is open: do not wait for it at the end.
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, **CONNECTIONS)
        _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    """When it is to end, it waits for no picture that is being coded, and what is broken off is no error to log."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        end_soon(sig)
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        super().handle_exit(sig, frame)


def create_app(
    model: str | None = None, image: Path | None = None, hosts: Sequence[str] = (), root_path: str = ""
) -> FastAPI:
    """The Gradio page and the binary routes as one ASGI app, with the first frame on its way. hosts, root_path: see
    `Guard`, which is in front of all."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "True"
    # CompressAI's import says so; hushing it there alone fails while another thread imports.
    warnings.filterwarnings("ignore", message=".*torch.jit.script.*is deprecated")
    with ThreadPoolExecutor(1) as aside:
        aside.submit(importlib.import_module, "gradio")
        from explorer.views.service.server import create_server

        server = create_server(model, image)
        threading.Thread(target=server.state.api.warm_up, daemon=True).start()
    app = _with_page(server)
    app.add_middleware(Guard, hosts=hosts, root_path=root_path)
    return app


def _with_page(server: FastAPI) -> FastAPI:
    import gradio as gr

    from explorer.views.service import menu

    api = server.state.api
    with gr.Blocks(title="MAE Explorer", analytics_enabled=False, fill_width=True) as page:
        with gr.Row(elem_id="head"):
            gr.HTML(TITLE, elem_id="title", js_on_load=None)
            models = [(menu.explained(name), name) for name in api.pictures.models]
            choice = gr.Dropdown(models, value=api.model, label="Model", show_label=False, elem_id="model")
        view = gr.HTML(html_template='<div class="mae"></div>', js_on_load=START_VIEWER, apply_default_css=False)
        with gr.Accordion("What am I looking at?", open=False, elem_id="about"):
            gr.Markdown(ABOUT)
        # Not `change`, which also comes when the viewer has shown another model: that may be the one before by then.
        choice.input(None, choice, None, js=CHOOSE_MODEL, api_visibility="private", trigger_mode="multiple")
        view.change(None, None, choice, js=SHOW_MODEL, api_visibility="private")
    app: FastAPI = gr.mount_gradio_app(
        server, page, path="/", theme=_theme(gr), css=CSS, footer_links=["settings"], run_history=False, ssr_mode=False
    )
    mounted = app.routes[-1]
    assert isinstance(mounted, Mount)
    mounted.app = PageOnly(Opening(mounted.app))
    return app


def _theme(gr: Any) -> Any:
    """Gradio's plain theme with the system's own font and the viewer's colours."""
    fonts = ["system-ui", "sans-serif"]
    theme = gr.themes.Base(primary_hue="blue", neutral_hue="gray", font=fonts, font_mono=["ui-monospace", "monospace"])
    return theme.set(
        body_background_fill="#f7f7f5",
        body_background_fill_dark="#121417",
        body_text_color="#1a1d21",
        body_text_color_dark="#e9ebee",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1a1d21",
    )


def _checked_path(root_path: str) -> str:
    """Where a proxy shows the app, without a slash at its end."""
    path = root_path.rstrip("/")
    if path and not re.fullmatch(r"(/(?!\.+(/|$))[A-Za-z0-9._~-]+)+", path):
        raise InputError(f"The path {root_path!r} cannot be one below which the app is shown: give one like /mae.")
    return path
