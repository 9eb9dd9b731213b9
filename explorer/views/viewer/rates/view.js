// What the axes of the rate-distortion plot show at first: the model's own curve and some room, so that a rival that is
// far off, or goes on for long, does not squeeze it.

const ROOM = { across: 0.25, up: 0.06, below: 0.35 }; // shares of the model's range

// own: {rates, qualities} of the model, in any order; others: the same of the curves beside it; enough: how many points make a range.
// Ranges as Plotly takes them, {x, y}, or null where there is nothing to show.
/**
 * @param {{ rates: number[], qualities: number[] }} own
 * @param {{ rates: number[], qualities: number[] }[]} others
 * @param {boolean} isLog
 * @param {number} enough
 */
export function viewOf(own, others, isLog, enough) {
  const isKnown = own.rates.length >= enough;
  const rates = own.rates.length ? own.rates : others.flatMap((curve) => curve.rates);
  if (!rates.length) return null;
  // Around a model of one λ, or one that is hardly measured, stands what others have to either side of it.
  const high = Math.max(...rates) * (isKnown ? 1 + ROOM.across : 2);
  const low = Math.min(...rates) * (isKnown ? 1 - ROOM.across : 0.5);
  const seen = [own, ...others].flatMap((curve) => curve.qualities.filter((_, i) => curve.rates[i] <= high));
  let [least, most] = [Math.min(...seen), Math.max(...seen)];
  if (isKnown) {
    const [first, last] = [Math.min(...own.qualities), Math.max(...own.qualities)];
    least = Math.max(least, first - ROOM.below * (last - first));
    most = Math.min(most, last + ROOM.below * (last - first));
  }
  const pad = ROOM.up * (most - least) || 1; // of one point
  return { x: isLog ? [Math.log10(low), Math.log10(high)] : [0, high], y: [least - pad, most + pad] };
}
