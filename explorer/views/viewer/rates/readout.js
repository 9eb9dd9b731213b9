// The numbers beside the picture and how they are written: all of the real file, except where it says estimated.
import { similarityDecibels } from "./curves.js";

const BITS_PER_PIXEL = 24;

// [key, name, explanation, value of a point -> [number, unit, tooltip]]
/** @type {[key: string, name: string, title: string, write: (point: any) => string[]][]} */
const NUMBERS = [
  ["bpp", "Rate", "Bits of the whole file per pixel", (p) => [p.bpp.toFixed(3), "bpp"]],
  ["psnr", "PSNR", "Peak signal-to-noise ratio over 8-bit RGB", (p) => [decibels(p.psnr), "dB"]],
  ["bytes", "File", "The whole file, header included", (p) => [p.bytes.toLocaleString("en"), "bytes"]],
  ["ms_ssim", "MS-SSIM", "Multi-scale structural similarity", similarity],
  ["ratio", "Ratio", "Raw 24-bit pixels against the file", (p) => [(BITS_PER_PIXEL / p.bpp).toFixed(1), ": 1"]],
  ["estimated", "Estimated", "What the entropy model expects the rate to be: −log₂ p", estimatedRate],
];

const OF_THE_FILE = ["bpp", "bytes", "ratio"];

export function formatLambda(lmbda) {
  return String(Number(lmbda.toPrecision(4)));
}

export function decibels(value) {
  return value === null ? "∞" : value.toFixed(2);
}

function similarity({ ms_ssim: value }) {
  if (value === null) return ["–", "", "MS-SSIM needs a picture of at least 161 pixels each way"];
  const title = `Multi-scale structural similarity, ${value.toFixed(4)} of 1, as −10·log₁₀(1 − MS-SSIM)`;
  return [decibels(similarityDecibels(value)), "dB", title];
}

// The model's file may hold something besides the bottleneck y: `side` bits of z, which say what to expect of y.
function estimatedRate({ estimated_bits: bits, side_bits: side, width, height }) {
  if (bits === null) return ["–", ""];
  const rate = (part) => (part / (width * height)).toFixed(3);
  const more = side ? [`What the entropy model expects: −log₂ p, ${rate(bits - side)} bpp of y and ${rate(side)} of z`] : [];
  return [rate(bits), "bpp", ...more];
}

export function describe(header) {
  const { bpp, psnr, isEdited } = header.point;
  const rate = isEdited ? "edited" : `${bpp.toFixed(2)} bits per pixel`;
  return `λ ${formatLambda(header.lmbda)}, ${rate}, ${decibels(psnr)} dB`;
}

// The header of a frame whose picture is shown with channels changed; edit: see wishes/answers.py, or undefined. What
// is not the file's takes its place, what is stays, marked: no file holds that picture.
export function editedHeader(header, edit) {
  if (!edit) return header;
  const { pixels: _, ...numbers } = edit;
  return { ...header, point: { ...header.point, ...numbers, isEdited: true } };
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
      return { ...cell, key, title, write };
    });
  }

  // point: the model's. other: null, or what it is compared with: {label, point}, without a point while it is sought.
  show(point, other) {
    this.box.dataset.compared = other !== null;
    this.head.value.textContent = "This model";
    this.head.other.textContent = other?.label ?? "";
    for (const { key, row, value, other: second, unit, title, write } of this.cells) {
      value.toggleAttribute("data-struck", Boolean(point.isEdited) && OF_THE_FILE.includes(key));
      const [number, its, more = title] = write(point);
      value.textContent = number;
      unit.textContent = its;
      row.title = more;
      second.textContent = other?.point ? write(other.point)[0] : "…";
    }
  }
}

// What numbers beside a picture with channels changed are of; words: what was changed.
export function editedText(words) {
  return `Shown ${words}: PSNR, MS-SSIM and the estimated rate are of this picture. Struck is what belongs to the file, ` +
    "which is saved without the change.";
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
