// The picture itself: one or two canvases that share a view (zoom and pan), and the layers of exact pixels on them.
import { zoom, zoomIdentity, select, drag } from "../vendor/d3-zoom.js";
import { Layers, ORIGINAL } from "./layers.js";
import { pixelRatio } from "./limits.js";
import { Panels } from "./panels.js";
import { holds, middleOf } from "./rectangles.js";
import { resize } from "./sheet.js";
import { inSight, reduceAt } from "./view.js";

// Screen pixels per picture pixel that + and − stop at: whole numbers above 1.
const STEPS = [1 / 16, 1 / 8, 1 / 4, 1 / 3, 1 / 2, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
const LARGEST = STEPS.at(-1);
const GAP = 2;
const PAN = 48;
const ROWS_GAIN = 1.3;
const LATELY_MS = 5000; // how long the place under the pointer is where one looks

/** @typedef {[width: number, height: number]} Size */
/** @typedef {Pick<import("../page.js").Parts, "stage" | "left" | "right" | "divider">} StageParts */

export class Stage {
  /** @type {Size} */
  size = [0, 0]; // of a panel, in CSS pixels; that while the page shows none of it, as a cell that is out of sight

  // parts: stage, left, right, divider of the page. on: {view(scale): after zoom or pan, in screen pixels a pixel;
  // hover({x, y} of the picture's pixel under the pointer, or null); pick({x, y}): a click on one}.
  /** @param {StageParts} parts */
  constructor(parts, on) {
    this.parts = parts;
    this.on = on;
    this.marks = [];
    /** @type {((context: CanvasRenderingContext2D, line: number) => void) | null} */
    this.cover = null; // what draws over every panel, in pixels of the picture; line: a pixel of CSS in them
    /** @type {(event: Event) => boolean} */
    this.takes = () => false; // whether an event is another's, so that it neither zooms nor pans
    /** @type {(HTMLCanvasElement & { __zoom?: import("../vendor/d3-zoom.js").Transform })[]} */
    this.canvases = [parts.left, parts.right];
    this.panels = new Panels(this);
    this.mode = "split";
    this.gain = 1;
    this.split = 0.5;
    this.held = false;
    this.fitted = true;
    this.view = zoomIdentity;
    this.ratio = 1; // screen pixels for each CSS pixel, fewer on a screen that is larger than a canvas may be
    this.current = ORIGINAL; // what the blocks of the model's frame have that is on show: λ of a large picture
    this.pointed = { x: 0, y: 0, until: 0 };
    this.listen();
  }

  listen() {
    this.behaviour = zoom().extent(() => [[0, 0], this.size]).filter((event) => this.accepts(event));
    this.behaviour.on("zoom", (event) => this.follow(event));
    select(this.parts.stage).selectAll("canvas").call(this.behaviour).style("touch-action", null);
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.behaviour.duration(still ? 0 : 200);
    const move = drag().container(this.parts.stage).on("drag", (event) => this.setSplit(event.x / this.size[0]));
    select(this.parts.divider).call(move);
    this.resizing = new ResizeObserver(() => this.arrange());
    this.resizing.observe(this.parts.stage);
    for (const canvas of this.canvases) {
      canvas.addEventListener("pointermove", (event) => this.point(this.pixelAt(event)));
      canvas.addEventListener("pointerleave", () => this.on.hover(null));
      canvas.addEventListener("click", (event) => this.on.pick(this.pixelAt(event))); // not after a pan: d3 sees to it
    }
  }

  point(pixel) {
    if (pixel) this.pointed = { ...pixel, until: performance.now() + LATELY_MS };
    this.on.hover(pixel);
  }

  // The picture's pixel under a pointer, or null beside the picture.
  pixelAt({ offsetX, offsetY }) {
    const [x, y] = this.view.invert([offsetX, offsetY]).map(Math.floor);
    return x >= 0 && y >= 0 && x < this.width && y < this.height ? { x, y } : null;
  }

  // One finger on a picture that is wholly visible scrolls the page: there is nothing to pan.
  accepts(event) {
    if (this.takes(event)) return false;
    if (event.type === "touchstart" && event.touches.length < 2 && this.fitted) return false;
    return !event.button && (!event.ctrlKey || event.type === "wheel");
  }

  get scale() {
    return this.view.k * this.ratio;
  }

  get shown() {
    return this.mode === "beside" ? this.canvases : this.canvases.slice(0, 1);
  }

  // ---- layers -------------------------------------------------------------------------------------------------------

  setOriginal({ header, pixels }) {
    this.open(header);
    this.layers.setOriginal(pixels);
    this.current = ORIGINAL;
    this.arrange();
  }

  // A large picture, of which the layers get what is in sight; isSame: under another model, so its original is known.
  openLarge(picture, isSame) {
    this.current = -1; // no block has it: there is no frame yet
    if (isSame) return this.layers.forgetFrame();
    this.open(picture);
    this.layers.look({ x: 0, y: 0, width: 0, height: 0 }, this.reduce);
    return this.arrange();
  }

  // A picture of which nothing is known but its size.
  open({ width, height }) {
    const resized = width !== this.width || height !== this.height;
    this.width = width;
    this.height = height;
    this.layers = new Layers(width, height);
    this.behaviour.translateExtent([[0, 0], [this.width, this.height]]);
    if (resized) this.fitted = true;
    this.arrange();
  }

  // The blocks of the picture that are in sight; null where none are.
  get sight() {
    return this.sightBetween(0, 1);
  }

  // Those of them where the model's picture is seen: the divider hides a part of it.
  get modelSight() {
    if (!this.isDivided || this.held) return this.sight;
    return (this.layers.swapped ? this.sightBetween(0, this.split) : this.sightBetween(this.split, 1)) ?? this.sight;
  }

  // from, to: shares of the panel's width.
  sightBetween(from, to) {
    const [width, height] = this.size;
    const [x, y] = this.view.invert([from * width, 0]);
    const [right, bottom] = this.view.invert([to * width, height]);
    return inSight({ x, y }, { width: right - x, height: bottom - y }, this);
  }

  // How much of what is in sight the screen does not show.
  get reduce() {
    return reduceAt(this.scale, this.sight);
  }

  // Where one looks at the model's picture: at what was under the pointer a moment ago, else at the middle.
  get focus() {
    const { pointed, modelSight } = this;
    const isThere = performance.now() < pointed.until && modelSight && holds(modelSight, { ...pointed, width: 1, height: 1 });
    return isThere ? pointed : middleOf(modelSight ?? { x: 0, y: 0, width: this.width, height: this.height });
  }

  // A map over the right-hand picture: see Layers.setMap.
  setMap(canvas, opacity, side) {
    this.layers?.setMap(canvas, opacity, side);
    this.invalidate();
  }

  // rectangles: [{x, y, width, height, color}] in pixels of the picture, outlined in every panel.
  setMarks(marks) {
    this.marks = marks;
    this.invalidate();
  }

  // ---- drawing ------------------------------------------------------------------------------------------------------

  invalidate() {
    this.drawing ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.drawing);
    this.drawing = null;
    this.parts.stage.dataset.divided = String(this.isDivided);
    if (!this.layers?.frame) return;
    this.shown.forEach((canvas, i) => this.panels.draw(canvas, i));
    this.on.drawn?.();
  }

  // Whether two layers share the panel, with the divider between them: the maps of two codecs do, too.
  get isDivided() {
    return this.mode === "split" || (this.mode === "visible" && Boolean(this.layers?.reference));
  }

  // ---- modes --------------------------------------------------------------------------------------------------------

  setMode(mode) {
    this.mode = mode;
    this.parts.stage.dataset.mode = mode;
    this.arrange();
  }

  setGain(gain) {
    this.gain = gain;
    this.invalidate();
  }

  hold(held) {
    this.held = held;
    this.parts.stage.dataset.held = held;
    this.invalidate();
  }

  setSplit(share) {
    this.split = Math.min(Math.max(share, 0), 1);
    const percent = Math.round(100 * this.split);
    this.parts.divider.style.left = `${100 * this.split}%`;
    this.parts.divider.setAttribute("aria-valuenow", String(percent));
    this.parts.divider.setAttribute("aria-valuetext", `${percent} % left picture`);
    this.invalidate();
  }

  // ---- layout and view ----------------------------------------------------------------------------------------------

  // Two panels are side by side, or above each other where that shows the picture much larger.
  arrange() {
    const width = Math.floor(this.parts.stage.clientWidth);
    const height = Math.floor(this.parts.stage.clientHeight);
    if (!this.width || !width) return;
    const before = this.size;
    this.ratio = pixelRatio(width, height); // of all panels together: one canvas holds them when what is shown is saved
    /** @type {Size[]} */
    const halves = [[Math.floor((width - GAP) / 2), height], [width, Math.floor((height - GAP) / 2)]];
    const best = ROWS_GAIN * this.fitScale(halves[0]) >= this.fitScale(halves[1]) ? halves[0] : halves[1];
    this.size = this.mode === "beside" ? best : [width, height];
    const aside = best === halves[0];
    this.place(this.canvases[0], 0, 0);
    this.place(this.canvases[1], aside ? width - best[0] : 0, aside ? 0 : height - best[1]);
    this.canvases[1].hidden = this.mode !== "beside";
    this.parts.stage.style.setProperty("--tag-left", `${aside ? width - best[0] : 0}px`);
    this.parts.stage.style.setProperty("--tag-top", `${aside ? 0 : height - best[1]}px`);
    this.behaviour.scaleExtent([Math.min(this.fitScale(this.size), 1 / 16), LARGEST / this.ratio]);
    this.keepView(before);
    this.draw();
  }

  place(canvas, left, top) {
    const [width, height] = this.size;
    Object.assign(canvas.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    resize(canvas, Math.round(width * this.ratio), Math.round(height * this.ratio));
  }

  keepView(before) {
    if (this.fitted) return this.fit();
    const [dx, dy] = [0, 1].map((axis) => (this.size[axis] - before[axis]) / 2);
    return this.go(this.view.k, this.view.x + dx, this.view.y + dy);
  }

  // In CSS pixels.
  /** @param {Size} panel */
  fitScale([width, height]) {
    return Math.min(width / this.width, height / this.height, LARGEST / this.ratio);
  }

  fit() {
    const k = this.fitScale(this.size);
    if (k) this.go(k, (this.size[0] - k * this.width) / 2, (this.size[1] - k * this.height) / 2);
    this.fitted = true;
    this.parts.stage.dataset.fitted = "true";
  }

  // scale: screen pixels per picture pixel; the middle of the panel stays where it is.
  zoomTo(scale) {
    const [x, y] = this.size.map((length) => length / 2);
    const k = scale / this.ratio;
    const grow = k / this.view.k;
    this.go(k, x - (x - this.view.x) * grow, y - (y - this.view.y) * grow);
  }

  zoomStep(direction) {
    const { scale } = this;
    const next = direction > 0 ? STEPS.find((s) => s > scale * 1.001) : STEPS.findLast((s) => s < scale * 0.999);
    if (next) this.zoomTo(next);
  }

  // [x, y, scale]: the picture's point in the middle of the panel, in its pixels, and screen pixels a pixel.
  get look() {
    return [...this.view.invert([this.size[0] / 2, this.size[1] / 2]), this.scale];
  }

  lookAt(x, y, scale) {
    this.arrange(); // the panel may have got another size just now
    const k = scale / this.ratio;
    this.go(k, this.size[0] / 2 - k * x, this.size[1] / 2 - k * y);
  }

  pan(dx, dy) {
    this.go(this.view.k, this.view.x - PAN * dx, this.view.y - PAN * dy);
  }

  go(k, x, y) {
    const aim = zoomIdentity.translate(x, y).scale(k);
    const view = this.behaviour.constrain()(aim, [[0, 0], this.size], this.behaviour.translateExtent());
    select(this.canvases[0]).call(this.behaviour.transform, view);
  }

  // d3 keeps the view on the element that it listens to: both canvases get the same.
  follow({ transform }) {
    this.view = transform;
    this.canvases.forEach((canvas) => (canvas.__zoom = transform));
    this.fitted = false;
    this.parts.stage.dataset.fitted = "false";
    this.invalidate();
    this.on.view(this.scale);
  }

  destroy() {
    this.resizing.disconnect();
    cancelAnimationFrame(this.drawing);
  }
}
