// The rate-distortion plot: a chart with points on it that move with λ.
import { Chart } from "./chart.js";

export class RatePlot extends Chart {
  // parts: plot, now, other of the page. figure: from figures/rates.py. onPick(series, setting): a click on a point.
  constructor({ plot, now, other }, { data, layout, config }, plotly, onPick) {
    super(plot, layout, plotly, { config, pick: (point) => onPick(point.data.meta, point.customdata) });
    this.markers = { now, other };
    this.places = {};
    this.views = {};
    this.looks = new Map(data.map((trace) => [trace.meta, trace]));
  }

  // curves: [{series, rates, qualities, texts, settings}]. axes: {x, y: {title, view, type}}; a view is what the axis
  // shows: what the user zoomed to is of no use in another one.
  drawCurves(curves, axes) {
    const traces = curves.map(({ series, rates, qualities, texts, settings }) => ({
      ...this.looks.get(series), x: rates, y: qualities, text: texts, customdata: settings,
    }));
    this.setAxis("xaxis", axes.x);
    this.setAxis("yaxis", axes.y);
    this.draw(traces);
  }

  setAxis(name, { title, view, type }) {
    const axis = this.layout[name];
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
