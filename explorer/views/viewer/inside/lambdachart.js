// A chart over λ, on its log axis, with a line at the current one.
import { Chart } from "../chart.js";
import { makeElement } from "./controls.js";
import { PAPER_LAMBDAS } from "./lambdas.js";

const [FIRST, LAST] = [PAPER_LAMBDAS[0], PAPER_LAMBDAS.at(-1)].map(Math.log10);
const HALF = Math.log10(2) / 20; // of a column of a λ × channel map, ten an octave: it has the axis of the charts below

export const MARGIN = { l: 52, r: 118, t: 8, b: 38, autoexpand: false };
const X_AXIS = {
  type: "log", title: { text: "λ", standoff: 4 }, range: [FIRST - HALF, LAST + HALF],
  tickvals: PAPER_LAMBDAS, ticktext: PAPER_LAMBDAS.map(String),
};
const LEGEND = { font: { size: 11 }, x: 1.01, y: 1, xanchor: "left", yanchor: "top", bgcolor: "rgba(0,0,0,0)" };

export class LambdaChart extends Chart {
  // box: empty; layout: beside the axis of λ; the others as for a chart.
  constructor(box, layout, plotly, options) {
    box.append(makeElement("div", "mae-plot"), makeElement("i", "mae-here"));
    box.classList.add("mae-lambda-chart");
    const [plot, cursor] = box.children;
    super(plot, { margin: MARGIN, showlegend: true, legend: LEGEND, ...layout, xaxis: { ...X_AXIS } }, plotly, options);
    this.cursor = cursor;
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
