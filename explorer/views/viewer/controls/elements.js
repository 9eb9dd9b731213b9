// What the views of the inside are built from: labelled choices, toggles, a legend, a sentence that explains.
import { explained } from "../story/glossary.js";

// options: [[value, text]]. data-state makes it a part of the viewer's state: links, lessons and widgets set it by key.
/**
 * @param {string} key
 * @param {string} label
 * @param {(string | number)[][]} options
 * @param {() => void} changed
 */
export function makeChoice(key, label, options, changed) {
  const select = document.createElement("select");
  select.dataset.state = key;
  select.append(...options.map(([value, text]) => new Option(String(text), String(value))));
  select.addEventListener("change", changed);
  const box = Object.assign(document.createElement("label"), { className: "mae-choice" });
  box.append(label, " ", select);
  return { box, select };
}

// Leaves only some of a choice's options to choose from; what is chosen stays, whether it is one of them or not.
export function offerOnly(select, values) {
  for (const option of select.options) option.hidden = option.disabled = !values.includes(option.value);
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function makeElement(tag, className, ...children) {
  const element = Object.assign(document.createElement(tag), { className });
  element.append(...children);
  return element;
}

// The head of a view: one or two sentences with the paper's section, then its controls in a row. On a low screen a button
// has the sentences.
export function makeHead(about, ...controls) {
  const info = Object.assign(makeElement("button", "mae-info", "i"), { type: "button", ariaLabel: "What this view shows" });
  const text = makeElement("p", "mae-about", ...explained(about));
  return makeElement("div", "mae-inside-head", text, makeElement("div", "mae-bar", ...controls, info));
}

// Other sentences in the head of a view.
export function setAbout(paragraph, about) {
  if (paragraph.textContent !== about) paragraph.replaceChildren(...explained(about));
}

const PLAIN = 1e-4; // smaller numbers are written with a power of ten
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

export function formatNumber(value, digits = 3) {
  if (Number.isNaN(value) || value === null || value === undefined) return "–";
  if (value !== 0 && Math.abs(value) < PLAIN) return powerText(value);
  return Number(value.toPrecision(digits)).toString().replace("-", "−");
}

function powerText(value) {
  const [factor, power] = value.toExponential(1).split("e-");
  return `${factor.replace("-", "−")}·10⁻${[...power].map((digit) => SUPERSCRIPTS[Number(digit)]).join("")}`;
}
