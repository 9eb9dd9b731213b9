// Whether a browser is too old for the viewer. This module is also run as a script of its own, before all others and by
// browsers that cannot read those, so it is written in the JavaScript of 2009; see `viewer.check`.
/* eslint no-var: off */

// "", or the sentence for the user. The oldest browsers that have all of it are those of tests/viewer/package.json.
export function tooOld() {
  /** @type {any} */
  var page = window;
  var css = page.CSS;
  var hasAll = css && css.supports
    && css.supports("selector(:has(a))") && css.supports("container-type", "inline-size")
    && css.supports("color", "color-mix(in srgb, red 50%, blue)")
    && page.DecompressionStream && page.OffscreenCanvas && page.structuredClone && hasLookbehind();
  if (hasAll) return "";
  return "This browser is too old for MAE Explorer: please use Chrome or Edge 111, Firefox 121, Safari 16.4, or newer.";
}

function hasLookbehind() {
  try {
    return new RegExp("(?<!a)b").test("b");
  } catch (error) { // eslint-disable-line no-unused-vars
    return false;
  }
}
