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

OWN = "-"  # as λa or λb: the frame's own λ, so that a wish stays the same while λ moves


def ratio(opened: Opened, condition: Condition, a: str, b: str) -> tuple[Ratio, RatioArrays]:
    """log₂|y(λa)/y(λb)|; a, b: λ as text, or "-" for the frame's.

    JSON: lambdas [λa, λb]; floor, the |y| below which an element is masked; kind of the model at hand (`ModelConfig`);
    systems, {name: {missing: why it is not here}} or {name: {shape (M, h, w); lambdas, its own; masked, the share of
    elements; spread, the median over its channels in octaves, or null}}.
    Arrays of each system, in octaves, nan where masked: name_value (M, h, w) float16, name_flipped (M, h, w) uint8,
    name_spread and name_median (M,) float32.
    """
    ends = [condition if each == OWN else Condition.of(float(each)) for each in (a, b)]
    systems: dict[str, RatioSystem] = {}
    arrays: dict[str, np.ndarray] = {}
    for name, compare in SYSTEMS.items():
        try:
            found, lambdas = compare(opened, *ends)
        except InputError as error:  # both λ are valid, so it is the system that cannot
            systems[name] = {"missing": str(error)}
        else:
            systems[name] = _about(found, lambdas)
            arrays |= {f"{name}_{part}": array for part, array in _arrays(found).items()}
    kind = opened.session.model.kind
    lambdas = ends[0].lmbda, ends[1].lmbda
    about: Ratio = {"lambdas": lambdas, "floor": inside.FLOOR, "kind": kind, "systems": systems}
    return about, cast(RatioArrays, arrays)


Compared = tuple[LogRatio, tuple[float, float]]


def _model(opened: Opened, a: Condition, b: Condition) -> Compared:
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
