// The strip of pictures: one's own, the newest first, and the samples; each is opened by a click.
import { makeElement } from "../controls/elements.js";
import { OwnPicture } from "./own.js";

export class PictureStrip {
  // samples: see service/setup.py. on: {open(source): as `Opening.open` takes it; removed(own)}.
  constructor(box, samples, on) {
    this.box = box;
    this.on = on;
    this.own = /** @type {OwnPicture[]} */ ([]);
    this.entries = new Map(); // OwnPicture -> its element
    this.looking = Promise.resolve();
    this.samples = samples.map((sample) => this.sampleButton(sample));
    box.replaceChildren(...this.samples);
  }

  // The own picture of a file; one that is here already is not added twice.
  /** @param {File} file */
  add(file) {
    const found = this.own.find((own) => own.isOf(file));
    if (found) return found;
    const own = this.enter(new OwnPicture(file.name, file));
    this.looking = this.looking.then(() => this.look(own)); // one at a time: a photograph takes 50 MB while it is read
    return own;
  }

  // An own picture that was opened from elsewhere, such as a notebook's cell.
  adopt(picture) {
    const own = new OwnPicture(picture.name, null);
    own.learn(picture);
    return this.enter(own);
  }

  // By the token of any model.
  find(token) {
    return this.own.find(({ tokens }) => tokens.has(token));
  }

  enter(own) {
    this.own.unshift(own);
    this.entries.set(own, this.ownEntry(own));
    this.box.prepend(this.entries.get(own));
    this.refresh(own);
    return own;
  }

  async look(own) {
    if (!own.thumbnail) await own.decode();
    this.refresh(own);
  }

  // picture: what the server made of it, where the browser itself cannot read it.
  async complete(own, picture, transport) {
    await own.decoding;
    if (!own.thumbnail) await own.request(transport, picture);
    this.refresh(own);
  }

  // After something became known of it.
  refresh(own) {
    const entry = this.entries.get(own);
    if (!entry) return;
    const [button, remove] = entry.children;
    Object.assign(button, { title: own.about, ariaLabel: own.about });
    Object.assign(remove, { title: `Remove ${own.name}`, ariaLabel: `Remove ${own.name}` });
    const [image, name] = button.children;
    image.hidden = !own.thumbnail;
    if (own.thumbnail) image.src = own.thumbnail;
    name.textContent = own.name;
    entry.dataset.plain = !own.thumbnail;
  }

  remove(own) {
    const entry = this.entries.get(own);
    if (!entry) return;
    const next = entry.nextElementSibling;
    if (entry.contains(document.activeElement)) (next.querySelector("button") ?? next).focus();
    entry.remove();
    this.entries.delete(own);
    this.own = this.own.filter((each) => each !== own);
    this.on.removed(own);
  }

  // source: of what is on show.
  mark(source) {
    for (const button of this.samples) button.ariaPressed = String(button.dataset.sample === source.sample);
    for (const [own, entry] of this.entries) entry.firstElementChild.ariaPressed = String(own === source.own);
    const shown = this.entries.get(source.own);
    if (shown) this.box.scrollTo({ left: shown.offsetLeft - this.box.offsetLeft });
  }

  sampleButton({ name, thumbnail, width, height, bytes }) {
    const button = makeElement("button", "", Object.assign(new Image(), { src: thumbnail, alt: name, draggable: false }));
    const about = width ? `${name} · ${width} × ${height} pixels · ${bytes.toLocaleString("en")} bytes` : name;
    Object.assign(button, { type: "button", title: about, ariaLabel: about });
    button.dataset.sample = name;
    button.addEventListener("click", () => this.on.open({ sample: name }));
    return button;
  }

  ownEntry(own) {
    const image = Object.assign(new Image(), { alt: "", draggable: false }); // dropped, it would be another picture
    const open = makeElement("button", "", image, makeElement("small", ""));
    const remove = Object.assign(makeElement("button", "mae-remove", "✕"), { type: "button" });
    open.type = "button";
    open.addEventListener("click", () => this.on.open({ own }));
    open.addEventListener("keydown", ({ key }) => key === "Delete" && this.remove(own));
    remove.addEventListener("click", () => this.remove(own));
    return makeElement("div", "mae-own", open, remove);
  }
}
