// The λ map over the picture: a tint for each block by its step, lines where steps change, hatching where λ is at its end,
// and the outline of what a press would touch. The tint fades when nothing is painted for a while: it would hide what
// became of the picture.
import { makeSymmetricScale, paintValues } from "../inside/shared/colours.js";
import { BLOCK, MOST_STEP } from "../picture/lambdamap.js";
import { borders } from "./dabs.js";
import { isBeyond } from "./strength.js";

const PALETTE = "purple-orange";
const LEAST = 3; // steps between blocks with a line between them: those of a gradient have none
const HATCH = BLOCK / 4; // between its lines, in pixels of the picture
const [DARK, LIGHT] = ["#000", "#fff"];
const [TINT, HATCHING, LINES] = [0.4, 0.2, 0.25]; // opacities that come to those
const REST = { tint: 0.15, hatching: 0.25, lines: 0.3 }; // at rest
const [AWAKE_MS, FADE_MS] = [1500, 300];

/** @typedef {import("../picture/lambdamap.js").LambdaMap} LambdaMap */

// Of the map and of the bar that strengths are chosen on.
export const scaleOfSteps = () => makeSymmetricScale(PALETTE, MOST_STEP);

export class Overlay {
  /** @param {() => void} redraw */
  constructor(redraw) {
    this.redraw = redraw;
    this.isShown = true;
    this.until = 0; // when the tint has faded
    this.fade = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1 : FADE_MS;
    this.canvas = document.createElement("canvas");
    /** @type {LambdaMap | null} */
    this.map = null;
    this.within = [0, 0];
    this.cursor = new Path2D();
  }

  // within: the steps between which λ is not at its end.
  /** @param {LambdaMap} map @param {[low: number, high: number]} within */
  setMap(map, within) {
    if (map === this.map && within.join() === this.within.join()) return;
    Object.assign(this, { map, within });
    paintSteps(this.canvas, map);
    this.lines = pathOf(borders(map, map.steps, LEAST));
    this.ended = new Path2D();
    map.steps.forEach((step, at) => {
      const [row, column] = [Math.floor(at / map.columns), at % map.columns];
      if (step && isBeyond(step, within)) this.ended.rect(column * BLOCK, row * BLOCK, BLOCK, BLOCK);
    });
  }

  // Something is painted, or about to be.
  wake() {
    this.until = performance.now() + AWAKE_MS;
    this.redraw();
  }

  // From 1 to 0 at rest.
  get wakefulness() {
    const left = this.until - performance.now();
    clearTimeout(this.waiting);
    if (left > 0) this.waiting = setTimeout(this.redraw, Math.max(0, left - this.fade));
    return Math.min(1, Math.max(0, left / this.fade));
  }

  stop() {
    clearTimeout(this.waiting);
  }

  // cover: of what a press would touch, see dabs.js; way: from where to where a gradient goes. null for none.
  setCursor(cover, way = null) {
    const lines = cover ? borders(this.map, cover.map((share) => Number(share > 0)), 1, 0) : [];
    if (way) lines.push(way.flatMap(({ x, y }) => [x, y]));
    this.cursor = pathOf(lines);
  }

  // Draws in pixels of the picture; line: one pixel of CSS in them. Another map's colours are left as they are.
  /** @param {CanvasRenderingContext2D} context @param {number} line @param {import("../viewer.js").Viewer} viewer */
  draw(context, line, { picture: { width, height }, stage }) {
    const { map } = this;
    context.beginPath();
    context.rect(0, 0, width, height);
    context.clip();
    if (this.isShown) {
      const { wakefulness } = this;
      context.globalAlpha = stage.layers.map ? 0 : REST.tint + TINT * wakefulness;
      context.imageSmoothingEnabled = false;
      context.drawImage(this.canvas, 0, 0, map.columns * BLOCK, map.rows * BLOCK);
      this.hatch(context, line, width + height, REST.hatching + HATCHING * wakefulness);
      outline(context, this.lines, line, REST.lines + LINES * wakefulness);
    }
    outline(context, this.cursor, 1.5 * line, 1);
  }

  hatch(context, line, length, opacity) {
    context.save();
    context.clip(this.ended);
    context.globalAlpha = opacity;
    for (const [color, shift] of [[DARK, line], [LIGHT, 0]]) {
      context.beginPath();
      for (let at = 0; at < length; at += HATCH) {
        context.moveTo(at + Number(shift), 0);
        context.lineTo(at + Number(shift) - length, length);
      }
      context.lineWidth = line;
      context.strokeStyle = String(color);
      context.stroke();
    }
    context.restore();
  }
}

// A light line on a dark one is seen on every picture.
function outline(context, path, line, opacity) {
  context.globalAlpha = opacity;
  for (const [width, color] of [[2.5 * line, DARK], [line, LIGHT]]) {
    context.lineWidth = width;
    context.strokeStyle = color;
    context.stroke(path);
  }
}

// Lines in blocks as a path in pixels.
function pathOf(lines) {
  const path = new Path2D();
  for (const [x0, y0, x1, y1] of lines) {
    path.moveTo(x0 * BLOCK, y0 * BLOCK);
    path.lineTo(x1 * BLOCK, y1 * BLOCK);
  }
  return path;
}

// A pixel for each block; none where nothing is painted.
function paintSteps(canvas, { rows, columns, steps }) {
  Object.assign(canvas, { width: columns, height: rows });
  const image = new ImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  paintValues(pixels, columns, 0, 0, { values: steps, width: columns, height: rows }, scaleOfSteps());
  steps.forEach((step, at) => step || (pixels[at] = 0));
  canvas.getContext("2d").putImageData(image, 0, 0);
}
