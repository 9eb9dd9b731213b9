"""Binary routes beside the Gradio page: everything that the viewer asks for while λ moves.

    GET  api/setup                     models, samples with thumbnails, λ axis, rivals, the empty R-D figure
    POST api/open?model=&sample=       open a sample …
    POST api/open?model=&picture=      … or an open picture with another model
    POST api/open?model=&name= + body  … or a picture file            -> token, size, notes, models of the same y
    GET  api/pixels/{token}?box=&reduce=      the original: header + raw RGB
    GET  api/frame/{token}?lmbda=&box=&reduce=&live=&wish=  the reconstruction: header (λ, what is known of the file),
                                          raw RGB, and what views of the inside want with it (see `wishes`)
    GET  api/numbers/{token}?lmbda=    {lmbda, level, point, side_bits}: of the real file and the whole picture
    GET  api/rival/{token}?codec=&setting=&box=&reduce=  another codec's picture: header (numbers of its file) + raw RGB
    GET  api/match/{token}?codec=&lmbda=&by=&box=&reduce=  the same, at the model's rate or quality, with the gap
    GET  api/modulation?model=         what each modulator of a model makes of λ: header + gains, of no picture
    GET  api/points/{token}?codecs=    R-D points of the model and other codecs: lines of JSON, as they come
    GET  api/file/{token}?lmbda=&kind= the .mae file, the reconstruction as PNG, or arrays of the inside as NPZ, with
                                          &a=&b= the ratios of two λ among them
    GET  api/rivalfile/{token}?codec=&setting=   another codec's file
    GET  api/solve/{token}?bpp=|bytes=|psnr=     {lmbda} that meets a target
    GET  api/sweep/{token}?kind=&from=&to=&frames=   a file of many λ (see `export`): lines of JSON that say how far it
                                          is, the last of them with the file

box, reduce: the part of the picture that is wanted, see `rectangles`. live=1: λ is moving. packed=1: pixels are to be
deflated, for a page with a network between. How a header and arrays such as raw RGB travel: see `wire`.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from PIL import Image, ImageOps
from starlette.concurrency import run_in_threadpool

from explorer import bitstream, images
from explorer.condition import LAMBDA_MAX, LAMBDA_MIN, Condition
from explorer.images import InputError, to_png
from explorer.library import first_model, folder, list_models, samples
from explorer.pace import Pause
from explorer.received import Received
from explorer.session import Session
from explorer.views import viewer
from explorer.views.figures.kodak import mean_curves
from explorer.views.figures.palettes import PALETTES
from explorer.views.figures.rates import rd_figure, series
from explorer.views.service import export, menu, rectangles, replies
from explorer.views.service.constants import CONSTANTS
from explorer.views.service.messages import (
    By,
    Failure,
    MeanSetting,
    OpenedPicture,
    Sample,
    Setup,
    SweepFile,
    SweepPart,
    Target,
)
from explorer.views.service.pictures import Gone, OpenPictures
from explorer.views.service.points import Pauses, curve_points
from explorer.views.service.rivals import CHOSEN, Rivals
from explorer.views.service.trials import Superseded
from explorer.views.service.wire import Reply, to_json
from explorer.views.service.wishes import ratios

T = TypeVar("T")
# Here the picture still looks fine at first sight, and the difference to the original shows at the second.
START_LAMBDA = 256.0
LESSONS = viewer.FOLDER / "story" / "lessons.json"
MAX_UPLOAD = 128 * 2**20
# What can be saved of one λ, by the file's extension.
FILES: dict[str, Callable[[Session | Received, Condition], bytes]] = {
    "mae": lambda source, condition: source.encode(condition),
    "png": lambda source, condition: to_png(source.reconstruct(condition)),
    "npz": export.arrays,
}


def create_server(model: str | None = None, image: Path | None = None) -> FastAPI:
    """The routes as an app of their own; `image`, a picture or a .mae file, comes before the samples and is
    what to start with.

    model: None takes the one that `library.first_model` names. Raises InputError at once where the model or the image
    cannot be read.
    """
    model = model or first_model()
    chosen = {image.name: image} if image else {}
    pictures = OpenPictures(list(dict.fromkeys([model, *list_models()])), chosen | samples())
    pictures.model(model)
    if image and bitstream.is_file(image.name):
        pictures.open_sample(model, image.name)
    elif image:
        images.read(image)
    return serve(pictures, model)


def serve(pictures: OpenPictures, model: str) -> FastAPI:
    """The routes over the open pictures; `model`: the one to start with."""
    server = FastAPI(title="MAE Explorer", docs_url=None, redoc_url=None, openapi_url=None)
    server.state.api = Api(pictures, model)
    server.include_router(server.state.api.router, prefix="/api")
    server.include_router(static_files(), prefix="/viewer")
    server.get("/&{state:path}")(_link)
    server.add_exception_handler(InputError, _answer_bad_input)
    server.add_exception_handler(Gone, _answer_gone)
    return server


class Api:
    """The routes and what they share. Only one frame is computed at a time: it takes all cores as it is."""

    def __init__(self, pictures: OpenPictures, model: str) -> None:
        self.pictures, self.model = pictures, model
        self.rivals = Rivals(list_models())
        self.pauses, self._turn = Pauses(), asyncio.Lock()
        self._pace: float | None = None
        self.router = router = APIRouter(default_response_class=_Json)
        router.get("/setup", response_model=None)(self.setup)
        router.post("/open", response_model=None)(self.open)
        router.get("/pixels/{token}")(self.pixels)
        router.get("/frame/{token}")(self.frame)
        router.get("/numbers/{token}", response_model=None)(self.numbers)
        router.get("/rival/{token}")(self.rival)
        router.get("/match/{token}")(self.match)
        router.get("/modulation")(self.modulation)
        router.get("/points/{token}")(self.points)
        router.get("/file/{token}")(self.file)
        router.get("/rivalfile/{token}")(self.rival_file)
        router.get("/solve/{token}", response_model=None)(self.solve)
        router.get("/sweep/{token}")(self.sweep)

    def warm_up(self) -> None:
        """Do before the first visitor what the first visitor would wait for."""
        opened = self.pictures.open_sample(self.model, next(iter(self.pictures.samples)))
        replies.frame(opened, opened.nearest(START_LAMBDA))
        self.setup()

    @cached_property
    def _means(self) -> dict[str, list[MeanSetting]] | None:
        return mean_curves(folder() / "results")

    def setup(self) -> Setup:
        """Everything that the viewer needs before it opens a picture."""
        rivals = self.rivals.listed
        curves = series({"model": "This model"} | {rival["name"]: rival["label"] for rival in rivals})
        return {
            "offline": False,
            "models": self.pictures.models,
            "model": self.model,
            "samples": [self._sample(name, path) for name, path in self.pictures.samples.items()],
            "source": {"sample": next(iter(self.pictures.samples))},
            "lmbda": {"min": LAMBDA_MIN, "max": LAMBDA_MAX, "start": START_LAMBDA},
            "maxUpload": MAX_UPLOAD,
            "rivals": rivals,
            "chosen": [rival["name"] for rival in rivals if rival["name"] in CHOSEN and not rival["reason"]],
            "means": self._means,
            "figure": rd_figure(curves),
            "palettes": PALETTES,
            "lessons": json.loads(LESSONS.read_text(encoding="utf-8")),
            "constants": CONSTANTS,
        }

    def _sample(self, name: str, path: Path) -> Sample:
        if bitstream.is_file(path.name):
            opened = self.pictures.open_sample(self.model, name)
            small = Image.fromarray(opened.source.reconstruct(opened.nearest(START_LAMBDA)))
        else:
            with Image.open(path) as image:
                small = ImageOps.exif_transpose(image).convert("RGB")
        width, height = small.size
        small.thumbnail((192, 128))
        file = io.BytesIO()
        small.save(file, "JPEG", quality=88)
        thumbnail = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
        return {"name": name, "thumbnail": thumbnail, "width": width, "height": height, "bytes": path.stat().st_size}

    async def open(
        self, request: Request, model: str, sample: str | None = None, picture: str | None = None, name: str = "picture"
    ) -> OpenedPicture:
        """Open a picture; the answer carries the token that the other routes want."""
        if sample is not None:
            opened = await run_in_threadpool(self.pictures.open_sample, model, sample)
        elif picture is not None:
            opened = await run_in_threadpool(self.pictures.reopen, model, picture)
        else:
            name = Path(name).name[:80]
            opened = await run_in_threadpool(self.pictures.open, model, await _body(request, name), name)
        # No other model can read a received file.
        is_alone = isinstance(opened.source, Received)
        priors = [] if is_alone else await run_in_threadpool(menu.priors, self.pictures, model)
        return replies.opened_picture(opened, priors, self.pictures.sample_of(opened))

    def pixels(self, token: str, box: str | None = None, reduce: int = 1, packed: bool = False) -> Response:
        """A part of the original picture."""
        opened = self.pictures.get(token)
        return _binary(replies.original(opened, rectangles.parse(box, reduce, opened.session.size)), packed)

    async def frame(
        self,
        request: Request,
        token: str,
        lmbda: float,
        box: str | None = None,
        reduce: int = 1,
        live: bool = False,
        packed: bool = False,
        wish: Annotated[list[str], Query()] = [],  # noqa: B006
    ) -> Response:
        """A part of the reconstruction at the λ level nearest to `lmbda`."""
        opened = self.pictures.get(token)
        condition = opened.condition(lmbda)
        part = rectangles.parse(box, reduce, opened.source.size)
        source = opened.source
        if wish and source.is_large:  # maps are of the whole picture: seconds, in which other frames have their turn
            with self.pauses.numbers():
                if not await self._while_wanted(request, lambda pause: source.paced(pause).code(condition)):
                    return Response(status_code=204)
        with self.pauses.frame():
            async with self._turn:
                start = perf_counter()
                reply = await run_in_threadpool(replies.frame, opened, condition, wish, part, live)
                if live and opened.source.is_large:
                    self._learn_pace(part.work / (perf_counter() - start))
        return _binary(Reply({**reply.header, "pace": self._pace}, reply.arrays), packed)

    def _learn_pace(self, measured: float) -> None:
        """Slowly, so that one frame that had to wait for the machine does not make the next ones small."""
        self._pace = measured if self._pace is None else 0.8 * self._pace + 0.2 * measured

    async def numbers(self, request: Request, token: str, lmbda: float) -> Response:
        """The numbers of the real file at the λ level nearest to `lmbda`, found between frames."""
        opened = self.pictures.get(token)
        condition = opened.condition(lmbda)
        with self.pauses.numbers():
            found = await self._while_wanted(request, lambda pause: replies.numbers(opened, condition, pause))
        return Response(status_code=204) if found is None else _Json(found)

    async def _while_wanted(self, request: Request, work: Callable[[Pause], T]) -> T | None:
        """The result of work in a thread, which waits while frames are made; None once the visitor has left."""
        unwanted = threading.Event()
        task = asyncio.ensure_future(run_in_threadpool(work, self.pauses.between_frames(unwanted)))
        while not task.done():
            await asyncio.wait([task], timeout=0.1)
            if not task.done() and await request.is_disconnected():
                unwanted.set()
        with suppress(Superseded):
            return await task
        return None

    async def rival(
        self, token: str, codec: str, setting: float, box: str | None = None, reduce: int = 1, packed: bool = False
    ) -> Response:
        """A part of another codec's picture at one setting."""
        opened = self.pictures.get(token)
        part = rectangles.parse(box, reduce, opened.session.size)
        found = await run_in_threadpool(self.rivals.codec, codec)
        return _binary(await run_in_threadpool(replies.rival, opened, found, setting, {}, part), packed)

    async def match(
        self,
        request: Request,
        token: str,
        codec: str,
        lmbda: float,
        by: By,
        box: str | None = None,
        reduce: int = 1,
        packed: bool = False,
    ) -> Response:
        """Another codec's picture at the rate or the quality that the model has at λ; found in the pauses of a drag."""
        opened = self.pictures.get(token)
        condition = opened.session.model.condition(lmbda)
        part = rectangles.parse(box, reduce, opened.session.size)
        found = await run_in_threadpool(self.rivals.codec, codec)
        while True:
            await self.pauses.wait()
            if await request.is_disconnected():  # λ has moved on, nobody waits for this
                return Response(status_code=204)
            target = await self._while_wanted(request, lambda pause: opened.session.paced(pause).point(condition))
            if target is None:
                return Response(status_code=204)
            with suppress(Superseded):
                setting, met = await run_in_threadpool(opened.trials.match, found, target, by, self.pauses.lasts)
                reply = await run_in_threadpool(replies.rival, opened, found, setting, met, part)
                return _binary(reply, packed)

    def modulation(self, model: str) -> Response:
        """The gains of a model's modulators over λ."""
        return _binary(replies.modulation(self.pictures.model(model)))

    def points(self, token: str, codecs: str = "") -> StreamingResponse:
        """R-D points while they are measured, of the model and of `codecs`, names with commas between them; the work
        ends when the visitor closes the stream."""
        rivals = [self.rivals.codec(name) for name in filter(None, codecs.split(","))]
        lines = _json_lines(curve_points(self.pictures.get(token), rivals, self.pauses))
        return StreamingResponse(lines, media_type="application/x-ndjson")

    def file(self, token: str, lmbda: float, kind: str, a: str | None = None, b: str | None = None) -> Response:
        """The compressed file, the reconstruction as PNG, or arrays of the inside, to keep; with the ratios of two λ
        where a and b are given, as the wish `ratio` has them."""
        opened = self.pictures.get(token)
        if kind not in FILES:
            raise InputError(f"A file can be saved as {', '.join(FILES)}.")
        condition = opened.condition(lmbda)
        if kind == "npz" and a and b:
            data = export.arrays(opened.source, condition, ratios.saved(opened, condition, a, b))
        else:
            data = FILES[kind](opened.source, condition)
        return _attachment(data, f"{Path(opened.name).stem}-lambda{condition.lmbda:.0f}.{kind}")

    def rival_file(self, token: str, codec: str, setting: float) -> Response:
        """Another codec's file at one setting, to keep."""
        opened, found = self.pictures.get(token), self.rivals.codec(codec)
        data = opened.trials.file(found, found.knob.check(setting))
        return _attachment(data, f"{Path(opened.name).stem}-{found.name}-{found.knob.name}{setting:g}.{found.suffix}")

    def solve(
        self, token: str, bpp: float | None = None, bytes: int | None = None, psnr: float | None = None
    ) -> Target:
        """λ that meets exactly one target, as `Session.solve` has it; the measuring of curves waits meanwhile."""
        session = self.pictures.get(token).session
        with self.pauses.frame():
            return {"lmbda": session.solve(bpp=bpp, bytes=bytes, psnr=psnr)}

    def sweep(
        self,
        token: str,
        kind: str,
        start: Annotated[float | None, Query(alias="from")] = None,
        end: Annotated[float | None, Query(alias="to")] = None,
        frames: int = 25,
    ) -> StreamingResponse:
        """A file of many λ, made in the pauses of a drag: lines {done, of}, then {name, type, data: base64}; the work
        ends when the visitor closes the stream."""
        work = export.sweep(self.pictures.get(token), kind, start, end, frames)
        return StreamingResponse(_json_lines(_made(work, self.pauses)), media_type="application/x-ndjson")


