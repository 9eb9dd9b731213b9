// Bits: where they go, by place, by channel and by λ; where the error stays; which areas gain when λ moves from a to b.
import { bottleneckOf } from "../shared/bottleneck.js";
import { BLOCK_MAPS, decibelsOf, shareHolding, total } from "./blockmaps.js";
import { ChannelBars } from "./channelbars.js";
import { KeepControl, elementsOf } from "./costliest.js";
import { drawLegend, makeScale, makeSidedScale, paletteNames, quantiles, sidedTicks } from "../shared/colours.js";
import { formatNumber, makeChoice, makeElement, makeHead, offerOnly } from "../../controls/elements.js";
import { LambdaChart, MARGIN } from "../shared/lambdachart.js";
import { constants } from "../../wire/constants.js";
import { isJoined } from "../../rates/curves.js";
import { decibels, formatLambda, lambdaText, rate } from "../../rates/readout.js";
import { numberWithin } from "../../state/values.js";

const ABOUT =
  "Where the rate goes and what it buys: the bits that the entropy model expects, and the error, of each 16×16 block " +
  "(paper, Sec. 2: L = R + λD). They follow detail; as λ rises, ever finer detail.";
const MAPS = Object.entries(BLOCK_MAPS).map(([key, map]) => [key, isChange(map) ? `${map.title}, a → b` : map.title]);
const RANGE = [0.005, 0.995]; // shares of the values that a scale begins and ends at,
const CHANGES = [0.03, 0.97]; // and where it is of changes, which go one way for the most part
const RATES = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

class BitsView {
  /**
   * @param {HTMLElement} box
   * @param {import("../inside.js").Inside} inside
   */
  constructor(box, inside) {
    this.inside = inside;
    this.values = null;
    this.drawn = "";
    const changed = () => inside.refresh();
    const names = (kind) => paletteNames(kind).map((name) => [name, name]);
    const { own_lambda: own, paper_lambdas: lambdas } = constants;
    const ends = [[own, "λ (the slider)"], ...lambdas.map((lmbda) => [lmbda, lmbda])];
    this.choices = {
      where: makeChoice("where", "Map", MAPS, changed),
      from: makeChoice("from", "a", ends, changed),
      to: makeChoice("to", "b", ends, changed),
      sequential: makeChoice("bitcolours", "Colours", names("sequential"), changed),
      diverging: makeChoice("changecolours", "Colours", names("diverging"), changed),
    };
    this.choices.from.select.value = String(lambdas[0]);
    const head = makeHead(ABOUT, ...Object.values(this.choices).map((choice) => choice.box));
    this.summary = makeElement("p", "mae-summary");
    this.here = makeElement("p", "mae-summary");
    this.shares = makeElement("p", "mae-summary");
    this.legend = makeElement("div", "mae-legend");
    const [bars, rate, keep] = [makeElement("div", "mae-chart"), makeElement("div", ""), makeElement("div", "mae-part")];
    box.append(head, this.summary, this.legend, this.here, keep);
    this.keep = new KeepControl(keep, inside.costliest);
    this.overLambda = makeElement("div", "mae-part", heading("Rate over λ, this picture"), rate);
    box.append(heading("Bits of each channel"), this.shares, bars, this.overLambda);
    const { plotly } = inside.viewer;
    this.bars = new ChannelBars(bars, plotly, (channel) => inside.setChannel(channel));
    const yaxis = { type: "log", title: { text: "bits per pixel" }, tickvals: RATES };
    const pick = ({ x }) => inside.viewer.setLambda(x);
    this.rate = new LambdaChart(rate, { yaxis, margin: { ...MARGIN, r: 10 } }, plotly, { pick });
  }

  choice(name) {
    return this.choices[name].select.value;
  }

  get local() {
    return `local:${this.choice("from")}:${this.choice("to")}`;
  }

  get wishes() {
    const { wishes } = this.change;
    if (this.inside.missing) return wishes;
    return isChange(BLOCK_MAPS[this.choice("where")]) ? ["error", this.local, ...wishes] : ["error", ...wishes];
  }

  get change() {
    return this.inside.costliest;
  }

