// A λ map: how many steps λ lies above or below the slider's in each block of BLOCK × BLOCK pixels. It moves with the slider.
//
// As text, which Python reads and writes alike (explorer/lambda_map.py): "{rows}x{columns}", then in reading order
// "~{value}", or "~{value}*{count}" for several that are equal. The values are what the median edge detector of JPEG-LS
// leaves of the steps, so gradients and shapes are short.

export const BLOCK = 64; // pixels a side
export const MOST_STEP = 32; // up or down
export const STEP_OCTAVES = (2048 / 65535) * 6; // of λ, which has 6 octaves

const MOST_BLOCKS = 2 ** 15; // more than any picture has
const SIZE = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/;
const RUN = /^(-?\d{1,2})(?:\*([1-9]\d{0,4}))?$/;

/** @import { At } from "../wire/types.js" */
/** @typedef {{ width: number, height: number }} Size */

export class LambdaMap {
  /**
   * @param {number} rows
   * @param {number} columns
   * @param {Int8Array} [steps] row by row, within ±MOST_STEP; never changed. By default 0 everywhere
   */
  constructor(rows, columns, steps = new Int8Array(rows * columns)) {
    this.rows = rows;
    this.columns = columns;
    this.steps = steps;
  }

  // With no difference yet, for a picture.
  /** @param {Size} picture */
  static flat({ width, height }) {
    return new LambdaMap(Math.ceil(height / BLOCK), Math.ceil(width / BLOCK));
  }

  // null: the text is that of no map.
  /** @param {string} text @returns {LambdaMap | null} */
  static parse(text) {
    const [size, ...runs] = text.split("~");
    const [, rows, columns] = (SIZE.exec(size) ?? []).map(Number);
    if (!(rows * columns <= MOST_BLOCKS)) return null;
    const steps = new Int8Array(rows * columns);
    let at = 0;
    for (const run of runs) {
      const [, value, count = "1"] = RUN.exec(run) ?? [];
      const end = at + Number(count);
      if (value === undefined || end > steps.length) return null;
      for (; at < end; at++) {
        const step = predicted(steps, columns, at) + Number(value);
        if (Math.abs(step) > MOST_STEP) return null;
        steps[at] = step;
      }
    }
    return at === steps.length ? new LambdaMap(rows, columns, steps) : null;
  }

  get text() {
    const parts = [`${this.rows}x${this.columns}`];
    const residuals = this.steps.map((step, at) => step - predicted(this.steps, this.columns, at));
    for (let at = 0; at < residuals.length; ) {
      const start = at;
      while (residuals[at] === residuals[start]) at++;
      parts.push(at - start > 1 ? `${residuals[start]}*${at - start}` : String(residuals[start]));
    }
    return parts.join("~");
  }

  get isFlat() {
    return this.steps.every((step) => step === this.steps[0]);
  }

  // Whether it has the blocks of a picture.
  /** @param {Size} picture */
  fits({ width, height }) {
    return this.rows === Math.ceil(height / BLOCK) && this.columns === Math.ceil(width / BLOCK);
  }
}

// Whether two are of the same λ in every place; none is the same as none alone.
/** @param {At | null} one @param {At | null} other */
export function isSameLambda(one, other) {
  return one?.lmbda === other?.lmbda && one?.map === other?.map;
}

// Of a step from those to its left, above it and between them: their median edge, or the plane through them.
function predicted(steps, columns, at) {
  const [isFirstRow, isFirstColumn] = [at < columns, at % columns === 0];
  if (isFirstRow) return isFirstColumn ? 0 : steps[at - 1];
  const above = steps[at - columns];
  if (isFirstColumn) return above;
  const [left, corner] = [steps[at - 1], steps[at - columns - 1]];
  return Math.max(Math.min(left, above), Math.min(Math.max(left, above), left + above - corner));
}
