// How far each channel is from pure scaling: the spread of its log₂ ratio, channels ranked, systems over each other.
import { Chart } from "../../rates/chart.js";

// Told apart by shape as well as by colour.
const LOOKS = {
  model: { type: "bar", name: "this model", marker: { color: "#3584e4" } },
  bottleneck: { type: "scatter", mode: "lines", name: "bottleneck scaling", line: { color: "#1b998b", width: 3 } },
  independent: {
    type: "scatter", mode: "markers", name: "independent models", marker: { color: "#d9730d", size: 4, symbol: "diamond" },
  },
};
const LAYOUT = {
  margin: { l: 46, r: 8, t: 22, b: 24 },
  bargap: 0,
  showlegend: true,
  legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", itemclick: false, itemdoubleclick: false },
  xaxis: { title: { text: "channels, most bent first", font: { size: 12 } }, showticklabels: false, showgrid: false },
  yaxis: { title: { text: "spread (octaves)", font: { size: 12 } }, rangemode: "tozero", nticks: 4 },
};

export class Spreads {
  constructor(box, plotly, pick) {
    Object.assign(box, { role: "img", ariaLabel: "The spread of each channel’s ratio, a bar each; a click chooses the channel" });
    this.chart = new Chart(box, LAYOUT, plotly, { pick: ({ customdata }) => pick(customdata) });
  }

  // spreads: {system: its channels' spreads, NaN where there is none}; order: channels, first to last.
  show(spreads, order, channel) {
    const traces = Object.entries(spreads).map(([system, values]) => ({
      ...LOOKS[system],
      y: order.map((c) => values[c]),
      customdata: order,
      hovertemplate: "channel %{customdata}: %{y:.3f}<extra>%{fullData.name}</extra>",
    }));
    const at = order.indexOf(channel);
    const line = { type: "line", x0: at, x1: at, yref: "paper", y0: 0, y1: 1, line: { width: 1.5, dash: "dot" } };
    this.chart.drawAfterPaint(traces, { shapes: at < 0 ? [] : [line] });
  }

  destroy() {
    this.chart.destroy();
  }
}
