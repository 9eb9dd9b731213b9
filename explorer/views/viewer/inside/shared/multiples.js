// Small multiples: every channel as a small map, in an order, with the same element marked in all of them.
import { fits, pixelRatio } from "../../picture/limits.js";
import { paintValues } from "./colours.js";

const TILE = 58; // CSS pixels at least that a map is wide
const [GAP, LABEL] = [6, 13];

export class Multiples {
  // on: {pick(channel); select({channel, row, column}): a click in the map of the channel that is chosen already;
  // hover({channel, row, column} or null)}
  constructor(box, on) {
    this.box = box;
    this.on = on;
    this.shown = null;
    this.columns = 1;
    box.classList.add("mae-multiples");
    const make = () => box.appendChild(document.createElement("canvas"));
    this.canvas = make();
    this.marks = make();
    this.atlas = document.createElement("canvas");
    Object.assign(this.marks, { tabIndex: 0, ariaLabel: "Maps of all channels; arrow keys choose one" });
    this.marks.setAttribute("role", "application");
    this.marks.addEventListener("pointermove", (event) => this.on.hover(this.placeAt(event)));
    this.marks.addEventListener("pointerleave", () => this.on.hover(null));
    this.marks.addEventListener("click", (event) => this.click(event));
    this.marks.addEventListener("keydown", (event) => this.key(event));
    this.resizing = new ResizeObserver(() => this.arrange());
    this.resizing.observe(box);
  }

  // maps: {values, width, height, order: channels as they are shown, scale(channel), label(channel), dim(channel)}.
  show(maps) {
    this.shown = maps;
    this.paintAtlas();
    this.arrange();
  }

  // All maps at one pixel an element, each in its own rectangle of a canvas that is never shown; those of a large picture
  // smaller, as means of elements.
  paintAtlas() {
    const { values, width: columns, height: rows, order, scale } = this.shown;
    const across = (this.across = Math.ceil(Math.sqrt(order.length)));
    const down = Math.ceil(order.length / across);
    let step = 1;
    while (!fits(across * Math.ceil(columns / step), down * Math.ceil(rows / step))) step++;
    const { width, height } = (this.cell = { width: Math.ceil(columns / step), height: Math.ceil(rows / step) });
    Object.assign(this.atlas, { width: across * width, height: down * height });
    const image = new ImageData(this.atlas.width, this.atlas.height);
    const pixels = new Uint32Array(image.data.buffer);
    order.forEach((channel, i) => {
      const plane = values.subarray(channel * columns * rows, (channel + 1) * columns * rows);
      const map = { values: step > 1 ? means(plane, columns, step) : plane, width, height };
      paintValues(pixels, this.atlas.width, (i % across) * width, Math.floor(i / across) * height, map, scale(channel));
    });
    this.atlas.getContext("2d").putImageData(image, 0, 0);
  }

  arrange() {
    const room = this.box.clientWidth;
    if (!this.shown || !room) return;
    const { width, height, order } = this.shown;
    this.columns = Math.min(order.length, Math.max(2, Math.floor((room + GAP) / (TILE + GAP))));
    const tile = Math.floor((room + GAP) / this.columns) - GAP;
    this.tile = { width: tile, height: Math.max(8, Math.round((tile * height) / width)) };
    const rows = Math.ceil(order.length / this.columns);
    const size = [room, rows * this.pitch[1]];
    this.ratio = pixelRatio(size[0], size[1]);
    for (const canvas of [this.canvas, this.marks]) {
      Object.assign(canvas, { width: Math.round(size[0] * this.ratio), height: Math.round(size[1] * this.ratio) });
      Object.assign(canvas.style, { width: `${size[0]}px`, height: `${size[1]}px` });
    }
    this.draw();
    this.mark(this.marked);
  }

  get pitch() {
    return [this.tile.width + GAP, this.tile.height + LABEL + GAP];
  }

  corner(i) {
    return [(i % this.columns) * this.pitch[0], Math.floor(i / this.columns) * this.pitch[1]];
  }

