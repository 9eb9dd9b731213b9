"""The routes of a part of a picture: rectangles, reduced pixels, packed pixels, numbers that come by themselves."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from conftest import smooth_picture
from fastapi.testclient import TestClient

from explorer import tiles
from explorer.images import InputError
from explorer.session import Session
from explorer.views.service import rectangles
from explorer.views.service.pictures import OpenPictures
from explorer.views.service.server import serve
from explorer.views.service.trials import as_message
from explorer.views.service.wire import to_json

PICTURE = smooth_picture(150, 230)


@pytest.fixture(scope="module")
def client(tiny) -> Iterator[TestClient]:
    pictures = OpenPictures([], {})
    name = pictures.add_model(tiny)
    with TestClient(serve(pictures, name)) as client:
        client.token = pictures.open(name, PICTURE, "picture").token
        yield client


def get(client: TestClient, route: str, **query: Any) -> tuple[dict[str, Any], bytes]:
    answer = client.get(f"/api/{route}/{client.token}", params=query)
    assert answer.status_code == 200, answer.text
    (length,) = struct.unpack_from("<I", answer.content)
    return json.loads(answer.content[4 : 4 + length]), answer.content[4 + length :]


def pixels_of(header: dict[str, Any], body: bytes) -> np.ndarray:
    return np.frombuffer(body, np.uint8, 3 * header["width"] * header["height"]).reshape(
        header["height"], header["width"], 3
    )


def test_a_box_is_that_part_of_the_original_and_of_the_reconstruction(client, tiny) -> None:
    decoded = Session(tiny, PICTURE).reconstruct(300)
    for route, whole in (("pixels", PICTURE), ("frame", decoded)):
        header, body = get(client, route, lmbda=300, box="17,33,101,64")
        np.testing.assert_array_equal(pixels_of(header, body), whole[33:97, 17:118])
        assert header["box"] == [17, 33, 101, 64] and header["reduce"] == 1 and header["picture"] == client.token
        header, body = get(client, route, lmbda=300)
        np.testing.assert_array_equal(pixels_of(header, body), whole)
        assert header["box"] == [0, 0, 230, 150]


@pytest.mark.parametrize("factor", [2, 8, 64])
def test_reduced_pixels_are_means_of_blocks_rounded(client, factor) -> None:
    header, body = get(client, "pixels", box="3,5,200,133", reduce=factor)
    part = PICTURE[5:138, 3:203].astype(float)
    blocks = [
        [part[top : top + factor, left : left + factor].mean(axis=(0, 1)) for left in range(0, 200, factor)]
        for top in range(0, 133, factor)
    ]
    np.testing.assert_array_equal(pixels_of(header, body), np.floor(np.array(blocks) + 0.5))
    assert header["reduce"] == factor


@pytest.mark.parametrize(
    "box", ["", "1,2,3", "0,0,1.5,4", "0,0,231,10", "-1,0,10,10", "0,0,0,5", "200,100,31,10", "a,b,c,d"]
)
def test_a_bad_box_is_one_sentence(client, box) -> None:
    answer = client.get(f"/api/frame/{client.token}", params={"lmbda": 300, "box": box})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(("A box is four whole numbers", "The box "))


@pytest.mark.parametrize("factor", [0, -2, 3, 128])
def test_a_picture_is_reduced_by_powers_of_two_up_to_64(client, factor) -> None:
    answer = client.get(f"/api/pixels/{client.token}", params={"reduce": factor})
    assert answer.status_code == 422
    assert answer.json()["error"] == f"A picture can be reduced by a power of two from 1 to 64, not by {factor}."
    with pytest.raises(InputError):
        rectangles.parse(None, factor, (150, 230))


def test_packed_pixels_are_the_same_pixels(client) -> None:
    header, body = get(client, "pixels", box="0,0,230,150", packed=1)
    kind, shape, offset, count = header["arrays"]["pixels"]
    assert header["packed"] == "deflate" and kind == "uint8" and shape == [150, 230, 3] and count < PICTURE.size
    rows = np.frombuffer(zlib.decompress(body[offset : offset + count]), np.uint8).reshape(shape)
    np.testing.assert_array_equal(np.cumsum(rows, axis=0, dtype=np.uint8), PICTURE)


def test_a_frame_brings_the_numbers_once_they_are_measured(client, tiny) -> None:
    first, _ = get(client, "frame", lmbda=700, box="0,0,64,64", live=1)
    assert first["point"] is None
    session = Session(tiny, PICTURE)
    answer = client.get(f"/api/numbers/{client.token}", params={"lmbda": 700}).json()
    assert answer["point"] == json.loads(to_json(as_message(session.point(700, quick=True))))
    assert answer["side_bits"] == session.code(700).side_bits
    again, _ = get(client, "frame", lmbda=700, box="0,0,64,64")
    assert again["point"] == answer["point"] and (again["lmbda"], again["level"]) == (answer["lmbda"], answer["level"])
    assert again["estimated_bits"] == answer["point"]["estimated_bits"]


@pytest.fixture
def large(tiny, monkeypatch) -> Iterator[TestClient]:
    """A picture of several tiles, small enough for a test."""
    monkeypatch.setattr(tiles, "SIDE", 8)
    monkeypatch.setattr(tiles, "ONE_TILE", 8)
    pictures = OpenPictures([], {})
    name = pictures.add_model(tiny)
    with TestClient(serve(pictures, name)) as client:
        opened = pictures.open(name, PICTURE, "picture")
        client.token, client.opened = opened.token, opened
        yield client


def test_of_a_large_picture_only_the_part_that_is_asked_for_is_known(large, tiny) -> None:
    header, body = get(large, "frame", lmbda=300, box="0,0,100,90", live=1)
    session = large.opened.session
    assert session.is_large and session.known_code(300) is None and session.measured(300) is None
    assert header["estimated_bits"] is header["side_bits"] is header["point"] is None
    np.testing.assert_array_equal(pixels_of(header, body), Session(tiny, PICTURE).reconstruct(300)[:90, :100])
    header, _ = get(large, "frame", lmbda=310, box="0,0,100,90", live=1)
    assert header["pace"] > 0, "measured by the frame before"


def test_points_of_a_large_picture_do_not_push_out_what_is_looked_at(large) -> None:
    with large.stream("GET", f"/api/points/{large.token}") as answer:
        lines = [json.loads(line) for line in answer.iter_lines()]
    assert [line.get("done") for line in lines].count(True) == 1 and len(lines) > 2
    settings = [line["setting"] for line in lines if "setting" in line]
    assert all(large.opened.session.known_code(lmbda) is None for lmbda in settings)
    assert lines[0]["point"]["psnr"] == pytest.approx(large.opened.session.point(settings[0]).psnr, abs=1e-9)
