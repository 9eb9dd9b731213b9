"""λ maps as values: their steps, their text, and the condition that carries them."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from conftest import codec_of, smooth_picture
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.condition import LAST_LEVEL, Condition, level_of
from explorer.images import MAX_PIXELS, MAX_SIDE, InputError
from explorer.lambda_map import EIGHTH, MOST_BLOCKS, RAMP, STEP, LambdaMap, blocks
from explorer.session import Session
from explorer.tiles import Box, whole


def disc(rows: int, columns: int, step: int = 16, share: float = 0.25) -> LambdaMap:
    """A disc of a share of the area in the middle."""
    down, across = np.ogrid[:rows, :columns]
    distance = (down - (rows - 1) / 2) ** 2 + (across - (columns - 1) / 2) ** 2
    return LambdaMap.of(np.where(distance <= share * rows * columns / np.pi, step, 0))


def random_map(rows: int, columns: int, seed: int = 0) -> LambdaMap:
    return LambdaMap.of(np.random.default_rng(seed).integers(-32, 33, (rows, columns)))


# -- text ------------------------------------------------------------------------------------------------------------

TEXTS = {  # the first four are those of the viewer's tests
    "2x3~0*6": [[0, 0, 0], [0, 0, 0]],
    "2x3~0*4~16~0": [[0, 0, 0], [0, 16, 16]],
    "3x4~0~2*3~-1~0*3~-1~0*3": [[0, 2, 4, 6], [-1, 1, 3, 5], [-2, 0, 2, 4]],
    "1x1~-32": [[-32]],
    "1x4~0~5~0*2": [[0, 5, 5, 5]],
    "2x2~-32~64~0~-64": [[-32, 32], [-32, -32]],
}


@pytest.mark.parametrize("text", TEXTS)
def test_text(text):
    made = LambdaMap.of(TEXTS[text])
    assert made.text == text
    assert LambdaMap.of_text(text) == made and hash(LambdaMap.of_text(text)) == hash(made)
    assert made.steps.tolist() == TEXTS[text] and made.shape == made.steps.shape


@pytest.mark.parametrize("made", [disc(8, 12), random_map(7, 5), random_map(1, 9), random_map(9, 1)])
def test_text_there_and_back(made):
    assert LambdaMap.of_text(made.text) == made
    assert not made.steps.flags.writeable


def test_gradients_and_discs_are_short():
    slope = LambdaMap.of(np.add.outer(np.arange(8), 2 * np.arange(12)))
    assert slope.text == "8x12~0~2*11~1*84"
    assert len(disc(8, 12).text) < 200


HOSTILE = {
    "empty": "",
    "no runs": "2x3",
    "no steps": "0x3~0",
    "too few": "2x3~0*5",
    "too many": "2x3~0*7",
    "far too many": "2x3~0*99999",
    "no count": "2x3~0*",
    "count of zero": "2x3~0*0~0*6",
    "beyond": "1x2~33~0",
    "beyond by sums": "1x3~32~1~0",
    "fraction": "1x2~0.5~0",
    "other digits": "1x2~٣~0",
    "huge": "99999x99999~0*99999",
    "just too large": f"{MOST_BLOCKS + 1}x1~0*{MOST_BLOCKS + 1}",
    "long": "2x3" + "~0" * 200_000,
    "not a text of a map": "<script>",
    "newline": "2x3~0*6\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_gets_one_sentence(name):
    with pytest.raises(InputError) as caught:
        LambdaMap.of_text(HOSTILE[name])
    assert len(str(caught.value)) < 150 and str(caught.value).endswith(".")


def test_the_largest_pictures_have_maps():
    for height in (1, 65, MAX_SIDE, 64 * 171 + 1):
        rows, columns = blocks(height, min(MAX_PIXELS // height, MAX_SIDE))
        assert LambdaMap.of_text(f"{rows}x{columns}~0*{rows * columns}").shape == (rows, columns)


@pytest.mark.parametrize(
    "steps", [[0, 1], [[0.5, 1]], [[0, 33]], [[0, 200]], [[0, -(10**30)]], np.zeros((0, 3), int), [["a"]]]
)
def test_what_are_no_steps(steps):
    with pytest.raises(InputError):
        LambdaMap.of(steps)


# -- conditions ------------------------------------------------------------------------------------------------------


def test_a_condition_with_a_map_is_a_value():
    made = Condition(level_of(256), disc(8, 12))
    assert made == Condition(level_of(256), disc(8, 12)) != Condition(level_of(256))
    assert hash(made) == hash(Condition(level_of(256), disc(8, 12)))
    assert Condition.of(made) is made and made.lmbda == Condition.of(256).lmbda
    assert set(made.block_levels.ravel()) == {made.level, made.level + 16 * STEP}


def test_a_map_without_differences_is_none():
    flat = LambdaMap.of(np.full((2, 3), 5))
    assert Condition(1000, flat) == Condition(1000 + 5 * STEP) and Condition(1000, flat).map is None
    top = LambdaMap.of([[0, 3]])  # all at the end of the axis
    assert Condition(LAST_LEVEL, top) == Condition(LAST_LEVEL)
    assert Condition(LAST_LEVEL - 1, top).map == top
    assert Condition.of(np.full((2, 3), 300.0)) == Condition.of(300)


def test_an_array_of_lambda():
    lambdas = np.full((8, 12), 100.0)
    lambdas[2:5, 3:7] = 800
    made = Condition.of(lambdas)
    assert made.level == level_of(100) and made.map.steps.max() == 16 and made.map.steps.min() == 0
    assert abs(made.block_levels[3, 4] - level_of(800)) <= STEP / 2
    assert Condition.of(np.float32(512)) == Condition.of(np.array(512)) == Condition.of(512)


@pytest.mark.parametrize("lambdas", [[[100, 800]], ((100, 800),), np.float16([[100, 800]]), torch.tensor([[100, 800]])])
def test_what_becomes_an_array_of_lambda(lambdas):
    assert Condition.of(lambdas) == Condition.of(np.array([[100.0, 800.0]]))


def test_lambda_of_blocks_leads_back_to_them():
    steps = [[-32, 0, 32], [0, 3, 0]]  # up to both ends of the axis, which are no whole number of steps away
    made = Condition(level_of(200), LambdaMap.of(steps))
    assert {0, LAST_LEVEL} < set(made.block_levels.ravel())
    again = Condition.of(made.by_block)
    assert again.level == made.level and (again.block_levels == made.block_levels).all()


NO_LAMBDA = {
    "too much": np.array([[64, 5000]]),
    "nan": np.array([[64, np.nan]]),
    "a row": np.ones(3),
    "a cube": np.full((1, 2, 3), 300.0),
    "nothing": np.ones((2, 0)),
    "a picture of λ": np.full((3000, 4000), 300.0),
    "words": np.array([["a", "b"]]),
    "a mask": np.array([[True, False]]),
    "objects": [[100, None]],
    "a ragged list": [[100, 200], [100]],
    "a tensor with a gradient": torch.full((2, 3), 300.0, requires_grad=True),
    "none": None,
    "a word": "disc",
    "a huge number": 10**400,
    "a map without its λ": LambdaMap.of([[0, 1]]),
}


@pytest.mark.parametrize("name", NO_LAMBDA)
def test_what_is_no_lambda_gets_one_sentence(name):
    with pytest.raises(InputError) as caught:
        Condition.of(NO_LAMBDA[name])
    assert "λ" in str(caught.value) and len(str(caught.value)) < 150 and str(caught.value).endswith(".")


def test_a_map_has_to_fit_the_picture(tiny):
    session = Session(tiny, smooth_picture(100, 130))
    assert session.condition(np.array([[100, 100, 100], [100, 100, 200]])).map.shape == (2, 3)
    with pytest.raises(InputError, match=re.escape("130×100 pixels has 2×3 blocks (rows × columns), not 3×2.")):
        session.reconstruct(Condition(1000, random_map(3, 2)))
    with pytest.raises(InputError, match="not 3×2"):
        session.reconstruct(np.full((3, 2), 300.0))  # also where it makes no difference


def test_what_has_one_answer_for_a_lambda_says_so_of_a_map(tiny):
    session = Session(tiny, smooth_picture(100, 130))
    lambdas = np.array([[100, 100, 100], [100, 100, 800]])
    with pytest.raises(InputError, match=re.escape("such as those of `Condition.by_block`.")):
        tiny.modulation([lambdas])
    with pytest.raises(InputError, match=re.escape("`condition(array).map`.")):
        session.solve(bpp=1, map=lambdas)


def test_a_model_of_one_lambda_takes_no_map(tiny_network):
    fixed = Session(codec_of(tiny_network.fold(512), "fixed"), smooth_picture(64, 128))
    with pytest.raises(InputError, match="takes no λ map"):
        fixed.reconstruct(Condition(level_of(512), LambdaMap.of([[0, 1]])))


# -- places ----------------------------------------------------------------------------------------------------------


def levels_at(condition: Condition, box: Box, stride: int, ramped: bool = False) -> np.ndarray:
    levels, index = condition.places(box, stride, ramped)
    assert (np.diff(levels) > 0).all() and set(index.ravel()) == set(range(len(levels)))
    return levels[index]


@pytest.mark.parametrize("stride", [4, 8, 16, 32, 64])
def test_every_element_has_the_level_of_its_block(stride):
    condition = Condition(30000, random_map(3, 5))
    side = 64 // stride
    expected = np.kron(condition.block_levels, np.ones((side, side), int))
    np.testing.assert_array_equal(levels_at(condition, whole(expected.shape), stride), expected)
    box = Box(side // 2, side, 2 * side + 1, 4 * side)
    np.testing.assert_array_equal(levels_at(condition, box, stride), expected[box.slices])


@pytest.mark.parametrize("stride", [4, 8])
def test_a_ramp_goes_from_level_to_level_around_the_edge(stride):
    condition = Condition(30000, LambdaMap.of([[0, 16, 16, -3]]))
    side = 64 // stride
    row = levels_at(condition, Box(0, 0, 1, 4 * side), stride, ramped=True)[0]
    sharp = levels_at(condition, Box(0, 0, 1, 4 * side), stride)[0]
    distance = np.abs((np.arange(4 * side) + 0.5) * stride - 64)
    assert (row[distance > RAMP] == sharp[distance > RAMP])[: 2 * side].all()
    across = row[side - RAMP // stride - 1 : side + RAMP // stride + 1].astype(int)
    assert (np.diff(across) >= 0).all() and across[0] == 30000 and across[-1] == 30000 + 16 * STEP
    assert len(set(across)) > 2 and (np.abs(across + across[::-1] - across[0] - across[-1]) <= 2 * EIGHTH).all()
    assert (row[side + 4 : 3 * side - 4] == 30000 + 16 * STEP).all(), "nothing happens between equal blocks"
    assert ((row - 30000) % EIGHTH == 0).all()


@given(st.integers(0, 1000), st.sampled_from([4, 8, 16]), st.booleans(), st.data())
@settings(max_examples=30, deadline=None)
def test_a_rectangle_has_the_levels_of_the_whole(seed, stride, ramped, data):
    condition, side = Condition(20000, random_map(3, 4, seed)), 64 // stride
    (top, bottom), (left, right) = (
        sorted(data.draw(st.lists(st.integers(0, n * side), min_size=2, max_size=2, unique=True))) for n in (3, 4)
    )
    every = levels_at(condition, Box(0, 0, 3 * side, 4 * side), stride, ramped)
    found = levels_at(condition, Box(top, left, bottom, right), stride, ramped)
    np.testing.assert_array_equal(found, every[top:bottom, left:right])
