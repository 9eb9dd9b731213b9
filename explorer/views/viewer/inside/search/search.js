// Search: a better file for this one picture and λ, found by the encoder alone; what it gains, and what it has moved.
import { costChange, numbersOf, percentText, savedBytes, timeText } from "../../compare/gains.js";
import { SEARCHED } from "../../compare/searches.js";
import { makeChoice, makeElement, makeHead, formatNumber } from "../../controls/elements.js";
import { formatLambda } from "../../rates/readout.js";
import { LambdaMap } from "../../picture/lambdamap.js";
import { drawLegend, paletteNames, sidedTicks } from "../shared/colours.js";
import { MOVED_MAPS, blockText, movedMap, sharesMoved } from "./moved.js";

const ABOUT =
  "Search harder: the encoder’s answer is a first guess, made by one network for all pictures. Here the codes of this one " +
  "picture are refined by gradient descent on L = R + λD; decoder and file format stay as they are. It closes a part of the " +
  "amortisation gap.";
const STYLE = `<style>
.mae-search-numbers { flex: none; border-collapse: collapse; font-size: 12.5px; line-height: 17px; }
.mae-search-numbers :is(th, td) { padding: 1px 10px 1px 0; border-bottom: 1px solid var(--mae-line); text-align: right; font-weight: 400; white-space: nowrap; }
.mae-search-numbers th:first-child { text-align: left; color: var(--mae-muted); }
.mae-search-numbers thead th { color: var(--mae-muted); }
.mae-search-progress { flex: none; appearance: none; width: 100%; height: 6px; border: 0; border-radius: 3px; overflow: hidden; background: var(--mae-line); }
.mae-search-progress::-webkit-progress-bar { background: var(--mae-line); }
.mae-search-progress::-webkit-progress-value { background: var(--mae-accent); }
.mae-search-progress::-moz-progress-bar { background: var(--mae-accent); }
[data-panel="search"] .mae-bar button { height: 26px; padding: 0 9px; font-size: 12px; }
[data-panel="search"] [hidden] { display: none; }
</style>`;
const EFFORTS = { 1: "1, 100 steps", 2: "2, 2000 steps" };
class SearchView {
  /**
   * @param {HTMLElement} box
   * @param {import("../inside.js").Inside} inside
   */
  constructor(box, inside) {
    this.inside = inside;
    this.answer = null; // what has moved at the λ on show, where that is known
    const changed = () => inside.refresh();
    const names = (kind) => paletteNames(kind).map((name) => [name, name]);
    const maps = Object.entries(MOVED_MAPS).map(([key, { title }]) => [key, title]);
    this.choices = {
      effort: makeChoice("effort", "Effort", Object.entries(EFFORTS), () => this.effortChanged()),
      moved: makeChoice("moved", "Map", maps, changed),
      sequential: makeChoice("movedcolours", "Colours", names("sequential"), changed),
      diverging: makeChoice("movedchange", "Colours", names("diverging"), changed),
    };
    this.start = makeButton("mae-search-start", () => this.press());
    this.switch = makeButton("", () => this.toggle());
    const { effort, ...others } = this.choices;
    this.mapChoices = makeElement("div", "mae-bar", ...Object.values(others).map((choice) => choice.box));
    this.progress = Object.assign(makeElement("progress", "mae-search-progress"), { ariaLabel: "How far the search is" });
    this.state = makeElement("p", "mae-summary mae-search-state");
    this.state.setAttribute("role", "status");
    this.table = makeElement("table", "mae-search-numbers");
    this.gain = makeElement("p", "mae-finding");
    this.kept = makeElement("div", "mae-bar");
    this.legend = makeElement("div", "mae-legend");
    this.shares = makeElement("p", "mae-summary");
    this.here = makeElement("p", "mae-summary");
    this.moved = makeElement("div", "mae-part", this.mapChoices, this.shares, this.legend, this.here);
    box.append(
      makeHead(ABOUT, effort.box, this.start, this.switch), this.progress, this.state, this.gain, this.table, this.moved, this.kept,
    );
  }

  get viewer() {
    return this.inside.viewer;
  }

  get searches() {
    return this.viewer.searches;
  }

