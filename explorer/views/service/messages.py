"""Every message between Python and the viewer, typed once: the JSON, and the arrays that travel beside it (see `wire`).

    setup, an opened picture, headers of replies, lines of streams, failures
    answers to wishes: `Name` is their JSON, `NameArrays` their arrays
    a page without a server; a widget and its kernel

The viewer has the same in wire/types.js, and a test compares the two. Of arrays, float16 becomes
a Float32Array.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict, final

import numpy as np
from numpy.typing import NDArray

OrNull = Annotated[float, None]  # may be infinite or undefined: such a number is null in JSON, see `wire.to_json`
By = Literal["rate", "quality"]
Limit = Literal["lowest", "highest"]

# -- setup -------------------------------------------------------------------------------------------------------------


class Sample(TypedDict):
    """A picture on offer. thumbnail: a data URL. width, height: in pixels. bytes: of its file."""

    name: str
    thumbnail: str
    width: int
    height: int
    bytes: int


class Source(TypedDict, total=False):
    """What to open at first: a sample, or a picture that is open already, by its token."""

    sample: str
    picture: str


class LambdaRange(TypedDict):
    """λ that a model has."""

    min: float
    max: float


class LambdaAxis(LambdaRange):
    """λ that there are, and where the slider starts."""

    start: float


class Rival(TypedDict):
    """What a chooser shows of a codec.

    knob, unit: what its setting is called. It lies between minimum and maximum, is whole where `integer`, and is one of
    `steps` where there are any. about: what it is, in words. suffix: of the names of its files. reason: why the codec
    is not here, or "".
    """

    name: str
    label: str
    about: str
    suffix: str
    knob: str
    unit: str
    reason: str
    minimum: float
    maximum: float
    integer: bool
    steps: tuple[float, ...] | None


class _MeanPoint(TypedDict):
    bpp: float
    psnr: float
    ms_ssim: OrNull


class MeanPoint(_MeanPoint, total=False):
    """A mean over pictures. ms_ssim: undefined where one of them is too small for it. ssimulacra2: where known."""

    ssimulacra2: float


class MeanSetting(TypedDict):
    """A point of a mean curve, and the setting that every picture had."""

    setting: float
    point: MeanPoint


class Palette(TypedDict):
    """A colour scale: "diverging" around its middle, or "sequential". colors: "#rrggbb" or "rgb(r, g, b)"."""

    kind: Literal["diverging", "sequential"]
    colors: list[str]


class Step(TypedDict):
    """One step of a lesson. state: what it sets, by key. at: a CSS selector of what its text speaks of."""

    state: dict[str, Any]
    at: str
    text: str


class Lesson(TypedDict):
    """Steps under a title."""

    id: str
    title: str
    about: str
    steps: list[Step]


class Figure(TypedDict):
    """A figure in Plotly's JSON form. enough: how many points of a curve that is being measured a line may join."""

    data: list[dict[str, Any]]
    layout: dict[str, Any]
    config: dict[str, Any]
    enough: int


class Constants(TypedDict):
    """What both sides reckon with. element: pixels, in each direction, that an element of y stands for. paper_lambdas:
    rising. own_lambda: in a wish, the frame's own λ. factor_max: by which a channel can be scaled. ms_ssim_side,
    ssimulacra2_side: pixels that a picture must have each way; ssimulacra2_pixels: that it may have. bytes_tolerance:
    the share of a target that a match may miss. samples_per_octave: of the modulators' gains. tile: pixels to a side of
    the squares that a large picture is computed in."""

    element: int
    paper_lambdas: tuple[float, ...]
    own_lambda: str
    factor_max: float
    ms_ssim_side: int
    ssimulacra2_side: int
    ssimulacra2_pixels: int
    bytes_tolerance: float
    samples_per_octave: int
    tile: int


class Setup(TypedDict):
    """Everything that the viewer needs before it opens a picture.

    offline: the page has no server. maxUpload: bytes. rivals: all codecs; chosen: whose curves are shown at first.
    means: curves of the test set by codec, or null. figure: the R-D plot, still empty.
    """

    offline: bool
    models: list[str]
    model: str
    samples: list[Sample]
    source: Source
    lmbda: LambdaAxis
    maxUpload: int
    rivals: list[Rival]
    chosen: list[str]
    means: dict[str, list[MeanSetting]] | None
    figure: Figure
    palettes: dict[str, Palette]
    lessons: list[Lesson]
    constants: Constants


# -- an open picture ---------------------------------------------------------------------------------------------------


class Prior(TypedDict):
    """A model that makes the same y; prior: its name for people."""

    model: str
    prior: str


