// What is said of a large picture over the stage: a frame around the window that stays live, with a handle to move it, and
// which λ is under the veil.
import { drag, select } from "../vendor/d3-zoom.js";
import { formatLambda } from "../rates/readout.js";
import { constants } from "../wire/constants.js";
import { middleOf } from "./rectangles.js";

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class LiveWindow {
  constructor({ window: frame, windowHandle, veiled }, stage, large) {
    this.frame = frame;
    this.handle = windowHandle;
    this.veiled = veiled;
    this.stage = stage;
    this.large = large;
    this.listen();
  }

  listen() {
    let grip;
    const behaviour = drag().container(this.stage.parts.stage).subject(() => ({ x: 0, y: 0 }));
    behaviour.on("start", () => (grip = this.large.window && middleOf(this.large.window)));
    behaviour.on("drag", ({ x, y }) => grip && this.large.place({ x: grip.x + x / this.stage.view.k, y: grip.y + y / this.stage.view.k }));
    select(this.handle).call(behaviour);
    this.handle.addEventListener("keydown", (event) => {
      const step = KEYS[event.key];
      if (!step || !this.large.window) return;
      event.preventDefault();
      event.stopPropagation();
      const { x, y } = middleOf(this.large.window);
      this.large.place({ x: x + constants.tile * step[0], y: y + constants.tile * step[1] });
    });
  }

  // After each drawing of the stage.
  show() {
    const { large, stage, frame, veiled } = this;
    const rect = large.picture && large.window;
    frame.hidden = !rect;
    if (rect) this.place(rect);
    veiled.textContent = large.picture ? this.text : "";
    frame.dataset.whole = large.isWhole;
    stage.parts.stage.ariaBusy = Boolean(large.picture) && !large.isWhole;
  }

  // The frame lies in the panel of the model's picture.
  place(rect) {
    const { stage, frame } = this;
    const [x, y] = stage.view.apply([rect.x, rect.y]);
    const panel = stage.shown.at(-1);
    const [left, top] = [panel.offsetLeft, panel.offsetTop];
    const [width, height] = stage.size;
    const from = [Math.max(0, x), Math.max(0, y)];
    const to = [Math.min(width, x + rect.width * stage.view.k), Math.min(height, y + rect.height * stage.view.k)];
    Object.assign(frame.style, {
      left: `${left + from[0]}px`, top: `${top + from[1]}px`,
      width: `${Math.max(0, to[0] - from[0])}px`, height: `${Math.max(0, to[1] - from[1])}px`,
    });
    frame.dataset.top = from[1] < this.handle.offsetHeight;
    this.handle.textContent = `Live, λ ${formatLambda(stage.current)}`;
  }

  // What is under the veil.
  get text() {
    const { large } = this;
    if (large.isWhole || large.shown === null) return "";
    const { lambdas, hasOtherMap, isUnsharp, isMissing } = large.veiled;
    const names = lambdas.map(formatLambda);
    const shown = names.length > 2 ? `${names[0]} to ${names.at(-1)}` : names.join(" and ");
    const parts = [names.length && `still λ ${shown}`, hasOtherMap && "painted otherwise", isUnsharp && "not yet sharp"].filter(Boolean);
    if (parts.length) return `Dimmed: ${parts.join(", ")}`;
    return isMissing ? "The rest is on its way" : "";
  }
}
