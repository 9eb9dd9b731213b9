"""The app's viewer as a Jupyter widget, and the same with ipywidgets and Plotly around it.

    w = explorer.widget("photo.jpg")     drag λ, or
    w.lmbda = 300                        set it; w.observe(f, "lmbda") tells of either
    w.lambda_map = [[256, 2048], …]      paint λ, block by block; what was painted by hand is there, too
    w.latents, w.ratio, w.session        what is on show, as arrays
    w.snapshot()                         a figure that a saved notebook keeps
    w.keep()                             the viewer stays alive along λ in a saved notebook, without a kernel
    explorer.notebook("photo.jpg")       slider, numbers and rate-distortion figure, each a widget of its own

All widgets of a process share the open pictures and one thread that answers their viewers (see `service.kernel`); the
kernel's own thread is never held up.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

try:
    import anywidget
    import ipywidgets
    import traitlets
except ImportError:
    raise ImportError("Widgets need anywidget and ipywidgets: pip install 'mae-explorer[notebook]'") from None

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.codecs.base import RDPoint
from explorer.codecs.learned import LearnedCodec
from explorer.condition import Condition, Lambda, number
from explorer.images import InputError
from explorer.lambda_map import LambdaMap, blocks
from explorer.library import SAMPLES
from explorer.priors.base import frozen
from explorer.received import Received
from explorer.session import Session
from explorer.views import viewer
from explorer.views.figures.rates import ENOUGH, rd_figure, series
from explorer.views.figures.snapshot import Snapshot, describe, snapshot
from explorer.views.service.export import kept, kept_size
from explorer.views.service.kernel import Connection
from explorer.views.service.pictures import Opened
from explorer.views.service.points import curve_points
from explorer.views.service.setup import START_LAMBDA
from explorer.views.service.shared import shared_service
from explorer.views.service.wishes.ratios import OWN

ABOVE = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"}  # the lines, which a legend must not cover
VIEWS = ("compare", *viewer.tabs())
KEPT_BYTES = 20_000_000  # a notebook of more is slow to open and to save
SAVE_STATE = (
    "To save it with the notebook in JupyterLab: tick Settings › Save Widget State Automatically, save the notebook, "
    "and untick it again. forget() takes it out."
)
COLAB = (
    "Google Colab shows no widgets of others yet: run `from google.colab import output; "
    "output.enable_custom_widget_manager()`, then this cell again."
)


class ExplorerWidget(anywidget.AnyWidget):
    """The viewer with one picture; make it with `explorer.widget`.

    Traits, to read, to set and to observe; they follow what is done in the viewer, and it follows them:

    lmbda: λ in the model's range.
    lambda_map: λ of each block of 64×64 pixels, (⌈H/64⌉, ⌈W/64⌉) float, where it differs from block to block, else
        None; an array that is set has its median as λ and is taken to the nearest steps from there, 3/16 of an octave.
        What the methods of `session` take as λ may be set, too: a number is one λ everywhere.
    view: what is open beside the picture, one of `VIEWS`: "compare" (nothing) or a tab of the viewer.
    channel: of the bottleneck, the one that the views of the inside mark.
    view_box: [x, y, scale], the pixel in the middle and screen pixels for each pixel; [] for the whole picture.
    pins: [[row, column], …], elements of the bottleneck that stay marked, at most eight.
    state: all that is chosen in the viewer by key, as in the app's links; a part of it may be set: {"mode": "beside"}.
    """

    _esm = viewer.widget()
    _css = viewer.style()
    lmbda = traitlets.Float().tag(sync=True)
    view = traitlets.Enum(VIEWS, "compare").tag(sync=True)
    channel = traitlets.Int(0).tag(sync=True)
    view_box: traitlets.List[float] = traitlets.List(traitlets.Float()).tag(sync=True)
    pins: traitlets.List[list[int]] = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)
    state: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True)
    lambda_map = traitlets.Any(None, allow_none=True)
    height = traitlets.Int(640, help="of the viewer, in CSS pixels").tag(sync=True)
    _model = traitlets.Unicode().tag(sync=True)
    _picture = traitlets.Unicode(help="token of what is on show").tag(sync=True)
    _map = traitlets.Unicode(help="text of what was painted").tag(sync=True)
    _shown: traitlets.List[Any] = traitlets.List(help="token, λ and map of the frame on show").tag(sync=True)
    _kept = traitlets.Unicode(help="see `keep`").tag(sync=True)

    def __init__(self, opened: Opened, **traits: Any) -> None:
        self._connection = Connection(shared_service().thread, self.send)
        self._opened: Opened | None = shared_service().pictures.hold(opened.token)
        self._first = shared_service().pictures.hold(opened.token).token  # the page has no file to send it again
        self._follows = False  # while `lambda_map` is brought to what the other traits say, or these to it
        try:
            super().__init__(_picture=opened.token, _model=opened.model, **traits)
        except Exception:  # a trait's value that it does not take
            self._let_go(opened.token)
            raise
        self.on_msg(lambda _, message, buffers: self._connection.receive(message, buffers))
        if _is_hidden_by_colab():
            warnings.warn(COLAB, stacklevel=3)

    def __repr__(self) -> str:
        if self._opened is None:
            return "ExplorerWidget(closed)"
        return f"ExplorerWidget({self._opened.name!r}, model={self._opened.model!r}, lmbda={self.lmbda:.4g})"

    @property
    def opened(self) -> Opened:
        """The picture on show. Raises InputError where the widget is closed."""
        if self._opened is None:
            raise InputError("This widget is closed; make another with explorer.widget.")
        return self._opened

    @property
    def session(self) -> Session:
        """The session of the picture on show. Raises InputError where that is a received file: see `source`."""
        return self.opened.session

    @property
    def source(self) -> Session | Received:
        """The session of the picture on show, or the file that was received in its place."""
        return self.opened.source

    @property
    def condition(self) -> Condition:
        """λ, with its map where it was painted: what the methods of `session` take in the place of a number."""
        map = LambdaMap.of_text(self._map) if self._map else None
        is_here = map is not None and map.shape == blocks(*self.source.size)  # another picture may just have come
        return self.opened.condition(self.lmbda, map if is_here else None)

    @property
    def point(self) -> RDPoint:
        """Rate and quality at λ."""
        return self.session.point(self.condition)

    @property
    def latents(self) -> NDArray[np.float32]:
        """y at λ before rounding, (M, h, w) float32."""
        return self.session.latents(self.condition)

    @property
    def ratio(self) -> NDArray[np.float32]:
        """y(λa)/y(λb), (M, h, w) float32, of the two λ that the ratio view compares: 4096 and λ unless others are
        chosen there, or by state = {"a": …, "b": …}."""
        return self.session.ratio(*self._ratio_ends)

    def snapshot(self, lossless: bool = False) -> Snapshot:
        """What is on show as a figure that a saved notebook keeps: see `snapshot.snapshot`. lossless: as PNG."""
        found = snapshot(self.session, self.condition, self.view, self.channel, self._ratio_ends)
        return Snapshot(found.pixels, found.caption, lossless)

    def keep(self, points: int = 17, limit: int = KEPT_BYTES) -> None:
        """Let the viewer of a saved notebook be explored along λ without its kernel: put the picture on show, as it is
        decoded at `points` λ of the whole range, with its numbers and its curve, into the widget's state. Says first
        about how large that will be; `keep_size` tells it alone, `forget` undoes it. A λ map is not kept.

        JupyterLab saves the state with the notebook while "Save Widget State Automatically" is ticked in its menu
        Settings. Untick it after saving: while it is ticked, a notebook that is opened and saved without being run
        loses the state of its widgets. `jupyter nbconvert --execute --to notebook` saves it in any case.

        The notebook then shows the viewer in every JupyterLab that has anywidget, whether explorer is there or not,
        once it is trusted; with "No Kernel", though, JupyterLab shows no widget at all. In a page that `jupyter
        nbconvert --to html` makes it is alive if the page may load Jupyter's scripts from where nbconvert has them.

        Raises InputError, and keeps what it had, for what would take more than `limit` bytes, for fewer than 2 or more
        than 101 points, and for a received file.
        """
        size = self.keep_size(points)
        if size > limit:
            raise InputError(
                f"{points} λ of this picture would take about {_megabytes(size)}, and {_megabytes(limit)} is the "
                "limit: keep(points=…) takes fewer, keep(limit=…) allows more bytes."
            )
        without = ", without the λ map" if self._map else ""
        print(f"Keeping {points} λ{without}, about {_megabytes(size)} in the saved notebook …")
        self._kept = kept(self.opened, points)
        print(f"Kept: {_megabytes(len(self._kept))}. {SAVE_STATE}")

    def keep_size(self, points: int = 17) -> int:
        """About how many bytes `keep(points)` would add to the saved notebook, from the frames of three λ."""
        return kept_size(self.opened, points)

    def forget(self) -> None:
        """Undo `keep`."""
        self._kept = ""

    def close(self) -> None:
        """Take the widget off the page and let go of its picture, with all that was computed of it, unless another
        widget or session variable has it too."""
        if self._opened is not None:
            self._let_go(self._picture)
        self.layout.close()  # a widget of its own, through which a page would hold this one
        super().close()

    def _let_go(self, token: str) -> None:
        """Of the picture on show, and of the one that it was made with."""
        self._connection.close()
        for each in (token, self._first):
            shared_service().pictures.release(each)
        self._opened = None  # at once: a widget is part of cycles, which Python collects when it likes

    @property
    def _ratio_ends(self) -> tuple[Condition, Condition]:
        a, b = (self.state.get(end, usual) for end, usual in (("a", self.session.model.knob.maximum), ("b", OWN)))
        return self._ratio_end(a), self._ratio_end(b)

    def _ratio_end(self, chosen: str | float) -> Condition:
        return self.condition if chosen == OWN else Condition.of(float(chosen))

    @traitlets.validate("lmbda")
    def _check_lambda(self, proposal: dict[str, Any]) -> float:
        self.source.model.condition(proposal["value"])
        return proposal["value"]

    @traitlets.validate("channel")
    def _check_channel(self, proposal: dict[str, Any]) -> int:
        channel, channels = proposal["value"], self.source.model.channels
        if not 0 <= channel < channels:
            raise InputError(f"There is no channel {channel}; channels run from 0 to {channels - 1}.")
        return channel

    @traitlets.observe("_picture")
    def _hold(self, change: dict[str, Any]) -> None:
        if change["old"]:
            self._opened = shared_service().pictures.hold(change["new"])
            shared_service().pictures.release(change["old"])
        self._tell_map()

    # -- λ by block, of which the viewer has the steps -------------------------------------------------------------

    @traitlets.validate("lambda_map")
    def _check_map(self, proposal: dict[str, Any]) -> NDArray[np.float64] | None:
        value = proposal["value"]
        if self._follows or value is None:
            return value
        if self.opened.fixed:
            raise InputError(self.opened.fixed)
        return frozen(self.session.condition(value).by_block)

    @traitlets.observe("lambda_map")
    def _take_map(self, change: dict[str, Any]) -> None:
        if self._follows:
            return
        here = Condition.of(self.lmbda)
        found = here if change["new"] is None else Condition.of(change["new"])
        with self._following():
            self._map = found.map.text if found.map else ""
            if found.level != here.level:
                self.lmbda = found.lmbda
        self._tell_map()

    @traitlets.observe("lmbda", "_map")
    def _tell_map(self, _: Any = None) -> None:
        if self._follows:
            return
        found, before = _by_block(self.condition), self.lambda_map
        is_same = found is before if found is None or before is None else np.array_equal(found, before)
        if not is_same:
            with self._following():
                self.lambda_map = found

    @contextmanager
    def _following(self) -> Iterator[None]:
        self._follows = True
        try:
            yield
        finally:
            self._follows = False


def _by_block(condition: Condition) -> NDArray[np.float64] | None:
    return frozen(condition.by_block) if condition.map else None


def _is_hidden_by_colab() -> bool:
    """Whether this is Google Colab and its manager for widgets of others is off. anywidget itself turns it on where it
    recognises Colab."""
    if "google.colab" not in sys.modules:
        return False
    widgets = getattr(sys.modules.get("google.colab.output"), "_widgets", None)
    return getattr(widgets, "_installed_url", None) is None


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


class ExplorerPanel(ipywidgets.VBox):
    """The viewer's picture with standard widgets around it; make it with `explorer.notebook`.

    viewer: the `ExplorerWidget`. slider: λ, linked to it. numbers: of the frame on show. figure: a Plotly FigureWidget,
    the picture's rate-distortion curves as they are measured, and the point of the frame on show.
    """

    def __init__(self, viewer: ExplorerWidget, codecs: Sequence[str] = ()) -> None:
        self.viewer = viewer
        self._rivals = [shared_service().api.rivals.codec(name) for name in codecs]
        knob = viewer.session.model.knob
        low, high = math.log2(knob.minimum), math.log2(knob.maximum)
        wide = ipywidgets.Layout(width="auto")
        self.slider = ipywidgets.FloatLogSlider(
            viewer.lmbda, base=2, min=low, max=high, step=1 / 64, description="λ", readout_format=".4g", layout=wide
        )
        self.slider.disabled = low == high
        self.numbers = ipywidgets.HTML()
        self.figure = self._empty_figure()
        traitlets.link((viewer, "lmbda"), (self.slider, "value"))
        viewer.observe(lambda change: self._show(*change["new"]), "_shown")
        viewer.observe(lambda _: self._measure(), "_picture")
        self._show(viewer._picture, viewer.lmbda)
        self._measuring: Future[None] | None = None
        self._measure()
        super().__init__([self.slider, viewer, self.numbers, self.figure])

    def close(self) -> None:
        """Take all of it off the page and let go of the picture."""
        if self._measuring:
            self._measuring.cancel()
        for part in (self.slider, self.viewer, self.numbers, self.figure):
            part.close()
        super().close()

    def _empty_figure(self) -> go.FigureWidget:
        labels = {"model": self.viewer.session.model.label} | {codec.name: codec.label for codec in self._rivals}
        plain = rd_figure(series(labels))
        now = {"mode": "markers", "name": "now", "marker": {"size": 15, "color": "#3584e4"}, "showlegend": False}
        layout = plain["layout"] | {"height": 320, "template": "none", "showlegend": True, "legend": ABOVE}
        layout["margin"] = layout["margin"] | {"t": 28}
        return go.FigureWidget([*plain["data"], now], layout)

    def _show(self, picture: str, lmbda: float, map: str = "") -> None:
        if picture != self.viewer._picture:
            return
        condition = self.viewer.opened.condition(lmbda, LambdaMap.of_text(map) if map else None)
        point = self.viewer.session.point(condition, quick=True)
        self.numbers.value = f"<b>{describe(point)}</b>"
        with self.figure.batch_update():
            self.figure.data[-1].x, self.figure.data[-1].y = [point.bpp], [point.psnr]

    def _measure(self) -> None:
        if self._measuring:
            self._measuring.cancel()
        self._measuring = shared_service().thread.run(self._draw_curves(self.viewer.opened))

    async def _draw_curves(self, opened: Opened) -> None:
        traces = {trace.meta: trace for trace in self.figure.data[:-1]}
        found: dict[str, list[tuple[float, float]]] = {series: [] for series in traces}
        async for line in curve_points(opened, self._rivals, shared_service().api.pauses):
            curve, trace = found[line["series"]], traces[line["series"]]
            if "point" in line and math.isfinite(line["point"]["psnr"]):
                curve.append((line["point"]["bpp"], line["point"]["psnr"]))
                curve.sort()
            joined = "done" in line or len(curve) >= ENOUGH
            mode = "lines+markers" if joined else "markers"
            trace.update(x=[x for x, _ in curve], y=[y for _, y in curve], mode=mode)


def widget(
    image: Any = SAMPLES[0],
    model: str | Path | LearnedCodec | None = None,
    view: str = "compare",
    lmbda: Lambda = START_LAMBDA,
    height: int = 640,
) -> ExplorerWidget:
    """The viewer as a widget.

    image: the name of a sample (see `explorer.samples`), the path or bytes of a picture or a .mae file, a PIL image,
    an (H, W, 3) uint8 array, or an `explorer.Session`, whose model it then is. model: a bundled name, a checkpoint's
    path, or a loaded model; None is the one that the app opens with; a .mae file names its own. view: what is open
    beside the picture, see `ExplorerWidget`. lmbda: where to start, or the nearest λ that there is; or λ by block, see
    `ExplorerWidget.lambda_map`. height: in CSS pixels. Raises InputError for a picture or a model that cannot be read,
    and for what is no λ of it.
    """
    opened = shared_service().open(image, model)
    lowest, highest = opened.lambda_range
    is_number = np.isscalar(lmbda)
    start = min(max(number(lmbda) if is_number else START_LAMBDA, lowest), highest)  # its level would read 255.999…
    made = ExplorerWidget(opened, view=view, lmbda=start, height=height)
    try:
        made.lambda_map = None if is_number else lmbda
    except InputError:
        made.close()
        raise
    return made


def notebook(
    image: Any = SAMPLES[0], model: str | Path | LearnedCodec | None = None, codecs: Sequence[str] = ("jpeg",)
) -> ExplorerPanel:
    """The viewer's picture with standard widgets around it: λ as an ipywidgets slider, numbers, and the rate-distortion
    curves of the model and of `codecs` (names) as a Plotly FigureWidget. image, model, errors: as `widget` has them.
    """
    alone = widget(image, model, height=440)
    alone.state = {"hide": "side,lambda"}
    return ExplorerPanel(alone, codecs)
