"""Binary routes beside the Gradio page: everything that the viewer asks for while λ moves.

    GET  api/setup                     models, samples with thumbnails, λ axis, rivals, the empty R-D figure
    POST api/open?model=&sample=       open a sample …
    POST api/open?model=&picture=      … or an open picture with another model
    POST api/open?model=&name= + body  … or a picture file            -> token, size, notes, models of the same y
    GET  api/pixels/{token}?box=&reduce=      the original: header + raw RGB
    GET  api/frame/{token}?lmbda=&map=&box=&reduce=&live=&wish=  the reconstruction: header (λ, what is known of the
                                          file), raw RGB, and what views of the inside want with it (see `wishes`)
    GET  api/numbers/{token}?lmbda=&map=  {lmbda, level, point, regions, side_bits}: of the real file and the whole
                                          picture
    GET  api/seen/{token}?lmbda=&map=&effort=  the same with SSIMULACRA2 and times, when there is time for it; &effort=
                                          of what a search found
    GET  api/rivalseen/{token}?codec=&setting=   the same of another codec's picture
    GET  api/rival/{token}?codec=&setting=&box=&reduce=  another codec's picture: header (numbers of its file) + raw RGB
    GET  api/match/{token}?codec=&lmbda=&map=&by=&box=&reduce=  the same, at the model's rate or quality, with the gap;
                                          of the picture's own model: at one λ for all places
    GET  api/searches/{token}          {seconds, found}: how long the encoder's search takes, and what it found before
    GET  api/search/{token}?lmbda=&map=&effort=  search at λ: lines of JSON that say how far it is, the last one with
                                          what it found; it ends when the visitor closes the stream
    GET  api/searched/{token}?lmbda=&map=&effort=&box=&reduce=  the picture that it found: header (numbers) + raw RGB
    GET  api/modulation?model=         what each modulator of a model makes of λ: header + gains, of no picture
    GET  api/points/{token}?codecs=    R-D points of the model and other codecs: lines of JSON, as they come
    GET  api/file/{token}?lmbda=&map=&kind=  the .mae file, the reconstruction as PNG, or arrays of the inside as NPZ,
                                          with &a=&b= the ratios of two λ among them; &effort= what a search found
    GET  api/rivalfile/{token}?codec=&setting=   another codec's file
    GET  api/solve/{token}?bpp=|bytes=|psnr=     {lmbda} that meets a target
    GET  api/sweep/{token}?kind=&from=&to=&frames=   a file of many λ (see `export`): lines of JSON that say how far it
                                          is, the last of them with the file

    WebSocket api/page?page=           a page is there: nothing is said over it

lmbda: λ. map: the text of a λ map (see `lambda_map`) that goes with it; where the address would be too long for what
lies between, the request is a POST with that text as its body. So it is with solve and sweep, too. box, reduce: the
part of the picture that is wanted, see `rectangles`. live=1: λ is moving, so a newer such request of the same page and
picture makes this one useless, where it has not begun: 204. packed=1: pixels are to be deflated, for a page with a
network between. How a header and arrays such as raw RGB travel: see `wire`. page: the name that a page has given
itself; whose turn it is goes by pages (see `turns`), and its pictures stay open while it is there (see `pictures`).
Failures are {error: a sentence} with a status from 400; 410: the picture was let go of; 503: all is full.
"""

from __future__ import annotations

import base64
import gc
import math
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Query, Request, WebSocket
from fastapi.responses import Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.status import WS_1008_POLICY_VIOLATION, WS_1013_TRY_AGAIN_LATER

from explorer.condition import Condition
from explorer.images import InputError, to_png
from explorer.library import list_models
from explorer.received import Received
from explorer.session import Session
from explorer.views.service import export, menu, rectangles, replies
from explorer.views.service.errors import Full, Superseded
from explorer.views.service.failures import printable
from explorer.views.service.messages import By, OpenedPicture, SearchesOf, Seen, SweepFile, SweepPart, Target
from explorer.views.service.pictures import Opened, OpenPictures
from explorer.views.service.points import CURVES, curve_points
from explorer.views.service.responses import Counted, Json, attachment, binary, json_lines
from explorer.views.service.rivals import Rivals
from explorer.views.service.searching import Searching
from explorer.views.service.setup import START_LAMBDA, Start
from explorer.views.service.turns import PAUSE, Pauses, Turn, Turns
from explorer.views.service.uploads import MAX_UPLOADS, Budget, body
from explorer.views.service.visits import At, Mapped, Page, Visit, Visiting
from explorer.views.service.wire import Reply
from explorer.views.service.wishes import ratios

