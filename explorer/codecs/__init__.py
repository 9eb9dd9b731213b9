"""Every codec behind one contract (base.Codec): CODECS is the catalogue; to add a codec, add its line to it."""

from explorer.codecs import bpg, classical, zoo
from explorer.codecs.base import Codec, CodecError, Knob, Match, Measurement, MissingPackage, RDPoint, match, measure

_CLASSICAL: tuple[Codec, ...] = (
    classical.JPEG,
    classical.JPEG444,
    classical.JPEG2000,
    classical.WEBP,
    classical.AVIF,
    classical.JXL,
    classical.HEIC,
    bpg.BPG444,
    bpg.BPG420,
)

_ZOO = (zoo.FACTORIZED, zoo.HYPERPRIOR, zoo.MEAN_HYPERPRIOR)

CLASSICAL = {codec.name: codec for codec in _CLASSICAL}
ZOO = {codec.name: codec for codec in _ZOO}
CODECS: dict[str, Codec] = {**CLASSICAL, **ZOO}

__all__ = [
    "CLASSICAL",
    "CODECS",
    "ZOO",
    "Codec",
    "CodecError",
    "Knob",
    "Match",
    "Measurement",
    "MissingPackage",
    "RDPoint",
    "match",
    "measure",
]
