"""The server's routes and what they hand to the viewer, without a browser. The model is a tiny untrained one."""

from __future__ import annotations

import io
import json
import math
import re
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from fastapi.testclient import TestClient
from PIL import Image

import explorer
from explorer import axis, images
from explorer import model as networks
from explorer.views import figures, points, server, store, viewer

UPLOAD = np.random.default_rng(1).integers(0, 256, (48, 72, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    networks.save(networks.Autoencoder(networks.PRESETS["tiny"]), path)
    return str(path)


@pytest.fixture(scope="module")
def client(checkpoint: str) -> Iterator[TestClient]:
    with TestClient(server.create_server(checkpoint)) as client:
        yield client


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def upload(client: TestClient, checkpoint: str, data: bytes) -> Any:
    return client.post("/api/open", params={"model": checkpoint, "name": "mine.png"}, content=data)


@pytest.fixture
def opened(client: TestClient, checkpoint: str) -> str:
    return upload(client, checkpoint, png(UPLOAD)).json()["id"]


def unpack(body: bytes) -> tuple[dict[str, Any], np.ndarray]:
    (length,) = struct.unpack_from("<I", body)
    header = json.loads(body[4 : 4 + length])
    return header, np.frombuffer(body[4 + length :], np.uint8).reshape(header["height"], header["width"], 3)


def test_setup_says_what_the_viewer_needs(client: TestClient, checkpoint: str) -> None:
    setup = client.get("/api/setup").json()
    assert setup["model"] == checkpoint and checkpoint in setup["models"]
    assert [sample["name"] for sample in setup["samples"]] == list(server.SAMPLE_NAMES)
    assert all(sample["thumbnail"].startswith("data:image/jpeg;base64,") for sample in setup["samples"])
    assert setup["lmbda"]["min"] < setup["lmbda"]["start"] < setup["lmbda"]["max"]


def test_sample_arrives_as_stored(client: TestClient, checkpoint: str) -> None:
    answer = client.post("/api/open", params={"model": checkpoint, "sample": "parrots"}).json()
    _, pixels = unpack(client.get(f"/api/pixels/{answer['id']}").content)
    np.testing.assert_array_equal(pixels, np.asarray(Image.open(server.SAMPLES / "parrots.png")))


def test_frame_is_the_session_reconstruction_with_its_numbers(client: TestClient, checkpoint: str, opened: str) -> None:
    header, pixels = unpack(client.get(f"/api/frame/{opened}", params={"lmbda": 300}).content)
    session = explorer.Session(explorer.load_model(checkpoint), UPLOAD)
    np.testing.assert_array_equal(pixels, session.reconstruct(300))
    assert header["point"] == points.as_json(session.point(300))
    assert header["picture"] == opened
    assert header["lmbda"] == axis.snap(300) and header["level"] == axis.level_of(300)


def test_saved_files_are_the_session_files(client: TestClient, checkpoint: str, opened: str) -> None:
    mae = client.get(f"/api/file/{opened}", params={"lmbda": 500, "kind": "mae"})
    session = explorer.Session(explorer.load_model(checkpoint), UPLOAD)
    assert mae.content == session.encode(500)
    assert "mine-lambda500.mae" in mae.headers["content-disposition"]
    saved = client.get(f"/api/file/{opened}", params={"lmbda": 500, "kind": "png"})
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(saved.content))), session.reconstruct(500))


def test_points_come_for_every_series_and_again_from_memory(client: TestClient, opened: str) -> None:
    lines = [json.loads(line) for line in client.get(f"/api/points/{opened}").text.splitlines()]
    count = Counter(line["series"] for line in lines)
    assert count["model"] == points.MODEL_POINTS
    assert all(count[name] >= 1 for name in points.CLASSICAL)
    for line in lines:
        point = line["point"]
        assert point["bpp"] == pytest.approx(8 * point["bytes"] / UPLOAD[..., 0].size)
    again = [json.loads(line) for line in client.get(f"/api/points/{opened}").text.splitlines()]
    assert again == lines


def test_another_model_keeps_the_picture(client: TestClient, checkpoint: str, opened: str) -> None:
    answer = client.post("/api/open", params={"model": checkpoint, "picture": opened}).json()
    assert answer["name"] == "mine.png"
    _, pixels = unpack(client.get(f"/api/pixels/{answer['id']}").content)
    np.testing.assert_array_equal(pixels, UPLOAD)


@pytest.mark.parametrize(
    "data", [b"", b"hello", png(UPLOAD)[:60], b"\x89PNG\r\n\x1a\n" + bytes(100), b"GIF89a\xff\xff\xff\xff", b"{}" * 99]
)
def test_a_bad_upload_is_answered_with_one_sentence(client: TestClient, checkpoint: str, data: bytes) -> None:
    answer = upload(client, checkpoint, data)
    assert answer.status_code == 422
    sentence = answer.json()["error"]
    assert 10 < len(sentence) < 250 and "\n" not in sentence and "Traceback" not in sentence


