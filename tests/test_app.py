"""The server's routes and what they hand to the viewer, without a browser. The model is a tiny one."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from conftest import unpack
from fastapi.testclient import TestClient
from PIL import Image

import explorer
from explorer import condition, config, images, library, pace
from explorer import model as networks
from explorer.checkpoint import save
from explorer.codecs import CODECS, CodecError, MissingPackage, classical, measure
from explorer.codecs.base import BYTES_TOLERANCE, PSNR_TOLERANCE
from explorer.images import to_png
from explorer.views import viewer
from explorer.views.figures import kodak, rates
from explorer.views.service import errors, menu, points, rivals, server, trials, uploads, wire
from explorer.views.service import pictures as opened_pictures

UPLOAD = np.random.default_rng(1).integers(0, 256, (48, 72, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def client(checkpoint: str) -> Iterator[TestClient]:
    with TestClient(server.create_server(checkpoint)) as client:
        yield client


def upload(client: TestClient, checkpoint: str, data: bytes) -> Any:
    return client.post("/api/open", params={"model": checkpoint, "name": "mine.png"}, content=data)


def as_sent(point: explorer.RDPoint) -> Any:
    return json.loads(wire.to_json(trials.as_message(point)))


@pytest.fixture
def opened(client: TestClient, checkpoint: str) -> str:
    return upload(client, checkpoint, to_png(UPLOAD)).json()["id"]


def test_setup_says_what_the_viewer_needs(client: TestClient, checkpoint: str) -> None:
    setup = client.get("/api/setup").json()
    assert setup["model"] == checkpoint and checkpoint in setup["models"]
    assert [sample["name"] for sample in setup["samples"]] == list(explorer.samples())
    assert all(sample["thumbnail"].startswith("data:image/jpeg;base64,") for sample in setup["samples"])
    assert [rival["name"] for rival in setup["rivals"]][: len(CODECS)] == list(CODECS)
    assert setup["chosen"] == ["jpeg", "jpeg2000"]
    assert {trace["meta"] for trace in setup["figure"]["data"]} >= {"model", *CODECS}
    assert setup["lmbda"]["min"] < setup["lmbda"]["start"] < setup["lmbda"]["max"]


def test_sample_arrives_as_stored(client: TestClient, checkpoint: str) -> None:
    answer = client.post("/api/open", params={"model": checkpoint, "sample": "parrots"}).json()
    _, pixels = unpack(client.get(f"/api/pixels/{answer['id']}").content)
    np.testing.assert_array_equal(pixels, np.asarray(Image.open(explorer.samples()["parrots"])))


def test_frame_is_the_session_reconstruction_with_its_numbers(client: TestClient, checkpoint: str, opened: str) -> None:
    header, pixels = unpack(client.get(f"/api/frame/{opened}", params={"lmbda": 300}).content)
    session = explorer.Session(explorer.load_model(checkpoint), UPLOAD)
    np.testing.assert_array_equal(pixels, session.reconstruct(300))
    answer = client.get(f"/api/numbers/{opened}", params={"lmbda": 300}).json()
    assert answer["point"] == as_sent(session.point(300, quick=True))
    assert header["estimated_bits"] == answer["point"]["estimated_bits"]
    assert header["picture"] == opened
    assert header["lmbda"] == condition.snap(300) and header["level"] == condition.level_of(300)


def test_saved_files_are_the_session_files(client: TestClient, checkpoint: str, opened: str) -> None:
    mae = client.get(f"/api/file/{opened}", params={"lmbda": 500, "kind": "mae"})
    session = explorer.Session(explorer.load_model(checkpoint), UPLOAD)
    assert mae.content == session.encode(500)
    assert "mine-lambda500.mae" in mae.headers["content-disposition"]
    saved = client.get(f"/api/file/{opened}", params={"lmbda": 500, "kind": "png"})
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(saved.content))), session.reconstruct(500))


def collect(client: TestClient, token: str, codecs: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/points/{token}", params={"codecs": codecs})
    return [json.loads(line) for line in answer.text.splitlines()]


def test_points_come_for_every_chosen_series_and_again_from_memory(client: TestClient, opened: str) -> None:
    lines = collect(client, opened, "jpeg,webp")
    count = Counter(line["series"] for line in lines if "point" in line)
    assert set(count) == {"model", "jpeg", "webp"} and count["model"] == points.MODEL_POINTS
    assert {line["series"] for line in lines if line.get("done")} == set(count)
    for point in (line["point"] for line in lines if "point" in line):
        assert point["bpp"] == pytest.approx(8 * point["bytes"] / UPLOAD[..., 0].size)
    assert sorted(map(json.dumps, collect(client, opened, "jpeg,webp"))) == sorted(map(json.dumps, lines))
    assert {line["series"] for line in collect(client, opened)} == {"model"}


def test_another_model_keeps_what_other_codecs_made_of_the_picture(checkpoint: str) -> None:
    pictures = opened_pictures.OpenPictures([checkpoint], {})
    opened = pictures.open(checkpoint, UPLOAD, "a")
    opened.trials.point(CODECS["jpeg"], 40)
    assert pictures.reopen(checkpoint, opened.token).trials.known(CODECS["jpeg"], 40)


# -- files that are received, targets, files of rivals ---------------------------------------------------------------


@pytest.fixture
def received(client: TestClient, checkpoint: str) -> dict[str, Any]:
    """A .mae file of UPLOAD at λ = 300, opened under whatever model is on show."""
    data = explorer.load_model(checkpoint).encode(UPLOAD, 300)
    return client.post("/api/open", params={"model": "mae", "name": "mine.mae"}, content=data).json()


def test_a_received_file_opens_under_the_model_that_made_it_at_its_own_lambda(
    client: TestClient, checkpoint: str, received: dict[str, Any]
) -> None:
    session = explorer.Session(explorer.load_model(checkpoint), UPLOAD)
    assert received["model"] == checkpoint and (received["height"], received["width"]) == UPLOAD.shape[:2]
    assert received["lmbda"]["min"] == received["lmbda"]["max"] == pytest.approx(300, rel=1e-4)
    assert "sender" in received["lmbda"]["reason"] and "without the original" in received["missing"]
    query = {"lmbda": received["lmbda"]["min"], "wish": ["planes", "edit:1=0"]}
    frame = client.get(f"/api/frame/{received['id']}", params=query).content
    header = json.loads(frame[4 : 4 + struct.unpack_from("<I", frame)[0]])
    point = session.point(300, quick=True)
    assert (header["point"]["bytes"], header["point"]["bpp"]) == (point.bytes, point.bpp)
    assert not {"psnr", "ms_ssim"} & set(header["point"]) and "psnr" not in header["wishes"]["edit:1=0"]
    assert "planes.y" not in header["arrays"] and "planes.symbols" in header["arrays"]
    saved = client.get(f"/api/file/{received['id']}", params={"lmbda": received["lmbda"]["min"], "kind": "png"})
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(saved.content))), session.reconstruct(300))
    arrays = client.get(f"/api/file/{received['id']}", params={"lmbda": received["lmbda"]["min"], "kind": "npz"})
    with np.load(io.BytesIO(arrays.content)) as found:
        np.testing.assert_array_equal(found["symbols"], session.symbols(300))
        assert not {"y", "block_error"} & set(found)


def test_what_needs_the_original_of_a_received_file_is_refused_with_one_sentence(
    client: TestClient, received: dict[str, Any]
) -> None:
    token, lmbda = received["id"], received["lmbda"]["min"]
    for path, query in {
        f"pixels/{token}": {},
        f"frame/{token}": {"lmbda": lmbda, "wish": "error"},
        f"rival/{token}": {"codec": "jpeg", "setting": 40},
        f"match/{token}": {"codec": "jpeg", "lmbda": lmbda, "by": "rate"},
        f"solve/{token}": {"bpp": 1},
        f"sweep/{token}": {"kind": "gif"},
    }.items():
        answer = client.get(f"/api/{path}", params=query)
        assert answer.status_code == 422 and "without the original" in answer.json()["error"], path
    assert "without the original" in collect(client, token, "jpeg")[0]["error"]
    other = client.get(f"/api/frame/{token}", params={"lmbda": 64})
    assert other.status_code == 422 and "was made at λ = 300" in other.json()["error"]
    reopened = client.post("/api/open", params={"model": "mae", "picture": token})
    assert reopened.status_code == 422 and "no other model can read it" in reopened.json()["error"]


def test_the_app_starts_with_a_received_file(checkpoint: str, tmp_path: Path) -> None:
    (tmp_path / "photo.mae").write_bytes(explorer.load_model(checkpoint).encode(UPLOAD, 300))
    with TestClient(server.create_server(checkpoint, tmp_path / "photo.mae")) as client:
        client.app.state.api.warm_up()  # type: ignore[attr-defined]
        first = client.get("/api/setup").json()["samples"][0]
        assert (first["name"], first["width"], first["height"]) == ("photo.mae", 72, 48)
        assert first["bytes"] == (tmp_path / "photo.mae").stat().st_size
        for model in ("mae", checkpoint):
            opened = client.post("/api/open", params={"model": model, "sample": "photo.mae"}).json()
            assert opened["model"] == checkpoint and opened["missing"]
    (tmp_path / "photo.mae").write_bytes(b"MAE")
    with pytest.raises(explorer.InputError, match="cut short"):
        server.create_server(checkpoint, tmp_path / "photo.mae")


def test_a_target_is_solved_as_the_session_does(client: TestClient, checkpoint: str, opened: str) -> None:
    session = explorer.Session(explorer.load_model(checkpoint), UPLOAD)
    size = len(session.encode(700))
    for target in ({"bytes": size}, {"bpp": 8 * size / UPLOAD[..., 0].size}, {"psnr": session.point(100).psnr}):
        answer = client.get(f"/api/solve/{opened}", params=target)
        # Another thread may have another number of cores for itself, and then rounds y's last bits otherwise.
        assert answer.json()["lmbda"] == pytest.approx(session.solve(**target), rel=2e-3)
    unreachable = client.get(f"/api/solve/{opened}", params={"bpp": 1e-6})
    assert unreachable.status_code == 422 and "No λ of this model gives" in unreachable.json()["error"]


@pytest.mark.parametrize(("codec", "setting", "name"), [
    ("jpeg", 37, "mine-jpeg-quality37.jpg"), ("jpeg2000", 31.5, "mine-jpeg2000-psnr31.5.jp2"),
    ("webp", 30, "mine-webp-quality30.webp"), ("bpg444", 30, "mine-bpg444-qp30.bpg"),
])  # fmt: skip
def test_a_rivals_file_can_be_kept(client: TestClient, opened: str, codec: str, setting: float, name: str) -> None:
    if codec == "bpg444":
        pytest.importorskip("av")
    kept = client.get(f"/api/rivalfile/{opened}", params={"codec": codec, "setting": setting})
    assert kept.headers["content-disposition"].endswith(name)
    assert kept.content == CODECS[codec].encode(UPLOAD, setting)


# -- models of the same transforms -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of checkpoints: two tiny models that differ in their prior alone, and one that shares nothing."""
    folder = tmp_path_factory.mktemp("pair")
    first = networks.Autoencoder(config.PRESETS["tiny"])
    second = networks.Autoencoder(dataclasses.replace(first.config, prior="hyper"))
    second.load_state_dict(networks.transforms_of(first.state_dict()), strict=False)
    save(first, folder / "mae.safetensors")
    save(second, folder / "mae-hyperprior.safetensors")
    save(networks.scale_bottleneck(first.fold(4096)), folder / "bottleneck.safetensors")
    return folder


