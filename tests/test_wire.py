"""What passes between Python and JavaScript: typed alike on both sides, and what is sent is what the types say."""

from __future__ import annotations

import json
import math
import re
import types
import typing
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import torch
from conftest import codec_of, curve_lines, smooth_picture

from explorer.codecs import CODECS, RDPoint
from explorer.codecs.learned import LearnedCodec
from explorer.condition import Condition
from explorer.model import Autoencoder, transforms_of
from explorer.session import Session
from explorer.views import viewer
from explorer.views.service import export, menu, messages, replies, server
from explorer.views.service.pictures import Opened
from explorer.views.service.trials import Trials, as_message
from explorer.views.service.wire import Reply, to_json
from explorer.views.service.wishes import answers
from explorer.views.service.wishes.answers import answer

TYPES = viewer.FOLDER / "wire" / "types.js"
GOLDEN = Path(__file__).parent / "viewer" / "frame.bin"
SCALARS = {int: "number", float: "number", str: "string", bool: "boolean", type(None): "null", Any: "any"}
ARRAYS = {np.float16: "Float32Array", np.float32: "Float32Array", np.int16: "Int16Array", np.uint8: "Uint8Array"}
PICTURE = smooth_picture(80, 112)


# -- both sides say the same -------------------------------------------------------------------------------------------


def all_messages() -> list[type]:
    """All but those that are only parts of others."""
    found = [each for each in vars(messages).values() if typing.is_typeddict(each)]
    return [each for each in found if not each.__name__.startswith("_")]


def hints(message: type) -> dict[str, Any]:
    return get_type_hints(message, include_extras=True)


def fields(message: type) -> dict[str, tuple[str, bool]]:
    """The fields of a message: their JSDoc types, and whether they may be left out."""
    return {name: (jsdoc(kind), name in message.__optional_keys__) for name, kind in hints(message).items()}


def jsdoc(kind: Any) -> str:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in SCALARS:
        return SCALARS[kind]
    if typing.is_typeddict(kind):
        return kind.__name__
    if origin is Annotated:
        return " | ".join(map(jsdoc, (arguments[0], type(arguments[1]))))
    if origin is np.ndarray:
        return ARRAYS[get_args(arguments[1])[0]]
    if origin is Literal:
        return " | ".join(json.dumps(each) for each in arguments)
    if origin in (Union, types.UnionType):
        return " | ".join(map(jsdoc, arguments))
    if origin is dict:
        return f"Record<string, {jsdoc(arguments[1])}>"
    if origin is list or arguments[-1] is Ellipsis:
        return f"{jsdoc(arguments[0])}[]"
    assert origin is tuple, kind
    return f"[{', '.join(map(jsdoc, arguments))}]"


def typedefs(source: str) -> dict[str, dict[str, tuple[str, bool]]]:
    """The typedefs of a JavaScript module, as `fields` gives them."""
    found: dict[str, dict[str, tuple[str, bool]]] = {}
    for block in re.findall(r"/\*\*(.*?)\*/", source, re.DOTALL):
        name = re.search(r"@typedef \{object\} (\w+)", block)
        properties = re.findall(r"@property \{(.+)\} (\[?)(\w+)", block)
        if name:
            found[name[1]] = {key: (kind, bracket == "[") for kind, bracket, key in properties}
    return found


def test_python_and_javascript_say_the_same_of_every_message() -> None:
    theirs = typedefs(TYPES.read_text(encoding="utf-8"))
    for message in all_messages():
        assert theirs.get(message.__name__) == fields(message), message.__name__


def test_a_widgets_traits_are_those_of_the_wire() -> None:
    from explorer.views.notebook import ExplorerWidget

    assert set(hints(messages.Traits)) <= set(ExplorerWidget.class_trait_names(sync=True))
    shown = {
        name for name in ExplorerWidget.class_own_traits(sync=True) if name not in ("_esm", "_css", "_anywidget_id")
    }
    assert shown == set(hints(messages.Traits))


# -- what is sent is what they say -------------------------------------------------------------------------------------


