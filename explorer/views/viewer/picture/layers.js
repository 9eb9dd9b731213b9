// The pictures that the stage draws, each as a sheet: the original, the model's frame, what the frame is compared with,
// and the difference of the two that are shown. All of them are of the same part of the picture.
import { constants } from "../wire/constants.js";
import { boxOf, holds, outward } from "./rectangles.js";
import { fits } from "./limits.js";
import { Sheet, differenceOf } from "./sheet.js";

/** @typedef {import("./rectangles.js").Rect} Rect */

export const ORIGINAL = 1; // what the blocks of an original have in the place of a λ

export class Layers {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.swapped = false;
    /** @type {Sheet | null} */
    this.original = null;
    /** @type {Sheet | null} */
    this.frame = null;
    /** @type {Sheet | null} */
    this.reference = null;
    this.difference = null;
    this.stamp = 0; // another one for other pictures
    /** @type {{ maps: Map<Sheet, any> } | null} */
    this.errors = null; // of what eyes see: see visible.js
    this.map = null;
    this.rect = { x: 0, y: 0, width, height };
    this.reduce = 1;
  }

  // ---- a small picture: all of it at once ---------------------------------------------------------------------------

  setOriginal(pixels) {
    this.original = new Sheet(this.rect, 1).set(pixels, ORIGINAL);
  }

  setFrame(pixels) {
    if (pixels === this.frame?.pixels) return;
    this.frame = new Sheet(this.rect, 1, this.frame?.canvas).set(pixels);
    this.renew();
  }

  // ---- a large picture: what is in sight ----------------------------------------------------------------------------

  // Has the layers hold what is in sight, with a margin where that makes no canvas too large.
  /** @param {Rect} sight @param {number} reduce */
  look(sight, reduce) {
    if (this.original && reduce === this.reduce && holds(this.rect, sight)) return;
    const wide = outward(sight, this, 1 + Math.floor((sight.width + sight.height) / constants.tile / 16));
    this.rect = fits(Math.ceil(wide.width / reduce), Math.ceil(wide.height / reduce)) ? wide : sight;
    this.reduce = reduce;
    this.original = this.renewed(this.original);
    this.frame = this.renewed(this.frame);
    this.reference = null;
    this.renew();
  }

  /** @param {Sheet | null} before */
  renewed(before) {
    const sheet = new Sheet(this.rect, this.reduce);
    if (before) sheet.inherit(before);
    return sheet;
  }

  putOriginal(part) {
    this.renew();
    return this.original.put(part, ORIGINAL);
  }

  putFrame(part, lmbda) {
    this.renew();
    return this.frame.put(part, lmbda);
  }

  // All that the frame shows had another λ map.
  retireFrame() {
    this.frame?.cells.retire();
  }

  // Another model's: nothing of the frame is known any more.
  forgetFrame() {
    this.frame?.cells.fill(this.rect, 0);
  }

  // ---- both ---------------------------------------------------------------------------------------------------------

  // A frame of another codec to compare with, or null for the original. swapped: the model's frame is on the left.
  setReference(frame, swapped) {
    const isHere = frame && frame.header.box.join() === this.box.join() && frame.header.reduce === this.reduce;
    const pixels = isHere ? frame.pixels : null;
    if (pixels !== (this.reference?.pixels ?? null)) {
      this.reference = pixels && new Sheet(this.rect, this.reduce, this.reference?.canvas).set(pixels, ORIGINAL);
      this.renew();
    }
    if (this.swapped !== swapped) this.renew();
    this.swapped = swapped;
  }

  // What was made of the pictures is not of them any more.
  renew() {
    this.difference = null;
    this.errors = null;
    this.stamp++;
  }

  // The map of the error of one of the sides against the original, where there is one.
  errorOf(sheet) {
    return this.errors?.maps.get(sheet) ?? null;
  }

  // What the layers hold, as a part that can be asked for.
  get box() {
    return boxOf(this.rect);
  }

  // The left and the right picture.
  get sides() {
    if (!this.reference) return [this.original, this.frame];
    return this.swapped ? [this.frame, this.reference] : [this.reference, this.frame];
  }

  // canvas: a map of whatever resolution over the whole picture, or null; side: of the squares of pixels that its
  // elements stand for, or a multiple of it.
  setMap(canvas, opacity, side) {
    this.map = canvas && { canvas, opacity, side };
  }

  // Computed when it is first drawn, then kept until a side, the gain or the sign changes.
  freshDifference(gain, signed) {
    const kept = this.difference;
    if (kept?.gain === gain && kept.signed === signed) return kept;
    const [left, right] = this.sides;
    const { canvas, rect, reduce } = differenceOf(left, right, gain, signed);
    this.difference = { signed, gain, canvas, rect, reduce };
    return this.difference;
  }
}
