// Numbers to colours, in the browser: another palette, range or channel needs no answer from Python.

const STEPS = 256;
const MAGNITUDES = 1024;
const NONE = "#8b8f96"; // no value here
const BEYOND = "The colours at the ends, set off from the others, are of values beyond the scale";

const END = 0.09; // of a palette, at either end: kept for what lies beyond the scale
const CAP = 10; // steps of a legend to either side for that

let palettes = new Map(); // by name: {kind, colours: [[r, g, b]], tables: from tableOf by the part of the palette}

// palettes: of the setup: {name: {kind, colors}}, colours as "#rrggbb" or "rgb(r, g, b)".
export function setPalettes(known) {
  const entries = Object.entries(known);
  palettes = new Map(entries.map(([name, { kind, colors }]) => [name, { kind, colours: colors.map(parseColour), tables: new Map() }]));
}

export function paletteNames(kind) {
  return [...palettes.keys()].filter((name) => palettes.get(name).kind === kind);
}

// How values become colours: a palette from `low` to `high`; NaN is grey. What lies beyond is seen to: it has the
// palette's own ends, but where a scale begins at 0 nothing lies below.
export function makeScale(palette, low, high) {
  return scaleOf(palette, low, high > low ? high : low + 1, low === 0 ? 0 : END, 1 - END);
}

export function makeSymmetricScale(palette, size) {
  return makeScale(palette, -(size || 1), size || 1);
}

// The part from `low` to `high`, with 0 between them, of a scale whose middle is 0: values that lie to one side of 0
// for the most part have all colours of that side.
export function makeSidedScale(palette, low, high) {
  const size = Math.max(-low, high) || 1;
  const place = (value) => 0.5 + (0.5 - END) * (value / size);
  return scaleOf(palette, low, high > low ? high : 1, place(low), place(high > low ? high : 1));
}

// Values to write beside its legend: the ends, 0, and what lies half-way to the farther end, where there is room.
export function sidedTicks({ low, high }) {
  const far = -low > high ? low : high;
  const least = (high - low) / 8; // nearer to each other two texts would touch
  const wanted = [far, 0, far / 2, far === low ? high : low];
  const kept = wanted.filter((value, i) => wanted.findIndex((each) => Math.abs(each - value) < least) === i);
  return kept.sort((a, b) => a - b);
}

// from, to: the part of the palette, 0 to 1, that the scale has.
function scaleOf(name, low, high, from, to) {
  const { colours, tables } = palettes.get(name);
  const key = `${from} ${to}`;
  if (!tables.has(key)) tables.set(key, tableOf(colours, from, to));
  const ends = tableOf(colours, 0, 1);
  const [under, over] = [from > 0 ? ends[0] : undefined, ends[STEPS - 1]];
  return { palette: name, table: tables.get(key), low, high, under, over };
}

// The share of the values, in percent of those that are there, that lie beyond a scale.
export function percentBeyond(values, { low, high }) {
  let [beyond, known] = [0, 0];
  for (const value of values) {
    if (value < low || value > high) beyond++;
    if (value === value) known++;
  }
  return known ? (100 * beyond) / known : 0;
}

// Fills a rectangle of an image (Uint32Array of its pixels, `stride` of them a row) with values[start …].
export function paintValues(pixels, stride, x, y, { values, start = 0, width, height }, scale) {
  const { table, low, high, under = table[0], over } = scale;
  const grow = STEPS / (high - low);
  const none = packColour(parseColour(NONE));
  for (let row = 0, i = start; row < height; row++) {
    for (let at = (y + row) * stride + x, end = at + width; at < end; at++, i++) {
      const value = values[i];
      if (value !== value) pixels[at] = none;
      else if (value < low) pixels[at] = under;
      else pixels[at] = value > high ? over : table[Math.min(((value - low) * grow) | 0, STEPS - 1)];
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

// A bar of the scale's colours, set off at its ends the colours of what lies beyond, with its ticks: [[value, text]],
// between low and high.
export function drawLegend(box, scale, ticks, unit) {
  const bar = box.querySelector("canvas") ?? Object.assign(document.createElement("canvas"), { title: BEYOND });
  const { low, high, under } = scale;
  const [before, width] = [under === undefined ? 0 : CAP, STEPS + (under === undefined ? 1 : 2) * CAP];
  const ramp = Float32Array.from({ length: width }, (_, i) => low + ((i - before + 0.5) / STEPS) * (high - low));
  for (const gap of [before - 1, before - 2, before + STEPS, before + STEPS + 1]) if (gap >= 0) ramp[gap] = NaN;
  paintPlane({ values: ramp, width, height: 1 }, scale, bar);
  const labels = ticks.map(([value, textContent]) => {
    const label = Object.assign(document.createElement("span"), { textContent });
    label.style.setProperty("--at", String((before + (STEPS * (value - low)) / (high - low)) / width));
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

function tableOf(colours, from, to) {
  return Uint32Array.from({ length: STEPS }, (_, step) => {
    const at = (from + (step / (STEPS - 1)) * (to - from)) * (colours.length - 1);
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
