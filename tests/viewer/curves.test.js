import assert from "node:assert/strict";
import { test } from "node:test";
import { Curves, hasQuality, isJoined, measuredLine, similarityDecibels } from "../../explorer/views/viewer/rates/curves.js";
import { verdict } from "../../explorer/views/viewer/rates/verdict.js";
import { viewOf } from "../../explorer/views/viewer/rates/view.js";

const near = (found, wanted) => assert.ok(Math.abs(found - wanted) < 1e-9, `${found} is not ${wanted}`);
const pointsOf = (pairs) => pairs.map(([bpp, psnr], setting) => ({ setting, point: { bpp, psnr, ms_ssim: null } }));
const CURVE = pointsOf([[0.1, 25], [0.2, 28], [0.5, 33], [1, 36.5]]);

test("a curve is PCHIP on log rate, in both directions", () => {
  const line = measuredLine(CURVE, "psnr");
  assert.deepEqual([line.rates, line.qualities], [[0.1, 1], [25, 36.5]]);
  // From scipy.interpolate.PchipInterpolator.
  near(line.qualityAt(0.15), 26.674310089780054);
  near(line.qualityAt(0.3), 30.152088935224306);
  near(line.qualityAt(0.8), 35.4003303486766);
  near(line.rateAt(26), 0.1276977533064883);
  near(line.rateAt(30), 0.29232398807560883);
  near(line.rateAt(35), 0.738816612715181);
});

test("two points are joined by a straight line on log rate", () => {
  near(measuredLine(CURVE.slice(0, 2), "psnr").qualityAt(0.15), 26.754887502163466);
  assert.equal(measuredLine(CURVE.slice(0, 1), "psnr"), null);
});

test("a point that another one beats is left out, also one of the same rate", () => {
  const beaten = pointsOf([[0.1, 25], [0.15, 24], [0.2, 27], [0.2, 28], [0.5, 33], [1, 36.5]]);
  near(measuredLine(beaten, "psnr").qualityAt(0.3), 30.152088935224306);
});

test("MS-SSIM in decibels, and none where nothing was measured or lost", () => {
  near(similarityDecibels(0.99), 20);
  assert.deepEqual([similarityDecibels(null), similarityDecibels(1)], [null, null]);
});

test("points come in any order and at most once", () => {
  const curves = new Curves();
  const [first, second, third] = CURVE.map((each) => ({ series: "jpeg", ...each }));
  for (const line of [third, first, second]) assert.ok(curves.add(line));
  assert.equal(curves.add(second), null);
  assert.deepEqual(curves.of("jpeg").points.map(({ setting }) => setting), [0, 1, 2]);
  curves.add({ series: "jpeg", done: true, error: "too large" });
  assert.deepEqual([curves.of("jpeg").done, curves.of("jpeg").error, curves.of("webp").done], [true, "too large", false]);
});

test("a point that comes again brings what was not measured before, and nothing else", () => {
  const curves = new Curves();
  const line = { series: "jpeg", setting: 1, point: { bpp: 1, psnr: 30, ms_ssim: 0.9 } };
  curves.add(line);
  const [{ point }] = curves.of("jpeg").points;
  assert.equal(hasQuality(point, "ssimulacra2"), false);
  assert.ok(curves.add({ ...line, point: { ...point, ssimulacra2: 60 } }));
  assert.equal(curves.add({ ...line, point: { ...point, ssimulacra2: 61 } }), null);
  assert.deepEqual(curves.of("jpeg").points.map((each) => each.point.ssimulacra2), [60]);
});

test("the verdict counts SSIMULACRA2 in points", () => {
  const points = [[0.1, 40], [1, 80]].map(([bpp, ssimulacra2]) => ({ setting: bpp, point: { bpp, ssimulacra2 } }));
  const told = verdict({ bpp: 1, ssimulacra2: 60 }, { points, done: true }, "JPEG", "ssimulacra2").replaceAll("\u00a0", " ");
  assert.equal(told, "At 1.00 bpp: 20.0 points below JPEG; for the same SSIMULACRA2 68 % fewer bytes with JPEG.");
});

test("the verdict names what the other codec would need", () => {
  const done = { points: CURVE, done: true };
  const told = (bpp, psnr) => verdict({ bpp, psnr }, done, "JPEG", "psnr").replaceAll("\u00a0", " ");
  assert.equal(told(0.2, 33), "At 0.20 bpp: 5.0 dB above JPEG; for the same PSNR 150 % more bytes with JPEG.");
  assert.equal(told(0.2, 28), "At 0.20 bpp: level with JPEG; for the same PSNR as many bytes with JPEG.");
  assert.match(told(0.05, 20), /the points of JPEG begin above this rate, at 0.10 bpp; the points of JPEG begin above this PSNR, at 25.0 dB/);
  assert.equal(verdict({ bpp: 2, psnr: 30 }, { points: CURVE, done: false }, "JPEG", "psnr"), "Measuring JPEG …");
  assert.match(verdict({ bpp: 0.2, psnr: 28 }, { points: CURVE, done: false }, "JPEG", "psnr"), /^≈ At/);
  assert.equal(verdict({ bpp: 2, psnr: 30 }, { points: [], done: true, error: "No." }, "JPEG", "psnr"), "No.");
});

test("a sweep that stopped is not called the end of a codec’s curve, and no verb has to agree with a name", () => {
  const done = { points: CURVE, done: true };
  const told = verdict({ bpp: 1.5, psnr: 40 }, done, "independent models", "psnr").replaceAll("\u00a0", " ");
  assert.equal(
    told,
    "At 1.50 bpp: the points of independent models end below this rate, at 1.00 bpp; " +
      "the points of independent models end below this PSNR, at 36.5 dB.",
  );
});

test("points are joined when they are all there, or enough to show the curve", () => {
  assert.deepEqual([3, 5].map((count) => isJoined({ points: Array(count), done: false }, 5)), [false, true]);
  assert.ok(isJoined({ points: Array(2), done: true }, 5));
});

test("the plot shows the model, not how far others go", () => {
  const own = { rates: [0.1, 0.2, 0.3, 0.4, 0.5], qualities: [26, 28, 30, 32, 34] };
  const far = { rates: [0.2, 3], qualities: [18, 48] };
  const { x, y } = viewOf(own, [far], false, 5);
  assert.deepEqual(x, [0, 0.625]);
  assert.ok(y[0] > 22 && y[0] < 26 && y[1] > 34 && y[1] < 38);
  near(10 ** viewOf(own, [far], true, 5).x[0], 0.075);
  const single = viewOf({ rates: [0.2], qualities: [28] }, [far], false, 5);
  assert.deepEqual(single.x, [0, 0.4]);
  assert.deepEqual(viewOf({ rates: [0.2], qualities: [28] }, [], false, 5).y, [27, 29]);
  assert.equal(viewOf({ rates: [], qualities: [] }, [], false, 5), null);
});
