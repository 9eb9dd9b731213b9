// Maps of 16×16 blocks: where the bits go, where the error stays, and what λ from a to b changes of both.

const PEAK = 255 ** 2; // errors are shown on the scale of 8-bit values

// blocks: {bits, mse, side: of the frame, see Bottleneck.sideCells; local: {bits_a, bits_b, mse_a, mse_b} where a map
// needs it}. kind: of the palette;
// values(blocks): one for each block, NaN where there is none; text(value): for people.
export const BLOCK_MAPS = {
  bits: {
    title: "bits", unit: "bits per block, estimated", kind: "sequential",
    values: ({ bits }) => bits,
  },
  side: {
    title: "bits of z", unit: "bits per element of z, estimated", kind: "sequential",
    values: ({ side }) => side.values,
  },
  mse: {
    title: "error, MSE", unit: "MSE of 8-bit values", kind: "sequential",
    values: ({ mse }) => mse.map((each) => PEAK * each),
  },
  psnr: {
    title: "error, dB", unit: "PSNR of the block, dB", kind: "sequential",
    values: ({ mse }) => mse.map(decibelsOf),
  },
  removed: {
    title: "error removed", unit: "fall of the MSE of 8-bit values", kind: "diverging",
    values: ({ local: { mse_a: a, mse_b: b } }) => a.map((each, i) => PEAK * (each - b[i])),
  },
  added: {
    title: "bits added", unit: "bits per block, estimated", kind: "diverging",
    values: ({ local: { bits_a: a, bits_b: b } }) => b.map((each, i) => each - a[i]),
  },
  worth: {
    title: "error removed per added bit", unit: "against the whole picture’s", kind: "diverging",
    values: ({ local }) => worthOf(local), text: (value) => `×${short(2 ** value)}`,
  },
};

// NaN for a block without error.
export function decibelsOf(mse) {
  return mse > 0 ? -10 * Math.log10(mse) : NaN;
}

// log₂ of the error that each block loses for a bit, over what the whole picture does; NaN where either does not move
// the way of the picture, for there is no such price.
function worthOf({ bits_a, bits_b, mse_a, mse_b }) {
  const [error, rate] = [total(mse_a) - total(mse_b), total(bits_b) - total(bits_a)];
  return mse_a.map((a, i) => {
    const share = (a - mse_b[i]) / error / ((bits_b[i] - bits_a[i]) / rate);
    return share > 0 && Number.isFinite(share) && (a - mse_b[i]) / error > 0 ? Math.log2(share) : NaN;
  });
}

export function total(values) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

// The smallest share of the blocks that holds a share of the whole, largest first.
export function shareHolding(values, share) {
  const sorted = Float64Array.from(values).sort().reverse();
  return countHolding(sorted, share) / sorted.length;
}

// How many of the values, which fall, make up a share of them all.
export function countHolding(falling, share) {
  const wanted = share * total(falling);
  let sum = 0;
  for (let count = 0; count < falling.length; count++) {
    if (sum >= wanted) return count;
    sum += falling[count];
  }
  return falling.length;
}

function short(value) {
  return Number(value.toPrecision(2)).toString();
}
