// Modulation: what the perceptrons make of λ, and the network's maps before and after it.
import { drawLegend, makeSidedScale, paletteNames, percentBeyond, quantiles, sidedTicks } from "../shared/colours.js";
import { formatNumber, makeChoice, makeElement, makeHead, offerOnly } from "../../controls/elements.js";
import { FeatureMaps, hasMaps } from "./featuremaps.js";
import { GainMap } from "./gainmap.js";
import { LambdaChart } from "../shared/lambdachart.js";
import { MODULATORS, Modulators, REFERENCES } from "./modulators.js";
import { formatLambda } from "../../rates/readout.js";

const ABOUT =
  "Small perceptrons turn λ into one gain for each channel of each layer (paper, Sec. 3, Eq. 3–5): this is all that " +
  "changes when λ moves. Each layer reacts in its own range of λ.";
const BOTTLENECK = ["m2", "d0", "y", "a"]; // layers whose channels are the bottleneck's
const MOST = 5; // curves of those that change most
const WIDE = 30; // the largest gain over the smallest
const SHARES = [0.1, 0.5, 0.9];
const SHOWN = [0.1, 0.9]; // between these shares the gains lie within the scale: silenced channels run off far beyond it

class ModulationView {
  /**
   * @param {HTMLElement} box
   * @param {import("../inside.js").Inside} inside
   */
  constructor(box, inside) {
    this.inside = inside;
    this.models = new Map();
    this.chosen = new Map();
    this.frame = null;
    this.drawn = new Map();
    const changed = () => inside.refresh();
    const choices = {
      layers: makeChoice("layer", "Modulator", MODULATORS, changed),
      reference: makeChoice("reference", "Gain", Object.entries(REFERENCES).map(([key, { title }]) => [key, title]), changed),
      palette: makeChoice("gaincolours", "Colours", paletteNames("diverging").map((name) => [name, name]), changed),
    };
    this.layers = choices.layers.select;
    this.reference = choices.reference.select;
    this.palette = choices.palette.select;
    this.layers.value = "m2";
    this.summary = makeElement("p", "mae-summary");
    this.without = makeElement("p", "mae-summary");
    const [gains, features] = [makeElement("div", "mae-part"), makeElement("div", "mae-part")];
    box.append(makeHead(ABOUT, ...Object.values(choices).map(({ box: each }) => each)), this.summary, gains, features);
    this.buildGains(gains);
    const on = {
      changed,
      pick: (owner, channel) => this.pick(owner, channel),
      hover: (place) => inside.hover(place),
      select: (place) => inside.select(place),
    };
    this.features = new FeatureMaps(features, on, () => this.palette.value);
  }

  buildGains(box) {
    const { plotly, setup } = this.inside.viewer;
    this.gains = box;
    this.colors = setup.figure.data.map(({ line }) => line.color);
    this.legend = makeElement("div", "mae-legend");
    this.here = makeElement("p", "mae-summary");
    const [map, curves, speeds] = ["mae-gainmap", "", ""].map((name) => makeElement("div", name));
    box.append(this.legend, map, this.here, this.without, curves, makeElement("h2", "", "What changes first"), speeds);
    this.heat = new GainMap(map, {
      pick: (channel) => this.pick(this.layer.name, channel),
      hover: (place) => this.tellGain(place),
    });
    const gain = { type: "log", title: { text: "gain" }, tickformat: "~g" };
    this.curves = new LambdaChart(curves, { yaxis: gain }, plotly);
    const pick = ({ data }) => this.setLayer(data.meta);
    const y = { title: { text: "octaves per octave" }, rangemode: "tozero" };
    this.speeds = new LambdaChart(speeds, { yaxis: y }, plotly, { pick });
  }

  get wishes() {
    return [this.features.wish];
  }

  // ---- which layer and channel --------------------------------------------------------------------------------------

