// The bottleneck at one λ, from a frame's extra "planes" (see extras.py): y, its symbols, and what each of them costs.

const known = new WeakMap(); // extra -> Bottleneck, so that all views of a frame share the sums

export function bottleneckOf(frame) {
  const { planes } = frame.extras;
  if (!planes) return null;
  if (!known.has(planes)) known.set(planes, new Bottleneck(planes));
  return known.get(planes);
}

class Bottleneck {
  constructor({ shape: [channels, height, width], y, symbols, low, count, costs }) {
    Object.assign(this, { channels, height, width, size: height * width, y, symbols, low, count, costs });
    let start = 0;
    this.starts = Array.from(count, (n) => (start += n + 1) - n - 1); // of each channel's costs, its escape's the last
    this.bits = this.elementBits();
    this.channelBits = Float64Array.from({ length: channels }, (_, c) => sum(this.bits, c * this.size, this.size));
  }

  // Bits of a symbol in a channel, as `LevelTable.element_bits` has them.
  cost(channel, symbol) {
    const column = symbol - this.low[channel];
    const inside = column >= 0 && column < this.count[channel];
    const escape = this.starts[channel] + this.count[channel];
    return inside ? this.costs[this.starts[channel] + column] : this.costs[escape] + 8 * varintBytes(symbol);
  }

  elementBits() {
    const bits = new Float32Array(this.symbols.length);
    for (let channel = 0, i = 0; channel < this.channels; channel++) {
      for (const end = i + this.size; i < end; i++) bits[i] = this.cost(channel, this.symbols[i]);
    }
    return bits;
  }

  // Bits of each position over all channels.
  get positionBits() {
    return (this.positions ??= this.sumOverChannels(this.bits));
  }

  sumOverChannels(values) {
    const out = new Float32Array(this.size);
    for (let i = 0; i < values.length; i++) out[i % this.size] += values[i];
    return out;
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
    const [value, symbol, bits] = [this.y[at], this.symbols[at], this.bits[at]];
    return { value, symbol, bits, probability: 2 ** -bits, positionBits: this.positionBits[row * this.width + column] };
  }
}

function varintBytes(symbol) {
  const zigzag = symbol >= 0 ? 2 * symbol : -2 * symbol - 1;
  return Math.max(1, Math.ceil((32 - Math.clz32(zigzag)) / 7));
}

function sum(values, start, length) {
  let total = 0;
  for (let i = start; i < start + length; i++) total += values[i];
  return total;
}
