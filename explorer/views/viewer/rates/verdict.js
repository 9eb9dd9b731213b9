// The model against another codec's curve of the same picture, in one sentence. It is not exact (≈) where the model's point
// is not, nor while the curve lacks points.
import { METRICS, measuredLine } from "./curves.js";

const NBSP = "\u00a0"; // a number and its unit stay on one line

// point: the model's. curve: {points, done, error} of the codec, see curves.js; label: its name; metric: see METRICS.
export function verdict(point, curve, label, metric) {
  const { name, unit, quality } = METRICS[metric];
  const value = quality(point);
  if (curve.error) return curve.error;
  if (point.bpp === undefined || value === undefined) return "Measuring this picture’s curve …";
  if (value === null) return `There is no ${name} of this picture to compare.`;
  const line = measuredLine(curve.points, metric);
  const unfinished = !curve.done && (!line || point.bpp > line.rates[1] || value > line.qualities[1]);
  if (unfinished) return `Measuring ${label} …`;
  if (!line) return `There are too few points of ${label} on this picture to compare.`;
  const parts = [atRate(point.bpp, value, line, label, unit), atQuality(point.bpp, value, line, label, METRICS[metric])];
  return `${point.approximate || !curve.done ? "≈ " : ""}At ${point.bpp.toFixed(2)}${NBSP}bpp: ${parts.join("; ")}.`;
}

// A label may be a plural, so no verb depends on it. Beyond its points there may be more of a codec: its sweep stopped.
function atRate(rate, value, { rates: [low, high], qualityAt }, label, unit) {
  if (rate < low) return `the points of ${label} begin above this rate, at ${low.toFixed(2)}${NBSP}bpp`;
  if (rate > high) return `the points of ${label} end below this rate, at ${high.toFixed(2)}${NBSP}bpp`;
  const gain = value - qualityAt(rate);
  if (Math.abs(gain) < 0.05) return `level with ${label}`;
  return `${Math.abs(gain).toFixed(1)}${NBSP}${unit} ${gain > 0 ? "above" : "below"} ${label}`;
}

function atQuality(rate, value, { qualities: [low, high], rateAt }, label, { name, unit }) {
  if (value < low) return `the points of ${label} begin above this ${name}, at ${signed(low)}${NBSP}${unit}`;
  if (value > high) return `the points of ${label} end below this ${name}, at ${signed(high)}${NBSP}${unit}`;
  const percent = Math.round(100 * (rateAt(value) / rate - 1));
  const share = percent === 0 ? "as many bytes" : `${Math.abs(percent)}${NBSP}% ${percent > 0 ? "more" : "fewer"} bytes`;
  return `for the same ${name} ${share} with ${label}`;
}

function signed(value) {
  return value.toFixed(1).replace("-", "−");
}
