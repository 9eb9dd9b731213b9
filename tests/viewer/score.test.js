import assert from "node:assert/strict";
import { test } from "node:test";
import { chance, scoreText, shuffled } from "../../explorer/views/viewer/story/score.js";

test("how one-sided a fair coin would be: scipy.stats.binomtest", () => {
  const known = [[5, 5, 0.0625], [4, 5, 0.375], [8, 8, 0.0078125], [3, 6, 1], [6, 8, 0.2890625]];
  for (const [wins, count, p] of known) assert.equal(chance(wins, count), p);
});

test("the score says what it is worth", () => {
  assert.match(scoreText(8, 8), /in 8 of 8 rounds.*1 of 100 such quizzes only: hardly chance/);
  assert.match(scoreText(3, 6), /100 of 100 such quizzes, so this could be chance/);
  assert.match(scoreText(0, 0), /choose another codec/);
});

test("a shuffle keeps every item and leaves the list alone", () => {
  const items = [1, 2, 3, 4, 5];
  assert.deepEqual(shuffled(items, () => 0), [2, 3, 4, 5, 1]);
  assert.deepEqual(shuffled(items, () => 0.999), items);
  assert.deepEqual(items, [1, 2, 3, 4, 5]);
});
