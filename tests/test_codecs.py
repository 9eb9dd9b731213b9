"""One contract over the whole catalogue and the bundled models, and the measuring and matching on top of it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from explorer import metrics
from explorer.codecs import CODECS, ZOO, Codec, CodecError, Knob, MissingPackage, match, measure
from explorer.codecs.baselines import curve_name
from explorer.images import InputError
from explorer.library import list_models
from explorer.views.service.rivals import Rivals

# Each codec meets 100 pictures: the odd corners first, then random ones, few of them large.
CORNERS = [(1, 1), (1, 2), (2, 1), (3, 3), (1, 600), (900, 1), (8, 8), (16, 15), (24, 25), (31, 33), (64, 64), (65, 97)]
RANDOM = [40] * 78 + [160] * 8
LARGE = [(513, 300), (600, 900)]


MODELS = list(dict.fromkeys(map(curve_name, list_models())))  # those for one λ each are one codec


@pytest.fixture(params=[*CODECS, *MODELS])
def codec(request: pytest.FixtureRequest) -> Codec:
    """Each codec; where its package is missing it is skipped, but in CI it must be there. Weights need not."""
    found = Rivals(list_models()).codec(request.param)
    try:
        assert found.version
    except MissingPackage as missing:
        if os.environ.get("CI") and found.name not in ZOO:
            raise
        pytest.skip(str(missing))
    return found


def picture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Coloured clouds with some grain: a picture that every codec can bring close at a high rate."""
    rows, columns = -(-height // 24) + 1, -(-width // 24) + 1
    coarse = Image.fromarray(rng.integers(40, 216, (rows, columns, 3)).astype(np.uint8))
    clouds = np.asarray(coarse.resize((24 * columns, 24 * rows), Image.Resampling.BICUBIC))[:height, :width]
    grain = rng.normal(0, 4, (height, width, 1))
    return np.clip(np.rint(clouds + grain), 0, 255).astype(np.uint8)


def sizes(rng: np.random.Generator) -> list[tuple[int, int]]:
    drawn = [tuple(rng.integers(1, limit + 1, 2).tolist()) for limit in RANDOM]
    return [*CORNERS, *drawn, *LARGE]


def middle(codec: Codec) -> float:
    return codec.knob.sweep[len(codec.knob.sweep) // 2]


def test_a_picture_of_any_size_comes_back_at_its_size_and_near(codec: Codec) -> None:
    rng = np.random.default_rng(1)
    finest = codec.knob.ladder()[-1]
    for height, width in sizes(rng):
        pixels = picture(rng, height, width)
        decoded = codec.decode(codec.encode(pixels, finest))
        assert decoded.shape == pixels.shape and decoded.dtype == np.uint8, (height, width)
        # A rate-controlled codec may spend the whole budget of a tiny picture on its headers; a learned one smooths.
        limit = (2 if height * width > 1000 else 12) * (2 if codec.name in MODELS else 1)
        assert np.abs(decoded.astype(int) - pixels).mean() < limit, (height, width)


def test_noise_comes_back_at_its_size(codec: Codec) -> None:
    noise = np.random.default_rng(9).integers(0, 256, (200, 230, 3), dtype=np.uint8)
    for setting in codec.knob.ladder()[-4:]:
        assert codec.decode(codec.encode(noise, setting)).shape == noise.shape


def test_every_setting_keeps_the_size_and_the_rate_rises_along_the_ladder(codec: Codec) -> None:
    rng = np.random.default_rng(2)
    pixels = picture(rng, 97, 129)
    rates = []
    for setting in codec.knob.ladder():
        data = codec.encode(pixels, setting)
        assert codec.decode(data).shape == pixels.shape, setting
        rates.append(len(data))
    assert all(later >= 0.97 * sooner for sooner, later in pairwise(rates)), rates
    assert rates[-1] > 2 * rates[0]


def test_the_same_picture_gives_the_same_bytes(codec: Codec) -> None:
    rng = np.random.default_rng(3)
    for height, width in [(1, 1), (63, 200), (300, 257)]:
        pixels = picture(rng, height, width)
        assert codec.encode(pixels, middle(codec)) == codec.encode(pixels.copy(), middle(codec))


def test_a_read_only_or_strided_picture_is_as_good_as_any(codec: Codec) -> None:
    pixels = picture(np.random.default_rng(4), 40, 56)
    turned = np.rot90(pixels)
    turned.setflags(write=False)
    assert codec.encode(turned, middle(codec)) == codec.encode(np.ascontiguousarray(turned), middle(codec))


def corrupted(rng: np.random.Generator, data: bytes) -> list[bytes]:
    """Truncations everywhere, then flipped bits and random bytes, in the header (where they hurt most) and beyond."""
    found = [data[:length] for length in {0, 1, 3, 8, len(data) // 2, len(data) - 1, *rng.integers(0, len(data), 12)}]
    for number in range(80):
        broken = bytearray(data)
        reach = min(64, len(data)) if number % 2 else len(data)
        for place in rng.integers(0, reach, 1 + number % 5):
            broken[place] = broken[place] ^ 1 << rng.integers(8) if number % 3 else rng.integers(256)
        found.append(bytes(broken))
    return found


def test_corrupt_bytes_give_an_error_or_a_picture(codec: Codec) -> None:
    rng = np.random.default_rng(5)
    for height, width in [(1, 1), (20, 33), (70, 90)]:
        data = codec.encode(picture(rng, height, width), middle(codec))
        for broken in corrupted(rng, data):
            try:
                decoded = codec.decode(broken)
            except InputError as error:
                assert 15 < len(str(error)) < 150
            else:
                assert decoded.dtype == np.uint8 and decoded.ndim == 3 and decoded.shape[2] == 3


def test_foreign_bytes_give_an_error(codec: Codec) -> None:
    pixels = picture(np.random.default_rng(6), 16, 16)
    jpeg, png_like = CODECS["jpeg"].encode(pixels, 50), b"\x89PNG\r\n\x1a\n" + bytes(60)
    for foreign in [b"", b"x", b"<svg/>" * 20, bytes(1000), b"\xff" * 1000, png_like, jpeg[2:]]:
        with pytest.raises(InputError):
            codec.decode(foreign)
    if not codec.name.startswith("jpeg") or codec.name == "jpeg2000":
        with pytest.raises(InputError):
            codec.decode(jpeg)


def test_a_setting_that_the_knob_lacks_is_refused(codec: Codec) -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    for wrong in [codec.knob.minimum - 1, codec.knob.maximum + 1, float("nan")]:
        with pytest.raises(InputError, match=codec.knob.label):
            codec.encode(pixels, wrong)
    if codec.knob.integer:
        with pytest.raises(CodecError, match="whole"):
            codec.encode(pixels, codec.knob.minimum + 0.5)


def test_catalogue_entries_are_told_apart() -> None:
    assert list(CODECS) == [codec.name for codec in CODECS.values()]
    assert len({codec.label for codec in CODECS.values()}) == len(CODECS)
    for codec in CODECS.values():
        low, high = codec.knob.minimum, codec.knob.maximum
        assert all(low <= setting <= high for setting in codec.knob.sweep)
        assert len(codec.knob.sweep) == len(set(codec.knob.sweep)) <= 20
        assert len(codec.knob.sweep) >= (8 if codec.name in ZOO else 10)


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [("bpg444", "av", "av"), ("jxl", "pillow_jxl", "pillow-jxl-plugin"), ("heic", "pillow_heif", "pillow-heif")],
)
def test_a_missing_package_is_named_with_its_command(
    monkeypatch: pytest.MonkeyPatch, name: str, module: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackage, match=f"pip install {package}$"):
        CODECS[name].encode(np.zeros((8, 8, 3), np.uint8), middle(CODECS[name]))


def test_importing_the_catalogue_loads_no_codec_library() -> None:
    probe = "import sys, explorer.codecs; print({'av', 'pillow_heif', 'pillow_jxl', 'scipy'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


# Measuring and matching ------------------------------------------------------------------------------------------


def test_measure_gives_the_point_of_the_whole_file() -> None:
    codec, pixels = CODECS["jpeg"], picture(np.random.default_rng(7), 200, 180)
    found = measure(codec, pixels, 60.0)
    point = found.point
    assert found.data == codec.encode(pixels, 60) and np.array_equal(found.pixels, codec.decode(found.data))
    assert (point.codec, point.version, point.knob) == ("jpeg", codec.version, {"quality": 60})
    assert (point.width, point.height, point.bytes, point.estimated_bits) == (180, 200, len(found.data), None)
    assert point.bpp == 8 * len(found.data) / (200 * 180)
    assert point.psnr == metrics.psnr(pixels, found.pixels)
    assert point.ms_ssim == metrics.ms_ssim(pixels, found.pixels)
    assert found.encode_s > 0 and found.decode_s > 0


@dataclass
class Ruler:
    """A codec whose files have the length that its curve gives a setting, and which counts its work."""

    knob: Knob
    power: float
    name: str = "ruler"
    label: str = "Ruler"
    version: str = "1"
    encoded: list[float] = field(default_factory=list)

    def encode(self, pixels: np.ndarray, setting: float) -> bytes:
        self.encoded.append(setting)
        share = (setting - self.knob.minimum) / (self.knob.maximum - self.knob.minimum)
        share = share if self.knob.sweep[0] < self.knob.sweep[-1] else 1 - share
        return bytes(1000 + round(1_000_000 * share**self.power))

    def decode(self, data: bytes) -> np.ndarray:
        raise CodecError("A ruler has no picture.")


PIXELS = np.zeros((2, 2, 3), np.uint8)
RISING = Knob("k", "K", 0, 100, sweep=(5, 20, 50, 80, 95), integer=False)
FALLING = Knob("k", "K", 0, 51, sweep=(51, 40, 30, 20, 10))


@given(target=st.integers(1000, 1_001_000), power=st.floats(1, 6))
@settings(max_examples=200, deadline=None)
def test_match_reaches_every_size_of_a_continuous_knob(target: int, power: float) -> None:
    ruler = Ruler(RISING, power)
    found = match(ruler, PIXELS, bytes=target)
    assert found.reached and abs(len(found.measurement.data) / target - 1) <= 0.02
    assert found.gap == pytest.approx(len(found.measurement.data) / target - 1)
    assert len(ruler.encoded) == len(set(ruler.encoded)) <= 30


@given(target=st.integers(1, 2_000_000), power=st.floats(0.3, 6))
@settings(max_examples=200, deadline=None)
def test_match_finds_the_nearest_step_and_owns_up_to_the_gap(target: int, power: float) -> None:
    ruler = Ruler(FALLING, power)
    found = match(ruler, PIXELS, bytes=target)
    gaps = [len(ruler.encode(PIXELS, setting)) / target - 1 for setting in range(52)]
    nearest = min(map(abs, gaps))
    # A setting within the tolerance is near enough to stop at.
    assert abs(found.gap) == pytest.approx(nearest) if not found.reached else abs(found.gap) <= 0.02
    assert found.reached == (nearest <= 0.02)


def test_match_in_bytes_does_not_decode_and_repeats_nothing() -> None:
    ruler = Ruler(RISING, 2.0)
    tried: dict[float, object] = {}
    match(ruler, PIXELS, bytes=300_000, tried=tried)  # a Ruler raises where it is decoded
    work = len(ruler.encoded)
    match(ruler, PIXELS, bytes=300_000, tried=tried)
    assert len(ruler.encoded) == work == len(tried)
    match(ruler, PIXELS, bytes=310_000, tried=tried)
    assert len(ruler.encoded) <= work + 6


@pytest.mark.parametrize("name", ["jpeg", "jpeg2000", "webp"])
def test_match_in_quality_on_a_real_codec(name: str) -> None:
    pixels = picture(np.random.default_rng(8), 180, 240)
    found = match(CODECS[name], pixels, psnr=33.0)
    assert found.gap == pytest.approx(found.measurement.psnr - 33.0)
    assert found.reached and abs(found.gap) <= 0.1
    unreachable = match(CODECS[name], pixels, psnr=90.0)
    assert not unreachable.reached and unreachable.gap < -10


def test_match_takes_one_target() -> None:
    with pytest.raises(TypeError):
        match(CODECS["jpeg"], PIXELS)
    with pytest.raises(TypeError):
        match(CODECS["jpeg"], PIXELS, bytes=10, psnr=30.0)