  get effort() {
    return Number(this.choices.effort.select.value);
  }

  get wish() {
    return `searched:${this.effort}`;
  }

  get wishes() {
    if (this.inside.missing || !this.searches.atLambda(this.viewer.at, this.effort)) return [];
    return [this.wish];
  }

  // ---- the search ---------------------------------------------------------------------------------------------------

  press() {
    const { searches, viewer } = this;
    if (!searches.running) {
      searches.start(viewer.shown.header, this.effort);
      return;
    }
    searches.cancel();
    this.told();
  }

  effortChanged() {
    const { comparison } = this.viewer;
    this.inside.refresh();
    if (comparison.choice?.by === "effort") this.searches.compare(this.effort);
    this.told();
  }

  // First guess and search beside each other, or the original and the first guess.
  toggle() {
    if (this.isCompared) this.viewer.comparison.choose(null);
    else this.searches.compare(this.effort);
    this.told();
  }

  get isCompared() {
    return this.viewer.comparison.choice?.codec === SEARCHED;
  }

  // The search has gone on, or what is known of it has changed.
  told() {
    const { header } = this.viewer.shown ?? {};
    if (!header || this.inside.view !== this) return;
    const { searches } = this;
    const found = searches.at(header, this.effort);
    this.tellTimes();
    this.tellState(header, found);
    this.start.textContent = searches.running ? "Cancel" : "Search";
    this.start.disabled = !searches.running && Boolean(found);
    this.switch.hidden = !found;
    this.switch.ariaPressed = String(this.isCompared);
    this.switch.textContent = "First guess | searched";
    this.tellGain(found);
    this.tellKept(found);
    this.moved.hidden = !this.answer;
  }

  tellState({ lmbda }, found) {
    const { running, problem } = this.searches;
    this.progress.hidden = !running;
    if (running) {
      const { line } = running;
      if (line && "done" in line) Object.assign(this.progress, { max: line.of, value: line.done });
      else this.progress.removeAttribute("value");
      this.state.textContent = runningText(running, lmbda);
    } else if (problem) this.state.textContent = problem;
    else if (found) this.state.textContent = `Effort ${this.effort} at λ ${formatLambda(found.lmbda)}: it took ${timeText(found.seconds)}.`;
    else this.state.textContent = this.idleText(lmbda);
  }

  idleText(lmbda) {
    const { seconds } = this.searches;
    const time = seconds ? `It takes about ${timeText(seconds[this.effort - 1])} here.` : "How long it takes is being measured.";
    return `At λ ${formatLambda(lmbda)} there is the first guess, effort 0; nothing was searched for with effort ${this.effort}. ` +
      `${time} λ may move meanwhile: a search goes on for the λ where it began, until another picture is opened.`;
  }

  tellTimes() {
    const { seconds } = this.searches;
    for (const option of this.choices.effort.select.options) {
      const time = seconds && timeText(seconds[Number(option.value) - 1]);
      option.textContent = time ? `${option.value}, ≈ ${time}` : EFFORTS[option.value];
    }
  }

  tellGain(found) {
    this.gain.hidden = this.table.hidden = !found;
    if (!found) return;
    const saved = savedBytes(found);
    this.gain.textContent = saved === null ? "" :
      `At the same PSNR ${percentText(saved)} bytes: the first guess takes ${found.same.bytes.toLocaleString("en")} at ` +
      `λ ${formatLambda(found.same.knob.lambda)}.`;
    const head = ["", "first guess", "searched", "change"].map((text) => makeElement(text ? "th" : "td", "", text));
    const rows = numbersOf(found).map(([name, ...texts]) => {
      const label = Object.assign(makeElement("th", "", name), { scope: "row" });
      return makeElement("tr", "", label, ...texts.map((text) => makeElement("td", "", text)));
    });
    this.table.replaceChildren(makeElement("thead", "", makeElement("tr", "", ...head)), makeElement("tbody", "", ...rows));
  }

  // Where else there is something to look at.
  tellKept(here) {
    const others = this.searches.all.filter((each) => each !== here);
    this.kept.hidden = !others.length;
    const buttons = others.map((each) => {
      const button = makeButton("", () => this.visit(each));
      button.textContent = `λ ${formatLambda(each.lmbda)}${each.map ? ", painted" : ""}, effort ${each.effort}: J ${percentText(costChange(each))}`;
      return button;
    });
    this.kept.replaceChildren("Kept:", ...buttons);
  }

