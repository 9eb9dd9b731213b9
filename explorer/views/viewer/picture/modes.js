// How two pictures are compared (split, side by side, …), and the labels that say what is where.
import { findingText, modelText, rivalText } from "../compare/labels.js";

const ALONE = "flip"; // the mode that shows one picture

export class Modes {
  // sides() -> [left, right], each {text, short}: see `sideTexts`.
  /** @param {import("../page.js").Parts} parts */
  constructor(parts, stage, sides) {
    this.parts = parts;
    this.stage = stage;
    this.sides = sides;
    this.chosen = "split";
    this.missing = null; // why there is no original, or null
  }

  // What is said of the error that eyes see in a side; while there is no map yet, the side itself is seen.
  visibleText(side) {
    const { layers } = this.stage;
    const { text, short } = this.sides()[side];
    const map = layers?.errorOf(layers.sides[side]);
    return map ? `Visible error of ${short}, mean ${map.mean.toFixed(3)}` : `${text} · visible error to come …`;
  }

  // Without an original there is one picture to see.
  limit(missing) {
    this.missing = missing;
    for (const radio of this.parts.modes) radio.disabled = missing !== null && radio.value !== ALONE;
    this.parts.modes[0].closest("fieldset").title = missing ?? "";
    this.set(this.chosen);
  }

  set(chosen) {
    this.chosen = chosen;
    const mode = this.missing === null ? chosen : ALONE;
    this.stage.setMode(mode);
    for (const radio of this.parts.modes) radio.checked = radio.value === mode;
    this.parts.visibleBox.hidden = mode !== "visible";
    this.parts.gainBox.hidden = mode !== "signed" && mode !== "absolute";
    this.parts.hold.hidden = mode !== ALONE || this.missing !== null;
    this.label();
  }

  setGain(gain) {
    this.parts.gain.value = gain;
    this.stage.setGain(gain);
    this.label();
  }

  nextGain() {
    const { gain } = this.parts;
    this.setGain(Number(gain.options[(gain.selectedIndex + 1) % gain.length].value));
  }

  hold(held) {
    if (held === this.stage.held || this.missing !== null) return;
    this.stage.hold(held);
    this.label();
  }

  label() {
    const { mode, held, gain } = this.stage;
    const [left, right] = this.sides();
    const difference = `${right.short} − ${left.short}`;
    const differences = { signed: `${difference}, ×${gain}`, absolute: `|${difference}|, ×${gain}` };
    const isAlone = mode === "visible" && !this.stage.isDivided;
    const single = { flip: right.text, ...differences, ...(isAlone ? { visible: this.visibleText(1) } : {}) }[mode];
    const pair = mode === "visible" ? [this.visibleText(0), this.visibleText(1)] : [left.text, right.text];
    this.parts.leftTag.textContent = held ? left.text : (single ?? pair[0]);
    this.parts.rightTag.textContent = held || single !== undefined ? "" : pair[1];
    this.parts.hold.textContent = `Hold: ${left.short}`;
  }
}

// Texts of the left and the right side. header: of the model's frame, if there is one; rivals: Map of name -> rival;
// map: what lies over the model's picture, or "".
export function sideTexts(header, { choice, shown, pending, swapped }, rivals, map) {
  const sides = pictureTexts(header, { choice, shown, pending, swapped }, rivals);
  if (header && map) sides[1].text += ` · ${map}`; // it lies over the right-hand picture
  return sides;
}

function pictureTexts(header, { choice, shown, pending, swapped }, rivals) {
  const model = { text: header ? modelText(header, shown) : "", short: header ? modelText(header) : "" };
  const finding = pending ? findingText(choice, rivals.get(choice.codec)) : "";
  if (!shown) return [{ text: ["Original", finding || missingText(choice)].filter(Boolean).join(" · "), short: "original" }, model];
  const rival = rivals.get(shown.header.codec);
  const text = [rivalText(shown.header, rival, !pending), finding].filter(Boolean).join(" · ");
  const sides = [{ text, short: rival.label }, model];
  return swapped ? sides.reverse() : sides;
}

// What a search found is there at the λ where one was made.
function missingText(choice) {
  return choice?.by === "effort" ? "nothing was searched for at this λ" : "";
}
