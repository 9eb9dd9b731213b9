// A plan of the model's network, as a way into its layers: the analysis goes down on the left, the synthesis comes up on
// the right, and the prior stands below the bottleneck. It is made of what the model says of itself (picture.stages).
import { formatLambda } from "../rates/readout.js";

const [WIDTH, BOX, ROW, GAP] = [470, 222, 62, 20]; // of the plan, of a box and of what lies between two rows
const RIGHT = WIDTH - BOX;
const ELEMENT = 16; // pixels, in each direction, that one of the bottleneck stands for
const TITLES = { a: "analysis", s: "synthesis", h: "hyper-analysis", g: "hyper-synthesis" };
const Z = { view: "channels", values: "z" };

export class Network {
  /**
   * @param {import("../page.js").Parts} parts
   * @param {import("../viewer.js").Viewer} viewer
   * @param {AbortSignal} signal
   */
  constructor(parts, viewer, signal) {
    this.parts = parts;
    this.viewer = viewer;
    parts.networkOpen.addEventListener("click", () => this.open(), { signal });
  }

  open() {
    const { parts, viewer: { picture, wanted } } = this;
    if (!picture) return;
    parts.networkText.textContent =
      `${picture.model}, with the sizes of ${picture.name}. Each × is a gain for every channel that a perceptron makes of ` +
      `λ, now ${formatLambda(wanted)}. Choose a box to see its maps and gains.`;
    draw(parts.networkPlan, plan(picture), (state) => this.go(state));
    parts.network.showModal();
  }

  async go(state) {
    const { parts, viewer } = this;
    parts.network.close();
    await viewer.state.apply(state);
    const tab = viewer.inside.tabs.find((each) => each.dataset.tab === state.view);
    tab.focus();
  }
}

// What the plan shows: {height, boxes: [{x, y, width, title, lines, state}], arrows: [{x, from, to}]}, of the open picture;
// state: what choosing a box sets, or null. Also without a browser.
export function plan({ stages, modulators, width, height, channels }) {
  const size = (scale) => `${Math.ceil(width / scale)}×${Math.ceil(height / scale)}`;
  const of = (transform, scale) => boxesOf(stages.filter(({ name }) => name[0] === transform), scale, size);
  const [boxes, arrows] = [[], []];
  let y = 0;
  const put = (x, box, wide = BOX) => box && boxes.push({ x, y, width: wide, ...box });
  // A row of two boxes, or of one as wide as both, below arrows from and to the row before.
  const next = (down, up) => {
    y += ROW + GAP;
    arrows.push({ x: BOX / 2, from: y - GAP, to: y - 2 }, { x: RIGHT + BOX / 2, from: y - 2, to: y - GAP });
    put(0, down, up ? BOX : WIDTH);
    put(RIGHT, up);
  };
  const rows = (downs, ups) => downs.forEach((down, k) => next(down, ups.at(-1 - k)));

  put(0, { title: "picture", lines: [`${size(1)}, RGB`], state: null });
  put(RIGHT, { title: "decoded picture", lines: [`${size(1)}, RGB`], state: null });
  rows(of("a", 1), of("s", ELEMENT));
  const scaled = modulators.includes("y") ? "× y(λ), rounded, ÷ y(λ)" : "rounded, it is in the file";
  next({ title: "bottleneck y", lines: [`${channels} channels of ${size(ELEMENT)}: ${scaled}`], state: { view: "channels" } });
  const hyper = of("h", ELEMENT);
  const gain = modulators.includes("a") && "at each λ on a scale of its own: × a(λ)";
  next({
    title: hyper.length ? "hyperprior" : "factorised prior",
    lines: ["how probable each symbol is, and so what it costs", gain].filter(Boolean),
    state: gain ? { view: "modulation", layer: "a" } : { view: "bits" },
  });
  rows(hyper, of("g", 4 * ELEMENT));
  if (hyper.length) next({ title: "z", lines: [`${hyper.at(-1).lines[1]}: rounded, in the file as well`], state: Z });
  return { height: y + ROW, boxes, arrows };
}

// scale: pixels, in each direction, that an element of what comes in stands for.
function boxesOf(stages, scale, size) {
  return stages.map((stage) => {
    const { name: [transform, k], kernel, stride, enlarges, channels, modulator } = stage;
    scale = enlarges ? scale / stride : scale * stride;
    const conv = `conv ${kernel}×${kernel}${stride > 1 ? ` ${enlarges ? "↑" : "↓"}${stride}` : ""}`;
    const gain = modulator && `× ${modulator}(λ)`;
    const last = { a: "GDN", h: "ReLU", g: "ReLU" }[transform];
    const steps = transform === "s" ? ["IGDN", gain, conv] : [conv, gain, transform === "a" || k < "2" ? last : ""];
    return {
      title: `${TITLES[transform]} ${Number(k) + 1}`,
      lines: [steps.filter(Boolean).join(" → "), `${channels} channels of ${size(scale)}`],
      state: stateOf(stage),
    };
  });
}

// The modulator and the maps of a stage; where there are none, what the transform makes.
function stateOf({ name, modulator }) {
  const layer = modulator && { layer: modulator };
  const step = modulator ? "mod" : { a: "conv", s: "igdn" }[name[0]];
  if (name[0] === "a" || name[0] === "s") return { view: "modulation", ...layer, feature: `${name}.${step}` };
  return layer ? { view: "modulation", ...layer } : { ...Z, ...(name[0] === "g" && { values: "σ" }) };
}

// ---- drawing --------------------------------------------------------------------------------------------------------

// svg: an empty element. go(state): a box was chosen.
function draw(svg, { height, boxes, arrows }, go) {
  svg.setAttribute("viewBox", `-2 -2 ${WIDTH + 4} ${height + 4}`);
  const make = (tag, attributes, ...children) => {
    const element = document.createElementNS(svg.namespaceURI, tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children);
    return element;
  };
  const arrow = ({ x, from, to }) => {
    const back = 5 * Math.sign(from - to);
    return make("path", { d: `M${x} ${from}V${to}m-4 ${back}l4 ${-back}l4 ${back}` });
  };
  const box = ({ x, y, width, title, lines, state }) => {
    const texts = lines.map((line, i) => make("text", { x: x + 10, y: y + 35 + 16 * i }, line));
    const name = make("text", { x: x + 10, y: y + 18, class: "mae-plan-title" }, title);
    const group = make("g", {}, make("rect", { x, y, width, height: ROW, rx: 8 }), name, ...texts);
    if (state) makeButton(group, `${title}: ${lines.join(", ")}`, () => go(state));
    return group;
  };
  svg.replaceChildren(...arrows.map(arrow), ...boxes.map(box));
}

// A part of a drawing as a button.
function makeButton(group, label, act) {
  const attributes = { role: "button", tabindex: 0, "aria-label": label };
  for (const [key, value] of Object.entries(attributes)) group.setAttribute(key, value);
  group.addEventListener("click", act);
  group.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    act();
  });
}