class PictureRange(LambdaRange, total=False):
    """λ of an open picture. steps: where there are only so many, equidistant on the log axis. reason: why there is only
    one, where that is not the model's doing."""

    steps: int
    reason: str


class Stage(TypedDict):
    """See `config.Stage`."""

    name: str
    kernel: int
    stride: int
    enlarges: bool
    channels: int
    modulator: str


class OpenedPicture(TypedDict):
    """What the viewer keeps of a picture that was opened. id: the token that it asks with. notes: sentences about what
    was done to it. sample: the name of the one that it is, or null. missing: why it has no original, or null where it
    has one. large: it travels in parts. priors: models that differ in their prior alone, this one among them, or none.
    stages, modulators: of the model's network, see `config.Stage` and `Autoencoder.gains`. fixed: why λ cannot differ
    from place to place, otherwise than by `map`, the text of a λ map or ""; null where it can.
    """

    id: str
    name: str
    model: str
    notes: tuple[str, ...]
    sample: str | None
    missing: str | None
    lmbda: PictureRange
    width: int
    height: int
    large: bool
    channels: int
    priors: list[Prior]
    stages: list[Stage]
    modulators: list[str]
    fixed: str | None
    map: str


class _Rate(TypedDict):
    codec: str
    version: str
    knob: dict[str, float | str]
    width: int
    height: int
    bytes: int
    estimated_bits: float | None
    bpp: float


class Point(_Rate, total=False):
    """An RDPoint, without quality where there is no original. psnr: infinite where nothing was lost; ms_ssim: undefined
    for a small picture. ssimulacra2: undefined for a small or very large one, and not there until it was measured.
    encode_s, decode_s: the time that encoder and decoder took when the file was made, where that was here."""

    psnr: OrNull
    ms_ssim: OrNull
    ssimulacra2: OrNull
    encode_s: float
    decode_s: float


class Size(TypedDict):
    """In pixels."""

    width: int
    height: int


class PictureHeader(Size):
    """Of a reply with a picture. picture: the token that it is of. width, height: of the pixels that come with it."""

    picture: str


class Box(TypedDict):
    """A part of a picture: box [x, y, width, height] in its pixels; reduce: each k×k of them become one."""

    box: list[int]
    reduce: int


class PartHeader(PictureHeader, Box):
    """Of a reply with a part of a picture."""


class _Quality(TypedDict):
    share: float
    psnr: OrNull


class Region(_Quality, total=False):
    """See `inside.Region`. bits: of the model alone."""

    bits: float


class FrameHeader(PartHeader):
    """Of the model's picture. map: the text of λ's map, "" where λ is the same everywhere; map_bytes: what it takes of
    the file. point: null until it is
    measured, see `Numbers`, and with it regions. estimated_bits: of the whole file;
    side_bits: of these, those of what it holds besides y; both null where only a part of a large picture is known.
    pace: pixels a second that are computed here while λ moves, a tile around each part counted, or null until it is
    known."""

    lmbda: float
    level: int
    map: str
    map_bytes: int
    point: Point | None
    regions: dict[str, Region] | None
    estimated_bits: float | None
    side_bits: float | None
    pace: float | None
    wishes: dict[str, Any]


class Numbers(TypedDict):
    """Of the real file and the whole picture at λ. regions: where λ has a map and the picture its original, "above",
    "at" and "below" the base λ, those that there are."""

    lmbda: float
    level: int
    point: Point
    regions: dict[str, Region] | None
    side_bits: float


class Seen(TypedDict):
    """Of a picture, the model's or a codec's: its point with SSIMULACRA2 and times, which take longer than the rest."""

    point: Point


class Match(TypedDict, total=False):
    """How a codec's setting was found. by: what it is to agree in. gap: what it has beyond that, as a share of the
    bytes or in dB, perhaps infinite. reached: whether that is close enough. limit: the end of the codec's
    range that it is at, where the target lies beyond."""

    by: By
    gap: OrNull
    reached: bool
    limit: Limit | None


class RivalHeader(PartHeader, Match):
    """Of another codec's picture; without `by` and what follows it where the setting was given. regions: those of the
    λ map of the picture that it is held against."""

    codec: str
    setting: float
    point: Point
    regions: dict[str, Region] | None


class ModulationHeader(TypedDict):
    """Of the gains of a model's modulators. lambdas: equidistant on the log axis."""

    lambdas: list[float]


@final
class PointLine(TypedDict):
    """A point of a curve: "model" or a codec's name, at a setting."""

    series: str
    setting: float
    point: Point


class _Done(TypedDict):
    series: str
    done: Literal[True]


@final
class DoneLine(_Done, total=False):
    """The end of a curve; error: why it could not be measured further."""

    error: str


class Target(TypedDict):
    """λ that meets a target."""

    lmbda: float


