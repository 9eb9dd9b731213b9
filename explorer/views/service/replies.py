"""What the viewer is told of an open picture: the original, a frame at λ, a rival's picture, the modulators' gains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import cast

import numpy as np

from explorer.codecs import Codec
from explorer.codecs.learned import LearnedCodec
from explorer.condition import Condition
from explorer.pace import Pause, nothing
from explorer.received import Received
from explorer.session import Session
from explorer.views.service.constants import CONSTANTS
from explorer.views.service.messages import (
    FrameHeader,
    Match,
    ModulationHeader,
    Numbers,
    OpenedPicture,
    PartHeader,
    PictureRange,
    Prior,
    RivalHeader,
    Seen,
    Size,
    Stage,
)
from explorer.views.service.pictures import NO_ORIGINAL, Opened
from explorer.views.service.points import known_point, measured_point, timed_point
from explorer.views.service.rectangles import Rectangle, reduced, whole
from explorer.views.service.wire import Reply
from explorer.views.service.wishes.answers import answer

RECEIVED = "This is what the receiver of the file sees: made by {}, without the original beside it."
SENDERS_LAMBDA = "The sender chose λ: the file has no other."


def opened_picture(opened: Opened, priors: list[Prior], sample: str | None = None) -> OpenedPicture:
    """What the viewer keeps of a picture that was opened; priors: see `menu`. sample: its name, where it is one."""
    source, model, (height, width) = opened.source, opened.source.model, opened.source.size
    lowest, highest = opened.lambda_range
    lmbda: PictureRange = {"min": lowest, "max": highest}
    if isinstance(source, Received):
        lmbda["reason"] = SENDERS_LAMBDA
    return {
        "id": opened.token,
        "name": opened.name,
        "model": opened.model,
        "notes": source.picture.notes if isinstance(source, Session) else (RECEIVED.format(opened.model),),
        "sample": sample,
        "missing": None if isinstance(source, Session) else NO_ORIGINAL,
        "lmbda": lmbda,
        "width": width,
        "height": height,
        "large": source.is_large,
        "channels": model.channels,
        "priors": priors,
        "stages": [cast(Stage, asdict(stage)) for stage in model.network.stages()],
        "modulators": list(model.modulation(model.knob.sweep[:1])),
    }


def original(opened: Opened, part: Rectangle | None = None) -> Reply:
    """The original picture, or a part of it."""
    part = part or whole(opened.session.size)
    pixels = part.of(opened.session.picture.pixels)
    header: PartHeader = {"picture": opened.token, **_size(pixels), **part.header}
    return Reply(header, {"pixels": pixels})


def frame(
    opened: Opened,
    condition: Condition,
    wishes: Sequence[str] = (),
    part: Rectangle | None = None,
    live: bool = False,
    pause: Pause = nothing,
) -> Reply:
    """The reconstruction at λ, or a part of it, with what is known of its file, and what the open views need of the
    inside at this λ. live: λ is moving. pause: see `explorer.pace`. Raises InputError for a wish that is none."""
    part = part or whole(opened.source.size)
    pixels = reduced(opened.source.paced(pause).region(condition, part.edges, live=live), part.reduce)
    code = opened.source.known_code(condition)
    found = {wish: answer(opened, condition, wish) for wish in wishes}
    arrays = {f"{wish}.{name}": array for wish, (_, own) in found.items() for name, array in own.items()}
    header: FrameHeader = {
        "picture": opened.token,
        **_size(pixels),
        **part.header,
        "lmbda": condition.lmbda,
        "level": condition.level,
        "point": known_point(opened, condition),
        "estimated_bits": code.total_bits if code else None,
        "side_bits": code.side_bits if code else None,
        "pace": None,
        "wishes": {wish: about for wish, (about, _) in found.items()},
    }
    return Reply(header, {"pixels": pixels, **arrays})


def numbers(opened: Opened, condition: Condition, pause: Pause = nothing) -> Numbers:
    """The RDPoint at λ, of the real file and the whole picture. pause: see `explorer.pace`."""
    source = opened.source.paced(pause)
    point, side_bits = measured_point(opened, source, condition), source.code(condition).side_bits
    return {"lmbda": condition.lmbda, "level": condition.level, "point": point, "side_bits": side_bits}


def seen(opened: Opened, condition: Condition, pause: Pause = nothing) -> Seen:
    """The RDPoint at λ with SSIMULACRA2 and times. pause: see `explorer.pace`. InputError without an original."""
    return {"point": timed_point(opened, opened.session.paced(pause), condition, pause)}


def rival(opened: Opened, codec: Codec, setting: float, match: Match, part: Rectangle | None = None) -> Reply:
    """Another codec's picture at one setting, or a part of it; match: the gap, where it was found for the model's rate
    or quality."""
    part = part or whole(opened.session.size)
    point, decoded = opened.trials.frame(codec, setting)
    pixels = part.of(decoded)
    header: RivalHeader = {
        "picture": opened.token,
        **_size(pixels),
        **part.header,
        "codec": codec.name,
        "setting": setting,
        "point": point,
        **match,
    }
    return Reply(header, {"pixels": pixels})


def modulation(model: LearnedCodec) -> Reply:
    """The gains of a model's modulators over its range of λ. Header: lambdas, equidistant on the log axis. Arrays by
    name, as `LearnedCodec.modulation` has them, each (λ, channels) float32; none for an independent model."""
    low, high = model.knob.minimum, model.knob.maximum
    count = round(CONSTANTS["samples_per_octave"] * math.log2(high / low)) + 1
    lambdas = list(model.knob.sweep) if model.only else np.geomspace(low, high, count).tolist()
    header: ModulationHeader = {"lambdas": lambdas}
    return Reply(header, model.modulation(lambdas))


def _size(pixels: np.ndarray) -> Size:
    height, width, _ = pixels.shape
    return {"width": width, "height": height}
