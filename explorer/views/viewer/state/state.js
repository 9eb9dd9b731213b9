// Everything that is chosen in the viewer, as one flat plain object: links, lessons and widgets read and write it by key.
//
//   state.read()            -> {key: value}, numbers and strings; an uploaded picture has no `picture`
//   state.changes()         -> those that are not as in a viewer that was just opened, or at the open step of a lesson, as
//                              a link has them
//   await state.apply(chosen, source) -> keys that were rejected; if there are any, nothing at all has changed; source:
//                              of a picture that has no name, as `Opening.open` takes it
//   state.allowed(key)      -> what the values of a key may be, in words
// "statechange" on the viewer's root, with the state as its detail, follows a change when things have come to rest.
// The fields are in fields.js, and every select[data-state] is one.
import { FIELDS, selectFields } from "./fields.js";

const REST_MS = 200;
const LONGEST = 400; // characters of a value of most fields

export class State {
  /** @param {import("../viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.turn = 0;
    this.defaults = this.read();
    this.told = JSON.stringify(this.defaults);
  }

  get fields() {
    return new Map([...FIELDS, ...selectFields(this.viewer.root)].map((field) => [field.key, field]));
  }

  read() {
    const entries = [...this.fields.values()].map(({ key, read }) => [key, read(this.viewer)]);
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  }

  changes() {
    const usual = { ...this.defaults, ...this.viewer.lessons.stateOf(this.viewer.lessons.place) };
    const { fields } = this;
    const brief = (key, value) => String(fields.get(key).brief?.(value) ?? value);
    const all = Object.entries(this.read()).map(([key, value]) => [key, brief(key, value)]);
    return Object.fromEntries(all.filter(([key, value]) => value !== brief(key, usual[key])));
  }

  // Values may also be numbers as text. What depends on the picture is checked with the one that will be open.
  async apply(chosen, given) {
    const turn = ++this.turn;
    const { fields, viewer } = this;
    const values = new Map(Object.entries(chosen).map(([key, value]) => [key, String(value)]));
    const unknown = [...values.keys()].filter((key) => !fields.has(key));
    const closed = ["picture", "model"].filter((key) => values.has(key) && this.check(key, values.get(key)) === undefined);
    if (unknown.length || closed.length) return [...unknown, ...closed];
    const source = this.source(values, given);
    const model = values.get("model") ?? viewer.opening.model;
    const picture = (this.target = source ? await viewer.opening.ask(source, model) : viewer.picture);
    /** @type {[key: string, value: string | number | undefined][]} */
    const checked = [...values].map(([key, value]) => [key, this.check(key, value)]);
    const rejected = checked.filter(([, value]) => value === undefined).map(([key]) => key);
    if (!rejected.length && turn === this.turn) await this.write(new Map(checked), source, picture);
    return rejected;
  }

  check(key, value) {
    const { check, longest = LONGEST } = this.fields.get(key);
    return value.length > longest ? undefined : check(value, this.context);
  }

  get context() {
    return { viewer: this.viewer, picture: this.target ?? this.viewer.picture };
  }

  allowed(key) {
    return this.fields.get(key)?.allowed(this.context);
  }

  // What to open for what is chosen, as `Opening.open` takes it, or null where the picture stays.
  source(values, given) {
    const { picture, opening, model } = this.viewer;
    const sample = values.get("picture");
    const wanted = given ?? (sample === undefined ? opening.source : { sample });
    const isOther = !picture || (values.get("model") ?? model) !== picture.model;
    return isOther || !isSame(wanted, opening.source) ? wanted : null;
  }

  // Frames are asked for once, when all is written.
  async write(values, source, picture) {
    const { viewer } = this;
    const writeAll = (early) => {
      for (const { key, early: isEarly = false, read, write } of this.fields.values()) {
        const isNew = write && values.has(key) && values.get(key) !== read(viewer);
        if (isNew && isEarly === early) write(viewer, values.get(key));
      }
    };
    await viewer.together(async () => {
      if (source && !picture.missing) viewer.model = picture.model; // that of a received file is not chosen
      if (source) viewer.slider.setRange(picture.lmbda);
      writeAll(true);
      if (source) await viewer.opening.open(source, picture);
      if (viewer.picture === picture) writeAll(false);
    });
    this.touch();
  }

  // Something may have changed.
  touch() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.tell(), REST_MS);
  }

  tell() {
    const detail = this.read();
    const text = JSON.stringify(detail);
    if (text === this.told) return;
    this.told = text;
    this.viewer.root.dispatchEvent(new CustomEvent("statechange", { detail }));
  }

  destroy() {
    clearTimeout(this.resting);
  }
}

function isSame(one, other) {
  return one.sample === other.sample && one.own === other.own;
}
