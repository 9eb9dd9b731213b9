import assert from "node:assert/strict";
import { test } from "node:test";
import { Modulators } from "../../explorer/views/viewer/inside/modulation/modulators.js";

// Three λ an octave apart; the first channel doubles with each octave, the second halves once and comes back.
const gains = Float32Array.of(1, 1, 2, 0.5, 4, 1);
const modulators = new Modulators({ header: { lambdas: [64, 128, 256], arrays: { m1: ["float32", [3, 2], 0] } }, m1: gains });
const layer = modulators.layer("m1");

test("gains become curves in octaves, those that change most first", () => {
  assert.deepEqual([[...layer.curve(0)], [...layer.curve(1)]], [[0, 1, 2], [0, -1, 0]]);
  assert.deepEqual([[...layer.change], layer.order], [[2, 2], [0, 1]]);
  assert.deepEqual(layer.speeds, [1, 1]);
  assert.equal(modulators.layer("m0"), undefined);
});

test("λ lies between samples on the log axis", () => {
  assert.deepEqual([64, 64 * Math.SQRT2, 128, 1024].map((lmbda) => Number(modulators.position(lmbda).toFixed(9))), [0, 0.5, 1, 2]);
  assert.equal(layer.logAt(0, 0.5), 0.5);
  assert.equal(modulators.interval(256), 1);
});

test("a map is relative to what its reader chose", () => {
  assert.deepEqual([...layer.relative("own")], [-2, -1, 0, 0, -1, 0]);
  assert.deepEqual([...layer.relative("none")], [0, 1, 2, 0, -1, 0]);
  assert.deepEqual([...layer.relative("layer")], [0, 1, 1, 0, -1, -1]);
});