@pytest.fixture
def bundled(pair: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setattr("explorer.library.folder", lambda: pair)
    return TestClient(server.create_server("mae-hyperprior"))


def test_a_picture_comes_with_the_models_that_differ_in_the_prior_alone(bundled: TestClient) -> None:
    def priors(model: str) -> list[dict[str, str]]:
        return upload(bundled, model, to_png(UPLOAD)).json()["priors"]

    both = [
        {"model": "mae", "prior": "factorised"},
        {"model": "mae-hyperprior", "prior": "hyperprior"},
    ]
    assert priors("mae") == priors("mae-hyperprior") == both
    assert priors("bottleneck") == []


def test_another_prior_keeps_y_and_is_found_again(bundled: TestClient) -> None:
    pictures = bundled.app.state.api.pictures  # type: ignore[attr-defined]
    for first in (pictures.open("mae", UPLOAD, "mine"), pictures.open_sample("mae", "parrots")):
        other = pictures.reopen("mae-hyperprior", first.token)
        assert other.session.latents(300) is first.session.latents(300)
        assert other.session.encode(300) != first.session.encode(300)
        assert other.trials is first.trials
        assert pictures.reopen("mae", other.token) is first
        assert pictures.reopen("mae-hyperprior", first.token) is other
    assert pictures.open_sample("mae-hyperprior", "parrots") is other


def test_a_sample_under_another_model_is_the_picture_that_is_open(bundled: TestClient) -> None:
    pictures = bundled.app.state.api.pictures  # type: ignore[attr-defined]
    first = pictures.open_sample("mae", "houses")
    assert pictures.open_sample("mae-hyperprior", "houses").session.picture is first.session.picture
    pictures.hold(first.token)
    pictures.release(first.token)
    assert pictures.open_sample("mae", "houses") is not first, "it was closed"


def test_models_are_offered_by_names_that_explain_themselves() -> None:
    assert menu.explained("mae-hyperprior") == "mae-hyperprior: modulated autoencoder with hyperprior"
    assert menu.explained("independent-64") == "independent-64: independent model, for λ 64 alone"
    assert menu.explained("/my/own.safetensors") == "/my/own.safetensors"


def test_the_hyperprior_opens_first_where_it_is_bundled() -> None:
    assert ("mae-hyperprior" if "mae-hyperprior" in explorer.list_models() else "mae") == library.first_model()
    with TestClient(server.create_server()) as client:
        assert client.get("/api/setup").json()["model"] == library.first_model()


# -- other codecs ----------------------------------------------------------------------------------------------------


def test_a_rivals_picture_is_what_its_file_decodes_to(client: TestClient, opened: str) -> None:
    answer = client.get(f"/api/rival/{opened}", params={"codec": "jpeg", "setting": 37})
    header, pixels = unpack(answer.content)
    expected = measure(CODECS["jpeg"], UPLOAD, 37)
    np.testing.assert_array_equal(pixels, expected.pixels)
    point = header["point"]
    taken = [point.pop(name) for name in ("encode_s", "decode_s")]
    assert point == as_sent(expected.point) and header["setting"] == 37 and min(taken) > 0


def test_what_eyes_see_comes_after_the_numbers_with_times(client: TestClient, checkpoint: str) -> None:
    """Of the model and of a rival; a file that is made again, or decoded again, keeps the times of the first."""
    pixels = np.tile(UPLOAD, (5, 4, 1))[:230, :240]
    token, session = (
        upload(client, checkpoint, to_png(pixels)).json()["id"],
        explorer.Session(library.load_model(checkpoint), pixels),
    )
    numbers = client.get(f"/api/numbers/{token}", params={"lmbda": 300}).json()["point"]
    assert "ssimulacra2" not in numbers and "encode_s" not in numbers
    seen = client.get(f"/api/seen/{token}", params={"lmbda": 300}).json()["point"]
    assert seen["ssimulacra2"] == pytest.approx(session.point(300).ssimulacra2) and seen.items() > numbers.items()
    assert min(seen["encode_s"], seen["decode_s"]) > 0
    assert client.get(f"/api/numbers/{token}", params={"lmbda": 300}).json()["point"] == seen
    query = {"codec": "jpeg", "setting": 37}
    shown, _ = unpack(client.get(f"/api/rival/{token}", params=query).content)
    rival = client.get(f"/api/rivalseen/{token}", params=query).json()["point"]
    assert rival["ssimulacra2"] == pytest.approx(measure(CODECS["jpeg"], pixels, 37).seen().ssimulacra2)
    assert rival.items() > shown["point"].items() and "ssimulacra2" not in shown["point"]
    again, _ = unpack(client.get(f"/api/rival/{token}", params=query).content)
    assert again["point"] == rival
    lines = client.get(f"/api/points/{token}", params={"seen": True}).text.splitlines()
    assert all("ssimulacra2" in json.loads(line)["point"] for line in lines[:-1])


def test_the_time_of_work_is_without_that_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 6.0, 9.0, 9.0, 9.5, 9.5])
    monkeypatch.setattr(pace, "perf_counter", lambda: next(now))
    clock = pace.Stopwatch(pace.nothing)
    clock.pause()  # from 1 to 6
    assert (clock.lap(), clock.lap()) == (4, 0.5)


