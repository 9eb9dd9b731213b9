// What is known of one place of the picture at the λ that is shown: under the pointer, at a pin, in the element's card.
import { bottleneckOf } from "./bottleneck.js";
import { formatNumber } from "./controls.js";
import { ELEMENT } from "../stage.js";

const ofElement = (write) => ({ element }) => (element ? write(element) : "–");

// [key, its sign, what it is, reading -> text]; y has the precision that was sent, 11 bits.
export const READINGS = [
  ["original", "x", "Red, green and blue of the original", ({ original }) => original.join(" ")],
  ["decoded", "x̂", "Red, green and blue of the reconstruction", ({ decoded }) => decoded.join(" ")],
  ["value", "y", "The element of the bottleneck before rounding", ofElement(({ value }) => formatNumber(value, 4))],
  ["symbol", "ŷ", "The element after rounding: the symbol in the file", ofElement(({ symbol }) => formatNumber(symbol, 6))],
  ["probability", "p", "The prior’s probability of ŷ", ofElement(({ probability }) => formatNumber(probability))],
  ["bits", "bits", "What ŷ costs: −log₂ p", ofElement(({ bits }) => formatNumber(bits, 4))],
  ["positionBits", "Σ bits", "What all channels cost at this position", ofElement(({ positionBits }) => formatNumber(positionBits, 4))],
];

// The pixel in the middle of an element's own 16×16, for places that are no pixel.
export function pixelOf({ row, column }, { width, height }) {
  const middle = (at, side) => Math.min(at * ELEMENT + ELEMENT / 2, side - 1);
  return { x: middle(column, width), y: middle(row, height) };
}

// place: {row, column} and, where they are known, pixel {x, y} and channel; frame: with "planes" where elements are
// wanted. null where the picture has no such place.
export function readPlace({ layers, width, height }, frame, place, channel) {
  const pixel = place.pixel ?? pixelOf(place, { width, height });
  if (!layers?.frame || pixel.x >= width || pixel.y >= height) return null;
  const at = 3 * (pixel.y * width + pixel.x);
  const colour = ({ pixels }) => [...pixels.subarray(at, at + 3)];
  const bottleneck = frame && bottleneckOf(frame);
  const isThere = bottleneck && channel < bottleneck.channels && place.row < bottleneck.height && place.column < bottleneck.width;
  const element = isThere ? bottleneck.element(channel, place.row, place.column) : null;
  return { pixel, original: colour(layers.original), decoded: colour(layers.frame), element };
}
