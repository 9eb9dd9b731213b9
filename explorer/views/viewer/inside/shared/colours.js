// Numbers to colours, in the browser: another palette, range or channel needs no answer from Python.

const STEPS = 256;
const MAGNITUDES = 1024;
const NONE = "#8b8f96"; // no value here

let tables = new Map(); // name of a palette -> {kind, table: Uint32Array of STEPS colours}

// palettes: of the setup: {name: {kind, colors}}, colours as "#rrggbb" or "rgb(r, g, b)".
export function setPalettes(palettes) {
  const entries = Object.entries(palettes);
  tables = new Map(entries.map(([name, { kind, colors }]) => [name, { kind, table: tableOf(colors.map(parseColour)) }]));
}

export function paletteNames(kind) {
  return [...tables.keys()].filter((name) => tables.get(name).kind === kind);
}

// How values become colours: a palette from `low` to `high`; NaN is grey.
export function makeScale(palette, low, high) {
  return { palette, table: tables.get(palette).table, low, high: high > low ? high : low + 1 };
}

export function makeSymmetricScale(palette, size) {
  return makeScale(palette, -(size || 1), size || 1);
}

// Fills a rectangle of an image (Uint32Array of its pixels, `stride` of them a row) with values[start …].
export function paintValues(pixels, stride, x, y, { values, start = 0, width, height }, { table, low, high }) {
  const grow = STEPS / (high - low);
  const none = packColour(parseColour(NONE));
  for (let row = 0, i = start; row < height; row++) {
    for (let at = (y + row) * stride + x, end = at + width; at < end; at++, i++) {
      const value = values[i];
      const step = ((value - low) * grow) | 0;
      pixels[at] = value !== value ? none : table[step < 0 ? 0 : step >= STEPS ? STEPS - 1 : step];
    }
  }
}

// A canvas of width × height values.
export function paintPlane(plane, scale, canvas = document.createElement("canvas")) {
  Object.assign(canvas, { width: plane.width, height: plane.height });
  const image = new ImageData(plane.width, plane.height);
  paintValues(new Uint32Array(image.data.buffer), plane.width, 0, 0, plane, scale);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

// A bar of the scale's colours with its ticks; ticks: [[value, text]], between low and high.
export function drawLegend(box, scale, ticks, unit) {
  const bar = box.querySelector("canvas") ?? document.createElement("canvas");
  const ramp = Float32Array.from({ length: STEPS }, (_, i) => scale.low + ((i + 0.5) / STEPS) * (scale.high - scale.low));
  paintPlane({ values: ramp, width: STEPS, height: 1 }, scale, bar);
  const labels = ticks.map(([value, textContent]) => {
    const label = Object.assign(document.createElement("span"), { textContent });
    label.style.setProperty("--at", String((value - scale.low) / (scale.high - scale.low)));
    return label;
  });
  box.replaceChildren(bar, ...labels, Object.assign(document.createElement("em"), { textContent: unit }));
}

// The value below which a share of the finite values lies: a range that a few outliers do not stretch.
export function robustMaximum(values, share = 0.995) {
  return quantiles(values, [share])[0];
}

// The values below which shares of the finite values lie; 0 where there are none.
export function quantiles(values, shares) {
  const sorted = values.filter(Number.isFinite).sort();
  return shares.map((share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
}

// The same of the magnitudes of values[start …], to a 1024th of the largest: there is no time to sort all channels of a
// large map in every frame.
export function robustMagnitude(values, start, length, share = 0.995) {
  let largest = 0;
  for (let i = start; i < start + length; i++) largest = Math.max(largest, Math.abs(values[i]));
  const counts = new Uint32Array(MAGNITUDES + 1);
  const grow = largest ? MAGNITUDES / largest : 0;
  for (let i = start; i < start + length; i++) counts[(Math.abs(values[i]) * grow) | 0]++;
  let [bin, above] = [MAGNITUDES, (1 - share) * length];
  while (above >= counts[bin]) above -= counts[bin--];
  return Math.min((bin + 1) / MAGNITUDES, 1) * largest;
}

function tableOf(colours) {
  return Uint32Array.from({ length: STEPS }, (_, step) => {
    const at = (step / (STEPS - 1)) * (colours.length - 1);
    const i = Math.min(Math.floor(at), colours.length - 2);
    return packColour(colours[i].map((part, c) => Math.round(part + (at - i) * (colours[i + 1][c] - part))));
  });
}

function parseColour(text) {
  if (text.startsWith("#")) return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  return text.match(/\d+/g).map(Number);
}

// As it lies in an ImageData: little endian, opaque.
function packColour([r, g, b]) {
  return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
}
