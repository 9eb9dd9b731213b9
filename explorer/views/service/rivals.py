"""What the model is compared with, each behind the one contract of `explorer.codecs`.

CODECS ─────────────┐
bundled models ─────┼── Rivals: name -> Codec, or why it is not here
independent models ─┘   (those of one prior are one codec: see `codecs.baselines`)
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from explorer.codecs import CODECS, Codec, Knob, MissingPackage, baselines
from explorer.codecs.baselines import Steps
from explorer.codecs.learned import LearnedCodec
from explorer.condition import LAMBDA_MAX, LAMBDA_MIN
from explorer.images import InputError
from explorer.library import load_model
from explorer.views.service.messages import Rival

CHOSEN = ("jpeg", "jpeg2000")  # the curves that a visitor sees at first
# What those of the catalogue are, in words; the viewer's glossary has the kinds of models.
ABOUT = {
    "jpeg": "JPEG of 1992 by libjpeg-turbo: chroma at half resolution, Huffman tables fitted to the picture",
    "jpeg444": "JPEG of 1992 by libjpeg-turbo: chroma at full resolution, Huffman tables fitted to the picture",
    "jpeg2000": "JPEG 2000 by OpenJPEG: wavelets (9/7), no blocks",
    "webp": "WebP by libwebp: a single frame of the video format VP8",
    "avif": "AVIF by libavif: a single frame of the video format AV1",
    "jxl": "JPEG XL by libjxl, with loss",
    "heic": "HEIC by libheif, as phones write it: a single frame of the video format HEVC",
    "bpg444": "BPG: a single frame of the video format HEVC, chroma at full resolution",
    "bpg420": "BPG: a single frame of the video format HEVC, chroma at half resolution",
    "bmshj2018-factorized": "CompressAI’s factorised prior (Ballé et al. 2018): a network for each quality",
    "bmshj2018-hyperprior": "CompressAI’s scale hyperprior (Ballé et al. 2018): a network for each quality",
    "mbt2018-mean": "CompressAI’s mean and scale hyperprior (Minnen et al. 2018): a network for each quality",
}
# Known before a checkpoint is loaded.
LEARNED_KNOB = Knob("lambda", "λ", LAMBDA_MIN, LAMBDA_MAX, (LAMBDA_MIN, LAMBDA_MAX), integer=False)


class Rivals:
    """The catalogue's codecs and the bundled models, by name."""

    def __init__(self, models: Sequence[str] = ()) -> None:
        """models: as `explorer.list_models()` gives them. Those for one λ each are one rival together."""
        self._all = models
        self._models = [name for name in models if baselines.curve_name(name) == name]

    @cached_property
    def listed(self) -> list[Rival]:
        """All of them, also those whose library is not installed. Takes a moment: it imports what the codecs need."""
        codecs = [_rival(each.name, each.label, each.suffix, each.knob, _reason(each)) for each in CODECS.values()]
        models = [_rival(name, baselines.label(name), LearnedCodec.suffix, LEARNED_KNOB) for name in self._models]
        split = [self.codec(name) for name in baselines.split_families(self._all)]
        return codecs + models + [_rival(each.name, each.label, each.suffix, each.knob) for each in split]

    def codec(self, name: str) -> Codec:
        """Find one by name. Raises InputError for a name that is none, so that a visitor cannot have files opened, and
        for one with an effort, whose search nobody could end."""
        if baselines.of_effort(name)[1]:
            raise InputError(f"{name[:40]} takes minutes; start a search in the tab “Search” instead.")
        return baselines.find(name, self._all, load_model)


def _rival(name: str, label: str, suffix: str, knob: Knob, reason: str = "") -> Rival:
    steps = knob.sweep if isinstance(knob, Steps) else None
    return {
        "name": name,
        "label": label,
        "about": ABOUT.get(name, ""),
        "suffix": suffix,
        "knob": knob.label,
        "unit": knob.unit,
        "reason": reason,
        "minimum": knob.minimum,
        "maximum": knob.maximum,
        "integer": knob.integer,
        "steps": steps,
    }


def _reason(codec: Codec) -> str:
    try:
        return "" if codec.version else "Its library does not say which version it is."
    except MissingPackage as error:
        return str(error)
