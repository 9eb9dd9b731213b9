import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK, LambdaMap, MOST_STEP } from "../../explorer/views/viewer/picture/lambdamap.js";

// steps: a function of row and column
const made = (rows, columns, step) => new LambdaMap(rows, columns, Int8Array.from({ length: rows * columns }, (_, i) => step(Math.floor(i / columns), i % columns)));
const clipped = (step) => Math.min(MOST_STEP, Math.max(-MOST_STEP, step));

test("texts are those that Python writes", () => {
  assert.equal(LambdaMap.flat({ width: 130, height: 65 }).text, "2x3~0*6");
  assert.equal(made(2, 3, (row, column) => (row && column ? 16 : 0)).text, "2x3~0*4~16~0");
  assert.equal(made(3, 4, (row, column) => 2 * column - row).text, "3x4~0~2*3~-1~0*3~-1~0*3");
  assert.equal(made(1, 1, () => -32).text, "1x1~-32");
});

test("every map comes back from its text", () => {
  let seed = 1;
  const random = (most) => (seed = (seed * 48271) % 2147483647) % most;
  for (let round = 0; round < 200; round++) {
    const noise = random(3) * 20;
    const map = made(1 + random(9), 1 + random(9), (row, column) => clipped(3 * row - 5 * column + random(1 + noise)));
    assert.deepEqual(LambdaMap.parse(map.text), map);
  }
});

test("discs and gradients are short", () => {
  const disc = made(8, 12, (row, column) => (Math.hypot(row - 3.5, column - 5.5) < 3.5 ? 16 : 0));
  assert.ok(disc.text.length < 160, disc.text);
  assert.ok(made(47, 63, (row, column) => clipped(column - 31)).text.length < 300);
});

test("what is no map is null", () => {
  const texts = [
    "", "2x3", "2x3~0*5", "2x3~0*7", "2x3~0*6~", "2x3~33~0*5", "2x3~16~17~0*4", "2x3~1e1~0*5", "2x3~0*0~0*6", " 2x3~0*6", "02x3~0*6",
    "0x3", "-2x3~0*6", "99999x99999~0*99999", "2x3~٣~0*5", "2x3~+1~0*5", "2x3~100~0*5", "2x3~0*6\n", "on",
  ];
  for (const text of texts) assert.equal(LambdaMap.parse(text), null, JSON.stringify(text));
});

test("a map knows whether it is flat, and of which pictures it has the blocks", () => {
  assert.ok(made(2, 2, () => 5).isFlat);
  assert.ok(!made(2, 2, (row) => row).isFlat);
  const map = LambdaMap.flat({ width: 2 * BLOCK + 1, height: BLOCK });
  assert.ok(map.isFlat && map.fits({ width: 3 * BLOCK, height: 1 }));
  assert.ok(!map.fits({ width: 2 * BLOCK, height: 1 }) && !map.fits({ width: 3 * BLOCK, height: BLOCK + 1 }));
});
