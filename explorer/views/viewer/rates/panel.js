// The rate-distortion panel: which curves, on which axes, and the verdict that follows from them.
import { Curves, METRICS, hasQuality, isJoined } from "./curves.js";
import { between } from "./live.js";
import { settingText } from "../compare/labels.js";
import { SEARCHED, SEARCHED_RIVAL } from "../compare/searches.js";
import { kindText } from "../story/glossary.js";
import { verdict } from "./verdict.js";
import { RatePlot } from "./plot.js";
import { viewOf } from "./view.js";

const ONE_LAMBDA = {
  label: "one λ", about: "This model with the same λ in every place", suffix: "mae", knob: "λ", unit: "", reason: "",
  minimum: 0, maximum: Infinity, integer: false, steps: null,
};
const MEAN_DOT = "The ring: the mean curve at this λ.";
const NO_MEANS = "The means that are bundled were measured without this.";
const NO_RING = "Of painted pictures there is no mean.";
const NO_PLACES = { now: null, other: null };
const BETWEEN = "About here, between the measured points; λ at rest is measured";

export class RatePanel {
  // setup: see service/setup.py. plotly: a promise of the library. on: {load: the transport's points(); pick(series,
  // setting): a click on a point; grown(): the model's curve has more points; failed(error)}.
  /**
   * @param {import("../page.js").Parts} parts
   * @param {import("../wire/types.js").Setup} setup
   * @param {Promise<any>} plotly
   * @param {AbortSignal} signal
   */
  constructor(parts, setup, plotly, on, signal) {
    this.parts = parts;
    this.setup = setup;
    this.on = on;
    this.chosen = new Set(setup.chosen);
    /** @type {string | null} */
    this.compared = null; // a codec whose curve is drawn for as long as its picture stands beside the model's
    this.rivals = new Map(setup.rivals.map((rival) => [rival.name, rival]));
    this.described = new Map(/** @type {[string, any][]} */ ([...this.rivals]));
    /** @type {import("../wire/types.js").SearchFound[]} */
    this.searched = []; // of this picture and model
    this.plot = new RatePlot(parts, setup.figure, plotly, on.pick);
    /** @type {string | null} */
    this.id = null; // of the picture that is open
    this.curves = new Curves();
    this.isBroken = false; // whether points are lacking that were asked for
    /** @type {(import("./live.js").Measured & { map: string })[]} */
    this.visited = [];
    parts.means.hidden = !setup.means;
    const listen = (name, type, action) => parts[name].addEventListener(type, action, { signal });
    listen("axis", "change", () => this.redraw());
    listen("metric", "change", () => this.update());
    listen("means", "click", () => this.showMeans(!this.showsMeans));
    listen("curveList", "change", ({ target }) => this.choose(target.value, target.checked));
  }

  get metric() {
    return this.parts.metric.value;
  }

  get showsMeans() {
    return this.parts.means.ariaPressed === "true";
  }

  // ---- which curves -------------------------------------------------------------------------------------------------

  // The rivals of a model: all others, and itself at one λ, which it may be held against where λ was painted.
  setModel(model) {
    this.model = model;
    this.rivals = new Map(this.setup.rivals.map((rival) => [rival.name, rival])).set(model, { ...ONE_LAMBDA, name: model });
    this.described = new Map([...this.rivals, [SEARCHED, SEARCHED_RIVAL]]); // all that may stand beside the model
    const rows = [...this.rivals.values()].filter(({ name }) => name !== model).map((rival) => this.row(rival));
    this.parts.curveList.replaceChildren(...rows);
  }

  row({ name, label, about, reason }) {
    const row = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", value: name, disabled: reason });
    box.checked = this.chosen.has(name);
    row.append(box, ` ${label}`);
    row.dataset.tip = kindText(label) ?? about;
    const note = reason || (name === this.compared && !box.checked ? "while it is compared with" : "");
    if (note) row.append(Object.assign(document.createElement("small"), { textContent: note }));
    return row;
  }

  // Chosen curves, in the order of the list; the model's own may be among them, for when another model is open.
  get chosenNames() {
    return [...this.rivals.keys()].filter((name) => this.chosen.has(name));
  }

  // Names of the curves beside the model's.
  names() {
    const isDrawn = (name) => this.chosen.has(name) || name === this.compared;
    return [...this.rivals.keys()].filter((name) => isDrawn(name) && name !== this.model);
  }

