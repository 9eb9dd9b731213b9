import assert from "node:assert/strict";
import { test } from "node:test";
import { findingText, modelText, rivalText, settingText } from "../../explorer/views/viewer/compare/labels.js";
import { formatNumber } from "../../explorer/views/viewer/controls/elements.js";
import { decibels, describe, editedHeader, formatLambda } from "../../explorer/views/viewer/rates/readout.js";

test("numbers are written to so many digits, with a minus sign", () => {
  assert.deepEqual([1234.5, -0.12345, 0, null, NaN].map((value) => formatNumber(value)), ["1230", "−0.123", "0", "–", "–"]);
  assert.deepEqual([0.006, -0.00123456, 0.00006, 1.2e-11].map((value) => formatNumber(value)), ["0.006", "−0.00123", "6.0·10⁻⁵", "1.2·10⁻¹¹"]);
  assert.deepEqual([256, 4095.97, 64.12345].map(formatLambda), ["256", "4096", "64.12"]);
  assert.deepEqual([decibels(31.925), decibels(null)], ["31.93", "∞"]);
});

test("a codec is called by its setting, and its gap to the model is told while it is current", () => {
  const rival = { label: "JPEG", knob: "Quality", unit: "" };
  const header = { setting: 40, by: "rate", reached: true, gap: 0.0123, limit: null, point: { bpp: 0.5, psnr: 30 } };
  assert.equal(settingText(rival, 40), "quality 40");
  assert.equal(rivalText(header, rival, true), "JPEG, quality 40 · 0.500 bpp (+1.2 %) · 30.00 dB");
  assert.equal(rivalText(header, rival, false), "JPEG, quality 40 · 0.500 bpp · 30.00 dB");
  const away = { ...header, reached: false, gap: -0.029 };
  assert.equal(rivalText(away, rival, true), "JPEG, quality 40 · 0.500 bpp · 30.00 dB · not reachable: its nearest setting has 2.9 % fewer bytes");
  assert.match(rivalText({ ...away, by: "quality", gap: 0.31 }, rival, true), /its nearest setting has 0.31 dB more$/);
  assert.equal(findingText({ by: "quality" }, rival), "finding JPEG at the same quality …");
});

test("the numbers of a picture with channels changed are its own, and it has no file", () => {
  const point = { bpp: 0.5, psnr: 31.92, ms_ssim: 0.97, estimated_bits: 480, width: 10, height: 100 };
  const header = { lmbda: 256, point };
  const edited = editedHeader(header, { psnr: 12.34, ms_ssim: 0.5, estimated_bits: 400 });
  assert.equal(modelText(edited, true), "λ 256 · 0.400 bpp estimated · 12.34 dB");
  assert.equal(describe(edited), "λ 256, edited, 12.34 dB");
  assert.equal(editedHeader(header, undefined), header);
});
