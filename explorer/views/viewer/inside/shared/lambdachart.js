// A chart over λ, on its log axis, with a line at the current one.
import { Chart } from "../../rates/chart.js";
import { makeElement } from "../../controls/elements.js";
import { constants } from "../../wire/constants.js";

const NARROW = 260; // CSS pixels

export const MARGIN = { l: 60, r: 118, t: 8, b: 38, autoexpand: false };

export class LambdaChart extends Chart {
  // box: empty; layout: beside the axis of λ; the others as for a chart.
  constructor(box, layout, plotly, options) {
    const plot = makeElement("div", "mae-plot");
    const cursor = makeElement("i", "mae-here");
    const legend = makeElement("ul", "mae-lines");
    box.append(plot, cursor, legend);
    box.classList.add("mae-lambda-chart");
    super(plot, { margin: MARGIN, ...layout, xaxis: axisOfLambda() }, plotly, options);
    this.cursor = cursor;
    this.legend = legend;
  }

  // Where there is little room every second λ is written, so that none lies across another.
  redraw() {
    const { l, r } = this.layout.margin;
    const step = this.box.clientWidth - l - r < NARROW ? 2 : 1;
    const tickvals = constants.paper_lambdas.filter((_, i) => i % step === 0);
    Object.assign(this.layout.xaxis, { tickvals, ticktext: tickvals.map(String) });
    super.redraw();
  }

  // Plotly's own legend takes longer to draw than all lines together.
  draw(traces) {
    super.draw(traces);
    const shown = traces.filter(({ name, showlegend = true }) => name && showlegend);
    this.legend.replaceChildren(...shown.map((trace) => legendEntry(trace)));
  }

  // An element of its own: to draw the chart again for it in every frame would cost more than the picture.
  setLambda(lmbda) {
    this.lmbda = lmbda;
    this.drawn();
  }

  drawn() {
    const share = this.share("xaxis", this.lmbda);
    const { l, r } = this.layout.margin;
    this.cursor.hidden = !(share >= 0 && share <= 1);
    if (!this.cursor.hidden) this.cursor.style.left = `${l + share * (this.box.clientWidth - l - r)}px`;
  }
}

function axisOfLambda() {
  const { paper_lambdas: lambdas, samples_per_octave: samples } = constants;
  const half = Math.log10(2) / (2 * samples); // of a column of a λ × channel map: it has the axis of the charts below
  const range = [Math.log10(lambdas[0]) - half, Math.log10(lambdas.at(-1)) + half];
  return { type: "log", title: { text: "λ", standoff: 4 }, range, tickangle: 0 };
}

function legendEntry({ name, line: { width, color, dash }, fillcolor }) {
  const mark = makeElement("i", "");
  const style = { dot: "dotted", dash: "dashed" }[dash] ?? "solid";
  mark.style.borderTop = fillcolor ? `9px solid ${fillcolor}` : `${width}px ${style} ${color}`;
  return makeElement("li", "", mark, name);
}
