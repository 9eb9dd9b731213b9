// What the modulators of a model make of λ, as numbers: from the transport's modulation().

// [name, title]; names as in `LearnedCodec.modulation`.
export const MODULATORS = [
  ["m0", "analysis 1"],
  ["m1", "analysis 2"],
  ["m2", "analysis 3"],
  ["d0", "synthesis 1"],
  ["d1", "synthesis 2"],
  ["d2", "synthesis 3"],
  ["y", "the bottleneck"],
  ["a", "the prior"],
  ["h0", "hyper-analysis 1"],
  ["h1", "hyper-analysis 2"],
  ["h2", "hyper-analysis 3"],
  ["g0", "hyper-synthesis 1"],
  ["g1", "hyper-synthesis 2"],
  ["a_z", "the side prior"],
];

export class Modulators {
  constructor({ header: { lambdas, arrays }, ...gains }) {
    this.lambdas = lambdas;
    this.octaves = Math.log2(lambdas.at(-1) / lambdas[0]) / (lambdas.length - 1); // from one sample to the next
    this.layers = MODULATORS.filter(([name]) => name in arrays)
      .map(([name, title]) => new Layer(name, title, gains[name], arrays[name][1], this.octaves));
  }

  layer(name) {
    return this.layers.find((layer) => layer.name === name);
  }

  // Where λ lies among the samples, such as 20.5 in the middle between two.
  position(lmbda) {
    return Math.min(Math.max(Math.log2(lmbda / this.lambdas[0]) / this.octaves, 0), this.lambdas.length - 1);
  }

  // Between which two samples λ lies: the number of the first.
  interval(lmbda) {
    return Math.min(Math.floor(this.position(lmbda)), this.lambdas.length - 2);
  }

  get middles() {
    return this.lambdas.slice(1).map((next, i) => Math.sqrt(next * this.lambdas[i]));
  }
}

// gains: samples × channels. logs: log₂ of them, channels × samples. change: how far each channel moves up and down in
// all, in octaves. speeds: between two samples, octaves of gain per octave of λ, the median channel's: channels that λ
// silences run off to any gain, which would drown the others in a mean.
class Layer {
  constructor(name, title, gains, [samples, channels], octaves) {
    this.name = name;
    this.title = title;
    this.samples = samples;
    this.channels = channels;
    this.logs = new Float32Array(gains.length);
    this.change = new Float64Array(channels);
    gains.forEach((gain, i) => (this.logs[(i % channels) * samples + Math.floor(i / channels)] = Math.log2(gain)));
    for (let c = 0, i = 0; c < channels; c++, i++) {
      for (let s = 0; s < samples - 1; s++, i++) {
        this.change[c] += Math.abs(this.logs[i + 1] - this.logs[i]);
      }
    }
    this.speeds = Array.from({ length: samples - 1 }, (_, s) => this.medianStep(s) / octaves);
    this.order = Array.from({ length: channels }, (_, c) => c).sort((a, b) => this.change[b] - this.change[a]);
  }

  medianStep(sample) {
    const steps = Float64Array.from({ length: this.channels }, (_, c) => {
      const at = c * this.samples + sample;
      return Math.abs(this.logs[at + 1] - this.logs[at]);
    });
    return steps.sort()[this.channels >> 1];
  }

  // log₂ gains of one channel.
  curve(channel) {
    return this.logs.subarray(channel * this.samples, (channel + 1) * this.samples);
  }

  // The log₂ gain of a channel between two samples: a straight line, as a modulator's logarithm is but for its bends.
  logAt(channel, position) {
    const [curve, i] = [this.curve(channel), Math.floor(position)];
    return curve[i] + (position - i) * ((curve[i + 1] ?? 0) - curve[i]);
  }

  // The gains, at each sample, below which shares of the channels lie: one array for each share.
  quantiles(shares) {
    const columns = Array.from({ length: this.samples }, (_, s) => {
      return Float32Array.from({ length: this.channels }, (_, c) => this.logs[c * this.samples + s]).sort();
    });
    return shares.map((share) => columns.map((column) => 2 ** column[Math.round(share * (this.channels - 1))]));
  }

  // log₂ gains for a map, channels × samples in `order`, less a reference: see REFERENCES.
  relative(reference) {
    const base = REFERENCES[reference].base(this);
    const values = new Float32Array(this.logs.length);
    this.order.forEach((channel, row) => {
      this.curve(channel).forEach((log, s) => (values[row * this.samples + s] = log - base(channel, s)));
    });
    return values;
  }
}

// What a gain is compared with before it is coloured.
export const REFERENCES = {
  own: { title: "relative to the largest λ", base: (layer) => (channel) => layer.curve(channel).at(-1) },
  layer: { title: "relative to the layer’s mean", base: meanAt },
  none: { title: "absolute", base: () => () => 0 },
};

// The mean over channels is the logarithm of the geometric mean of the gains.
function meanAt({ logs, samples, channels }) {
  const means = new Float64Array(samples);
  logs.forEach((log, i) => (means[i % samples] += log / channels));
  return (_, sample) => means[sample];
}
