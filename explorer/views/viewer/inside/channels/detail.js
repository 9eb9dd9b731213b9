// The chosen channel: its symbols under the prior's probabilities, what it costs, and a control that changes it.
import { Chart } from "../../rates/chart.js";
import { formatNumber, makeElement } from "../../controls/elements.js";
import { NUMBERS, TOO_LARGE, costText } from "../shared/changes.js";

const [FLOOR, ROOM] = [1e-5, 2]; // the smallest probability on the axis; symbols to each side of those that occur
const ROOMY = "(min-height: 801px)"; // as in the style sheet
const TITLE = { text: "symbol", font: { size: 12 } };
const LAYOUT = {
  margin: { l: 50, r: 6, t: 24, b: 34 },
  bargap: 0.1,
  showlegend: true,
  legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", itemclick: false, itemdoubleclick: false },
  xaxis: { title: TITLE, showgrid: false, nticks: 9 },
  yaxis: {
    title: { text: "share", font: { size: 12 } }, type: "log", range: [Math.log10(FLOOR), 0.15],
    tickvals: [1e-4, 1e-2, 1], ticktext: ["0.01 %", "1 %", "100 %"],
  },
};
const LOOKS = [
  { type: "bar", name: "occurs", marker: { color: "#8fb8e8" } },
  { type: "scatter", mode: "lines+markers", name: "prior", line: { color: "#d9730d", width: 1.5 }, marker: { size: 4 } },
];

export class ChannelDetail {
  // box: a details element, folded at first where the maps need the room.
  constructor(box, edits, plotly) {
    this.box = box;
    this.edits = edits;
    this.isEdited = false;
    this.numbers = makeElement("p", "mae-summary");
    this.cost = makeElement("p", "mae-summary");
    this.factor = Object.assign(makeElement("input", ""), { type: "range", min: 0, max: 2, step: 0.1 });
    this.output = makeElement("output", "");
    this.factor.addEventListener("input", () => edits.set(this.channel, Number(this.factor.value)));
    const button = (text, title, act) => {
      const made = Object.assign(makeElement("button", "", text), { type: "button", title });
      made.addEventListener("click", act);
      return made;
    };
    this.leaveOut = button("Leave out", "The picture without this channel", () => edits.set(this.channel, 0));
    this.reset = button("Reset", "All channels as they are", () => (edits.text = ""));
    const control = makeElement("label", "mae-choice", "Decode it", this.factor, this.output);
    const bar = makeElement("div", "mae-bar", control, this.leaveOut, this.reset);
    const side = makeElement("div", "mae-detail-side", this.numbers, bar, this.cost);
    const chart = makeElement("div", "mae-histogram");
    Object.assign(chart, { role: "img", ariaLabel: "How often each symbol of the channel occurs, and the prior’s probabilities" });
    this.title = makeElement("summary", "");
    box.append(this.title, makeElement("div", "mae-detail", chart, side));
    box.open = matchMedia(ROOMY).matches;
    this.chart = new Chart(chart, LAYOUT, plotly);
  }

  show(bottleneck, channel) {
    this.channel = channel;
    const { symbols, shares } = histogram(bottleneck, channel);
    const probabilities = symbols.map((symbol) => bottleneck.probability(channel, symbol));
    const hovertemplate = "symbol %{x}: %{y:.3%}<extra>%{fullData.name}</extra>";
    const title = { ...TITLE, text: bottleneck.isPredicted ? "symbol q" : "symbol" };
    this.chart.drawAfterPaint([shares, probabilities].map((y, i) => ({ ...LOOKS[i], x: symbols, y, hovertemplate })), { xaxis: { title } });
    this.title.textContent = `Channel ${channel}: ${costOf(bottleneck, channel)}`;
    this.numbers.textContent = numbersText(bottleneck, channel, shares);
    this.showEdit();
  }

  // header: of the frame on show, with its numbers. edit: the frame's answer of that name, or undefined where nothing is
  // changed or it is not there yet.
  tell({ point, estimated_bits: bits }, edit) {
    if (edit) this.cost.textContent = `The picture ${this.edits.words}: ${costText(point, bits, edit)}. ${NUMBERS}`;
  }

  // Before the picture is there.
  showEdit() {
    const { box, edits, channel } = this;
    if (edits.text && !this.isEdited) box.open = true;
    this.isEdited = edits.text !== "";
    this.factor.value = edits.of(channel);
    this.output.textContent = `×${formatNumber(edits.of(channel))}`;
    this.leaveOut.disabled = edits.of(channel) === 0;
    this.reset.disabled = !edits.text;
    this.cost.textContent = edits.text && (edits.isTooLarge ? TOO_LARGE : `The picture ${edits.words} …`);
  }

  destroy() {
    this.chart.destroy();
  }
}

// The symbols around those that occur, and the share of elements that each of them has.
function histogram({ symbols, size }, channel) {
  const own = symbols.subarray(channel * size, (channel + 1) * size);
  const [low, high] = own.reduce(([a, b], symbol) => [Math.min(a, symbol), Math.max(b, symbol)], [0, 0]);
  const shown = Array.from({ length: high - low + 1 + 2 * ROOM }, (_, i) => low - ROOM + i);
  const shares = shown.map(() => 0);
  for (const symbol of own) shares[symbol - low + ROOM] += 1 / size;
  return { symbols: shown, shares };
}

function costOf({ channelBits, sideBits: side }, channel) {
  const all = channelBits.reduce((sum, each) => sum + each, side);
  return `${formatNumber(channelBits[channel], 4)} bits, ${formatNumber((100 * channelBits[channel]) / all, 3)} % of all`;
}

function numbersText({ channelBits, energies, size, isPredicted }, channel, shares) {
  const bits = channelBits[channel];
  const entropy = shares.reduce((sum, share) => (share ? sum - share * Math.log2(share) : sum), 0);
  return (
    `An element costs ${formatNumber(bits / size)} bits; with the entropy of these symbols it would be ${formatNumber(entropy)}. ` +
    `Energy (mean y²) ${formatNumber(energies[channel])}.` +
    (isPredicted ? " Each element has a prior of its own; the line is their mean." : "")
  );
}
