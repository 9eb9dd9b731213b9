"""The pictures that the server has open, by token."""

from __future__ import annotations

import dataclasses
import math
import secrets
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from time import monotonic
from typing import Any
from weakref import WeakValueDictionary

from explorer import bitstream
from explorer.codecs.learned import LearnedCodec
from explorer.condition import Condition
from explorer.images import InputError, read
from explorer.lambda_map import LambdaMap
from explorer.library import load_model, maker
from explorer.received import Received
from explorer.session import Session
from explorer.views.service.errors import Full, Gone
from explorer.views.service.messages import Point
from explorer.views.service.other_models import OtherModels
from explorer.views.service.precomputed import own_points, rival_points
from explorer.views.service.searches import Searches
from explorer.views.service.trials import Trials

MAX_OPEN = 400
MAX_OPEN_EACH = 12  # of one page
MAX_PAGES = 400
FULL = "So many pictures are open here that there is no room for another: please try again in a minute."
SENDERS_LAMBDA = "The sender chose λ: the file has no other."
ONE_LAMBDA = "This model was trained for a few λ: in one picture it cannot have several."
NO_ORIGINAL = "A .mae file comes without the original, so nothing can be compared with it; open the picture itself."


@dataclasses.dataclass(frozen=True)
class Opened:
    """One picture under one model. source: its session, or the file that was received in its place.
    points: the model's own R-D points so far by λ; painted: the last of those with a λ map. tokens: of the same picture
    by model, shared by all of them; some may be closed. searches: what the encoder's searches found."""

    token: str
    name: str
    model: str
    source: Session | Received
    tried: Trials | None
    points: dict[float, Point] = dataclasses.field(default_factory=dict)
    tokens: dict[str, str] = dataclasses.field(default_factory=dict)
    painted: dict[Condition, Point] = dataclasses.field(default_factory=dict)
    searches: Searches = dataclasses.field(default_factory=Searches)

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

    def condition(self, lmbda: float, map: LambdaMap | None = None) -> Condition:
        """λ, with a map or without, as the value that all stages take; InputError where there is no such λ of this
        picture. A received file has one, which need not be asked for with its map."""
        asked = Condition.of(lmbda, map)
        if isinstance(self.source, Session):
            return self.source.condition(asked)
        own = self.source.code().condition
        return own if asked == Condition(own.level) else self.source.code(asked).condition

    @property
    def fixed(self) -> str | None:
        """Why λ cannot differ from place to place, otherwise than in the file that was received; None where it can."""
        if isinstance(self.source, Received):
            return SENDERS_LAMBDA
        return ONE_LAMBDA if self.source.model.only else None

    def nearest(self, lmbda: float) -> Condition:
        """The λ, among those that there are of this picture, that is nearest to another."""
        if isinstance(self.source, Received):
            return self.source.code().condition
        return self.source.model.nearest(lmbda)

    @cached_property
    def other_models(self) -> OtherModels:
        """The same picture under other models; frames are made one at a time, so there is one of it."""
        return OtherModels(self.session.picture)


@dataclasses.dataclass
class _Place:
    """Where an open picture is kept. pages: that asked for it. used: when it was asked for last."""

    opened: Opened
    used: float
    pages: set[str] = dataclasses.field(default_factory=set)


