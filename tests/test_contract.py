"""The contract that every prior keeps, whatever it is: training, folding, freezing, coding, what it tells views."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import codec_of, smooth_picture

from explorer import bitstream, checkpoint
from explorer.codecs.learned import LearnedCodec
from explorer.condition import LAST_LEVEL, PAPER_LAMBDAS, Condition
from explorer.images import InputError, to_tensor
from explorer.model import Autoencoder, scale_bottleneck
from explorer.priors import PRIORS
from explorer.session import Session

LEVELS = (0, 1, 255, 256, 20000, 43210, LAST_LEVEL)


def with_prior(tiny_network: Autoencoder, prior: str) -> Autoencoder:
    """The tiny network's transforms under an untrained prior of the name, its gains those of the tiny network's."""
    torch.manual_seed(1)
    network = Autoencoder(replace(tiny_network.config, prior=prior))
    own = {name: p for name, p in tiny_network.state_dict().items() if name in network.state_dict()}
    network.load_state_dict(own, strict=False)
    return network.eval()


@pytest.fixture(scope="module", params=PRIORS)
def network(request, tiny_network) -> Autoencoder:
    return with_prior(tiny_network, request.param)


@pytest.fixture(scope="module")
def codec(network) -> LearnedCodec:
    return codec_of(network, "any")


@pytest.fixture(scope="module")
def integers(network) -> dict[str, torch.Tensor]:
    return network.prior.freeze()


@pytest.fixture(scope="module")
def y(network) -> torch.Tensor:
    with torch.no_grad():
        return network.analysis(to_tensor(smooth_picture(112, 144)), network.position(512.0))


def levels_of(codec: LearnedCodec) -> list[Condition]:
    return list(codec.only) or [Condition(level) for level in LEVELS]


def test_training_sees_bits_and_what_the_decoder_will_see(network, y):
    t = network.position(torch.tensor([512.0, 4096.0]))
    batch = y.expand(2, -1, -1, -1).clone().requires_grad_(True)
    for rounded in (False, True):
        bits, seen = network.prior(batch, t, rounded)
        assert bits.shape == (2,) and (bits > 0).all()
        assert (seen - batch).abs().max() <= 0.5 + 1e-4, "noise and rounding stay within half a step"
        (bits.sum() + seen.sum()).backward()
        gradients = [p.grad for p in network.prior.parameters() if p.grad is not None]
        assert gradients and all(torch.isfinite(gradient).all() for gradient in gradients)
        network.zero_grad()


def test_a_file_holds_what_the_estimate_said(network, codec, y):
    condition = codec.condition(512)
    code = codec.quantise(y[0].numpy(), condition)
    with torch.no_grad():
        bits, decoded = network.prior.estimate(y, network.position(condition.lmbda))
    assert code.total_bits == pytest.approx(bits.item(), rel=0.03)
    assert np.abs(code.decoded - decoded[0].numpy()).mean() < 0.02
    assert 8 * len(codec.coder.encode(code)) == pytest.approx(code.total_bits, rel=0.01, abs=64)


def test_symbols_come_back_at_every_lambda(codec, y):
    for condition in levels_of(codec):
        code = codec.quantise(3 * y[0].numpy(), condition)
        back = codec.coder.decode(codec.coder.encode(code), code.symbols.shape[1:], condition)
        np.testing.assert_array_equal(back.symbols, code.symbols)
        np.testing.assert_array_equal(back.decoded, code.decoded)
        assert set(back.planes) == set(code.planes)


def test_escapes_reach_far_beyond_the_tables(codec):
    y = np.zeros((codec.channels, 2, 3), np.float32)
    y[:4, 0, 0] = (3000, -3000, 100_000, -100_000)
    code = codec.quantise(y, codec.condition(4096))
    back = codec.coder.decode(codec.coder.encode(code), (2, 3), codec.condition(4096))
    np.testing.assert_array_equal(back.symbols, code.symbols)
    assert np.abs(back.decoded - y).max() <= 0.5


def test_bits_add_up_by_element_by_position_and_with_the_side_information(codec, y):
    code = codec.quantise(y[0].numpy(), codec.condition(512))
    assert code.bits.shape == code.symbols.shape and (code.bits > 0).all()
    assert code.position_bits.shape == code.symbols.shape[1:]
    assert code.position_bits.sum(dtype=np.float64) == pytest.approx(code.total_bits, rel=1e-5)
    assert code.total_bits == pytest.approx(code.bits.sum(dtype=np.float64) + code.side_bits)
    for array in (code.symbols, code.bits):
        assert not array.flags.writeable


def test_elements_that_are_not_kept_are_what_costs_least_and_come_back(codec, y):
    code = codec.quantise(3 * y[0].numpy(), codec.condition(512))
    kept = np.random.default_rng(0).random(code.symbols.shape) < 0.5
    left = code.keeping(kept)
    np.testing.assert_array_equal(left.symbols[kept], code.symbols[kept])
    assert (left.bits <= code.bits).all() and left.total_bits < code.total_bits
    back = codec.coder.decode(codec.coder.encode(left), code.symbols.shape[1:], code.condition)
    np.testing.assert_array_equal(back.decoded, left.decoded)
    nothing = code.keeping(np.zeros_like(kept))
    assert (nothing.bits <= left.bits).all() and (nothing.keeping(kept).symbols == nothing.symbols).all()


def test_the_distribution_is_one_and_that_of_the_bits(codec, y):
    code = codec.quantise(y[0].numpy(), codec.condition(512))
    expected = code.distribution()
    columns = np.arange(expected.probability.shape[1])
    assert ((expected.probability == 0) | (columns < expected.count[:, None])).all()
    np.testing.assert_allclose(expected.probability.sum(axis=1), 1, atol=2e-3)
    if not code.planes:  # one distribution for a whole channel: its probability is that of each element
        at = np.clip(code.symbols - expected.low[:, None, None], 0, len(columns) - 1)
        p = np.take_along_axis(expected.probability, at.reshape(len(at), -1), axis=1).reshape(at.shape)
        place = code.symbols - expected.low[:, None, None]
        inside = (place >= 0) & (place < expected.count[:, None, None])
        np.testing.assert_allclose(-np.log2(p[inside]), code.bits[inside], rtol=1e-4)


@pytest.mark.parametrize("lmbda", PAPER_LAMBDAS)
def test_a_silent_channel_costs_next_to_nothing_at_every_lambda(network, lmbda):
    """Zero everywhere, with the sharpest gain there is and a symmetric density: its logits cancel exactly."""
    silent = copy.deepcopy(network)
    with torch.no_grad():
        for name, p in silent.prior.named_parameters():
            if "biases" in name:
                p.zero_()
            if "gain" in name and name.endswith("fc2.bias"):
                p.fill_(20.0)  # bounded at GAIN_MAX
            if name.startswith("ha_conv.2"):
                p.zero_()  # the side information is silent as well
    y = torch.zeros(1, silent.config.M, 8, 8)
    t = silent.position(Condition.of(lmbda).lmbda)
    with torch.no_grad():
        estimated = silent.prior.estimate(y, t)[0].item()
    code = silent.prior.coder(silent.prior.freeze()).quantise(y[0].numpy(), Condition.of(lmbda))
    if "PerLambda" not in type(silent.prior).__name__:  # whose densities have no gain that could be sharp
        assert estimated / y.numel() < 0.05
        assert code.total_bits / y.numel() < 0.05
        assert code.bits.max() < 0.05 and code.side_bits / y.numel() < 0.05
    assert code.total_bits == pytest.approx(estimated, rel=0.05, abs=40)


def test_folding_keeps_what_the_prior_does(network, y):
    folded = network.fold(512.0)
    t = network.position(Condition.of(512).lmbda)
    with torch.no_grad():
        bits, decoded = network.prior.estimate(y, t)
        same_bits, same = folded.prior.estimate(y, folded.position(512.0))
    assert same_bits.item() == pytest.approx(bits.item(), rel=1e-3)
    assert (same - decoded).abs().mean() < 1e-3
    assert folded.prior.gains(t) == {}


def test_bottleneck_scaling_begins_at_4096_with_what_it_scales(network, y):
    fixed = network.fold(4096.0)
    if fixed.prior.lambdas:
        with pytest.raises(InputError, match="continuous in λ"):
            scale_bottleneck(fixed)
        return
    scaled = scale_bottleneck(fixed)
    with torch.no_grad():
        before = fixed.prior.estimate(y, fixed.position(4096.0))
        after = scaled.prior.estimate(y, scaled.position(4096.0))
    assert after[0].item() == pytest.approx(before[0].item(), rel=1e-3)
    assert torch.allclose(after[1], before[1], atol=1e-3)


def test_a_checkpoint_of_any_prior_and_its_difference_come_back(network, tiny_network, tmp_path):
    checkpoint.save(tiny_network, tmp_path / "tiny.safetensors")
    checkpoint.save(network, tmp_path / "whole.safetensors")
    checkpoint.save(network, tmp_path / "difference.safetensors", base=tmp_path / "tiny.safetensors")
    pixels = smooth_picture(70, 90)
    files = []
    for name in ("whole", "difference"):
        model = LearnedCodec.open(tmp_path / f"{name}.safetensors", "cpu")
        assert model.prior == network.config.prior
        data = model.encode(pixels, 512)
        np.testing.assert_array_equal(model.decode(data), Session(model, pixels).reconstruct(512))
        files.append(data[23:])
    assert len(files[0]) == pytest.approx(len(files[1]), rel=0.02)


SPOILT = {
    "floats": lambda tensor: tensor.float(),
    "one number": lambda tensor: tensor.flatten()[0],
    "a row more": lambda tensor: torch.cat([tensor, tensor[-1:]]),
    "no rows": lambda tensor: tensor[:0],
}


@pytest.mark.parametrize("case", SPOILT)
def test_integers_that_are_not_of_this_prior_are_refused(network, integers, case):
    """One by one, as a checkpoint from anywhere may have them: nothing reads beyond a table."""
    for name, tensor in integers.items():
        with pytest.raises(ValueError):
            network.prior.coder(integers | {name: SPOILT[case](tensor)})
        with pytest.raises(KeyError):
            network.prior.coder({each: integers[each] for each in integers if each != name})


def test_a_file_whose_header_names_a_lambda_that_its_model_lacks_is_refused(tiny_network):
    fixed = codec_of(tiny_network.fold(512.0), "fixed")
    data = fixed.encode(smooth_picture(20, 20), 512)
    header, payload = bitstream.unpack(data)
    for level in (0, header.level - 1, header.level + 1, LAST_LEVEL):
        with pytest.raises(InputError, match=r"has λ = 512 alone.*encode the picture again\.$"):
            fixed.decode(bitstream.pack(replace(header, level=level), payload))
    assert fixed.decode(data).shape == (20, 20, 3)


def test_a_model_of_few_lambdas_says_which(tiny_network):
    network = with_prior(tiny_network, "per_lambda")
    codec = LearnedCodec(network, network.prior.freeze(), "paper", "0" * 8)
    with pytest.raises(InputError, match=r"λ = 64, 128, 256, 512, 1024, 2048, 4096 alone, but 300 was given\.$"):
        codec.condition(300)
    assert [condition.lmbda for condition in levels_of(codec)] == pytest.approx(PAPER_LAMBDAS, rel=1e-4)
    assert codec.nearest(300).lmbda == pytest.approx(256, rel=1e-4)
    session = Session(codec, smooth_picture(64, 64))
    assert session.curve_lambdas() == [codec.condition(lmbda).lmbda for lmbda in PAPER_LAMBDAS]
    size = len(session.encode(512))
    assert session.solve(bytes=size) == codec.condition(512).lmbda
