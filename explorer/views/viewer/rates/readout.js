// The numbers beside the picture and how they are written: all of the real file, except where it says estimated or ≈,
// which is what is known of them while they are not measured (see live.js).
import { similarityDecibels } from "./curves.js";

const BITS_PER_PIXEL = 24;

// [key, name, explanation, value of a point -> [number, unit, tooltip]]
/** @type {[key: string, name: string, title: string, write: (point: any) => string[]][]} */
const NUMBERS = [
  ["bpp", "Rate", "Bits of the whole file per pixel", (p) => [rate(p), "bpp"]],
  ["psnr", "PSNR", "Peak signal-to-noise ratio over 8-bit RGB", (p) => [quality(p), "dB"]],
  ["bytes", "File", "The whole file, header included", (p) => [live(p, p.bytes, (bytes) => bytes.toLocaleString("en")), "bytes"]],
  ["ms_ssim", "MS-SSIM", "Multi-scale structural similarity", similarity],
  ["ratio", "Ratio", "Raw 24-bit pixels against the file", (p) => [live(p, p.bpp, (bpp) => (BITS_PER_PIXEL / bpp).toFixed(1)), ": 1"]],
  ["estimated", "Estimated", "What the entropy model expects the rate to be: −log₂ p", estimatedRate],
];

export function formatLambda(lmbda) {
  return String(Number(lmbda.toPrecision(4)));
}

export function decibels(value) {
  return value === null ? "∞" : value.toFixed(2);
}

// A number of a point, which may be near it only, or not known yet.
/**
 * @template T
 * @param {{ approximate?: boolean }} point
 * @param {T | undefined} value
 * @param {(value: T) => string} write
 */
function live({ approximate }, value, write) {
  if (value === undefined) return "—";
  return approximate ? `≈ ${write(value)}` : write(value);
}

export function rate(point, digits = 3) {
  return live(point, point.bpp, (bpp) => bpp.toFixed(digits));
}

export function quality(point) {
  return live(point, point.psnr, decibels);
}

function similarity(point) {
  const { ms_ssim: value } = point;
  if (value === null) return ["–", "", "MS-SSIM needs a picture of at least 161 pixels each way"];
  const more = value === undefined ? [] : [`MS-SSIM in decibels: ${decibels(similarityDecibels(value))} dB`];
  return [live(point, value, (share) => share.toFixed(4)), "", ...more];
}

// The model's file may hold something besides the bottleneck y: `side` bits of z, which say what to expect of y.
function estimatedRate({ estimated_bits: bits, side_bits: side, width, height }) {
  if (bits === null) return ["–", ""];
  if (bits === undefined) return ["—", "bpp"];
  const share = (part) => (part / (width * height)).toFixed(3);
  const more = side ? [`What the entropy model expects: −log₂ p, ${share(bits - side)} bpp of y and ${share(side)} of z`] : [];
  return [share(bits), "bpp", ...more];
}

export function describe(header) {
  const { lmbda, point } = header;
  return `λ ${formatLambda(lmbda)}, ${rate(point, 2)} bits per pixel, ${quality(point)} dB`;
}

export class Readout {
  constructor(box) {
    this.box = box;
    this.head = numberRow(box, "", "");
    this.head.row.className = "mae-numbers-head";
    this.cells = NUMBERS.map(([key, name, title, write]) => {
      const cell = numberRow(box, name, title);
      cell.value.dataset.number = key;
      cell.other.dataset.other = key;
      return { ...cell, title, write };
    });
  }

  // point: the model's. other: null, or what it is compared with: {label, point}, without a point while it is sought.
  show(point, other) {
    this.box.dataset.compared = other !== null;
    this.head.value.textContent = "This model";
    this.head.other.textContent = other?.label ?? "";
    for (const { row, value, other: second, unit, title, write } of this.cells) {
      const [number, its, more = title] = write(point);
      value.textContent = number;
      unit.textContent = its;
      row.title = more;
      second.textContent = other?.point ? write(other.point)[0] : "…";
    }
  }
}

function numberRow(box, name, title) {
  const row = Object.assign(document.createElement("div"), { title });
  const [term, value, other, unit] = ["dt", "dd", "dd", "dd"].map((tag) => document.createElement(tag));
  term.textContent = name;
  other.className = "mae-other";
  unit.className = "mae-unit";
  row.append(term, value, other, unit);
  box.append(row);
  return { row, value, other, unit };
}
