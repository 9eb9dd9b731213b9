import assert from "node:assert/strict";
import { test } from "node:test";
import { factorText, isBeyond, lambdaOf, stepsWithin, strengthText } from "../../explorer/views/viewer/paint/strength.js";

const RANGE = { min: 64, max: 4096 };
const format = (lmbda) => lmbda.toFixed(0);

test("steps are said as factors of λ", () => {
  assert.deepEqual([0, 16, -16, 32, -32, 11, -1].map(factorText), ["×1", "×8", "×1/8", "×64", "×1/64", "×4.2", "×1/1.1"]);
  const texts = Array.from({ length: 65 }, (_, i) => factorText(i - 32));
  assert.equal(new Set(texts).size, 65);
});

test("λ of a block ends where the model’s λ do, and that is said", () => {
  assert.ok(Math.abs(lambdaOf(256, 16, RANGE) / 2048 - 1) < 1e-4);
  assert.equal(lambdaOf(1024, 16, RANGE), 4096);
  assert.equal(lambdaOf(256, -16, RANGE), 64);
  assert.equal(strengthText(256, 16, RANGE, format), "×8, λ 2048");
  assert.equal(strengthText(1024, 16, RANGE, format), "×8, λ 4096 (limit)");
  assert.equal(strengthText(64, 0, RANGE, format), "×1, λ 64");
});

test("a step that comes to λ’s end exactly is not beyond it", () => {
  for (const [lmbda, step] of [[512, 16], [64, 32], [4096, -32], [64, 0], [4096, 0]]) {
    assert.ok(!isBeyond(step, stepsWithin(lmbda, RANGE)), `${step} at ${lmbda}`);
  }
  assert.ok(isBeyond(17, stepsWithin(512, RANGE)) && isBeyond(-1, stepsWithin(64, RANGE)));
});
