"""The open picture under other models, for views that show them beside the model at hand."""

from __future__ import annotations

import threading

from explorer.images import Picture
from explorer.library import load_model
from explorer.session import Session


class OtherModels:
    """Sessions of one picture by the name of a bundled model, each opened when it is first asked for.

    Few models are ever asked for, so nothing is let go. May be called from any thread.
    """

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def session(self, name: str) -> Session:
        """The picture under a bundled model; raises InputError where none has this name."""
        with self._lock:
            if name not in self._sessions:
                self._sessions[name] = Session(load_model(name), self._picture)
            return self._sessions[name]
