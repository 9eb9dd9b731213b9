// A choice of λ: where the slider stands, one of the paper's, or where the slider stood when it was fixed.
import { makeElement } from "../../controls/elements.js";
import { formatLambda } from "../../rates/readout.js";

export const SLIDER = "-"; // the slider's, as `wishes/answers.py` has it
export const PAPER_LAMBDAS = [64, 128, 256, 512, 1024, 2048, 4096];

export class LambdaChoice {
  constructor(label, value, changed) {
    this.select = document.createElement("select");
    this.here = new Option("fixed here", "");
    const paper = PAPER_LAMBDAS.map((lmbda) => new Option(String(lmbda), String(lmbda)));
    this.select.append(new Option("λ (the slider)", SLIDER), ...paper, this.here);
    this.select.addEventListener("change", changed);
    this.box = makeElement("label", "mae-choice", label, " ", this.select);
    this.value = value;
  }

  // "-" or a number.
  get value() {
    const { value } = this.select;
    return value === SLIDER ? value : Number(value);
  }

  set value(value) {
    this.select.value = String(value);
    if (this.select.value !== String(value)) this.fix(value);
  }

  fix(lmbda) {
    this.offer(lmbda);
    this.here.selected = true;
  }

  // The λ that "fixed here" would fix; one that is fixed stays.
  follow(lmbda) {
    if (!this.here.selected) this.offer(Number(lmbda.toFixed(3)));
  }

  offer(lmbda) {
    Object.assign(this.here, { value: String(lmbda), textContent: `fixed here: λ ${formatLambda(Number(lmbda))}` });
  }
}
