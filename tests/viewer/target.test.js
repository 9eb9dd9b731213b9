import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTarget } from "../../explorer/views/viewer/controls/target.js";

test("a number alone is λ", () => {
  for (const text of ["512", " λ 512 ", "λ=512", "512.0"]) assert.deepEqual(parseTarget(text), { lmbda: 512 });
});

test("a unit says what is to be reached", () => {
  assert.deepEqual(parseTarget("0.5 bpp"), { bpp: 0.5 });
  assert.deepEqual(parseTarget("0,5bpp"), { bpp: 0.5 });
  assert.deepEqual(parseTarget("34 dB"), { psnr: 34 });
  for (const text of ["80 kB", "80KB", "80000 bytes", "80,000 B", "0.08 MB"]) assert.deepEqual(parseTarget(text), { bytes: 80000 });
});

test("anything else is none", () => {
  for (const text of ["", "bpp", "0", "-3 dB", "1e3", "5 apples", "1.2.3", "34 dB or so"]) assert.equal(parseTarget(text), null);
});
