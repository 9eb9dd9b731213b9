import assert from "node:assert/strict";
import { test } from "node:test";
import { means } from "../../explorer/views/viewer/inside/shared/multiples.js";
import { fits, mostScale, pixelRatio } from "../../explorer/views/viewer/picture/limits.js";

globalThis.window = /** @type {any} */ ({ devicePixelRatio: 3 });

test("no canvas has more than 16,777,216 pixels, or a side of more than 16,384", () => {
  assert.ok(fits(4096, 4096) && fits(16384, 1024));
  assert.ok(!fits(4097, 4096) && !fits(16385, 1));
  for (const [width, height] of [[7680, 4320], [16, 120000], [390, 844], [1, 1]]) {
    const scale = mostScale(width, height);
    assert.ok(fits(Math.floor(width * scale), Math.floor(height * scale)));
    const ratio = pixelRatio(width, height);
    assert.ok(ratio <= 3 && fits(Math.round(width * ratio), Math.round(height * ratio)));
  }
  assert.equal(pixelRatio(390, 844), 3);
});

test("maps are made smaller by means of what there is", () => {
  const values = Float32Array.of(1, 2, 3, 5, 6, 7, 10, 20, 30);
  assert.deepEqual(means(values, 3, 2), Float32Array.of(3.5, 5, 15, 30));
  assert.deepEqual(means(values, 3, 1), values);
});
