// The views of the inside: which one is open, the channel and the element that all of them mark, the map on the picture.
//
// A view is a class that a tab names (see tabs.js), with a constructor(box, inside) that fills its section, and
//   show(frame)       in every paint while it is open; frame.wishes holds the answers
// and of these those that it needs:
//   wishes            what must come with a frame besides "planes": see wishes/answers.py
//   mark({channel, row, column, pins})   the channel that is chosen, the element under the pointer, or row null, and
//                     [{row, column, color}] that stay marked
//   map()             what to lay over the picture: {plane, scale, title}, or null; stride beside them as below
//   stride            where its maps are coarser: elements of the bottleneck, in each direction, that one of theirs is
//   columns()         more to tell of each channel: {name of a table's column: function of a channel}
//   ends              {a, b}: λ of the ratios that its arrays are saved with
//   change            what it changes of the picture, see Edits: {wishes, text, words}
//   edited()          a change was made, or is no more
//   numbers()         the numbers of the frame on show are others: see viewer.shown.header
//   grown()           the model's rate-distortion curve has more points
//   destroy()
// Its controls are selects with data-state, so that links, lessons and widgets reach them: see elements.js.
import { makeElement } from "../controls/elements.js";
import { bottleneckOf } from "./shared/bottleneck.js";
import { paintPlane } from "./shared/colours.js";
import { constants } from "../wire/constants.js";
import { Costliest } from "./bits/costliest.js";
import { Edits } from "./channels/edits.js";
import { Inspection } from "./inspection/inspection.js";
import { isSameLambda } from "../picture/lambdamap.js";
import { TABS } from "../tabs.js";

export class Inside {
  // viewer: asks for frames and paints them.
  /**
   * @param {import("../page.js").Parts} parts
   * @param {import("../viewer.js").Viewer} viewer
   * @param {AbortSignal} signal
   */
  constructor(parts, viewer, signal) {
    this.parts = parts;
    this.viewer = viewer;
    this.tab = "rd";
    this.channel = 0;
    this.isChosen = false; // whether the channel was chosen, here or by a link
    this.frame = null;
    this.told = new Map(); // view -> header of the frame that it tells of
    this.missing = null; // why the picture has no original, or null where it has one
    const changed = (change) => this.changed(change);
    this.edits = new Edits(changed);
    this.costliest = new Costliest(changed);
    this.made = new Set(); // changes that there are
    this.inspection = new Inspection(this, parts);
    /** @type {Record<string, any>} */
    this.views = {};
    for (const { name, View } of TABS) if (View) this.views[name] = new View(this.section(name), this);
    const on = (element, type, action) => element.addEventListener(type, action, { signal });
    for (const tab of this.tabs) on(tab, "click", () => this.setTab(tab.dataset.tab));
    on(parts.tabs, "keydown", (event) => this.moveTab(event));
    on(parts.overlay, "change", () => this.layMap());
    on(parts.opacity, "input", () => this.layMap());
    this.setTab("rd");
  }

  /** @returns {HTMLElement[]} */
  get tabs() {
    return Array.from(this.parts.tabs.querySelectorAll("[role=tab]"));
  }

  /** @returns {HTMLElement} */
  section(name) {
    return this.parts.panels.querySelector(`[data-panel=${name}]`);
  }

  get view() {
    return this.views[this.tab] ?? null;
  }

  // What a frame must bring along.
  get wishes() {
    return [...new Set([...this.viewWishes, ...this.inspection.wishes])];
  }

  get viewWishes() {
    return this.view && !this.isBarred ? ["planes", ...(this.view.wishes ?? [])] : [];
  }

  // Whether the open tab tells nothing of a picture without its original.
  get isBarred() {
    return this.missing !== null && TABS.some(({ name, needsOriginal }) => name === this.tab && needsOriginal);
  }

  // ---- what is open and marked --------------------------------------------------------------------------------------

  setTab(name) {
    this.tab = name;
    this.viewer.root.dataset.tab = name;
    for (const tab of this.tabs) {
      const isOpen = tab.dataset.tab === name;
      Object.assign(tab, { ariaSelected: isOpen, tabIndex: isOpen ? 0 : -1 });
      this.section(tab.dataset.tab).hidden = !isOpen;
    }
    this.layMap();
    this.refresh();
    this.viewer.repaint(); // the picture, too, may be another one: see `edit`
  }

  moveTab(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const next = this.tabs.at((this.tabs.indexOf(event.target) + step) % this.tabs.length);
    next.focus();
    this.setTab(next.dataset.tab);
  }

  setChannel(channel) {
    this.isChosen = true;
    this.channel = channel;
    this.refresh();
  }

  // What a view shows best while nobody has chosen a channel.
  suggestChannel(channel) {
    if (!this.isChosen) this.channel = channel;
    this.isChosen = true;
  }