def static_files() -> APIRouter:
    """The viewer and the plot library."""
    router = APIRouter()

    @router.get("/plotly.min.js")
    def plot_library() -> Response:
        return FileResponse(viewer.PLOTLY, media_type="text/javascript", headers={"Cache-Control": "max-age=86400"})

    @router.get("/{name:path}")
    async def source(name: str) -> Response:
        path = viewer.sources().get(name)
        if path is None:
            return Response(status_code=404)
        media_type = viewer.MEDIA_TYPES[path.suffix]
        return Response(path.read_bytes(), media_type=media_type, headers={"Cache-Control": "no-cache"})

    return router


class _Json(JSONResponse):
    def render(self, content: Any) -> bytes:
        return to_json(content)


def _binary(reply: Reply, packed: bool = False) -> Response:
    return Response(reply.pack(packed), media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def _attachment(data: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    return Response(data, media_type="application/octet-stream", headers=headers)


async def _made(work: export.Sweep[Any], pauses: Pauses) -> AsyncIterator[SweepPart | SweepFile]:
    parts = []
    for lmbda in work.lambdas:
        await pauses.wait()
        parts.append(await run_in_threadpool(work.part, lmbda))
        yield {"done": len(parts), "of": len(work.lambdas)}
    data = await run_in_threadpool(work.join, parts)
    yield {"name": work.name, "type": work.media_type, "data": base64.b64encode(data).decode()}


async def _body(request: Request, name: str) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_UPLOAD:
            raise InputError(f"{name!r} is larger than {MAX_UPLOAD >> 20} MB: please send a smaller one.")
    return bytes(data)


async def _json_lines(items: AsyncIterator[Mapping[str, object]]) -> AsyncIterator[bytes]:
    async for item in items:
        yield to_json(item) + b"\n"


def _link(request: Request) -> RedirectResponse:
    """A link whose state lacks its “#”: “&hide=head” written at the end of an address that had no state."""
    state = request.scope["raw_path"].decode("latin-1").partition("&")[2]  # not the path, whose escapes are undone
    return RedirectResponse(f"{request.scope['root_path']}/#{state}")


def _answer_bad_input(_request: Request, error: Exception) -> JSONResponse:
    return _failure(422, str(error))


def _answer_gone(_request: Request, _error: Exception) -> JSONResponse:
    return _failure(410, "The server no longer holds this picture: please open it again.")


def _failure(status: int, sentence: str) -> JSONResponse:
    failure: Failure = {"error": sentence}
    return JSONResponse(failure, status_code=status)
