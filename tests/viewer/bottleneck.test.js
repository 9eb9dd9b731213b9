import assert from "node:assert/strict";
import { test } from "node:test";
import { bottleneckOf } from "../../explorer/views/viewer/inside/shared/bottleneck.js";

// Two channels of 1 × 3 elements; the second is silent. Two elements of y share one of z.
const planes = () => ({
  shape: [2, 1, 3],
  y: Float32Array.of(1.25, -2, 0, 0.25, 0, 0),
  symbols: Int16Array.of(1, -2, 0, 0, 0, 0),
  bits: Float32Array.of(2, 3, 1, 0.5, 0.25, 0.25),
  positions: Float32Array.of(3.5, 4.25, 2.25),
  side: Float32Array.of(1, 1, 1),
  side_bits: 3, side_stride: 2, further: ["μ", "σ"],
  low: Int16Array.of(-2, 0), count: Int16Array.of(4, 1), probabilities: Float32Array.of(0.125, 0.25, 0.5, 0.125, 1),
});

test("an element is what the frame says of it", () => {
  const bottleneck = bottleneckOf({ wishes: { planes: planes() } });
  const element = bottleneck.element(0, 0, 1);
  assert.deepEqual([element.value, element.decoded, element.symbol, element.bits], [-2, -2, -2, 3]);
  assert.deepEqual([element.probability, element.positionBits, element.isPredicted], [1 / 8, 4.25, false]);
  assert.deepEqual([...bottleneck.channelBits], [6, 1]);
  assert.deepEqual(bottleneck.dead, [false, true]);
  assert.deepEqual([...bottleneck.energies], [(1.25 ** 2 + 4) / 3, 0.25 ** 2 / 3]);
});

test("the prior’s probabilities lie channel after channel", () => {
  const bottleneck = bottleneckOf({ wishes: { planes: planes() } });
  const expected = (channel, symbols) => symbols.map((symbol) => bottleneck.probability(channel, symbol));
  assert.deepEqual(expected(0, [-3, -2, -1, 0, 1, 2]), [0, 0.125, 0.25, 0.5, 0.125, 0]);
  assert.deepEqual(expected(1, [-1, 0, 1]), [0, 1, 0]);
});

test("what is coded besides y, by its own coarser grid", () => {
  const { values, width, height, stride } = bottleneckOf({ wishes: { planes: planes() } }).sideCells;
  assert.deepEqual([[...values], width, height, stride], [[2, 1], 2, 1, 2]);
});

test("under a mean, ŷ is not the symbol, and further maps are found by name", () => {
  const decoded = Float32Array.of(1.5, -1.5, 0.25, 0, 0, 0);
  const mean = { shape: [2, 1, 3], stride: 1, values: Float32Array.of(0.5, 0.5, 0.25, 0, 0, 0) };
  const frame = { wishes: { planes: { ...planes(), decoded }, "plane:μ": mean, "plane:σ": {} } };
  const bottleneck = bottleneckOf(frame);
  const { isPredicted, decoded: own, mean: expected, scale } = bottleneck.element(0, 0, 1);
  assert.deepEqual([isPredicted, own, expected, scale], [true, -1.5, 0.5, undefined]);
  assert.equal(bottleneckOf(frame), bottleneck);
  assert.equal(bottleneckOf({ wishes: {} }), null);
});