  edited() {
    this.keep.show();
  }

  // ---- painting -----------------------------------------------------------------------------------------------------

  show(frame) {
    const { wishes } = frame;
    this.bottleneck = bottleneckOf(frame);
    const { positions, sideCells: side, sideBits, channelBits } = this.bottleneck;
    const { positions: bits = positions, mse = wishes.error?.mse, channels = channelBits } = this.inside.edit(frame) ?? {};
    this.blocks = { bits, side, mse, local: wishes[this.local] };
    const offered = Object.keys(BLOCK_MAPS).filter((key) => this.has(key));
    offerOnly(this.choices.where.select, offered);
    if (!offered.includes(this.choice("where"))) this.choices.where.select.value = "bits";
    this.chosen = BLOCK_MAPS[this.choice("where")];
    this.values = this.chosen.values(this.blocks);
    this.scale = this.makeScale();
    for (const name of ["from", "to", "diverging"]) this.choices[name].box.hidden = !this.isLocal;
    this.choices.sequential.box.hidden = this.isLocal;
    this.summary.textContent = this.isLocal ? this.tellChange() : this.tellPlaces(frame.header);
    drawLegend(this.legend, this.scale, this.ticks(), this.chosen.unit);
    this.shares.textContent = this.bars.show(channels, this.inside.channel, sideBits);
    this.keep.show();
    this.numbers();
    this.overLambda.hidden = Boolean(this.inside.missing);
    if (!this.inside.missing) this.drawRate(this.inside.viewer.shown.header);
  }

  numbers() {
    const { frame, viewer } = this.inside;
    const kept = this.inside.edit(frame);
    if (kept) this.keep.tell(viewer.shown.header, kept, total(this.bottleneck.bits));
  }

  // Of a file that was received there are only the bits.
  has(key) {
    const { side, mse } = this.blocks;
    return key === "bits" || (key === "side" ? Boolean(side) : Boolean(mse));
  }

  // Whether what is shown is a change from one λ to another.
  get isLocal() {
    return isChange(this.chosen);
  }

  makeScale() {
    const { values } = this;
    const [low, high] = quantiles(values, this.isLocal ? CHANGES : RANGE);
    if (this.isLocal) return makeSidedScale(this.choice("diverging"), Math.min(low, 0), Math.max(high, 0));
    return makeScale(this.choice("sequential"), this.chosen === BLOCK_MAPS.psnr ? low : 0, high);
  }

  ticks() {
    const { low, high } = this.scale;
    if (this.isLocal) return sidedTicks(this.scale).map((value) => [value, this.write(value)]);
    return [0, 0.25, 0.5, 0.75, 1].map((share) => [low + share * (high - low), this.write(low + share * (high - low))]);
  }

  write(value) {
    return Number.isNaN(value) ? "–" : (this.chosen.text ?? formatNumber)(value);
  }

  // The model's points so far; they change seldom, λ often.
  drawRate({ lmbda, point }) {
    const { panel, root } = this.inside.viewer;
    const { points } = panel.curves.of("model");
    const drawn = [panel.id, points.length, root.dataset.theme].join();
    if (drawn !== this.drawn) this.grown();
    this.drawn = drawn;
    this.rate.setLambda(lmbda);
    this.rate.describe(`Rate over λ, now ${formatLambda(lmbda)}: ${rate(point)} bits per pixel`);
  }

  grown() {
    const { panel } = this.inside.viewer;
    const curve = panel.curves.of("model");
    const points = [...curve.points].sort((a, b) => a.setting - b.setting);
    this.rate.draw([{
      type: "scatter", mode: isJoined(curve, panel.enough) ? "lines+markers" : "markers",
      x: points.map(({ setting }) => setting), y: points.map(({ point }) => point.bpp),
      line: { color: this.rate.color("accent"), width: 2 }, hovertemplate: "λ %{x:.4~g}: %{y:.3f} bpp<extra></extra>",
    }]);
  }

  // ---- in words -----------------------------------------------------------------------------------------------------