@pytest.mark.parametrize("codec", ["jpeg", "jpeg2000"])
@pytest.mark.parametrize("by", ["rate", "quality"])
def test_a_match_is_close_or_says_how_far_it_is(client: TestClient, opened: str, codec: str, by: str) -> None:
    for lmbda in (64, 700, 4096):
        query: dict[str, Any] = {"lmbda": lmbda}
        model = client.get(f"/api/numbers/{opened}", params=query).json()["point"]
        answer = client.get(f"/api/match/{opened}", params=query | {"codec": codec, "by": by})
        header, pixels = unpack(answer.content)
        point = header["point"]
        np.testing.assert_array_equal(pixels, measure(CODECS[codec], UPLOAD, header["setting"]).pixels)
        gap = point["bytes"] / model["bytes"] - 1 if by == "rate" else point["psnr"] - model["psnr"]
        assert header["gap"] == pytest.approx(gap)
        assert header["reached"] == (abs(gap) <= (BYTES_TOLERANCE if by == "rate" else PSNR_TOLERANCE))
        if header["limit"]:
            assert not header["reached"] and (gap > 0) == (header["limit"] == "lowest")


def test_a_stopped_match_keeps_what_it_tried_and_goes_on_from_there(checkpoint: str) -> None:
    session = explorer.Session(explorer.load_model(checkpoint), UPLOAD)
    attempts, answers = trials.Trials(UPLOAD), []
    for _ in range(30):
        try:
            answers.append(attempts.match(CODECS["webp"], session.point(512), "rate", lambda: False))
        except errors.Superseded:
            continue
        break
    fresh = trials.Trials(UPLOAD).match(CODECS["webp"], session.point(512), "rate", lambda: True)
    assert answers == [fresh]


