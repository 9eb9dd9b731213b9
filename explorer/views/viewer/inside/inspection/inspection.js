// Linked inspection: the place under the pointer, places that are pinned, the element whose card is open. Each is marked
// in the picture and in every map, and what is known of it is of the λ that is shown.
import { Probe } from "./probe.js";
import { Pins } from "./pins.js";
import { ElementCard } from "./card.js";
import { readPlace } from "./readings.js";
import { constants } from "../../wire/constants.js";

const [POINTED, CHOSEN] = ["#fff", "#3584e4"];
const OF_ELEMENTS = ["planes", "plane:μ", "plane:σ"]; // a model without the last two answers with nothing

export class Inspection {
  /**
   * @param {import("../inside.js").Inside} inside
   * @param {import("../../page.js").Parts} parts
   */
  constructor(inside, parts) {
    this.inside = inside;
    this.place = null;
    const changed = () => this.changed();
    this.probe = new Probe(parts.probe);
    this.pins = new Pins(parts.pins, changed);
    this.card = new ElementCard(parts.card, {
      changed,
      pin: (place) => this.pins.toggle(place),
      move: (step) => this.move(step),
    });
  }

  // What must come with a frame besides what the open view wants; a page without a server has only the pictures.
  get wishes() {
    const { card, pins, inside } = this;
    if (inside.viewer.setup.offline) return [];
    if (card.place) return [...OF_ELEMENTS, card.wish(inside.channel)];
    return pins.marks.length ? OF_ELEMENTS : [];
  }

  changed() {
    if (!this.card) return; // still being built
    this.inside.refresh();
    this.show();
    this.inside.markAll();
  }

  // ---- what is looked at --------------------------------------------------------------------------------------------

  // place: {row, column} and, where they are known, pixel and channel; null for none.
  hover(place) {
    this.place = place;
    this.showProbe();
  }

  select(place) {
    this.card.choose(place);
  }

  // The element under the pointer, or the one in the middle of what is seen; its card takes the arrow keys.
  open() {
    const { stage, picture } = this.inside.viewer;
    const [x, y] = stage.look.map((at) => Math.floor(at / constants.element));
    if (!this.inside.view) return;
    this.select(within(this.place ?? { row: y, column: x }, picture));
    this.card.box.focus();
  }

  move([rows, columns]) {
    const { row, column } = this.card.place;
    this.select(within({ row: row + rows, column: column + columns }, this.inside.viewer.picture));
  }

  // The place under the pointer, or that of the card.
  togglePin() {
    const place = this.place ?? this.card.place;
    if (place) this.pins.toggle(place);
  }

  // Whether there was a card to close.
  close() {
    if (!this.card.place) return false;
    this.card.choose(null);
    return true;
  }

  // A picture of another size: what lies outside of it goes.
  limit({ width, height }) {
    const isInside = ({ row, column }) => row * constants.element < height && column * constants.element < width;
    if (!this.pins.marks.every(isInside)) this.pins.set(this.pins.marks.filter(isInside));
    if (this.card.place && !isInside(this.card.place)) this.card.choose(null);
  }

  // ---- what is shown ------------------------------------------------------------------------------------------------

  // In every paint.
  show() {
    const { inside: { frame, channel }, card } = this;
    this.showProbe();
    this.pins.show((pin) => this.read(pin, channel), channel);
    card.show(frame, card.place && this.read(card.place, channel), channel);
  }

  showProbe() {
    const channel = this.place?.channel ?? this.inside.channel;
    this.probe.show(this.place && this.read(this.place, channel), this.place, channel);
  }

  read(place, channel) {
    const { inside } = this;
    const frame = inside.wishes.includes("planes") ? inside.frame : null;
    return readPlace(inside.viewer.stage, frame, place, channel, inside.missing !== null);
  }

  // [{row, column, color}] that stay marked in the maps.
  get pinned() {
    const { card, pins } = this;
    return card.place ? [...pins.marks, { ...card.place, color: CHOSEN }] : pins.marks;
  }

  // Rectangles for the stage: the pins, the card's element and its receptive field, the place under the pointer.
  marks() {
    const own = (place) => squareOf(place, 1);
    const pins = this.pins.marks.map((pin) => ({ ...own(pin), color: pin.color }));
    const { card: { place, field }, place: pointed } = this;
    const card = place ? [field && { ...field, color: POINTED }, { ...own(place), color: CHOSEN }] : [];
    const { view } = this.inside;
    const hovered = pointed && view && { ...squareOf(pointed, view.stride ?? 1), color: POINTED };
    return [...pins, ...card, hovered].filter(Boolean);
  }
}

// The pixels of an element, or of the one that it lies in where `stride` of them, in each direction, make one.
function squareOf({ row, column }, stride) {
  const [x, y] = [column, row].map((at) => Math.floor(at / stride) * stride * constants.element);
  return { x, y, width: stride * constants.element, height: stride * constants.element };
}

// The element of a picture's bottleneck that is nearest to a place.
function within({ row, column }, { width, height }) {
  const [rows, columns] = [height, width].map((side) => Math.ceil(side / constants.element));
  return { row: Math.min(Math.max(row, 0), rows - 1), column: Math.min(Math.max(column, 0), columns - 1) };
}
