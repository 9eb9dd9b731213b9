// What every browser can show in one canvas.

const MOST_PIXELS = 2 ** 24; // Safari on iOS shows nothing of a larger one
const MOST_SIDE = 2 ** 14; // nor other browsers of a longer one

/** @param {number} width @param {number} height */
export function fits(width, height) {
  return width * height <= MOST_PIXELS && Math.max(width, height) <= MOST_SIDE;
}

// By how much a canvas of a size may be enlarged at most.
/** @param {number} width @param {number} height */
export function mostScale(width, height) {
  return Math.min(Math.sqrt(MOST_PIXELS / (width * height)), MOST_SIDE / Math.max(width, height));
}

// Screen pixels for each CSS pixel of a box that a canvas fills; fewer where the canvas would be too large.
/** @param {number} width @param {number} height in CSS pixels */
export function pixelRatio(width, height) {
  return Math.min(window.devicePixelRatio || 1, mostScale(width + 1, height + 1)); // sides are rounded afterwards
}