class SweepPart(TypedDict):
    """How far a file of many λ is."""

    done: int
    of: int


class SweepFile(TypedDict):
    """The file. type: its media type. data: base64."""

    name: str
    type: str
    data: str


@final
class SearchWait(TypedDict):
    """A search waits. waiting: for so many others."""

    waiting: int


@final
class SearchPart(TypedDict):
    """How far a search is: done of so many iterations. seconds: that it still takes, about. change: of J = R + λ·D so
    far, as a share of the first guess's, by the search's own estimate."""

    done: int
    of: int
    seconds: float
    change: float


@final
class SearchFound(TypedDict):
    """What a search found. map: the text of its λ map, or "". effort: of it. seconds: that it took. before: the first
    guess; after: what was found, which may be the first guess itself; same: the first guess at another λ, where it has
    the PSNR of `after`, or null. cost_before, cost_after: J = R + λ·D of their files, in bits per pixel, with λ of each
    place."""

    lmbda: float
    level: int
    map: str
    effort: int
    seconds: float
    before: Point
    after: Point
    same: Point | None
    cost_before: float
    cost_after: float


@final
class SearchEnd(TypedDict):
    """Why a search found nothing."""

    error: str


class SearchesOf(TypedDict):
    """What is known of searches of a picture. seconds: about how long one takes here, by effort from 1 on. found: what
    is kept."""

    seconds: list[float]
    found: list[SearchFound]


class Failure(TypedDict):
    """The body of an answer with a status from 400: a sentence for people."""

    error: str


# -- answers to wishes: JSON, and arrays beside it ---------------------------------------------------------------------


class _Planes(TypedDict):
    shape: tuple[int, ...]
    side_bits: float
    further: list[str]


class Planes(_Planes, total=False):
    """The bottleneck and its price. shape (M, h, w). side_bits: what the file holds besides y. further: names of the
    prior's further maps. side_stride: for how many elements of y, in each direction, one of what is coded besides
    stands."""

    side_stride: int


class _PlanesArrays(TypedDict):
    symbols: NDArray[np.int16]
    bits: NDArray[np.float32]
    positions: NDArray[np.float32]
    low: NDArray[np.int16]
    count: NDArray[np.int16]
    probabilities: NDArray[np.float32]


class PlanesArrays(_PlanesArrays, total=False):
    """y, symbols and decoded (M, h, w), y where there is an original, decoded where ŷ is not the symbols. bits
    (M, h, w) and positions (h, w), estimated; where something is coded besides y, positions have their shares of it,
    side (h, w). low, count (M,): the first symbol that the prior of a channel expects, and how many follow one another;
    probabilities: theirs, channel after channel."""

    y: NDArray[np.float16]
    decoded: NDArray[np.float16]
    side: NDArray[np.float32]


class Plane(TypedDict, total=False):
    """shape (C, h', w'). stride: for how many elements of y, in each direction, one of the map stands. Nothing where
    the prior has no such map."""

    shape: tuple[int, ...]
    stride: int


class PlaneArrays(TypedDict, total=False):
    """values (C, h', w')."""

    values: NDArray[np.float16]


class _Edit(TypedDict):
    estimated_bits: float


class Edit(_Edit, total=False):
    """A picture with channels changed. psnr, ms_ssim: where there is an original, as in `Point`."""

    psnr: OrNull
    ms_ssim: OrNull


class EditArrays(TypedDict):
    """pixels (H, W, 3)."""

    pixels: NDArray[np.uint8]


class Kept(Edit):
    """A picture of its costliest elements. elements: how many there are; kept_bits: of those that were kept."""

    elements: int
    kept_bits: float


class _KeptArrays(TypedDict):
    """pixels (H, W, 3); positions (h, w) and channels (M,): estimated bits of the elements at each place and in each
    channel; mse (h, w): of each block, on [0, 1], where there is an original."""

    pixels: NDArray[np.uint8]
    positions: NDArray[np.float32]
    channels: NDArray[np.float32]


class KeptArrays(_KeptArrays, total=False):
    mse: NDArray[np.float32]


class Response(TypedDict):
    """What the decoder makes of one coefficient. top, left, side: of the pixels that it reaches."""

    amplitude: float
    top: int
    left: int
    side: int


class ResponseArrays(TypedDict):
    """pixels (side, side, 3), where white is 1."""

    pixels: NDArray[np.float32]


class RatioSystem(TypedDict, total=False):
    """missing: why it is not here; or all of the others. lambdas: its own. masked: the share of elements.
    spread: the median over its channels, in octaves, undefined where none has one."""

    missing: str
    shape: tuple[int, ...]
    lambdas: tuple[float, float]
    masked: float
    spread: OrNull


