// A blind comparison: the model against another codec at the same rate, which is which unknown until the answer.
// Nothing is sent anywhere: the answers are kept in this page until the dialog is closed.
import { keysOf } from "../controls/layout.js";
import { makeElement } from "../controls/elements.js";
import { decibels } from "../rates/readout.js";
import { Stage } from "../picture/stage.js";
import { scoreText, shuffled } from "./score.js";
import { constants } from "../wire/constants.js";

const LAMBDAS = [64, 128, 256, 512, 1024];
const ROUNDS = [5, 6, 8];
/** @type {[value: string, text: string][]} */
const PICTURES = [["samples", "samples"], ["all", "samples and my own"], ["own", "my own"]];
const PART = [1536, 1024]; // pixels of a large picture that are shown: those in its middle
const introduction = () =>
  "Two pictures, A and B: one is this model’s, the other another codec’s, and both files have the same size, to " +
  `${100 * constants.bytes_tolerance} %. Choose the one that is closer to the original. Which was which, and the ` +
  "numbers, come after each answer. Your answers stay in this page.";

const PAGE = `
<header><h2>Blind comparison</h2><span data-quiz="count"></span>
  <button type="button" data-quiz="close" aria-label="Close the comparison">✕</button></header>
<p data-quiz="text" aria-live="polite"></p>
<form data-quiz="form" method="dialog">
  <label class="mae-choice">Against <select data-quiz="opponent"></select></label>
  <label class="mae-choice" data-quiz="whose">Pictures <select data-quiz="pictures">${PICTURES.map(pictureChoice).join("")}</select></label>
  <label class="mae-choice">Rounds
    <select data-quiz="rounds">${ROUNDS.map((n) => `<option>${n}</option>`).join("")}</select></label>
  <button type="button" data-quiz="start" autofocus>Start</button>
</form>
<ol data-quiz="list"></ol>
<div class="mae-stage" data-quiz="stage"><canvas data-quiz="left"></canvas><canvas data-quiz="right"></canvas>
  <div data-quiz="divider" hidden></div>
  <span class="mae-tag" data-quiz="leftTag"></span><span class="mae-tag mae-tag-right" data-quiz="rightTag"></span></div>
<div class="mae-bar" data-quiz="bar">
  <button type="button" data-quiz="a" title="A">A is closer</button>
  <button type="button" data-quiz="b" title="B">B is closer</button>
  <button type="button" data-quiz="next">Next</button>
  <button type="button" data-quiz="hold" title="Hold the button, Space or O">Hold: original</button>
  <button type="button" data-quiz="fit" title="0">Fit</button>
  <button type="button" data-quiz="actual" title="1">1:1</button>
</div>`;

function pictureChoice([value, text]) {
  return `<option value="${value}">${text}</option>`;
}

export class Quiz {
  /**
   * @param {import("../page.js").Parts} parts
   * @param {import("../viewer.js").Viewer} viewer
   * @param {AbortSignal} signal
   */
  constructor(parts, viewer, signal, random = Math.random) {
    this.box = parts.quiz;
    this.viewer = viewer;
    this.random = random;
    this.rounds = [];
    this.box.innerHTML = PAGE;
    /** @type {NodeListOf<HTMLElement>} */
    const named = this.box.querySelectorAll("[data-quiz]");
    /** @type {Record<string, any>} */
    this.parts = Object.fromEntries(Array.from(named, (part) => [part.dataset.quiz, part]));
    this.stage = new Stage(/** @type {import("../picture/stage.js").StageParts} */ (this.parts), { view() {}, hover() {}, pick() {} });
    this.stage.setMode("beside");
    this.listen(parts.quizOpen, signal);
  }