  tellPlaces(header) {
    const { bits, mse } = this.blocks;
    const half = (values) => percent(shareHolding(values, 0.5));
    const error = mse ? `, half of the error in ${half(mse)}` : "";
    return `At ${lambdaText(header)} half of the ${count(total(bits))} bits lie in ` +
      `${half(bits)} of the blocks${error}.${this.tellSplit()}`;
  }

  // Between y and what is coded besides it, which says what to expect of y.
  tellSplit() {
    const { sideBits: side, sideStride: stride } = this.bottleneck;
    if (!side) return "";
    const share = side / total(this.blocks.bits);
    return ` ${percent(1 - share)} of the bits are y’s and ${percent(share)} z’s, each of whose elements is shared by ` +
      `${stride}×${stride} blocks.`;
  }

  tellChange() {
    const { lambdas: [a, b], bits_a, bits_b, mse_a, mse_b } = this.blocks.local;
    if (formatLambda(a) === formatLambda(b)) return `Both ends are λ ${formatLambda(a)}, so nothing changes.`;
    const [before, after] = [mse_a, mse_b].map((each) => decibels(decibelsOf(total(each) / each.length)));
    const [rise, fall] = [total(bits_b) - total(bits_a), mse_a.map((each, i) => Math.max(0, each - mse_b[i]))];
    return `From λ ${formatLambda(a)} to λ ${formatLambda(b)}: ${before} to ${after} dB (mean over blocks), ` +
      `${rise < 0 ? "−" : "+"}${count(Math.abs(rise))} bits; half of the fall of the error is in ` +
      `${percent(shareHolding(fall, 0.5))} of the blocks.`;
  }

  // ---- marks --------------------------------------------------------------------------------------------------------

  map() {
    if (!this.values) return null;
    const { width, height, stride } = this.grid;
    return { plane: { values: this.values, width, height }, scale: this.scale, stride, title: this.title };
  }

  // Of the map on show.
  get grid() {
    const { bottleneck: { width, height }, blocks: { side } } = this;
    return this.isSide ? side : { width, height, stride: 1 };
  }

  get isSide() {
    return this.chosen === BLOCK_MAPS.side;
  }

  get stride() {
    return this.chosen ? this.grid.stride : 1;
  }

  get title() {
    const { title } = this.chosen;
    return this.isLocal ? `${title}, λ ${this.blocks.local.lambdas.map(formatLambda).join(" → ")}` : title;
  }

  mark({ row, column }) {
    if (!this.values) return;
    const at = row * this.bottleneck.width + column;
    const { bits, mse } = this.blocks;
    const { width, stride } = this.grid;
    const value = this.values[Math.floor(row / stride) * width + Math.floor(column / stride)];
    const change = this.isLocal || this.isSide ? `; ${this.title}: ${this.write(value)}` : "";
    this.here.textContent = row === null ? "Point at a block to read its numbers." :
      `Block in row ${row}, column ${column}: ${formatNumber(bits[at])} bits${mse ? errorText(mse[at]) : ""}${change}`;
  }

  destroy() {
    this.bars.destroy();
    this.rate.destroy();
  }
}

function errorText(mse) {
  return `, MSE ${formatNumber(255 ** 2 * mse)}, ${decibels(mse ? decibelsOf(mse) : null)} dB`;
}

function isChange({ kind }) {
  return kind === "diverging";
}

function heading(text) {
  return makeElement("h2", "", text);
}

function count(bits) {
  return Math.round(bits).toLocaleString("en");
}

function percent(share) {
  return `${formatNumber(100 * share, 2)} %`;
}

const costliest = {
  allowed: ({ picture }) => `a whole number from 0 to ${elementsOf(picture)}, or nothing`,
  check: (value, { picture }) => {
    const count = value === "" ? "" : numberWithin(value, [0, elementsOf(picture)], 0);
    return count === elementsOf(picture) ? "" : count?.toString();
  },
  read: ({ inside }) => inside.costliest.text,
  write: ({ inside }, value) => (inside.costliest.text = value),
};

export const BITS = {
  name: "bits", label: "Bits", title: "Where the bits go, and where the error stays", View: BitsView,
  fields: [{ key: "costliest", early: true, ...costliest }],
};
