// What a search has gained, in numbers.
import { similarityDecibels } from "../rates/curves.js";
import { decibels } from "../rates/readout.js";
import { signed } from "./labels.js";

/** @import { Point, SearchFound } from "../wire/types.js" */

// J = R + λ·D of what was found against that of the first guess, as a share of that.
/** @param {SearchFound} found */
export function costChange({ cost_before: before, cost_after: after }) {
  return after / before - 1;
}

// Bytes of what was found against those that the first guess takes for the same PSNR, as a share; null where no λ has it.
/** @param {SearchFound} found */
export function savedBytes({ after, same }) {
  return same && after.bytes / same.bytes - 1;
}

// [name, first guess, searched, change], in words.
/** @param {SearchFound} found */
export function numbersOf({ before, after, cost_before, cost_after }) {
  /** @type {[name: string, read: (point: Point) => number | null, write: (value: number) => string, change: typeof relative][]} */
  const numbers = [
    ["File", ({ bytes }) => bytes, (bytes) => `${bytes.toLocaleString("en")} bytes`, relative],
    ["Rate", ({ bpp }) => bpp, (bpp) => `${bpp.toFixed(3)} bpp`, relative],
    ["PSNR", ({ psnr }) => psnr, (psnr) => `${decibels(psnr)} dB`, difference],
    ["MS-SSIM", ({ ms_ssim: value }) => similarityDecibels(value), (value) => `${decibels(value)} dB`, difference],
  ];
  const rows = numbers.map(([name, read, write, change]) => {
    const [a, b] = [read(before), read(after)];
    return a === null || b === null ? [name, "–", "–", "–"] : [name, write(a), write(b), change(a, b)];
  });
  const costs = [cost_before, cost_after].map((cost) => `${cost.toFixed(4)} bpp`);
  return [...rows, ["J = R + λD", ...costs, relative(cost_before, cost_after)]];
}

function relative(before, after) {
  return percentText(after / before - 1);
}

function difference(before, after) {
  return `${signed(after - before, 2)} dB`;
}

// A share with its sign: "−5.7 %".
/** @param {number} share */
export function percentText(share, digits = 1) {
  return `${signed(100 * share, digits)} %`;
}

// "9 s", "1 min 20 s", "14 min".
/** @param {number} seconds */
export function timeText(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const [minutes, rest] = [Math.floor(whole / 60), 10 * Math.round((whole % 60) / 10)];
  if (whole >= 600) return `${Math.round(whole / 60)} min`;
  if (rest === 60) return `${minutes + 1} min`;
  return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
}
