"""The app's viewer as a Jupyter widget, and the same with ipywidgets and Plotly around it.

    w = explorer.widget("photo.jpg")     drag λ, or
    w.lmbda = 300                        set it; w.observe(f, "lmbda") tells of either
    w.latents, w.ratio, w.session        what is on show, as arrays
    w.snapshot()                         a picture that a saved notebook keeps
    explorer.notebook("photo.jpg")       slider, numbers and rate-distortion figure, each a widget of its own

All widgets of a process share one store of open pictures and one thread that computes (see `bridge`); the kernel's own
thread is never held up.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

try:
    import anywidget
    import traitlets
except ImportError:
    raise ImportError("Widgets need anywidget and ipywidgets: pip install 'mae-explorer[notebook]'") from None

import numpy as np
from numpy.typing import NDArray

from explorer.codecs.base import RDPoint
from explorer.codecs.learned import LearnedCodec
from explorer.images import InputError
from explorer.library import DEFAULT, SAMPLES, list_models, load_model, samples
from explorer.session import Session
from explorer.views import viewer
from explorer.views.bridge import Bridge, Line
from explorer.views.server import START_LAMBDA, Api, serve
from explorer.views.store import Opened, Store

VIEWS = ("compare", "rd", "channels", "ratio", "modulation", "bits")


class Hub:
    """What the widgets of a process share: the open pictures and the server's routes."""

    def __init__(self) -> None:
        self.store = Store(list_models(), samples())
        server = serve(self.store, DEFAULT)
        self.api: Api = server.state.api
        self.bridge = Bridge(server)

    def open(self, image: Any, model: str | Path | LearnedCodec) -> Opened:
        """Open a sample by name, a session, or whatever `explorer.Session` takes."""
        if isinstance(image, Session):
            return self.store.open(self._name(image.model), image, image.picture.name)
        name = self._name(model if isinstance(model, LearnedCodec) else load_model(model))
        if isinstance(image, str) and image in self.store.samples:
            return self.store.open_sample(name, image)
        session = Session(self.store.model(name), image)
        return self.store.open(name, session, session.picture.name)

    def _name(self, model: LearnedCodec) -> str:
        return self.store.add_model(model)


@cache
def hub() -> Hub:
    """The one of this process."""
    return Hub()


class ExplorerWidget(anywidget.AnyWidget):
    """The viewer with one picture; make it with `explorer.widget`.

    Traits, to read, to set and to observe; they follow what is done in the viewer:
    lmbda: λ in the model's range.
    view: what is open beside the picture, one of `VIEWS`.
    channel: of the bottleneck, the one that the views of the inside mark.
    view_box: [x, y, scale], the pixel in the middle and screen pixels for each pixel; [] for the whole picture.
    state: all that is chosen in the viewer by key, as in the app's links; a part of it may be set: {"mode": "beside"}.
    """

    _esm = viewer.widget()
    _css = viewer.style()
    lmbda = traitlets.Float(help="λ, in the model's range").tag(sync=True)
    view = traitlets.Enum(VIEWS, "compare").tag(sync=True)
    channel = traitlets.Int(0).tag(sync=True)
    view_box = traitlets.List(traitlets.Float()).tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    height = traitlets.Int(560, help="of the viewer, in CSS pixels").tag(sync=True)
    _model = traitlets.Unicode().tag(sync=True)
    _picture = traitlets.Unicode(help="token of what is on show").tag(sync=True)
    _shown: traitlets.List[Any] = traitlets.List(help="token and λ of the frame on show").tag(sync=True)

    def __init__(self, opened: Opened, **traits: Any) -> None:
        self._line = Line(hub().bridge, self.send)
        self._opened = hub().store.hold(opened.token)
        super().__init__(_picture=opened.token, _model=opened.model, **traits)
        self.on_msg(lambda _, message, buffers: self._line.receive(message, buffers))

    @property
    def session(self) -> Session:
        """The session of the picture on show."""
        return self._opened.session

    @property
    def point(self) -> RDPoint:
        """Rate and quality at λ."""
        return self.session.point(self.lmbda)

    @property
    def latents(self) -> NDArray[np.float32]:
        """y at λ, before rounding, (M, h, w)."""
        return self.session.latents(self.lmbda)

    def close(self) -> None:
        """Take the widget from the page and let go of its picture, with all that was computed of it, unless another
        widget shows it too."""
        if self.comm is not None:
            self._line.close()
            hub().store.release(self._picture)
        super().close()

    @traitlets.validate("lmbda")
    def _check_lambda(self, proposal: dict[str, Any]) -> float:
        self.session.model.network.check(proposal["value"])
        return proposal["value"]

    @traitlets.validate("channel")
    def _check_channel(self, proposal: dict[str, Any]) -> int:
        channel, channels = proposal["value"], self.session.model.network.config.M
        if not 0 <= channel < channels:
            raise InputError(f"There is no channel {channel}; channels run from 0 to {channels - 1}.")
        return channel

    @traitlets.observe("_picture")
    def _hold(self, change: dict[str, Any]) -> None:
        if change["old"]:
            self._opened = hub().store.hold(change["new"])
            hub().store.release(change["old"])


def widget(
    image: Any = SAMPLES[0],
    model: str | Path | LearnedCodec = DEFAULT,
    view: str = "compare",
    lmbda: float = START_LAMBDA,
    height: int = 560,
) -> ExplorerWidget:
    """The viewer as a widget.

    image: the name of a sample, a path, bytes, a PIL image, an (H, W, 3) uint8 array, or an `explorer.Session`, whose
    model it then is. model: a bundled name, a checkpoint's path, or a loaded model. view: what is open beside the
    picture. lmbda: where to start, or the nearest λ that the model has. height: in CSS pixels. Raises InputError for a
    picture or a model that cannot be read.
    """
    opened = hub().open(image, model)
    low, high = opened.session.model.network.lambda_range()
    return ExplorerWidget(opened, view=view, lmbda=min(max(lmbda, low), high), height=height)
