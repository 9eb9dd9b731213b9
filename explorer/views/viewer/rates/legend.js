// Which line of a chart is whose, as a list beside it: Plotly's own legend would lie over the lines.

const NS = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [26, 10];
const DASHES = { solid: "", dot: "2 3", dash: "7 4", dashdot: "7 3 2 3", longdash: "11 4" };
const SYMBOLS = {
  circle: "M16,5a3,3 0 1 1 -6,0a3,3 0 1 1 6,0",
  square: "M10,2h6v6h-6z",
  diamond: "M13,1l4,4l-4,4l-4,-4z",
  "triangle-up": "M13,1l4,7h-8z",
  x: "M10,2l6,6M16,2l-6,6",
};

// traces: Plotly's, with a name, a line and a marker each.
export function fillLegend(box, traces) {
  box.replaceChildren(...traces.map(({ name, line, marker }) => {
    const entry = document.createElement("li");
    entry.append(swatch(line, marker), name);
    return entry;
  }));
  // What can be scrolled can be reached by keys.
  if (box.scrollHeight > box.clientHeight) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
}

function swatch({ color, dash, width }, { symbol }) {
  const svg = element("svg", { width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": true });
  const stroke = { stroke: color, "stroke-width": width };
  svg.append(
    element("path", { ...stroke, d: `M0,${HEIGHT / 2}H${WIDTH}`, "stroke-dasharray": DASHES[dash] }),
    element("path", { ...stroke, d: SYMBOLS[symbol], fill: color }),
  );
  return svg;
}

function element(name, attributes) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
