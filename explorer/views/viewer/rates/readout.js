// The numbers beside the picture and how they are written: all of the real file, except where it says estimated or ≈,
// which is what is known of them while they are not measured (see live.js).
import { makeTerm } from "../story/glossary.js";
import { similarityDecibels } from "./curves.js";
import { constants } from "../wire/constants.js";
import { makeElement } from "../controls/elements.js";

const BITS_PER_PIXEL = 24;

// [key, name, the glossary's word, value of a point -> [number, unit, what there is to add]]
/** @type {[key: string, name: string, term: string, write: (point: any) => string[]][]} */
const NUMBERS = [
  ["bpp", "Rate", "bpp", (p) => [rate(p), "bpp"]],
  ["psnr", "PSNR", "PSNR", (p) => (p.missing ? ["–", "", p.missing] : [quality(p), "dB"])],
  ["bytes", "File", "file", (p) => [live(p, p.bytes, (bytes) => bytes.toLocaleString("en")), "bytes"]],
  ["ms_ssim", "MS-SSIM", "MS-SSIM", similarity],
  ["ssimulacra2", "SSIMU2", "SSIMULACRA2", visible],
  ["ratio", "Ratio", "ratio", (p) => [live(p, p.bpp, (bpp) => upTo(BITS_PER_PIXEL / bpp, 1)), ": 1"]],
  ["estimated", "Est.", "estimated", estimatedRate],
];

/** @type {[least: number, quality: string][]} */
const SCALE = [[90, "no difference is seen"], [70, "high quality"], [50, "medium to high quality"], [30, "low to medium quality"]];

const CLOCK = "Wall clock of this machine when the file was made, encoder and decoder alone";

const EDITED = ["psnr", "ms_ssim", "estimated_bits"];
const OF_THE_FILE = ["bpp", "bytes", "ratio"];
const STRUCK = "Of the file, which is saved without the change";

export function formatLambda(lmbda) {
  return String(Number(lmbda.toPrecision(4)));
}

// λ of a frame, in words.
/** @param {{ lmbda: number, map?: string }} header */
export function lambdaText({ lmbda, map }) {
  return `λ ${formatLambda(lmbda)}${map ? ", painted" : ""}`;
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

export function rate(point, decimals = 3) {
  return live(point, point.bpp, (bpp) => upTo(bpp, decimals));
}

// A number with so many decimals below ten, and from there on with one less for each digit more.
function upTo(value, decimals) {
  return value.toFixed(Math.max(0, decimals - Math.max(0, Math.floor(Math.log10(value)))));
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

// What eyes see, which comes after all other numbers.
function visible(point) {
  const { ssimulacra2: value, missing, isEdited } = point;
  const { ssimulacra2_side: side, ssimulacra2_pixels: most } = constants;
  if (missing) return ["–", "", missing];
  if (isEdited) return ["–", "", "Not measured of a picture that is edited"];
  if (value === null) return ["–", "", `It needs a picture of ${side} pixels each way or more, and of ${most / 1e6} megapixels at most`];
  return [live(point, value, (known) => known.toFixed(1).replace("-", "−")), "", scaleText(value)];
}

// What the numbers of SSIMULACRA2 mean, for one of them.
function scaleText(value) {
  if (value === undefined) return "Measured once λ rests, after the other numbers";
  const place = SCALE.find(([least]) => value >= least)?.[1] ?? "very low quality";
  return `${place[0].toUpperCase()}${place.slice(1)}. 30: low quality, 50: medium, 70: high, 90: no difference is seen`;
}

// How long encoder and decoder took on this machine, as in "210 / 45 ms"; "" where that is not known.
export function timesText({ encode_s: encode, decode_s: decode, isEdited }) {
  if (encode === undefined || isEdited) return "";
  const [factor, unit] = Math.max(encode, decode) < 1 ? [1000, "ms"] : [1, "s"];
  return `${[encode, decode].map((value) => digits(factor * value)).join(" / ")} ${unit}`;
}

function digits(value) {
  return value < 10 ? value.toPrecision(2) : Math.round(value).toLocaleString("en");
}

// The model's file may hold something besides the bottleneck y: `side` bits of z, which say what to expect of y.
function estimatedRate({ estimated_bits: bits, side_bits: side, width, height }) {
  if (bits === null) return ["–", ""];
  if (bits === undefined) return ["—", "bpp"];
  const share = (part) => upTo(part / (width * height), 3);
  const more = side ? [`What the entropy model expects: −log₂ p, ${share(bits - side)} bpp of y and ${share(side)} of z`] : [];
  return [share(bits), "bpp", ...more];
}

export function describe(header) {
  const { point } = header;
  const size = point.isEdited ? "edited" : `${rate(point, 2)} bits per pixel`;
  const reached = point.psnr === undefined ? "" : `, ${quality(point)} dB`;
  return `${lambdaText(header)}, ${size}${reached}`;
}

// The header of a frame whose picture is shown changed; edit: see wishes/answers.py, or undefined. What is not the file's
// takes its place, what is stays, marked: the file does not hold that picture.
export function editedHeader(header, edit) {
  if (!edit) return header;
  const numbers = Object.fromEntries(EDITED.filter((key) => key in edit).map((key) => [key, edit[key]]));
  return { ...header, regions: null, point: { ...header.point, ...numbers, approximate: false, isEdited: true } };
}

export class Readout {
  // box: for the numbers; times: for a line on how long encoders and decoders took.
  constructor(box, times) {
    this.box = box;
    this.head = numberRow(box, "");
    this.head.row.className = "mae-numbers-head";
    this.times = makeElement("span", "");
    times.append(makeTerm("Encode / decode", "time"), ": ", this.times);
    this.timesBox = times;
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
    const taken = [["this model", timesText(point)], [label, other?.point ? timesText(other.point) : ""]].filter(([, text]) => text);
    const times = taken.map((each) => each.join(" ")).join(", ");
    Object.assign(this.times, { textContent: times, title: times && `${times}. ${CLOCK}` });
    this.timesBox.toggleAttribute("data-empty", !times);
    this.box.toggleAttribute("data-approximate", Boolean(point.approximate));
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

function rawPixels({ width, height, ms_ssim: similarity, ssimulacra2: visible }) {
  const bytes = (width * height * BITS_PER_PIXEL) / 8;
  const alike = { psnr: null, ms_ssim: similarity && 1, ssimulacra2: typeof visible === "number" ? 100 : visible };
  return { width, height, bytes, bpp: BITS_PER_PIXEL, ...alike, estimated_bits: null };
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
