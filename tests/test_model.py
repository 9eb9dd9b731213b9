"""The network: shapes, λ, folding, the initialisation, checkpoints."""

from __future__ import annotations

import copy
import json
import math

import numpy as np
import pytest
import torch
from conftest import codec_of, photograph_tiles, smooth_picture
from safetensors.torch import load_file, save_file

from explorer import checkpoint, condition, model
from explorer.config import PRESETS, ModelConfig
from explorer.gdn import GDN
from explorer.images import InputError, to_tensor
from explorer.model import Autoencoder, scale_bottleneck
from explorer.session import Session
from explorer.train.objective import evaluate


@pytest.fixture(scope="module")
def x():
    return to_tensor(smooth_picture(64, 96))


@pytest.mark.parametrize("lmbda", condition.PAPER_LAMBDAS)
def test_a_level_names_lambda_within_four_thousandths_of_a_percent(lmbda):
    assert condition.lambda_of(condition.level_of(lmbda)) == pytest.approx(lmbda, rel=4e-5)
    assert condition.snap(condition.snap(lmbda)) == condition.snap(lmbda)


@pytest.mark.parametrize("lmbda", [63.9, 4097, 0, -1, float("nan"), float("inf")])
def test_lambda_out_of_range_says_the_range(lmbda):
    with pytest.raises(InputError, match="between 64 and 4096"):
        condition.level_of(lmbda)


@pytest.mark.parametrize("kind", ["modulated", "fixed", "bottleneck"])
def test_shapes(kind, x):
    network = Autoencoder(ModelConfig(kind, N=8, M=12, hidden=4, lmbda=512.0 if kind == "fixed" else None))
    t = network.position(512.0)
    y = network.analysis(x, t)
    assert y.shape == (1, 12, 4, 6)
    assert network.synthesis(y, t).shape == x.shape
    bits, decoded = network.prior.estimate(y, t)
    assert bits.shape == (1,) and torch.equal(decoded, y.round())


def test_the_transforms_are_the_papers(tiny_network, x):
    """Eq. 3 and 4 written out once more, plainly."""
    t = tiny_network.position(300.0)
    maps = {}
    u = x
    for k in range(3):
        maps[f"a{k}.conv"] = u = tiny_network.a_conv[k](u)
        maps[f"a{k}.mod"] = u = u * tiny_network.a_mod[k](t)[:, :, None, None]
        maps[f"a{k}.gdn"] = u = tiny_network.a_gdn[k](u)
    assert torch.equal(tiny_network.analysis(x, t), u)
    for k in range(3):
        maps[f"s{k}.igdn"] = u = tiny_network.s_gdn[k](u)
        maps[f"s{k}.mod"] = u = u * tiny_network.s_mod[k](t)[:, :, None, None]
        maps[f"s{k}.conv"] = u = tiny_network.s_conv[k](u)
    assert torch.equal(tiny_network.synthesis(maps["a2.gdn"], t), u)
    assert tiny_network.layers() == model.LAYERS == tuple(maps)
    for name in tiny_network.analysis_layers():
        assert torch.equal(tiny_network.analysis(x, t, name), maps[name]), name
    for name in tiny_network.synthesis_layers():
        assert torch.equal(tiny_network.synthesis(maps["a2.gdn"], t, name), maps[name]), name


def test_the_stem_is_what_no_lambda_touches(tiny_network, x):
    fixed = tiny_network.fold(4096.0)
    scaled = scale_bottleneck(fixed)
    scaled.y_mod.set_exponential(-3.0, 0.0)
    for network, last in [(tiny_network, "a0.conv"), (fixed, "a2.gdn"), (scaled, "a2.gdn")]:
        stem = network.stem(x)
        for lmbda in (64.0, 4096.0):
            t = network.position(lmbda)
            assert torch.equal(network.analysis(x, t, last), stem)
            assert torch.equal(network.analysis_from_stem(stem, t), network.analysis(x, t))
    low, high = (scaled.analysis(x, scaled.position(lmbda)) for lmbda in (64.0, 4096.0))
    assert torch.allclose(low, high * math.exp(-3), rtol=1e-5)


def test_stages_are_the_convolutions_of_each_kind(tiny_network):
    def rows(network):
        return [(s.name, s.kernel, s.stride, s.enlarges, s.channels, s.modulator) for s in network.stages()]

    analysis = [("a0", 9, 4, False, 48, "m0"), ("a1", 5, 2, False, 48, "m1"), ("a2", 5, 2, False, 64, "m2")]
    synthesis = [("s0", 5, 2, True, 48, "d0"), ("s1", 5, 2, True, 48, "d1"), ("s2", 9, 4, True, 3, "d2")]
    assert rows(tiny_network) == analysis + synthesis
    assert rows(tiny_network.fold(512.0)) == [(*row[:-1], "") for row in analysis + synthesis]
    hyper = Autoencoder(ModelConfig(N=8, M=12, hidden=4, prior="hyper"))
    own = [("h0", 1, 1, False, 8, "h0"), ("h1", 5, 2, False, 8, "h1"), ("h2", 5, 2, False, 8, "h2")]
    expected = [("g0", 5, 2, True, 8, "g0"), ("g1", 5, 2, True, 8, "g1"), ("g2", 1, 1, False, 24, "")]
    assert rows(hyper)[6:] == own + expected
    assert {s.modulator for s in hyper.stages()} - {""} <= set(hyper.gains(hyper.position(512.0)))


