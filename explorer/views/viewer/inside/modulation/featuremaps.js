// Maps between the layers, before and after modulation: all channels small, one of them large on both sides.
import { bottleneckOf } from "../shared/bottleneck.js";
import { drawLegend, makeSymmetricScale, robustMagnitude } from "../shared/colours.js";
import { formatNumber, makeChoice, makeElement, offerOnly } from "../../controls/elements.js";
import { LargeMap } from "../shared/largemap.js";
import { Multiples } from "../shared/multiples.js";

// [layer, title, whose channels it has: those of a modulator, of the bottleneck or of the picture]
const LAYERS = [
  ["a0.conv", "analysis 1, before modulation", "m0"],
  ["a0.mod", "analysis 1, after modulation", "m0"],
  ["a0.gdn", "analysis 1, after GDN", "m0"],
  ["a1.conv", "analysis 2, before modulation", "m1"],
  ["a1.mod", "analysis 2, after modulation", "m1"],
  ["a1.gdn", "analysis 2, after GDN", "m1"],
  ["a2.conv", "analysis 3, before modulation", "m2"],
  ["a2.mod", "analysis 3, after modulation", "m2"],
  ["a2.gdn", "analysis 3, after GDN", "m2"],
  ["y.mod", "bottleneck, after scaling", "y"],
  ["y.div", "bottleneck, scaling undone", "y"],
  ["s0.igdn", "synthesis 1, before modulation", "d0"],
  ["s0.mod", "synthesis 1, after modulation", "d0"],
  ["s0.conv", "synthesis 1, after convolution", "d1"],
  ["s1.igdn", "synthesis 2, before modulation", "d1"],
  ["s1.mod", "synthesis 2, after modulation", "d1"],
  ["s1.conv", "synthesis 2, after convolution", "d2"],
  ["s2.igdn", "synthesis 3, before modulation", "d2"],
  ["s2.mod", "synthesis 3, after modulation", "d2"],
  ["s2.conv", "synthesis 3, the picture before clipping", "x"],
];
const TITLES = new Map(LAYERS.map(([layer, title]) => [layer, title]));
const OWNERS = new Map(LAYERS.map(([layer, , owner]) => [layer, owner]));
const START = "a1.mod";

// Whether there are maps before and after a modulator.
export function hasMaps(modulator) {
  return LAYERS.some(([, , owner]) => owner === modulator);
}

export class FeatureMaps {
  // on: {changed(); pick(owner, channel); hover({row, column} of the bottleneck or null); select({row, column})};
  // palette(): its name.
  constructor(box, on, palette) {
    this.on = on;
    this.palette = palette;
    this.maps = null;
    this.choice = makeChoice("feature", "Maps of", LAYERS.map(([layer, title]) => [layer, title]), on.changed);
    this.choice.select.value = START;
    this.about = makeElement("p", "mae-summary");
    this.legend = makeElement("div", "mae-legend");
    const own = {
      hover: (place) => on.hover(place && this.elementAt(place)),
      select: (place) => on.select(this.elementAt(place)),
    };
    this.large = ["Before modulation", "After"].map((title) => new LargeMap(title, own));
    this.pair = makeElement("div", "mae-pair", ...this.large.map(({ box: figure }) => figure));
    const grid = makeElement("div", "");
    box.append(makeElement("div", "mae-bar", this.choice.box), this.about, this.pair, this.legend, grid);
    this.multiples = new Multiples(grid, { ...own, pick: (channel) => on.pick(this.owner, channel) });
  }

  get layer() {
    return this.choice.select.value;
  }

  get owner() {
    return OWNERS.get(this.layer);
  }

  get wish() {
    return `features:${this.layer}`;
  }

  // channel: the one that is shown large.
  show(frame, channel) {
    const found = frame.wishes[this.wish];
    offerOnly(this.choice.select, found.layers);
    if (found.shape) this.showMaps(found, channel, bottleneckOf(frame));
    else this.fallBack(found.layers);
  }

  showMaps(found, channel, grid) {
    this.maps = mapsOf(found, grid);
    this.channel = Math.min(channel, this.maps.channels - 1);
    const { values, width, height, channels, maxima } = this.maps;
    this.multiples.show({
      values, width, height,
      order: Array.from({ length: channels }, (_, c) => c),
      scale: (each) => makeSymmetricScale(this.palette(), maxima[each]),
      label: (each) => [String(each), formatNumber(maxima[each], 2)],
    });
    this.tell();
    this.drawPair();
  }

