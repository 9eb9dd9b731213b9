// A chart, drawn by Plotly and updated in place: what the user zoomed to stays. Text and lines have the style sheet's
// colours, the size is the box's. It may be filled before Plotly is there and while its box is hidden.

const AXIS = { zeroline: false, ticks: "", nticks: 6, automargin: false };
const LAYOUT = {
  margin: { l: 52, r: 10, t: 8, b: 42, autoexpand: false }, // fixed, so that `pixelOf` knows where a value is
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  showlegend: false,
  hovermode: "closest",
  uirevision: "constant",
};
const CONFIG = { displayModeBar: false, showTips: false };

export class Chart {
  // layout: Plotly's, where it differs from a plain chart; plotly: a promise of the library (viewer.plotly);
  // pick(point): a click on a point, as Plotly describes it; config: Plotly's.
  constructor(box, layout, plotly, { pick = () => {}, config = CONFIG } = {}) {
    const axes = { xaxis: { ...AXIS, ...layout.xaxis }, yaxis: { ...AXIS, ...layout.yaxis } };
    Object.assign(this, { box, pick, config, data: [], layout: { ...LAYOUT, ...layout, ...axes } });
    // A finger on the chart scrolls the page.
    if (matchMedia("(pointer: coarse)").matches) this.layout.dragmode = false;
    // Plotly hears of a new window size alone, but a box also changes with what is around it. This is called now, too.
    this.resizing = new ResizeObserver(() => this.redraw());
    this.resizing.observe(box);
    plotly.then((library) => {
      this.library = library;
      this.redraw();
    });
  }

  // traces: Plotly's. changes: of the layout, for each axis of its own entries: {xaxis: {range: [0, 1]}}.
  draw(traces, changes = {}) {
    this.data = traces;
    for (const [name, change] of Object.entries(changes)) {
      if (/^[xy]axis/.test(name)) Object.assign((this.layout[name] ??= { ...AXIS }), change);
      else this.layout[name] = change;
    }
    this.redraw();
  }

  // Also after a change of theme.
  redraw() {
    const { library, box, data, layout, config } = this;
    const { clientWidth: width, clientHeight: height } = box;
    if (!library || !width || this.closed) return;
    Object.assign(layout, { width, height });
    this.setTheme();
    if (this.started) library.react(box, data, layout, config);
    else this.starting ??= this.start();
  }

  async start() {
    await this.library.newPlot(this.box, this.data, this.layout, this.config);
    if (this.closed) return;
    this.started = true; // only now: a redraw must not come between
    this.box.on("plotly_click", ({ points: [point] }) => this.pick(point));
    // After a zoom by the user, a new size and a redraw.
    this.box.on("plotly_afterplot", () => this.drawn());
    this.redraw();
  }

  // For what lies over the chart and moves with its axes.
  drawn() {}

  setTheme() {
    const css = getComputedStyle(this.box);
    const color = (name) => css.getPropertyValue(`--mae-${name}`).trim();
    const { layout } = this;
    layout.font = { family: css.fontFamily, size: 12, color: color("muted") };
    layout.hoverlabel = { bgcolor: color("panel"), bordercolor: color("line"), font: { color: color("ink") } };
    for (const name of Object.keys(layout).filter((key) => /^[xy]axis/.test(key))) layout[name].gridcolor = color("line");
  }

  // Where a point lies in the box, in CSS pixels, and whether the axes' ranges hold it; also before the first drawing.
  pixelOf(x, y) {
    const { margin: { l, r, t, b }, xaxis, yaxis } = this.layout;
    const [across, up] = [share(x, xaxis), share(y, yaxis)];
    return {
      x: l + across * (this.box.clientWidth - l - r),
      y: t + (1 - up) * (this.box.clientHeight - t - b),
      inside: across >= 0 && across <= 1 && up >= 0 && up <= 1,
    };
  }

  destroy() {
    this.closed = true;
    this.resizing.disconnect();
    if (this.starting) this.library.purge(this.box);
  }
}

// Where a value lies on an axis: 0 at its start, 1 at its end; NaN while there is no value or no range.
function share(value = NaN, { type, range: [start, end] = [] }) {
  return ((type === "log" ? Math.log10(value) : value) - start) / (end - start);
}
