// Kinds of values that fields of the state may have: what is allowed, in words, and the check of a text. See fields.js.
import { parsePlaces } from "../inside/inspection/pins.js";
import { constants } from "../wire/constants.js";

const NUMBER = /^-?\d{1,6}(\.\d{1,20})?$/;

// Exactly one of some names.
export function choice(names) {
  return {
    allowed: (context) => listed(names(context)),
    check: (value, context) => names(context).find((name) => name === value),
  };
}

// Codecs to compare with that are here.
export function rivals({ viewer }) {
  return viewer.setup.rivals.filter(({ reason }) => !reason);
}

export function rivalNames(context) {
  return rivals(context).map(({ name }) => name);
}

// A number within [low, high], kept to some decimals; a whole number where there are none.
export function number(range, decimals = 0) {
  return {
    allowed: (context) => `a ${decimals ? "" : "whole "}number from ${range(context).join(" to ")}`,
    check: (value, context) => numberWithin(value, range(context), decimals),
  };
}

export function toggle(isOn, set) {
  return {
    ...choice(() => ["on", "off"]),
    read: (viewer) => (isOn(viewer) ? "on" : "off"),
    write: (viewer, value) => set(viewer, value === "on"),
  };
}

// Names with commas between them, each at most once, in the order of the list.
export function several(names) {
  return {
    allowed: (context) => `any of ${listed(names(context))}, with commas between them`,
    check: (value, context) => {
      const all = names(context);
      const given = new Set(split(value));
      const found = all.filter((name) => given.has(name));
      return found.length === split(value).length ? found.join(",") : undefined;
    },
  };
}

export function listed(names) {
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} or ${names.at(-1)}` : String(names[0] ?? "nothing");
}

export function split(value) {
  return value ? value.split(",") : [];
}

/**
 * @param {string} text
 * @param {number[]} range
 * @param {number} decimals
 */
export function numberWithin(text, [low, high], decimals) {
  const value = NUMBER.test(text) ? Number(text) : NaN;
  const isOne = value >= low && value <= high && (decimals > 0 || Number.isInteger(value));
  return isOne ? rounded(value, decimals) : undefined;
}

export function rounded(value, decimals) {
  return Number(value.toFixed(decimals)) + 0; // −0 becomes 0
}

// "row-column" of elements of the bottleneck, at most so many.
export function places(most, read, write) {
  return {
    early: true,
    allowed: ({ picture }) => `row-column${most > 1 ? `, at most ${most}, with commas between them,` : ""} in a grid of ${gridOf(picture).join(" × ")}`,
    check: (value, { picture }) => {
      const found = parsePlaces(value);
      const [rows, columns] = gridOf(picture);
      const isValid = found?.length <= most && found.every(({ row, column }) => row < rows && column < columns);
      return isValid ? found.map(({ row, column }) => `${row}-${column}`).join(",") : undefined;
    },
    read: ({ inside: { inspection } }) => read(inspection),
    write: ({ inside: { inspection } }, value) => write(inspection, value),
  };
}

export function gridOf({ width, height }) {
  return [height, width].map((side) => Math.ceil(side / constants.element));
}
