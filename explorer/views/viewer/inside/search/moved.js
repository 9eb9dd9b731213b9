// What a search has moved, block by block: maps of bits and errors before and after it, and of their change.
import { formatNumber } from "../../controls/elements.js";
import { makeScale, makeSymmetricScale, quantiles, robustMaximum } from "../shared/colours.js";

const PEAK = 255 ** 2; // errors are shown on the scale of 8-bit values
const SHARE = 0.995; // of the values that a scale has room for

// of: what is mapped; when: before, after, or the change of it.
/** @type {Record<string, { title: string, of: "bits" | "mse", when: "before" | "after" | "change" }>} */
export const MOVED_MAPS = {
  bitschange: { title: "bits, change", of: "bits", when: "change" },
  bitsbefore: { title: "bits, first guess", of: "bits", when: "before" },
  bitsafter: { title: "bits, searched", of: "bits", when: "after" },
  msechange: { title: "squared error, change", of: "mse", when: "change" },
  msebefore: { title: "squared error, first guess", of: "mse", when: "before" },
  mseafter: { title: "squared error, searched", of: "mse", when: "after" },
};
const UNITS = { bits: "bits per block, estimated", mse: "MSE of 8-bit values" };

// {before, after, change}: arrays of the blocks' values. answer: of the wish "searched:…".
export function valuesOf(answer, of) {
  const [before, after] = of === "bits" ? [answer.bits_before, answer.bits] : [answer.mse_before, answer.mse].map(inLevels);
  return { before, after, change: after.map((value, i) => value - before[i]) };
}

function inLevels(errors) {
  return errors.map((error) => PEAK * error);
}

// {values, scale, unit} of a map: before and after have one scale, and a change has 0 in its middle.
export function movedMap(answer, { of, when }, { sequential, diverging }) {
  const values = valuesOf(answer, of);
  if (when === "change") {
    const [size] = quantiles(values.change.map(Math.abs), [SHARE]);
    return { values: values.change, scale: makeSymmetricScale(diverging, size), unit: `change of ${UNITS[of]}` };
  }
  const high = Math.max(robustMaximum(values.before, SHARE), robustMaximum(values.after, SHARE));
  return { values: values[when], scale: makeScale(sequential, 0, high), unit: UNITS[of] };
}

// A block's numbers, in words: "41.2 → 36.0 bits (−5.2), MSE 21 → 19 (−2)".
export function blockText(answer, at) {
  const part = (of, name) => {
    const { before, after, change } = valuesOf({
      bits_before: answer.bits_before.subarray(at, at + 1), bits: answer.bits.subarray(at, at + 1),
      mse_before: answer.mse_before.subarray(at, at + 1), mse: answer.mse.subarray(at, at + 1),
    }, of);
    const sign = change[0] > 0 ? "+" : "";
    return name(`${formatNumber(before[0])} → ${formatNumber(after[0])}`, `(${sign}${formatNumber(change[0])})`);
  };
  return [part("bits", (text, change) => `${text} bits ${change}`), part("mse", (text, change) => `MSE ${text} ${change}`)].join(", ");
}

// How many of the blocks cost less, and how many are nearer to the original, as shares.
export function sharesMoved(answer) {
  const fallen = (of) => valuesOf(answer, of).change.filter((value) => value < 0).length / answer.bits.length;
  return { cheaper: fallen("bits"), better: fallen("mse") };
}
