// The rate-distortion plot of this picture, drawn by Plotly and updated in place: what the user zoomed to stays.

export class RatePlot {
  // figure: data, layout and config from figures.py. onPick(setting): a click on the model's curve.
  constructor(box, figure, onPick) {
    this.box = box;
    this.figure = figure;
    this.onPick = onPick;
    this.traces = Object.fromEntries(figure.data.map((trace) => [trace.meta, trace]));
    for (const trace of figure.data) trace.customdata = [];
    // A finger on the plot scrolls the page.
    if (matchMedia("(pointer: coarse)").matches) figure.layout.dragmode = false;
  }

  // Plotly is large: it is loaded after the first picture is there.
  async start(load) {
    const library = await load();
    if (this.box.isConnected) await library.newPlot(this.box, this.figure.data, this.figure.layout, this.figure.config);
    this.library = library;
    this.box.on("plotly_click", ({ points: [point] }) => {
      if (point.data.meta === "model") this.onPick(point.customdata);
    });
    this.redraw();
  }

  clear() {
    for (const trace of this.figure.data) [trace.x, trace.y, trace.text, trace.customdata] = [[], [], [], []];
    this.redraw();
  }

  add({ series, setting, point }) {
    const trace = this.traces[series];
    if (!trace || point.psnr === null) return;
    const before = trace.x.filter((rate) => rate < point.bpp).length;
    const knobs = Object.entries(point.knob).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`);
    const columns = { x: point.bpp, y: point.psnr, text: knobs.join(", "), customdata: setting };
    // New arrays: Plotly takes an array that it has seen for unchanged.
    for (const [column, value] of Object.entries(columns)) trace[column] = trace[column].toSpliced(before, 0, value);
    this.drawing ??= requestAnimationFrame(() => this.redraw());
  }

  // The moving point: synchronous, so that it is painted together with the picture it belongs to.
  move(point, text) {
    const now = this.traces.now;
    [now.x, now.y, now.text] = [[point.bpp], [point.psnr], [text]];
    this.box.setAttribute("aria-label", `Rate-distortion plot of this picture, now at ${text}`);
    const place = { x: [now.x], y: [now.y], text: [now.text] };
    if (this.library) this.library.restyle(this.box, place, this.figure.data.indexOf(now));
  }

  redraw() {
    this.drawing = null;
    if (this.library) this.library.react(this.box, this.figure.data, this.figure.layout, this.figure.config);
  }

  // Curve colours suit both themes; text and lines come from the style sheet.
  setTheme() {
    const css = getComputedStyle(this.box);
    const color = (name) => css.getPropertyValue(`--mae-${name}`).trim();
    const { layout } = this.figure;
    layout.font = { family: css.fontFamily, size: 12, color: color("muted") };
    layout.hoverlabel = { bgcolor: color("panel"), bordercolor: color("line"), font: { color: color("ink") } };
    for (const axis of [layout.xaxis, layout.yaxis]) axis.gridcolor = color("line");
    this.traces.now.marker.line.color = color("panel");
    this.redraw();
  }

  destroy() {
    cancelAnimationFrame(this.drawing);
    this.library?.purge(this.box);
  }
}