def check(value: Any, kind: Any, where: str = "") -> None:
    """That a value from Python is of a type of the wire."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return
    if typing.is_typeddict(kind):
        assert kind.__required_keys__ <= set(value) <= set(hints(kind)), f"{where}: {set(value)} for {kind.__name__}"
        for name, each in value.items():
            check(each, hints(kind)[name], f"{where}.{name}")
    elif origin is Annotated:
        assert isinstance(value, (int, float)), where
    elif kind in SCALARS:
        assert isinstance(value, (int, float) if kind is float else kind), f"{where}: {value!r} is no {kind}"
        assert kind is not float or math.isfinite(value), where
    elif origin is np.ndarray:
        assert value.dtype == get_args(arguments[1])[0], where
    elif origin is Literal:
        assert value in arguments, f"{where}: {value!r}"
    elif origin in (Union, types.UnionType):
        inner = next((each for each in arguments if each is not type(None)), None)
        assert value is None or check(value, inner, where) is None
    elif origin is dict:
        for name, each in value.items():
            check(each, arguments[1], f"{where}[{name}]")
    elif origin is tuple and arguments[-1] is not Ellipsis:
        for each, inner in zip(value, arguments, strict=True):
            check(each, inner, where)
    else:
        for each in value:
            check(each, arguments[0], where)


def open_under(codec: LearnedCodec) -> Opened:
    return Opened("token", "holiday.jpg", codec.name, Session(codec, PICTURE), Trials(PICTURE))


@pytest.fixture(scope="module")
def opened(tiny) -> Opened:
    return open_under(tiny)


@pytest.fixture(scope="module")
def predicted(tiny_network) -> Opened:
    """The same under a hyperprior, untrained."""
    torch.manual_seed(0)
    network = Autoencoder(replace(tiny_network.config, prior="hyper"))
    network.load_state_dict(transforms_of(tiny_network.state_dict()), strict=False)
    return open_under(codec_of(network, "hyper"))


def test_setup_and_an_opened_picture() -> None:
    api = server.create_server().state.api
    check(api.start.setup(), messages.Setup)
    opened = api.pictures.open_sample("mae", next(iter(api.pictures.samples)))
    priors = menu.priors(api.pictures, "mae")
    assert len(priors) == 2
    check(replies.opened_picture(opened, priors), messages.OpenedPicture)


def test_headers(opened) -> None:
    condition = opened.session.model.condition(300)
    check(replies.original(opened).header, messages.PartHeader)
    check(replies.frame(opened, condition).header, messages.FrameHeader)
    check(replies.numbers(opened, condition), messages.Numbers)
    check(replies.frame(opened, condition).header, messages.FrameHeader)
    check(replies.modulation(opened.session.model).header, messages.ModulationHeader)
    codec = CODECS["jpeg"]
    check(replies.rival(opened, codec, 40, {}).header, messages.RivalHeader)
    for by in typing.get_args(messages.By):
        setting, met = opened.trials.match(codec, opened.session.point(300), by, lambda: True)
        check(replies.rival(opened, codec, setting, met).header, messages.RivalHeader)


WISHES = {
    "planes": (messages.Planes, messages.PlanesArrays),
    "plane:σ": (messages.Plane, messages.PlaneArrays),
    "plane:none": (messages.Plane, messages.PlaneArrays),
    "edit:0=0": (messages.Edit, messages.EditArrays),
    "costliest:40": (messages.Kept, messages.KeptArrays),
    "response:1:2:3": (messages.Response, messages.ResponseArrays),
    "ratio:4096:-": (messages.Ratio, messages.RatioArrays),
    "features:a1.mod": (messages.Features, messages.FeaturesArrays),
    "features:none": (messages.Features, messages.FeaturesArrays),
    "error": (dict[str, Any], messages.ErrorArrays),
    "searched:1": (messages.Searched, messages.SearchedArrays),
    "local:64:-": (messages.Local, messages.LocalArrays),
}


def test_every_wish_is_among_them() -> None:
    assert {wish.partition(":")[0] for wish in WISHES} == set(answers.WISHES)


@pytest.mark.parametrize("wish", WISHES)
def test_answers_to_wishes(opened, predicted, wish) -> None:
    for picture in (opened, predicted):
        about, arrays = answer(picture, Condition.of(300), wish)
        check(about, WISHES[wish][0], wish)
        check(arrays, WISHES[wish][1], wish)
        assert to_json(about)


def test_lines_of_a_stream(opened) -> None:
    lines = curve_lines(opened, [CODECS["jpeg"]])
    assert {line["series"] for line in lines if "done" in line} == {"model", "jpeg"}
    for line in lines:
        check(line, messages.DoneLine if "done" in line else messages.PointLine)


def test_a_page_without_a_server(opened, monkeypatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(export, "to_json", lambda data: sent.append(data) or to_json(data))
    work = export.sweep(opened, "html", frames=2)
    assert work.join([work.part(lmbda) for lmbda in work.lambdas])
    check(sent[0], messages.OfflinePage)


# -- how it travels ----------------------------------------------------------------------------------------------------


def test_infinite_and_undefined_become_null_wherever_they_are() -> None:
    point = as_message(RDPoint("c", "1", {"q": 1}, 8, 8, 10, None, 1.25, math.inf, math.nan))
    for sent in (to_json({"points": [point]}), Reply({"points": [point]}, {}).pack()):
        text = sent[sent.index(b"{") :].decode()
        (found,) = json.loads(text)["points"]
        assert (found["psnr"], found["ms_ssim"], found["bpp"]) == (None, None, 1.25)


def test_a_frame_is_packed_as_the_viewers_own_tests_have_it() -> None:
    """After a change of the format, write `packed` to the file: its twin is tests/viewer/pixels.test.js."""
    header = {"picture": "μ", "width": 2, "height": 1, "wishes": {"planes": {"shape": (1, 1, 2)}}}
    arrays = {
        "pixels": np.arange(6, dtype=np.uint8).reshape(1, 2, 3),
        "planes.y": np.array([[[-1.5, math.nan]]], dtype=np.float16),
        "planes.symbols": np.array([[[-2, 300]]], dtype=np.int16),
        "planes.bits": np.array([[[0.25, math.inf]]], dtype=np.float32),
    }
    packed = Reply(header, arrays).pack()
    assert packed == GOLDEN.read_bytes()
