"""What the widgets of a process share: the open pictures, and the server's routes without a network."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from explorer.codecs.learned import LearnedCodec
from explorer.library import first_model, list_models, load_model, samples
from explorer.session import Session
from explorer.views.service.kernel import ServerThread
from explorer.views.service.pictures import Opened, OpenPictures
from explorer.views.service.routes import Api
from explorer.views.service.server import serve


class SharedService:
    """The open pictures, the routes over it (`api`), and the thread that these run in (`thread`)."""

    def __init__(self) -> None:
        self.pictures = OpenPictures(list_models(), samples())
        server = serve(self.pictures, first_model())
        self.api: Api = server.state.api
        self.thread = ServerThread(server)

    def open(self, image: Any, model: str | Path | LearnedCodec | None) -> Opened:
        """Open a sample by name, a session, a .mae file's path or bytes, or whatever `explorer.Session` takes, under a
        model or the first one."""
        if isinstance(image, Session):
            return self.pictures.open(self.pictures.add_model(image.model), image, image.name)
        model = first_model() if model is None else model
        name = self.pictures.add_model(model if isinstance(model, LearnedCodec) else load_model(model))
        if isinstance(image, str) and image in self.pictures.samples:
            return self.pictures.open_sample(name, image)
        if isinstance(image, (str, Path, bytes)):
            return self.pictures.open(name, image, "picture" if isinstance(image, bytes) else Path(image).name)
        session = Session(self.pictures.model(name), image)
        return self.pictures.open(name, session, session.name)


@cache
def shared_service() -> SharedService:
    """The one of this process."""
    return SharedService()
