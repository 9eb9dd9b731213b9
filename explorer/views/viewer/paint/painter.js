// Painting λ on the picture: a mode of the stage in which a press changes the λ map instead of moving the picture. The map
// of a received file is shown as well, and stays what it is.
//
// A stroke goes from a press to its release, or is one dab of the keyboard's; while it goes on, the map follows at most once
// a frame, and it is one step of undo.
import { BLOCK, LambdaMap } from "../picture/lambdamap.js";
import { formatLambda } from "../rates/readout.js";
import { between, centre, dab, gradient, nothing, painted, rectangle } from "./dabs.js";
import { Hand } from "./hand.js";
import { History } from "./history.js";
import { Overlay } from "./overlay.js";
import { PaintPanel } from "./panel.js";
import { stepsWithin, strengthText } from "./strength.js";

const LARGEST = 24; // blocks, or the picture's longer side where that is less
const NO_PICTURE = "No picture is open yet.";
const SPOKEN = "Picture, to paint λ on. Arrow keys move by blocks, Enter paints, Escape leaves.";
const HOW = "More quality here, fewer bits there (L).";
const SENT = "The λ map that the file brings, over the picture (L).";

/** @typedef {import("./dabs.js").Point} Point */
/** @typedef {{ before: LambdaMap, cover: Float32Array, from: Point, at: Point, strength: number, asked: number }} Stroke */

export class Painter {
  /**
   * @param {import("../page.js").Parts} parts
   * @param {import("../viewer.js").Viewer} viewer
   * @param {AbortSignal} signal
   */
  constructor(parts, viewer, signal) {
    this.parts = parts;
    this.viewer = viewer;
    this.isOn = false;
    this.spoken = parts.stage.ariaLabel;
    this.tool = "brush";
    this.size = 3; // blocks
    this.strength = 16; // steps
    this.isSoft = false;
    this.isShown = true; // the map over the picture
    this.history = new History(viewer.map);
    /** @type {Stroke | null} */
    this.stroke = null;
    /** @type {Point | null} */
    this.cursor = null; // where a press would paint
    this.overlay = new Overlay(() => viewer.stage.invalidate());
    this.panel = new PaintPanel(parts, this, signal);
    this.hand = new Hand(viewer.stage, this, signal);
    viewer.on("picture", () => this.pictureOpened(), signal);
    viewer.on("frame", () => this.reflect(), signal); // λ or the map may have been changed elsewhere
    signal.addEventListener("abort", () => {
      cancelAnimationFrame(this.applying);
      this.overlay.stop();
    });
    this.reflect();
  }

  // Why nothing can be painted, or "".
  get reason() {
    const { picture } = this.viewer;
    return picture ? (picture.fixed ?? "") : NO_PICTURE;
  }

  // Whether the picture is a received file's, with a map.
  get isSent() {
    const { picture, map } = this.viewer;
    return Boolean(picture?.fixed && map);
  }

  get isSeen() {
    return this.isOn || this.isSent;
  }

  // λ that a map leads to; those of a received picture's slider are one.
  get range() {
    return this.viewer.setup.lmbda;
  }

  /** @returns {LambdaMap} */
  get map() {
    const { map, picture } = this.viewer;
    if (map) return map;
    if (!this.blank?.fits(picture)) this.blank = LambdaMap.flat(picture);
    return this.blank;
  }

  get largest() {
    const { rows, columns } = this.map;
    return Math.min(LARGEST, Math.max(rows, columns));
  }

  // ---- the mode -----------------------------------------------------------------------------------------------------

  toggle() {
    if (this.isSent) this.choose({ isShown: !this.isShown });
    else if (this.reason && !this.isOn) this.viewer.notify(this.reason);
    else this.set(!this.isOn);
    if (this.isOn) this.parts.stage.focus({ preventScroll: true });
  }

  set(isOn) {
    if (isOn === this.isOn || (isOn && this.reason)) return;
    const { parts: { paint, paintOpen, stage }, viewer } = this;
    const hasFocus = paint.contains(document.activeElement);
    this.cancel();
    this.isOn = isOn;
    this.cursor = null;
    stage.ariaLabel = isOn ? SPOKEN : this.spoken;
    viewer.inside.layMap();
    this.reflect();
    if (hasFocus) paintOpen.focus({ preventScroll: true }); // it would be lost with the tools
  }

  // Leaves what is begun first, then the mode; whether there was anything to leave.
  leave() {
    const isHere = this.isOn;
    if (this.stroke) this.cancel();
    else this.set(false);
    return isHere;
  }

  pictureOpened() {
    this.stroke = null;
    this.cursor = null;
    const { viewer: { map, picture }, history } = this;
    const isOurs = map === history.present && history.states.every((each) => !each || each.fits(picture));
    if (!isOurs) this.history = new History(map);
    if (this.reason) this.set(false);
    if (this.isSent) this.choose({ isShown: true });
    this.size = Math.min(this.size, this.largest);
    this.reflect();
  }

  // values: of tool, size, strength, isSoft and isShown.
  choose(values) {
    Object.assign(this, values);
    this.overlay.wake();
    this.reflect();
  }

  resize(blocks) {
    this.choose({ size: Math.min(this.largest, Math.max(1, this.size + blocks)) });
    this.panel.say(this.parts.paintSize.textContent);
  }

  // ---- strokes ------------------------------------------------------------------------------------------------------

  // Points are in blocks; asked: when the input came; strength: that of the tool, if not another's.
  /** @param {Point} point @param {number} asked */
  begin(point, asked, strength = this.tool === "erase" ? 0 : this.strength) {
    this.follow();
    const before = this.map;
    this.stroke = { before, cover: nothing(before), from: point, at: point, strength, asked };
    this.go([point], asked);
  }