  draw() {
    const { order, label, dim } = this.shown;
    const { width, height } = this.cell;
    const context = this.context(this.canvas);
    const css = getComputedStyle(this.box);
    context.font = `10px ${css.fontFamily}`;
    context.textBaseline = "top";
    context.fillStyle = css.color;
    context.strokeStyle = css.getPropertyValue("--mae-line");
    context.imageSmoothingEnabled = this.tile.width < width;
    order.forEach((channel, i) => {
      const [x, y] = this.corner(i);
      const [fromX, fromY] = [(i % this.across) * width, Math.floor(i / this.across) * height];
      context.globalAlpha = dim?.(channel) ? 0.35 : 1;
      context.drawImage(this.atlas, fromX, fromY, width, height, x, y, this.tile.width, this.tile.height);
      context.strokeRect(x + 0.5, y + 0.5, this.tile.width - 1, this.tile.height - 1); // a white map on white ground
      const [name, number] = label(channel);
      context.textAlign = "left";
      context.fillText(name, x, y + this.tile.height + 2);
      context.textAlign = "right";
      const room = this.tile.width - context.measureText(name).width - 4;
      context.fillText(number, x + this.tile.width, y + this.tile.height + 2, room);
    });
  }

  context(canvas) {
    const context = canvas.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    return context;
  }

  // marked: {channel, row, column, pins}: a frame around the channel, the same elements in every map.
  mark(marked) {
    this.marked = marked;
    if (!this.tile) return;
    const context = this.context(this.marks);
    const css = getComputedStyle(this.box);
    const { channel, row = null, pins = [] } = marked ?? {};
    context.lineWidth = 1.5;
    for (const pin of pins) this.markElement(context, pin, pin.color);
    context.lineWidth = 1;
    if (row !== null) this.markElement(context, marked, css.getPropertyValue("--mae-ink"));
    const i = this.shown.order.indexOf(channel);
    if (i < 0) return;
    const [x, y] = this.corner(i);
    context.strokeStyle = css.getPropertyValue("--mae-accent");
    context.lineWidth = 2.5;
    context.strokeRect(x - 1, y - 1, this.tile.width + 2, this.tile.height + 2);
  }

  // At least large enough to be seen.
  markElement(context, { row, column }, color) {
    const { width, height, order } = this.shown;
    const [across, down] = [this.tile.width / width, this.tile.height / height];
    const [w, h] = [Math.max(across, 4), Math.max(down, 4)];
    context.beginPath();
    order.forEach((_, i) => {
      const [x, y] = this.corner(i);
      context.rect(x + (column + 0.5) * across - w / 2, y + (row + 0.5) * down - h / 2, w, h);
    });
    context.strokeStyle = color;
    context.stroke();
  }

  placeAt({ offsetX, offsetY }) {
    if (!this.tile) return null;
    const [x, y] = [offsetX / this.pitch[0], offsetY / this.pitch[1]];
    const channel = this.shown.order[Math.floor(y) * this.columns + Math.floor(x)];
    const column = Math.floor(((offsetX % this.pitch[0]) / this.tile.width) * this.shown.width);
    const row = Math.floor(((offsetY % this.pitch[1]) / this.tile.height) * this.shown.height);
    const isInside = channel !== undefined && column < this.shown.width && row < this.shown.height;
    return isInside ? { channel, row, column } : null;
  }

  click(event) {
    const place = this.placeAt(event);
    if (!place) return;
    if (place.channel === this.marked?.channel) this.on.select?.(place);
    else this.on.pick(place.channel);
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns }[event.key];
    const { order } = this.shown ?? {};
    if (!step || !order) return;
    event.preventDefault();
    event.stopPropagation();
    const next = order[Math.min(Math.max(order.indexOf(this.marked?.channel) + step, 0), order.length - 1)];
    this.on.pick(next);
  }

  destroy() {
    this.resizing.disconnect();
  }
}

// The means of step × step values, fewer at the right and lower edge; columns: in a row.
/** @param {Float32Array} values @param {number} columns @param {number} step */
export function means(values, columns, step) {
  const rows = values.length / columns;
  const width = Math.ceil(columns / step);
  const sums = new Float32Array(width * Math.ceil(rows / step));
  const counts = new Uint16Array(sums.length);
  for (let row = 0, i = 0; row < rows; row++) {
    const start = Math.floor(row / step) * width;
    for (let column = 0; column < columns; column++, i++) {
      const at = start + Math.floor(column / step);
      sums[at] += values[i];
      counts[at]++;
    }
  }
  return sums.map((sum, i) => sum / counts[i]);
}