def test_trials_keep_no_decoded_pictures() -> None:
    attempts = trials.Trials(UPLOAD)
    attempts.frame(CODECS["jpeg"], 50)
    (kept,) = attempts._tried["jpeg"].values()
    assert "_decoded" not in vars(kept) and kept.data


def test_what_is_no_codec_setting_or_rule_is_refused(client: TestClient, opened: str) -> None:
    refused: list[tuple[str, dict[str, Any]]] = [
        ("rival", {"codec": "jpeg", "setting": 300}),
        ("rival", {"codec": "jpeg", "setting": "nan"}),
        ("rival", {"codec": "../mae", "setting": 3}),
        ("match", {"codec": "jpeg", "lmbda": 9, "by": "rate"}),
        ("match", {"codec": "jpeg", "lmbda": 99, "by": "taste"}),
        ("points", {"codecs": "jpeg,none"}),
    ]
    for route, query in refused:
        answer = client.get(f"/api/{route}/{opened}", params=query)
        assert answer.status_code == 422 and "Traceback" not in answer.text, (route, query)
    assert client.get("/api/rival/guess", params={"codec": "jpeg", "setting": 3}).status_code == 410


def test_a_codec_without_its_library_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> str:
        raise MissingPackage("JPEG XL needs a plugin of Pillow: pip install pillow-jxl-plugin")

    monkeypatch.setitem(CODECS, "jxl", dataclasses.replace(classical.JXL, library=absent))
    listed = {rival["name"]: rival for rival in rivals.Rivals().listed}
    assert set(listed) == set(CODECS)
    assert "pip install" in listed["jxl"]["reason"] and not listed["jpeg"]["reason"]


