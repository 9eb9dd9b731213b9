"""One home for baselines: what each bundled model stands for, at which λ, and every codec by its name.

name of a model ── curve_name ── family: kind × prior ──┬── label, the paper's λ
"independent-64"                 "independent"          ├── members: {λ: name} of those that are bundled
                                                        └── standing_for: a baseline with the same prior
name of a codec ── find ── CODECS, a bundled model, or IndependentModels: one codec whose setting is λ
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from explorer import bitstream
from explorer.codecs import CODECS
from explorer.codecs.base import Codec, CodecError, Knob
from explorer.condition import HYPERPRIOR_LAMBDAS, PAPER_LAMBDAS, lambda_of
from explorer.images import InputError

Load = Callable[[str], Codec]
EFFORTS = ("1", "2")  # of a search (see `explorer.search`), as names of codecs say them after an @


@dataclass(frozen=True)
class Family:
    """A system that covers the axis of λ, with one model or with several: one curve.

    kind, prior: as `ModelConfig` calls them. label: its name for people. lambdas: the paper's for this prior.
    """

    kind: str
    prior: str
    label: str
    lambdas: tuple[float, ...]


FAMILIES = {
    "mae": Family("modulated", "factorised", "MAE (this project)", PAPER_LAMBDAS),
    "mae-hyperprior": Family("modulated", "hyper", "MAE with hyperprior (this project)", HYPERPRIOR_LAMBDAS),
    "independent": Family("fixed", "factorised", "independent models", PAPER_LAMBDAS),
    "independent-hyperprior": Family("fixed", "hyper", "independent models with hyperprior", HYPERPRIOR_LAMBDAS),
    "bottleneck": Family("bottleneck", "factorised", "bottleneck scaling", PAPER_LAMBDAS),
    "bottleneck-hyperprior": Family("bottleneck", "hyper", "bottleneck scaling with hyperprior", HYPERPRIOR_LAMBDAS),
}


# -- names -----------------------------------------------------------------------------------------------------------


def of_effort(name: str) -> tuple[str, int]:
    """A codec's name without the effort of its search, and that effort: ("mae", 1) of "mae@1", ("mae", 0) of "mae"."""
    model, _, effort = name.rpartition("@")
    return (model, int(effort)) if model and effort in EFFORTS else (name, 0)


def curve_name(codec: str) -> str:
    """The curve that a codec's rows belong to: the independent models of one prior, each at its own λ, make one."""
    family, _, lmbda = codec.rpartition("-")
    return family if lmbda.isdecimal() and is_split(family) else codec


def label(curve: str) -> str:
    """The name for people of a codec, a bundled model or a family; of any other, the name that it has."""
    if curve in CODECS:
        return CODECS[curve].label
    model, effort = of_effort(curve)
    if effort:
        return f"{label(model)}, searched with effort {effort}"
    return FAMILIES[curve].label if curve in FAMILIES else curve


def standing_for(kind: str, prior: str) -> str:
    """The family of this kind with this prior, both as `ModelConfig` calls them.

    A prior that no family was trained with is compared with the factorised ones."""
    known = {(family.kind, family.prior): name for name, family in FAMILIES.items()}
    return known.get((kind, prior), known[kind, "factorised"])


def members(family: str, models: Iterable[str]) -> dict[float, str]:
    """The models of a family that has one for each λ: {λ: name}, in order of λ."""
    found = {_lambda(name): name for name in models if curve_name(name) == family != name}
    return dict(sorted(found.items()))


def split_families(models: Iterable[str]) -> list[str]:
    """The families among models that have one for each λ."""
    return list(dict.fromkeys(curve_name(name) for name in models if curve_name(name) != name))


def place(model: str) -> tuple[bool, str, float]:
    """A key to sort models by: those of this project before all others, those of one family in order of λ."""
    family = curve_name(model)
    is_ours = family in FAMILIES and FAMILIES[family].kind == "modulated"
    return not is_ours, family, _lambda(model) if family != model else 0.0


def is_split(family: str) -> bool:
    """Whether a family has one model for each λ."""
    return family in FAMILIES and FAMILIES[family].kind == "fixed"


def _lambda(model: str) -> float:
    return float(model.rpartition("-")[2])


# -- codecs ----------------------------------------------------------------------------------------------------------


def find(name: str, models: Sequence[str], load: Load) -> Codec:
    """A codec by name: one of the catalogue, a model, or the independent models of one prior as one codec.

    models: the names of those that are bundled; load: opens one of them, and keeps it. Raises InputError for any other
    name, so that a visitor cannot have files opened."""
    check(name, models)
    if name in CODECS:
        return CODECS[name]
    if of_effort(name)[1]:
        return searched(name, load)
    return load(name) if name in models else IndependentModels(name, members(name, models), load)


def check(name: str, models: Sequence[str]) -> None:
    """Raise InputError where `find` would not know a name."""
    if name not in CODECS and of_effort(name)[0] not in models and not members(name, models):
        known = ", ".join(dict.fromkeys([*CODECS, *map(curve_name, models)]))
        raise InputError(f"There is no codec {name[:40]!r}; choose among {known}, or search with a model as mae@1.")


def searched(name: str, load: Load) -> Codec:
    """The codec of a name with an effort. load: opens its model."""
    from explorer.codecs.learned import LearnedCodec  # here, because it takes a second
    from explorer.codecs.searched import Searched

    model, effort = of_effort(name)
    opened = load(model)
    assert isinstance(opened, LearnedCodec)
    return Searched(opened, effort)


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

    suffix = "mae"

    def __init__(self, family: str, names: dict[float, str], load: Load) -> None:
        """names: of the models by λ, as `members` gives them, one or more. load: opens one of them, and keeps it."""
        self.name, self.label = family, label(family)
        self._names, self._load = names, load
        sweep = tuple(names)
        self.knob: Knob = Steps("lambda", "λ", sweep[0], sweep[-1], sweep, integer=False)

    def __repr__(self) -> str:
        return f"IndependentModels({self.name!r}, λ {', '.join(f'{each:g}' for each in self.knob.sweep)})"

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

    def _model(self, setting: float) -> Codec:
        return self._load(self._names[self.knob.check(setting)])