def test_layers_and_gains_of_each_kind(tiny_network):
    fixed = tiny_network.fold(512.0)
    scaled = scale_bottleneck(fixed)
    plain = tuple(name for name in model.LAYERS if not name.endswith(".mod"))
    assert fixed.layers() == plain
    assert scaled.layers() == (*plain[:6], "y.mod", "y.div", *plain[6:])
    t = fixed.position(torch.tensor([64.0, 512.0]))
    assert {name: gain.shape[1] for name, gain in tiny_network.gains(t).items()} == {
        **{"m0": 48, "m1": 48, "m2": 64, "d0": 64, "d1": 48, "d2": 48, "a": 64}
    }
    assert list(scaled.gains(t)) == ["y", "a"] and fixed.gains(t) == {}
    assert all((gain > 0).all() and len(gain) == 2 for gain in tiny_network.gains(t).values())


def test_modulation_is_the_gains_at_each_lambda(tiny):
    lambdas = [64, 300.3, 4096]
    table = tiny.modulation(lambdas)
    assert table["d1"].shape == (3, 48) and table["d1"].dtype == np.float32
    for row, lmbda in enumerate(lambdas):
        t = tiny.network.position(condition.snap(lmbda))
        for name, gain in tiny.network.gains(t).items():
            assert table[name][row] == pytest.approx(gain[0].numpy(), rel=1e-6)
    with pytest.raises(InputError, match="between 64 and 4096"):
        tiny.modulation([64, 5000])


def test_conditioning(x):
    log, linear = (Autoencoder(ModelConfig(N=8, M=8, conditioning=form)) for form in ("log", "linear"))
    assert log.position(torch.tensor([64.0, 512.0, 4096.0])).flatten().tolist() == pytest.approx([0, 0.5, 1])
    assert linear.position(torch.tensor([64.0, 4096.0])).flatten().tolist() == pytest.approx([1 / 64, 1])


@pytest.mark.parametrize("lmbda", [64.0, 700.0, 4096.0])
def test_folding_keeps_the_function(tiny_network, x, lmbda):
    wide, folded = tiny_network.double(), tiny_network.fold(lmbda).double()
    try:
        t = wide.position(condition.snap(lmbda))
        y = wide.analysis(x.double(), t)
        assert torch.allclose(folded.analysis(x.double(), t), y, rtol=1e-9, atol=1e-9)
        assert torch.allclose(folded.synthesis(y, t), wide.synthesis(y, t), rtol=1e-9, atol=1e-9)
        q = y.round()
        p = wide.prior.density.likelihood(q, wide.prior.a(t))
        assert torch.allclose(folded.prior.density.likelihood(q, folded.prior.a(t)), p, rtol=1e-6, atol=1e-12)
    finally:
        tiny_network.float()
    assert not folded.a_mod and not hasattr(folded.prior, "gain")


def test_bottleneck_scaling_starts_as_the_model_it_scales_with_steps_of_high_rate_theory(tiny_network, x):
    fixed = tiny_network.fold(4096.0)
    scaled = scale_bottleneck(fixed)
    for lmbda in (4096.0, 1024.0, 64.0):
        t = scaled.position(lmbda)
        y = fixed.analysis(x, t) * (lmbda / 4096) ** 0.5
        assert torch.allclose(scaled.analysis(x, t), y, rtol=1e-5, atol=1e-6)
        assert torch.allclose(scaled.synthesis(y, t), fixed.synthesis(fixed.analysis(x, t), t), atol=1e-4)
        assert torch.allclose(scaled.prior.a(t), torch.tensor((4096 / lmbda) ** 0.5).expand(1, scaled.config.M))


@pytest.mark.slow
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
    checkpoint.save(tiny_network, path)
    network, integers, identity = checkpoint.load(path)
    assert network.config == tiny_network.config
    assert len(identity) == 8 and identity == checkpoint.load(path)[2]
    assert set(integers) == {"tables.gains", "tables.knots", "tables.levels"}
    for name, tensor in tiny_network.state_dict().items():
        assert torch.allclose(network.state_dict()[name], tensor, rtol=1e-3, atol=1e-6), name


def test_folding_keeps_to_numbers_where_a_dead_channel_asks_for_any_gain(tiny_network):
    network = copy.deepcopy(tiny_network)
    with torch.no_grad():
        network.prior.gain.fc2.bias[0] = 200.0
    folded = network.fold(64.0)
    assert all(torch.isfinite(p).all() for p in folded.parameters())
    q = torch.zeros(1, network.config.M, 2, 3)
    t = network.position(64.0)
    expected = network.prior.density.likelihood(q, network.prior.a(t))
    assert torch.allclose(folded.prior.density.likelihood(q, folded.prior.a(t)), expected, rtol=1e-4)