  // There is no such map: the one before modulation is there in all models, but a receiver has none of the analysis.
  fallBack(layers) {
    const [stage] = this.layer.split(".");
    const before = { a: `${stage}.conv`, s: `${stage}.igdn`, y: "a2.gdn" }[stage[0]];
    this.choice.select.value = layers.includes(before) ? before : layers[0];
    this.on.changed();
  }

  tell() {
    const { channels, width, height, pooled } = this.maps;
    const means = pooled > 1 ? `, each element the mean of ${pooled}×${pooled}` : "";
    this.about.textContent = `${channels} channels of ${width}×${height}${means}. ` +
      "Below each map: its channel and the magnitude at the ends of its scale.";
  }

  // What the other side of the modulation is of this one.
  get factor() {
    const gain = this.maps.gains?.[this.channel] ?? 1;
    return this.isAfter ? 1 / gain : gain;
  }

  get isAfter() {
    return this.layer.endsWith(".mod");
  }

  get scale() {
    return makeSymmetricScale(this.palette(), this.maps.maxima[this.channel] * Math.max(1, this.factor));
  }

  // Both sides of the modulation from one of them and the gain, with one scale.
  drawPair() {
    const { gains } = this.maps;
    this.pair.hidden = !gains;
    const { low, high } = this.scale;
    const ticks = [low, low / 2, 0, high / 2, high].map((value) => [value, formatNumber(value, 2)]);
    drawLegend(this.legend, this.scale, ticks, `channel ${this.channel}`);
    if (!gains) return;
    const captions = [`channel ${this.channel}`, `channel ${this.channel} × ${formatNumber(gains[this.channel])}`];
    this.planes = this.sides();
    this.large.forEach((map, i) => map.show(this.planes[i], this.scale, [], [captions[i]]));
  }

  sides() {
    const { plane, factor, maps: { values, size } } = this;
    const own = values.subarray(plane.start, plane.start + size);
    const other = { ...plane, start: 0, values: own.map((value) => value * factor) };
    return this.isAfter ? [other, plane] : [plane, other];
  }

  get plane() {
    const { values, width, height, size } = this.maps;
    return { values, start: this.channel * size, width, height };
  }

  map() {
    if (!this.maps) return null;
    return { plane: this.plane, scale: this.scale, title: `${TITLES.get(this.layer)}, channel ${this.channel}` };
  }

  // {row, column, pins}: of the bottleneck, row null for none.
  mark({ row, column, pins }) {
    if (!this.maps) return;
    const { scaleX, scaleY, gains } = this.maps;
    const own = (each) => ({
      ...each, row: Math.floor((each.row + 0.5) * scaleY), column: Math.floor((each.column + 0.5) * scaleX),
    });
    const place = row === null ? null : own({ row, column });
    const pinned = pins.map(own);
    this.multiples.mark({ channel: this.channel, row: null, ...place, pins: pinned });
    if (!gains) return;
    this.large.forEach((map, i) => {
      const { values, start, width } = this.planes[i];
      map.mark(place, place ? formatNumber(values[start + place.row * width + place.column]) : "", pinned);
    });
  }

  elementAt({ row, column }) {
    const { scaleX, scaleY } = this.maps;
    return { row: Math.floor(row / scaleY), column: Math.floor(column / scaleX) };
  }

  destroy() {
    this.multiples.destroy();
  }
}

const known = new WeakMap(); // answer -> its maps, so that a choice of channel costs little

// scaleX, scaleY: elements of the map for one of the bottleneck. maxima: what the scale of each channel ends at.
function mapsOf(answer, grid) {
  if (!known.has(answer)) {
    const { shape: [channels, height, width], values, gains, pooled } = answer;
    const size = width * height;
    const maxima = Float32Array.from({ length: channels }, (_, c) => robustMagnitude(values, c * size, size));
    const [scaleX, scaleY] = [width / grid.width, height / grid.height];
    known.set(answer, { channels, width, height, size, values, gains, pooled, maxima, scaleX, scaleY });
  }
  return known.get(answer);
}
