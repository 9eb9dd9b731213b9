"""What the bundled weights do: the figures that a change of them may not lose."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import sample_paths

import explorer
from explorer import metrics
from explorer.condition import HYPERPRIOR_LAMBDAS, PAPER_LAMBDAS, Condition
from explorer.images import read
from explorer.library import list_models, load_model
from explorer.session import Session

TINT = {"mae": 2.0, "mae-hyperprior": 1.2}  # levels of 255 that a grey photograph may come back coloured by
LUMA = (0.299, 0.587, 0.114)


def test_every_system_is_here():
    expected = ["mae", "mae-hyperprior", "bottleneck", "bottleneck-hyperprior"]
    expected += [f"independent-{lmbda:g}" for lmbda in PAPER_LAMBDAS]
    expected += [f"independent-hyperprior-{lmbda:g}" for lmbda in HYPERPRIOR_LAMBDAS]
    assert sorted(list_models()) == sorted(expected)
    assert list_models()[:2] == ["mae", "mae-hyperprior"]


def test_both_priors_stand_on_one_set_of_transforms(mae, hyperprior):
    assert mae.transforms == hyperprior.transforms
    session = Session(mae, read(sample_paths()[0]).pixels[:160, :160])
    other = session.under(hyperprior)
    assert other.latents(512) is session.latents(512), "y is not computed again"
    assert other.encode(512) != session.encode(512)


@pytest.mark.parametrize(("lmbda", "limit"), [(64, 0.02), (4096, 0.05)])
def test_a_constant_picture_costs_next_to_nothing(hyperprior, lmbda, limit):
    grey = np.full((512, 768, 3), 128, np.uint8)
    assert metrics.bpp(len(Session(hyperprior, grey).encode(lmbda)), 512, 768) <= limit


@pytest.mark.parametrize("name", TINT)
def test_a_grey_photograph_comes_back_grey(name):
    model = load_model(name, "cpu")
    found = []
    for path in sample_paths()[:3]:
        luma = np.rint(read(path).pixels[:256, :256] @ np.array(LUMA)).astype(np.uint8)
        session = Session(model, np.repeat(luma[..., None], 3, axis=2))
        for lmbda in (128, 512, 4096):
            red, green, blue = np.moveaxis(session.reconstruct(lmbda).astype(int), 2, 0)
            found += [np.abs(red - green).mean(), np.abs(blue - green).mean()]
    assert np.mean(found) <= TINT[name]


@pytest.mark.slow
@pytest.mark.parametrize("path", sample_paths()[:2], ids=lambda path: path.stem)
def test_the_hyperprior_saves_bits_at_the_same_quality(mae, hyperprior, path):
    session = Session(mae, path)
    other = session.under(hyperprior)
    lines = [[(point.bpp, point.psnr) for point in each.curve(5)] for each in (session, other)]
    saving = metrics.bd_rate(*[tuple(zip(*line, strict=True)) for line in lines])
    assert saving < -8


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mae", "mae-hyperprior"])
def test_rate_and_quality_rise_over_64_levels(name):
    session = Session(load_model(name, "cpu"), read(sample_paths()[1]).pixels[:256, :384])
    points = [session.point(Condition(round(level))) for level in np.linspace(0, 65535, 64)]
    rates, quality = ([getattr(point, part) for point in points] for part in ("bpp", "psnr"))
    assert np.mean(np.diff(rates) > 0) > 0.95 and np.mean(np.diff(quality) > 0) > 0.95, "of one picture, nearly always"
    assert rates[-1] > 8 * rates[0] and quality[-1] > quality[0] + 6


def test_a_file_of_each_bundled_prior_decodes_by_its_header_alone(mae, hyperprior):
    pixels = read(sample_paths()[0]).pixels[:100, :70]
    for model in (
        mae,
        hyperprior,
        load_model("independent-hyperprior-256", "cpu"),
        load_model("bottleneck-hyperprior", "cpu"),
    ):
        data = model.encode(pixels, 256)
        np.testing.assert_array_equal(explorer.decode(data, "cpu"), Session(model, pixels).reconstruct(256))
