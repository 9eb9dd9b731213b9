// Which λ each block of a part of a picture shows: 0 for none, and the negative of λ where it had another λ map.
import { constants } from "../wire/constants.js";
import { around, common } from "./rectangles.js";
import { distance } from "./view.js";

/** @typedef {import("./rectangles.js").Rect} Rect */

const AT_ONCE = 4; // blocks to a side of what is asked for at once

export class Cells {
  // rect: of whole blocks, but for the picture's edges.
  /** @param {Rect} rect */
  constructor(rect) {
    this.rect = rect;
    this.columns = Math.ceil(rect.width / constants.tile);
    this.values = new Float64Array(this.columns * Math.ceil(rect.height / constants.tile));
  }

  /** @param {Rect} rect @param {number} value */
  fill(rect, value) {
    for (const i of this.within(rect)) this.values[i] = value;
  }

  // The λ map is another one now.
  retire() {
    this.values = this.values.map((value) => -Math.abs(value));
  }

  // What another one knows of the same blocks.
  /** @param {Cells} other */
  inherit(other) {
    const shared = common(this.rect, other.rect);
    if (shared) for (const i of this.within(shared)) this.values[i] = other.at(this.block(i)) ?? 0;
  }

  // The value of the block at a point; undefined outside.
  /** @param {{ x: number, y: number }} point */
  at({ x, y }) {
    const { rect, columns, values } = this;
    const [column, row] = [Math.floor((x - rect.x) / constants.tile), Math.floor((y - rect.y) / constants.tile)];
    return column >= 0 && column < columns && row >= 0 ? values[row * columns + column] : undefined;
  }

  // The values of a rectangle's blocks, each once, without 0.
  /** @param {Rect} rect */
  valuesIn(rect) {
    const found = new Set([...this.within(rect)].map((i) => this.values[i]));
    found.delete(0);
    return [...found].sort((a, b) => a - b);
  }

  // Whether some of a rectangle's blocks have none.
  /** @param {Rect} rect */
  hasNone(rect) {
    return [...this.within(rect)].some((i) => this.values[i] === 0);
  }

  // The blocks of a rectangle that have another value, those that follow one another in a row as one.
  /** @param {Rect} rect @param {number} value @returns {Rect[]} */
  others(rect, value) {
    const runs = [];
    for (const i of this.within(rect)) {
      if (this.values[i] === value) continue;
      const block = this.block(i);
      const last = runs.at(-1);
      if (last && last.y === block.y && last.x + last.width === block.x) last.width += block.width;
      else runs.push(block);
    }
    return runs;
  }

  // All of them in one rectangle, or null where there are none.
  /** @param {Rect} rect @param {number} value @returns {Rect | null} */
  lacking(rect, value) {
    return this.others(rect, value).reduce(around, null);
  }

  // What to ask for next of the blocks that have another value: those of a square of AT_ONCE, the nearest to a point.
  /** @param {Rect} rect @param {number} value @param {{ x: number, y: number }} point @returns {Rect | null} */
  nextTile(rect, value, point) {
    const tiles = new Map();
    for (const i of this.within(rect)) {
      if (this.values[i] === value) continue;
      const block = this.block(i);
      const key = [block.x, block.y].map((at) => Math.floor(at / (AT_ONCE * constants.tile))).join(" ");
      tiles.set(key, around(tiles.get(key) ?? null, block));
    }
    const nearest = (best, tile) => (best && distance(best, point) <= distance(tile, point) ? best : tile);
    return [...tiles.values()].reduce(nearest, null);
  }

  // The rectangle of a block.
  block(i) {
    const { rect, columns } = this;
    const [x, y] = [rect.x + (i % columns) * constants.tile, rect.y + Math.floor(i / columns) * constants.tile];
    return common({ x, y, width: constants.tile, height: constants.tile }, rect);
  }

  // The places of the blocks that a rectangle touches.
  /** @param {Rect} rect */
  * within(rect) {
    const shared = common(this.rect, rect);
    if (!shared) return;
    const first = (at, start) => Math.floor((at - start) / constants.tile);
    const last = (end, start) => Math.ceil((end - start) / constants.tile);
    for (let row = first(shared.y, this.rect.y); row < last(shared.y + shared.height, this.rect.y); row++) {
      const columns = [first(shared.x, this.rect.x), last(shared.x + shared.width, this.rect.x)];
      for (let column = columns[0]; column < columns[1]; column++) yield row * this.columns + column;
    }
  }
}
