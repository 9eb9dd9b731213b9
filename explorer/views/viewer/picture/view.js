// What a large picture is asked for in: the rectangle in sight, how much it is reduced, and the one that stays live while
// λ moves.
import { constants } from "../wire/constants.js";
import { MOST_REDUCED, areaOf, common, middleOf, outward } from "./rectangles.js";

/** @typedef {import("./rectangles.js").Rect} Rect */
/** @typedef {import("./rectangles.js").Size} Size */

// How many pixels, in each direction, one pixel that travels is the mean of: the largest power of two that the screen does
// not show more of. scale: screen pixels per picture pixel.
/** @param {number} scale */
export function reduceAt(scale) {
  return Math.min(MOST_REDUCED, 2 ** Math.max(0, Math.floor(Math.log2(1 / scale) + 1e-9)));
}

// The blocks in sight. corner: the picture's point in the panel's corner; panel: in pixels of the picture. null where the
// picture is out of sight.
/** @param {{ x: number, y: number }} corner @param {Size} panel @param {Size} picture @returns {Rect | null} */
export function inSight(corner, panel, picture) {
  const seen = common({ ...corner, ...panel }, { x: 0, y: 0, ...picture });
  return seen && outward(seen, picture);
}

// What stays live: all that is in sight where it has no more than `most` pixels, else a window of whole blocks around a
// point. The window is as square as what is in sight allows.
/** @param {Rect} sight blocks @param {number} most @param {{ x: number, y: number }} point @returns {Rect} */
export function liveRectangle(sight, most, point) {
  if (areaOf(sight) <= most) return sight;
  const blocks = Math.max(1, Math.floor(most / constants.tile ** 2));
  const [columns, rows] = [Math.ceil(sight.width / constants.tile), Math.ceil(sight.height / constants.tile)];
  const down = Math.min(rows, Math.max(1, Math.floor(Math.sqrt(blocks)), Math.floor(blocks / columns)));
  const across = Math.min(columns, Math.floor(blocks / down));
  return moved(sight, { x: 0, y: 0, width: across * constants.tile, height: down * constants.tile }, point);
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
