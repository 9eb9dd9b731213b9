// The maps of the error that eyes see (see flip.js), of what is in sight: made when the pictures have come to rest, in
// slices between which the page paints, and given up when they change. Beside a codec both have one, against the original.
import { makeElement } from "../controls/elements.js";
import { makeTerm } from "../story/glossary.js";
import { drawLegend, makeScale, paintPlane } from "../inside/shared/colours.js";
import { visibleError } from "./flip.js";

const REST_MS = 200;
const SLICE_MS = 6;
const [LOW, HIGH] = [0, 1];
const PALETTE = "viridis";

export class VisibleErrors {
  // isAtRest() -> whether the pictures on the stage are those that are wanted, whole; changed(): there are maps, or none
  // any more.
  /** @param {import("../page.js").Parts} parts @param {import("./stage.js").Stage} stage */
  constructor(parts, stage, { isAtRest, changed }, signal) {
    this.parts = parts;
    this.stage = stage;
    this.isAtRest = isAtRest;
    this.changed = changed;
    this.sought = "";
    this.legend = makeElement("div", "mae-legend");
    parts.visibleTerm.append(makeTerm("Visible error", "visible error"));
    parts.visibleBox.append(this.legend);
    parts.ppd.addEventListener("change", () => this.seek(), { signal });
    signal.addEventListener("abort", () => this.stop());
  }

  get ppd() {
    return Number(this.parts.ppd.value);
  }

  // Called in every paint: has the maps made that are wanted and not there, and takes away what is not of the pictures.
  seek() {
    const { layers, mode } = this.stage;
    const isWanted = mode === "visible" && Boolean(layers?.original && layers.frame);
    const key = isWanted && this.isAtRest() ? `${layers.stamp} ${this.ppd}` : "";
    if (key === this.sought) return;
    this.stop();
    this.sought = key;
    if (!key) return;
    this.drawLegend();
    this.resting = setTimeout(() => this.make(layers, this.ppd), REST_MS);
  }

  stop() {
    clearTimeout(this.resting);
    this.leaving?.abort();
    this.sought = "";
  }

  async make(layers, ppd) {
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    const { original, stamp } = layers;
    const found = new Map();
    try {
      for (const sheet of layers.sides) if (sheet !== original) found.set(sheet, await mapOf(original, sheet, ppd, signal));
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    if (stamp !== layers.stamp) return;
    layers.errors = { maps: found };
    this.stage.invalidate();
    this.changed();
  }

  drawLegend() {
    const texts = [[0, "0"], [0.25, "0.25"], [0.5, "0.5"], [0.75, "0.75"], [1, "1"]];
    drawLegend(this.legend, makeScale(PALETTE, LOW, HIGH), texts, "");
  }

  // What stands beside the legend: the values under the pointer.
  point(pixel) {
    const maps = pixel ? this.stage.layers?.sides.map((sheet) => this.stage.layers.errorOf(sheet)).filter(Boolean) : [];
    this.parts.visibleValue.textContent = maps?.map((map) => valueAt(map, pixel)).join(" | ") ?? "";
  }
}

// The map of a sheet, as a layer of the stage, with its values and their mean.
async function mapOf(original, sheet, ppd, signal) {
  const { rect, reduce, width, height } = sheet;
  const values = await visibleError(original.pixels, sheet.pixels, sheet, ppd, breather(signal));
  const canvas = paintPlane({ values, width, height }, makeScale(PALETTE, LOW, HIGH));
  return { rect, reduce, width, height, values, canvas, mean: values.reduce((sum, value) => sum + value, 0) / values.length };
}

function valueAt({ rect, reduce, width, values }, { x, y }) {
  const [column, row] = [(x - rect.x) / reduce, (y - rect.y) / reduce].map(Math.floor);
  return values[row * width + column]?.toFixed(3) ?? "";
}

// Lets the page paint and hear every few milliseconds; throws when the work is given up.
function breather(signal) {
  let since = performance.now();
  const wait = async () => {
    await new Promise((resolve) => setTimeout(resolve));
    signal.throwIfAborted();
    since = performance.now();
  };
  return () => (performance.now() - since < SLICE_MS ? null : wait());
}
