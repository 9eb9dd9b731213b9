// The line under the picture: what is known of the place under the pointer.
import { makeElement } from "../../controls/elements.js";
import { READINGS, knownReadings } from "./readings.js";

export class Probe {
  constructor(box) {
    this.box = box;
    const [first, second] = [makeElement("span", ""), makeElement("span", "")];
    this.place = makeElement("span", "");
    this.element = makeElement("span", "");
    first.append(this.place);
    second.append(this.element);
    this.cells = READINGS.map(([key, sign, title, write]) => {
      const value = makeElement("b", "");
      value.dataset.probe = key;
      const cell = Object.assign(makeElement("span", "", `${sign} `, value), { title });
      (["original", "decoded"].includes(key) ? first : second).append(cell);
      return { cell, value, write };
    });
    box.append(first, second);
    this.second = second;
    this.show(null);
  }

  // reading: see readPlace; null for no place.
  show(reading, place, channel) {
    this.box.dataset.empty = reading === null;
    if (!reading) return;
    this.place.textContent = `(${reading.pixel.x}, ${reading.pixel.y})`;
    this.element.textContent = `row ${place.row}, column ${place.column}, channel ${channel}`;
    this.second.hidden = reading.element === null;
    const known = knownReadings([reading]);
    this.cells.forEach(({ cell, value, write }, i) => {
      cell.hidden = !known[i];
      value.textContent = write(reading);
    });
  }
}
