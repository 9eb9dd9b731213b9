// The costliest elements alone: how many keep what they say is kept while λ moves, and sent as a wish (see `costliest` in
// answers.py). KeepControl is the slider, with what it makes of the picture in words.
import { formatNumber, makeElement } from "../../controls/elements.js";
import { gridOf } from "../../state/values.js";
import { NUMBERS, TOO_LARGE, costText } from "../shared/changes.js";

const PER_OCTAVE = 8; // steps of the slider
const TIP =
  "Elements are ranked by what they cost at this λ. Those beyond take the symbol that their prior expects most, the one " +
  "that costs least: mostly 0 with the factorised prior, q = 0 and so ŷ = μ with the hyperprior. The result is a code like " +
  "any other, so the bits are those of a file that decodes to this picture; z stays whole.";

export class Costliest {
  constructor(changed) {
    this.changed = () => changed(this);
    this.elements = 0; // of the picture
    this.count = null; // null: all
    this.isTooLarge = false; // the picture: see Edits
  }

  // Before a picture is opened.
  limit(picture) {
    this.elements = elementsOf(picture);
    if (this.count >= this.elements) this.count = null;
  }

  // The number, or "".
  get text() {
    return this.count === null ? "" : String(this.count);
  }

  set text(text) {
    this.count = text === "" ? null : Number(text);
    this.changed();
  }

  get wishes() {
    return this.count === null || this.isTooLarge ? [] : [`costliest:${this.count}`];
  }

  get words() {
    const some = this.count === 1 ? "the costliest element" : `the costliest ${whole(this.count)} elements`;
    return this.count ? some : "no element kept";
  }
}

// How many elements the bottleneck of a picture has.
export function elementsOf(picture) {
  const [rows, columns] = gridOf(picture);
  return picture.channels * rows * columns;
}

// Counts from 0 to all elements, by even steps on a logarithmic scale where they are not too near to each other.
export function ladder(elements) {
  const steps = Math.ceil(PER_OCTAVE * Math.log2(Math.max(elements, 1)));
  const counts = Array.from({ length: steps }, (_, i) => Math.round(2 ** (i / PER_OCTAVE)));
  return [...new Set([0, ...counts.filter((count) => count < elements), elements])];
}

export class KeepControl {
  /**
   * @param {HTMLElement} box
   * @param {Costliest} costliest
   */
  constructor(box, costliest) {
    this.costliest = costliest;
    this.counts = [0];
    this.slider = Object.assign(makeElement("input", ""), { type: "range", min: 0, step: 1 });
    this.output = makeElement("output", "");
    this.slider.addEventListener("input", () => {
      const count = this.counts[Number(this.slider.value)];
      costliest.text = count === costliest.elements ? "" : String(count);
    });
    const label = makeElement("label", "mae-choice mae-keep", "Keep the costliest", this.slider, this.output);
    label.dataset.tip = TIP;
    this.all = Object.assign(makeElement("button", "", "All"), { type: "button", title: "All elements as they are" });
    this.all.addEventListener("click", () => (costliest.text = ""));
    this.text = makeElement("p", "mae-summary");
    box.append(makeElement("div", "mae-bar", label, this.all), this.text);
  }

  // Before the picture is there.
  show() {
    const { slider, costliest: { elements, count, isTooLarge } } = this;
    if (this.counts.at(-1) !== elements) this.counts = ladder(elements);
    const chosen = count ?? elements;
    slider.max = String(this.counts.length - 1);
    slider.value = String(this.counts.findLastIndex((each) => each <= chosen));
    slider.disabled = isTooLarge;
    this.output.textContent = `${whole(chosen)} of ${whole(elements)}`;
    slider.setAttribute("aria-valuetext", `${this.output.textContent} elements`);
    this.all.disabled = count === null;
    if (isTooLarge) this.text.textContent = TOO_LARGE;
    else this.text.textContent = count === null ? "" : `The picture, ${this.costliest.words} …`;
  }

  // header: of the frame on show, with its numbers. kept: the frame's answer to the wish. bits: of y, estimated.
  tell({ point, estimated_bits: estimated }, kept, bits) {
    const { count, elements } = this.costliest;
    const share = (part) => `${formatNumber(100 * part, 3)} %`;
    this.text.textContent =
      `${whole(count)} elements, ${share(count / elements)} of all, carry ${share(kept.kept_bits / bits)} of y’s bits. With ` +
      `all others as the prior expects them the picture ${costText(point, estimated, kept)}. ${NUMBERS}`;
  }
}

function whole(count) {
  return count.toLocaleString("en");
}
