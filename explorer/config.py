"""What decides the shape of a network: written into every checkpoint's header, and the presets that training offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ModelConfig:
    """What a checkpoint's header says of its network.

    kind: "modulated" (the paper's), "fixed" (an independent model: one λ, no modulators) or "bottleneck" (bottleneck
    scaling, Theis et al. 2017: one gain per channel and λ after the last GDN, its inverse in the decoder).
    N, M: channels inside and in the bottleneck. hidden: width of each modulator (50 in the paper).
    conditioning: the modulators' input. "log" is t = log(λ/64)/log(64); "linear" is the paper's λ/4096, which squeezes
    the low rates into a few percent of the range.
    lmbda: the one λ of a fixed model. prior: what stands between y and the file, by its name in `PRIORS`.
    """

    kind: Literal["modulated", "fixed", "bottleneck"] = "modulated"
    N: int = 128
    M: int = 192
    hidden: int = 50
    conditioning: Literal["log", "linear"] = "log"
    lmbda: float | None = None
    prior: str = "factorised"


@dataclass(frozen=True)
class Stage:
    """One convolution of a network, as a diagram of it shows. name: that of its maps: "a0" to "a2" of the analysis (see
    `Autoencoder.layers`), "s0" to "s2" of the synthesis, "h" and "g" of the hyper-transforms. kernel, stride: in
    elements. enlarges: whether it is a transposed one. channels: of its output. modulator: the name of its gains (see
    `Autoencoder.gains`), or "" where no λ moves it."""

    name: str
    kernel: int
    stride: int
    enlarges: bool
    channels: int
    modulator: str


PRESETS = {
    "compact": ModelConfig(),
    "paper": ModelConfig(N=192),
    "tiny": ModelConfig(N=48, M=64, hidden=16),
}


KINDS = {"modulated": "modulated autoencoder", "fixed": "independent model", "bottleneck": "bottleneck scaling"}
PRIOR_NAMES = {"factorised": "factorised", "hyper": "hyperprior"}


def describe(kind: str, prior: str) -> str:
    """A kind of model with a prior, both as `ModelConfig` calls them, in words; the factorised prior goes unsaid."""
    if prior == "factorised":
        return KINDS[kind]
    return f"{KINDS[kind]} with {PRIOR_NAMES.get(prior, f'prior {prior}')}"
