// What a viewer listens to: its controls, files that arrive, the theme of the page, the keyboard (keys.js).
import { givenBy, sorted } from "./given.js";
import { listenToKeys, fillHelp } from "./keys.js";
import { watchOverflow } from "./overflow.js";
import { Tips, fillGlossary } from "./tips.js";

// scope: what hears shortcuts, paste and drop. signal: aborts all of it.
export function listen(viewer, scope, signal) {
  const on = (element, type, handler) => element.addEventListener(type, handler, { signal });
  listenToControls(viewer, on);
  // Whoever changes what is chosen does one of these, or makes a paint.
  for (const type of ["click", "input", "change", "keyup", "pointerup", "wheel"]) on(scope, type, () => viewer.state?.touch());
  listenForFiles(viewer, scope, on);
  listenForTheme(viewer, on, signal);
  listenForMore(viewer.parts, on, signal);
  new Tips(viewer.root, signal);
  fillHelp(viewer.parts.helpList);
  fillGlossary(viewer.parts.words);
  listenToKeys(scope, viewer, signal);
}

function listenToControls(viewer, on) {
  const { parts, stage, modes } = viewer;
  const clicks = {
    zoomIn: () => stage.zoomStep(1),
    zoomOut: () => stage.zoomStep(-1),
    fit: () => stage.fit(),
    actual: () => stage.zoomTo(1),
    helpOpen: () => parts.help.showModal(),
    choose: () => parts.file.click(),
  };
  for (const [name, action] of Object.entries(clicks)) on(parts[name], "click", action);
  const menus = [parts.curves, parts.exports, parts.playMenu];
  on(document, "pointerdown", ({ target }) => {
    for (const menu of menus) if (!menu.contains(target)) menu.open = false;
  });
  on(parts.slider, "input", (event) => viewer.setLambda(viewer.slider.read(), event.timeStamp));
  on(parts.gain, "change", () => modes.setGain(Number(parts.gain.value)));
  for (const radio of parts.modes) on(radio, "change", () => modes.set(radio.value));
  on(parts.hold, "pointerdown", () => modes.hold(true));
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) on(parts.hold, end, () => modes.hold(false));
}

// What scrolls says that there is more; the pane of the open view has a button for it.
function listenForMore({ panels, pins, samples, tabs, lessonTexts, more }, on, signal) {
  const panes = panels.querySelectorAll("[data-panel]");
  for (const box of [...panes, pins, samples, tabs, lessonTexts]) watchOverflow(box, signal);
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
  on(more, "click", () => {
    const pane = panels.querySelector("[data-panel]:not([hidden])");
    pane.scrollBy({ top: 0.8 * pane.clientHeight, behavior });
  });
}

function listenForFiles(viewer, scope, on) {
  const { file, stage } = viewer.parts;
  on(file, "change", () => {
    viewer.openGiven(sorted([...file.files]));
    file.value = ""; // so that choosing the same file again is a change
  });
  const take = async (data) => viewer.openGiven(await givenBy(data));
  on(scope, "paste", (event) => isTextFor(event.target, event.clipboardData) || take(event.clipboardData));
  on(scope, "dragover", (event) => {
    if (isTextFor(event.target, event.dataTransfer)) return;
    event.preventDefault();
    stage.dataset.drop = true;
  });
  on(scope, "dragleave", (event) => event.relatedTarget || delete stage.dataset.drop);
  on(scope, "drop", (event) => {
    if (isTextFor(event.target, event.dataTransfer)) return;
    event.preventDefault();
    delete stage.dataset.drop;
    take(event.dataTransfer);
  });
  // A file that is dropped beside the viewer would take the place of the page.
  for (const type of ["dragover", "drop"]) on(document, type, keepPage);
}

// Text for a field that can take it.
function isTextFor(target, { types }) {
  return !types.includes("Files") && Boolean(target.closest?.("input, textarea, [contenteditable]"));
}

function keepPage(event) {
  if (event.defaultPrevented || !event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "none";
}

// Pages that switch their theme mark it on the body, in one way or another.
function listenForTheme(viewer, on, signal) {
  on(matchMedia("(prefers-color-scheme: dark)"), "change", () => viewer.applyTheme());
  const observer = new MutationObserver(() => viewer.applyTheme());
  observer.observe(document.body, { attributes: true });
  signal.addEventListener("abort", () => observer.disconnect());
}
