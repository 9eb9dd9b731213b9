"""Priors, each behind one contract (base.Prior, base.Coder). PRIORS is the catalogue: to add one, add its line."""

from explorer.priors.base import Code, Coder, Distribution, Prior
from explorer.priors.factorised import Factorised
from explorer.priors.hyper import Hyper
from explorer.priors.per_lambda import PerLambda

PRIORS: dict[str, type[Prior]] = {
    "factorised": Factorised,
    "hyper": Hyper,
    "per_lambda": PerLambda,
}

__all__ = ["PRIORS", "Code", "Coder", "Distribution", "Prior"]
