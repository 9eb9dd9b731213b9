"""Maps for the viewer: a layer's features, the error of each block, and what blocks gain between two λ.

All of one picture, at the λ of a frame: each function answers a wish (see `answers`) with what JSON holds and arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.condition import Condition
from explorer.inside import block_means
from explorer.views.service.messages import (
    ErrorArrays,
    Features,
    FeaturesArrays,
    Local,
    LocalArrays,
    Searched,
    SearchedArrays,
)
from explorer.views.service.pictures import Opened
from explorer.views.service.wishes.ratios import OWN

MAX_VALUES = 1 << 20  # of a layer: more would make every frame of a drag wait for them
# The maps before and after each modulator.
MODULATIONS = {
    **{f"m{k}": (f"a{k}.conv", f"a{k}.mod") for k in range(3)},
    **{f"d{k}": (f"s{k}.igdn", f"s{k}.mod") for k in range(3)},
    "y": ("a2.gdn", "y.mod"),
}


def features(opened: Opened, condition: Condition, layer: str) -> tuple[Features, FeaturesArrays]:
    """An intermediate map of the network. JSON: layers, the names that there are, those of the synthesis alone where
    there is no original; where `layer` is one of them, shape (C, h', w') and pooled: how many elements of the map, in
    each direction, were averaged into one.
    values: (C, h', w') float16. gains: (C,) float32, the map after modulation divided by that before, where this is
    either of them and λ is the same everywhere."""
    source = opened.source
    names = source.layers
    if layer not in names:
        return {"layers": names}, {}
    values, side = _pooled(source.features(condition, layer))
    arrays: FeaturesArrays = {"values": values.astype(np.float16)}
    gains = {} if condition.map else source.model.modulation([condition])
    for name, gain in gains.items():
        if layer in MODULATIONS.get(name, ()):
            arrays["gains"] = gain[0]
    return {"layers": names, "shape": values.shape, "pooled": side}, arrays


def _pooled(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """A map (C, h', w') averaged over squares of 1, 2, 4, … elements until it is small enough, and their side."""
    side = 1
    while values.size > MAX_VALUES * side**2:
        side *= 2
    return (block_means(values, side) if side > 1 else values), side


def error(opened: Opened, condition: Condition) -> tuple[dict[str, Any], ErrorArrays]:
    """The mean squared error, on [0, 1], of each 16×16 block: mse (h, w) float32."""
    return {}, {"mse": opened.session.block_error(condition)}


def searched(opened: Opened, condition: Condition, effort: str) -> tuple[Searched, SearchedArrays]:
    """Rate and distortion of each 16×16 block before and after a search with an effort. JSON: effort. bits_before and
    bits, estimated, over all channels, mse_before and mse, on [0, 1]: (h, w) float32. None of it where nobody has
    searched, so that a wish may stay while λ moves."""
    session, chosen = opened.session, int(effort)
    if not opened.searches.known(condition, chosen):
        return {}, {}
    after = opened.searches.session(condition, chosen)
    return {"effort": chosen}, {
        "bits_before": session.code(condition).position_bits,
        "mse_before": session.block_error(condition),
        "bits": after.code(condition).position_bits,
        "mse": after.block_error(condition),
    }


def local(opened: Opened, condition: Condition, a: str, b: str) -> tuple[Local, LocalArrays]:
    """Rate and distortion of each 16×16 block at two λ; a, b: λ as text, or "-" for the frame's, and the nearest that
    the model has. JSON: lambdas [λa, λb]. bits_a, bits_b: estimated, over all channels; mse_a, mse_b: on [0, 1]; all
    (h, w) float32."""
    session = opened.session
    ends = [condition if each == OWN else session.model.nearest(float(each)) for each in (a, b)]
    return {"lambdas": (ends[0].lmbda, ends[1].lmbda)}, {
        "bits_a": session.code(ends[0]).position_bits,
        "bits_b": session.code(ends[1]).position_bits,
        "mse_a": session.block_error(ends[0]),
        "mse_b": session.block_error(ends[1]),
    }
