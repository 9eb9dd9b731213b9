// What a count of answers says.

const UNLIKELY = 0.05;

// How probable it is that a fair coin is at least as far from half and half as `wins` of `count`.
export function chance(wins, count) {
  const distance = Math.abs(wins - count / 2);
  let [ways, total] = [1, 0]; // ways: of having k heads
  for (let k = 0; k <= count; k++) {
    if (Math.abs(k - count / 2) >= distance) total += ways;
    ways = (ways * (count - k)) / (k + 1);
  }
  return total / 2 ** count;
}

export function scoreText(wins, count) {
  if (!count) return "No two files of the same size could be made: choose another codec.";
  const score = `You chose this model in ${wins} of ${count} rounds.`;
  const probability = chance(wins, count);
  const times = `${Math.max(1, Math.round(100 * probability))} of 100 such quizzes`;
  if (probability < UNLIKELY) return `${score} A coin would be as one-sided as that in ${times} only: hardly chance.`;
  return `${score} A coin would be at least as one-sided in ${times}, so this could be chance.`;
}

export function shuffled(items, random) {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}
