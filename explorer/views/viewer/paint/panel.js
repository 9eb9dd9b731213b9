// The tools of painting, under the picture: what is chosen there, and the bar that is both the strength's slider and the
// map's legend.
import { paintPlane } from "../inside/shared/colours.js";
import { makeElement } from "../controls/elements.js";
import { MOST_STEP } from "../picture/lambdamap.js";
import { formatLambda } from "../rates/readout.js";
import { scaleOfSteps } from "./overlay.js";
import { factorText, isBeyond, lambdaOf, stepsWithin, strengthText } from "./strength.js";

/** @type {[tool: string, label: string, title: string][]} */
const TOOLS = [
  ["brush", "Brush", "Paint the blocks under the brush"],
  ["erase", "Erase", "Back to the slider’s λ"],
  ["rectangle", "Rectangle", "Drag from corner to corner"],
  ["gradient", "Gradient", "Drag from where it is to be strong to where it is to end"],
];
const TICKS = [-32, -16, 0, 16, 32];
const ROOM = 10; // steps between two λ that are written below the bar

export const PAINT = `
<section class="mae-paint" data-part="paint" aria-label="Paint λ" hidden>
  <div class="mae-bar">
    <fieldset class="mae-modes"><legend class="mae-unseen">Tool</legend>${TOOLS.map(toolChoice).join("")}</fieldset>
    <button type="button" data-part="paintCentre" title="A disc in the middle, a quarter of the picture">Centre</button>
    <div class="mae-stepper" role="group" aria-label="Size of the brush">
      <button type="button" data-part="paintSmaller" aria-label="Smaller brush" title="Smaller ([)">−</button>
      <output data-part="paintSize" aria-label="Size of the brush"></output>
      <button type="button" data-part="paintLarger" aria-label="Larger brush" title="Larger (])">+</button></div>
    <label class="mae-choice"><input type="checkbox" data-part="paintSoft"> Soft edge</label>
    <span class="mae-gap"></span>
    <button type="button" data-part="paintUndo" aria-label="Undo" title="Undo (Ctrl+Z)">↶</button>
    <button type="button" data-part="paintRedo" aria-label="Redo" title="Redo (Ctrl+Shift+Z)">↷</button>
    <button type="button" data-part="paintClear" title="One λ for the whole picture again">Clear</button>
    <button type="button" data-part="paintDone" title="Leave painting, keep the map (Escape)">Done</button>
  </div>
  <div class="mae-bar">
    <div class="mae-strength" data-part="paintBar"><canvas></canvas><i></i><i></i><div aria-hidden="true"></div>
      <input type="range" data-part="paintStrength" min="${-MOST_STEP}" max="${MOST_STEP}" step="1" aria-label="Strength"></div>
    <p data-part="paintHere"></p>
    <label class="mae-choice"><input type="checkbox" data-part="paintShown" checked> Map over picture</label>
  </div>
  <p class="mae-unseen" data-part="paintSaid" role="status"></p>
</section>`;

function toolChoice([tool, label, title]) {
  return `<label data-tip="${title}"><input type="radio" name="tool" value="${tool}"><span>${label}</span></label>`;
}

export class PaintPanel {
  /**
   * @param {import("../page.js").Parts} parts
   * @param {import("./painter.js").Painter} painter
   * @param {AbortSignal} signal
   */
  constructor(parts, painter, signal) {
    this.parts = parts;
    this.painter = painter;
    const { paint, paintBar, paintStrength } = parts;
    /** @type {HTMLInputElement[]} */
    this.tools = Array.from(paint.querySelectorAll("[name=tool]"));
    const group = `mae-tool-${Math.random().toString(36).slice(2)}`; // of this viewer alone
    this.tools.forEach((radio) => (radio.name = group));
    const ramp = Float32Array.from({ length: 2 * MOST_STEP + 1 }, (_, i) => i - MOST_STEP);
    paintPlane({ values: ramp, width: ramp.length, height: 1 }, scaleOfSteps(), paintBar.querySelector("canvas"));
    const on = (element, type, action) => element.addEventListener(type, action, { signal });
    const clicks = {
      paintOpen: () => painter.toggle(), paintDone: () => painter.set(false),
      paintSmaller: () => painter.resize(-1), paintLarger: () => painter.resize(1),
      paintUndo: () => painter.undo(), paintRedo: () => painter.redo(),
      paintClear: () => painter.clear(), paintCentre: () => painter.paintCentre(),
    };
    for (const [name, action] of Object.entries(clicks)) on(parts[name], "click", action);
    for (const radio of this.tools) on(radio, "change", () => painter.choose({ tool: radio.value }));
    on(parts.paintSoft, "change", () => painter.choose({ isSoft: parts.paintSoft.checked }));
    on(parts.paintShown, "change", () => painter.choose({ isShown: parts.paintShown.checked }));
    on(paintStrength, "input", () => painter.choose({ strength: Number(paintStrength.value) }));
  }

  reflect() {
    const { painter, parts, painter: { tool, size, strength, isSoft, isShown, history } } = this;
    const isRound = tool === "brush" || tool === "erase";
    for (const radio of this.tools) radio.checked = radio.value === tool;
    parts.paintSize.textContent = `${size} block${size > 1 ? "s" : ""}`;
    parts.paintSmaller.disabled = !isRound || size === 1;
    parts.paintLarger.disabled = !isRound || size === painter.largest;
    Object.assign(parts.paintSoft, { checked: isSoft, disabled: !isRound });
    parts.paintShown.checked = isShown;
    parts.paintUndo.disabled = !history.canUndo;
    parts.paintRedo.disabled = !history.canRedo;
    parts.paintClear.disabled = !painter.viewer.map;
    Object.assign(parts.paintStrength, { value: String(strength), disabled: tool === "erase" });
    this.tell();
  }

  // What strengths come to where the slider stands.
  tell() {
    const { parts: { paintBar, paintStrength, paintHere }, painter: { tool, strength, range, viewer: { wanted } } } = this;
    const [low, high] = stepsWithin(wanted, range);
    const text = strengthText(wanted, tool === "erase" ? 0 : strength, range, formatLambda);
    paintStrength.setAttribute("aria-valuetext", text);
    const [factor, lambda] = text.split(", ");
    paintHere.replaceChildren(makeElement("b", "", factor), makeElement("span", "", lambda));
    paintBar.style.setProperty("--low", String(shareOf(low)));
    paintBar.style.setProperty("--high", String(shareOf(high)));
    const lambdas = spread([0, low, high, 16, -16].filter((step) => !isBeyond(step, [low, high])));
    const factors = TICKS.map((step) => tick(step, factorText(step)));
    const below = lambdas.map((step) => tick(step, formatLambda(lambdaOf(wanted, step, range))));
    below.forEach((each) => (each.dataset.below = ""));
    paintBar.querySelector("div").replaceChildren(...factors, ...below);
  }

  say(text) {
    this.parts.paintSaid.textContent = text;
  }
}

const shareOf = (step) => (step + MOST_STEP) / (2 * MOST_STEP);

function tick(step, textContent) {
  const label = Object.assign(document.createElement("span"), { textContent });
  label.style.setProperty("--at", String(shareOf(step)));
  label.dataset.end = step === -MOST_STEP ? "low" : step === MOST_STEP ? "high" : "";
  return label;
}

// Those of some steps that have room, the first first.
function spread(steps) {
  return steps.filter((step, i) => steps.findIndex((other) => Math.abs(other - step) < ROOM) === i);
}
