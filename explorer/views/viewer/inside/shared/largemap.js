// One map, large, with a title and a caption; some of its elements are crossed, and the one under the pointer is framed.
import { paintPlane } from "./colours.js";
import { makeElement } from "../../controls/elements.js";
import { mostScale } from "../../picture/limits.js";

export class LargeMap {
  // on: {hover({row, column} or null): the pointer moved over the map; select({row, column}): a click}
  constructor(title, on) {
    this.canvas = makeElement("canvas", "");
    this.cursors = makeElement("div", "mae-cursors");
    this.value = makeElement("span", "");
    this.missing = makeElement("p", "mae-missing");
    this.caption = makeElement("figcaption", "");
    const head = makeElement("div", "mae-figure-head", makeElement("b", "", title), this.value);
    this.frame = makeElement("div", "mae-large", this.canvas, this.cursors, this.missing);
    this.box = makeElement("figure", "mae-figure", head, this.frame, this.caption);
    this.canvas.addEventListener("pointermove", (event) => on.hover(this.placeAt(event)));
    this.canvas.addEventListener("pointerleave", () => on.hover(null));
    this.canvas.addEventListener("click", (event) => on.select(this.placeAt(event)));
    Object.assign(this.canvas, { role: "img", ariaLabel: `Map, ${title}` });
    this.tell("");
  }

  // A sentence where the map would be.
  tell(sentence) {
    this.plane = null;
    this.canvas.hidden = true;
    this.missing.textContent = sentence;
    this.caption.replaceChildren();
    this.mark(null);
  }

  // crossed: a byte for each element of the plane. caption: sentences.
  show(plane, scale, crossed, caption) {
    this.plane = plane;
    this.canvas.hidden = false;
    this.missing.textContent = "";
    this.caption.replaceChildren(...caption.map((sentence) => makeElement("p", "", sentence)));
    this.small = paintPlane(plane, scale, this.small);
    const { width, height } = plane;
    const wanted = Math.ceil((this.frame.clientWidth * (window.devicePixelRatio || 1)) / width);
    const side = Math.max(1, Math.min(wanted, Math.floor(mostScale(width, height))));
    Object.assign(this.canvas, { width: side * width, height: side * height });
    const context = this.canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(this.small, 0, 0, this.canvas.width, this.canvas.height);
    this.cross(context, crossed, side);
  }

  // Black on white, so that it is seen on every colour.
  cross(context, crossed, side) {
    const path = new Path2D();
    crossed.forEach((isCrossed, i) => {
      if (!isCrossed) return;
      const [x, y] = [(i % this.plane.width) * side, Math.floor(i / this.plane.width) * side];
      path.moveTo(x, y);
      path.lineTo(x + side, y + side);
      path.moveTo(x + side, y);
      path.lineTo(x, y + side);
    });
    for (const [strokeStyle, lineWidth] of [["#fff", Math.max(3, 0.6 * side)], ["#000", Math.max(1, 0.2 * side)]]) {
      Object.assign(context, { strokeStyle, lineWidth });
      context.stroke(path);
    }
  }

  // place: {row, column} or null; text: the value there; pins: [{row, column, color}], marked as well.
  mark(place, text = "", pins = []) {
    this.value.textContent = place && this.plane ? text : "";
    const places = this.plane ? [...pins, place].filter(Boolean) : [];
    this.cursors.replaceChildren(...places.map((each) => this.cursor(each)));
  }

  cursor({ row, column, color = "#fff" }) {
    const { width, height } = this.plane;
    const cursor = makeElement("i", "mae-cursor");
    const shares = { x: column / width, y: row / height, w: 1 / width, h: 1 / height };
    for (const [name, share] of Object.entries(shares)) cursor.style.setProperty(`--${name}`, String(share));
    cursor.style.setProperty("--color", color);
    return cursor;
  }

  placeAt({ offsetX, offsetY }) {
    const { width, height } = this.plane;
    const column = Math.floor((offsetX / this.canvas.clientWidth) * width);
    const row = Math.floor((offsetY / this.canvas.clientHeight) * height);
    return column >= 0 && row >= 0 && column < width && row < height ? { row, column } : null;
  }
}
