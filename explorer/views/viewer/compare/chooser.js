// The controls of the comparison: with which codec, by which rule, on which side.
import { kindText } from "../story/glossary.js";
import { settingText } from "./labels.js";
import { SEARCHED, SEARCHED_RIVAL } from "./searches.js";

const ORIGINAL = "Original";
const RULES = [["rate", "same rate"], ["quality", "same quality"]];

export class Chooser {
  // settings(codec) -> the settings that were measured. search(): what a search finds is wanted. The comparison is what the controls say, and they what it is.
  /**
   * @param {import("../page.js").Parts} parts
   * @param {AbortSignal} signal
   */
  constructor(parts, comparison, { settings, search }, signal) {
    this.parts = parts;
    this.comparison = comparison;
    this.settings = settings;
    this.search = search;
    const on = (name, type, action) => parts[name].addEventListener(type, action, { signal });
    on("reference", "change", () => this.chooseCodec(parts.reference.value));
    on("rule", "change", () => this.chooseRule(parts.rule.value));
    // The list grows while the curve is being measured; it must not change while it is open.
    for (const type of ["pointerdown", "focus"]) on("rule", type, () => this.fillRules());
    on("swap", "click", () => comparison.swap());
    on("back", "click", () => comparison.choose(null));
  }

  // rivals: those that can be compared with; own: the model itself, at one λ, which a painted picture can be.
  fill(rivals, own) {
    this.rivals = new Map([own, SEARCHED_RIVAL, ...rivals].map((rival) => [rival.name, rival]));
    const choices = [SEARCHED_RIVAL, ...rivals].map(({ name, label, about, reason }) =>
      Object.assign(new Option(reason ? `${label} (not installed)` : label, name), { disabled: reason, title: reason || (kindText(label) ?? about) }),
    );
    this.own = Object.assign(new Option(own.label, own.name), { title: own.about });
    this.parts.reference.replaceChildren(new Option(ORIGINAL, ""), this.own, ...choices);
    const { choice } = this.comparison;
    if (choice && !this.rivals.has(choice.codec)) this.comparison.choose(null);
    this.reflect(false);
  }

  // missing: why there is nothing to compare with, or null.
  limit(missing) {
    const { reference } = this.parts;
    Object.assign(reference, { disabled: missing !== null, title: missing ?? "" });
    reference.options[0].textContent = missing === null ? ORIGINAL : "no original";
    if (missing !== null) this.comparison.choose(null);
  }

  chooseCodec(codec) {
    if (codec === SEARCHED) return this.search();
    const by = this.comparison.choice?.by === "quality" ? "quality" : "rate";
    return this.comparison.choose(codec ? { codec, by } : null);
  }

  chooseRule(value) {
    const { codec } = this.comparison.choice;
    const setting = Number(value);
    this.comparison.choose(RULES.some(([by]) => by === value) ? { codec, by: value } : { codec, by: "fixed", setting });
  }

  fillRules() {
    const { choice } = this.comparison;
    if (!choice || choice.by === "effort") return;
    const rival = this.rivals.get(choice.codec);
    const known = new Set([...this.settings(choice.codec), ...(choice.by === "fixed" ? [choice.setting] : [])]);
    const fixed = [...known].sort((a, b) => a - b).map((each) => new Option(settingText(rival, each), each));
    const group = Object.assign(document.createElement("optgroup"), { label: "fixed at" });
    group.append(...fixed);
    this.parts.rule.replaceChildren(...RULES.map(([by, text]) => new Option(text, by)), ...(fixed.length ? [group] : []));
    this.parts.rule.value = choice.by === "fixed" ? choice.setting : choice.by;
  }

  reflect(isPainted) {
    const { choice, swapped } = this.comparison;
    Object.assign(this.own, { hidden: !isPainted, disabled: !isPainted }); // not every browser hides a choice
    this.parts.reference.value = choice?.codec ?? "";
    const { label = "", about = "" } = this.rivals.get(choice?.codec) ?? {};
    if (!this.parts.reference.disabled) this.parts.reference.title = kindText(label) ?? about;
    const hasRule = Boolean(choice) && choice.by !== "effort";
    this.parts.rule.hidden = !hasRule;
    for (const name of ["swap", "back"]) this.parts[name].hidden = !choice;
    this.parts.swap.ariaPressed = swapped;
    const { value } = this.parts.rule;
    if (hasRule && value !== String(choice.by === "fixed" ? choice.setting : choice.by)) this.fillRules();
  }
}