  listen(opener, signal) {
    const { parts, stage, box } = this;
    const on = (element, type, action) => element.addEventListener(type, action, { signal });
    const clicks = {
      start: () => this.start(), close: () => box.close(), next: () => this.next(), fit: () => stage.fit(),
      a: () => this.answer("a"), b: () => this.answer("b"), actual: () => stage.zoomTo(1),
    };
    for (const [name, action] of Object.entries(clicks)) on(parts[name], "click", action);
    on(opener, "click", () => this.open());
    on(box, "close", () => this.work?.abort());
    on(parts.hold, "pointerdown", () => this.showOriginal(true));
    const ends = ["pointerup", "pointercancel", "pointerleave"];
    for (const type of ends) on(parts.hold, type, () => this.showOriginal(false));
    const buttons = { a: parts.a, b: parts.b, 0: parts.fit, 1: parts.actual };
    on(box, "keydown", (event) => {
      if (event.target.matches("select")) return;
      const keys = keysOf(event);
      const isHold = keys.includes("o") || (keys.includes(" ") && event.target === parts.hold);
      const button = buttons[keys.find((key) => key in buttons)];
      if (isHold) this.showOriginal(true);
      else if (!button?.disabled) button?.click();
    });
    on(box, "keyup", (event) => keysOf(event).some((key) => key === "o" || key === " ") && this.showOriginal(false));
    signal.addEventListener("abort", () => this.destroy());
  }

  // ---- screens ------------------------------------------------------------------------------------------------------

  open() {
    const { setup, model } = this.viewer;
    // A codec that has few settings seldom meets a rate.
    this.codecs = setup.rivals.filter(({ name, reason, steps }) => !reason && !steps && name !== model);
    const each = this.codecs.map(({ name, label }) => new Option(label, name));
    this.parts.opponent.replaceChildren(new Option("all codecs", ""), ...each);
    this.parts.whose.hidden = !this.own.length;
    this.rounds = [];
    this.show("start", introduction());
    this.box.showModal();
  }

  // One's own pictures that have an original.
  get own() {
    return this.viewer.strip.own.filter(({ model }) => !model);
  }

  // [{name, source}] to draw from, as the visitor chose.
  get pictures() {
    const whose = this.own.length ? this.parts.pictures.value : "samples";
    const samples = this.viewer.setup.samples.map(({ name }) => ({ name, source: { sample: name } }));
    const own = this.own.map((each) => ({ name: each.name, source: { own: each } }));
    return { samples, own, all: [...samples, ...own] }[whose];
  }

  // screen: "start", "wait", "ask", "told" or "end"; the style sheet shows what belongs to it.
  show(screen, text) {
    const { box, parts, rounds } = this;
    box.dataset.screen = screen;
    parts.text.textContent = text;
    for (const side of [parts.a, parts.b]) side.disabled = screen !== "ask";
    const round = rounds.length + Number(screen === "wait"); // the one that is coming
    parts.count.textContent = screen === "start" || screen === "end" ? "" : `Round ${round} of ${this.count}`;
    const listed = screen === "end" ? rounds : [];
    parts.list.replaceChildren(...listed.map((round) => makeElement("li", "", this.reveal(round))));
  }

  // ---- rounds -------------------------------------------------------------------------------------------------------

  start() {
    const { parts: { opponent, rounds }, viewer: { slider, picture } } = this;
    const lambdas = slider.octaves || picture.missing ? LAMBDAS : [slider.value]; // a model for one λ has no other
    const codecs = this.codecs.filter(({ name }) => !opponent.value || name === opponent.value);
    const of = (each) => codecs.flatMap((codec) => lambdas.map((lmbda) => ({ ...each, codec, lmbda })));
    const all = this.pictures.flatMap(of);
    this.pairs = shuffled(all, this.random);
    this.count = Number(rounds.value);
    this.rounds = [];
    this.work = new AbortController();
    this.coming = this.find();
    this.next();
  }