  // codec: what the model is compared with, or null.
  compare(codec) {
    if (codec === this.compared || codec === SEARCHED) return; // its points are drawn as they are found
    const before = this.names().join();
    this.compared = codec;
    if (this.names().join() !== before) this.update();
    else this.setModel(this.model);
  }

  choose(name, isChosen = true) {
    if (this.chosen.has(name) === isChosen) return;
    const others = [...this.chosen].filter((each) => each !== name);
    this.chooseOnly(isChosen ? [...others, name] : others);
    /** @type {HTMLInputElement} */
    const box = this.parts.curveList.querySelector(`[value="${name}"]`);
    box?.focus();
  }

  chooseOnly(names) {
    this.chosen = new Set(names);
    this.update();
  }

  update() {
    this.setModel(this.model);
    this.redraw();
    this.collect();
  }

  showMeans(isOn) {
    this.parts.means.ariaPressed = isOn;
    this.redraw();
  }

  // The model's points of this picture, measured so far, that have a λ map, or none. The curve has none.
  /** @param {string} map */
  measured(map) {
    const visited = this.visited.filter((each) => each.map === map);
    return map ? visited : [...this.curves.of("model").points, ...visited];
  }

  // A point that was measured where λ rested: the curve goes without it, what is said between points does not, and a plot
  // whose curve is still to come shows it.
  visit({ lmbda, map, point }) {
    const others = this.visited.filter((each) => each.setting !== lmbda || each.map !== map);
    this.visited = [...others, { setting: lmbda, map, point }];
    if (!this.curves.of("model").done) this.drawing ??= requestAnimationFrame(() => this.redraw());
  }

  settings(codec) {
    return this.curves.of(codec).points.map(({ setting }) => setting);
  }

  // ---- points and plot ----------------------------------------------------------------------------------------------

  // Another picture; isAlone: it has no original, and so no quality.
  open(id, isAlone = false) {
    this.id = id;
    this.curves = new Curves();
    this.visited = [];
    this.searched = [];
    this.now = null;
    this.isAlone = isAlone;
    this.redraw();
    this.collect();
  }

  // The points of the picture before are of no more use: leaving the stream makes the server stop.
  async collect() {
    this.collecting?.abort();
    this.isBroken = false;
    if (this.isAlone || this.id === null) return;
    this.collecting = new AbortController();
    const { signal } = this.collecting;
    const add = (line) => signal.aborted || this.add(line);
    const isSeen = this.metric === "ssimulacra2"; // it takes as long as all other numbers together
    await this.on.load(this.id, this.names(), signal, add, isSeen).catch((error) => {
      if (signal.aborted) return;
      this.isBroken = true;
      this.on.failed(error);
    });
  }

  // What broke off may work now.
  resume() {
    if (this.isBroken) this.collect();
  }

  add(line) {
    if (!this.curves.add(line)) return;
    this.drawing ??= requestAnimationFrame(() => this.redraw());
    if (line.series === "model") this.on.grown();
  }

  // The verdict changes with the curves, in the same paint.
  redraw() {
    cancelAnimationFrame(this.drawing);
    this.drawing = null;
    const { metric, source } = this;
    const type = this.parts.axis.value;
    const { name, unit } = METRICS[metric];
    const [x, y] = ["Rate (bits per pixel)", unit === "dB" ? `${name} (dB)` : name];
    const [own, ...others] = ["model", ...this.names(), ...this.searchedNames].map((series) => this.drawn(series));
    const range = viewOf(this.withVisited(own), others, type === "log", this.enough);
    this.plot.drawCurves([own, ...others], {
      x: { title: `${x}, ${source}`, type, view: `${source} ${type}`, range: range?.x },
      y: { title: y, type: "linear", view: `${source} ${metric}`, range: range?.y },
    });
    this.tell();
  }

  get source() {
    return this.showsMeans ? "Kodak means" : "this picture";
  }

  // How many points of a curve that is being measured may be joined by a line.
  get enough() {
    return this.setup.figure.enough;
  }

  // What was found by searches has no mean curve.
  get searchedNames() {
    return this.searched.length && !this.showsMeans ? [SEARCHED] : [];
  }

