// The pictures that the stage draws, each as exact pixels and as a canvas: the original, the model's frame, what the
// frame is compared with, and the difference of the two that are shown.
import { toImageData, differenceImage } from "./pixels.js";

export class Layers {
  constructor(original, width, height) {
    this.width = width;
    this.height = height;
    this.swapped = false;
    this.frame = null;
    this.reference = null;
    this.difference = null;
    this.map = null;
    this.original = this.layer(original);
  }

  setFrame(pixels) {
    if (pixels === this.frame?.pixels) return;
    this.frame = this.layer(pixels, this.frame?.canvas);
    this.difference = null;
  }

  // A frame of another codec to compare with, or null for the original. swapped: the model's frame is on the left.
  setReference(frame, swapped) {
    if (frame?.pixels !== this.reference?.pixels) {
      this.reference = frame && this.layer(frame.pixels, this.reference?.canvas);
      this.difference = null;
    }
    if (this.swapped !== swapped) this.difference = null;
    this.swapped = swapped;
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
    const image = differenceImage(left.pixels, right.pixels, this.width, this.height, gain, signed);
    this.difference = { signed, gain, canvas: put(image, document.createElement("canvas")) };
    return this.difference;
  }

  layer(pixels, canvas = document.createElement("canvas")) {
    return { pixels, canvas: put(toImageData(pixels, this.width, this.height), canvas) };
  }
}

function put(image, canvas) {
  resize(canvas, image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// Only where it changes: setting a canvas's size wipes it.
export function resize(canvas, width, height) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
}
