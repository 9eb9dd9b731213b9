// A choice of λ: where the slider stands, one of the paper's, or where the slider stood when it was fixed.
import { makeElement } from "../../controls/elements.js";
import { formatLambda } from "../../rates/readout.js";
import { constants } from "../../wire/constants.js";

export class LambdaChoice {
  constructor(label, value, changed) {
    this.select = document.createElement("select");
    this.here = new Option("fixed here", "");
    const paper = constants.paper_lambdas.map((lmbda) => new Option(String(lmbda), String(lmbda)));
    this.select.append(new Option("λ (the slider)", constants.own_lambda), ...paper, this.here);
    this.select.addEventListener("change", changed);
    this.box = makeElement("label", "mae-choice", label, " ", this.select);
    this.value = value;
  }

  // "-" or a number.
  get value() {
    const { value } = this.select;
    return value === constants.own_lambda ? value : Number(value);
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
