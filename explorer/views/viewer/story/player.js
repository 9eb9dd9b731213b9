// Autoplay: λ moves by itself, and each step waits until the frame of the one before is painted.
import { makeChoice } from "../controls/elements.js";

const SPEEDS = [
  ["0.5", "every 2 s"], ["1", "once a second"], ["2", "twice a second"], ["4", "4 a second"], ["10", "as fast as it goes"],
];
const STEPS = [
  ["0.0625", "1/16 octave"], ["0.125", "1/8 octave"], ["0.25", "1/4 octave"], ["0.5", "1/2 octave"], ["1", "one octave"],
];
const TURNS = [["there", "there and back"], ["again", "from the start again"], ["once", "once"]];
const HOW = "Let λ move by itself (K)";
const CALM = { speed: 1, step: 1 }; // at most and at least, for who asked for less motion

export class Player {
  /**
   * @param {import("../page.js").Parts} parts
   * @param {import("../viewer.js").Viewer} viewer
   * @param {AbortSignal} signal
   */
  constructor(parts, viewer, signal) {
    this.parts = parts;
    this.viewer = viewer;
    this.playing = false;
    this.direction = 1;
    const choices = {
      speed: makeChoice("speed", "Steps", SPEEDS, () => {}),
      step: makeChoice("step", "Length", STEPS, () => {}),
      turn: makeChoice("turn", "At the end", TURNS, () => {}),
    };
    this.speed = choices.speed.select;
    this.step = choices.step.select;
    this.turn = choices.turn.select;
    this.speed.value = "4";
    this.step.value = "0.125";
    parts.playOptions.append(...Object.values(choices).map(({ box }) => box));
    parts.play.addEventListener("click", () => this.toggle(), { signal });
    viewer.root.addEventListener("picture", () => this.reflect(), { signal });
    signal.addEventListener("abort", () => this.stop());
    this.motion = matchMedia("(prefers-reduced-motion: reduce)");
    this.reflect();
  }

  // Why λ cannot move by itself, or "".
  get reason() {
    const { picture, slider } = this.viewer;
    return picture ? slider.reason : "No picture is open yet.";
  }

  toggle() {
    if (this.playing) this.stop();
    else if (this.reason) this.viewer.notify(this.reason);
    else this.start();
  }

  // As a link or a lesson asks for it: not where less motion is wanted.
  offer() {
    if (!this.motion.matches) this.start();
  }

  start() {
    if (this.playing || this.reason) return;
    const { min, max } = this.viewer.slider.range;
    if (this.turn.value === "once" && this.isAt(max)) this.viewer.setLambda(min);
    this.playing = true;
    this.reflect();
    this.play();
  }

  stop() {
    this.playing = false;
    this.reflect();
  }

  reflect() {
    const { playing, parts: { play, playMenu }, reason } = this;
    if (playing && reason) this.playing = false; // the model that came cannot
    Object.assign(play, { disabled: Boolean(reason), title: reason || HOW });
    playMenu.inert = play.disabled;
    playMenu.parentElement.title = reason;
    this.parts.play.textContent = this.playing ? "❚❚" : "▶";
    this.parts.play.ariaPressed = String(this.playing);
  }

  async play() {
    while (this.playing && (await this.rest())) {
      const next = this.next();
      if (next === null) break;
      this.viewer.setLambda(next);
    }
    this.stop();
  }

  get pace() {
    const [speed, step] = [Number(this.speed.value), Number(this.step.value)];
    if (!this.motion.matches) return { speed, step };
    return { speed: Math.min(speed, CALM.speed), step: Math.max(step, CALM.step) };
  }

  // Until the frame is there and the next step is due; false where somebody else moved λ, or the frame failed.
  async rest() {
    const { viewer, viewer: { wanted } } = this;
    const due = performance.now() + 1000 / this.pace.speed;
    const isMine = () => this.playing && viewer.wanted === wanted;
    const isWaiting = () => viewer.coming || viewer.isWaiting || viewer.root.dataset.state === "loading";
    while (isMine() && (isWaiting() || performance.now() < due)) await new Promise(requestAnimationFrame);
    return isMine() && viewer.shown?.request.lmbda === wanted;
  }

  isAt(end) {
    return Math.abs(Math.log2(this.viewer.slider.value / end)) < 1e-6;
  }

  // λ of the next step, or null at the end of the last.
  next() {
    const { viewer: { slider }, turn: { value: turn }, pace: { step } } = this;
    const { min, max } = slider.range;
    if (turn !== "there") this.direction = 1;
    if (!this.isAt(this.direction > 0 ? max : min)) return slider.away(this.direction * step);
    if (turn === "once") return null;
    if (turn === "again") return min;
    this.direction *= -1;
    return slider.away(this.direction * step);
  }
}
