import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { visibleError } from "../../explorer/views/viewer/picture/flip.js";

// NVIDIA's values of the pictures below: tests/test_flip.py makes the file.
const expected = JSON.parse(readFileSync(new URL("flip.json", import.meta.url), "utf8"));
const [width, height] = expected.size;

const original = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
  const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
  return (7 * x + 3 * y + 40 * c + 31 * ((x >> 3) ^ (y >> 2))) & 255;
});
const other = original.map((value, i) => (value & 224) + (Math.floor(i / 3) % width > 20 ? 16 : 0));

for (const { ppd, values } of expected.maps) {
  test(`the visible error is NVIDIA’s at ${Math.round(ppd)} pixels a degree`, async () => {
    const found = await visibleError(original, other, { width, height }, ppd, () => null);
    const worst = Math.max(...found.map((value, i) => Math.abs(value - values[i] / 1e4)));
    assert.ok(worst < 2e-4, `off by ${worst}`);
  });
}

test("there is none where nothing differs", async () => {
  const found = await visibleError(original, original, { width, height }, 67, () => null);
  assert.equal(Math.max(...found), 0);
});

test("it waits where it is told to, and ends where that throws", async () => {
  let waits = 0;
  const pause = () => {
    if (waits === 3) throw new Error("left");
    return new Promise((resolve) => setTimeout(resolve, (waits++, 0)));
  };
  await assert.rejects(visibleError(original, other, { width, height }, 67, pause), /left/);
  assert.equal(waits, 3);
});
