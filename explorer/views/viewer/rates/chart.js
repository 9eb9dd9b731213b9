// A chart, drawn by Plotly and updated in place: what the user zoomed to stays. Text and lines have the style sheet's
// colours, the size is the box's. It may be filled before Plotly is there and while its box is hidden.

const AXES = /^[xy]axis/;
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
  /**
   * @param {HTMLElement & { on?: Function }} box
   * @param {Record<string, any>} layout
   * @param {Promise<any>} plotly
   * @param {{ pick?: (point: any) => void, config?: object }} options
   */
  constructor(box, layout, plotly, { pick = () => {}, config = CONFIG } = {}) {
    const axes = { xaxis: { ...AXIS, ...layout.xaxis }, yaxis: { ...AXIS, ...layout.yaxis } };
    this.box = box;
    this.pick = pick;
    this.config = config;
    this.data = [];
    this.starting = null;
    /** @type {Record<string, any>} */
    this.layout = { ...LAYOUT, ...layout, ...axes };
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
      if (AXES.test(name)) Object.assign((this.layout[name] ??= { ...AXIS }), change);
      else this.layout[name] = change;
    }
    this.redraw();
  }

  // The same right after the paint that is under way: Plotly takes longer than all else of a frame.
  drawAfterPaint(traces, changes) {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.draw(traces, changes));
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
    this.box.on("plotly_doubleclick", () => this.resetZoom());
    // After a zoom by the user, a new size and a redraw.
    this.box.on("plotly_afterplot", () => this.drawn());
    this.redraw();
  }

  // What a reader who does not see the chart is told of it.
  describe(text) {
    Object.assign(this.box, { role: "img", ariaLabel: text });
  }

  // After a double click, where Plotly leaves that to the chart.
  resetZoom() {}

  // For what lies over the chart and moves with its axes.
  drawn() {}

  setTheme() {
    const { layout } = this;
    layout.font = { family: getComputedStyle(this.box).fontFamily, size: 12, color: this.color("muted") };
    const [bgcolor, bordercolor, color] = ["panel", "line", "ink"].map((name) => this.color(name));
    layout.hoverlabel = { bgcolor, bordercolor, font: { color } };
    for (const name of Object.keys(layout).filter((key) => AXES.test(key))) layout[name].gridcolor = bordercolor;
  }

  // A colour of the style sheet, such as "accent", as it is now.
  color(name) {
    return getComputedStyle(this.box).getPropertyValue(`--mae-${name}`).trim();
  }

  // Where a point lies in the box, in CSS pixels, and whether the axes' ranges hold it; also before the first drawing.
  pixelOf(x, y) {
    const { l, r, t, b } = this.layout.margin;
    const [across, up] = [this.share("xaxis", x), this.share("yaxis", y)];
    return {
      x: l + across * (this.box.clientWidth - l - r),
      y: t + (1 - up) * (this.box.clientHeight - t - b),
      inside: across >= 0 && across <= 1 && up >= 0 && up <= 1,
    };
  }

  // Where a value lies on an axis: 0 at its start, 1 at its end; NaN while there is no value or no range.
  share(axis, value = NaN) {
    const { type, range: [start, end] = [] } = this.layout[axis];
    return ((type === "log" ? Math.log10(value) : value) - start) / (end - start);
  }

  destroy() {
    this.closed = true;
    clearTimeout(this.waiting);
    this.resizing.disconnect();
    if (this.starting) this.library.purge(this.box);
  }
}
