// Channel maps: the bottleneck's channels as small multiples, one of them large over the picture; or those of a further
// map of the prior, which may have other channels and a coarser grid.
import { bottleneckOf, energiesOf, silentOf } from "../shared/bottleneck.js";
import { drawLegend, makeScale, makeSymmetricScale, paletteNames, robustMaximum } from "../shared/colours.js";
import { formatNumber, makeChoice, makeElement, makeHead, offerOnly, setAbout } from "../../controls/elements.js";
import { ChannelDetail } from "./detail.js";
import { Multiples } from "../shared/multiples.js";
import { constants } from "../../wire/constants.js";
import { numberWithin } from "../../state/values.js";
import { editsText, parseEdits } from "./edits.js";

const ABOUT =
  "Every channel of the bottleneck y at this λ (paper, Sec. 3 and Fig. 5). A channel that is zero everywhere costs next " +
  "to nothing: as λ falls, more of them fall silent.";
const ABOUT_Z =
  "z is coded first (hyperprior, Ballé et al. 2018): a few coarse maps, from which the decoder derives what to expect of " +
  "each element of y.";
const ABOUT_MEAN = "μ is what z makes the decoder expect of y. Only what y differs by is coded: q = y − μ, rounded.";
const ABOUT_SCALE =
  "σ is how far off z takes y to be, in quantiser steps: small where the prior is sure. What is nearly certain costs next " +
  "to nothing.";
const FIXED = 8; // quantiser steps at the ends of the fixed scale

// What can be shown, by key: its sign and how it is offered; `magnitude`: it has no sign, so its scale starts at 0;
// about: where it needs another explanation.
// Further maps of the prior are keys by their own names, these and others.
const SHOWN = {
  after: { sign: "ŷ", offer: "ŷ, rounded" },
  before: { sign: "y", offer: "y, before rounding" },
  symbols: { sign: "q", offer: "q, in the file" },
  z: { sign: "z", offer: "z, coded besides y", about: ABOUT_Z },
  μ: { sign: "μ", offer: "μ, expected of y", about: ABOUT_MEAN },
  σ: { sign: "σ", offer: "σ, how far y may be off", about: ABOUT_SCALE, magnitude: true },
};
const DECODED = "ŷ, decoded"; // where it is no whole number
const OWN = ["after", "before", "symbols"]; // what comes with every frame

// key -> {name; order(bottleneck, channel, ratio): larger comes first; below: whose number a map bears instead}
const ORDERS = {
  bits: { name: "bits", order: ({ channelBits }, c) => channelBits[c] },
  energy: { name: "energy", order: ({ energies }, c) => energies[c] },
  spread: { name: "ratio spread", order: (_, c, ratio) => ratio.model_spread?.[c] },
  index: { name: "index", order: (_, c) => -c, below: "bits" },
};

class ChannelsView {
  /**
   * @param {HTMLElement} box
   * @param {import("../inside.js").Inside} inside
   */
  constructor(box, inside) {
    this.box = box;
    this.inside = inside;
    this.sideChannel = null; // null: the strongest
    const changed = () => inside.refresh();
    const names = (kind) => paletteNames(kind).map((name) => [name, name]);
    this.choices = {
      values: makeChoice("values", "Show", Object.entries(SHOWN).map(([key, { offer }]) => [key, offer]), changed),
      sort: makeChoice("sort", "Sort by", Object.entries(ORDERS).map(([key, { name }]) => [key, name]), changed),
      scale: makeChoice("scale", "Scale", [["channel", "of each channel"], ["all", "of all channels"], ["fixed", `±${FIXED}`]], changed),
      palette: makeChoice("palette", "Colours", names("diverging"), changed),
      magnitudes: makeChoice("magnitudecolours", "Colours", names("sequential"), changed),
    };
    this.values = this.choices.values.select;
    this.sort = this.choices.sort.select;
    this.scale = this.choices.scale.select;
    this.palette = this.choices.palette.select;
    this.magnitudes = this.choices.magnitudes.select;
    this.legend = makeElement("div", "mae-legend");
    this.summary = makeElement("p", "mae-summary");
    this.here = makeElement("p", "mae-summary");
    const [detail, grid] = [makeElement("details", "mae-fold"), makeElement("div", "")];
    const boxes = Object.values(this.choices).map((choice) => choice.box);
    const head = makeHead(ABOUT, ...boxes);
    this.about = head.children[0];
    box.append(head, this.legend, this.here, detail, this.summary, grid);
    this.detail = new ChannelDetail(detail, inside.edits, inside.viewer.plotly);
    this.detailBox = detail;
    this.multiples = new Multiples(grid, {
      pick: (channel) => this.pick(channel),
      hover: (place) => inside.hover(place && this.elementAt(place)),
      select: (place) => inside.select(this.elementAt(place)),
    });
  }

  // The name of the further map of the prior that is chosen, or null.
  get further() {
    return OWN.includes(this.values.value) ? null : this.values.value;
  }

