// How strong a tool is, in steps of λ, and what comes of it where the slider stands.
import { MOST_STEP, STEP_OCTAVES } from "../picture/lambdamap.js";

/** @typedef {{ min: number, max: number }} Range */

// "×8", "×1/8", "×1".
/** @param {number} step */
export function factorText(step) {
  const factor = Number((2 ** (STEP_OCTAVES * Math.abs(step))).toPrecision(2));
  return step < 0 ? `×1/${factor}` : `×${factor}`;
}

// λ of a block, which ends where the model's λ do.
/** @param {number} lmbda the slider's @param {number} step @param {Range} range */
export function lambdaOf(lmbda, step, { min, max }) {
  return Math.min(max, Math.max(min, lmbda * 2 ** (STEP_OCTAVES * step)));
}

// Between which steps λ is within its ends: beyond them it stays there.
/** @param {number} lmbda @param {Range} range @returns {[low: number, high: number]} */
export function stepsWithin(lmbda, { min, max }) {
  const within = (steps) => Math.min(MOST_STEP, Math.max(-MOST_STEP, steps));
  return [within(Math.log2(min / lmbda) / STEP_OCTAVES), within(Math.log2(max / lmbda) / STEP_OCTAVES)];
}

const NEAR = 1e-3; // of a step: a header names λ no more exactly

// Whether λ of a block is at its end for lack of room.
/** @param {number} step @param {[low: number, high: number]} within */
export function isBeyond(step, [low, high]) {
  return step < low - NEAR || step > high + NEAR;
}

// "×8, λ 2048", and whether that is λ's end.
/** @param {number} lmbda @param {number} step @param {Range} range @param {(lmbda: number) => string} format */
export function strengthText(lmbda, step, range, format) {
  const end = isBeyond(step, stepsWithin(lmbda, range)) ? " (limit)" : "";
  return `${factorText(step)}, λ ${format(lambdaOf(lmbda, step, range))}${end}`;
}
