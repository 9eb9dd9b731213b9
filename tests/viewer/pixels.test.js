import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { decodeFrame, fromBase64 } from "../../explorer/views/viewer/picture/pixels.js";

// frame.bin is what Python packs: tests/test_wire.py has its arrays.
const packed = readFileSync(new URL("frame.bin", import.meta.url));

test("a frame is what Python packed", async () => {
  const frame = await decodeFrame(packed.buffer.slice(packed.byteOffset, packed.byteOffset + packed.length));
  assert.deepEqual([frame.header.picture, frame.header.width, frame.header.height], ["μ", 2, 1]);
  assert.deepEqual(frame.pixels, Uint8Array.of(0, 1, 2, 3, 4, 5));
  assert.equal(frame.bytes, packed.length);
  const { shape, y, symbols, bits } = frame.wishes.planes;
  assert.deepEqual(shape, [1, 1, 2]);
  assert.deepEqual(y, Float32Array.of(-1.5, NaN));
  assert.deepEqual(symbols, Int16Array.of(-2, 300));
  assert.deepEqual(bits, Float32Array.of(0.25, Infinity));
});

test("base64 as Python writes it", () => {
  assert.deepEqual(fromBase64("AP+AfQ=="), Uint8Array.of(0, 255, 128, 125));
});
