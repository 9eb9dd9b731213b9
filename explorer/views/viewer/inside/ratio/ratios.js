// Ratio maps as data, from a frame's answer to "ratio" (see ratios.py): gains in octaves (log₂), masked elements NaN.
import { formatNumber } from "../../controls/elements.js";
import { formatLambda } from "../../rates/readout.js";

const NAMES = ["model", "bottleneck", "independent"];
const RANGES = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 3, 4, 6, 8]; // octaves to each side of a scale's centre
const [WIDTH, SHARE] = [2.5, 0.9]; // spreads to each side, and for what share of all channels, that a scale shows

export class Ratio {
  // centred: colours stand for the distance from the channel's median gain, not from ×1.
  constructor(answer, centred) {
    const { systems, kind, floor } = answer;
    const kinds = { model: kind, bottleneck: "bottleneck", independent: "fixed" };
    const present = NAMES.filter((name) => !systems[name].missing);
    this.floor = floor;
    this.told = systems;
    this.systems = new Map(present.map((name) => [name, new System(answer, name, kinds[name], centred)]));
  }

  // Why a system is not here, in a sentence.
  missing(name) {
    return this.told[name].missing;
  }

  // The system whose channels are ranked and shown: the model's, if it has a ratio at all.
  get leading() {
    return this.systems.values().next().value;
  }

  // What a scale of one channel shows to each side of its centre, in octaves, the same for all systems: the leading one
  // as far as it spreads, the others at least where their middle is.
  range(channel) {
    const others = [...this.systems.values()].map((system) => system.distance(channel));
    return roundUp(Math.max(...[this.leading.size(channel), ...others].filter(Number.isFinite)));
  }

  // The same for a scale that suits most channels of the leading system.
  get commonRange() {
    const sizes = this.leading.medians.map((_, c) => this.leading.size(c)).filter(Number.isFinite).sort();
    return roundUp(sizes[Math.floor(SHARE * (sizes.length - 1))]);
  }
}

function roundUp(size) {
  return RANGES.find((range) => range >= size) ?? (size > 0 ? RANGES.at(-1) : RANGES[0]);
}

class System {
  constructor(answer, name, kind, centred) {
    const { shape: [channels, height, width], lambdas, spread } = answer.systems[name];
    const parts = ["value", "flipped", "spread", "median"].map((part) => answer[`${name}_${part}`]);
    const [values, flipped, spreads, medians] = parts;
    this.name = name;
    this.kind = kind;
    this.channels = channels;
    this.height = height;
    this.width = width;
    this.lambdas = lambdas;
    this.spread = spread;
    this.values = values;
    this.flipped = flipped;
    this.spreads = spreads;
    this.medians = medians;
    this.centres = centred ? medians.map((median) => median || 0) : new Float32Array(channels);
  }

  // How far a channel's middle lies from the centre of its scale, and how far its values do.
  distance(channel) {
    return Math.abs(this.medians[channel] - this.centres[channel]);
  }

  size(channel) {
    return this.distance(channel) + WIDTH * (this.spreads[channel] || 0);
  }

  plane(channel) {
    const { values, width, height } = this;
    return { values, start: channel * width * height, width, height };
  }

  ofChannel(array, channel) {
    const size = this.width * this.height;
    return array.subarray(channel * size, (channel + 1) * size);
  }

  flips(channel) {
    return this.ofChannel(this.flipped, channel);
  }

  masked(channel) {
    const values = this.ofChannel(this.values, channel);
    return values.filter(Number.isNaN).length / values.length;
  }

  at(channel, row, column) {
    return this.values[(channel * this.height + row) * this.width + column];
  }

  // The channel in the middle by spread, among those of which there is something to see; 0 where no channel has one.
  get typical() {
    const known = this.order.filter((channel) => Number.isFinite(this.spreads[channel]));
    const shown = known.filter((channel) => this.masked(channel) < 0.5);
    const among = shown.length ? shown : known;
    return among[among.length >> 1] ?? 0;
  }

  // Channels, the most bent first, those without a spread last.
  get order() {
    const size = (channel) => this.spreads[channel] || (this.spreads[channel] === 0 ? 0 : -1);
    return Array.from({ length: this.channels }, (_, c) => c).sort((a, b) => size(b) - size(a));
  }
}

export function gainText(octaves) {
  return Number.isNaN(octaves) ? "masked" : `×${formatNumber(2 ** octaves, 3)}`;
}

export function ratioText([a, b]) {
  return `λ ${formatLambda(a)} / λ ${formatLambda(b)}`;
}
