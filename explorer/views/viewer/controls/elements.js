// What the views of the inside are built from: labelled choices, toggles, a legend, a sentence that explains.

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

// The head of a view: one or two sentences with the paper's section, then its controls in a row.
export function makeHead(about, ...controls) {
  return makeElement("div", "mae-inside-head", makeElement("p", "mae-about", about), makeElement("div", "mae-bar", ...controls));
}

export function formatNumber(value, digits = 3) {
  if (Number.isNaN(value) || value === null || value === undefined) return "–";
  if (value !== 0 && Math.abs(value) < 10 ** -digits) return value.toExponential(1).replace("-", "−");
  return Number(value.toPrecision(digits)).toString().replace("-", "−");
}
