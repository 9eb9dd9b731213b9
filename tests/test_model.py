"""The network: shapes, λ, folding, the initialisation, checkpoints."""

from __future__ import annotations

import json

import pytest
import torch
from conftest import photograph_tiles, smooth_picture
from safetensors.torch import load_file, save_file

from explorer import axis, model
from explorer.entropy import likelihood
from explorer.images import InputError, to_tensor
from explorer.model import PRESETS, Autoencoder, ModelConfig, scale_bottleneck
from explorer.objective import evaluate


@pytest.fixture(scope="module")
def x():
    return to_tensor(smooth_picture(64, 96))


@pytest.mark.parametrize("lmbda", axis.PAPER_LAMBDAS)
def test_a_level_names_lambda_within_four_thousandths_of_a_percent(lmbda):
    assert axis.lambda_of(axis.level_of(lmbda)) == pytest.approx(lmbda, rel=4e-5)
    assert axis.snap(axis.snap(lmbda)) == axis.snap(lmbda)


@pytest.mark.parametrize("lmbda", [63.9, 4097, 0, -1, float("nan"), float("inf")])
def test_lambda_out_of_range_says_the_range(lmbda):
    with pytest.raises(InputError, match="between 64 and 4096"):
        axis.level_of(lmbda)


@pytest.mark.parametrize("kind", ["modulated", "fixed", "bottleneck"])
def test_shapes(kind, x):
    network = Autoencoder(ModelConfig(kind, N=8, M=12, hidden=4, lmbda=512.0 if kind == "fixed" else None))
    t = network.position(512.0)
    y = network.analysis(x, t)
    assert y.shape == (1, 12, 4, 6)
    assert network.synthesis(y, t).shape == x.shape
    assert network.prior_gain(t).shape == (1, 12)


def test_conditioning(x):
    log, linear = (Autoencoder(ModelConfig(N=8, M=8, conditioning=form)) for form in ("log", "linear"))
    assert log.position(torch.tensor([64.0, 512.0, 4096.0])).flatten().tolist() == pytest.approx([0, 0.5, 1])
    assert linear.position(torch.tensor([64.0, 4096.0])).flatten().tolist() == pytest.approx([1 / 64, 1])


@pytest.mark.parametrize("lmbda", [64.0, 700.0, 4096.0])
def test_folding_keeps_the_function(tiny_network, x, lmbda):
    wide, folded = tiny_network.double(), tiny_network.fold(lmbda).double()
    try:
        t = wide.position(axis.snap(lmbda))
        y = wide.analysis(x.double(), t)
        assert torch.allclose(folded.analysis(x.double(), t), y, rtol=1e-9, atol=1e-9)
        assert torch.allclose(folded.synthesis(y, t), wide.synthesis(y, t), rtol=1e-9, atol=1e-9)
        q = y.round()
        p = likelihood(wide.prior, q, wide.prior_gain(t))
        assert torch.allclose(likelihood(folded.prior, q, folded.prior_gain(t)), p, rtol=1e-6, atol=1e-12)
    finally:
        tiny_network.float()
    assert not folded.a_mod and not hasattr(folded, "p_mod")


def test_bottleneck_scaling_starts_as_the_model_it_scales(tiny_network, x):
    fixed = tiny_network.fold(4096.0)
    scaled = scale_bottleneck(fixed)
    t = scaled.position(100.0)
    assert torch.equal(scaled.analysis(x, t), fixed.analysis(x, t))


def test_the_initialisation_is_a_working_codec_before_any_step(tiny_network):
    tiles = photograph_tiles(slice(24, 40))
    rows = evaluate(tiny_network, tiles)
    bpp, psnr = [row["bpp"] for row in rows], [row["psnr"] for row in rows]
    assert bpp == sorted(bpp) and psnr == sorted(psnr), "rate and quality rise with λ"
    assert bpp[0] < 1.0 and psnr[-1] > 30.0
    random = evaluate(Autoencoder(PRESETS["tiny"]).eval(), tiles)
    assert all(row["J"] < 0.3 * other["J"] for row, other in zip(rows, random, strict=True))


def test_a_checkpoint_comes_back(tiny_network, tmp_path):
    path = tmp_path / "tiny.safetensors"
    model.save(tiny_network, path)
    network, integers, identity = model.load(path)
    assert network.config == tiny_network.config
    assert len(identity) == 8 and identity == model.load(path)[2]
    assert set(integers) == {"tables.gains", "tables.knots", "tables.levels"}
    for name, tensor in tiny_network.state_dict().items():
        assert torch.allclose(network.state_dict()[name], tensor, rtol=1e-3, atol=1e-6), name


def test_another_weight_is_another_checkpoint(tiny_network, tmp_path):
    path = tmp_path / "tiny.safetensors"
    model.save(tiny_network, path)
    before = model.load(path)[2]
    tensors = load_file(path)
    tensors["s_conv.2.bias"][0] += 1e-3
    save_file(tensors, path, {"config": json.dumps(vars(tiny_network.config))})
    assert model.load(path)[2] != before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\x80\x04not a pickle"),
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: save_file({"a": torch.zeros(1)}, path),
        lambda path: save_file({"a": torch.zeros(1)}, path, {"config": "{"}),
        lambda path: save_file({"a": torch.zeros(1)}, path, {"config": json.dumps({"kind": "modulated"})}),
        lambda path: save_file({"a": torch.zeros(1)}, path, {"config": json.dumps({"colour": 3})}),
    ],
)
def test_a_bad_checkpoint_is_one_sentence(tiny_network, tmp_path, spoil):
    path = tmp_path / "tiny.safetensors"
    model.save(tiny_network, path)
    spoil(path)
    with pytest.raises(InputError) as caught:
        model.load(path)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