MAX_WISHES = 16
SWEEP_PIXELS = 600_000_000  # of the frames of all sweeps that are being made
MUCH = 4_000_000  # pixels of a frame, beyond which it takes much memory
# Of one user, what is looked at while λ moves goes first.
FRAME, NUMBERS, REST = range(3)
T = TypeVar("T")
# What can be saved of one λ, by the file's extension.
FILES: dict[str, Callable[[Session | Received, Condition], bytes]] = {
    "mae": lambda source, condition: source.encode(condition),
    "png": lambda source, condition: to_png(source.reconstruct(condition)),
    "npz": export.arrays,
}


class Api:
    """The routes and what they share. Only one frame is computed at a time: it takes all cores as it is."""

    def __init__(self, pictures: OpenPictures, model: str) -> None:
        self.pictures, self.model = pictures, model
        self.rivals = Rivals(list_models())
        self.start = Start(pictures, model, self.rivals)
        self.turns, self.opening = Turns(), Turns()
        self.pauses = Pauses(self.turns)
        self.searching = Searching(self.pauses)
        self._uploads = Budget(MAX_UPLOADS, "Many files are being sent here at once: please try again in a minute.")
        self._sweeps = Budget(SWEEP_PIXELS, "Many sweeps are being made here at once: please try again in a minute.")
        self._pace: float | None = None
        self.router = router = APIRouter(default_response_class=Json)
        router.get("/setup", response_model=None)(self.start.setup)
        router.post("/open", response_model=None)(self.open)
        router.get("/pixels/{token}")(self.pixels)
        mapped = partial(router.api_route, methods=["GET", "POST"])
        mapped("/frame/{token}")(self.frame)
        mapped("/numbers/{token}", response_model=None)(self.numbers)
        mapped("/seen/{token}", response_model=None)(self.seen)
        router.get("/rivalseen/{token}", response_model=None)(self.rival_seen)
        router.get("/rival/{token}")(self.rival)
        mapped("/match/{token}")(self.match)
        router.get("/searches/{token}", response_model=None)(self.searches)
        mapped("/search/{token}")(self.search)
        mapped("/searched/{token}")(self.searched)
        router.get("/modulation")(self.modulation)
        router.get("/points/{token}")(self.points)
        mapped("/file/{token}")(self.file)
        router.get("/rivalfile/{token}")(self.rival_file)
        mapped("/solve/{token}", response_model=None)(self.solve)
        mapped("/sweep/{token}")(self.sweep)
        router.websocket("/page")(self.page)

    def warm_up(self) -> None:
        """Do before the first visitor what the first visitor would wait for."""
        opened = self.pictures.open_sample(self.model, next(iter(self.pictures.samples)))
        replies.frame(opened, opened.nearest(START_LAMBDA))
        self.start.setup()
        gc.freeze()  # so that to look for what nobody has any more (`server`) takes no more than a moment

    async def open(
        self,
        request: Request,
        model: str,
        sample: str | None = None,
        picture: str | None = None,
        name: str = "picture",
        page: Page = "",
    ) -> OpenedPicture:
        """Open a picture; the answer carries the token that the other routes want."""
        if sample is not None:
            opened = await run_in_threadpool(self.pictures.open_sample, model, sample, page)
        elif picture is not None:
            opened = await run_in_threadpool(self.pictures.reopen, model, picture, page)
        else:
            opened = await self._open_file(request, model, printable(Path(name).name[:80]) or "picture", page)
        # No other model can read a received file.
        is_alone = isinstance(opened.source, Received)
        priors = [] if is_alone else await run_in_threadpool(menu.priors, self.pictures, model)
        return replies.opened_picture(opened, priors, self.pictures.sample_of(opened))

    async def _open_file(self, request: Request, model: str, name: str, page: str) -> Opened:
        with self._uploads.take() as share:
            data = await body(request, name, share)
            read = partial(self.pictures.open, model, data, name, page=page)
            return await self.opening.run(page or request, lambda _: read(), has_left=request.is_disconnected)

    async def page(self, socket: WebSocket, page: Annotated[Page, Query(min_length=1)]) -> None:
        """A page is there for as long as this connection is; what it looks at stays open."""
        try:
            with self.pictures.presence(page):
                await socket.accept()
                if (await socket.receive())["type"] != "websocket.disconnect":
                    await socket.close(WS_1008_POLICY_VIOLATION)  # there is nothing to be said
        except Full:
            await socket.close(WS_1013_TRY_AGAIN_LATER)

    def pixels(self, visit: Visiting, box: str | None = None, reduce: int = 1, packed: bool = False) -> Response:
        """A part of the original picture."""
        opened = visit.opened
        return binary(replies.original(opened, rectangles.parse(box, reduce, opened.session.size)), packed)

    async def frame(
        self,
        visit: Visiting,
        condition: At,
        box: str | None = None,
        reduce: int = 1,
        live: bool = False,
        packed: bool = False,
        wish: Annotated[list[str], Query(max_length=MAX_WISHES)] = [],  # noqa: B006
    ) -> Response:
        """A part of the reconstruction at λ."""
        opened, source = visit.opened, visit.opened.source
        part = rectangles.parse(box, reduce, source.size)
        of_whole = bool(wish) and source.is_large  # maps are of the whole picture: seconds

        def work(turn: Turn) -> Reply:
            start = monotonic()
            if of_whole:
                source.paced(turn.pause).code(condition)
            reply = replies.frame(opened, condition, wish, part, live, turn.pause)
            if live and source.is_large and turn.since <= start:  # nobody came in between
                self._learn_pace(part.work / (monotonic() - start))
            return reply

        slot = opened.token if live and visit.is_one else None
        is_heavy = of_whole or part.width * part.height > MUCH
        made = self.turns.run(
            visit.user,
            work,
            rank=NUMBERS if of_whole else FRAME,
            slot=slot,
            is_heavy=is_heavy,
            has_left=visit.has_left,
        )
        reply = await made
        return binary(Reply({**reply.header, "pace": self._pace}, reply.arrays), packed)

    def _learn_pace(self, measured: float) -> None:
        """Slowly, so that one frame that had to wait for the machine does not make the next ones small."""
        self._pace = measured if self._pace is None else 0.8 * self._pace + 0.2 * measured

    async def numbers(self, visit: Visiting, condition: At) -> Response:
        """The numbers of the real file at λ."""
        opened = visit.opened
        return Json(await self._measured(visit, NUMBERS, lambda turn: replies.numbers(opened, condition, turn.pause)))

    async def seen(self, visit: Visiting, condition: At, effort: int = 0) -> Response:
        """The same with SSIMULACRA2 and times: what a rest of λ has time for, in the pauses between all frames; with an
        effort, of what a search found."""
        opened = visit.opened
        return Json(await self._aside(visit, PAUSE, lambda turn: replies.seen(opened, condition, effort, turn.pause)))

    async def rival_seen(self, visit: Visiting, codec: str, setting: float) -> Response:
        """The same of another codec's picture at one setting."""
        trials, found = visit.opened.trials, await run_in_threadpool(self.rivals.codec, codec)
        value = found.knob.check(setting)
        answer: Seen = {"point": await self._aside(visit, PAUSE, lambda turn: trials.seen(found, value, turn.pause))}
        return Json(answer)

    async def _measured(self, visit: Visit, rank: int, work: Callable[[Turn], T]) -> T:
        """The result of work on a whole picture, once it is the visitor's turn."""
        is_heavy = visit.opened.source.is_large
        return await self.turns.run(visit.user, work, rank=rank, is_heavy=is_heavy, has_left=visit.has_left)

    async def _aside(self, visit: Visit, patience: float, work: Callable[[Turn], T]) -> T:
        """The same beside the frames, for what codecs do that cannot be interrupted."""
        is_heavy = visit.opened.source.is_large
        return await self.pauses.run(visit.user, work, patience=patience, is_heavy=is_heavy, has_left=visit.has_left)

    async def _later(self, visit: Visit, work: Callable[[], T]) -> T:
        """The same once nobody waits for anything else."""
        is_heavy = visit.opened.source.is_large
        return await self.pauses.run(visit.user, lambda _: work(), rank=CURVES, is_heavy=is_heavy)

    async def rival(
        self, visit: Visiting, codec: str, setting: float, box: str | None = None, reduce: int = 1, packed: bool = False
    ) -> Response:
        """A part of another codec's picture at one setting."""
        opened = visit.opened
        part = rectangles.parse(box, reduce, opened.session.size)
        found = await run_in_threadpool(self.rivals.codec, codec)
        reply = await self._aside(visit, 0, lambda _: replies.rival(opened, found, setting, {}, part))
        return binary(reply, packed)

    async def match(
        self,
        visit: Visiting,
        codec: str,
        condition: At,
        by: By,
        box: str | None = None,
        reduce: int = 1,
        packed: bool = False,
    ) -> Response:
        """Another codec's picture at the rate or the quality that the model has at λ; found in the pauses of a drag."""
        opened = visit.opened
        part = rectangles.parse(box, reduce, opened.session.size)
        found = None if codec == opened.model else await run_in_threadpool(self.rivals.codec, codec)

        def work(turn: Turn) -> Reply:
            if found is None:
                return replies.uniform(opened, condition, by, part, turn.pause)
            target = opened.session.paced(turn.pause).point(condition, quick=True)
            setting, met = opened.trials.match(found, target, by, turn.goes_on)
            return replies.rival(opened, found, setting, met, part, condition)

        while not await visit.has_left():  # λ has moved on, nobody waits for this
            with suppress(Superseded):
                return binary(await self._aside(visit, PAUSE, work), packed)
        raise Superseded

    async def searches(self, visit: Visiting) -> SearchesOf:
        """How long the encoder's search takes here, and what is kept of earlier ones."""
        seconds = await self.searching.seconds(visit.opened, visit.user)
        return {"seconds": seconds, "found": visit.opened.searches.found()}

    async def search(self, visit: Visiting, condition: At, effort: int) -> StreamingResponse:
        """The encoder's search at λ; it ends when the visitor closes the stream."""
        search = self.searching.ask(visit.opened, condition, effort, visit.user)
        return Counted(json_lines(search.lines()), search)

    async def searched(
        self, visit: Visiting, condition: At, effort: int, box: str | None = None, reduce: int = 1, packed: bool = False
    ) -> Response:
        """A part of the picture that a search found."""
        opened = visit.opened
        part = rectangles.parse(box, reduce, opened.session.size)
        reply = await self._aside(visit, 0, lambda _: replies.searched(opened, condition, effort, part))
        return binary(reply, packed)

    def modulation(self, model: str) -> Response:
        """The gains of a model's modulators over λ."""
        return binary(replies.modulation(self.pictures.model(model)))

    def points(self, visit: Visiting, codecs: str = "", seen: bool = False) -> StreamingResponse:
        """R-D points while they are measured, of the model and of `codecs`, names with commas between them, with
        SSIMULACRA2 where it is wanted; the work ends when the visitor closes the stream."""
        rivals = [self.rivals.codec(name) for name in dict.fromkeys(filter(None, codecs.split(",")))]
        lines = json_lines(curve_points(visit.opened, rivals, self.pauses, visit.user, seen))
        return StreamingResponse(lines, media_type="application/x-ndjson")

    async def file(
        self,
        visit: Visiting,
        condition: At,
        kind: str,
        a: str | None = None,
        b: str | None = None,
        effort: int = 0,
    ) -> Response:
        """The compressed file, the reconstruction as PNG, or arrays of the inside, to keep; with the ratios of two λ
        where a and b are given, as the wish `ratio` has them; with an effort, of what a search found."""
        opened = visit.opened
        if kind not in FILES:
            raise InputError(f"A file can be saved as {', '.join(FILES)}.")

        def work(turn: Turn) -> bytes:
            source = opened.searches.session(condition, effort) if effort else opened.source.paced(turn.pause)
            if kind == "npz" and a and b:
                return export.arrays(source, condition, ratios.saved(opened, condition, a, b))
            return FILES[kind](source, condition)

        data = await self._measured(visit, REST, work)
        painted = "-painted" if condition.map else ""
        how = f"-effort{effort}" if effort else ""
        return attachment(data, f"{Path(opened.name).stem}-lambda{condition.lmbda:.0f}{painted}{how}.{kind}")

    async def rival_file(self, visit: Visiting, codec: str, setting: float) -> Response:
        """Another codec's file at one setting, to keep."""
        opened, found = visit.opened, await run_in_threadpool(self.rivals.codec, codec)
        value = found.knob.check(setting)
        data = await self._aside(visit, 0, lambda _: opened.trials.file(found, value))
        return attachment(data, f"{Path(opened.name).stem}-{found.name}-{found.knob.name}{setting:g}.{found.suffix}")

    async def solve(
        self,
        visit: Visiting,
        map: Mapped,
        bpp: float | None = None,
        bytes: int | None = None,
        psnr: float | None = None,
    ) -> Target:
        """λ that meets exactly one target, as `Session.solve` has it."""
        session = visit.opened.session

        def work(turn: Turn) -> float:
            return session.paced(turn.pause).solve(bpp=bpp, bytes=bytes, psnr=psnr, map=map)

        return {"lmbda": await self._measured(visit, REST, work)}

    def sweep(
        self,
        visit: Visiting,
        map: Mapped,
        kind: str,
        start: Annotated[float | None, Query(alias="from")] = None,
        end: Annotated[float | None, Query(alias="to")] = None,
        frames: int = 25,
    ) -> StreamingResponse:
        """A file of many λ, made in the pauses of a drag: lines {done, of}, then {name, type, data: base64}; the work
        ends when the visitor closes the stream."""
        work = export.sweep(visit.opened, kind, start, end, frames, map)
        share = self._sweeps.take(len(work.lambdas) * math.prod(visit.opened.source.size))
        return Counted(json_lines(self._made(work, visit)), share)

    async def _made(self, work: export.Sweep[Any], visit: Visit) -> AsyncIterator[SweepPart | SweepFile]:
        parts: list[Any] = []
        for lmbda in work.lambdas:
            parts.append(await self._later(visit, partial(work.part, lmbda)))
            yield {"done": len(parts), "of": len(work.lambdas)}
        data = await self._later(visit, partial(work.join, parts))
        yield {"name": work.name, "type": work.media_type, "data": base64.b64encode(data).decode()}