class OpenPictures:
    """Open pictures under tokens that nobody can guess; when there are too many, one that nobody looks at goes.

    models: what may be asked for, bundled names or paths. samples: name -> file; a sample is the same for everybody,
    so its session and points are shared while it is open. idle: after how many seconds without use a picture may be
    closed (`close_idle`), unless a page that asked for it is there (`presence`) or it is held. pixels: of all pictures
    together, at most, of three bytes each; what is made of them has a bound of its own.

    page, in many methods: a name that a viewer has given itself, or "". A picture that a page looked at last is never
    closed to make room for another page's.
    """

    def __init__(
        self,
        models: list[str],
        samples: dict[str, Path],
        idle: float = math.inf,
        pixels: int = 120_000_000,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.models = models
        self.samples = samples
        self._idle, self._pixels, self._clock = idle, pixels, clock
        self._present: Counter[str] = Counter()  # connections of each page
        self._left: OrderedDict[str, float] = OrderedDict()  # when, by page; of late
        self._codecs: WeakValueDictionary[str, LearnedCodec] = WeakValueDictionary()
        self._places: OrderedDict[str, _Place] = OrderedDict()  # those used last at the end
        self._held: Counter[str] = Counter()
        self._shared: dict[str, dict[str, str]] = {name: {} for name in samples}
        self._lock = threading.Lock()
        self._opening_sample = threading.Lock()

    def open(self, model: str, source: Any, name: str, tokens: dict[str, str] | None = None, page: str = "") -> Opened:
        """Open a picture (whatever `explorer.Session` takes, or a session of `model`) or a .mae file, under the model
        that made it, under a new token; `tokens`: see `Opened`. Raises Full."""
        tokens = {} if tokens is None else tokens
        if _is_mae(source, name):
            data = bitstream.read(source)
            model = maker(data, self.models)
            return self._add(page, name, model, Received(self.model(model), data, name), None, tokens)
        if isinstance(source, bytes):
            source = read(source, name)
        session = source if isinstance(source, Session) else Session(self.model(model), source)
        trials = Trials(session.picture.pixels, rival_points(session.picture))
        return self._add(page, name, model, session, trials, tokens)

    def open_sample(self, model: str, sample: str, page: str = "") -> Opened:
        """Open a sample picture, or find it open, also under another model."""
        if sample not in self.samples:
            raise InputError(f"There is no sample picture called “{sample[:40]}”.")
        tokens = self._shared[sample]
        with self._opening_sample:
            for token in (tokens.get(model, ""), *tokens.values()):
                with suppress(Gone):
                    opened = self.get(token, page)
                    return opened if isinstance(opened.source, Received) else self._under(model, opened, page)
            return self.open(model, self.samples[sample], sample, tokens, page)

    def sample_of(self, opened: Opened) -> str | None:
        """The name of the sample that a picture is, or None."""
        return next((name for name, tokens in self._shared.items() if tokens is opened.tokens), None)

    def reopen(self, model: str, token: str, page: str = "") -> Opened:
        """The same picture under another model; what is known of it under that one is found again."""
        return self._under(model, self.get(token, page), page)

    def _under(self, model: str, before: Opened, page: str) -> Opened:
        with suppress(Gone):
            return self.get(before.tokens.get(model, ""), page)
        if isinstance(before.source, Received):
            raise InputError(f"“{before.name}” was made by {before.model}, and no other model can read it.")
        session = before.session.under(self.model(model))
        return self._add(page, before.name, model, session, before.trials, before.tokens)

    def _add(
        self,
        page: str,
        name: str,
        model: str,
        source: Session | Received,
        tried: Trials | None,
        tokens: dict[str, str],
    ) -> Opened:
        opened = Opened(secrets.token_urlsafe(16), name, model, source, tried, _points_of(source), tokens)
        with self._lock:
            self._make_room(math.prod(source.size), page)
            tokens[model] = opened.token
            self._places[opened.token] = _Place(opened, self._clock())
            self._find(opened.token, page)
        return opened

    def get(self, token: str, page: str = "") -> Opened:
        """Find an open picture; raises Gone."""
        with self._lock:
            return self._find(token, page)

    def _find(self, token: str, page: str = "") -> Opened:
        if token not in self._places:
            raise Gone(token)
        self._places.move_to_end(token)
        place = self._places[token]
        place.used = self._clock()
        if page:
            place.pages.add(page)
        return place.opened

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
                self._places.pop(token, None)

    # -- who is there, and what is let go of ---------------------------------------------------------------------------

    @contextmanager
    def presence(self, page: str) -> Iterator[None]:
        """While a page is there. Raises Full."""
        with self._lock:
            if len(self._present) >= MAX_PAGES and page not in self._present:
                raise Full(FULL)
            self._present[page] += 1
        try:
            yield
        finally:
            with self._lock:
                self._present[page] -= 1
                if not self._present[page]:
                    del self._present[page]
                    self._left[page] = self._clock()
                    self._left.move_to_end(page)

    def close_idle(self) -> int:
        """Close what nobody has looked at for `idle` seconds; how many pictures that were."""
        with self._lock:
            since = self._clock() - self._idle
            found = [token for token, place in self._places.items() if self._seen(token, place) < since]
            for token in found:
                del self._places[token]
            while self._left and next(iter(self._left.values())) < since:
                self._left.popitem(last=False)
            for place in self._places.values():
                place.pages &= self._present.keys() | self._left.keys()
        return len(found)

    def _seen(self, token: str, place: _Place) -> float:
        """When somebody looked at a picture last; for ever where it is held or a page that asked for it is there."""
        if token in self._held or not place.pages.isdisjoint(self._present):
            return math.inf
        return max([place.used, *(self._left[page] for page in place.pages if page in self._left)])

    def _make_room(self, pixels: int, page: str) -> None:
        """For a picture of so many pixels that a page opens; raises Full where only what others look at could go."""
        own = [token for token, place in self._places.items() if page and place.pages == {page}]
        going = own[: max(0, len(own) - MAX_OPEN_EACH + 1)]
        candidates = self._candidates(page)
        while self._is_full(pixels, going):
            token = next(candidates, None)
            if token is None:
                if any(self._viewers(place) for place in self._places.values()):
                    raise Full(FULL)
                break  # what is held cannot go, whatever comes
            going.append(token)
        for token in set(going):
            del self._places[token]

    def _candidates(self, page: str) -> Iterator[str]:
        """What may be closed: what is nobody's, then the page's own, then what other pages have looked away from; of
        each the one unused for longest first."""
        loose = [(token, place) for token, place in self._places.items() if token not in self._held]
        seen_last: dict[str, str] = {each: token for token, place in self._places.items() for each in place.pages}
        yield from (token for token, place in loose if not self._viewers(place))
        yield from (token for token, place in loose if self._viewers(place) == {page})
        yield from (token for token, place in loose if token not in {seen_last[each] for each in self._viewers(place)})

    def _viewers(self, place: _Place) -> set[str]:
        return place.pages & self._present.keys()

    def _is_full(self, pixels: int, going: list[str]) -> bool:
        """Whether another picture of so many pixels would be too much, without those that go; what is open under two
        models counts once."""
        staying = [place.opened for token, place in self._places.items() if token not in going]
        sizes = {id(opened.tokens): opened.source.size for opened in staying}
        return len(staying) >= MAX_OPEN or sum(map(math.prod, sizes.values())) + pixels > self._pixels

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
        "knob": {source.model.knob.name: source.lmbda} | ({"map": source.map.text} if source.map else {}),
        "width": width,
        "height": height,
        "bytes": len(source.data),
        "estimated_bits": source.code().total_bits,
        "bpp": source.bpp,
    }
    return {source.lmbda: point}