  /** @param {import("../wire/types.js").SearchFound[]} found */
  setSearched(found) {
    this.searched = found;
    this.redraw();
  }

  // [{setting, point}] of a curve, by rate.
  pointsOf(series) {
    if (series === SEARCHED) return this.searched.map(({ lmbda, after }) => ({ setting: lmbda, point: after }));
    if (!this.showsMeans) return this.curves.of(series).points;
    return this.setup.means?.[series === "model" ? this.model : series] ?? [];
  }

  // A curve of this picture, which is done when all its points have a value on the axis.
  curveOf(series) {
    const curve = this.curves.of(series);
    const isKnown = ({ point }) => METRICS[this.metric].quality(point) !== undefined;
    return { ...curve, done: curve.done && curve.points.every(isKnown) };
  }

  drawn(series) {
    const { quality } = METRICS[this.metric];
    const points = this.pointsOf(series).filter(({ point }) => hasQuality(point, this.metric));
    const knob = this.rivals.get(series) ?? { knob: "λ", unit: "" };
    return {
      series,
      joined: this.showsMeans || isJoined({ points, done: this.curveOf(series).done }, this.enough),
      rates: points.map(({ point }) => point.bpp),
      qualities: points.map(({ point }) => quality(point)),
      texts: series === SEARCHED ? this.searched.map(searchText) : points.map(({ setting }) => settingText(knob, setting)),
      settings: points.map(({ setting }) => setting),
    };
  }

  // What the axes are to hold of the model: its curve, and what else was measured of this picture.
  withVisited({ rates, qualities }) {
    const now = this.now && !this.now.point.approximate ? [this.now] : [];
    const points = [...this.visited, ...now].map(({ point }) => point).filter((point) => !this.showsMeans && hasQuality(point, this.metric));
    return {
      rates: [...rates, ...points.map(({ bpp }) => bpp)],
      qualities: [...qualities, ...points.map(METRICS[this.metric].quality)],
    };
  }

  // ---- now ----------------------------------------------------------------------------------------------------------

  // Called in every paint. point: the model's at λ and its map; other: the codec's beside it, or null; codec: its name;
  // text: of now.
  show({ lmbda, map, point, other, codec, text }) {
    const isFirst = !this.now;
    this.now = { lmbda, map, point, other, codec: codec === SEARCHED ? undefined : codec, text };
    if (isFirst) this.redraw();
    else this.tell();
  }

  tell() {
    if (!this.now) return;
    const { lmbda, map, point, other, codec = this.names()[0], text } = this.now;
    const means = map ? NO_PLACES : this.meanPlaces(lmbda);
    const places = this.showsMeans ? means : { now: this.place(point), other: this.place(other) };
    this.plot.move(places, text);
    const curve = this.curveOf(codec === this.model ? "model" : codec);
    const sentence = codec ? verdict(point, curve, this.rivals.get(codec).label, this.metric) : "";
    // The numbers are this picture's, whatever is plotted.
    const ring = map ? NO_RING : this.hasPoints("model") ? MEAN_DOT : NO_MEANS;
    const lacking = this.names().filter((name) => !this.hasPoints(name)).map((name) => this.rivals.get(name).label);
    const others = ring !== NO_MEANS && lacking.length ? `No mean curve is bundled of ${lacking.join(", ")}. ` : "";
    this.parts.verdict.textContent = this.showsMeans ? `${others}${sentence && `This picture: ${sentence} `}${ring}` : sentence;
  }

  hasPoints(series) {
    return this.pointsOf(series).some(({ point }) => hasQuality(point, this.metric));
  }

  place(point) {
    return point && { rate: point.bpp, quality: METRICS[this.metric].quality(point), about: point.approximate && BETWEEN };
  }

  // Where the mean curve of the model is at this λ; a codec beside it has been tuned to this picture, and has none.
  meanPlaces(lmbda) {
    const found = between(this.pointsOf("model"), lmbda);
    return { now: found && this.place({ ...found, approximate: true }), other: null };
  }

  destroy() {
    this.collecting?.abort();
    cancelAnimationFrame(this.drawing);
    this.plot.destroy();
  }
}

function searchText({ lmbda, map, effort }) {
  return `λ ${Number(lmbda.toPrecision(3))}${map ? ", painted" : ""}, effort ${effort}`;
}