  get wishes() {
    const further = this.further === null ? [] : [`plane:${this.further}`];
    return [...further, ...this.inside.edits.wishes, ...(this.order === "spread" ? [widestRatio()] : [])];
  }

  // What the maps are sorted by; there is no ratio of what has one λ.
  get order() {
    const { value } = this.sort;
    return this.inside.missing && value === "spread" ? "bits" : value;
  }

  // Elements of the bottleneck, in each direction, that one of the maps on show stands for.
  get stride() {
    return this.shown?.stride ?? 1;
  }

  // ---- which channel ------------------------------------------------------------------------------------------------

  // That of all views; a map whose channels are not the bottleneck's has a choice of its own.
  get channel() {
    const { shown: { isOwn, channels }, sideChannel } = this;
    if (isOwn) return this.inside.channel;
    return sideChannel === null ? this.multiples.shown.order[0] : Math.min(sideChannel, channels - 1);
  }

  pick(channel) {
    if (this.shown.isOwn) this.inside.setChannel(channel);
    else this.setSideChannel(channel);
  }

  setSideChannel(channel) {
    this.sideChannel = channel;
    this.inside.refresh();
  }

  get change() {
    return this.inside.edits;
  }

  edited() {
    this.detail.showEdit();
  }

  // ---- painting -----------------------------------------------------------------------------------------------------

  show(frame) {
    const bottleneck = (this.bottleneck = bottleneckOf(frame));
    this.offer(bottleneck);
    const shown = this.find(bottleneck);
    if (!shown) return this.fallBack();
    this.shown = shown;
    setAbout(this.about, SHOWN[this.values.value]?.about ?? ABOUT);
    this.scaleOf = this.scales(shown);
    this.choices.palette.box.hidden = shown.magnitude;
    this.choices.magnitudes.box.hidden = !shown.magnitude;
    for (const part of [this.detailBox, this.choices.sort.box]) part.hidden = !shown.isOwn;
    this.here.hidden = shown.isOwn;
    if (shown.isOwn) this.showOwn(frame, bottleneck, shown);
    else this.showSide(bottleneck, shown);
    return undefined;
  }

  // What this model has to show; a map that is not known here is offered by its name.
  offer({ isPredicted, further, y }) {
    const { options } = this.values;
    const missing = further.filter((name) => !Array.from(options).some(({ value }) => value === name));
    this.values.append(...missing.map((name) => new Option(name, name)));
    options[0].textContent = isPredicted ? DECODED : SHOWN.after.offer;
    const own = OWN.filter((key) => (key !== "before" || y) && (key !== "symbols" || isPredicted));
    offerOnly(this.values, [...own, ...further]);
    offerOnly(this.sort, Object.keys(ORDERS).filter((key) => y || key !== "spread"));
  }

  // {sign, magnitude, values, channels, width, height, stride, isOwn: its channels are the bottleneck's}, or null.
  find(bottleneck) {
    const { value: key } = this.values;
    const { sign = key, magnitude = false } = SHOWN[key] ?? {};
    const own = { after: bottleneck.decoded, before: bottleneck.y, symbols: bottleneck.isPredicted && bottleneck.symbols };
    const { channels, width, height } = bottleneck;
    if (own[key]) return { sign, magnitude, values: own[key], channels, width, height, stride: 1, isOwn: true };
    const plane = bottleneck.plane(key);
    if (!plane) return null;
    const { shape: [count, rows, columns], stride, values } = plane;
    const isOwn = stride === 1 && count === channels;
    return { sign, magnitude, values, channels: count, width: columns, height: rows, stride, isOwn };
  }

  // This model has no such map.
  fallBack() {
    this.values.value = "after";
    this.inside.refresh();
  }

  showOwn(frame, bottleneck, { channels }) {
    const { dead, isPredicted } = bottleneck;
    const all = Array.from({ length: channels }, (_, c) => c);
    const { below = this.order, ...sort } = ORDERS[this.order];
    const [sizes, numbers] = [sort, ORDERS[below]].map(({ order }) => all.map((c) => order(bottleneck, c, frame.wishes[widestRatio()])));
    this.showMultiples(sizes, numbers, dead);
    const silent = dead.filter(Boolean).length;
    const zeros = isPredicted ? "hold only zeros in the file (pale): there ŷ is μ" : "are zero everywhere (pale)";
    this.summary.textContent =
      `${silent} of ${channels} channels ${zeros}. Below each map: its channel, its ${ORDERS[below].name}.`;
    this.detail.show(bottleneck, this.inside.channel);
    this.numbers();
  }

  numbers() {
    const { frame, viewer } = this.inside;
    this.detail.tell(viewer.shown.header, this.inside.edit(frame));
  }