  get modulators() {
    const { model } = this.inside.viewer.picture;
    if (!this.models.has(model)) this.fetch(model);
    return this.models.get(model);
  }

  // It is the same for every picture: asked for once.
  async fetch(model) {
    const { viewer } = this.inside;
    this.models.set(model, null);
    try {
      this.models.set(model, new Modulators(await viewer.transport.modulation(model)));
      this.inside.refresh();
    } catch (error) {
      this.models.delete(model);
      viewer.fail(error.message);
    }
  }

  get layer() {
    return this.modulators?.layer(this.layers.value);
  }

  setLayer(name) {
    this.layers.value = name;
    this.inside.refresh();
  }

  // owner: whose channels they are. Those of the bottleneck are chosen for all views together.
  channelOf(owner) {
    return BOTTLENECK.includes(owner) ? this.inside.channel : (this.chosen.get(owner) ?? 0);
  }

  pick(owner, channel) {
    if (BOTTLENECK.includes(owner)) return this.inside.setChannel(channel);
    this.chosen.set(owner, channel);
    return this.inside.refresh();
  }

  // ---- painting -----------------------------------------------------------------------------------------------------

  show(frame) {
    this.frame = frame;
    this.features.show(frame, this.channelOf(this.features.owner));
    const { modulators } = this;
    this.gains.hidden = !modulators?.layers.length;
    if (!modulators) this.summary.textContent = "Asking for the gains …";
    else if (this.gains.hidden) this.summary.textContent = withoutModulators(modulators);
    else this.showGains(modulators, frame.header.lmbda);
  }

  showGains(modulators, lmbda) {
    offerOnly(this.layers, modulators.layers.map(({ name }) => name));
    if (!this.layer) this.layers.value = modulators.layers[0].name;
    this.tellSpeeds(modulators, lmbda);
    this.without.hidden = hasMaps(this.layer.name);
    this.without.textContent = `There are no maps before and after ${this.layer.title} to show: those at the end are of another layer.`;
    this.drawGains(modulators);
    this.curves.setLambda(lmbda);
    this.speeds.setLambda(lmbda);
    this.heat.mark(this.channel, this.curves.share("xaxis", lmbda));
    this.tellGain(null);
  }

  get channel() {
    return Math.min(this.channelOf(this.layer.name), this.layer.channels - 1);
  }

  // Nothing here depends on the picture or on λ: each part is drawn again only after a choice that it shows.
  drawGains(modulators) {
    const { layer, channel, reference: { value: reference }, palette: { value: palette }, inside: { viewer } } = this;
    const look = [viewer.picture.model, viewer.root.dataset.theme, layer.name];
    if (this.isNew("heat", [...look, reference, palette])) this.drawHeat(layer, reference, palette);
    if (this.isNew("curves", [...look, channel])) this.drawCurves(modulators, layer, channel);
    if (this.isNew("speeds", look)) this.drawSpeeds(modulators);
  }

  // Whether a part was drawn with something else the last time.
  isNew(part, choices) {
    const before = this.drawn.get(part);
    this.drawn.set(part, choices.join());
    return before !== choices.join();
  }

  drawHeat(layer, reference, palette) {
    const values = layer.relative(reference);
    const [least, most] = quantiles(values, SHOWN);
    const scale = makeSidedScale(palette, Math.min(least, 0), Math.max(most, 0));
    this.heat.show(layer, values, scale);
    const beyond = `${formatNumber(percentBeyond(values, scale), 2)} % beyond (ends)`;
    const ticks = sidedTicks(scale).map((value) => [value, formatNumber(value, 2)]);
    drawLegend(this.legend, scale, ticks, `log₂ gain, ${REFERENCES[reference].title}; ${beyond}`);
  }