  // The map gives way when a change begins: it would hide what becomes of the picture.
  changed(change) {
    if (change.text === "") this.made.delete(change);
    else if (!this.made.has(change)) this.setOverlay(false);
    if (change.text !== "") this.made.add(change);
    for (const view of Object.values(this.views)) view.edited?.();
    this.refresh();
    this.viewer.repaint();
  }

  // What became of a frame's picture by the open view's change (see wishes/answers.py), or undefined.
  edit(frame) {
    const [wish] = this.view?.change?.wishes ?? [];
    return this.isBarred ? undefined : frame.wishes[wish];
  }

  // The pixels to show of a frame.
  picture(frame) {
    return this.edit(frame)?.pixels ?? frame.pixels;
  }

  // place: {row, column} of the element under the pointer, wherever that is, with the channel where that is another
  // one's map and the pixel {x, y} where it is the picture; or null. It moves often and asks nothing.
  hover(place) {
    this.inspection.hover(place);
    this.markAll();
  }

  // pixel: {x, y} of the picture under the pointer, or null.
  hoverPixel(pixel) {
    this.hover(pixel && { ...elementAt(pixel), pixel });
  }

  // A click opens the card of an element, but not where nothing of the inside is on show.
  pickPixel(pixel) {
    if (pixel && this.view) this.inspection.select(elementAt(pixel));
  }

  select(place) {
    this.inspection.select(place);
  }

  get marked() {
    const { place, pinned } = this.inspection;
    return { channel: this.channel, row: place?.row ?? null, column: place?.column ?? null, pins: pinned };
  }

  markAll() {
    this.view?.mark?.(this.marked);
    this.viewer.stage.setMarks(this.inspection.marks());
  }

  // ---- painting -----------------------------------------------------------------------------------------------------

  // A control changed: show the frame once more, or ask for what it does not hold yet.
  refresh() {
    if (this.viewer.shown) this.viewer.askFrame();
    if (this.frame) this.show(this.frame);
  }

  show(frame) {
    this.frame = frame;
    const { view } = this;
    this.channel = Math.min(this.channel, (bottleneckOf(frame)?.channels ?? Infinity) - 1);
    const asked = this.channel;
    if (view && !this.isBarred && this.viewWishes.every((wish) => wish in frame.wishes)) {
      view.show(frame);
      this.told.set(view, frame.header);
    }
    if (view) this.layMap();
    this.section(this.tab).dataset.waiting = String(view !== null && !this.isBarred && !this.isTold);
    this.inspection.show();
    this.markAll();
    if (this.channel !== asked) this.viewer.askFrame(); // the view suggested another: an open card wants its response
  }

  // Whether what the open view tells is of the λ on show: of a large picture that is so when λ rests.
  get isTold() {
    const told = this.told.get(this.view);
    return told !== undefined && this.frame !== null && isSameLambda(told, this.frame.header);
  }

  // Before a picture is opened: what it does not have, maybe under another model, is of no use.
  limit(picture) {
    this.edits.limit(picture.channels);
    this.costliest.limit(picture);
    for (const change of [this.edits, this.costliest]) change.isTooLarge = picture.large;
    this.told.clear();
    this.inspection.limit(picture);
    this.channel = Math.min(this.channel, picture.channels - 1);
    this.missing = picture.missing ?? null;
    for (const { name, needsOriginal } of TABS) if (needsOriginal) this.bar(this.section(name));
  }

  // Says in a section why it is empty, or shows it again.
  bar(section) {
    section.querySelector(".mae-barred")?.remove();
    if (this.missing) section.prepend(makeElement("p", "mae-barred", this.missing));
  }

  setOverlay(isOn) {
    this.parts.overlay.checked = isOn;
    this.layMap();
  }

  // percent: of the map over the picture.
  setOpacity(percent) {
    this.parts.opacity.value = percent;
    this.layMap();
  }

  // The map that the open view has of its channel, over the right-hand picture.
  layMap() {
    const has = Boolean(this.view?.map) && !this.isBarred && !this.viewer.painter?.isOn; // that lays its own
    this.parts.overlayBox.hidden = !has;
    this.parts.opacityBox.hidden = !has || !this.parts.overlay.checked;
    const map = has && this.isTold && this.parts.overlay.checked ? this.view.map() : null;
    if (map) this.canvas = paintPlane(map.plane, map.scale, this.canvas);
    const isEdited = this.frame && this.edit(this.frame);
    this.title = [isEdited && this.view.change.words, map?.title].filter(Boolean).join(" · ");
    this.viewer.stage.setMap(map && this.canvas, Number(this.parts.opacity.value) / 100, constants.element * (map?.stride ?? 1));
    this.viewer.modes.label();
  }

  destroy() {
    for (const view of Object.values(this.views)) view.destroy?.();
  }
}

function elementAt({ x, y }) {
  return { row: Math.floor(y / constants.element), column: Math.floor(x / constants.element) };
}
