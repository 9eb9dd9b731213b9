// What the viewer's state consists of, as data: one field for each thing that can be chosen, here or by a tab (see
// tabs.js). See state.js.
//
// A field is {key, allowed(context): what a value may be, in words; check(value, context): the value as it is kept, or
// undefined where it is none; read(viewer); write(viewer, value)}. context: {viewer, picture: the one that will be
// open}. `early`: what the first frame is of, so it is written before a picture is opened.
import { parsePlaces } from "../inside/inspection/pins.js";
import { LambdaMap } from "../picture/lambdamap.js";
import { TABS } from "../tabs.js";
import { choice, listed, number, numberWithin, places, rivalNames, rivals, rounded, several, toggle } from "./values.js";

/** @import { Viewer } from "../viewer.js" */

/** @typedef {{ viewer: Viewer, picture: import("../wire/types.js").OpenedPicture }} Context */

/**
 * @typedef {object} Field
 * @property {string} key
 * @property {boolean} [early]
 * @property {(context: Context) => string} allowed
 * @property {(value: string, context: Context) => string | number | undefined} check
 * @property {(viewer: Viewer) => string | number | undefined} read
 * @property {(viewer: Viewer, value: any) => unknown} [write]
 * @property {(value: any) => string | number} [brief] the value as a link has it, where that is shorter
 * @property {number} [longest] characters of a value, where they may be more than those of others
 */

export const PANELS = ["head", "about", "controls", "probe", "lambda", "compare", "numbers", "tabs", "panels", "samples", "actions", "side"];

const samples = ({ viewer }) => viewer.setup.samples.map(({ name }) => name);

// "codec:rate", "codec:quality" or "codec:fixed:setting" as the comparison's choice; null for "", the original alone.
function parseComparison(value, context) {
  if (value === "") return null;
  if (context.picture.missing) return undefined;
  const [codec, by, setting, ...more] = value.split(":");
  const isOwn = codec === context.picture.model && !context.picture.fixed; // at one λ, where λ is painted
  if (isOwn) return ["rate", "quality"].includes(by) && setting === undefined ? { codec, by } : undefined;
  const rival = rivals(context).find(({ name }) => name === codec && name !== context.picture.model);
  if (!rival || more.length) return undefined;
  if (by !== "fixed") return ["rate", "quality"].includes(by) && setting === undefined ? { codec, by } : undefined;
  const { minimum, maximum, integer, steps } = rival;
  const found = numberWithin(setting, [minimum, maximum], integer ? 0 : 6);
  return found !== undefined && (steps ?? [found]).includes(found) ? { codec, by, setting: found } : undefined;
}

// What a search found is no codec's: the tab Search has a field for it.
function writeComparison(choice) {
  return choice && choice.by !== "effort" ? [choice.codec, choice.by, choice.setting].filter((part) => part !== undefined).join(":") : "";
}

const comparison = {
  allowed: (context) => `a codec (${listed(rivalNames(context))}) with :rate, :quality or :fixed: and one of its settings`,
  check: (value, context) => {
    const choice = parseComparison(value, context);
    return choice === undefined ? undefined : writeComparison(choice);
  },
  read: ({ comparison: { choice } }) => writeComparison(choice),
  write: (viewer, value) => viewer.comparison.choose(parseComparison(value, { viewer, picture: viewer.picture })),
};

// "x,y,scale": the picture's pixel in the middle and screen pixels a pixel; "" for the whole picture.
const box = {
  allowed: ({ picture: { width, height } }) => `x,y,scale with x up to ${width}, y up to ${height}, scale up to 64`,
  check: (value, { picture }) => {
    if (value === "") return "";
    const limits = [[0, picture.width], [0, picture.height], [0.01, 64]];
    const parts = value.split(",");
    const found = limits.map((range, i) => numberWithin(parts[i] ?? "", range, i < 2 ? 1 : 4));
    return parts.length === 3 && !found.includes(undefined) ? found.join(",") : undefined;
  },
  read: ({ stage }) => (stage.fitted ? "" : stage.look.map((part, i) => rounded(part, i < 2 ? 1 : 4)).join(",")),
  write: ({ stage }, value) => (value ? stage.lookAt(...value.split(",").map(Number)) : stage.fit()),
};

