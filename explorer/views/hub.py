"""What the widgets of a process share: the open pictures, and the server's routes without a network."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from explorer.codecs.learned import LearnedCodec
from explorer.library import FIRST, list_models, load_model, samples
from explorer.session import Session
from explorer.views.bridge import Bridge
from explorer.views.server import Api, serve
from explorer.views.store import Opened, Store


class Hub:
    """The store of open pictures, the routes over it (`api`), and the thread that these run in (`bridge`)."""

    def __init__(self) -> None:
        self.store = Store(list_models(), samples())
        server = serve(self.store, FIRST)
        self.api: Api = server.state.api
        self.bridge = Bridge(server)

    def open(self, image: Any, model: str | Path | LearnedCodec) -> Opened:
        """Open a sample by name, a session, or whatever `explorer.Session` takes."""
        if isinstance(image, Session):
            return self.store.open(self.store.add_model(image.model), image, image.picture.name)
        name = self.store.add_model(model if isinstance(model, LearnedCodec) else load_model(model))
        if isinstance(image, str) and image in self.store.samples:
            return self.store.open_sample(name, image)
        session = Session(self.store.model(name), image)
        return self.store.open(name, session, session.picture.name)


@cache
def hub() -> Hub:
    """The one of this process."""
    return Hub()
