"""What the model is compared with, each behind the one contract of `explorer.codecs`.

CODECS ──────────────────────────────┐
bundled models ── one for each λ ── IndependentModels ──┼── Rivals: name -> Codec, or why it is not here
               └─ others ────────────┘
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from explorer import bitstream, report
from explorer.condition import LAMBDA_MAX, LAMBDA_MIN, lambda_of
from explorer.codecs import CODECS, Codec, CodecError, Knob, MissingPackage
from explorer.codecs.learned import LearnedCodec
from explorer.images import InputError
from explorer.library import load_model

CHOSEN = ("jpeg", "jpeg2000")  # the curves that a visitor sees at first
# Known before a checkpoint is loaded.
LEARNED_KNOB = Knob("lambda", "λ", LAMBDA_MIN, LAMBDA_MAX, (LAMBDA_MIN, LAMBDA_MAX), integer=False)
_INDEPENDENT = re.compile(r"independent-(\d+)")


class Steps(Knob):
    """A knob that has the settings of its sweep and none between them."""

    def check(self, setting: float) -> float:
        """Return the setting; raise CodecError for any other than those of the sweep."""
        if setting not in self.sweep:
            known = ", ".join(f"{each:g}" for each in self.sweep)
            raise CodecError(f"{self.label} is one of {known}, not {setting:g}.")
        return float(setting)

    def between(self, a: float, b: float) -> float | None:
        """None: there is no setting between two others."""
        return None


class IndependentModels:
    """The models that were trained for one λ each, as one codec: the setting is λ and chooses the model."""

    name = "independent"
    label = report.label("independent")

    def __init__(self, names: Sequence[str]) -> None:
        """names: "independent-" and λ, one or more."""
        self._names = {float(name.rpartition("-")[2]): name for name in names}
        self._loaded: dict[float, LearnedCodec] = {}
        sweep = tuple(sorted(self._names))
        self.knob: Knob = Steps("lambda", "λ", sweep[0], sweep[-1], sweep, integer=False)

    @property
    def version(self) -> str:
        """The id of every model, in order of λ."""
        return ", ".join(self._model(setting).version for setting in self.knob.sweep)

    def encode(self, pixels: np.ndarray, setting: float) -> bytes:
        """Return a complete file of (H,W,3) uint8 pixels by the model of λ = setting."""
        return self._model(setting).encode(pixels, setting)

    def decode(self, data: bytes) -> np.ndarray:
        """Return the file's pixels; its header names λ, and so the model."""
        lmbda = lambda_of(bitstream.unpack(data)[0].level)
        return self._model(min(self.knob.sweep, key=lambda setting: abs(setting - lmbda))).decode(data)

    def _model(self, setting: float) -> LearnedCodec:
        setting = self.knob.check(setting)
        if setting not in self._loaded:
            self._loaded[setting] = load_model(self._names[setting])
        return self._loaded[setting]


@dataclass(frozen=True)
class Rival:
    """What a chooser shows of a codec.

    knob, unit: what its setting is called. It lies between minimum and maximum, is whole where `integer`, and is one of
    `steps` where there are any. reason: why the codec is not here, or "".
    """

    name: str
    label: str
    knob: str
    unit: str
    reason: str
    minimum: float
    maximum: float
    integer: bool
    steps: tuple[float, ...] | None


class Rivals:
    """The catalogue's codecs and the bundled models, by name."""

    def __init__(self, models: Sequence[str] = ()) -> None:
        """models: as `explorer.list_models()` gives them. Those for one λ each are one rival together."""
        alone = [name for name in models if _INDEPENDENT.fullmatch(name)]
        self._models = [name for name in models if name not in alone]
        self._independent = [IndependentModels(alone)] if alone else []

    @cached_property
    def listed(self) -> list[Rival]:
        """All of them, also those whose library is not installed. Takes a moment: it imports what the codecs need."""
        codecs = [_rival(codec.name, codec.label, codec.knob, _reason(codec)) for codec in CODECS.values()]
        models = [_rival(name, report.label(name), LEARNED_KNOB) for name in self._models]
        return codecs + models + [_rival(each.name, each.label, each.knob) for each in self._independent]

    def codec(self, name: str) -> Codec:
        """Find one by name. Raises InputError for a name that is none, so that a visitor cannot have files opened."""
        found = CODECS | {codec.name: codec for codec in self._independent}
        if name in found:
            return found[name]
        if name not in self._models:
            raise InputError(f"There is no codec called “{name[:40]}”.")
        return load_model(name)


def _rival(name: str, label: str, knob: Knob, reason: str = "") -> Rival:
    steps = knob.sweep if isinstance(knob, Steps) else None
    return Rival(name, label, knob.label, knob.unit, reason, knob.minimum, knob.maximum, knob.integer, steps)


def _reason(codec: Codec) -> str:
    try:
        return "" if codec.version else "Its library does not say which version it is."
    except MissingPackage as error:
        return str(error)
