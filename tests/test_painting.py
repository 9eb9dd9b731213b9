"""λ maps between the viewer and Python: every route that takes λ takes one with it, and refuses what is none."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from conftest import smooth_picture, unpack
from fastapi.testclient import TestClient
from PIL import Image

from explorer import bitstream, load_model, tiles
from explorer.codecs.base import BYTES_TOLERANCE
from explorer.condition import Condition
from explorer.lambda_map import MOST_TEXT, LambdaMap
from explorer.session import Session
from explorer.views.service import export
from explorer.views.service.pictures import OpenPictures
from explorer.views.service.server import serve

PICTURE = smooth_picture(150, 230)  # of 3×4 blocks
STEPS = np.zeros((3, 4), int)
STEPS[1:, 1:3] = 16
MAP = LambdaMap.of(STEPS)
PAINTED = Condition.of(256, MAP)
NOISE = LambdaMap.of(np.random.default_rng(0).integers(-32, 33, (3, 4)))
TAKING_LAMBDA = ["frame", "numbers", "match", "file"]
WITHOUT = {"match": {"codec": "jpeg", "by": "rate"}, "file": {"kind": "mae"}}


@pytest.fixture(scope="module")
def session(checkpoint) -> Session:
    return Session(load_model(checkpoint), PICTURE)


@pytest.fixture(scope="module")
def client(checkpoint) -> Iterator[Any]:
    pictures = OpenPictures([checkpoint], {})
    with TestClient(serve(pictures, checkpoint)) as client:
        client.pictures, client.model = pictures, checkpoint
        client.token = pictures.open(checkpoint, PICTURE, "picture").token
        yield client


def ask(client: Any, route: str, **query: Any) -> Any:
    return client.get(f"/api/{route}/{client.token}", params=WITHOUT.get(route, {}) | query)


def test_a_frame_and_its_numbers_are_those_of_the_painted_picture(client, session) -> None:
    header, pixels = unpack(ask(client, "frame", lmbda=256, map=MAP.text).content)
    np.testing.assert_array_equal(pixels, session.reconstruct(PAINTED))
    assert not np.array_equal(pixels, session.reconstruct(256))
    assert (header["lmbda"], header["map"], header["point"], header["regions"]) == (PAINTED.lmbda, MAP.text, None, None)
    assert header["map_bytes"] == bitstream.unpack(session.encode(PAINTED))[0].map_bytes > 0
    found = ask(client, "numbers", lmbda=256, map=MAP.text).json()
    point = session.point(PAINTED, quick=True)
    assert (found["point"]["bytes"], found["point"]["psnr"]) == (point.bytes, pytest.approx(point.psnr))
    regions = session.painted(PAINTED)
    assert set(found["regions"]) == set(regions) == {"above", "at"}
    for name, region in regions.items():
        assert found["regions"][name] == pytest.approx(vars(region))
    again, _ = unpack(ask(client, "frame", lmbda=256, map=MAP.text).content)
    assert (again["point"]["bytes"], again["regions"]) == (point.bytes, found["regions"])
    plain, _ = unpack(ask(client, "frame", lmbda=256).content)
    assert (plain["map"], plain["regions"]) == ("", None)


def test_a_map_of_one_step_is_that_lambda(client, session) -> None:
    header, pixels = unpack(ask(client, "frame", lmbda=256, map="3x4~16~0*11").content)
    assert (header["map"], header["level"]) == ("", Condition.of(256).level + 16 * 2048)
    np.testing.assert_array_equal(pixels, session.reconstruct(Condition(header["level"])))


def test_a_part_of_a_large_painted_picture(client, session, monkeypatch) -> None:
    monkeypatch.setattr(tiles, "SIDE", 8)
    monkeypatch.setattr(tiles, "ONE_TILE", 8)
    opened = client.pictures.open(client.model, PICTURE, "large")
    assert opened.source.is_large
    query = {"lmbda": 256, "map": MAP.text, "box": "64,64,100,80", "live": 1}
    _, pixels = unpack(client.get(f"/api/frame/{opened.token}", params=query).content)
    np.testing.assert_array_equal(pixels, Session(session.model, PICTURE).reconstruct(PAINTED)[64:144, 64:164])


def test_what_views_of_the_inside_want_is_of_the_painted_picture(client, session) -> None:
    wishes = ["planes", "error", "features:a0.mod", "edit:1=0", "response:0:1:1", "ratio:4096:-", "local:64:-"]
    header, _ = unpack(ask(client, "frame", lmbda=256, map=MAP.text, wish=wishes).content)
    assert list(header["wishes"]) == wishes
    assert not any("gains" in name for name in header["arrays"])  # there are several
    plain, _ = unpack(ask(client, "frame", lmbda=256, wish=wishes).content)
    assert header["wishes"]["ratio:4096:-"] == plain["wishes"]["ratio:4096:-"], "of two λ, whatever is painted"
    assert header["estimated_bits"] == pytest.approx(session.point(PAINTED, quick=True).estimated_bits)


def test_saved_files_hold_the_painting(client, session) -> None:
    answer = ask(client, "file", lmbda=256, map=MAP.text, kind="mae")
    assert answer.content == session.encode(PAINTED) != session.encode(256)
    assert answer.headers["content-disposition"].endswith("picture-lambda256-painted.mae")
    png = np.asarray(Image.open(io.BytesIO(ask(client, "file", lmbda=256, map=MAP.text, kind="png").content)))
    np.testing.assert_array_equal(png, session.reconstruct(PAINTED))
    with np.load(io.BytesIO(ask(client, "file", lmbda=256, map=MAP.text, kind="npz").content)) as found:
        np.testing.assert_allclose(found["lambda_by_block"], np.where(STEPS, 8 * 256, 256), rtol=1e-3)


def test_a_received_file_has_its_own_map(client, session) -> None:
    query = {"model": client.model, "name": "painted.mae"}
    opened = client.post("/api/open", params=query, content=session.encode(PAINTED)).json()
    assert opened["map"] == MAP.text and opened["fixed"].startswith("The sender chose λ")
    for map in ({}, {"map": MAP.text}):
        answer = client.get(f"/api/frame/{opened['id']}", params={"lmbda": 256, **map})
        header, pixels = unpack(answer.content)
        assert (header["map"], header["regions"]) == (MAP.text, None)
        np.testing.assert_array_equal(pixels, session.reconstruct(PAINTED))
    assert client.get(f"/api/frame/{opened['id']}", params={"lmbda": 256, "map": NOISE.text}).status_code == 422


def test_targets_and_sweeps_are_of_the_painted_picture(client, session) -> None:
    size = len(session.encode(PAINTED))
    lmbda = client.get(f"/api/solve/{client.token}", params={"bytes": size, "map": MAP.text}).json()["lmbda"]
    assert len(session.encode(Condition.of(lmbda, MAP))) <= size
    assert lmbda < client.get(f"/api/solve/{client.token}", params={"bytes": size}).json()["lmbda"]
    query = {"kind": "webp", "from": 256, "to": 1024, "frames": 2, "map": MAP.text}
    *_, last = map(json.loads, client.get(f"/api/sweep/{client.token}", params=query).text.splitlines())
    frame = Image.open(io.BytesIO(base64.b64decode(last["data"])))
    np.testing.assert_array_equal(np.asarray(frame.convert("RGB")), session.reconstruct(PAINTED))
    assert last["name"] == "picture-painted-sweep.webp"


def test_an_exported_page_carries_the_painting_along_its_sweep(client, session) -> None:
    work = export.sweep(client.pictures.get(client.token), "html", 256, 1024, 2, MAP)
    page = work.join([work.part(lmbda) for lmbda in work.lambdas]).decode()
    data = json.loads(re.search(r'<script type="application/json" id="sweep">(.*?)</script>', page, re.DOTALL)[1])
    assert data["opened"]["map"] == MAP.text and "the app can" in data["opened"]["fixed"]
    assert [frame["header"]["map"] for frame in data["frames"]] == [MAP.text] * 2
    assert data["frames"][0]["header"]["regions"].keys() == {"above", "at"}
    webp = Image.open(io.BytesIO(base64.b64decode(data["frames"][0]["webp"])))
    np.testing.assert_array_equal(np.asarray(webp.convert("RGB")), session.reconstruct(PAINTED))


def test_beside_the_painted_picture_stands_one_lambda_of_the_same_bytes(client, session) -> None:
    answer = ask(client, "match", lmbda=256, map=MAP.text, codec=client.model, by="rate")
    header, pixels = unpack(answer.content)
    size = len(session.encode(PAINTED))
    assert -BYTES_TOLERANCE < header["gap"] <= 0 and header["reached"]
    assert header["point"]["bytes"] == len(session.encode(header["setting"])) <= size
    np.testing.assert_array_equal(pixels, session.reconstruct(header["setting"]))
    theirs = session.painted(PAINTED, seen_at=header["setting"])
    assert header["regions"]["above"]["psnr"] == pytest.approx(theirs["above"].psnr)
    quality, _ = unpack(ask(client, "match", lmbda=256, map=MAP.text, codec=client.model, by="quality").content)
    assert 0 <= quality["gap"] < 0.1


def test_of_another_codec_the_quality_of_each_region_is_known(client, session) -> None:
    header, pixels = unpack(ask(client, "match", lmbda=256, map=MAP.text).content)
    inside = np.kron(STEPS != 0, np.ones((64, 64), bool))[:150, :230]
    mse = np.mean((pixels[inside].astype(float) - PICTURE[inside]) ** 2)
    assert header["regions"]["above"]["psnr"] == pytest.approx(10 * math.log10(255**2 / mse), abs=1e-3)
    assert "bits" not in header["regions"]["above"]


def test_a_long_map_comes_as_the_body_of_the_request(client, session) -> None:
    condition = Condition.of(256, NOISE)
    for route in TAKING_LAMBDA:
        query = WITHOUT.get(route, {}) | {"lmbda": 256}
        answer = client.post(f"/api/{route}/{client.token}", params=query, content=NOISE.text)
        asked = client.get(f"/api/{route}/{client.token}", params=query | {"map": NOISE.text})
        assert answer.status_code == asked.status_code == 200
        if route != "frame":  # the second one knows the numbers
            assert answer.content == asked.content
    header, pixels = unpack(client.post(f"/api/frame/{client.token}?lmbda=256", content=NOISE.text).content)
    assert header["map"] == NOISE.text
    np.testing.assert_array_equal(pixels, session.reconstruct(condition))


@pytest.mark.parametrize("route", [*TAKING_LAMBDA, "solve", "sweep"])
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2x3~0*5~16", "A λ map for 230×150 pixels has 3×4 blocks (rows × columns), not 2×3."),
        ("3x4~0*11", "A λ map of 3×4 blocks has as many steps, not 11."),
        ("3x4~99~0*11", "The steps of a λ map lie between"),
        ("99999x99999~0*99999", "A λ map of 99999×99999 blocks is for no picture"),
        ("on", "This is not the text of a λ map"),
        ("x" * (MOST_TEXT + 1), "This is not the text of a λ map"),
    ],
)
def test_what_is_no_map_of_the_picture_is_one_sentence(client, route, text, sentence) -> None:
    query = WITHOUT.get(route, {}) | {"solve": {"bytes": 2000}, "sweep": {"kind": "gif"}}.get(route, {"lmbda": 256})
    asked = [client.post(f"/api/{route}/{client.token}", params=query, content=text)]
    if len(text) < 8000:
        asked.append(client.get(f"/api/{route}/{client.token}", params=query | {"map": text}))
    for answer in asked:
        assert answer.status_code == 422
        assert answer.json()["error"].startswith(sentence)


def test_painted_pictures_leave_no_points_behind(client) -> None:
    opened = client.pictures.get(client.token)
    before = dict(opened.points)
    ask(client, "numbers", lmbda=300, map=MAP.text)
    assert opened.points == before
