// The viewer in the output of a notebook's cell: requests travel as messages to the kernel (see service/kernel.py), and what
// the viewer and Python both may change are traits of the widget's model (see notebook.py). Where there is no kernel, the λ
// sweep that the model may keep is what the viewer has.
import { createViewer, preferredTheme } from "./viewer.js";
import { httpTransport, isLoopback } from "./wire/transport.js";
import { messageFetch } from "./wire/messages.js";
import { offlineTransport } from "./wire/offline.js";

/** @import { Traits, WidgetModel } from "./wire/types.js" */

const NO_KERNEL =
  "No kernel knows this widget: run its cell again. With w.keep() before the notebook is saved, it stays alive without one.";
const KERNEL = "file:///"; // a base for addresses, of which paths and queries travel

// What anywidget calls for each place where the widget is shown. Returns what to do when that place goes.
/** @param {{ model: WidgetModel, el: HTMLElement }} place */
export function render({ model, el }) {
  let leave = start(model, el);
  const lost = () => {
    if (isLive(model) || !model.get("_kept")) return;
    leave();
    leave = start(model, el);
  };
  const layout = model.get("layout"); // whose word `isLive` takes: the widget itself may hear of it before
  layout?.on?.("comm_live_update", lost);
  return () => {
    layout?.off?.("comm_live_update", lost);
    leave();
  };
}

// Returns what ends it.
/** @param {WidgetModel} model @param {HTMLElement} el */
function start(model, el) {
  const root = el.appendChild(document.createElement("div"));
  const isAlive = isLive(model);
  if (!isAlive && !model.get("_kept")) {
    root.textContent = NO_KERNEL;
    return () => root.remove();
  }
  root.style.setProperty("--mae-height", `${model.get("height")}px`);
  const closing = new AbortController();
  const transport = isAlive ? kernelTransport(model, closing.signal) : keptTransport(model);
  const viewer = createViewer(root, transport, { theme: notebookTheme });
  keepKeys(root);
  if (isAlive) new Link(model, viewer, closing.signal);
  else viewer.set(keptState(model));
  return () => {
    closing.abort();
    viewer.destroy();
    root.remove(); // the notebook may hold on to `el`
  };
}

// Whether a kernel has the widget. Its own model is wrapped, that of its layout is not; where neither says, it is taken to.
/** @param {WidgetModel} model */
function isLive(model) {
  return model.get("layout")?.comm_live !== false;
}

/**
 * @param {WidgetModel} model
 * @returns {import("./wire/types.js").Transport}
 */
function keptTransport(model) {
  /** @type {import("./wire/types.js").KeptSweep} */
  const { page, plotly } = JSON.parse(model.get("_kept"));
  const transport = offlineTransport(page, plotly);
  const setup = { ...page.setup, lmbda: { ...page.setup.lmbda, start: model.get("lmbda") } };
  return { ...transport, setup: async () => setup };
}

// Of what was chosen, what a sweep can show. Nothing is hidden: no Python is there to bring it back.
/** @param {WidgetModel} model */
function keptState(model) {
  const { mode, split, gain, metric, axis } = model.get("state");
  const chosen = { mode, split, gain, metric, axis, box: model.get("view_box").join(",") };
  return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined));
}

/**
 * @param {WidgetModel} model
 * @param {AbortSignal} signal
 * @returns {import("./wire/types.js").Transport}
 */
function kernelTransport(model, signal) {
  const fetch = messageFetch(model, signal);
  const http = httpTransport(KERNEL, fetch, isLoopback(location.hostname));
  const setup = async () => {
    const { lmbda, ...rest } = await http.setup();
    const source = { picture: model.get("_picture") };
    return { ...rest, model: model.get("_model"), source, lmbda: { ...lmbda, start: model.get("lmbda") } };
  };
  return { ...http, setup, plotly: () => sharedPlotly(fetch) };
}

let plotly; // a promise, for all widgets of a page

function sharedPlotly(fetch) {
  const forget = (error) => {
    plotly = undefined; // the widget that it came through is gone
    throw error;
  };
  return (plotly ??= loadPlotly(fetch).catch(forget));
}

// Beside whatever Plotly the notebook itself may have.
async function loadPlotly(fetch) {
  const source = await (await fetch(new URL("viewer/plotly.min.js", KERNEL))).text();
  const module = { exports: {} };
  new Function("module", "exports", "define", source)(module, module.exports);
  return module.exports;
}

// Keys that the viewer hears are not the notebook's commands as well: there X would cut the cell.
function keepKeys(root) {
  root.dataset.lmSuppressShortcuts = true; // JupyterLab's and Notebook's own mark
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
  });
}

