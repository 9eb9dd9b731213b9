"""Every codec behind one contract (base.Codec). To add one, write it and add its entry here."""

from explorer.codecs.base import Codec, CodecError, Knob, Match, Measurement, MissingPackage, RDPoint, match, measure
from explorer.codecs.classical import JPEG, JPEG444, JPEG2000

CODECS: dict[str, Codec] = {codec.name: codec for codec in (JPEG, JPEG444, JPEG2000)}

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
