// The rate-distortion plot of this picture, drawn by Plotly and updated in place: what the user zoomed to stays.

export class RatePlot {
  // parts: plot and now of the page. figure: from figures.py. onPick(setting): a click on the model's curve.
  constructor({ plot, now }, figure, onPick) {
    Object.assign(this, { box: plot, marker: now, figure, onPick });
    this.traces = Object.fromEntries(figure.data.map((trace) => [trace.meta, trace]));
    this.clear();
    // A finger on the plot scrolls the page.
    if (matchMedia("(pointer: coarse)").matches) figure.layout.dragmode = false;
  }

  // Plotly is large: it is loaded after the first picture is there.
  async start(load) {
    this.library = await load();
    const { data, layout, config } = this.figure;
    await this.library.newPlot(this.box, data, layout, config);
    this.box.on("plotly_click", ({ points: [point] }) => {
      if (point.data.meta === "model") this.onPick(point.customdata);
    });
    // Also after a zoom by the user, a new size and a redraw.
    this.box.on("plotly_afterplot", () => this.placeMarker());
    this.redraw();
  }

  clear() {
    for (const trace of this.figure.data) [trace.x, trace.y, trace.text, trace.customdata] = [[], [], [], []];
    this.redraw();
  }

  add({ series, setting, point }) {
    const trace = this.traces[series];
    if (point.psnr === null || trace.customdata.includes(setting)) return;
    const before = trace.x.filter((rate) => rate < point.bpp).length;
    const knobs = Object.entries(point.knob).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`);
    const columns = { x: point.bpp, y: point.psnr, text: knobs.join(", "), customdata: setting };
    // New arrays: Plotly takes an array that it has seen for unchanged.
    for (const [column, value] of Object.entries(columns)) trace[column] = trace[column].toSpliced(before, 0, value);
    this.drawing ??= requestAnimationFrame(() => this.redraw());
  }

  // The moving point is an element of its own: to draw the whole plot again for it would cost more than the picture.
  move(point, text) {
    this.now = point;
    this.box.setAttribute("aria-label", `Rate-distortion plot of this picture, now at ${text}`);
    this.placeMarker();
  }

  placeMarker() {
    const { now, marker, figure: { layout } } = this;
    const { l, r, t, b } = layout.margin;
    const across = share(now?.bpp, layout.xaxis.range);
    const up = share(now?.psnr, layout.yaxis.range);
    marker.hidden = !(across >= 0 && across <= 1 && up >= 0 && up <= 1);
    const x = l + across * (this.box.clientWidth - l - r);
    const y = t + (1 - up) * (this.box.clientHeight - t - b);
    if (!marker.hidden) marker.style.transform = `translate(${x}px, ${y}px)`;
  }

  redraw() {
    this.drawing = null;
    const { data, layout, config } = this.figure;
    if (this.library) this.library.react(this.box, data, layout, config);
  }

  // Curve colours suit both themes; text and lines come from the style sheet.
  setTheme() {
    const css = getComputedStyle(this.box);
    const color = (name) => css.getPropertyValue(`--mae-${name}`).trim();
    const { layout } = this.figure;
    layout.font = { family: css.fontFamily, size: 12, color: color("muted") };
    layout.hoverlabel = { bgcolor: color("panel"), bordercolor: color("line"), font: { color: color("ink") } };
    for (const axis of [layout.xaxis, layout.yaxis]) axis.gridcolor = color("line");
    this.redraw();
  }

  destroy() {
    cancelAnimationFrame(this.drawing);
    this.library?.purge(this.box);
  }
}

// Where a value lies on an axis: 0 at its start, 1 at its end; NaN while there is no value or no axis.
function share(value, [start, end] = []) {
  return (value - start) / (end - start);
}
