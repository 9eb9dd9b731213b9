import assert from "node:assert/strict";
import { test } from "node:test";
import { findingText, rivalText, settingText } from "../../explorer/views/viewer/compare/labels.js";
import { formatNumber } from "../../explorer/views/viewer/controls/elements.js";
import { decibels, formatLambda } from "../../explorer/views/viewer/rates/readout.js";

test("numbers are written to so many digits, with a minus sign", () => {
  assert.deepEqual([1234.5, -0.12345, 0, null, NaN].map((value) => formatNumber(value)), ["1230", "−0.123", "0", "–", "–"]);
  assert.deepEqual([256, 4095.97, 64.12345].map(formatLambda), ["256", "4096", "64.12"]);
  assert.deepEqual([decibels(31.925), decibels(null)], ["31.93", "∞"]);
});

test("a codec is called by its setting, and its gap to the model is told while it is current", () => {
  const rival = { label: "JPEG", knob: "Quality", unit: "" };
  const header = { setting: 40, by: "rate", reached: true, gap: 0.0123, limit: null, point: { bpp: 0.5, psnr: 30 } };
  assert.equal(settingText(rival, 40), "quality 40");
  assert.equal(rivalText(header, rival, true), "JPEG, quality 40 · 0.500 bpp (+1.2 %) · 30.00 dB");
  assert.equal(rivalText(header, rival, false), "JPEG, quality 40 · 0.500 bpp · 30.00 dB");
  assert.equal(findingText({ by: "quality" }, rival), "finding JPEG at the same quality …");
});
