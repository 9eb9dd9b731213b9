// Places that stay marked: a table of what is known of each, kept up to date while λ moves.
import { makeElement } from "../../controls/elements.js";
import { READINGS, knownReadings } from "./readings.js";

// Colours that colour-blind readers tell apart (Okabe and Ito), one for each pin that there can be.
const COLOURS = ["#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2", "#999999"];

export class Pins {
  // changed(): a pin came or went.
  constructor(box, changed) {
    this.box = box;
    this.changed = changed;
    this.pins = [];
    this.heads = READINGS.map(([key, sign, title]) => {
      const head = Object.assign(makeElement("th", "", sign), { title, scope: "col" });
      head.dataset.pinHead = key;
      return head;
    });
    this.head = Object.assign(makeElement("th", ""), { scope: "col" });
    const head = makeElement("tr", "", this.head, ...this.heads, makeElement("td", ""));
    this.body = makeElement("tbody", "");
    this.table = makeElement("table", "mae-pins", makeElement("thead", "", head), this.body);
    box.append(this.table);
    this.set([]);
  }

  // [{row, column, color}]
  get marks() {
    return this.pins;
  }

  // "row-column" with commas between them.
  get text() {
    return this.pins.map(({ row, column }) => `${row}-${column}`).join(",");
  }

  set text(text) {
    this.set(parsePlaces(text));
  }

  // Adds a pin or takes it away; the ninth replaces the first.
  toggle({ row, column }) {
    const others = this.pins.filter((pin) => pin.row !== row || pin.column !== column);
    this.set(others.length < this.pins.length ? others : [...others, { row, column }].slice(-COLOURS.length));
  }

  // A pin keeps its colour while others come and go.
  set(places) {
    const kept = places.map(({ row, column }) => this.pins.find((pin) => pin.row === row && pin.column === column));
    const free = COLOURS.filter((color) => !kept.some((pin) => pin?.color === color));
    this.pins = places.map(({ row, column }, i) => kept[i] ?? { row, column, color: free.shift() });
    this.rows = this.pins.map((pin) => this.row(pin));
    this.body.replaceChildren(...this.rows.map(({ row }) => row));
    this.box.hidden = !this.pins.length;
    this.changed();
  }

  row(pin) {
    const swatch = makeElement("i", "mae-swatch");
    swatch.style.background = pin.color;
    const head = Object.assign(makeElement("th", "", swatch, `${pin.row}, ${pin.column}`), { scope: "row", title: "Row, column of the element" });
    const cells = READINGS.map(([key, , title]) => {
      const cell = Object.assign(makeElement("td", ""), { title });
      cell.dataset.pin = key;
      return cell;
    });
    const remove = Object.assign(makeElement("button", "", "✕"), { type: "button", title: "Remove this pin" });
    remove.ariaLabel = `Remove the pin at row ${pin.row}, column ${pin.column}`;
    remove.addEventListener("click", () => this.toggle(pin));
    return { row: makeElement("tr", "", head, ...cells, makeElement("td", "", remove)), cells };
  }

  // read(pin) -> reading or null, as in readings.js.
  show(read, channel) {
    this.head.textContent = `pins, channel ${channel}`;
    const readings = this.pins.map(read);
    const known = knownReadings(readings);
    this.table.dataset.predicted = String(readings.some((reading) => reading?.element?.isPredicted));
    this.heads.forEach((head, at) => (head.hidden = !known[at]));
    this.rows.forEach(({ cells }, i) => {
      READINGS.forEach(([, , , write], at) => {
        cells[at].textContent = readings[i] ? write(readings[i]) : "–";
        cells[at].hidden = !known[at];
      });
    });
  }
}

// [{row, column}], or undefined where the text is none, has a place twice or more than there can be.
export function parsePlaces(text) {
  const parts = text === "" ? [] : text.split(",");
  const found = parts.map((part) => /^(\d{1,4})-(\d{1,4})$/.exec(part));
  if (found.includes(null) || new Set(parts).size < parts.length || parts.length > COLOURS.length) return undefined;
  return found.map(([, row, column]) => ({ row: Number(row), column: Number(column) }));
}