  drawCurves({ lambdas: x }, layer, channel) {
    this.curves.describe(`Gains of ${layer.title} over λ: median, most channels, channel ${channel}`);
    const [low, middle, high] = layer.quantiles(SHARES);
    const trace = (name, y, line, more) => ({ type: "scatter", mode: "lines", name, x, y, line, ...more });
    const gains = (c) => Array.from(layer.curve(c), (log) => 2 ** log);
    const [muted, accent, grey] = ["muted", "accent", "line"].map((name) => this.curves.color(name));
    const most = layer.order.filter((c) => c !== channel).slice(0, MOST);
    const traces = [
      trace("10 %", low, { width: 0, color: muted }, { showlegend: false, hoverinfo: "skip" }),
      trace("10–90 %", high, { width: 0, color: muted }, { fill: "tonexty", fillcolor: grey, hoverinfo: "skip" }),
      trace("median", middle, { width: 1.5, color: muted, dash: "dot" }),
      ...most.map((c, i) => trace(`channel ${c}`, gains(c), { width: 1.5, color: this.colors[i + 1] })),
      trace(`channel ${channel}`, gains(channel), { width: 3, color: accent }),
    ].map((each) => ({ hovertemplate: "%{fullData.name}<br>λ %{x:.0f}: ×%{y:.3g}<extra></extra>", ...each }));
    const all = traces.flatMap(({ y }) => [...y]);
    const isWide = Math.max(...all) > WIDE * Math.min(...all);
    this.curves.layout.yaxis.dtick = isWide ? undefined : "D2"; // of many decades Plotly's own ticks, else 1, 2, 5
    this.curves.draw(traces);
  }

  drawSpeeds(modulators) {
    this.speeds.describe("How fast the gains of each modulator change, over λ");
    this.speeds.draw(modulators.layers.map(({ name, title, speeds }, i) => ({
      type: "scatter", mode: "lines", name: title, meta: name, x: modulators.middles, y: speeds,
      line: { color: this.colors[i % this.colors.length], width: name === this.layer.name ? 3 : 1.5, dash: hasMaps(name) ? "solid" : "dot" },
      hovertemplate: `${title}<br>λ %{x:.0f}: %{y:.2f} octaves per octave<extra></extra>`,
    })));
  }

  // ---- in words -----------------------------------------------------------------------------------------------------

  tellSpeeds(modulators, lmbda) {
    const at = modulators.interval(lmbda);
    const ranked = [...modulators.layers].sort((a, b) => b.speeds[at] - a.speeds[at]);
    const [first, last] = [ranked[0], ranked.at(-1)];
    const least = ranked.length > 1 ? `; those of ${last.title} the least, by ${formatNumber(last.speeds[at], 2)}` : "";
    this.summary.textContent = `At λ ${formatLambda(lmbda)} the gains of ${first.title} change fastest, by ` +
      `${formatNumber(first.speeds[at], 2)} octaves per octave of λ (median channel)${least}.`;
  }

  // place: {channel, sample} under the pointer, or null for the chosen channel at this λ.
  tellGain(place) {
    const { layer, modulators, frame } = this;
    const position = place ? place.sample : modulators.position(frame.header.lmbda);
    const channel = place?.channel ?? this.channel;
    const lmbda = modulators.lambdas[0] * 2 ** (position * modulators.octaves);
    const log = layer.logAt(channel, position);
    this.here.textContent = `${layer.title}, channel ${channel} at λ ${formatLambda(lmbda)}: gain ${formatNumber(2 ** log)}, ` +
      `log₂ ${formatNumber(log)}; over all λ it moves by ${formatNumber(layer.change[channel])} octaves`;
  }

  mark(marked) {
    this.features.mark(marked);
  }

  map() {
    return this.features.map();
  }

  destroy() {
    this.features.destroy();
    this.curves.destroy();
    this.speeds.destroy();
  }
}

function withoutModulators({ lambdas: [lmbda] }) {
  return `This model was trained for λ ${formatLambda(lmbda)} alone: it has no modulators.`;
}

export const MODULATION = { name: "modulation", label: "Modulation", title: "What λ does to every layer, and the maps between layers", View: ModulationView };
