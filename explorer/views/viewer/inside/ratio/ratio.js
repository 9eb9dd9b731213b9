// Ratio maps: what each element of y at one λ is of itself at another, of three systems beside each other.
import { drawLegend, makeScale, makeSymmetricScale, paletteNames, percentBeyond } from "../shared/colours.js";
import { formatNumber, makeChoice, makeElement, makeHead } from "../../controls/elements.js";
import { LambdaChoice } from "../shared/lambdas.js";
import { LargeMap } from "../shared/largemap.js";
import { Multiples } from "../shared/multiples.js";
import { Ratio, gainText, ratioText } from "./ratios.js";
import { Spreads } from "./spreads.js";
import { numberWithin } from "../../state/values.js";
import { constants } from "../../wire/constants.js";

const ABOUT =
  "By what factor each element of the bottleneck differs between two λ: y(λa)/y(λb) (paper, Sec. 4 and Fig. 5c). One " +
  "colour all over a map means that λ only scales the channel; many colours, that it changes what the channel holds. How " +
  "strong a colour is depends on the scale: its size is in the legend, and in a channel’s spread.";
const TITLES = { model: "This model", bottleneck: "Bottleneck scaling", independent: "Independent models" };
const CAPTIONS = {
  modulated: "Modulated inside: the factor differs from place to place.",
  bottleneck: "One factor for the whole channel: uniform, by construction.",
  fixed: "Two networks, each trained for its λ alone.",
};
const FINDINGS = {
  modulated: "Modulation bends the features",
  bottleneck: "Scaling the bottleneck bends nothing",
  fixed: "Independent models differ",
};
const FIXED = { median: 1 / 2, one: 4 }; // octaves to each side of white on the scale that is the same for all channels
const ROUNDING = 1e-5; // of float32, in octaves: what is smaller is no spread
const OTHERS = { bottleneck: "scaling the bottleneck", independent: "independent models" };

class RatioView {
  /**
   * @param {HTMLElement} box
   * @param {import("../inside.js").Inside} inside
   */
  constructor(box, inside) {
    this.box = box;
    this.inside = inside;
    this.ratio = null;
    const changed = () => inside.refresh();
    this.lambdas = { a: new LambdaChoice("λa", constants.paper_lambdas.at(-1), changed), b: new LambdaChoice("λb", constants.own_lambda, changed) };
    const choices = {
      centre: makeChoice("centre", "White is", [["median", "the channel’s median gain"], ["one", "×1, no change"]], changed),
      scale: makeChoice("ratioscale", "Scale", [["fixed", "the same for all channels"], ["own", "of each channel"]], changed),
      palette: makeChoice("ratiocolours", "Colours", paletteNames("diverging").map((name) => [name, name]), changed),
    };
    this.centre = choices.centre.select;
    this.fixed = choices.scale.select;
    this.palette = choices.palette.select;
    const head = makeHead(ABOUT, this.lambdas.a.box, this.lambdas.b.box, ...Object.values(choices).map((choice) => choice.box));
    this.finding = makeElement("p", "mae-finding");
    const on = { hover: (place) => inside.hover(place), select: (place) => inside.select(place) };
    this.maps = new Map(Object.entries(TITLES).map(([name, title]) => [name, new LargeMap(title, on)]));
    const trio = makeElement("div", "mae-trio", ...Array.from(this.maps.values(), (map) => map.box));
    this.legend = makeElement("div", "mae-legend");
    this.chart = makeElement("div", "mae-chart");
    this.grid = makeElement("div", "");
    this.summary = makeElement("p", "mae-summary");
    box.append(head, this.finding, this.legend, trio, this.chart, this.summary, this.grid);
    this.spreads = new Spreads(this.chart, inside.viewer.plotly, (channel) => inside.setChannel(channel));
    this.multiples = new Multiples(this.grid, { ...on, pick: (channel) => inside.setChannel(channel) });
  }

  // end: "a" or "b"; value: see LambdaChoice.
  setLambda(end, value) {
    this.lambdas[end].value = value;
    this.inside.refresh();
  }

  get ends() {
    return { a: this.lambdas.a.value, b: this.lambdas.b.value };
  }

  get wish() {
    return `ratio:${this.ends.a}:${this.ends.b}`;
  }

  get wishes() {
    return [this.wish];
  }

  show(frame) {
    const ratio = (this.ratio = new Ratio(frame.wishes[this.wish], this.centre.value === "median"));
    for (const choice of Object.values(this.lambdas)) choice.follow(frame.header.lmbda);
    if (ratio.leading) this.inside.suggestChannel(ratio.leading.typical);
    const { channel } = this.inside;
    this.finding.textContent = this.findingText();
    for (const part of [this.legend, this.chart, this.summary, this.grid]) part.hidden = !ratio.leading;
    if (ratio.leading) this.range = this.fixedRange ?? ratio.range(channel);
    for (const [name, map] of this.maps) this.showMap(map, name, channel);
    if (ratio.leading) this.showAll(ratio.leading, channel);
  }

  showMap(map, name, channel) {
    const system = this.ratio.systems.get(name);
    if (!system) return map.tell(this.ratio.leading ? this.ratio.missing(name) : "");
    if (channel >= system.channels) return map.tell(`It has ${system.channels} channels, so no channel ${channel}.`);
    const caption = this.caption(system, channel);
    return map.show(system.plane(channel), this.scale(system, channel), system.flips(channel), caption);
  }

