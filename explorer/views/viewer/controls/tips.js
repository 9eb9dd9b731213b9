// Explanations that come up beside what they explain: on hover, on focus, and on a tap on a term.
//
// An element explains itself by data-tip, a text, or by data-term, a word of the glossary; .mae-info has the text that its
// view leaves out on a low screen.
// There is one tip; it stays while it is pointed at, and Escape, scrolling or leaving takes it away (WCAG 1.4.13).
import { makeElement } from "./elements.js";
import { TERMS } from "../story/glossary.js";

const [SHOW_MS, HIDE_MS] = [350, 200];
const EXPLAINED = "[data-tip], [data-term], .mae-info";
const MARGIN = 8; // to the window's edges and to what is explained

export class Tips {
  constructor(root, signal) {
    this.owner = null; // of the tip that is shown
    this.top = 0; // of the owner when it was shown
    this.timer = 0;
    this.box = makeElement("div", "mae-tip");
    Object.assign(this.box, { id: `mae-tip-${Math.random().toString(36).slice(2)}`, popover: "manual", hidden: true });
    this.box.setAttribute("role", "tooltip");
    root.append(this.box);
    const on = (type, action) => root.addEventListener(type, action, { signal });
    on("pointerover", ({ target, pointerType }) => pointerType === "mouse" && this.pointAt(target));
    on("pointerout", ({ pointerType }) => pointerType === "mouse" && this.after(HIDE_MS, () => this.hide()));
    on("focusin", ({ target }) => this.focus(target));
    on("focusout", () => this.hide());
    on("click", ({ target }) => this.tap(target.closest("[data-term], .mae-info")));
    on("keydown", (event) => this.press(event));
    // The focus may be elsewhere than the pointer.
    document.addEventListener("keydown", (event) => this.escape(event), { signal, capture: true });
    window.addEventListener("scroll", () => this.follow(), { signal, capture: true });
    signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  after(delay, action) {
    clearTimeout(this.timer);
    this.timer = setTimeout(action, delay);
  }

  pointAt(target) {
    if (this.box.contains(target)) return clearTimeout(this.timer);
    const owner = target.closest(EXPLAINED);
    return owner && this.after(SHOW_MS, () => this.show(owner));
  }

  focus(target) {
    const owner = target.closest(EXPLAINED);
    if (owner && target.matches(":focus-visible")) this.show(owner);
  }

  tap(owner) {
    if (owner) this.show(owner);
    else this.hide();
  }

  // Closes the tip and nothing else.
  escape(event) {
    if (event.key !== "Escape" || !this.owner) return;
    event.stopPropagation();
    this.hide();
  }

  // A term is a button that shows its tip.
  press(event) {
    if (!event.target.matches("[data-term][role=button]") || !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    this.show(event.target);
  }

  show(owner) {
    clearTimeout(this.timer);
    if (owner === this.owner) return;
    this.hide();
    this.owner = owner;
    this.box.replaceChildren(...textOf(owner));
    owner.setAttribute("aria-describedby", this.box.id);
    this.box.hidden = false;
    this.box.showPopover?.(); // above all else, dialogs included; older browsers show it where it stands
    this.place(owner.getBoundingClientRect());
  }

  // What it explains was scrolled away from it.
  follow() {
    if (this.owner && this.owner.getBoundingClientRect().top !== this.top) this.hide();
  }

  // Below its owner or, where there is no room, above it.
  place({ left, top, bottom }) {
    this.top = top;
    const { offsetWidth: width, offsetHeight: height } = this.box;
    const { clientWidth, clientHeight } = document.documentElement;
    const isBelow = bottom + MARGIN + height < clientHeight;
    const x = Math.max(MARGIN, Math.min(left, clientWidth - width - MARGIN));
    const y = isBelow ? bottom + MARGIN : Math.max(MARGIN, top - MARGIN - height);
    Object.assign(this.box.style, { left: `${x}px`, top: `${y}px` });
  }

  hide() {
    clearTimeout(this.timer);
    if (!this.owner) return;
    this.owner.removeAttribute("aria-describedby");
    this.owner = null;
    this.box.hidePopover?.();
    this.box.hidden = true;
  }
}

function textOf(owner) {
  const { tip, term } = owner.dataset;
  if (owner.matches(".mae-info")) return [owner.closest(".mae-inside-head").querySelector(".mae-about").textContent];
  if (tip !== undefined) return [tip];
  const { word = term, text } = TERMS[term];
  return [makeElement("b", "", word), ` ${text}`];
}

// Every word of the glossary, for the help.
export function fillGlossary(list) {
  const entry = ([key, { word = key, text }]) => [makeElement("dt", "", word), makeElement("dd", "", text)];
  list.replaceChildren(...Object.entries(TERMS).flatMap(entry));
}