// Traits that are fields of the viewer's state (see state.js) by another name or in another form: [trait, read, write].
const WHOLE = ""; // the state's word for a picture that is wholly visible
/** @type {[trait: keyof Traits, read: (state: any) => unknown, write: (value: any, state: any) => object][]} */
const TRAITS = [
  ["lmbda", ({ lambda }) => lambda, (lambda) => ({ lambda })],
  ["_map", ({ paint }) => paint, (paint) => ({ paint })],
  ["view", ({ view, hide }) => (isAlone(hide) ? "compare" : view), (view, { hide }) => writeView(view, hide)],
  ["channel", ({ channel = 0 }) => channel, (channel) => ({ channel })],
  ["view_box", ({ box }) => (box === WHOLE ? [] : box.split(",").map(Number)), (box) => ({ box: box.join(",") })],
  ["pins", ({ pins }) => readPins(pins), (pins) => ({ pins: pins.map((place) => place.join("-")).join(",") })],
];
const BESIDE = ["tabs", "panels"]; // what "compare" does without

function readPins(text) {
  return text ? text.split(",").map((place) => place.split("-").map(Number)) : [];
}

function isAlone(hide) {
  return hide.split(",").includes("panels");
}

function writeView(view, hide) {
  const others = hide.split(",").filter((part) => part && !BESIDE.includes(part));
  return view === "compare" ? { view: "rd", hide: [...others, ...BESIDE].join(",") } : { view, hide: others.join(",") };
}

// Traits and the viewer follow each other.
class Link {
  /**
   * @param {WidgetModel} model
   * @param {import("./viewer.js").Viewer} viewer
   * @param {AbortSignal} signal
   */
  constructor(model, viewer, signal) {
    this.model = model;
    this.viewer = viewer;
    this.signal = signal;
    viewer.on("picture", (picture) => this.tellPicture(picture), signal);
  }

  tellPicture({ id }) {
    const isFirst = this.picture === undefined;
    this.picture = id;
    this.tell({ _picture: id });
    if (isFirst) this.start();
  }

  start() {
    const { viewer, signal } = this;
    this.applyTraits();
    viewer.on("frame", (frame) => this.tellFrame(frame), signal);
    viewer.on("statechange", () => this.tellState(), signal);
    this.follow("_picture", (picture) => picture === this.picture || viewer.open({ picture }));
    for (const [trait, , write] of TRAITS) this.follow(trait, (value) => this.apply(write(value, viewer.get())));
    this.follow("state", (state) => this.apply(state));
  }

  follow(trait, act) {
    const changed = () => act(this.model.get(trait));
    this.model.on(`change:${trait}`, changed);
    this.signal.addEventListener("abort", () => this.model.off(`change:${trait}`, changed));
  }

  applyTraits() {
    const state = { ...this.viewer.get(), ...this.model.get("state") };
    for (const [trait, , write] of TRAITS) Object.assign(state, write(this.model.get(trait), state));
    this.apply(state);
  }

  // Only what is not so already: a trait that the viewer itself has set changes nothing.
  async apply(state) {
    const now = { channel: 0, ...this.viewer.get() }; // the trait is 0 while none is chosen
    const changes = Object.entries(state).filter(([key, value]) => String(value) !== String(now[key]));
    const rejected = changes.length ? await this.viewer.set(Object.fromEntries(changes)) : [];
    if (rejected.length) this.tellState();
  }

  tell(values) {
    for (const [trait, value] of Object.entries(values)) this.model.set(trait, value);
    this.model.save_changes();
  }

  // λ that is wanted is told with each frame, so at most that often.
  tellFrame({ picture, lmbda, map }) {
    this.tell({ lmbda: this.viewer.get("lambda"), _map: this.viewer.get("paint"), _shown: [picture, lmbda, map] });
  }

  tellState() {
    const state = this.viewer.get();
    this.tell({ state, ...Object.fromEntries(TRAITS.map(([trait, read]) => [trait, read(state)])) });
  }
}

// JupyterLab and Notebook say it on the body, so does VS Code.
function notebookTheme() {
  const { jpThemeLight } = document.body.dataset;
  if (jpThemeLight) return jpThemeLight === "true" ? "light" : "dark";
  const [, kind] = /vscode-(light|dark|high-contrast-light|high-contrast)/.exec(document.body.className) ?? [];
  if (kind) return kind.endsWith("light") ? "light" : "dark";
  return preferredTheme();
}
