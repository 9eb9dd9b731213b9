// Rectangles of a picture in its pixels, and the blocks that large pictures are asked for in: squares of constants.tile
// pixels, counted from the picture's corner. The largest reduction divides them.
import { constants } from "../wire/constants.js";

/** @typedef {{ x: number, y: number, width: number, height: number }} Rect */
/** @typedef {{ width: number, height: number }} Size */

export const MOST_REDUCED = 64;

/** @param {Rect} rect @returns {number[]} */
export const boxOf = ({ x, y, width, height }) => [x, y, width, height];

/** @param {number[]} box @returns {Rect} */
export const rectOf = ([x, y, width, height]) => ({ x, y, width, height });

/** @param {Rect} rect */
export const middleOf = ({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 });

// The blocks that a rectangle touches, and some more around it, as far as the picture goes.
/** @param {Rect} rect @param {Size} picture @param {number} [more] blocks @returns {Rect} */
export function outward(rect, picture, more = 0) {
  const from = (start) => Math.max(0, Math.floor(start / constants.tile) - more) * constants.tile;
  const to = (end, most) => Math.min(most, (Math.ceil(end / constants.tile) + more) * constants.tile);
  const [x, y] = [from(rect.x), from(rect.y)];
  return { x, y, width: to(rect.x + rect.width, picture.width) - x, height: to(rect.y + rect.height, picture.height) - y };
}

// What two rectangles have in common, or null.
/** @param {Rect} a @param {Rect} b @returns {Rect | null} */
export function common(a, b) {
  const [x, y] = [Math.max(a.x, b.x), Math.max(a.y, b.y)];
  const width = Math.min(a.x + a.width, b.x + b.width) - x;
  const height = Math.min(a.y + a.height, b.y + b.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

/** @param {Rect} outer @param {Rect} inner */
export function holds(outer, inner) {
  const found = common(outer, inner);
  return found !== null && found.width === inner.width && found.height === inner.height;
}

// The smallest rectangle around both.
/** @param {Rect | null} a @param {Rect} b @returns {Rect} */
export function around(a, b) {
  if (!a) return b;
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  const width = Math.max(a.x + a.width, b.x + b.width) - x;
  return { x, y, width, height: Math.max(a.y + a.height, b.y + b.height) - y };
}
