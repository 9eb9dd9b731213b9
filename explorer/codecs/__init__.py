"""Every codec behind one contract (base.Codec): CODECS is the catalogue; to add a codec, add its line to it."""

from explorer.codecs import bpg, classical
from explorer.codecs.base import Codec, CodecError, Knob, Match, Measurement, MissingPackage, RDPoint, match, measure

_ALL: tuple[Codec, ...] = (
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

CODECS: dict[str, Codec] = {codec.name: codec for codec in _ALL}

__all__ = [
    "CODECS",
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
