// The rate-distortion plot, drawn by Plotly and updated in place: what the user zoomed to stays.

export class RatePlot {
  // parts: plot, now, other of the page. figure: from figures.py. onPick(series, setting): a click on a point.
  constructor({ plot, now, other }, figure, onPick) {
    Object.assign(this, { box: plot, markers: { now, other }, places: {}, figure, onPick, data: [], views: {} });
    this.looks = new Map(figure.data.map((trace) => [trace.meta, trace]));
    // A finger on the plot scrolls the page.
    if (matchMedia("(pointer: coarse)").matches) figure.layout.dragmode = false;
  }

  // Plotly is large: it is loaded after the first picture is there.
  async start(load) {
    const library = await load();
    const { layout, config } = this.figure;
    await library.newPlot(this.box, this.data, layout, config);
    this.library = library; // only now: a redraw must not come between
    this.box.on("plotly_click", ({ points: [point] }) => this.onPick(point.data.meta, point.customdata));
    // Also after a zoom by the user, a new size and a redraw.
    this.box.on("plotly_afterplot", () => this.placeMarkers());
    // Plotly hears of a new window size alone, but the numbers above the plot grow and shrink. This is also called now.
    this.resizing = new ResizeObserver(() => this.redraw());
    this.resizing.observe(this.box);
  }

  // curves: [{series, rates, qualities, texts, settings}]. axes: {x, y: {title, view, type}}; a view is what the axis
  // shows: what the user zoomed to is of no use in another one.
  draw(curves, axes) {
    this.data = curves.map(({ series, rates, qualities, texts, settings }) => ({
      ...this.looks.get(series), x: rates, y: qualities, text: texts, customdata: settings,
    }));
    this.setAxis("xaxis", axes.x);
    this.setAxis("yaxis", axes.y);
    this.redraw();
  }

  setAxis(name, { title, view, type }) {
    const axis = this.figure.layout[name];
    axis.title.text = title;
    axis.type = type;
    if (this.views[name] === view) return;
    this.views[name] = axis.uirevision = view;
    axis.autorange = true;
    delete axis.range;
  }

  // The moving points are elements of their own: to draw the whole plot again for them would cost more than the
  // picture. places: {now, other}, each {rate, quality} or null.
  move(places, text) {
    this.places = places;
    this.box.setAttribute("aria-label", `Rate-distortion plot, now at ${text}`);
    this.placeMarkers();
  }

  placeMarkers() {
    for (const [name, marker] of Object.entries(this.markers)) this.placeMarker(marker, this.places[name]);
  }

  placeMarker(marker, place) {
    const { margin: { l, r, t, b }, xaxis, yaxis } = this.figure.layout;
    const across = share(xaxis.type === "log" ? Math.log10(place?.rate) : place?.rate, xaxis.range);
    const up = share(place?.quality ?? NaN, yaxis.range);
    marker.hidden = !(across >= 0 && across <= 1 && up >= 0 && up <= 1);
    const x = l + across * (this.box.clientWidth - l - r);
    const y = t + (1 - up) * (this.box.clientHeight - t - b);
    if (!marker.hidden) marker.style.transform = `translate(${x}px, ${y}px)`;
  }

  redraw() {
    const { box, data, figure: { layout, config } } = this;
    Object.assign(layout, { width: box.clientWidth, height: box.clientHeight });
    if (this.library) this.library.react(box, data, layout, config);
    else this.placeMarkers();
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
    this.resizing?.disconnect();
    this.library?.purge(this.box);
  }
}

// Where a value lies on an axis: 0 at its start, 1 at its end; NaN while there is no value or no axis.
function share(value, [start, end] = []) {
  return (value - start) / (end - start);
}
