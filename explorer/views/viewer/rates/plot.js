// The rate-distortion plot: a chart with points on it that move with λ.
import { Chart } from "./chart.js";
import { fillLegend } from "./legend.js";

export class RatePlot extends Chart {
  // parts: plot, now, other, legend of the page. figure: from figures/rates.py. onPick(series, setting): a click on a point.
  constructor({ plot, now, other, legend }, { data, layout, config }, plotly, onPick) {
    super(plot, layout, plotly, { config, pick: (point) => onPick(point.data.meta, point.customdata) });
    this.markers = { now, other };
    this.legend = legend;
    this.places = {};
    this.views = {};
    this.given = {}; // the ranges that were not the user's
    this.looks = new Map(data.map((trace) => [trace.meta, trace]));
  }

  // curves: [{series, rates, qualities, texts, settings, joined: whether by a line}]. axes: {x, y: {title, view, type,
  // range}}; a view is what the axis shows: what the user zoomed to is of no use in another one.
  drawCurves(curves, axes) {
    const colors = new Set();
    const traces = curves.map(({ series, rates, qualities, texts, settings, joined }) => ({
      ...this.lookOf(series, colors), mode: joined ? "lines+markers" : "markers",
      x: rates, y: qualities, text: texts, customdata: settings,
    }));
    this.setAxis("xaxis", axes.x);
    this.setAxis("yaxis", axes.y);
    this.draw(traces);
    fillLegend(this.legend, traces);
  }

  // There are more codecs than colours: the later of two that would be drawn in one takes a colour that is free.
  lookOf(series, taken) {
    const look = this.looks.get(series);
    const known = [...this.looks.values()].map(({ line }) => line.color);
    const color = [look.line.color, ...known].find((each) => !taken.has(each)) ?? look.line.color;
    taken.add(color);
    return { ...look, line: { ...look.line, color }, marker: { ...look.marker, color } };
  }

  setAxis(name, { title, view, type, range }) {
    const axis = this.layout[name];
    axis.title.text = title;
    axis.type = type;
    // Else Plotly writes 0.3 as a small 3.
    Object.assign(axis, type === "log" ? { tickformat: "~g", dtick: "D2" } : { tickformat: "", dtick: undefined });
    const isZoomed = axis.range && axis.range.join() !== this.given[name]?.join();
    if (!range || (this.views[name] === view && isZoomed)) return;
    this.views[name] = axis.uirevision = view;
    this.given[name] = range;
    Object.assign(axis, { autorange: false, range: [...range] });
  }

  // The view that it began with; Plotly's own double click shows everything or the first view of all.
  resetZoom() {
    for (const [name, range] of Object.entries(this.given)) this.layout[name].range = [...range];
    this.redraw();
  }

  // The moving points are elements of their own: to draw the whole plot again for them would cost more than the
  // picture. places: {now, other}, each {rate, quality, isBetween: whether it lies between measured points} or null.
  move(places, text) {
    this.places = places;
    this.describe(`Rate-distortion plot, now at ${text}`);
    this.drawn();
  }

  drawn() {
    for (const [name, marker] of Object.entries(this.markers)) this.placeMarker(marker, this.places[name]);
  }

  // place.about: of a place that was not measured, how it was found.
  placeMarker(marker, place) {
    marker.toggleAttribute("data-about", Boolean(place?.about));
    marker.title = place?.about ?? "";
    const { x, y, inside } = this.pixelOf(place?.rate, place?.quality ?? NaN);
    marker.hidden = !inside;
    if (inside) marker.style.transform = `translate(${x}px, ${y}px)`;
  }
}