def _changed(network: Autoencoder) -> Autoencoder:
    """The network after a small step of training, or what looks like one."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(0.01 * p.std(correction=0) * torch.randn(p.shape, generator=generator))
    return network


def test_differences_lie_beside_their_bases_and_are_small(tiny_network, tmp_path):
    base, fixed_path, scaled_path = (tmp_path / f"{name}.safetensors" for name in ("mae", "fixed", "scaled"))
    checkpoint.save(tiny_network, base)
    fixed = _changed(checkpoint.load(base)[0].fold(4096.0))
    checkpoint.save(fixed, fixed_path, base=base)
    came_back = checkpoint.load(fixed_path)[0]
    assert came_back.config == fixed.config
    start = checkpoint.load(base)[0].fold(4096.0).state_dict()
    for name, tensor in fixed.state_dict().items():
        largest = (tensor - start[name]).abs().max().item()
        assert (came_back.state_dict()[name] - tensor).abs().max().item() <= largest / 2 / checkpoint.STEPS + 1e-7, name
    scaled = scale_bottleneck(came_back)
    checkpoint.save(scaled, scaled_path, base=fixed_path)
    again = checkpoint.load(scaled_path)[0].state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in scaled.state_dict().items())
    assert not any("_conv." in name or "_gdn." in name for name in load_file(scaled_path))


def test_a_difference_without_its_base_is_one_sentence(tiny_network, tmp_path):
    base, path = tmp_path / "mae.safetensors", tmp_path / "fixed.safetensors"
    checkpoint.save(tiny_network, base)
    checkpoint.save(tiny_network.fold(512.0), path, base=base)
    checkpoint.save(_changed(copy.deepcopy(tiny_network)), base)
    with pytest.raises(InputError, match=r"difference from mae\.safetensors \w{8}; put that one beside it\.$"):
        checkpoint.load(path)
    with pytest.raises(InputError, match="must lie beside its base"):
        checkpoint.save(tiny_network.fold(512.0), tmp_path / "other" / "fixed.safetensors", base=base)


def test_another_weight_is_another_checkpoint(tiny_network, tmp_path):
    path = tmp_path / "tiny.safetensors"
    checkpoint.save(tiny_network, path)
    before = checkpoint.load(path)[2]
    tensors = load_file(path)
    tensors["s_conv.2.bias"][0] += 1e-3
    save_file(tensors, path, {"format": "2", "config": json.dumps(vars(tiny_network.config))})
    assert checkpoint.load(path)[2] != before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\x80\x04not a pickle"),
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: save_file({"a": torch.zeros(1)}, path),
        lambda path: save_file({"a": torch.zeros(1)}, path, {"format": "2", "config": "{"}),
        lambda path: save_file(
            {"a": torch.zeros(1)}, path, {"format": "2", "config": json.dumps({"kind": "modulated"})}
        ),
        lambda path: save_file({"a": torch.zeros(1)}, path, {"format": "2", "config": json.dumps({"colour": 3})}),
    ],
)
def test_a_bad_checkpoint_is_one_sentence(tiny_network, tmp_path, spoil):
    path = tmp_path / "tiny.safetensors"
    checkpoint.save(tiny_network, path)
    spoil(path)
    with pytest.raises(InputError) as caught:
        checkpoint.load(path)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.usefixtures("compressai_zoo")
@pytest.mark.parametrize("inverse", [False, True])
def test_gdn_is_that_of_compressai_in_values_and_gradients(inverse):
    from compressai.layers import GDN as Reference

    own, reference, x = GDN(6, inverse), Reference(6, inverse), torch.randn(2, 6, 5, 4)
    with torch.no_grad():
        for name, parameter in own.named_parameters():
            assert torch.equal(parameter, dict(reference.named_parameters())[name]), "they start alike"
            parameter.add_(0.3 * torch.randn_like(parameter))  # some below their bounds
            dict(reference.named_parameters())[name].copy_(parameter)
    torch.testing.assert_close(own(x), reference(x))
    for network in (own, reference):
        network(x).square().sum().backward()
    for name, parameter in own.named_parameters():
        torch.testing.assert_close(parameter.grad, dict(reference.named_parameters())[name].grad)


def test_a_modulator_of_another_kind_is_one(tiny_network):
    """Notebook 06 plugs one in: the part of the analysis before it must not be taken for all of it."""

    class Constant(torch.nn.Module):
        def forward(self, t: torch.Tensor) -> torch.Tensor:
            return t.new_full((len(t), tiny_network.config.N), 0.5)

    network = copy.deepcopy(tiny_network)
    network.a_mod[0] = Constant()
    assert [step.name for step in network.analysis_steps() if step.conditioned] == [
        step.name for step in tiny_network.analysis_steps() if step.conditioned
    ]
    codec = codec_of(network, "plugged")
    assert Session(codec, smooth_picture(48, 64)).reconstruct(300).shape == (48, 64, 3)
