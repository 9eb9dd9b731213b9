// What is known of one place of the picture at the λ that is shown: under the pointer, at a pin, in the element's card.
import { bottleneckOf } from "../shared/bottleneck.js";
import { formatNumber } from "../../controls/elements.js";
import { ORIGINAL } from "../../picture/layers.js";
import { constants } from "../../wire/constants.js";

const ofElement = (write) => ({ element }) => (element ? write(element) : "–");

// [key, its sign, what it is, reading -> text, where it is not there for all: whether a reading has it]; y has the
// precision that was sent, 11 bits, and so have μ and a ŷ that is no whole number.
/**
 * @typedef {[key: string, sign: string, title: string, write: (reading: any) => string, has?: (reading: any) => boolean]} Reading
 * @type {Reading[]}
 */
export const READINGS = [
  ["original", "x", "Red, green and blue of the original", ({ original }) => original?.join(" ") ?? "–", ({ original }) => original !== null],
  ["decoded", "x̂", "Red, green and blue of the reconstruction", ({ decoded }) => decoded?.join(" ") ?? "–"],
  ["value", "y", "The element of the bottleneck before rounding", ofElement(({ value }) => formatNumber(value, 4)), ({ element }) => !element || element.value !== undefined],
  ["rounded", "ŷ", "The element as the decoder sees it", ofElement(({ decoded, isPredicted }) => formatNumber(decoded, isPredicted ? 4 : 6))],
  ["mean", "μ", "What the prior expects of y here", ofElement(({ mean }) => formatNumber(mean, 4)), ({ element }) => element?.mean !== undefined],
  ["scale", "σ", "How far off the prior takes y to be here", ofElement(({ scale }) => formatNumber(scale)), ({ element }) => element?.scale !== undefined],
  ["symbol", "q", "The symbol in the file: y − μ, rounded", ofElement(({ symbol }) => formatNumber(symbol, 6)), ({ element }) => Boolean(element?.isPredicted)],
  ["probability", "p", "The prior’s probability of the symbol", ofElement(({ probability }) => formatNumber(probability))],
  ["bits", "bits", "What the symbol costs: −log₂ p", ofElement(({ bits }) => formatNumber(bits, 4))],
  ["positionBits", "Σ bits", "What all channels cost at this position", ofElement(({ positionBits }) => formatNumber(positionBits, 4))],
];

// Which of READINGS are there for any of some readings, each of which may be null.
export function knownReadings(readings) {
  return READINGS.map(([, , , , has]) => !has || readings.some((reading) => reading && has(reading)));
}

// The pixel in the middle of an element's own 16×16, for places that are no pixel.
export function pixelOf({ row, column }, { width, height }) {
  const middle = (at, side) => Math.min(at * constants.element + constants.element / 2, side - 1);
  return { x: middle(column, width), y: middle(row, height) };
}

// place: {row, column} and, where they are known, pixel {x, y} and channel; frame: with "planes" where elements are
// wanted; isAlone: whether the picture has no original. null where the picture has no such place.
export function readPlace({ layers, width, height, current }, frame, place, channel, isAlone) {
  const pixel = place.pixel ?? pixelOf(place, { width, height });
  if (!layers?.frame || pixel.x >= width || pixel.y >= height) return null;
  const bottleneck = frame && bottleneckOf(frame);
  const isThere = bottleneck && channel < bottleneck.channels && place.row < bottleneck.height && place.column < bottleneck.width;
  const element = isThere ? bottleneck.element(channel, place.row, place.column) : null;
  const original = isAlone ? null : layers.original.colour(pixel, ORIGINAL);
  return { pixel, original, decoded: layers.frame.colour(pixel, current), element };
}
