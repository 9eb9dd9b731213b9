import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_MAPS, countHolding, decibelsOf, shareHolding } from "../../explorer/views/viewer/inside/bits/blockmaps.js";

const floats = (...values) => Float32Array.from(values);

test("half of the whole lies in the largest blocks", () => {
  assert.equal(shareHolding(floats(1, 1, 6, 0), 0.5), 0.25);
  assert.equal(countHolding([4, 3, 2, 1], 0.9), 3);
  assert.equal(countHolding([0, 0], 0.5), 0);
});

test("a block without error has no decibels", () => {
  assert.equal(decibelsOf(0.001), 30);
  assert.ok(Number.isNaN(decibelsOf(0)));
});

test("what an added bit removes of the error, against the whole picture’s", () => {
  const local = { bits_a: floats(10, 10, 10), bits_b: floats(20, 30, 5), mse_a: floats(4, 4, 1), mse_b: floats(2, 0, 0.5) };
  // 6.5 of error for 25 bits: 0.26 a bit; the blocks remove 0.2 a bit of it, again 0.2, and error for fewer bits.
  const [first, second, third] = BLOCK_MAPS.worth.values({ local });
  assert.ok(Math.abs(first - Math.log2(0.2 / 0.26)) < 1e-6 && first === second);
  assert.ok(Number.isNaN(third));
  assert.deepEqual(BLOCK_MAPS.added.values({ local }), floats(10, 20, -5));
  assert.equal(BLOCK_MAPS.removed.values({ local })[0], 2 * 255 ** 2);
  assert.equal(BLOCK_MAPS.worth.text(1), "×2");
});
