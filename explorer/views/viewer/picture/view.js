// What a large picture is asked for in: the rectangle in sight, how much it is reduced, and the one that stays live while
// λ moves.
import { constants } from "../wire/constants.js";
import { fits } from "./limits.js";
import { MOST_REDUCED, common, middleOf, outward } from "./rectangles.js";

/** @typedef {import("./rectangles.js").Rect} Rect */
/** @typedef {import("./rectangles.js").Size} Size */

// How many pixels, in each direction, one pixel that travels is the mean of: the largest power of two that the screen does
// not show more of. scale: screen pixels per picture pixel.
// sight: what is in sight, which one canvas must hold.
/** @param {number} scale @param {Size | null} [sight] */
export function reduceAt(scale, sight = null) {
  const { width, height } = sight ?? { width: 0, height: 0 };
  let reduce = 2 ** Math.max(0, Math.floor(Math.log2(1 / scale) + 1e-9));
  while (!fits(Math.ceil(width / reduce), Math.ceil(height / reduce))) reduce *= 2;
  return Math.min(MOST_REDUCED, reduce);
}

// The blocks in sight. corner: the picture's point in the panel's corner; panel: in pixels of the picture. null where the
// picture is out of sight.
/** @param {{ x: number, y: number }} corner @param {Size} panel @param {Size} picture @returns {Rect | null} */
export function inSight(corner, panel, picture) {
  const seen = common({ ...corner, ...panel }, { x: 0, y: 0, ...picture });
  return seen && outward(seen, picture);
}

// How many pixels have to be computed for a rectangle: a block more to each side, which the hyperprior reaches.
/** @param {Size} size */
export function workOf({ width, height }) {
  return (width + 2 * constants.tile) * (height + 2 * constants.tile);
}

// What stays live: all that is in sight where it takes no more than `most` work, else the largest window of whole blocks
// around a point that does, as square as it can be.
/** @param {Rect} sight blocks @param {number} most @param {{ x: number, y: number }} point @returns {Rect} */
export function liveRectangle(sight, most, point) {
  if (workOf(sight) <= most) return sight;
  const [columns, rows] = [Math.ceil(sight.width / constants.tile), Math.ceil(sight.height / constants.tile)];
  const budget = most / constants.tile ** 2; // in blocks
  let best = { across: 1, down: 1 };
  for (let down = 1; down <= rows; down++) {
    const across = Math.min(columns, Math.floor(budget / (down + 2) - 2));
    if (across >= 1 && isBetter({ across, down }, best)) best = { across, down };
  }
  return moved(sight, { x: 0, y: 0, width: best.across * constants.tile, height: best.down * constants.tile }, point);
}

function isBetter(a, b) {
  const more = a.across * a.down - b.across * b.down;
  return more > 0 || (more === 0 && Math.abs(a.across - a.down) < Math.abs(b.across - b.down));
}

// A rectangle of whole blocks with its middle near a point and all of it in sight.
/** @param {Rect} sight @param {Rect} rect @param {{ x: number, y: number }} point @returns {Rect} */
export function moved(sight, rect, point) {
  const place = (start, length, own, middle) => {
    const last = start + Math.max(0, Math.ceil((length - own) / constants.tile) * constants.tile);
    return Math.min(last, Math.max(start, Math.round((middle - own / 2) / constants.tile) * constants.tile));
  };
  const wide = Math.ceil(rect.width / constants.tile) * constants.tile; // it may have been cut by the picture's edge
  const high = Math.ceil(rect.height / constants.tile) * constants.tile;
  const x = place(sight.x, sight.width, wide, point.x);
  const y = place(sight.y, sight.height, high, point.y);
  return common({ x, y, width: wide, height: high }, sight);
}

/** @param {Rect} a @param {{ x: number, y: number }} point */
export function distance(a, point) {
  const middle = middleOf(a);
  return Math.hypot(middle.x - point.x, middle.y - point.y);
}
