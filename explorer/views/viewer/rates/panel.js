// The rate-distortion panel: which curves, on which axes, and the verdict that follows from them.
import { Curves, METRICS } from "./curves.js";
import { settingText } from "../compare/labels.js";
import { verdict } from "./verdict.js";
import { RatePlot } from "./plot.js";

const BETWEEN = "About here, between the measured points; λ at rest is measured";

export class RatePanel {
  // setup: see routes.py. plotly: a promise of the library. on: {load: the transport's points(); pick(series, setting):
  // a click on a point; grown(): the model's curve has more points; failed(error)}.
  constructor(parts, setup, plotly, on, signal) {
    this.parts = parts;
    this.setup = setup;
    this.on = on;
    this.chosen = new Set(setup.chosen);
    this.rivals = new Map(setup.rivals.map((rival) => [rival.name, rival]));
    this.plot = new RatePlot(parts, setup.figure, plotly, on.pick);
    this.curves = new Curves();
    parts.means.hidden = !setup.means;
    const listen = (name, type, action) => parts[name].addEventListener(type, action, { signal });
    for (const name of ["metric", "axis"]) listen(name, "change", () => this.redraw());
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

  // The rivals of a model: all but itself.
  setModel(model) {
    this.model = model;
    const rows = [...this.rivals.values()].filter(({ name }) => name !== model).map((rival) => this.row(rival));
    this.parts.curveList.replaceChildren(...rows);
  }

  row({ name, label, reason }) {
    const row = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", value: name, disabled: reason });
    box.checked = this.chosen.has(name);
    row.append(box, ` ${label}`);
    if (reason) row.append(Object.assign(document.createElement("small"), { textContent: reason }));
    return row;
  }

  // Chosen curves, in the order of the list; the model's own may be among them, for when another model is open.
  get chosenNames() {
    return [...this.rivals.keys()].filter((name) => this.chosen.has(name));
  }

  // Names of the curves beside the model's.
  names() {
    return this.chosenNames.filter((name) => name !== this.model);
  }

  choose(name, isChosen = true) {
    if (this.chosen.has(name) === isChosen) return;
    const others = [...this.chosen].filter((each) => each !== name);
    this.chooseOnly(isChosen ? [...others, name] : others);
    this.parts.curveList.querySelector(`[value="${name}"]`)?.focus();
  }

  chooseOnly(names) {
    this.chosen = new Set(names);
    this.setModel(this.model);
    this.redraw();
    this.collect();
  }

  showMeans(isOn) {
    this.parts.means.ariaPressed = isOn;
    this.redraw();
  }

  // The model's points of this picture, measured so far.
  get measured() {
    return this.curves.of("model").points;
  }

  settings(codec) {
    return this.curves.of(codec).points.map(({ setting }) => setting);
  }

  // ---- points and plot ----------------------------------------------------------------------------------------------

  // Another picture; isAlone: it has no original, and so no quality.
  open(id, isAlone = false) {
    this.id = id;
    this.curves = new Curves();
    this.now = null;
    this.isAlone = isAlone;
    this.redraw();
    this.collect();
  }

  // The points of the picture before are of no more use: leaving the stream makes the server stop.
  async collect() {
    this.collecting?.abort();
    if (this.isAlone) return;
    this.collecting = new AbortController();
    const { signal } = this.collecting;
    const add = (line) => signal.aborted || this.add(line);
    await this.on.load(this.id, this.names(), signal, add).catch((error) => signal.aborted || this.on.failed(error));
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
    const [x, y] = ["Rate (bits per pixel)", `${METRICS[metric].name} (dB)`];
    this.plot.drawCurves(["model", ...this.names()].map((series) => this.drawn(series)), {
      x: { title: `${x}, ${source}`, type, view: `${source} ${type}` },
      y: { title: y, type: "linear", view: `${source} ${metric}` },
    });
    this.tell();
  }

  get source() {
    return this.showsMeans ? "Kodak means" : "this picture";
  }

  // [{setting, point}] of a curve, by rate.
  pointsOf(series) {
    if (!this.showsMeans) return this.curves.of(series).points;
    return this.setup.means?.[series === "model" ? this.model : series] ?? [];
  }

  drawn(series) {
    const { quality } = METRICS[this.metric];
    const points = this.pointsOf(series).filter(({ point }) => quality(point) !== null);
    const knob = this.rivals.get(series) ?? { knob: "λ", unit: "" };
    return {
      series,
      rates: points.map(({ point }) => point.bpp),
      qualities: points.map(({ point }) => quality(point)),
      texts: points.map(({ setting }) => settingText(knob, setting)),
      settings: points.map(({ setting }) => setting),
    };
  }

  // ---- now ----------------------------------------------------------------------------------------------------------

  // Called in every paint. point: the model's; other: the codec's beside it, or null; codec: its name; text: of now.
  show({ point, other, codec, text }) {
    this.now = { point, other, codec, text };
    this.tell();
  }

  tell() {
    if (!this.now) return;
    const { point, other, codec = this.names()[0], text } = this.now;
    const place = (each) => each && !this.showsMeans && {
      rate: each.bpp, quality: METRICS[this.metric].quality(each), about: each.approximate && BETWEEN,
    };
    this.plot.move({ now: place(point), other: place(other) }, text);
    const sentence = codec ? verdict(point, this.curves.of(codec), this.rivals.get(codec).label, this.metric) : "";
    // The numbers are this picture's, whatever is plotted.
    this.parts.verdict.textContent = sentence && this.showsMeans ? `This picture: ${sentence}` : sentence;
  }

  destroy() {
    this.collecting?.abort();
    cancelAnimationFrame(this.drawing);
    this.plot.destroy();
  }
}
