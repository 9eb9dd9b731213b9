// Bits of each channel as ranked bars, with the share that the first of them carry together as a line.
import { Chart } from "../../rates/chart.js";
import { countHolding, total } from "./blockmaps.js";
import { formatNumber } from "../../controls/elements.js";

const MOST = 0.9; // of the rate
const LAYOUT = {
  margin: { l: 52, r: 46, t: 8, b: 26, autoexpand: false },
  bargap: 0,
  xaxis: { title: { text: "channels, costliest first", standoff: 4 }, showticklabels: false, showgrid: false },
  yaxis: { title: { text: "bits" }, rangemode: "tozero", nticks: 5 },
  yaxis2: {
    overlaying: "y", side: "right", range: [0, 101], tickvals: [50, 90], ticktext: ["50 %", "90 %"],
    showgrid: false, zeroline: false,
  },
};

export class ChannelBars {
  constructor(box, plotly, pick) {
    this.chart = new Chart(box, LAYOUT, plotly, { pick: ({ customdata }) => pick(customdata) });
  }

  // bits: of each channel; side: of what is coded besides them. Returns what they say, in a sentence.
  show(bits, channel, side) {
    const order = Array.from(bits, (_, c) => c).sort((a, b) => bits[b] - bits[a]);
    const ranked = order.map((c) => bits[c]);
    const whole = total(ranked) || 1;
    const count = countHolding(ranked, MOST);
    let sum = 0;
    const shares = ranked.map((each) => (100 * (sum += each)) / whole);
    const of = side ? "of y’s bits" : "of the rate";
    const [accent, muted, ink] = ["accent", "muted", "ink"].map((name) => this.chart.color(name));
    const common = { x: order.map((_, rank) => rank + 1), customdata: order };
    this.chart.draw([
      {
        ...common, type: "bar", y: ranked, marker: { color: order.map((c) => (c === channel ? ink : accent)) },
        hovertemplate: "channel %{customdata}: %{y:.4~g} bits<extra></extra>",
      },
      {
        ...common, type: "scatter", mode: "lines", y: shares, yaxis: "y2", line: { color: muted, width: 1.5 },
        hovertemplate: `the first %{x}: %{y:.3~g} % ${of}<extra></extra>`,
      },
    ], { shapes: [verticalLine(count + 0.5, muted)] });
    const [rank, percent] = [order.indexOf(channel) + 1, formatNumber((100 * bits[channel]) / whole, 2)];
    const besides = side ? ` Besides them z takes ${Math.round(side).toLocaleString("en")} bits.` : "";
    const sentence = `${count} of ${bits.length} channels carry ${100 * MOST} % ${of}; channel ${channel}, number ${rank}, ` +
      `${percent} % (${formatNumber(bits[channel], 4)} bits).${besides}`;
    this.chart.describe(sentence);
    return sentence;
  }

  destroy() {
    this.chart.destroy();
  }
}

function verticalLine(x, color) {
  return { type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, line: { width: 1.5, dash: "dot", color } };
}
