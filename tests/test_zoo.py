"""CompressAI's models as codecs, with random weights under the published names: coding, damage, absence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import smooth_picture

from explorer import evaluate, images
from explorer.codecs import ZOO, CodecError, MissingPackage, measure, zoo
from explorer.views.service.rivals import Rivals

pytestmark = pytest.mark.usefixtures("compressai_zoo")


@pytest.fixture(params=ZOO)
def codec(request: pytest.FixtureRequest) -> zoo.ZooCodec:
    return ZOO[request.param]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torch.hub's folder of weights, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    zoo.folder().mkdir(parents=True)
    return zoo.folder()


def weights_of(codec: zoo.ZooCodec, quality: int) -> Path:
    return zoo.folder() / Path(codec.addresses[quality - 1]).name


def put_weights(codec: zoo.ZooCodec, *qualities: int) -> None:
    """Small untrained networks in the files of some qualities, with the key names of the published ones."""
    from compressai.zoo.image import model_architectures

    for quality in qualities:
        torch.manual_seed(quality)
        network = model_architectures[codec.name](16, 24)
        network.g_a[-1].weight.data *= 100  # else all symbols are zero,
        network.g_s[-1].bias.data += 0.5  # and all pictures black
        network.update()
        weights = {_published(key): value for key, value in network.state_dict().items()}
        torch.save(weights, weights_of(codec, quality))


def _published(key: str) -> str:
    for now, then in {"matrices": "_matrices", "biases": "_biases", "factors": "_factors"}.items():
        key = key.replace(f"entropy_bottleneck.{now}.", f"entropy_bottleneck.{then}.")
    return key


@pytest.mark.parametrize("size", [(1, 1), (3, 70), (64, 64), (65, 97), (130, 40)])
def test_a_file_decodes_to_what_its_network_makes_of_the_picture(codec: zoo.ZooCodec, size: tuple[int, int]) -> None:
    put_weights(codec, 1, 8)
    pixels = smooth_picture(*size)
    for quality in (1, 8):
        found = measure(codec, pixels, quality)
        assert found.data == codec.encode(pixels, quality)
        expected = without_coder(codec, quality, pixels)
        assert found.pixels.shape == pixels.shape and np.ptp(expected) > 2
        assert np.abs(found.pixels.astype(int) - expected).max() <= 1  # where a value lies half-way between two levels


def without_coder(codec: zoo.ZooCodec, quality: int, pixels: np.ndarray) -> np.ndarray:
    """What the network gives with its halves joined."""
    network = codec._network(quality)
    with torch.inference_mode():
        x = network(images.pad(images.to_tensor(pixels), network.downsampling_factor))["x_hat"]
    return images.to_pixels(images.crop(x, *pixels.shape[:2]))


def test_damage_and_another_models_file_are_refused(codec: zoo.ZooCodec) -> None:
    put_weights(codec, 3)
    data, rng = codec.encode(smooth_picture(64, 80), 3), np.random.default_rng(0)
    broken = [data[: rng.integers(len(data))] for _ in range(50)]
    broken += [data[:place] + bytes([data[place] ^ 1 << rng.integers(8)]) + data[place + 1 :] for place in range(60)]
    for each in [*broken, data + b"\0", b""]:
        with pytest.raises(CodecError, match=r"damaged|not a file of"):
            codec.decode(each)
    for other in set(ZOO.values()) - {codec}:
        with pytest.raises(CodecError, match=f"another model than {other.label}"):
            other.decode(data)
    with pytest.raises(CodecError, match="Quality goes from 1 to 8"):
        codec.encode(smooth_picture(8, 8), 9)


def test_damaged_weights_are_named_with_the_remedy(codec: zoo.ZooCodec) -> None:
    put_weights(codec, 4)
    path = weights_of(codec, 4)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CodecError, match="delete them and run `explorer fetch zoo`"):
        codec.encode(smooth_picture(8, 8), 4)


def test_absent_weights_leave_the_codec_out_and_say_why(codec: zoo.ZooCodec, cache: Path) -> None:
    message = f"{codec.label} needs its weights: run `explorer fetch zoo`."
    for act in (lambda: codec.version, lambda: codec.encode(smooth_picture(8, 8), 2)):
        with pytest.raises(MissingPackage) as raised:
            act()
        assert str(raised.value) == message
    assert not list(cache.iterdir())
    assert {rival["name"]: rival["reason"] for rival in Rivals().listed}[codec.name] == message
    assert codec.name not in evaluate.codec_names(["classical"])
    for quality in range(1, 9):
        assert codec.name not in evaluate.codec_names()
        weights_of(codec, quality).touch()
    assert codec.name in evaluate.codec_names() and codec.version.startswith("compressai 1.")
