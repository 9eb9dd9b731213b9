// What Python and the viewer both reckon with: see Constants in messages.py. The setup brings it before anything is built
// that uses it; it is the same for all viewers of a page.

/** @type {import("./types.js").Constants} */
export const constants = Object.seal({
  element: NaN, paper_lambdas: [], own_lambda: "", factor_max: NaN, ms_ssim_side: NaN, ssimulacra2_side: NaN,
  ssimulacra2_pixels: NaN, bytes_tolerance: NaN, samples_per_octave: NaN, tile: NaN,
});

/** @param {import("./types.js").Constants} found */
export function setConstants(found) {
  Object.assign(constants, found);
}
