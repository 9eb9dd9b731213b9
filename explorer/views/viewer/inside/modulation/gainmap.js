// A λ × channel map of one modulator: every row a channel, the one that changes most on top.
import { paintPlane } from "../shared/colours.js";
import { makeElement } from "../../controls/elements.js";
import { MARGIN } from "../shared/lambdachart.js";

export class GainMap {
  // on: {pick(channel), hover({channel, sample} or null)}
  constructor(box, on) {
    this.box = box;
    this.on = on;
    const ariaLabel = "Gains over λ; arrow keys choose a channel";
    this.canvas = Object.assign(makeElement("canvas", ""), { tabIndex: 0, ariaLabel });
    this.canvas.setAttribute("role", "application");
    this.cursor = makeElement("i", "mae-here");
    this.row = makeElement("i", "mae-row");
    this.plot = makeElement("div", "mae-gains", this.canvas, this.cursor, this.row);
    Object.assign(this.plot.style, { marginLeft: `${MARGIN.l}px`, marginRight: `${MARGIN.r}px` });
    box.append(this.plot, makeElement("span", "mae-gains-side", "channels, the one that changes most on top"));
    this.canvas.addEventListener("pointermove", (event) => on.hover(this.placeAt(event)));
    this.canvas.addEventListener("pointerleave", () => on.hover(null));
    this.canvas.addEventListener("click", (event) => on.pick(this.placeAt(event).channel));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  // layer: of a model's Modulators; values: from its relative().
  show(layer, values, scale) {
    this.layer = layer;
    paintPlane({ values, width: layer.samples, height: layer.channels }, scale, this.canvas);
  }

  // share: where λ is on the axis, from 0 to 1.
  mark(channel, share) {
    const { order, channels } = this.layer;
    this.channel = channel;
    this.cursor.style.left = `${100 * share}%`;
    this.row.style.top = `${(100 * order.indexOf(channel)) / channels}%`;
    this.row.style.height = `${100 / channels}%`;
  }

  placeAt({ offsetX, offsetY }) {
    const { layer: { order, channels, samples }, canvas: { clientWidth, clientHeight } } = this;
    const within = (share, length) => Math.min(Math.max(Math.floor(share * length), 0), length - 1);
    return { channel: order[within(offsetY / clientHeight, channels)], sample: within(offsetX / clientWidth, samples) };
  }

  key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !this.layer) return;
    event.preventDefault();
    event.stopPropagation();
    const { order } = this.layer;
    this.on.pick(order[Math.min(Math.max(order.indexOf(this.channel) + step, 0), order.length - 1)]);
  }
}
