// Channel maps: the bottleneck's channels as small multiples, one of them large over the picture.
import { bottleneckOf } from "./bottleneck.js";
import { drawLegend, makeSymmetricScale, paletteNames, robustMaximum } from "./colours.js";
import { formatNumber, makeChoice, makeElement, makeHead } from "./controls.js";
import { Multiples } from "./multiples.js";

const ABOUT =
  "Every channel of the bottleneck y at this λ (paper, Sec. 3 and Fig. 5). A channel that is zero everywhere costs next " +
  "to nothing: as λ falls, more of them fall silent.";
const FIXED = 8; // quantiser steps at the ends of the fixed scale

// [key, name, value of a channel (larger comes first), digits]
const ORDERS = [
  ["bits", "bits", (b, c) => b.channelBits[c]],
  ["energy", "energy", (b, c) => b.energies[c]],
  ["index", "index", (_, c) => -c],
];

export class ChannelsView {
  constructor(box, inside) {
    Object.assign(this, { box, inside, wishes: [] });
    const changed = () => inside.refresh();
    const choices = [
      makeChoice("values", "Show", [["after", "ŷ, rounded"], ["before", "y, before rounding"]], changed),
      makeChoice("sort", "Sort by", ORDERS.map(([key, name]) => [key, name]), changed),
      makeChoice("scale", "Scale", [["channel", "of each channel"], ["all", "of all channels"], ["fixed", `±${FIXED}`]], changed),
      makeChoice("palette", "Colours", paletteNames("diverging").map((name) => [name, name]), changed),
    ];
    [this.values, this.sort, this.scale, this.palette] = choices.map(({ select }) => select);
    this.legend = makeElement("div", "mae-legend");
    this.summary = makeElement("p", "mae-summary");
    const grid = makeElement("div", "");
    box.append(makeHead(ABOUT, ...choices.map((choice) => choice.box)), this.summary, this.legend, grid);
    this.multiples = new Multiples(grid, {
      pick: (channel) => inside.setChannel(channel),
      hover: (place) => inside.hover(place),
    });
  }

  show(frame) {
    const bottleneck = (this.bottleneck = bottleneckOf(frame));
    const { channels, size, width, height, dead, channelBits } = bottleneck;
    this.plane = this.values.value === "after" ? Float32Array.from(bottleneck.symbols) : bottleneck.y;
    const [, , value] = ORDERS.find(([key]) => key === this.sort.value);
    const order = Array.from({ length: channels }, (_, c) => c).sort((a, b) => value(bottleneck, b) - value(bottleneck, a));
    const widest = this.scale.value === "all" ? robustMaximum(this.plane.map(Math.abs)) : FIXED;
    const own = (channel) => robustMaximum(this.plane.slice(channel * size, (channel + 1) * size).map(Math.abs), 1);
    this.scaleOf = (channel) => makeSymmetricScale(this.palette.value, this.scale.value === "channel" ? own(channel) : widest);
    const shown = this.sort.value === "energy" ? bottleneck.energies : channelBits;
    this.multiples.show({
      values: this.plane, width, height, order,
      scale: this.scaleOf,
      label: (channel) => [String(channel), formatNumber(shown[channel], 3)],
      dim: (channel) => dead[channel],
    });
    const silent = dead.filter(Boolean).length;
    this.summary.textContent = `${silent} of ${channels} channels are zero everywhere (pale). Below each map: its channel, its ${this.sort.value === "energy" ? "energy" : "bits"}.`;
  }

  map() {
    if (!this.bottleneck) return null;
    const { channel } = this.inside;
    const { size, width, height } = this.bottleneck;
    return {
      plane: { values: this.plane, start: channel * size, width, height },
      scale: this.scaleOf(channel),
      title: `channel ${channel}, ${this.values.value === "after" ? "ŷ" : "y"}`,
    };
  }

  mark(marked) {
    if (!this.bottleneck) return;
    const { low, high } = this.scaleOf(marked.channel);
    const ticks = [low, low / 2, 0, high / 2, high].map((value) => [value, formatNumber(value, 2)]);
    drawLegend(this.legend, this.scaleOf(marked.channel), ticks, `channel ${marked.channel}, quantiser steps`);
    this.multiples.mark(marked);
  }

  destroy() {
    this.multiples.destroy();
  }
}
