// Lessons: steps of a state and a few sentences each, as data from the server (see lessons.json).
//
// A place is "lesson.step", steps from 1, or "" where no lesson is open. It is a key of the state, so a link can open it.
import { makeElement } from "../controls/elements.js";

const MOST = 0.4; // of the window: what is higher is shown from its top
const MARGIN = 8; // CSS pixels above what is brought into sight

export class Lessons {
  /**
   * @param {import("../page.js").Parts} parts
   * @param {import("../viewer.js").Viewer} viewer
   * @param {AbortSignal} signal
   */
  constructor(parts, viewer, lessons, signal) {
    this.parts = parts;
    this.viewer = viewer;
    this.lessons = lessons;
    this.place = "";
    this.before = null; // what was shown before a lesson was opened: {source, state}
    this.told = null; // the steps whose texts lie in the card
    this.isNew = false; // the step has not been painted yet: what it speaks of may still be made
    const places = (lesson) => lesson.steps.map((step, i) => [`${lesson.id}.${i + 1}`, { lesson, step, i }]);
    this.steps = new Map(lessons.flatMap(places));
    const on = (name, action) => parts[name].addEventListener("click", action, { signal });
    viewer.root.addEventListener("frame", () => this.isNew && this.pointAnew(), { signal });
    on("lessonsOpen", () => parts.lessons.showModal());
    on("lessonBack", () => this.move(-1));
    on("lessonNext", () => this.move(1));
    on("lessonClose", () => this.close());
    parts.lessonsOpen.hidden = !lessons.length;
    parts.lessonList.replaceChildren(...lessons.map((lesson) => this.entry(lesson)));
  }

  get places() {
    return ["", ...this.steps.keys()];
  }

  // What a place sets: whatever it does not name is as usual. The picture may be the visitor's own.
  stateOf(place) {
    const found = this.steps.get(place);
    if (!found) return {};
    const { picture, hide, lesson, ...usual } = this.viewer.state.defaults;
    return { ...usual, ...found.step.state };
  }

  entry({ id, title, about }) {
    const entry = makeElement("button", "", makeElement("b", "", title), makeElement("span", "", about));
    Object.assign(entry, { type: "button" });
    entry.dataset.lesson = id;
    entry.addEventListener("click", () => {
      this.parts.lessons.close();
      this.go(`${id}.1`);
    });
    return entry;
  }

  async go(place) {
    const { state, opening } = this.viewer;
    if (!this.place) this.before = { source: opening.source, state: state.read() };
    const rejected = await state.apply({ ...this.stateOf(place), lesson: place }).catch((error) => [error.message]);
    if (!rejected.length) return this.pointAnew();
    await state.apply({ lesson: place });
    this.viewer.fail(`This step cannot be shown here: it needs ${rejected.join(", ")}.`);
  }

  move(steps) {
    const { lesson, i } = this.steps.get(this.place);
    if (i + steps < lesson.steps.length) this.go(`${lesson.id}.${i + 1 + steps}`);
    else this.close();
  }

  // What was there before the lesson comes back.
  async close() {
    const { before, viewer: { state, opening } } = this;
    this.stay();
    this.show("");
    this.parts.lessonsOpen.focus();
    if (!before) return state.touch();
    const rejected = await state.apply({ ...before.state, lesson: "" }, before.source);
    return rejected.length ? opening.open(before.source) : undefined;
  }

  // Who opens a picture in a lesson stays with it.
  stay() {
    this.before = null;
  }

  // Until all that the step shows is there: what comes last moves what lies below it.
  pointAnew() {
    this.isNew = !this.viewer.isAtRest;
    this.point();
  }

  // Marks what the open step speaks of and brings it into sight, or nothing at all.
  point(selector = this.steps.get(this.place)?.step.at) {
    const { root } = this.viewer;
    /** @type {NodeListOf<HTMLElement>} */
    const before = root.querySelectorAll("[data-pointed]");
    for (const each of before) delete each.dataset.pointed;
    const target = selector && root.querySelector(selector);
    if (!target) return;
    target.dataset.pointed = "";
    bringIntoSight(target);
  }

  // All steps of a lesson lie on each other and only one is seen: the card is as high as its longest, so that neither
  // its buttons nor what is around it move.
  tell(steps, i) {
    const { lessonTexts } = this.parts;
    if (this.told !== steps) lessonTexts.replaceChildren(...steps.map(({ text }) => makeElement("p", "", text)));
    this.told = steps;
    Array.from(lessonTexts.children).forEach((text, at) => text.setAttribute("data-shown", String(at === i)));
  }

  // The card of a place, without its state.
  show(place) {
    this.place = place;
    const { parts } = this;
    const found = this.steps.get(place);
    parts.lesson.hidden = !found;
    this.isNew = Boolean(found);
    if (!found) return this.point(null);
    const { lesson: { title, steps }, i } = found;
    parts.lessonTitle.textContent = title;
    parts.lessonCount.textContent = `${i + 1} of ${steps.length}`;
    this.tell(steps, i);
    this.point();
    parts.lessonBack.disabled = i === 0;
    parts.lessonNext.textContent = i + 1 < steps.length ? "Next" : "Finish";
  }
}

// A pane scrolls alone: the page would take the lesson's card along.
function bringIntoSight(target) {
  const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth";
  const [own, pane] = [target.getBoundingClientRect(), target.closest("[data-panel]")];
  if (!pane || pane.scrollHeight <= pane.clientHeight) {
    const isTall = own.height > MOST * innerHeight && (own.top < 0 || own.bottom > innerHeight);
    return target.scrollIntoView({ block: isTall ? "start" : "nearest", behavior });
  }
  const its = pane.getBoundingClientRect();
  const isInSight = own.top >= its.top && own.bottom <= its.bottom;
  return isInSight || pane.scrollBy({ top: own.top - its.top - MARGIN, behavior });
}
