// The bottleneck at one λ, from a frame's answers to "planes" and "plane:…" (see wishes/answers.py): y, ŷ, what each
// element costs, and what the prior has besides. Costs come ready-made.

const known = new WeakMap(); // answer -> Bottleneck, so that all views of a frame share the sums

export function bottleneckOf(frame) {
  const { planes } = frame.wishes;
  if (!planes) return null;
  if (!known.has(planes)) known.set(planes, new Bottleneck(frame.wishes));
  return known.get(planes);
}

class Bottleneck {
  // isPredicted: the symbols are not ŷ itself but what it differs by from a mean, q = ŷ − μ.
  constructor(wishes) {
    const { planes } = wishes;
    const [channels, height, width] = planes.shape;
    this.wishes = wishes;
    this.channels = channels;
    this.height = height;
    this.width = width;
    this.size = height * width;
    this.y = planes.y;
    this.symbols = planes.symbols;
    this.isPredicted = planes.decoded !== undefined;
    this.decoded = planes.decoded ?? new Float32Array(this.symbols); // ŷ
    this.bits = planes.bits;
    this.positions = planes.positions;
    this.side = planes.side;
    this.sideBits = planes.side_bits;
    this.sideStride = planes.side_stride;
    this.further = planes.further;
    this.low = planes.low;
    this.count = planes.count;
    this.probabilities = planes.probabilities;
    let start = 0;
    this.starts = Array.from(this.count, (n) => (start += n) - n); // of each channel's probabilities
    this.channelBits = Float64Array.from({ length: channels }, (_, c) => sum(this.bits, c * this.size, this.size));
    this.squares = null;
    this.zeros = null;
    this.cells = null;
  }

  // A further map of the prior by its name: {shape, stride, values}, or undefined where it did not come or is none.
  plane(name) {
    const found = this.wishes[`plane:${name}`];
    return found?.values && found;
  }

  // What the prior expects: the probability of a symbol in a channel, over all its elements.
  probability(channel, symbol) {
    const column = symbol - this.low[channel];
    return column >= 0 && column < this.count[channel] ? this.probabilities[this.starts[channel] + column] : 0;
  }

  // Mean square of y in each channel, or of ŷ for a receiver, who has no y.
  get energies() {
    return (this.squares ??= energiesOf(this.y ?? this.decoded, this.channels));
  }

  // Channels whose symbols are all zero at this λ.
  get dead() {
    return (this.zeros ??= silentOf(this.symbols, this.channels));
  }

  // What is coded besides y: the bits of each element of its grid, {values, width, height, stride}, or null.
  get sideCells() {
    if (!this.side) return null;
    return (this.cells ??= cellsOf(this.side, this));
  }

  // Everything about one element; mean and scale where their maps have come.
  element(channel, row, column) {
    const at = channel * this.size + row * this.width + column;
    const [value, decoded, symbol, bits] = [this.y?.[at], this.decoded[at], this.symbols[at], this.bits[at]];
    const [mean, scale] = ["μ", "σ"].map((name) => this.plane(name)?.values[at]);
    const positionBits = this.positions[row * this.width + column];
    const { isPredicted } = this;
    return { value, decoded, symbol, bits, mean, scale, isPredicted, probability: 2 ** -bits, positionBits };
  }
}

// Mean square of each channel.
export function energiesOf(values, channels) {
  const size = values.length / channels;
  return Float64Array.from({ length: channels }, (_, c) => {
    let total = 0;
    for (let i = c * size; i < (c + 1) * size; i++) total += values[i] ** 2;
    return total / size;
  });
}

// Which channels are zero everywhere.
export function silentOf(values, channels) {
  const size = values.length / channels;
  return Array.from({ length: channels }, (_, c) => {
    for (let i = c * size; i < (c + 1) * size; i++) if (values[i]) return false;
    return true;
  });
}

function cellsOf(shares, { width, height, sideStride: stride }) {
  const [across, down] = [width, height].map((length) => Math.ceil(length / stride));
  const values = new Float32Array(across * down);
  shares.forEach((share, i) => {
    values[Math.floor(Math.floor(i / width) / stride) * across + Math.floor((i % width) / stride)] += share;
  });
  return { values, width: across, height: down, stride };
}

function sum(values, start, length) {
  let total = 0;
  for (let i = start; i < start + length; i++) total += values[i];
  return total;
}