def test_an_upload_beyond_the_limit_is_refused(
    client: TestClient, checkpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_UPLOAD", 1000)
    answer = upload(client, checkpoint, png(UPLOAD))
    assert answer.status_code == 422 and "larger than" in answer.json()["error"]


@pytest.mark.parametrize("lmbda", ["63", "5000", "nan", "inf", "-1", "many"])
def test_a_lambda_that_is_none_is_refused(client: TestClient, opened: str, lmbda: str) -> None:
    assert client.get(f"/api/frame/{opened}", params={"lmbda": lmbda}).status_code == 422


def test_unknown_names_are_refused(client: TestClient, checkpoint: str) -> None:
    assert client.post("/api/open", params={"model": "../secret", "sample": "parrots"}).status_code == 422
    assert client.post("/api/open", params={"model": checkpoint, "sample": "../README.md"}).status_code == 422
    assert client.get("/api/pixels/guess").status_code == 410
    assert client.get("/viewer/../server.py").status_code == 404


def test_the_store_lets_go_of_what_was_unused_for_longest(checkpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_OPEN", 2)
    pictures = store.Store([checkpoint], {})
    first, second = (pictures.open(checkpoint, UPLOAD, name).token for name in "ab")
    pictures.get(first)
    third = pictures.open(checkpoint, UPLOAD, "c").token
    assert len({first, second, third}) == 3
    with pytest.raises(store.Gone):
        pictures.get(second)
    assert pictures.get(first).name == "a" and pictures.get(third).name == "c"


def test_a_picture_of_ones_own_comes_first(checkpoint: str, tmp_path: Path) -> None:
    (tmp_path / "holiday.png").write_bytes(png(UPLOAD))
    with TestClient(server.create_server(checkpoint, tmp_path / "holiday.png")) as client:
        assert client.get("/api/setup").json()["samples"][0]["name"] == "holiday.png"


def test_a_bad_model_or_picture_is_refused_before_anything_is_served(checkpoint: str, tmp_path: Path) -> None:
    with pytest.raises(images.InputError):
        server.create_server(str(tmp_path / "none.safetensors"))
    with pytest.raises(images.InputError):
        server.create_server(checkpoint, tmp_path / "none.png")


def test_coarse_to_fine_visits_every_place_once() -> None:
    for count in (1, 2, 3, 16, 17):
        assert sorted(points.coarse_to_fine(count)) == list(range(count))
    assert points.coarse_to_fine(9)[:3] == [8, 0, 4]


def test_infinite_and_undefined_become_null() -> None:
    point = explorer.RDPoint("c", "1", {"q": 1}, 8, 8, 10, None, 1.25, math.inf, math.nan)
    assert json.loads(json.dumps(points.as_json(point), allow_nan=False))["psnr"] is None


def test_plotly_accepts_the_figure() -> None:
    description = figures.rd_figure(figures.series({"model": "M", "jpeg": "J", "jpeg2000": "K"}))
    figure = go.Figure(data=description["data"], layout=description["layout"])
    assert figure.layout.xaxis.title.text == "Rate (bits per pixel)"
    assert figure.layout.yaxis.title.text == "PSNR (dB)"


def test_curve_colours_stand_out_in_light_and_dark() -> None:
    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    grounds = re.findall(r"--mae-ground: (#\w{6})", viewer.style())
    assert len(grounds) == 2
    for curve in figures.series(dict.fromkeys("abcd", "")):
        for ground in grounds:
            dark, light = sorted((luminance(curve.color), luminance(ground)))
            assert (light + 0.05) / (dark + 0.05) >= 3, (curve.color, ground)


def test_the_joined_viewer_is_one_module_without_imports() -> None:
    text = viewer.module()
    assert not re.search(r"^import ", text, re.MULTILINE)
    assert re.findall(r"^export .*", text, re.MULTILINE) == [viewer.EXPORTS.strip()]
    names = re.findall(r"^(?:async )?(?:const|function|class|let|var) (\w+)", text, re.MULTILINE)
    assert [name for name, count in Counter(names).items() if count > 1] == []
    listed = {path.relative_to(viewer.FOLDER).as_posix() for path in viewer.FOLDER.rglob("*.js")}
    assert listed == set(viewer.MODULES)


def test_nothing_is_fetched_from_elsewhere() -> None:
    own = [path for path in viewer.FOLDER.glob("*.*s*") if path.suffix in (".js", ".css")]
    assert own
    for path in own:
        assert not re.search(r"https?://|//cdn|@import", path.read_text(encoding="utf-8")), path.name
