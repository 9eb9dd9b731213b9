// What the stage's panels show: a side of the picture, their difference or the error that eyes see, with what lies over it.
import { ORIGINAL } from "./layers.js";

const VEIL = 0.62; // opacity of what lies over pixels that are not what is wanted

export class Panels {
  /** @param {import("./stage.js").Stage} stage */
  constructor(stage) {
    this.stage = stage;
  }

  // i: of the panel, 0 or 1.
  draw(canvas, i) {
    const { stage, stage: { layers, held, cover } } = this;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    const divider = stage.isDivided && !held ? Math.round(stage.split * canvas.width) : 0;
    const layer = this.layerOn(i);
    this.drawLayer(context, layer, divider, canvas.width);
    if (layer === layers.sides[1]) this.drawMap(context, divider, canvas.width);
    this.veil(context, this.sheetsOf(layer), divider, canvas.width);
    const left = this.visibleOf(layers.sides[0]);
    if (divider) this.drawLayer(context, left, 0, divider);
    if (divider) this.veil(context, this.sheetsOf(left), 0, divider);
    if (cover && !held) this.between(context, 0, canvas.width, () => cover(context, stage.ratio / stage.scale));
    else this.drawMarks(context);
  }

  layerOn(i) {
    const { layers, mode, held, gain } = this.stage;
    const [left, right] = layers.sides;
    if (mode === "visible" && !held) return this.visibleOf(right);
    if (held || (mode === "beside" && i === 0)) return left;
    const isDifference = mode === "signed" || mode === "absolute";
    return isDifference ? layers.freshDifference(gain, mode === "signed") : right;
  }

  // A side of the picture, or the map of the error that eyes see in it, where that is wanted and there.
  visibleOf(sheet) {
    const { layers, mode, held } = this.stage;
    return (mode === "visible" && !held && layers.errorOf(sheet)) || sheet;
  }

  // What a layer is made of: a difference is of two sheets, the map of an error of whole ones alone.
  sheetsOf(layer) {
    const { layers } = this.stage;
    if (layer === layers.difference) return layers.sides;
    return "cells" in layer ? [layer] : [];
  }

  // Blocks that show another λ, or are not yet sharp, lie under a veil.
  veil(context, sheets, from, to) {
    const { sight, current, parts, layers: { frame } } = this.stage;
    if (!sight) return;
    const others = sheets.flatMap((sheet) => sheet.cells.others(sight, sheet === frame ? current : ORIGINAL));
    if (!others.length) return;
    this.between(context, from, to, () => {
      context.globalAlpha = VEIL;
      context.fillStyle = getComputedStyle(parts.stage).backgroundColor;
      context.beginPath(); // one path: rectangles that meet leave no seam
      for (const { x, y, width, height } of others) context.rect(x, y, width, height);
      context.fill();
    });
  }

  // Offsets are whole screen pixels, so at a whole-number zoom every picture pixel covers whole screen pixels and is
  // drawn as it is. Between those, neighbours are blended: uneven pixels would look like detail that is not there.
  drawLayer(context, layer, from, to) {
    const { canvas, rect: { x, y }, reduce } = layer;
    const scale = this.stage.scale * reduce;
    this.within(context, from, to, () => {
      context.imageSmoothingEnabled = scale < 1 || Math.abs(scale - Math.round(scale)) > 1e-6;
      context.imageSmoothingQuality = "high";
      context.drawImage(canvas, x, y, canvas.width * reduce, canvas.height * reduce);
    });
  }

  // The map covers whole elements, so a little more than a picture whose sides are no multiples of one.
  drawMap(context, from, to) {
    const { map } = this.stage.layers;
    if (!map) return;
    const [width, height] = [this.stage.width, this.stage.height].map((length) => Math.ceil(length / map.side) * map.side);
    this.within(context, from, to, () => {
      context.imageSmoothingEnabled = false;
      context.globalAlpha = map.opacity;
      context.drawImage(map.canvas, 0, 0, width, height);
    });
  }

  drawMarks(context) {
    const { marks, ratio, scale } = this.stage;
    this.between(context, 0, context.canvas.width, () => {
      for (const { x, y, width, height, color } of marks) {
        for (const [line, style] of [[3, "#000a"], [1.5, color]]) {
          context.lineWidth = (line * ratio) / scale;
          context.strokeStyle = style;
          context.strokeRect(x, y, width, height);
        }
      }
    });
  }

  // The same as `between`, on the picture alone.
  within(context, from, to, draw) {
    this.between(context, from, to, () => {
      context.beginPath();
      context.rect(0, 0, this.stage.width, this.stage.height);
      context.clip();
      draw();
    });
  }

  // Draws in pixels of the picture, on the columns between `from` and `to` alone.
  between(context, from, to, draw) {
    const { ratio, scale, view } = this.stage;
    context.save();
    context.beginPath();
    context.rect(from, 0, to - from, context.canvas.height);
    context.clip();
    context.setTransform(scale, 0, 0, scale, Math.round(view.x * ratio), Math.round(view.y * ratio));
    draw();
    context.restore();
  }
}
