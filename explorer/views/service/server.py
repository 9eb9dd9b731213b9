"""The routes as an app of their own: what it starts with, and what it lets go of meanwhile."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from explorer import bitstream, images
from explorer.library import first_model, list_models, samples
from explorer.memory import give_back
from explorer.views.service import static
from explorer.views.service.failures import answer_failures
from explorer.views.service.pictures import OpenPictures
from explorer.views.service.routes import Api

IDLE_SECONDS = 45.0  # after which a picture is let go of that no page looks at
LOOK_SECONDS = 5.0
ALL_PIXELS = 360_000_000  # of all pictures that the app has open


def create_server(model: str | None = None, image: Path | None = None) -> FastAPI:
    """The routes as an app of their own; `image`, a picture or a .mae file, comes before the samples and is
    what to start with.

    model: None takes the one that `library.first_model` names. Raises InputError at once where the model or the image
    cannot be read.
    """
    model = model or first_model()
    chosen = {image.name: image} if image else {}
    models = list(dict.fromkeys([model, *list_models()]))
    pictures = OpenPictures(models, chosen | samples(), idle=IDLE_SECONDS, pixels=ALL_PIXELS)
    pictures.model(model)
    if image and bitstream.is_file(image.name):
        pictures.open_sample(model, image.name)
    elif image:
        images.read(image)
    return serve(pictures, model)


def serve(pictures: OpenPictures, model: str) -> FastAPI:
    """The routes over the open pictures; `model`: the one to start with."""

    @asynccontextmanager
    async def while_running(_: FastAPI) -> AsyncIterator[None]:
        closing = asyncio.ensure_future(_close_idle(pictures))
        yield
        closing.cancel()

    server = FastAPI(title="MAE Explorer", docs_url=None, redoc_url=None, openapi_url=None, lifespan=while_running)
    server.state.api = Api(pictures, model)
    server.include_router(server.state.api.router, prefix="/api")
    server.include_router(static.static_files(), prefix="/viewer")
    server.get("/&{state:path}")(static.link)
    answer_failures(server)
    return server


async def _close_idle(pictures: OpenPictures) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if pictures.close_idle():
            await run_in_threadpool(_tidy)


def _tidy() -> None:
    gc.collect()  # a stream that was broken off is a cycle, and holds the picture
    give_back()