  visit({ lmbda, map, effort }) {
    this.choices.effort.select.value = String(effort);
    this.viewer.setMap(map ? LambdaMap.parse(map) : null);
    this.viewer.setLambda(lmbda);
    if (this.isCompared) this.searches.compare(effort);
    this.inside.refresh();
  }

  // ---- what has moved -----------------------------------------------------------------------------------------------

  show({ header, wishes }) {
    this.searches.learn();
    const answer = wishes[this.wish];
    const isThere = answer?.bits && this.searches.at(header, this.effort);
    this.answer = isThere ? answer : null;
    if (isThere) this.showMap();
    this.told();
  }

  showMap() {
    const { moved, sequential, diverging } = this.choices;
    this.chosen = MOVED_MAPS[moved.select.value];
    const palettes = { sequential: sequential.select.value, diverging: diverging.select.value };
    this.drawn = movedMap(this.answer, this.chosen, palettes);
    const isChange = this.chosen.when === "change";
    sequential.box.hidden = isChange;
    diverging.box.hidden = !isChange;
    const { scale, unit } = this.drawn;
    const values = isChange ? sidedTicks(scale) : [0, 0.25, 0.5, 0.75, 1].map((share) => share * scale.high);
    drawLegend(this.legend, scale, values.map((value) => [value, formatNumber(value)]), unit);
    const { cheaper, better } = sharesMoved(this.answer);
    this.shares.textContent = `${Math.round(100 * cheaper)} % of the blocks take fewer bits than before, and ` +
      `${Math.round(100 * better)} % are nearer to the original.`;
  }

  map() {
    if (!this.answer) return null;
    const { width, height } = this.grid;
    return { plane: { values: this.drawn.values, width, height }, scale: this.drawn.scale, title: this.chosen.title };
  }

  get grid() {
    const [, height, width] = this.inside.frame.wishes.planes.shape;
    return { width, height };
  }

  mark({ row, column }) {
    if (!this.answer) return;
    this.here.textContent = row === null ? "Point at a block to read its numbers." :
      `Block in row ${row}, column ${column}: ${blockText(this.answer, row * this.grid.width + column)}`;
  }
}

function runningText({ lmbda, effort, line }, here) {
  const where = lmbda === here ? "" : ` at λ ${formatLambda(lmbda)}`;
  if (!line) return `Effort ${effort}${where}: beginning …`;
  if ("waiting" in line) {
    const others = line.waiting === 1 ? "another search" : `${line.waiting} other searches`;
    return `Effort ${effort}${where}: waiting for ${others}; one is made at a time.`;
  }
  if (!("done" in line)) return "";
  if (line.done === line.of) return `Effort ${effort}${where}: writing the file and measuring it …`;
  const gain = line.change < 0 ? `J ${percentText(line.change)} so far` : "no gain yet, the rounding is still soft";
  return `Effort ${effort}${where}: step ${line.done} of ${line.of}, about ${timeText(line.seconds)} left; ${gain}.`;
}

function makeButton(className, action) {
  const button = Object.assign(makeElement("button", className), { type: "button" });
  button.addEventListener("click", action);
  return button;
}

const FIELDS = [
  {
    key: "searched",
    allowed: () => "on or off",
    check: (value) => (["on", "off"].includes(value) ? value : undefined),
    read: ({ comparison }) => (comparison.choice?.codec === SEARCHED ? "on" : "off"),
    write: (viewer, value) => {
      const { choice } = viewer.comparison;
      const { effort } = viewer.inside.views.search;
      if (value === "on") viewer.searches.learn();
      if (value === "on") viewer.searches.compare(effort);
      else if (choice?.codec === SEARCHED) viewer.comparison.choose(null);
    },
  },
];

export const SEARCH = {
  name: "search", label: "Search", title: "Search harder: a better file of this picture, found by the encoder alone",
  View: SearchView, html: STYLE, fields: FIELDS, needsOriginal: true,
};
