// The tabs beside the picture, in order. Each describes itself, in a module with the tab's name: to add one, write that
// module and put it here.
import { RD } from "./rates/rd.js";
import { CHANNELS } from "./inside/channels/channels.js";
import { RATIO } from "./inside/ratio/ratio.js";
import { MODULATION } from "./inside/modulation/modulation.js";
import { BITS } from "./inside/bits/bits.js";
import { SEARCH } from "./inside/search/search.js";
import { FILE } from "./inside/file/file.js";

/**
 * @typedef {object} Tab
 * @property {string} name its module's; in the state "view" is one of these
 * @property {string} label what stands on the tab
 * @property {string} title what is to be seen there, in words
 * @property {string} [spoken] the label for a screen reader, where that is another
 * @property {new (box: HTMLElement, inside: import("./inside/inside.js").Inside) => any} [View] what fills its section: see inside.js
 * @property {string} [html] what is in its section from the start
 * @property {string} [className] of its section
 * @property {boolean} [needsOriginal] whether there is nothing to show of a picture that has no original
 * @property {import("./state/fields.js").Field[]} [fields] of the state, besides its selects
 */

/** @type {Tab[]} */
export const TABS = [RD, CHANNELS, RATIO, MODULATION, BITS, SEARCH, FILE];
