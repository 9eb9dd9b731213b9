"""The models that a run begins with: of any kind, with any prior, several priors over one set of transforms.

tiles ─ transform-coding initialisation ─┐
checkpoint ─ fold, scale, another prior ─┴─ Autoencoder, one for each prior ─ share_transforms
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from explorer.condition import PAPER_LAMBDAS
from explorer.config import ModelConfig
from explorer.images import InputError
from explorer.model import Autoencoder, scale_bottleneck, transforms_of
from explorer.priors.factorised import Factorised
from explorer.priors.per_lambda import PerLambda
from explorer.train.data import Batches
from explorer.train.initialise import transform_coding_init


def new_model(config: ModelConfig, tiles: Tensor, start: Autoencoder | None = None, *, seed: int = 0) -> Autoencoder:
    """The model a run begins with, from a trained one where `start` is given.

    modulated: `start`, with a new prior where config names another one, or the transform-coding initialisation from
    tiles (n, S, S, 3) uint8. fixed: `start`, folded at config.lmbda where it is modulated. bottleneck: `start`, a fixed
    model that is scaled or bottleneck scaling, frozen but for its gains and the prior. InputError where `start` is not
    of a kind to begin from."""
    torch.manual_seed(seed)
    if config.kind == "modulated":
        return with_prior(start or _initialised(config, tiles), config.prior)
    if start is None:
        raise InputError(f"A {config.kind} model starts from a trained one; name its checkpoint with --init.")
    if start.config.prior != config.prior:
        raise InputError(f"A {config.kind} model has the prior of its start; name one with --init that has the other.")
    return _fixed(start, config.lmbda) if config.kind == "fixed" else _bottleneck(start)


def _initialised(config: ModelConfig, tiles: Tensor) -> Autoencoder:
    model = Autoencoder(replace(config, prior="factorised"))
    transform_coding_init(model, Batches(tiles.cpu(), min(256, tiles.shape[1] // 16 * 16)).draw(64)[0])
    return model


def _fixed(start: Autoencoder, lmbda: float | None) -> Autoencoder:
    assert lmbda is not None
    if start.config.kind == "modulated":
        return start.fold(lmbda)
    if start.config.lmbda != lmbda:
        raise InputError("A fixed model starts from a modulated one, or from one of its own λ; name such a one.")
    return start


def _bottleneck(start: Autoencoder) -> Autoencoder:
    if start.config.kind == "modulated":
        raise InputError("Bottleneck scaling starts from a fixed model, that of λ 4096; name it with --init.")
    scaled = scale_bottleneck(start) if start.config.kind == "fixed" else start
    scaled.requires_grad_(False)
    for part in (scaled.y_mod, scaled.prior):
        part.requires_grad_(True)
    return scaled


@torch.no_grad()
def with_prior(model: Autoencoder, prior: str) -> Autoencoder:
    """The model itself where it has that prior; otherwise its transforms under an untrained one, which takes over a(λ)
    where both have it, or the densities at the λ that it has. InputError where `model` is not modulated."""
    if model.config.prior == prior:
        return model
    if model.config.kind != "modulated":
        raise InputError("Only a modulated model can change its prior; start from one with --init.")
    other = Autoencoder(replace(model.config, prior=prior))
    other.load_state_dict(transforms_of(model.state_dict()), strict=False)
    own = {name: p for name, p in model.prior.state_dict().items() if name.startswith("gain.")}
    other.prior.load_state_dict(own, strict=False)
    if isinstance(other.prior, PerLambda) and isinstance(model.prior, Factorised):
        for density, lmbda in zip(other.prior.densities, PAPER_LAMBDAS, strict=True):
            density.load_state_dict(model.prior.density.scaled(model.prior.a(model.position(lmbda))[0]).state_dict())
    return other


def share_transforms(models: Sequence[Autoencoder]) -> None:
    """Make the first model's transforms and a(λ) those of all, as one: a step of any trains them."""
    first = models[0]
    for other in models[1:]:
        for name, part in first.named_children():
            if name != "prior":
                setattr(other, name, part)
        if hasattr(first.prior, "gain") and hasattr(other.prior, "gain"):
            other.prior.gain = first.prior.gain
