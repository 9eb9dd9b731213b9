import assert from "node:assert/strict";
import { test } from "node:test";
import { between, livePoint } from "../../explorer/views/viewer/rates/live.js";
import { Numbers } from "../../explorer/views/viewer/rates/numbers.js";

const PICTURE = { width: 100, height: 50 };
const point = (bpp, psnr, ms_ssim) => ({ bpp, psnr, ms_ssim });
const near = (found, wanted) => assert.ok(Math.abs(found - wanted) < 1e-9, `${found} is not ${wanted}`);

test("a measured point is shown as it is", () => {
  const measured = point(0.5, 30, 0.9);
  assert.equal(livePoint({ lmbda: 100, point: measured, estimated_bits: 1 }, [], PICTURE), measured);
});

test("between two measured points: the tables’ rate, and the curve’s quality on log λ", () => {
  const points = [{ setting: 64, point: point(0.1, 26, 0.9) }, { setting: 1024, point: point(1.6, 34, 0.99) }];
  const found = livePoint({ lmbda: 256, point: null, estimated_bits: 2000 }, points, PICTURE);
  assert.ok(found.approximate);
  assert.deepEqual([found.bpp, found.bytes, found.psnr], [0.4, 250, 30]);
  near(-10 * Math.log10(1 - found.ms_ssim), 15);
  near(livePoint({ lmbda: 256, point: null, estimated_bits: null }, points, PICTURE).bpp, 0.4); // of the curve
});

test("what nobody knows yet is undefined", () => {
  const points = [{ setting: 64, point: point(0.1, 26, null) }];
  const beyond = livePoint({ lmbda: 256, point: null, estimated_bits: null }, points, PICTURE);
  assert.deepEqual([beyond.bpp, beyond.bytes, beyond.psnr, beyond.ms_ssim], [undefined, undefined, undefined, undefined]);
  const there = livePoint({ lmbda: 64, point: null, estimated_bits: 500 }, points, PICTURE);
  assert.deepEqual([there.psnr, there.ms_ssim], [26, null]); // too small a picture for MS-SSIM
});

test("SSIMULACRA2 between points where both of them have it, and nothing where one has none", () => {
  const at = (setting, ssimulacra2) => ({ setting, point: { ...point(1, 30, null), ssimulacra2 } });
  assert.equal(between([at(64, 20), at(256, 60)], 128).ssimulacra2, 40);
  assert.equal(between([at(64, undefined), at(256, 60)], 128).ssimulacra2, undefined);
  assert.equal(between([at(64, null), at(256, null)], 128).ssimulacra2, null);
});

test("numbers are asked for when λ rests, and given up when it moves on", async () => {
  const asked = [];
  let told, begin;
  const done = new Promise((resolve) => (told = resolve));
  const begun = new Promise((resolve) => (begin = resolve));
  const numbers = new Numbers(async ({ picture, lmbda }, signal) => {
    asked.push([picture, lmbda, signal]);
    begin();
    if (lmbda === 1) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    return { point: "measured", side_bits: 0 };
  }, { found: told, failed: assert.fail });
  const first = { picture: "a", lmbda: 1 };
  numbers.seek(first);
  await begun;
  const second = { picture: "a", lmbda: 2, point: null };
  numbers.seek(second);
  await done;
  assert.equal(asked[0][2].aborted, true);
  assert.deepEqual([second.point, second.side_bits], ["measured", 0]);
  assert.equal(first.point, undefined);
});
