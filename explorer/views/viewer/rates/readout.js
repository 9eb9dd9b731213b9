// The numbers beside the picture and how they are written: all of the real file, except where it says estimated or ≈,
// which is what is known of them while they are not measured (see live.js).
import { makeTerm } from "../story/glossary.js";
import { similarityDecibels } from "./curves.js";
import { constants } from "../wire/constants.js";

const BITS_PER_PIXEL = 24;

// [key, name, the glossary's word, value of a point -> [number, unit, what there is to add]]
/** @type {[key: string, name: string, term: string, write: (point: any) => string[]][]} */
const NUMBERS = [
  ["bpp", "Rate", "bpp", (p) => [rate(p), "bpp"]],
  ["psnr", "PSNR", "PSNR", (p) => (p.missing ? ["–", "", p.missing] : [quality(p), "dB"])],
  ["bytes", "File", "file", (p) => [live(p, p.bytes, (bytes) => bytes.toLocaleString("en")), "bytes"]],
  ["ms_ssim", "MS-SSIM", "MS-SSIM", similarity],
  ["ratio", "Ratio", "ratio", (p) => [live(p, p.bpp, (bpp) => (BITS_PER_PIXEL / bpp).toFixed(1)), ": 1"]],
  ["estimated", "Estimated", "estimated", estimatedRate],
];

const OF_THE_FILE = ["bpp", "bytes", "ratio"];
const STRUCK = "Of the file, which is saved without the change";

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
  const { ms_ssim: value, missing } = point;
  if (missing) return ["–", "", missing];
  if (value === null) return ["–", "", `MS-SSIM needs a picture of at least ${constants.ms_ssim_side} pixels each way`];
  const share = value?.toFixed(4);
  const title = `Multi-scale structural similarity${share ? `, ${share} of 1` : ""}, as −10·log₁₀(1 − MS-SSIM)`;
  return [live(point, value, (known) => decibels(similarityDecibels(known))), "dB", title];
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
  const size = point.isEdited ? "edited" : `${rate(point, 2)} bits per pixel`;
  const reached = point.psnr === undefined ? "" : `, ${quality(point)} dB`;
  return `λ ${formatLambda(lmbda)}, ${size}${reached}`;
}

// The header of a frame whose picture is shown with channels changed; edit: see wishes/answers.py, or undefined. What
// is not the file's takes its place, what is stays, marked: no file holds that picture.
export function editedHeader(header, edit) {
  if (!edit) return header;
  const { pixels: _, ...numbers } = edit;
  return { ...header, point: { ...header.point, ...numbers, approximate: false, isEdited: true } };
}

export class Readout {
  constructor(box) {
    this.box = box;
    this.head = numberRow(box, "");
    this.head.row.className = "mae-numbers-head";
    this.cells = NUMBERS.map(([key, name, term, write]) => {
      const cell = numberRow(box, makeTerm(name, term));
      cell.value.dataset.number = key;
      cell.other.dataset.other = key;
      return { ...cell, key, write };
    });
  }

  // point: the model's. other: what it is compared with, {label, point}, without a point while it is sought; null: the
  // original, whose numbers are those of its raw pixels. point.missing: why there is none.
  show(point, other) {
    const original = point.missing ? { label: "" } : { label: "Original", point: rawPixels(point) };
    const { label, point: second } = other ?? original;
    this.head.value.textContent = point.isEdited ? "As edited" : "This model";
    Object.assign(this.head.other, { textContent: label, title: label });
    for (const { key, value, other: beside, unit, write } of this.cells) {
      const isStruck = Boolean(point.isEdited) && OF_THE_FILE.includes(key);
      value.toggleAttribute("data-struck", isStruck);
      const [number, its, more = isStruck ? STRUCK : ""] = write(point);
      value.textContent = number;
      unit.textContent = its;
      value.title = more;
      beside.textContent = second ? write(second)[0] : label && "…";
    }
  }
}

function rawPixels({ width, height, ms_ssim: similarity }) {
  const bytes = (width * height * BITS_PER_PIXEL) / 8;
  return { width, height, bytes, bpp: BITS_PER_PIXEL, psnr: null, ms_ssim: similarity && 1, estimated_bits: null };
}

function numberRow(box, name) {
  const row = document.createElement("div");
  const [term, value, other, unit] = ["dt", "dd", "dd", "dd"].map((tag) => document.createElement(tag));
  term.append(name);
  other.className = "mae-other";
  unit.className = "mae-unit";
  row.append(term, value, other, unit);
  box.append(row);
  return { row, value, other, unit };
}
