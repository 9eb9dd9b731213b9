"""How models are offered: by names that explain themselves, and those side by side that differ in their prior alone."""

from __future__ import annotations

from explorer.codecs.baselines import FAMILIES, curve_name, is_split, members
from explorer.codecs.learned import LearnedCodec
from explorer.config import PRIOR_NAMES, describe
from explorer.views.service.messages import Prior
from explorer.views.service.pictures import OpenPictures


def explained(model: str) -> str:
    """A model's name and what it is, as far as that is known before it is loaded."""
    curve = curve_name(model)
    family = FAMILIES.get(curve)
    if not family:
        return model
    alone = f", for λ {model.rpartition('-')[2]} alone" if curve != model else ""
    return f"{model}: {describe(family.kind, family.prior)}{alone}"


def priors(pictures: OpenPictures, model: str) -> list[Prior]:
    """The bundled models that make the same y of a picture as `model` and price it by another prior, it among them:
    {model, prior: for people}, the factorised one first; none where it stands alone."""
    own = pictures.model(model)
    found = {own.prior: model}
    for family, about in FAMILIES.items():
        if about.kind == own.kind and about.prior != own.prior:
            other = _member(family, own, pictures.models)
            if other and pictures.model(other).transforms == own.transforms:
                found[about.prior] = other
    order = [*PRIOR_NAMES, *(prior for prior in found if prior not in PRIOR_NAMES)]
    names: list[Prior] = [
        {"model": found[prior], "prior": PRIOR_NAMES.get(prior, prior)} for prior in order if prior in found
    ]
    return names if len(names) > 1 else []


def _member(family: str, own: LearnedCodec, models: list[str]) -> str | None:
    """The model of a family that stands where `own` does: of the same λ, where there is one model for each."""
    if is_split(family):
        return members(family, models).get(own.knob.minimum)
    return family if family in models else None