// A λ map, whose blocks are the picture's; "" for none.
const paint = {
  early: true,
  longest: 2 ** 18, // of a link fewer: see links.js
  allowed: ({ picture }) => (picture.fixed ? "left out for this picture" : `the text of a λ map of ${sizeOf(LambdaMap.flat(picture))} blocks`),
  check: (value, { picture }) => {
    if (picture.fixed) return ["", picture.map].includes(value) ? picture.map : undefined;
    if (value === "") return "";
    const map = LambdaMap.parse(value);
    return map?.fits(picture) ? map.text : undefined;
  },
  read: ({ map }) => map?.text ?? "",
  write: (viewer, value) => {
    viewer.map = value ? LambdaMap.parse(value) : null;
    viewer.askFrame();
  },
};

const sizeOf = ({ rows, columns }) => `${rows}x${columns}`;

const pins = places(8, ({ pins }) => pins.text, ({ pins }, value) => (pins.text = value));
const element = places(
  1, ({ card: { place } }) => (place ? `${place.row}-${place.column}` : ""),
  ({ card }, value) => card.choose(parsePlaces(value)[0] ?? null),
);

/** @type {Field[]} */
export const FIELDS = [
  // Opened first of all, and together: see `State.apply`.
  { key: "picture", ...choice(samples), read: ({ opening }) => opening.source.sample },
  { key: "model", ...choice(({ viewer }) => viewer.setup.models), read: (viewer) => viewer.model },
  {
    key: "lambda", early: true,
    // The ends as a link has them: a received file has one λ, which may have any number of decimals.
    ...number(({ picture: { lmbda: { min, max } } }) => [Math.floor(1000 * min) / 1000, Math.ceil(1000 * max) / 1000], 12),
    read: (viewer) => viewer.wanted,
    write: (viewer, value) => viewer.setLambda(value),
    brief: (value) => rounded(Number(value), 3), // nearer than two levels of λ are to each other
  },
  { key: "paint", ...paint },
  {
    key: "view", early: true,
    ...choice(() => TABS.map(({ name }) => name)),
    read: ({ inside }) => inside.tab,
    write: ({ inside }, value) => inside.setTab(value),
  },
  {
    key: "channel", early: true,
    ...number(({ picture }) => [0, picture.channels - 1]),
    read: ({ inside }) => (inside.isChosen ? inside.channel : undefined), // else a link to channel 0 would leave it out
    write: ({ inside }, value) => inside.setChannel(value),
  },
  { key: "pins", ...pins },
  { key: "element", ...element },
  {
    key: "mode",
    ...choice(({ viewer }) => viewer.parts.modes.map((radio) => radio.value)),
    read: ({ stage }) => stage.mode,
    write: ({ modes }, value) => modes.set(value),
  },
  {
    key: "split",
    ...number(() => [0, 1], 3),
    read: ({ stage }) => rounded(stage.split, 3),
    write: ({ stage }, value) => stage.setSplit(value),
  },
  { key: "map", ...toggle(({ parts }) => parts.overlay.checked, ({ inside }, isOn) => inside.setOverlay(isOn)) },
  {
    key: "opacity",
    ...number(() => [10, 100]),
    read: ({ parts }) => Number(parts.opacity.value),
    write: ({ inside }, value) => inside.setOpacity(value),
  },
  { key: "compare", ...comparison },
  { key: "swap", ...toggle(({ comparison }) => comparison.swapped, ({ comparison }, isOn) => comparison.choose(comparison.choice, isOn)) },
  ...TABS.flatMap(({ fields = [] }) => fields),
  {
    key: "lesson",
    ...choice(({ viewer }) => viewer.lessons.places),
    read: ({ lessons }) => lessons.place,
    write: ({ lessons }, value) => lessons.show(value),
  },
  { key: "painting", ...toggle(({ painter }) => painter.isOn, ({ painter }, isOn) => painter.set(isOn)) },
  { key: "play", ...toggle(({ player }) => player.playing, ({ player }, isOn) => (isOn ? player.offer() : player.stop())) },
  {
    key: "hide",
    ...several(() => PANELS),
    read: ({ root }) => (root.dataset.hide ?? "").replaceAll(" ", ","),
    write: ({ root }, value) => (root.dataset.hide = value.replaceAll(",", " ")),
  },
  { key: "box", ...box }, // after all that changes the layout
];

// Every select with data-state is a field by its options.
/**
 * @param {HTMLElement} root
 * @returns {Field[]}
 */
export function selectFields(root) {
  /** @type {NodeListOf<HTMLSelectElement>} */
  const selects = root.querySelectorAll("select[data-state]");
  return Array.from(selects, (select) => ({
    key: select.dataset.state,
    early: true,
    ...choice(() => [...select.options].map(({ value }) => value)),
    read: () => select.value,
    write: (_, value) => {
      select.value = value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
    },
  }));
}
