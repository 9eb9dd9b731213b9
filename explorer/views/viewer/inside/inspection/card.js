// The card of one element: what it is worth, and what the decoder makes of this one coefficient alone.
import { formatNumber, makeElement } from "../../controls/elements.js";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const GREY = 128;
const ROOM = 120; // levels to each side of grey that a response may take

export class ElementCard {
  // on: {changed(): another element, or none; pin(place); move([rows, columns]): an arrow key on the card}
  constructor(box, on) {
    this.box = box;
    this.on = on;
    this.place = null;
    this.title = makeElement("b", "");
    this.values = makeElement("p", "");
    this.about = makeElement("p", "mae-about");
    this.canvas = makeElement("canvas", "");
    this.canvas.setAttribute("role", "img");
    const close = button("✕", "Close (Escape)", () => this.choose(null));
    close.ariaLabel = "Close";
    const pin = button("Pin", "Keep its values in a table (P)", () => on.pin(this.place));
    const head = makeElement("div", "mae-bar", this.title, makeElement("span", "mae-gap"), pin, close);
    box.addEventListener("keydown", (event) => this.key(event));
    box.append(this.canvas, makeElement("div", "", head, this.values, this.about));
    this.choose(null);
  }

  // place: {row, column}, or null to close the card.
  choose(place) {
    this.place = place && { row: place.row, column: place.column };
    this.response = null;
    this.box.hidden = !place;
    this.on.changed();
  }

  key(event) {
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    event.stopPropagation();
    this.on.move(STEPS[event.key]);
  }

  wish(channel) {
    return `response:${channel}:${this.place.row}:${this.place.column}`;
  }

  // reading: of the place; its response stays as it was until the frame that brings the new one.
  show(frame, reading, channel) {
    if (!this.place) return;
    const { row, column } = this.place;
    this.title.textContent = `Element ${row}, ${column} of channel ${channel}`;
    const { element } = reading ?? {};
    const response = frame?.wishes[this.wish(channel)];
    this.box.dataset.waiting = !response;
    if (!element || !response) return;
    this.response = response;
    this.values.textContent = valuesText(element);
    const { gain, largest } = paintResponse(this.canvas, response);
    this.about.textContent = responseText(element.decoded, largest, gain);
    this.canvas.ariaLabel = this.about.textContent;
  }

  // The pixels of the receptive field, which are also those that the response covers, once they are known.
  get field() {
    if (!this.response) return null;
    const { top, left, side } = this.response;
    return { x: left, y: top, width: side, height: side };
  }
}

function button(text, title, act) {
  const made = Object.assign(makeElement("button", "", text), { type: "button", title });
  made.addEventListener("click", act);
  return made;
}

// Around mid-grey, larger by a power of two that keeps all of it in sight. -> {gain, largest change in levels of 255}
function paintResponse(canvas, { pixels, side }) {
  const largest = 255 * pixels.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const gain = largest ? 2 ** Math.floor(Math.log2(ROOM / largest)) : 1;
  Object.assign(canvas, { width: side, height: side });
  const image = new ImageData(side, side);
  for (let i = 0, o = 0; i < pixels.length; o += 4) {
    for (let c = 0; c < 3; c++, i++) image.data[o + c] = GREY + gain * 255 * pixels[i];
    image.data[o + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return { gain, largest };
}

function valuesText({ value, decoded, mean, scale, symbol, isPredicted, probability, bits }) {
  const predicted = `μ ${formatNumber(mean, 4)}, σ ${formatNumber(scale)}, q ${formatNumber(symbol, 6)}`;
  return [
    ...(value === undefined ? [] : [`y ${formatNumber(value, 4)}`]), `ŷ ${formatNumber(decoded, isPredicted ? 4 : 6)}`, ...(isPredicted ? [predicted] : []),
    `p ${formatNumber(probability)}`, `${formatNumber(bits, 4)} bits`,
  ].join(", ");
}

function responseText(decoded, largest, gain) {
  const size = `up to ${formatNumber(largest, 2)} of 255 levels, here ×${formatNumber(gain)} around grey`;
  if (decoded === 0) return `ŷ is 0 here, so it adds nothing. A 1 in its place would add this: ${size}.`;
  return `This one coefficient adds this to the picture, ${size}, within its receptive field (white frame).`;
}
