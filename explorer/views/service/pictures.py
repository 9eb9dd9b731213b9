"""The pictures that the server has open, by token."""

from __future__ import annotations

import dataclasses
import math
import secrets
import threading
from collections import Counter, OrderedDict
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from explorer import bitstream
from explorer.codecs.learned import LearnedCodec
from explorer.condition import Condition
from explorer.images import InputError, read
from explorer.library import load_model, maker
from explorer.received import Received
from explorer.session import Session
from explorer.views.service.messages import Point
from explorer.views.service.other_models import OtherModels
from explorer.views.service.precomputed import own_points, rival_points
from explorer.views.service.trials import Trials

MAX_OPEN = 16
MAX_PIXELS = (
    120_000_000  # of all open pictures together, of three bytes each; what is made of them has a bound of its own
)
NO_ORIGINAL = "A .mae file comes without the original, so nothing can be compared with it; open the picture itself."


class Gone(KeyError):
    """The token names no picture: it was never given out, or the picture made room for others."""


@dataclasses.dataclass(frozen=True)
class Opened:
    """One picture under one model. source: its session, or the file that was received in its place.
    points: the model's own R-D points so far by λ. tokens: of the same picture by model, shared by all
    of them; some may be closed."""

    token: str
    name: str
    model: str
    source: Session | Received
    tried: Trials | None
    points: dict[float, Point] = dataclasses.field(default_factory=dict)
    tokens: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def session(self) -> Session:
        """What can be told of the picture beside its original; InputError for a received file, which has none."""
        if isinstance(self.source, Session):
            return self.source
        raise InputError(NO_ORIGINAL)

    @cached_property
    def known(self) -> dict[float, Point]:
        """Points of its curve by λ that were measured before, on another machine: not for the numbers of a frame."""
        return own_points(self.session.picture, self.session.model)

    @property
    def trials(self) -> Trials:
        """What other codecs made of it, the same under every model; InputError as for `session`."""
        if self.tried is not None:
            return self.tried
        raise InputError(NO_ORIGINAL)

    @property
    def lambda_range(self) -> tuple[float, float]:
        """The lowest and the highest λ that there are of this picture: one alone of a received file."""
        if isinstance(self.source, Received):
            return self.source.lmbda, self.source.lmbda
        return self.source.model.knob.minimum, self.source.model.knob.maximum

    def condition(self, lmbda: float) -> Condition:
        """λ as the value that all stages take; InputError where there is no such λ of this picture."""
        return (
            self.source.code(lmbda).condition
            if isinstance(self.source, Received)
            else self.source.model.condition(lmbda)
        )

    def nearest(self, lmbda: float) -> Condition:
        """The λ, among those that there are of this picture, that is nearest to another."""
        if isinstance(self.source, Received):
            return self.source.code().condition
        return self.source.model.nearest(lmbda)

    @cached_property
    def other_models(self) -> OtherModels:
        """The same picture under other models; frames are made one at a time, so there is one of it."""
        return OtherModels(self.session.picture)


