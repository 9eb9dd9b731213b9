import assert from "node:assert/strict";
import { test } from "node:test";
import { Ratio, gainText, ratioText } from "../../explorer/views/viewer/inside/ratio/ratios.js";

// Two channels of 1 × 2 elements.
const system = { shape: [2, 1, 2], lambdas: [4096, 64], masked: 0.25, spread: 0.1 };
const answer = {
  kind: "modulated", floor: 0.1, lambdas: [4096, 64],
  systems: { model: system, bottleneck: { missing: "It is not here." }, independent: { ...system, spread: null } },
  model_value: Float32Array.of(1, 1.5, NaN, -1), model_flipped: Uint8Array.of(0, 1, 0, 0),
  model_spread: Float32Array.of(0.1, NaN), model_median: Float32Array.of(1.25, -1),
  independent_value: Float32Array.of(3, 3, 0, 0), independent_flipped: new Uint8Array(4),
  independent_spread: Float32Array.of(NaN, NaN), independent_median: Float32Array.of(3, 0),
};

test("systems that are here, and why others are not", () => {
  const ratio = new Ratio(answer, false);
  assert.deepEqual([[...ratio.systems.keys()], ratio.missing("bottleneck")], [["model", "independent"], "It is not here."]);
  const { leading } = ratio;
  assert.equal(leading.name, "model");
  assert.deepEqual([leading.at(0, 0, 1), [...leading.flips(0)], leading.masked(1)], [1.5, [0, 1], 0.5]);
  assert.deepEqual(leading.plane(1), { values: answer.model_value, start: 2, width: 2, height: 1 });
  assert.deepEqual(leading.order, [0, 1]); // a channel without a spread comes last
});

test("a gain in words", () => {
  assert.deepEqual([gainText(1), gainText(-0.5), gainText(NaN)], ["×2", "×0.707", "masked"]);
  assert.equal(ratioText([4096, 64]), "λ 4096 / λ 64");
});
