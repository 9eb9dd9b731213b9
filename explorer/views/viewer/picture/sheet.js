// A part of a picture, at some reduction, as exact pixels and as a canvas, and which λ each block of it shows. A small
// picture is one sheet; of a large one a sheet holds what is in sight.
import { Cells } from "./cells.js";
import { common, rectOf } from "./rectangles.js";
import { differenceImage, toImageData } from "./pixels.js";

/** @typedef {import("./rectangles.js").Rect} Rect */

export class Sheet {
  // rect: of whole blocks, but for the picture's edges.
  /** @param {Rect} rect @param {number} reduce @param {HTMLCanvasElement} [canvas] one to use again */
  constructor(rect, reduce, canvas = document.createElement("canvas")) {
    this.rect = rect;
    this.reduce = reduce;
    this.width = Math.ceil(rect.width / reduce);
    this.height = Math.ceil(rect.height / reduce);
    this.cells = new Cells(rect);
    this.canvas = canvas;
    resize(canvas, this.width, this.height);
    /** @type {Uint8Array | null} */
    this.pixels = null;
    /** @type {number[]} */
    this.looks = []; // λ of what is only seen, at another reduction
  }

  // pixels: RGB of the whole sheet, which keeps them.
  /** @param {Uint8Array} pixels @param {number} [value] */
  set(pixels, value = 1) {
    this.pixels = pixels;
    this.cells.fill(this.rect, value);
    this.context.putImageData(toImageData(pixels, this.width, this.height), 0, 0);
    return this;
  }

  // Takes what a part of the same reduction has of this sheet. Whether it has any.
  /** @param {{ header: { box: number[], reduce: number, width: number }, pixels: Uint8Array }} part */
  put({ header, pixels }, value) {
    const place = rectOf(header.box);
    const shared = header.reduce === this.reduce ? common(place, this.rect) : null;
    if (!shared) return false;
    const { x, y, width, height } = this.copy(shared, place, pixels, header.width);
    const part = new Uint8Array(3 * width * height);
    eachLine(height, (row) => part.set(this.line(x, y + row, width), 3 * row * width));
    this.context.putImageData(toImageData(part, width, height), x, y);
    this.cells.fill(shared, value);
    return true;
  }

  // shared: of the sheet and of the pixels of another place, which has so many in a line. -> where they are here.
  copy(shared, place, pixels, width) {
    this.pixels ??= new Uint8Array(3 * this.width * this.height);
    const here = this.inPixels(shared);
    const [left, top] = [(shared.x - place.x) / this.reduce, (shared.y - place.y) / this.reduce];
    eachLine(here.height, (row) => {
      const start = 3 * ((top + row) * width + left);
      this.line(here.x, here.y + row, here.width).set(pixels.subarray(start, start + 3 * here.width));
    });
    return here;
  }

  line(x, y, length) {
    const start = 3 * (y * this.width + x);
    return this.pixels.subarray(start, start + 3 * length);
  }

  // What another sheet shows, for as long as there is nothing better: its pixels where it has the same reduction, else
  // only how they look.
  /** @param {Sheet} other */
  inherit(other) {
    const { rect, reduce, context } = this;
    const scale = other.reduce / reduce;
    const [x, y] = [(other.rect.x - rect.x) / reduce, (other.rect.y - rect.y) / reduce];
    context.imageSmoothingEnabled = scale !== 1;
    context.imageSmoothingQuality = "high";
    context.drawImage(other.canvas, x, y, other.width * scale, other.height * scale);
    const seen = scale === 1 ? [] : other.cells.valuesIn(other.rect);
    this.looks = [...new Set([...other.looks, ...seen])];
    const shared = common(rect, other.rect);
    if (scale !== 1 || !shared || !other.pixels) return;
    this.copy(shared, other.rect, other.pixels, other.width);
    this.cells.inherit(other.cells);
  }

  // Red, green and blue of a pixel where the sheet shows it at a λ as it is; null where it does not.
  /** @param {{ x: number, y: number }} pixel @param {number} value */
  colour({ x, y }, value) {
    if (this.reduce > 1 || this.cells.at({ x, y }) !== value) return null;
    const at = 3 * ((y - this.rect.y) * this.width + x - this.rect.x);
    return [...this.pixels.subarray(at, at + 3)];
  }

  get context() {
    return this.canvas.getContext("2d");
  }

  // Where a rectangle of blocks lies in the sheet's own pixels.
  /** @param {Rect} rect @returns {Rect} */
  inPixels({ x, y, width, height }) {
    const { rect, reduce } = this;
    const size = { width: Math.ceil(width / reduce), height: Math.ceil(height / reduce) };
    return { x: (x - rect.x) / reduce, y: (y - rect.y) / reduce, ...size };
  }
}

function eachLine(count, act) {
  for (let row = 0; row < count; row++) act(row);
}

// gain × (right − left) of two sheets of the same place, see differenceImage.
/** @param {Sheet} left @param {Sheet} right @param {number} gain @param {boolean} signed */
export function differenceOf(left, right, gain, signed) {
  const found = new Sheet(left.rect, left.reduce);
  if (!left.pixels || !right.pixels) return found;
  const image = differenceImage(left.pixels, right.pixels, found.width, found.height, gain, signed);
  found.context.putImageData(image, 0, 0);
  return found;
}

// Only where it changes: setting a canvas's size wipes it.
export function resize(canvas, width, height) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
}
