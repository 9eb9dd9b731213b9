// The λ slider: a range on the log axis, or a single λ with the reason why it cannot move.
import { formatLambda } from "../rates/readout.js";

const STEPS_PER_OCTAVE = 256;
const ONLY_ONE = "This model was trained for one λ: it has nothing to move.";

export class LambdaSlider {
  constructor({ slider, ticks, lambda }, start) {
    this.slider = slider;
    this.label = lambda;
    this.ticks = ticks;
    this.value = start;
  }

  // The value that is nearest to a λ in a range.
  static within(lmbda, { min, max }) {
    return Math.min(Math.max(lmbda, min), max);
  }

  // range: {min, max}, the reason where they are the same, and steps where there are only so many, equidistant on the log axis.
  setRange(range) {
    this.range = range;
    this.octaves = Math.log2(range.max / range.min);
    this.slider.max = Math.max(1, range.steps ?? this.octaves * STEPS_PER_OCTAVE);
    this.slider.disabled = this.octaves === 0;
    this.slider.title = this.reason;
    if (this.slider.disabled) this.ticks.replaceChildren(this.reason);
    else addTicks(this.ticks, range, this.octaves);
    this.set(this.value);
  }

  // Why it cannot move, or "".
  get reason() {
    return this.octaves ? "" : (this.range.reason ?? ONLY_ONE);
  }

  set(lmbda) {
    this.value = LambdaSlider.within(lmbda, this.range);
    this.slider.value = Math.round(this.share * this.slider.max);
    if (this.range.steps) this.value = this.read();
    const { share } = this;
    this.slider.style.setProperty("--at", share);
    this.label.textContent = formatLambda(this.value);
    this.slider.setAttribute("aria-valuetext", `λ ${this.label.textContent}`);
  }

  // Where λ lies between the ends of the range, from 0 to 1.
  get share() {
    return this.octaves && Math.log2(this.value / this.range.min) / this.octaves;
  }

  // λ some octaves away, and at least one step where there are steps.
  away(octaves) {
    const least = this.range.steps ? this.octaves / this.range.steps : 0;
    return this.value * 2 ** (Math.sign(octaves) * Math.max(Math.abs(octaves), least));
  }

  // λ where the thumb is.
  read() {
    return this.range.min * 2 ** ((this.slider.value / this.slider.max) * this.octaves);
  }
}

function addTicks(box, { min }, octaves) {
  const ticks = Array.from({ length: Math.round(octaves) + 1 }, (_, i) => {
    const tick = Object.assign(document.createElement("span"), { textContent: String(min * 2 ** i) });
    tick.style.setProperty("--at", String(i / octaves));
    return tick;
  });
  box.replaceChildren(...ticks);
}
