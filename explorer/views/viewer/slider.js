// The λ slider: a range on the log axis, or a single λ with the reason why it cannot move.
import { formatLambda } from "./readout.js";

const STEPS_PER_OCTAVE = 256;
const ONLY_ONE = "This model was trained for one λ: it has nothing to move.";

export class LambdaSlider {
  constructor({ slider, ticks }, start) {
    Object.assign(this, { slider, ticks, value: start });
  }

  // The value that is nearest to a λ in a range.
  static within(lmbda, { min, max }) {
    return Math.min(Math.max(lmbda, min), max);
  }

  setRange(range) {
    this.range = range;
    this.octaves = Math.log2(range.max / range.min);
    this.slider.max = Math.max(1, this.octaves * STEPS_PER_OCTAVE);
    this.slider.disabled = this.octaves === 0;
    this.slider.title = this.slider.disabled ? ONLY_ONE : "";
    if (this.slider.disabled) this.ticks.replaceChildren(ONLY_ONE);
    else addTicks(this.ticks, range, this.octaves);
    this.set(this.value);
  }

  set(lmbda) {
    this.value = LambdaSlider.within(lmbda, this.range);
    const share = this.octaves && Math.log2(this.value / this.range.min) / this.octaves;
    this.slider.value = Math.round(share * this.slider.max);
    this.slider.style.setProperty("--at", share);
    this.slider.setAttribute("aria-valuetext", `λ ${formatLambda(this.value)}`);
  }

  // λ where the thumb is.
  read() {
    return this.range.min * 2 ** ((this.slider.value / this.slider.max) * this.octaves);
  }
}

function addTicks(box, { min }, octaves) {
  const ticks = Array.from({ length: Math.round(octaves) + 1 }, (_, i) => {
    const tick = Object.assign(document.createElement("span"), { textContent: min * 2 ** i });
    tick.style.setProperty("--at", i / octaves);
    return tick;
  });
  box.replaceChildren(...ticks);
}
