"""A .mae file as its receiver sees it: what the sender's session has of it, and a sentence for what it has not."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from conftest import codec_of, smooth_picture

import explorer
from explorer import checkpoint, library
from explorer.codecs.learned import LearnedCodec
from explorer.images import InputError
from explorer.received import Received
from explorer.session import Session

PIXELS = smooth_picture(70, 91)


@pytest.fixture(scope="module")
def sender(tiny: LearnedCodec) -> Session:
    return Session(tiny, PIXELS)


@pytest.fixture(scope="module")
def received(sender: Session) -> Received:
    return Received(sender.model, sender.encode(512), "photo.mae")


def test_the_receiver_sees_what_the_sender_knew_it_would(sender: Session, received: Received) -> None:
    assert received.size == sender.size == (70, 91)
    assert received.lmbda == pytest.approx(512, rel=1e-4)
    assert received.bpp == sender.point(512).bpp and received.encode() == sender.encode(512)
    np.testing.assert_array_equal(received.reconstruct(), sender.reconstruct(512))
    np.testing.assert_array_equal(received.symbols(), sender.symbols(512))
    np.testing.assert_array_equal(received.bits(), sender.bits(512))
    assert received.code().total_bits == sender.code(512).total_bits
    for array in (received.reconstruct(), received.symbols(), received.bits()):
        assert not array.flags.writeable


def test_the_synthesis_can_be_looked_into(sender: Session, received: Received) -> None:
    assert received.layers == tuple(layer for layer in sender.layers if layer.startswith("s"))
    for layer in received.layers:
        np.testing.assert_array_equal(received.features(512, layer), sender.features(512, layer))
    theirs, own = sender.response(512, 3, 1, 2), received.response(None, 3, 1, 2)
    assert own.amplitude == theirs.amplitude
    np.testing.assert_array_equal(own.pixels, theirs.pixels)
    theirs_edited, edited = sender.edit(512, {0: 0.0}), received.edit(512, {0: 0.0})
    np.testing.assert_array_equal(edited.pixels, theirs_edited.pixels)
    assert edited.estimated_bits == theirs_edited.estimated_bits and math.isnan(edited.psnr)


def test_what_the_file_does_not_hold_is_one_sentence(received: Received) -> None:
    with pytest.raises(InputError, match=r"^This file was made at λ = 512; open the original picture .*\.$"):
        received.reconstruct(300)
    with pytest.raises(InputError, match=r"no layer 'a0\.conv'; choose one of s0"):
        received.features(None, "a0.conv")


@pytest.fixture
def bundled(tiny: LearnedCodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LearnedCodec:
    """The one bundled model of this test."""
    checkpoint.save(tiny.network, tmp_path / "mae.safetensors")
    monkeypatch.setattr(library, "folder", lambda: tmp_path)
    return library.load_model("mae", "cpu")


def test_the_header_finds_the_model(bundled: LearnedCodec, tiny: LearnedCodec, tmp_path: Path) -> None:
    file = tmp_path / "photo.mae"
    file.write_bytes(bundled.encode(PIXELS, 100))
    for source in (file, str(file), file.read_bytes()):
        found = explorer.receive(source, "cpu")
        assert found.model is bundled
        np.testing.assert_array_equal(found.reconstruct(), explorer.decode(file.read_bytes(), "cpu"))
    assert explorer.receive(file).name == "photo.mae"
    assert repr(explorer.receive(file)) == "Received('mae', 'photo.mae', 91×70, lmbda=100)"
    foreign = codec_of(tiny.network, "other")
    foreign.version = "0badcafe"
    with pytest.raises(InputError, match=r"^No bundled model has the id 0badcafe; open the checkpoint .*\.$"):
        explorer.receive(foreign.encode(PIXELS, 100))


def test_a_checkpoints_identity_is_that_of_what_it_loads() -> None:
    for name in ("mae", "bottleneck"):  # whole, and a difference
        path = library.folder() / f"{name}.safetensors"
        assert checkpoint.identity(path) == checkpoint.load(path)[2]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda data: b"", "empty"),
        (lambda data: data[:10], "cut short"),
        (lambda data: data[:-1], "should have"),
        (lambda data: data[:30] + bytes([data[30] ^ 1]) + data[31:], "damaged"),
        (lambda data: b"PNG!" + data[4:], "not a .mae file"),
    ],
)
def test_a_corrupt_file_is_one_sentence(bundled: LearnedCodec, damage, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as raised:
        explorer.receive(damage(bundled.encode(PIXELS, 100)))
    assert str(raised.value).endswith(".") and "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot be read \(No such file or directory\); check the path\.$"):
        explorer.receive(tmp_path / "no.mae")
