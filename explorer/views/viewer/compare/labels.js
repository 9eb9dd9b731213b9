// How pictures are called: the model's at its λ, a codec's at its setting, and the difference of two.
import { decibels, lambdaText, quality, rate } from "../rates/readout.js";

// What a codec's setting is called; rival: {label, knob, unit}. Long names of a knob are words, short ones are signs.
export function settingText({ knob, unit }, setting) {
  const name = knob.length > 2 ? knob.toLowerCase() : knob;
  return [name, Number(setting.toPrecision(3)), unit].join(" ").trim();
}

export function modelText(header, withNumbers) {
  const { point } = header;
  const name = lambdaText(header);
  return withNumbers ? [name, rateText(point), qualityText(point)].join(" · ") : name;
}

// header: of a codec's frame (see rival and match in service/routes.py). While another setting is being found the
// gap is left out: it is that to a λ which is no longer shown.
export function rivalText(header, rival, isCurrent) {
  const { point, setting, by, reached, limit } = header;
  const name = `${rival.label}, ${settingText(rival, setting)}`;
  const parts = { name, rate: rateText(point), quality: qualityText(point) };
  if (isCurrent && by && reached) parts[by] += ` (${gapText(header)})`;
  if (isCurrent && by && !reached) {
    const nearest = limit ? `${limit} ${limitText[by](point)}` : `nearest setting has ${awayText(header)}`;
    parts.note = `not reachable: its ${nearest}`;
    if (limit) delete parts[by]; // the note gives it
  }
  return Object.values(parts).join(" · ");
}

export function findingText({ by, setting }, rival) {
  const aim = { rate: "the same rate", quality: "the same quality" }[by] ?? settingText(rival, setting);
  return `finding ${rival.label} at ${aim} …`;
}

const limitText = {
  rate: (point) => `rate is ${point.bpp.toFixed(2)} bpp`,
  quality: (point) => `PSNR is ${decibels(point.psnr)} dB`,
};

// Of a picture that was edited there is no file, so its rate is the entropy model's: see editedHeader.
function rateText(point) {
  const { isEdited, estimated_bits: bits, width, height } = point;
  return isEdited ? `${(bits / (width * height)).toFixed(3)} bpp estimated` : `${rate(point)} bpp`;
}

function qualityText(point) {
  return `${quality(point)} dB`;
}

function gapText({ by, gap }) {
  if (gap === null) return "lossless";
  return by === "rate" ? `${signed(100 * gap, 1)} %` : `${signed(gap, 2)} dB`;
}

function awayText({ by, gap }) {
  if (gap === null) return "no loss";
  const [size, less] = [Math.abs(gap), gap < 0];
  return by === "rate" ? `${(100 * size).toFixed(1)} % ${less ? "fewer" : "more"} bytes` : `${size.toFixed(2)} dB ${less ? "less" : "more"}`;
}

// With its sign, also that of what is nothing at so many digits: ±0.0.
export function signed(value, digits) {
  const size = Math.abs(value).toFixed(digits);
  return Number(size) === 0 ? `±${size}` : `${value < 0 ? "−" : "+"}${size}`;
}
