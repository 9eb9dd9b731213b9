// Channel maps: the bottleneck's channels as small multiples, one of them large over the picture.
import { bottleneckOf } from "./bottleneck.js";
import { drawLegend, makeSymmetricScale, paletteNames, robustMaximum } from "./colours.js";
import { formatNumber, makeChoice, makeElement, makeHead } from "./controls.js";
import { ChannelDetail } from "./detail.js";
import { Multiples } from "./multiples.js";

const ABOUT =
  "Every channel of the bottleneck y at this λ (paper, Sec. 3 and Fig. 5). A channel that is zero everywhere costs next " +
  "to nothing: as λ falls, more of them fall silent.";
const FIXED = 8; // quantiser steps at the ends of the fixed scale

const RATIO = "ratio:4096:64"; // the two λ between which features bend most

// key -> {name; order(bottleneck, channel, ratio): larger comes first; below: whose number a map bears instead}
const ORDERS = {
  bits: { name: "bits", order: ({ channelBits }, c) => channelBits[c] },
  energy: { name: "energy", order: ({ energies }, c) => energies[c] },
  spread: { name: "ratio spread", order: (_, c, ratio) => ratio.model_spread?.[c] },
  index: { name: "index", order: (_, c) => -c, below: "bits" },
};

export class ChannelsView {
  constructor(box, inside) {
    Object.assign(this, { box, inside });
    const changed = () => inside.refresh();
    const choices = [
      makeChoice("values", "Show", [["after", "ŷ, rounded"], ["before", "y, before rounding"]], changed),
      makeChoice("sort", "Sort by", Object.entries(ORDERS).map(([key, { name }]) => [key, name]), changed),
      makeChoice("scale", "Scale", [["channel", "of each channel"], ["all", "of all channels"], ["fixed", `±${FIXED}`]], changed),
      makeChoice("palette", "Colours", paletteNames("diverging").map((name) => [name, name]), changed),
    ];
    [this.values, this.sort, this.scale, this.palette] = choices.map(({ select }) => select);
    this.legend = makeElement("div", "mae-legend");
    this.summary = makeElement("p", "mae-summary");
    const [detail, grid] = [makeElement("div", "mae-detail"), makeElement("div", "")];
    box.append(makeHead(ABOUT, ...choices.map((choice) => choice.box)), this.legend, detail, this.summary, grid);
    this.detail = new ChannelDetail(detail, inside.edits, inside.viewer.plotly);
    this.multiples = new Multiples(grid, {
      pick: (channel) => inside.setChannel(channel),
      hover: (place) => inside.hover(place),
      select: (place) => inside.select(place),
    });
  }

  get wishes() {
    return [...this.inside.edits.wishes, ...(this.sort.value === "spread" ? [RATIO] : [])];
  }

  show(frame) {
    const bottleneck = (this.bottleneck = bottleneckOf(frame));
    const { channels, width, height, dead } = bottleneck;
    this.plane = this.values.value === "after" ? new Float32Array(bottleneck.symbols) : bottleneck.y;
    this.scaleOf = this.scales(bottleneck);
    const all = Array.from({ length: channels }, (_, c) => c);
    const { below = this.sort.value, ...sort } = ORDERS[this.sort.value];
    const [sizes, numbers] = [sort, ORDERS[below]].map(({ order }) => all.map((c) => order(bottleneck, c, frame.extras[RATIO])));
    this.multiples.show({
      values: this.plane, width, height,
      order: all.sort((a, b) => (sizes[b] || 0) - (sizes[a] || 0)),
      scale: this.scaleOf,
      label: (channel) => [String(channel), formatNumber(numbers[channel])],
      dim: (channel) => dead[channel],
    });
    const silent = dead.filter(Boolean).length;
    this.summary.textContent =
      `${silent} of ${channels} channels are zero everywhere (pale). Below each map: its channel, its ${ORDERS[below].name}.`;
    this.detail.show(frame, bottleneck, this.inside.channel, this.inside.edit(frame));
  }

  // Each channel's scale, by the choice.
  scales({ size }) {
    const own = (channel) => largest(this.plane.subarray(channel * size, (channel + 1) * size));
    const widest = this.scale.value === "all" ? robustMaximum(this.plane.map(Math.abs)) : FIXED;
    return (channel) => makeSymmetricScale(this.palette.value, this.scale.value === "channel" ? own(channel) : widest);
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
    this.detail.destroy();
  }
}

function largest(values) {
  let size = 0;
  for (const value of values) size = Math.max(size, Math.abs(value));
  return size;
}