def test_models_for_one_lambda_each_are_one_codec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {}
    for lmbda in (256.0, 64.0):
        network = networks.Autoencoder(dataclasses.replace(config.PRESETS["tiny"], kind="fixed", lmbda=lmbda))
        names[f"independent-{lmbda:.0f}"] = path = tmp_path / f"independent-{lmbda:.0f}.safetensors"
        save(network, path)
    monkeypatch.setattr(rivals, "load_model", lambda name: explorer.load_model(names[name]))
    catalogue = rivals.Rivals(["mae", "bottleneck", *names])
    assert [rival["name"] for rival in catalogue.listed][len(CODECS) :] == ["mae", "bottleneck", "independent"]
    codec = catalogue.codec("independent")
    assert codec.knob.sweep == (64, 256)
    for lmbda in codec.knob.sweep:
        found = measure(codec, UPLOAD, lmbda)
        np.testing.assert_array_equal(found.pixels, codec.decode(codec.encode(UPLOAD, lmbda)))
    with pytest.raises(CodecError):
        codec.encode(UPLOAD, 128)
    setting, met = trials.Trials(UPLOAD).match(codec, found.point, "rate", lambda: True)
    assert setting == 256 and met["reached"]


def test_a_model_of_one_lambda_opens_with_that_range(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    save(networks.Autoencoder(dataclasses.replace(config.PRESETS["tiny"], kind="fixed", lmbda=512)), path)
    with TestClient(server.create_server(str(path))) as client:
        answer = upload(client, str(path), to_png(UPLOAD)).json()
        assert answer["lmbda"] == {"min": 512, "max": 512}
        assert client.get(f"/api/frame/{answer['id']}", params={"lmbda": 512}).status_code == 200
        series = [line["series"] for line in collect(client, answer["id"]) if "point" in line]
        assert series == ["model"]


def test_kodak_means_are_read_where_there_are_rows_of_kodak(tmp_path: Path) -> None:
    assert kodak.mean_curves(tmp_path) is None
    (tmp_path / "published.json").write_text('{"kodak": {}}')
    (tmp_path / "broken.json").write_text("{")
    assert kodak.mean_curves(tmp_path) is None
    row = {"codec": "jpeg", "version": "1", "knob": {"quality": 30}, "bytes": 9, "psnr": 30.0, "ms_ssim": 0.9}
    images_of_set = [row | {"image": f"kodim0{i}.png", "image_id": str(i), "bpp": 0.5 + i} for i in (0, 1)]
    other = row | {"image": "mine.png", "image_id": "x", "bpp": 9.0}
    (tmp_path / "rows.json").write_text(json.dumps({"about": {}, "rows": [*images_of_set, other]}))
    expected = {"setting": 30, "point": {"bpp": 1.0, "psnr": 30.0, "ms_ssim": 0.9}}
    assert kodak.mean_curves(tmp_path) == {"jpeg": [expected]}


# -- pictures, names, files ------------------------------------------------------------------------------------------


def test_another_model_keeps_the_picture(client: TestClient, checkpoint: str, opened: str) -> None:
    answer = client.post("/api/open", params={"model": checkpoint, "picture": opened}).json()
    assert answer["name"] == "mine.png"
    _, pixels = unpack(client.get(f"/api/pixels/{answer['id']}").content)
    np.testing.assert_array_equal(pixels, UPLOAD)


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", to_png(UPLOAD)[:60], b"\x89PNG\r\n\x1a\n" + bytes(100), b"GIF89a\xff\xff\xff\xff", b"{}" * 99],
)
def test_a_bad_upload_is_answered_with_one_sentence(client: TestClient, checkpoint: str, data: bytes) -> None:
    answer = upload(client, checkpoint, data)
    assert answer.status_code == 422
    sentence = answer.json()["error"]
    assert 10 < len(sentence) < 250 and "\n" not in sentence and "Traceback" not in sentence