class OpenPictures:
    """Open pictures under tokens that nobody can guess; when there are too many, the one unused for longest goes.

    models: what may be asked for, bundled names or paths. samples: name -> file; a sample is the same for everybody,
    so its session and points are shared while it is open.
    """

    def __init__(self, models: list[str], samples: dict[str, Path]) -> None:
        self.models = models
        self.samples = samples
        self._codecs: WeakValueDictionary[str, LearnedCodec] = WeakValueDictionary()
        self._opened: OrderedDict[str, Opened] = OrderedDict()
        self._held: Counter[str] = Counter()
        self._shared: dict[str, dict[str, str]] = {name: {} for name in samples}
        self._lock = threading.Lock()
        self._opening_sample = threading.Lock()

    def open(self, model: str, source: Any, name: str, tokens: dict[str, str] | None = None) -> Opened:
        """Open a picture (whatever `explorer.Session` takes, or a session of `model`) or a .mae file, under the model
        that made it, under a new token; `tokens`: see `Opened`."""
        tokens = {} if tokens is None else tokens
        if _is_mae(source, name):
            data = bitstream.read(source)
            model = maker(data, self.models)
            return self._add(name, model, Received(self.model(model), data, name), None, tokens)
        if isinstance(source, bytes):
            source = read(source, name)
        session = source if isinstance(source, Session) else Session(self.model(model), source)
        trials = Trials(session.picture.pixels, rival_points(session.picture))
        return self._add(name, model, session, trials, tokens)

    def open_sample(self, model: str, sample: str) -> Opened:
        """Open a sample picture, or find it open, also under another model."""
        if sample not in self.samples:
            raise InputError(f"There is no sample picture called “{sample[:40]}”.")
        tokens = self._shared[sample]
        with self._opening_sample:
            for token in (tokens.get(model, ""), *tokens.values()):
                with suppress(Gone):
                    opened = self.get(token)
                    return opened if isinstance(opened.source, Received) else self._under(model, opened)
            return self.open(model, self.samples[sample], sample, tokens)

    def sample_of(self, opened: Opened) -> str | None:
        """The name of the sample that a picture is, or None."""
        return next((name for name, tokens in self._shared.items() if tokens is opened.tokens), None)

    def reopen(self, model: str, token: str) -> Opened:
        """The same picture under another model; what is known of it under that one is found again."""
        return self._under(model, self.get(token))

    def _under(self, model: str, before: Opened) -> Opened:
        with suppress(Gone):
            return self.get(before.tokens.get(model, ""))
        if isinstance(before.source, Received):
            raise InputError(f"“{before.name}” was made by {before.model}, and no other model can read it.")
        session = before.session.under(self.model(model))
        return self._add(before.name, model, session, before.trials, before.tokens)

    def _add(
        self, name: str, model: str, source: Session | Received, tried: Trials | None, tokens: dict[str, str]
    ) -> Opened:
        opened = Opened(secrets.token_urlsafe(16), name, model, source, tried, _points_of(source), tokens)
        with self._lock:
            tokens[model] = opened.token
            self._opened[opened.token] = opened
            self._make_room(opened.token)
        return opened

    def get(self, token: str) -> Opened:
        """Find an open picture; raises Gone."""
        with self._lock:
            return self._find(token)

    def _find(self, token: str) -> Opened:
        if token not in self._opened:
            raise Gone(token)
        self._opened.move_to_end(token)
        return self._opened[token]

    def hold(self, token: str) -> Opened:
        """Find an open picture and keep it until it is released as often as it was held; raises Gone."""
        with self._lock:
            opened = self._find(token)
            self._held[token] += 1
        return opened

    def release(self, token: str) -> None:
        """Let go of a picture that was held; it is closed when nobody holds it any more."""
        with self._lock:
            self._held[token] -= 1
            if not self._held[token]:
                del self._held[token]
                self._opened.pop(token, None)

    def _make_room(self, newest: str) -> None:
        idle = [token for token in self._opened if token != newest and token not in self._held]
        while idle and self._is_full():
            del self._opened[idle.pop(0)]

    def _is_full(self) -> bool:
        pixels = sum(math.prod(opened.source.size) for opened in self._opened.values())
        return len(self._opened) > MAX_OPEN or pixels > MAX_PIXELS

    def add_model(self, codec: LearnedCodec) -> str:
        """Take a model that is loaded already, for as long as somebody uses it; the name to ask for it by."""
        name = codec.name
        if name in self.models and load_model(name).version != codec.version:
            name = f"{codec.name} ({codec.version})"
        self._codecs[name] = codec
        return name

    def model(self, name: str) -> LearnedCodec:
        """One of `models`, or one that was added; raises InputError for any other name, so that a visitor cannot have
        files opened."""
        added = self._codecs.get(name)
        if added is not None:
            return added
        if name not in self.models:
            raise InputError(f"There is no model called “{name[:40]}”.")
        return load_model(name)


def _is_mae(source: Any, name: str) -> bool:
    """Whether what is to be opened is a .mae file: its name says so, or its first bytes do."""
    if isinstance(source, bytes):
        return bitstream.is_file(name, source)
    return isinstance(source, (str, Path)) and bitstream.is_file(str(source))


def _points_of(source: Session | Received) -> dict[float, Point]:
    """What is known of the points by λ from the start. That of a received file has no quality: it has no original."""
    if isinstance(source, Session):
        return {}
    height, width = source.size
    point: Point = {
        "codec": source.model.name,
        "version": source.model.version,
        "knob": {source.model.knob.name: source.lmbda},
        "width": width,
        "height": height,
        "bytes": len(source.data),
        "estimated_bits": source.code().total_bits,
        "bpp": source.bpp,
    }
    return {source.lmbda: point}