  /** @param {Point[]} points @param {number} asked */
  go(points, asked) {
    const { stroke, tool, size, isSoft } = this;
    if (!stroke) return; // it was given up while the pointer is still down
    for (const point of points) {
      if (tool === "rectangle") stroke.cover = rectangle(stroke.before, stroke.from, point);
      else if (tool === "gradient") stroke.cover = gradient(stroke.before, stroke.from, point);
      else for (const each of between(stroke.at, point)) dab(stroke.cover, stroke.before, each, { size, soft: isSoft });
      stroke.at = point;
    }
    this.cursor = stroke.at;
    stroke.asked = asked;
    this.applying ??= requestAnimationFrame(() => this.apply());
  }

  end() {
    this.apply();
    if (!this.stroke) return;
    this.stroke = null;
    this.keep();
  }

  cancel() {
    if (!this.stroke) return;
    const { before } = this.stroke;
    this.stroke = null;
    this.lay(before, performance.now());
  }

  // The stroke so far becomes the map.
  apply() {
    cancelAnimationFrame(this.applying);
    this.applying = null;
    if (!this.stroke) return;
    const { before, cover, strength, asked } = this.stroke;
    this.lay(changed(before, painted(before.steps, cover, strength)), asked);
  }

  /** @param {LambdaMap} map @param {number} asked */
  lay(map, asked) {
    const { steps } = this.map;
    if (map.steps.some((step, at) => step !== steps[at])) this.viewer.setMap(map, asked);
    this.overlay.wake();
    this.reflect();
  }

  // ---- changes ------------------------------------------------------------------------------------------------------

  // The map may have been changed elsewhere: that can be undone as well.
  follow() {
    if (this.viewer.map !== this.history.present) this.history.push(this.viewer.map);
  }

  // A change is done.
  keep() {
    this.follow();
    this.panel.say(this.words);
    this.reflect();
  }

  get words() {
    const count = this.map.steps.filter(Boolean).length;
    return count ? `${count} of ${this.map.steps.length} blocks have a λ of their own.` : "One λ for the whole picture.";
  }

  clear() {
    this.follow();
    this.lay(LambdaMap.flat(this.viewer.picture), performance.now());
    this.keep();
  }

  paintCentre() {
    this.follow();
    const { map, viewer: { picture }, strength } = this;
    this.lay(changed(map, painted(map.steps, centre(map, picture, BLOCK), strength)), performance.now());
    this.keep();
  }

  undo() {
    this.follow();
    this.goTo(this.history.undo());
  }

  redo() {
    this.follow();
    this.goTo(this.history.redo());
  }

  goTo(map) {
    this.stroke = null;
    this.viewer.setMap(map, performance.now());
    this.panel.say(this.words);
    this.overlay.wake();
    this.reflect();
  }

  // ---- what is shown ------------------------------------------------------------------------------------------------

  // point: in blocks, or null.
  hover(point) {
    this.cursor = point;
    this.overlay.wake();
    this.mark();
  }

  mark() {
    const { parts, overlay, cursor, stroke, tool } = this;
    const isGradient = stroke && tool === "gradient";
    overlay.setCursor(isGradient ? null : this.touched(), isGradient ? [stroke.from, stroke.at] : null);
    parts.paintPlace.textContent = cursor ? this.strengthAt(cursor) : "";
    this.viewer.stage.invalidate();
  }

  // "×8, λ 2048" of the block at a point; "" beside the picture.
  /** @param {Point} point */
  strengthAt({ x, y }) {
    const { map: { rows, columns, steps }, viewer: { wanted }, range } = this;
    const [row, column] = [Math.floor(y), Math.floor(x)];
    const isIn = row >= 0 && row < rows && column >= 0 && column < columns;
    return isIn ? strengthText(wanted, steps[row * columns + column], range, formatLambda) : "";
  }

  // Where the cursor is, in words.
  get place() {
    const { cursor } = this;
    return `Row ${Math.floor(cursor.y) + 1}, column ${Math.floor(cursor.x) + 1}: ${this.strengthAt(cursor)}`;
  }

  reflect() {
    const { parts, viewer, isOn, isSent, overlay } = this;
    const reason = isSent ? "" : this.reason;
    const how = isSent ? SENT : HOW;
    Object.assign(parts.paintOpen, {
      disabled: Boolean(reason),
      title: reason || (viewer.map ? `${how} ${this.words}` : how),
      textContent: isSent ? "λ map" : "Paint λ",
      ariaPressed: isSent ? String(this.isShown) : null,
    });
    parts.paintOpen.dataset.painted = String(Boolean(viewer.map));
    parts.paint.hidden = !isOn;
    viewer.root.dataset.paint = isOn ? "on" : "off";
    viewer.stage.cover = this.isSeen ? (context, line) => overlay.draw(context, line, viewer) : null;
    if (isOn) this.panel.reflect();
    if (!this.isSeen) {
      parts.paintPlace.textContent = "";
      return;
    }
    overlay.setMap(this.map, stepsWithin(viewer.wanted, this.range));
    overlay.isShown = this.isShown;
    this.mark();
  }

  // What a press at the cursor would cover, or null.
  touched() {
    const { cursor, stroke, tool, size, map, isOn } = this;
    if (!cursor) return null;
    const cover = nothing(map);
    if (stroke && tool === "rectangle") return stroke.cover;
    dab(cover, map, cursor, { size: isOn && (tool === "brush" || tool === "erase") ? size : 1, soft: false });
    return cover;
  }
}

// A map of the same blocks with other steps.
/** @param {LambdaMap} map @param {Int8Array} steps */
function changed({ rows, columns }, steps) {
  return new LambdaMap(rows, columns, steps);
}
