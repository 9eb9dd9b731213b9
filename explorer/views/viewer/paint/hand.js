// What pointers and keys do to the picture while λ is painted. The stage keeps zoom and pan: a wheel, two fingers, and any
// drag while Space is held.
import { BLOCK } from "../picture/lambdamap.js";

const ERASER = 5; // the button that the other end of a pen is
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const TYPED = "input:not([type=range], [type=checkbox], [type=radio]), select, textarea, [contenteditable], dialog";

// For the help.
/** @type {[keys: string[], does: string][]} */
export const PAINT_KEYS = [
  [["[", "]"], "smaller, larger brush (while painting)"],
  [["Enter"], "paint at the block that the arrow keys have moved to (while painting)"],
  [["Ctrl+Z"], "undo what was painted; with Shift, redo"],
];

/** @typedef {import("./dabs.js").Point} Point */

export class Hand {
  /**
   * @param {import("../picture/stage.js").Stage} stage
   * @param {import("./painter.js").Painter} painter
   * @param {AbortSignal} signal
   */
  constructor(stage, painter, signal) {
    this.stage = stage;
    this.painter = painter;
    /** @type {number | null} */
    this.pointer = null; // that paints
    this.fingers = new Set(); // on the picture
    this.isPanning = false; // Space is held
    stage.takes = (event) => this.takes(event);
    for (const canvas of stage.canvases) {
      const on = (type, action) => canvas.addEventListener(type, (event) => this.painter.isSeen && action(event), { signal });
      on("pointerdown", (event) => this.painter.isOn && this.down(event, canvas));
      on("pointermove", (event) => this.move(event, canvas));
      on("pointerleave", () => this.pointer === null && this.painter.hover(null));
      for (const type of ["pointerup", "pointercancel"]) on(type, (event) => this.up(event));
    }
    window.addEventListener("blur", () => this.pan(false), { signal });
  }

  // Whether an event on the picture paints, so that it neither zooms nor pans.
  takes(event) {
    if (!this.painter.isOn || event.type === "wheel" || this.isPanning) return false;
    return event.type === "touchstart" ? event.touches.length < 2 : true;
  }

  down(event, canvas) {
    const { pointerId, pointerType, isPrimary, button, ctrlKey } = event;
    if (isPrimary) this.fingers.clear(); // the first one again, whatever became of those before
    if (pointerType === "touch") this.fingers.add(pointerId);
    if (this.fingers.size > 1) return this.drop(); // they pan and zoom
    if (this.isPanning || this.pointer !== null || ctrlKey || ![0, ERASER].includes(button)) return;
    this.pointer = pointerId;
    canvas.setPointerCapture(pointerId);
    this.painter.begin(this.pointOf(event, canvas), event.timeStamp, button === ERASER ? 0 : undefined);
  }

  move(event, canvas) {
    if (event.pointerId === this.pointer) {
      const events = event.getCoalescedEvents?.() ?? [];
      const points = (events.length ? events : [event]).map((each) => this.pointOf(each, canvas));
      this.painter.go(points, event.timeStamp);
    } else if (this.pointer === null && !this.isPanning && event.pointerType !== "touch") {
      this.painter.hover(this.pointOf(event, canvas));
    }
  }

  up({ pointerId, pointerType, type }) {
    this.fingers.delete(pointerId);
    if (pointerId !== this.pointer) return;
    this.pointer = null;
    if (type === "pointercancel") this.painter.cancel();
    else this.painter.end();
    if (pointerType === "touch") this.painter.hover(null);
  }

  // What one finger began was the beginning of a gesture of two.
  drop() {
    this.pointer = null;
    this.painter.cancel();
    this.painter.hover(null);
  }

  pan(isPanning) {
    this.isPanning = isPanning;
    this.stage.parts.stage.dataset.panning = String(isPanning);
  }

  // In blocks.
  /** @returns {Point} */
  pointOf({ clientX, clientY }, canvas) {
    const { left, top } = canvas.getBoundingClientRect();
    const [x, y] = this.stage.view.invert([clientX - left, clientY - top]);
    return { x: x / BLOCK, y: y / BLOCK };
  }

  // ---- keys ---------------------------------------------------------------------------------------------------------

  // Whether a key that was pressed is painting's.
  /** @param {KeyboardEvent} event */
  press(event) {
    const { painter, stage: { parts } } = this;
    const { key, target } = event;
    if (!painter.isOn || /** @type {HTMLElement} */ (target).closest(TYPED)) return false;
    if ((event.ctrlKey || event.metaKey) && !event.altKey) return this.undo(event);
    if (key === "[" || key === "]") return this.done(() => painter.resize(key === "[" ? -1 : 1));
    if (event.altKey) return false;
    if (key === " " && (target === parts.stage || target === document.body)) return this.done(() => this.pan(true));
    if (target !== parts.stage) return false;
    if (key in ARROWS) return this.done(() => this.step(ARROWS[key]));
    return key === "Enter" && this.done(() => this.enter());
  }

  release({ key }) {
    if (key === " ") this.pan(false);
  }

  done(action) {
    action();
    return true;
  }

  undo({ key, shiftKey }) {
    const { painter } = this;
    const letter = key.toLowerCase();
    if (letter === "z") return this.done(() => (shiftKey ? painter.redo() : painter.undo()));
    return letter === "y" && this.done(() => painter.redo());
  }

  // The cursor moves by blocks, and the picture follows it.
  step([dx, dy]) {
    const { painter, stage } = this;
    const { rows, columns } = painter.map;
    const within = (at, count) => Math.min(count - 0.5, Math.max(0.5, Math.floor(at) + 0.5));
    const [x, y] = stage.look.map((at) => at / BLOCK);
    const from = painter.cursor ?? { x: x - dx, y: y - dy };
    const to = { x: within(from.x + dx, columns), y: within(from.y + dy, rows) };
    if (painter.stroke) painter.go([to], performance.now());
    else painter.hover(to);
    const at = stage.view.apply([to.x * BLOCK, to.y * BLOCK]);
    const isInSight = at.every((each, axis) => each >= 0 && each <= stage.size[axis]);
    if (!isInSight) stage.lookAt(to.x * BLOCK, to.y * BLOCK, stage.scale);
    painter.panel.say(painter.place);
  }

  // A brush paints at once; what goes from one place to another does so from one press to the next.
  enter() {
    const { painter, painter: { cursor, tool } } = this;
    if (!cursor) return this.step([0, 0]);
    if (painter.stroke) return painter.end();
    painter.begin(cursor, performance.now());
    if (tool === "brush" || tool === "erase") return painter.end();
    return painter.panel.say("Move to the other end with the arrow keys, then press Enter.");
  }
}
