// Rate-distortion curves as data: the points of each codec, and the curve between them.

/** @import { DoneLine, Point, PointLine } from "../wire/types.js" */

// By the axis's choice: its name, what its values are counted in, and the value of a point: null where there is none,
// undefined where it is not known yet.
export const METRICS = {
  psnr: { name: "PSNR", unit: "dB", quality: (point) => point.psnr },
  ms_ssim: { name: "MS-SSIM", unit: "dB", quality: (point) => similarityDecibels(point.ms_ssim) },
  ssimulacra2: { name: "SSIMULACRA2", unit: "points", quality: (point) => point.ssimulacra2 },
};

// Whether a point has a value on an axis.
export function hasQuality(point, metric) {
  return Number.isFinite(METRICS[metric].quality(point));
}

// null where there is no number: a picture too small to measure, or nothing lost.
export function similarityDecibels(value) {
  if (value === undefined) return undefined; // not known yet
  return value === null || value >= 1 ? null : -10 * Math.log10(1 - value);
}

// Whether the points of a curve may be joined: two or three of those to come would look like a curve that they are not.
export function isJoined({ points, done }, enough) {
  return Boolean(done) || points.length >= enough;
}

// A Map of series -> {points: [{setting, point}] by rate, done, error}.
export class Curves {
  constructor(lines = []) {
    this.series = new Map();
    lines.forEach((line) => this.add(line));
  }

  of(series) {
    return this.series.get(series) ?? { points: [], done: false };
  }

  // A line as the transport's points() gives it: a point, or the end of a series. Whether it brought anything new: a point
  // comes once more with what was not measured before.
  /** @param {Partial<PointLine & DoneLine>} line */
  add({ series, setting, point, done, error }) {
    const curve = this.of(series);
    this.series.set(series, curve);
    if (done) return Object.assign(curve, { done, error });
    const known = curve.points.find((each) => each.setting === setting);
    if (known) {
      const brings = known.point.ssimulacra2 === undefined && point.ssimulacra2 !== undefined;
      if (brings) known.point = { ...known.point, ...point };
      return brings ? curve : null;
    }
    const before = curve.points.filter((each) => each.point.bpp < point.bpp).length;
    curve.points.splice(before, 0, { setting, point });
    return curve;
  }
}

// The curve of some points in rate (bpp) and quality (dB): null for fewer than two. Points that another one beats in
// both are left out, as for BD-rate. qualityAt and rateAt interpolate on log rate; outside of `rates` and `qualities`,
// the ends of the curve, there is nothing to interpolate.
/**
 * @param {{ point: Pick<Point, "bpp" | "psnr" | "ms_ssim" | "ssimulacra2"> }[]} points
 * @param {string} metric
 */
export function measuredLine(points, metric) {
  /** @type {[rate: number, quality: number][]} */
  const kept = [];
  for (const { point } of points) {
    const quality = METRICS[metric].quality(point);
    if (!hasQuality(point, metric) || quality <= kept.at(-1)?.[1]) continue;
    if (point.bpp === kept.at(-1)?.[0]) kept.pop();
    kept.push([point.bpp, quality]);
  }
  if (kept.length < 2) return null;
  const logs = kept.map(([rate]) => Math.log(rate));
  const qualities = kept.map(([, quality]) => quality);
  const [quality, log] = [increasing(logs, qualities), increasing(qualities, logs)];
  return {
    rates: range(kept.map(([rate]) => rate)),
    qualities: range(qualities),
    qualityAt: (rate) => quality(Math.log(rate)),
    rateAt: (value) => Math.exp(log(value)),
  };
}

/** @returns {[low: number, high: number]} */
function range(rising) {
  return [rising[0], rising.at(-1)];
}

// PCHIP (Fritsch and Butland) through points that increase in x and y: no overshoot, as in BD-rate.
function increasing(x, y) {
  const h = x.slice(1).map((next, i) => next - x[i]);
  const d = y.slice(1).map((next, i) => (next - y[i]) / h[i]);
  const inner = h.slice(1).map((_, i) => {
    const [a, b] = [2 * h[i + 1] + h[i], h[i + 1] + 2 * h[i]];
    return (a + b) / (a / d[i] + b / d[i + 1]);
  });
  const slopes = [endSlope(h[0], h[1], d[0], d[1]), ...inner, endSlope(h.at(-1), h.at(-2), d.at(-1), d.at(-2))];
  return (value) => {
    const i = Math.max(0, x.slice(1, -1).filter((start) => start <= value).length);
    const t = (value - x[i]) / h[i];
    const bend = (1 - t) * (slopes[i] * h[i]) * (1 - t) * t - t * t * (1 - t) * (slopes[i + 1] * h[i]);
    return y[i] + t * t * (3 - 2 * t) * (y[i + 1] - y[i]) + bend;
  };
}

function endSlope(h0, h1, d0, d1) {
  return h1 === undefined ? d0 : Math.max(0, ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1));
}
