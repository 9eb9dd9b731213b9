// The keyboard: one table that both the handler and the help overlay read.
import { PAINT_KEYS } from "../paint/hand.js";
import { keysOf } from "./layout.js";

const OCTAVE_STEPS = 16;
const HOLD = (viewer) => viewer.modes.hold(true);

// [keys, what they do, action(viewer, key)]. λ moves by sixteenths of an octave; a page doubles or halves it.
/** @type {[keys: string[], does: string, action: (viewer: import("../viewer.js").Viewer, key: string) => void][]} */
const SHORTCUTS = [
  [["ArrowRight", "ArrowUp"], "raise λ (on the slider)", (v) => v.stepLambda(1 / OCTAVE_STEPS)],
  [["ArrowLeft", "ArrowDown"], "lower λ (on the slider)", (v) => v.stepLambda(-1 / OCTAVE_STEPS)],
  [["PageUp"], "double λ", (v) => v.stepLambda(1)],
  [["PageDown"], "halve λ", (v) => v.stepLambda(-1)],
  [["Home"], "smallest λ: smallest file", (v) => v.stepLambda(-Infinity)],
  [["End"], "largest λ: best picture", (v) => v.stepLambda(Infinity)],
  [["h"], "the other prior, with a hyperprior or without", (v) => v.prior?.next()],
  [["t"], "type λ, or a rate, a file size or a PSNR to reach", (v) => v.parts.target.focus()],
  [["k"], "play or pause λ", (v) => v.player?.toggle()],
  [["l"], "paint λ on the picture", (v) => v.painter?.toggle()],
  [["s"], "split", (v) => v.modes.set("split")],
  [["b"], "side by side", (v) => v.modes.set("beside")],
  [["r"], "flip: the right picture alone", (v) => v.modes.set("flip")],
  [["d"], "difference, signed", (v) => v.modes.set("signed")],
  [["a"], "difference, absolute", (v) => v.modes.set("absolute")],
  [["v"], "error that eyes see", (v) => v.modes.set("visible")],
  [["g"], "next gain of the difference", (v) => v.modes.nextGain()],
  [["f", " "], "hold: the left picture", HOLD],
  [["x"], "swap left and right", (v) => v.comparison.swap()],
  [["e"], "card of the element under the pointer or in the middle", (v) => v.inside?.inspection.open()],
  [["p"], "pin what is under the pointer, or unpin it", (v) => v.inside?.inspection.togglePin()],
  [["Escape"], "close a menu, a message, painting, the element’s card; back to the original", (v) => v.back()],
  [["+", "="], "zoom in", (v) => v.stage.zoomStep(1)],
  [["-"], "zoom out", (v) => v.stage.zoomStep(-1)],
  [["0"], "whole picture", (v) => v.stage.fit()],
  [[..."12345678"], "zoom 1:1 … 8:1", (v, key) => v.stage.zoomTo(Number(key))],
  [["o"], "open a picture", (v) => v.parts.choose.click()],
  [["?"], "this help", (v) => v.parts.help.showModal()],
];
const PAN_KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const NAMES = { ArrowRight: "→", ArrowUp: "↑", ArrowLeft: "←", ArrowDown: "↓", " ": "Space" };

const ACTIONS = new Map(SHORTCUTS.flatMap(([keys, , action]) => keys.map((key) => [key, action])));

function element(tag, textContent) {
  return Object.assign(document.createElement(tag), { textContent });
}

export function fillHelp(list) {
  /** @type {[keys: string[], does: string, ...unknown[]][]} */
  const rows = [...SHORTCUTS, ...PAINT_KEYS, [Object.keys(PAN_KEYS), "move the picture (when it has the focus)"]];
  list.replaceChildren(...rows.flatMap(([keys, does]) => {
    const term = document.createElement("dt");
    const shown = keys.length > 4 ? [keys[0], "…", keys.at(-1)] : keys;
    term.append(...shown.map((key) => element("kbd", NAMES[key] ?? key)));
    return [term, element("dd", does)];
  }));
}

// Keys that the element under the focus needs for itself: to type, to choose, to move the divider.
function belongsToFocus({ key, target }, { stage, slider, divider }) {
  if (target === stage || target === slider || target === document.body) return false;
  if (target === divider) return /^(Arrow|Home|End)/.test(key);
  if (key === "Escape") return Boolean(target.closest("dialog"));
  if (target.closest("select, textarea, dialog, [contenteditable], [role=listbox]")) return true;
  if (target.matches("input")) return target.type !== "radio" || /^( |Arrow)/.test(key);
  return key === " " || (key.length > 1 && !/^Arrow(Left|Right)/.test(key));
}

function moveDivider(event, stage) {
  const steps = { ArrowLeft: stage.split - 0.02, ArrowRight: stage.split + 0.02, Home: 0, End: 1 };
  if (!(event.key in steps)) return;
  stage.setSplit(steps[event.key]);
  event.preventDefault();
}

// scope: what the shortcuts are heard on: the document in an app of its own, the viewer's root on a shared page.
export function listenToKeys(scope, viewer, signal) {
  const { stage, divider } = viewer.parts;
  const down = (event) => {
    if (viewer.painter?.hand.press(event)) return event.preventDefault();
    const keys = keysOf(event);
    if (!keys.length || belongsToFocus(event, viewer.parts)) return;
    const key = keys.find((each) => ACTIONS.has(each));
    const pan = event.target === stage && PAN_KEYS[key];
    const action = ACTIONS.get(key);
    if (!pan && (!action || (event.target === document.body && /Arrow(Up|Down)|Page|Home|End/.test(key)))) return;
    event.preventDefault();
    if (pan) viewer.stage.pan(...pan);
    else action(viewer, key);
  };
  scope.addEventListener("keydown", down, { signal });
  const up = (event) => viewer.painter?.hand.release(event) || keysOf(event).some((key) => ACTIONS.get(key) === HOLD) && viewer.modes.hold(false);
  scope.addEventListener("keyup", up, { signal });
  window.addEventListener("blur", () => viewer.modes.hold(false), { signal });
  divider.addEventListener("keydown", (event) => moveDivider(event, viewer.stage), { signal });
}