  get fixedRange() {
    return this.fixed.value === "fixed" ? FIXED[this.centre.value] : undefined;
  }

  showAll(leading, channel) {
    const { values, width, height, order, spreads } = leading;
    const range = this.fixedRange ?? this.ratio.commonRange;
    const known = order.filter((c) => Number.isFinite(spreads[c]));
    const entries = [...this.ratio.systems.values()].map((system) => [system.name, system.spreads]);
    this.spreads.show(Object.fromEntries(entries), known, channel);
    this.summary.textContent =
      `All channels of ${TITLES[leading.name].toLowerCase()}, the most bent first, from ${gainText(-range)} to ` +
      `${gainText(range)} around white. Below each map: its channel, its spread. ${order.length - known.length} of ` +
      `${order.length} channels are masked nearly everywhere (pale).`;
    this.multiples.show({
      values, width, height, order,
      scale: (c) => this.scale(leading, c, range),
      label: (c) => [String(c), formatNumber(spreads[c], 2)],
      dim: (c) => Number.isNaN(spreads[c]),
    });
  }

  scale({ centres }, channel, range = this.range) {
    return makeScale(this.palette.value, centres[channel] - range, centres[channel] + range);
  }

  // ---- in words -----------------------------------------------------------------------------------------------------

  findingText() {
    const [first, ...others] = this.ratio.systems.values();
    if (!first) return this.ratio.missing("model");
    const rest = others.map(({ name, spread }) => `; ${OTHERS[name]}: ${spreadText(spread)}`).join("");
    return `${FINDINGS[first.kind]}: median spread ${spreadText(first.spread)} octaves${rest}.`;
  }

  caption(system, channel) {
    const { kind, lambdas, medians, spreads } = system;
    const flips = system.flips(channel).reduce((sum, each) => sum + each, 0);
    const beyond = percentBeyond(system.ofChannel(system.values, channel), this.scale(system, channel));
    const numbers = [
      `median ${gainText(medians[channel])}`,
      `spread ${spreadText(spreads[channel])}`,
      `${formatNumber(100 * system.masked(channel), 2)} % masked`,
      ...(beyond ? [`${formatNumber(beyond, 2)} % beyond the scale`] : []),
      flips ? `${flips} sign ${flips > 1 ? "flips" : "flip"} (crossed)` : "no sign flips",
    ];
    return [CAPTIONS[kind], `${ratioText(lambdas)}: ${numbers.join(", ")}.`];
  }

  // Of each channel of this model, for its table.
  columns() {
    const own = this.ratio?.systems.get("model");
    return own && { median_gain_log2: (c) => own.medians[c], spread_log2: (c) => own.spreads[c] };
  }

  // ---- marks --------------------------------------------------------------------------------------------------------

  // The picture is the model's, so it has no other system's map.
  map() {
    const system = this.ratio?.systems.get("model");
    const { channel } = this.inside;
    if (!system) return null;
    const title = `channel ${channel}, ${ratioText(system.lambdas)}`;
    return { plane: system.plane(channel), scale: this.scale(system, channel), title };
  }

  mark(marked) {
    if (!this.ratio?.leading) return;
    this.showLegend();
    this.multiples.mark(marked);
    for (const [name, map] of this.maps) {
      const system = this.ratio.systems.get(name);
      const value = system?.at(marked.channel, marked.row, marked.column);
      map.mark(marked.row === null ? null : marked, gainText(value), marked.pins);
    }
  }

  showLegend() {
    const { range, ratio: { floor } } = this;
    const scale = makeSymmetricScale(this.palette.value, range);
    const ticks = [-range, 0, range].map((octaves) => [octaves, `×${formatNumber(2 ** octaves, 3)}`]);
    const unit = this.centre.value === "median" ? ", of the median gain" : "";
    drawLegend(this.legend, scale, ticks, `y(λa)/y(λb)${unit}; grey: |y| < ${floor}`);
  }

  destroy() {
    this.multiples.destroy();
    this.spreads.destroy();
  }
}

function spreadText(spread) {
  if (spread === null || Number.isNaN(spread)) return "–";
  return spread > ROUNDING && spread < 0.0005 ? "under 0.001" : spread.toFixed(3);
}

// λ of one end of a ratio.
/** @returns {import("../../state/fields.js").Field} */
function ratioEnd(key) {
  const range = ({ viewer }) => [viewer.setup.lmbda.min, viewer.setup.lmbda.max];
  return {
    key, early: true,
    allowed: (context) => `${constants.own_lambda} for the slider’s λ, or a number from ${range(context).join(" to ")}`,
    check: (value, context) => (value === constants.own_lambda ? constants.own_lambda : numberWithin(value, range(context), 3)),
    read: ({ inside: { views: { ratio } } }) => ratio.lambdas[key].value,
    write: ({ inside }, value) => inside.views.ratio.setLambda(key, value),
  };
}

export const RATIO = {
  name: "ratio", label: "Ratio", title: "What λ does to every element: scaling alone, or more",
  View: RatioView, fields: [ratioEnd("a"), ratioEnd("b")], needsOriginal: true,
};