  // Channels that have nothing to do with the bottleneck's, the strongest first.
  showSide({ sideBits: bits, channelBits }, { sign, values, channels, width, height, stride }) {
    const [energies, silent] = [energiesOf, silentOf].map((of) => of(values, channels));
    this.showMultiples(energies, energies, silent);
    const whole = bits + channelBits.reduce((sum, each) => sum + each, 0);
    const pixels = stride * constants.element;
    this.summary.textContent =
      `${channels} channels of ${width}×${height}, an element for each ${pixels}×${pixels} pixels; ` +
      `${silent.filter(Boolean).length} are zero everywhere (pale). Below each map: its channel, its energy (mean ${sign}²). ` +
      `${sign} takes ${Math.round(bits).toLocaleString("en")} bits, ${formatNumber((100 * bits) / whole, 2)} % of the estimated rate.`;
  }

  showMultiples(sizes, numbers, silent) {
    const { values, width, height, channels } = this.shown;
    this.multiples.show({
      values, width, height,
      order: Array.from({ length: channels }, (_, c) => c).sort((a, b) => (sizes[b] || 0) - (sizes[a] || 0)),
      scale: this.scaleOf,
      label: (channel) => [String(channel), formatNumber(numbers[channel])],
      dim: (channel) => silent[channel],
    });
  }

  // Each channel's scale, by the choice.
  scales({ values, width, height, magnitude }) {
    const size = width * height;
    const own = (channel) => largest(values.subarray(channel * size, (channel + 1) * size));
    const widest = this.scale.value === "all" ? robustMaximum(new Float32Array(values).map(Math.abs)) : FIXED;
    const make = magnitude
      ? (end) => makeScale(this.magnitudes.value, 0, end)
      : (end) => makeSymmetricScale(this.palette.value, end);
    return (channel) => make(this.scale.value === "channel" ? own(channel) : widest);
  }

  map() {
    if (!this.shown) return null;
    const { channel, shown: { values, width, height, stride, sign } } = this;
    return {
      plane: { values, start: channel * width * height, width, height },
      scale: this.scaleOf(channel),
      stride,
      title: `channel ${channel}, ${sign}`,
    };
  }

  // ---- marks --------------------------------------------------------------------------------------------------------

  mark({ row, column, pins }) {
    if (!this.shown) return;
    const { channel, stride, shown: { isOwn, sign } } = this;
    const { low, high } = this.scaleOf(channel);
    const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => low + share * (high - low));
    const name = `channel ${channel}${this.further === null ? "" : ` of ${sign}`}`;
    const unit = isOwn ? `${name}, quantiser steps` : name;
    drawLegend(this.legend, this.scaleOf(channel), ticks.map((value) => [value, formatNumber(value, 2)]), unit);
    const own = (each) => ({ ...each, row: Math.floor(each.row / stride), column: Math.floor(each.column / stride) });
    const place = row === null ? { row: null } : own({ row, column });
    this.multiples.mark({ channel, ...place, pins: pins.map(own) });
    if (!isOwn) this.tell(place);
  }

  // The probe under the picture knows y alone.
  tell({ row, column }) {
    const { channel, shown: { sign, values, width, height } } = this;
    this.here.textContent = row === null ? `Point at an element to read ${sign}.` :
      `${sign} of channel ${channel} in row ${row}, column ${column}: ` +
      `${formatNumber(values[channel * width * height + row * width + column], 4)}.`;
  }

  // A place of the small maps as one of the bottleneck; in a coarser one, the element in the middle.
  elementAt({ channel, row, column }) {
    const { stride, bottleneck: { width, height }, shown: { isOwn } } = this;
    const middle = (at, length) => Math.min(at * stride + (stride >> 1), length - 1);
    return { ...(isOwn && { channel }), row: middle(row, height), column: middle(column, width) };
  }

  destroy() {
    this.multiples.destroy();
    this.detail.destroy();
  }
}

function largest(values) {
  let size = 0;
  for (const value of values) size = Math.max(size, Math.abs(value));
  return size;
}

// Of a map whose channels are not the bottleneck's: it shows its last one for a number beyond, its strongest for none.
const sideChannel = {
  allowed: ({ picture }) => `a whole number from 0 to ${picture.channels - 1}, or nothing`,
  check: (value, { picture }) => (value === "" ? "" : numberWithin(value, [0, picture.channels - 1], 0)),
  read: ({ inside }) => inside.views.channels.sideChannel ?? "",
  write: ({ inside }, value) => inside.views.channels.setSideChannel(value === "" ? null : value),
};

const edits = {
  allowed: ({ picture }) => `channel=factor, with commas between them, channels below ${picture.channels}, factors up to 4`,
  check: (value, { picture }) => {
    const factors = parseEdits(value);
    return factors && [...factors.keys()].every((channel) => channel < picture.channels) ? editsText(factors) : undefined;
  },
  read: ({ inside }) => inside.edits.text,
  write: ({ inside }, value) => (inside.edits.text = value),
};

export const CHANNELS = {
  name: "channels", label: "Channels", title: "What every bottleneck channel holds",
  View: ChannelsView,
  fields: [{ key: "zchannel", early: true, ...sideChannel }, { key: "edit", early: true, ...edits }],
};

// Of the two λ between which features bend most.
function widestRatio() {
  const { paper_lambdas: lambdas } = constants;
  return `ratio:${lambdas.at(-1)}:${lambdas[0]}`;
}