  // The next pair whose files are of the same size, or null when none is left.
  async find() {
    const { transport, opening } = this.viewer;
    const { signal } = this.work;
    while (this.pairs.length && !signal.aborted) {
      const { name, source, codec, lmbda } = this.pairs.pop();
      const picture = await opening.ask(source, opening.model).catch(unlessRefused);
      if (!picture || picture.missing) continue;
      const { id } = picture;
      const part = partOf(picture);
      const theirs = await transport.rival(id, { codec: codec.name, by: "rate", at: { lmbda }, ...part }, signal);
      if (!theirs.header.reached) continue;
      const frames = [await transport.pixels(id, part), await transport.frame(id, { lmbda }, part), theirs];
      const [original, ours, other] = frames.map(alone);
      ours.header.point = (await transport.numbers(id, { lmbda }, signal)).point;
      return { name, codec, original, ours, theirs: other, isModelLeft: this.random() < 0.5 };
    }
    return null;
  }

  async next() {
    if (this.rounds.length === this.count) return this.end();
    const { signal } = this.work;
    this.show("wait", "Making two files of the same size …");
    try {
      const round = await this.coming;
      if (signal.aborted) return null;
      if (!round) return this.end();
      this.rounds.push(round);
      this.coming = this.rounds.length < this.count ? this.find() : null;
      this.coming?.catch(() => {}); // it is awaited by and by
      return this.ask(round);
    } catch (error) {
      if (!signal.aborted) this.show("start", error.message);
      return null;
    }
  }

  ask(round) {
    const { parts, stage } = this;
    [parts.leftTag.textContent, parts.rightTag.textContent] = ["A", "B"];
    this.show("ask", "Same size. Which one is closer to the original?");
    stage.setOriginal(round.original);
    stage.fit();
    this.showOriginal(false);
    parts.hold.focus();
  }

  showOriginal(isShown) {
    const { original, ours, theirs, isModelLeft } = this.rounds.at(-1) ?? {};
    if (!original) return;
    const sides = isModelLeft ? [ours, theirs] : [theirs, ours];
    const [left, right] = isShown ? [original, original] : sides;
    this.stage.layers.setReference(left, false);
    this.stage.layers.setFrame(right.pixels);
    this.stage.draw();
  }

  // side: "a", the left one, or "b".
  answer(side) {
    const round = this.rounds.at(-1);
    round.isModelChosen = (side === "a") === round.isModelLeft;
    const names = ["This model", round.codec.label];
    if (!round.isModelLeft) names.reverse();
    [this.parts.leftTag.textContent, this.parts.rightTag.textContent] = [`A: ${names[0]}`, `B: ${names[1]}`];
    this.show("told", this.reveal(round));
    this.parts.next.focus();
  }

  reveal({ name, codec, ours, theirs, isModelChosen }) {
    const numbers = ({ header: { point: { bpp, psnr } } }) => `${bpp.toFixed(3)} bpp, ${decibels(psnr)} dB`;
    const [own, other] = [ours, theirs].map(numbers);
    const chosen = isModelChosen ? "this model" : codec.label;
    return `${name}: you chose ${chosen}. This model: ${own}; ${codec.label}: ${other}.`;
  }

  end() {
    const answered = this.rounds.filter(({ isModelChosen }) => isModelChosen !== undefined);
    this.rounds = answered;
    this.show("end", scoreText(answered.filter(({ isModelChosen }) => isModelChosen).length, answered.length));
  }

  destroy() {
    this.work?.abort();
    this.stage.destroy();
  }
}

// A file that is no picture is left out.
function unlessRefused(error) {
  if (!error.refused) throw error;
}

// The pixels of a picture that are shown, as the transport takes them.
function partOf({ width, height }) {
  const [w, h] = [Math.min(width, PART[0]), Math.min(height, PART[1])];
  return { box: [Math.floor((width - w) / 2), Math.floor((height - h) / 2), w, h] };
}

// A part of a picture as a picture of its own.
function alone(frame) {
  const { width, height } = frame.header;
  return { ...frame, header: { ...frame.header, box: [0, 0, width, height] } };
}
