// The bottleneck at one λ, from a frame's extra "planes" (see extras.py): y, ŷ, and what each element costs.

const known = new WeakMap(); // extra -> Bottleneck, so that all views of a frame share the sums

export function bottleneckOf(frame) {
  const { planes } = frame.extras;
  if (!planes) return null;
  if (!known.has(planes)) known.set(planes, new Bottleneck(planes));
  return known.get(planes);
}

class Bottleneck {
  constructor({ shape: [channels, height, width], decoded, ...planes }) {
    Object.assign(this, { channels, height, width, size: height * width, ...planes });
    this.decoded = decoded ?? new Float32Array(this.symbols); // ŷ
    let start = 0;
    this.starts = Array.from(this.count, (n) => (start += n) - n); // of each channel's probabilities
    this.channelBits = Float64Array.from({ length: channels }, (_, c) => sum(this.bits, c * this.size, this.size));
  }

  // What the prior expects: the probability of a symbol in a channel, over all its elements.
  probability(channel, symbol) {
    const column = symbol - this.low[channel];
    return column >= 0 && column < this.count[channel] ? this.probabilities[this.starts[channel] + column] : 0;
  }

  // Mean square of y in each channel.
  get energies() {
    return (this.squares ??= Float64Array.from({ length: this.channels }, (_, c) => {
      let total = 0;
      for (let i = c * this.size; i < (c + 1) * this.size; i++) total += this.y[i] ** 2;
      return total / this.size;
    }));
  }

  // Channels whose symbols are all zero at this λ.
  get dead() {
    return (this.zeros ??= Array.from({ length: this.channels }, (_, c) => {
      for (let i = c * this.size; i < (c + 1) * this.size; i++) if (this.symbols[i]) return false;
      return true;
    }));
  }

  // Everything about one element.
  element(channel, row, column) {
    const at = channel * this.size + row * this.width + column;
    const [value, decoded, symbol, bits] = [this.y[at], this.decoded[at], this.symbols[at], this.bits[at]];
    const positionBits = this.positions[row * this.width + column];
    return { value, decoded, symbol, bits, probability: 2 ** -bits, positionBits };
  }
}

function sum(values, start, length) {
  let total = 0;
  for (let i = start; i < start + length; i++) total += values[i];
  return total;
}
