"""Ratio maps for the viewer: y(λa)/y(λb) of one picture, of three systems beside each other (paper Fig. 5c).

    model ─────── the model at hand
    bottleneck ── bottleneck scaling: one gain for a whole channel, so its maps are uniform by construction
    independent ─ two models trained for one λ each, those nearest to λa and λb

The two baselines have the prior of the model at hand. A system that is not bundled is answered with a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import numpy as np

from explorer import inside
from explorer.codecs import baselines
from explorer.condition import Condition
from explorer.images import InputError
from explorer.inside import LogRatio
from explorer.library import list_models
from explorer.views.service.messages import Ratio, RatioArrays, RatioSystem
from explorer.views.service.pictures import Opened

OWN = "-"  # as λa or λb: the frame's own λ, without its map, so that a wish stays the same while λ moves


def ratio(opened: Opened, condition: Condition, a: str, b: str) -> tuple[Ratio, RatioArrays]:
    """log₂|y(λa)/y(λb)|; a, b: λ as text, or "-" for the frame's.

    JSON: lambdas [λa, λb]; floor, the |y| below which an element is masked; kind of the model at hand (`ModelConfig`);
    systems, {name: {missing: why it is not here}} or {name: {shape (M, h, w); lambdas, its own; masked, the share of
    elements; spread, the median over its channels in octaves, or null}}.
    Arrays of each system, in octaves, nan where masked: name_value (M, h, w) float16, name_flipped (M, h, w) uint8,
    name_spread and name_median (M,) float32.
    """
    ends = _ends(condition, a, b)
    systems: dict[str, RatioSystem] = {}
    arrays: dict[str, np.ndarray] = {}
    for name, compared in _compare(opened, ends).items():
        if isinstance(compared, InputError):
            systems[name] = {"missing": str(compared)}
        else:
            systems[name] = _about(*compared)
            arrays |= {f"{name}_{part}": array for part, array in _arrays(compared[0]).items()}
    kind = opened.session.model.kind
    lambdas = ends[0].lmbda, ends[1].lmbda
    about: Ratio = {"lambdas": lambdas, "floor": inside.FLOOR, "kind": kind, "systems": systems}
    return about, cast(RatioArrays, arrays)


def saved(opened: Opened, condition: Condition, a: str, b: str) -> dict[str, tuple[np.ndarray, str]]:
    """The same to keep: {name: (array, what it is)}, in float32; of the systems that are here."""
    ends = _ends(condition, a, b)
    found: dict[str, tuple[np.ndarray, str]] = {}
    for name, compared in _compare(opened, ends).items():
        if isinstance(compared, InputError):
            continue
        ratios, lambdas = compared
        found[f"{name}_lambdas"] = np.array(lambdas), "(2): lambda a and b of the ratios"
        found[f"{name}_log2_ratio"] = ratios.value, "(M,h,w): log2 of |y(a)/y(b)|, nan where either is small"
        found[f"{name}_flipped"] = ratios.flipped, "(M,h,w): where the sign differs"
        found[f"{name}_median"] = ratios.median, "(M): each channel's median, octaves"
        found[f"{name}_spread"] = ratios.spread, "(M): how far each channel is from pure scaling, octaves"
    return found


def _ends(condition: Condition, a: str, b: str) -> tuple[Condition, Condition]:
    return _end(condition, a), _end(condition, b)


def _end(condition: Condition, text: str) -> Condition:
    if text == OWN:  # a ratio is of two λ: a map would pass for what λ does to the features
        return Condition(condition.level) if condition.map else condition
    try:
        lmbda = float(text)
    except ValueError:
        raise InputError(f"A ratio is of numbers or “{OWN}”, not of “{text[:40]}”; reload the page.") from None
    return Condition.of(lmbda)


def _compare(opened: Opened, ends: tuple[Condition, Condition]) -> dict[str, Compared | InputError]:
    """Each system's ratio, or why it has none."""
    found: dict[str, Compared | InputError] = {}
    for name, compare in SYSTEMS.items():
        try:
            found[name] = compare(opened, *_two(ends))
        except InputError as error:  # both λ are valid, so it is the system that cannot
            found[name] = error
    return found


def _two(ends: tuple[Condition, Condition]) -> tuple[Condition, Condition]:
    a, b = ends
    if a == b:
        raise InputError(f"Both λ are {a.lmbda:.4g}, so there is no ratio to show: choose two that differ.")
    return ends


Compared = tuple[LogRatio, tuple[float, float]]


def _model(opened: Opened, a: Condition, b: Condition) -> Compared:
    only = opened.session.model.only
    if len(only) == 1:
        raise InputError(f"This model was trained for λ {only[0].lmbda:.4g} alone: it has no ratio of two.")
    return opened.session.log_ratio(a, b), (a.lmbda, b.lmbda)


def _bottleneck(opened: Opened, a: Condition, b: Condition) -> Compared:
    name = baselines.standing_for("bottleneck", opened.session.model.prior)
    if name not in list_models():
        raise InputError(f"Bottleneck scaling is not here: no model called “{name}” is bundled.")
    return opened.other_models.session(name).log_ratio(a, b), (a.lmbda, b.lmbda)


def _independent(opened: Opened, a: Condition, b: Condition) -> Compared:
    family = baselines.standing_for("fixed", opened.session.model.prior)
    known = baselines.members(family, list_models())
    if len(known) < 2:
        raise InputError(f"Independent models are not here: none called “{family}-λ” are bundled.")
    near_a, near_b = (min(known, key=lambda each: abs(math.log(each / end.lmbda))) for end in (a, b))
    if near_a == near_b:
        raise InputError(f"The independent model nearest to both λ is that of λ {near_a:g}: there is no ratio of two.")
    ya, yb = (opened.other_models.session(known[each]).latents(each) for each in (near_a, near_b))
    return inside.log_ratio(ya, yb), (near_a, near_b)


SYSTEMS: dict[str, Callable[[Opened, Condition, Condition], Compared]] = {
    "model": _model,
    "bottleneck": _bottleneck,
    "independent": _independent,
}


def _about(found: LogRatio, lambdas: tuple[float, float]) -> RatioSystem:
    spreads = found.spread[np.isfinite(found.spread)]
    spread = float(np.median(spreads)) if len(spreads) else math.nan
    return {"shape": found.value.shape, "lambdas": lambdas, "masked": found.masked_share, "spread": spread}


def _arrays(found: LogRatio) -> dict[str, np.ndarray]:
    return {
        "value": found.value.astype(np.float16),
        "flipped": found.flipped.astype(np.uint8),
        "spread": found.spread,
        "median": found.median,
    }
