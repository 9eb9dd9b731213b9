"""Baselines: which bundled model stands for what, and every codec by its name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import smooth_picture

from explorer import checkpoint, evaluate, library
from explorer.codecs import CODECS, CodecError, baselines, measure
from explorer.codecs.learned import LearnedCodec
from explorer.images import InputError
from explorer.model import Autoencoder
from explorer.views.service.rivals import Rivals

BUNDLE = [
    *("mae", "mae-hyperprior", "bottleneck", "bottleneck-hyperprior"),
    *(f"independent-{lmbda}" for lmbda in (64, 128, 256, 512, 1024, 2048, 4096)),
    *(f"independent-hyperprior-{lmbda}" for lmbda in (64, 256, 1024, 4096)),
]


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of checkpoints with these names and nothing in them."""
    for name in [*BUNDLE[::-1], "another"]:
        (tmp_path / f"{name}.safetensors").touch()
    monkeypatch.setattr("explorer.library.folder", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("codec", "curve"),
    [
        *(("independent-64", "independent"), ("independent-hyperprior-4096", "independent-hyperprior")),
        *(("mae-hyperprior", "mae-hyperprior"), ("bmshj2018-factorized", "bmshj2018-factorized")),
        *(("mine-512", "mine-512"), ("independent-best", "independent-best"), ("jpeg", "jpeg"), ("mae", "mae")),
    ],
)
def test_a_codecs_rows_belong_to_the_curve_of_its_family(codec: str, curve: str) -> None:
    assert baselines.curve_name(codec) == curve


def test_labels_are_for_people() -> None:
    assert baselines.label("jpeg") == CODECS["jpeg"].label and baselines.label("mine") == "mine"
    assert baselines.label("independent-hyperprior") == "independent models with hyperprior"
    assert len({baselines.label(name) for name in [*CODECS, *baselines.FAMILIES]}) == len(CODECS) + 6


def test_a_family_has_its_members_in_order_of_lambda() -> None:
    assert list(baselines.members("independent", BUNDLE[::-1])) == [64, 128, 256, 512, 1024, 2048, 4096]
    found = baselines.members("independent-hyperprior", BUNDLE[::-1])
    assert list(found) == list(baselines.FAMILIES["independent-hyperprior"].lambdas)
    assert found[256] == "independent-hyperprior-256"
    assert baselines.members("mae", BUNDLE) == baselines.members("independent", ["mae", "jpeg"]) == {}
    assert baselines.split_families(BUNDLE) == ["independent", "independent-hyperprior"]


def test_a_baseline_is_the_one_with_the_same_prior() -> None:
    assert baselines.standing_for("bottleneck", "hyper") == "bottleneck-hyperprior"
    assert baselines.standing_for("fixed", "hyper") == "independent-hyperprior"
    assert baselines.standing_for("fixed", "factorised") == "independent"
    assert baselines.standing_for("bottleneck", "per_lambda") == "bottleneck"


def test_models_are_listed_ours_first_and_families_in_order_of_lambda(bundled: Path) -> None:
    assert library.list_models() == ["mae", "mae-hyperprior", "another", *BUNDLE[2:]]


def test_groups_of_codecs_are_replaced_by_their_members(bundled: Path) -> None:
    assert evaluate.codec_names(["independent-hyperprior", "jpeg"]) == [*BUNDLE[-4:], "jpeg"]
    assert evaluate.codec_names(["independent"]) == BUNDLE[4:11]
    assert set(BUNDLE) < set(evaluate.codec_names())
    for path in bundled.glob("independent-hyper*"):
        path.unlink()
    with pytest.raises(InputError, match="No independent models with hyperprior are bundled here; train them"):
        evaluate.codec_names(["independent-hyperprior"])


def test_rivals_are_the_catalogue_the_models_and_each_family_of_independent_ones() -> None:
    shown = [rival["name"] for rival in Rivals(BUNDLE).listed][len(CODECS) :]
    assert shown == [*BUNDLE[:4], "independent", "independent-hyperprior"]
    (steps,) = (rival["steps"] for rival in Rivals(BUNDLE).listed if rival["name"] == "independent-hyperprior")
    assert steps == (64, 256, 1024, 4096)


@pytest.mark.parametrize("name", ["nothing", "independent", "independent-hyperprior-64", "../mae", "mae.safetensors"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"no codec .*; choose among jpeg, .*, mae"):
        baselines.find(name, ["mae"], lambda _: pytest.fail("no file may be opened"))


@pytest.mark.parametrize("family", ["independent", "independent-hyperprior"])
def test_independent_models_are_one_codec_with_steps(family: str, tmp_path: Path, tiny_network: Autoencoder) -> None:
    names = [f"{family}-{lmbda}" for lmbda in (64, 1024)]
    for name, lmbda in zip(names, (64, 1024), strict=True):
        checkpoint.save(tiny_network.fold(lmbda), tmp_path / f"{name}.safetensors")
    models = {name: LearnedCodec.open(tmp_path / f"{name}.safetensors", "cpu") for name in names}
    codec = baselines.find(family, names[::-1], models.__getitem__)
    assert (codec.name, codec.label, codec.knob.sweep) == (family, baselines.label(family), (64, 1024))
    assert codec.version == ", ".join(model.version for model in models.values())
    assert codec.knob.between(64, 1024) is None
    pixels = smooth_picture(40, 50)
    for lmbda, name in zip((64, 1024), names, strict=True):
        found = measure(codec, pixels, lmbda)
        assert found.data == models[name].encode(pixels, lmbda)
        np.testing.assert_array_equal(found.pixels, models[name].decode(found.data))
    with pytest.raises(CodecError, match="one of 64, 1024"):
        codec.encode(pixels, 128)
    assert baselines.find("jpeg", names, models.__getitem__) is CODECS["jpeg"]
    assert baselines.find(names[0], names, models.__getitem__) is models[names[0]]