def test_an_upload_beyond_the_limit_is_refused(
    client: TestClient, checkpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MAX_UPLOAD", 1000)
    answer = upload(client, checkpoint, to_png(UPLOAD))
    assert answer.status_code == 422 and "larger than" in answer.json()["error"]


@pytest.mark.parametrize("lmbda", ["63", "5000", "nan", "inf", "-1", "many"])
def test_a_lambda_that_is_none_is_refused(client: TestClient, opened: str, lmbda: str) -> None:
    assert client.get(f"/api/frame/{opened}", params={"lmbda": lmbda}).status_code == 422


def test_unknown_names_are_refused(client: TestClient, checkpoint: str) -> None:
    assert client.post("/api/open", params={"model": "../secret", "sample": "parrots"}).status_code == 422
    assert client.post("/api/open", params={"model": checkpoint, "sample": "../README.md"}).status_code == 422
    assert client.get("/api/pixels/guess").status_code == 410


def test_the_store_lets_go_of_what_was_unused_for_longest(checkpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened_pictures, "MAX_OPEN", 2)
    pictures = opened_pictures.OpenPictures([checkpoint], {})
    first, second = (pictures.open(checkpoint, UPLOAD, name).token for name in "ab")
    pictures.get(first)
    third = pictures.open(checkpoint, UPLOAD, "c").token
    assert len({first, second, third}) == 3
    with pytest.raises(errors.Gone):
        pictures.get(second)
    assert pictures.get(first).name == "a" and pictures.get(third).name == "c"


def test_a_picture_of_ones_own_comes_first(checkpoint: str, tmp_path: Path) -> None:
    (tmp_path / "holiday.png").write_bytes(to_png(UPLOAD))
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


def test_plotly_accepts_the_figure() -> None:
    description = rates.rd_figure(rates.series({"model": "M", "jpeg": "J", "jpeg2000": "K"}))
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
    for curve in rates.series(dict.fromkeys("abcdefghijkl", "")):
        for ground in grounds:
            dark, light = sorted((luminance(curve.color), luminance(ground)))
            assert (light + 0.05) / (dark + 0.05) >= 3, (curve.color, ground)


def test_no_two_curves_look_alike() -> None:
    looks = [(each.color, each.dash) for each in rates.series(dict.fromkeys(map(str, range(60)), ""))]
    assert len(set(looks)) == len(looks)


def test_a_link_whose_state_lacks_its_hash_is_led_to_the_page(client: TestClient) -> None:
    answer = client.get("/&hide=numbers%2Csamples&lambda=512", follow_redirects=False)
    assert answer.status_code == 307 and answer.headers["location"] == "/#hide=numbers%2Csamples&lambda=512"


@pytest.mark.parametrize(("data", "says"), [(b"not a picture", "is not a picture"), (b"", "is empty")])
def test_a_file_that_is_no_picture_is_called_by_its_name(
    client: TestClient, checkpoint: str, data: bytes, says: str
) -> None:
    answer = upload(client, checkpoint, data)
    assert answer.status_code == 422 and answer.json()["error"].startswith(f"'mine.png' {says}")