class Ratio(TypedDict):
    """y(λa)/y(λb) of systems by name. floor: |y| below which an element is masked. kind: of the model at hand."""

    lambdas: tuple[float, float]
    floor: float
    kind: str
    systems: dict[str, RatioSystem]


class RatioArrays(TypedDict, total=False):
    """Of each system that is here, in octaves, nan where masked: value, flipped (M, h, w), spread, median (M,)."""

    model_value: NDArray[np.float16]
    model_flipped: NDArray[np.uint8]
    model_spread: NDArray[np.float32]
    model_median: NDArray[np.float32]
    bottleneck_value: NDArray[np.float16]
    bottleneck_flipped: NDArray[np.uint8]
    bottleneck_spread: NDArray[np.float32]
    bottleneck_median: NDArray[np.float32]
    independent_value: NDArray[np.float16]
    independent_flipped: NDArray[np.uint8]
    independent_spread: NDArray[np.float32]
    independent_median: NDArray[np.float32]


class _Features(TypedDict):
    layers: tuple[str, ...]


class Features(_Features, total=False):
    """A map between the layers. layers: names that this model has. shape (C, h', w'). pooled: how many elements of the
    layer, in each direction, were averaged into one. The last two where the model has this layer."""

    shape: tuple[int, ...]
    pooled: int


class FeaturesArrays(TypedDict, total=False):
    """values (C, h', w'). gains (C,): the map after modulation over that before, where this is either of them."""

    values: NDArray[np.float16]
    gains: NDArray[np.float32]


class ErrorArrays(TypedDict):
    """mse (h, w): on [0, 1]."""

    mse: NDArray[np.float32]


class Searched(TypedDict, total=False):
    """What a search found at the frame's λ. effort: of it; nothing where none is kept."""

    effort: int


class SearchedArrays(TypedDict, total=False):
    """bits (h, w), estimated, and mse (h, w), on [0, 1], of each block; before them those of the first guess."""

    bits_before: NDArray[np.float32]
    mse_before: NDArray[np.float32]
    bits: NDArray[np.float32]
    mse: NDArray[np.float32]


class Local(TypedDict):
    """[λa, λb]."""

    lambdas: tuple[float, float]


class LocalArrays(TypedDict):
    """(h, w) each: estimated bits, errors on [0, 1]."""

    bits_a: NDArray[np.float32]
    bits_b: NDArray[np.float32]
    mse_a: NDArray[np.float32]
    mse_b: NDArray[np.float32]


# -- a page without a server -------------------------------------------------------------------------------------------


class EmbeddedOriginal(TypedDict):
    """A reply in a page. webp: its picture, the base64 of a lossless WebP."""

    header: PartHeader
    webp: str


class EmbeddedFrame(TypedDict):
    """The same of a frame."""

    header: FrameHeader
    webp: str


class OfflinePage(TypedDict):
    """All that a page without a server knows; frames by rising λ."""

    setup: Setup
    opened: OpenedPicture
    original: EmbeddedOriginal
    frames: list[EmbeddedFrame]


class KeptSweep(TypedDict):
    """What a widget shows where there is no kernel. plotly: the library, base64 of its gzip."""

    page: OfflinePage
    plotly: str


# -- a widget and its kernel -------------------------------------------------------------------------------------------


@final
class Request(TypedDict):
    """A request of a viewer in a notebook. Its body, where it has one, comes in parts, each the buffer of a message;
    the first with the request. more: whether others follow."""

    id: str
    method: str
    path: str
    query: str
    more: bool


@final
class BodyPart(TypedDict):
    """A further part of a request's body, sent once the one before was taken."""

    id: str
    more: bool


@final
class Taken(TypedDict):
    """A part of a request's body was taken: the next may come."""

    id: str
    taken: Literal[True]


@final
class Abort(TypedDict):
    """The viewer has left."""

    id: str
    abort: Literal[True]


class Head(TypedDict, total=False):
    """What only the first part of an answer says."""

    status: int
    headers: dict[str, str]


class Part(Head):
    """A part of an answer, the message's buffer. more: whether others follow."""

    id: str
    more: bool


class Traits(TypedDict):
    """What a widget's viewer and Python both may change, and see changed; see `ExplorerWidget`. _model, _picture: of
    what is open, _picture a token. _map: the text of the λ map that was painted, or "". _shown: token, λ and map of the
    frame on show. _kept: JSON of a `KeptSweep`, or ""."""

    lmbda: float
    view: str
    channel: int
    view_box: list[float]
    pins: list[list[int]]
    state: dict[str, Any]
    height: int
    _model: str
    _picture: str
    _map: str
    _shown: list[Any]
    _kept: str
