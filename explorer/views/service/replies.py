"""What the viewer is told of an open picture: the original, a frame at λ, a rival's picture, the modulators' gains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import cast

import numpy as np

from explorer import inside, mapcode
from explorer.codecs import Codec
from explorer.codecs.base import BYTES_TOLERANCE, PSNR_TOLERANCE
from explorer.codecs.learned import LearnedCodec
from explorer.condition import Condition
from explorer.lambda_map import LambdaMap
from explorer.pace import Pause, Stopwatch, nothing
from explorer.received import Received
from explorer.runtime import Pixels
from explorer.session import Session
from explorer.views.service.constants import CONSTANTS
from explorer.views.service.messages import (
    By,
    FrameHeader,
    Match,
    ModulationHeader,
    Numbers,
    OpenedPicture,
    PartHeader,
    PictureRange,
    Point,
    Prior,
    Region,
    RivalHeader,
    Seen,
    Size,
    Stage,
)
from explorer.views.service.pictures import NO_ORIGINAL, SENDERS_LAMBDA, Opened
from explorer.views.service.points import known_point, measured_point, timed_point
from explorer.views.service.rectangles import Rectangle, reduced, whole
from explorer.views.service.trials import as_message
from explorer.views.service.wire import Reply
from explorer.views.service.wishes.answers import answer

RECEIVED = "This is what the receiver of the file sees: made by {}, without the original beside it."
MAPPED = "It has a λ map: λ is {:.4g} to {:.4g} from place to place."
SEARCHED = "searched"  # what a search found, where the names of codecs stand


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
        "notes": source.picture.notes if isinstance(source, Session) else _received_notes(source, opened.model),
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
        "fixed": opened.fixed,
        "map": _text(source.code().condition) if isinstance(source, Received) else "",
    }


def _received_notes(source: Received, model: str) -> tuple[str, ...]:
    lambdas = source.code().condition.by_block
    mapped = (MAPPED.format(lambdas.min(), lambdas.max()),) if source.map else ()
    return RECEIVED.format(model), *mapped


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
    point = known_point(opened, condition)
    header: FrameHeader = {
        "picture": opened.token,
        **_size(pixels),
        **part.header,
        "lmbda": condition.lmbda,
        "level": condition.level,
        "map": _text(condition),
        "map_bytes": _map_bytes(condition.map) if condition.map else 0,
        "point": point,
        "regions": _regions(opened.source, condition) if point else None,
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
    regions = _regions(opened.source, condition)
    return {
        "lmbda": condition.lmbda,
        "level": condition.level,
        "point": point,
        "regions": regions,
        "side_bits": side_bits,
    }


def seen(opened: Opened, condition: Condition, effort: int = 0, pause: Pause = nothing) -> Seen:
    """The RDPoint at λ with SSIMULACRA2 and times. effort: of what a search found, 0 for the first guess. pause: see
    `explorer.pace`. InputError without an original, and where nobody has searched."""
    if effort:
        session = opened.searches.session(condition, effort).paced(pause)
        point = as_message(session.point(condition))
        clock = Stopwatch(pause)
        session.model.decode(session.encode(condition))
        found = opened.searches.known(condition, effort)
        assert found
        return {"point": {**point, "encode_s": found["seconds"], "decode_s": clock.lap()}}
    return {"point": timed_point(opened, opened.session.paced(pause), condition, pause)}


@lru_cache(maxsize=64)  # each frame of a drag has the same
def _map_bytes(map: LambdaMap) -> int:
    return len(mapcode.encode(map))


def _text(condition: Condition) -> str:
    return condition.map.text if condition.map else ""


def _regions(
    source: Session | Received, condition: Condition, seen_at: Condition | None = None
) -> dict[str, Region] | None:
    """Of a λ map, at its own λ or another; None where there is no map, or no original."""
    if condition.map is None or isinstance(source, Received):
        return None
    return {name: cast(Region, asdict(each)) for name, each in source.painted(condition, seen_at).items()}


def rival(
    opened: Opened,
    codec: Codec,
    setting: float,
    match: Match,
    part: Rectangle | None = None,
    condition: Condition | None = None,
) -> Reply:
    """Another codec's picture at one setting, or a part of it; match: the gap, where it was found for the rate or
    quality of the model's picture at a condition, whose map says what its regions are."""
    session, part = opened.session, part or whole(opened.session.size)
    point, decoded = opened.trials.frame(codec, setting)
    regions: dict[str, Region] | None = None
    if condition and condition.map:
        error = inside.block_error(session.picture.pixels, decoded)
        found = inside.painted(condition, session.size, error, np.zeros_like(error))  # where its bits are nobody knows
        regions = {name: {"share": each.share, "psnr": each.psnr} for name, each in found.items()}
    return _beside(opened, codec.name, setting, point, regions, match, part, part.of(decoded))


def uniform(opened: Opened, target: Condition, by: By, part: Rectangle | None = None, pause: Pause = nothing) -> Reply:
    """The model's own picture, or a part of it, at the one λ that has the bytes, or the PSNR, of the painted picture at
    `target`. pause: see `explorer.pace`. Raises InputError where no λ has."""
    part, session = part or whole(opened.session.size), opened.session.paced(pause)
    aim = session.point(target, quick=True)
    lmbda = session.solve(bytes=aim.bytes) if by == "rate" else session.solve(psnr=aim.psnr)
    condition = session.condition(lmbda)
    point = measured_point(opened, session, condition)
    gap = point["bytes"] / aim.bytes - 1 if by == "rate" else point["psnr"] - aim.psnr
    is_reached = abs(gap) <= (BYTES_TOLERANCE if by == "rate" else PSNR_TOLERANCE)
    match: Match = {"by": by, "gap": gap, "reached": is_reached, "limit": None}
    regions = _regions(opened.source, target, condition)
    return _beside(opened, opened.model, lmbda, point, regions, match, part, part.of(session.reconstruct(condition)))


def _beside(
    opened: Opened,
    codec: str,
    setting: float,
    point: Point,
    regions: dict[str, Region] | None,
    match: Match,
    part: Rectangle,
    pixels: Pixels,
) -> Reply:
    header: RivalHeader = {
        "picture": opened.token,
        **_size(pixels),
        **part.header,
        "codec": codec,
        "setting": setting,
        "point": point,
        "regions": regions,
        **match,
    }
    return Reply(header, {"pixels": pixels})


def searched(opened: Opened, condition: Condition, effort: int, part: Rectangle | None = None) -> Reply:
    """What a search found at λ, as another codec's picture whose setting is the effort. Raises InputError where nobody
    has searched."""
    part = part or whole(opened.session.size)
    session = opened.searches.session(condition, effort)
    point, pixels = as_message(session.point(condition, quick=True)), part.of(session.reconstruct(condition))
    return _beside(opened, SEARCHED, effort, point, _regions(session, condition), {}, part, pixels)


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
