// The words of the field that the viewer uses, each with one or two sentences: for its help, and for the terms in its
// interface, which explain themselves (see tips.js).

// By key: text; `word`: how it is written where the key is not that; `also`: other spellings that are found in a text.
export const TERMS = {
  λ: { text: "The price of distortion in the loss L = R + λ·D. A large λ buys quality with bits, a small one saves bits." },
  bpp: {
    word: "bpp, bits per pixel",
    text: "The bits of the whole file, header included, divided by the picture’s pixels. Raw 8-bit RGB has 24 bpp.",
  },
  PSNR: {
    text: "Peak signal-to-noise ratio in decibels: 10·log₁₀(255²/MSE) over 8-bit RGB. Higher is closer to the original; " +
      "half of the squared error is 3 dB more.",
  },
  "MS-SSIM": {
    text: "Multi-scale structural similarity: how much of the structure is kept on five scales, 1 for the original. In " +
      "decibels it is −10·log₁₀(1 − MS-SSIM).",
  },
  SSIMULACRA2: {
    word: "SSIMU2, SSIMULACRA2", also: ["SSIMU2"],
    text: "What eyes see of the loss (Sneyers 2022), fitted to the votes of many people: 100 for the original, 90 where no " +
      "difference is seen even if the two take turns on one place, 70 for high, 50 for medium and 30 for low quality, " +
      "below 0 where little is left. Of the package ssimulacra2; libjxl’s tool says up to 1.6 more at medium quality.",
  },
  "visible error": {
    text: "FLIP (Andersson et al. 2020): how much of a difference is seen at each place when the two pictures take turns on " +
      "it, from 0 for none to 1. It depends on how far away one sits: with more pixels in a degree of the visual field " +
      "fine errors are not seen. A large picture is judged as it is shown, reduced to what the screen has.",
  },
  time: {
    word: "encode / decode",
    text: "Wall-clock time of encoder and decoder alone, on this machine, from pixels to the file and back, when the file " +
      "was made. A learned codec uses all its cores; what else the machine did then is in it.",
  },
  MAE: {
    word: "MAE, modulated autoencoder",
    text: "One network for all rates (Yang et al. 2020): small perceptrons scale its features by λ. The project’s own model.",
  },
  "independent models": {
    text: "A network for each λ, trained for it alone: the textbook way to several rates. Between their λ there is no file.",
  },
  "bottleneck scaling": {
    text: "One network for the highest rate, frozen; for other rates its bottleneck alone is multiplied by a factor for " +
      "each channel before it is rounded (Theis et al. 2017).",
  },
  "BD-rate": {
    text: "Bjøntegaard’s measure of two rate-distortion curves: how many percent more bits one needs than the other at " +
      "the same quality, on average over the qualities that both reach. Negative: fewer bits.",
  },
  file: { text: "The bytes of the whole .mae file, header included, which can be saved and decoded again." },
  ratio: { word: "compression ratio", text: "The bytes of the raw 24-bit pixels for each byte of the file." },
  estimated: {
    word: "estimated rate",
    text: "What the entropy model expects the file to take, −log₂ p summed over all symbols. The file itself is a " +
      "little larger: it has a header, and the range coder rounds.",
  },
  "amortisation gap": {
    text: "What it costs that one encoder answers for all pictures: the codes it gives a picture are near the best for the " +
      "decoder, not the best. A search for that picture alone closes a part of it.",
  },
  bottleneck: {
    text: "The features y between analysis and synthesis: one stack of channels for each 16×16 pixels. Rounded, they are " +
      "what the file holds.",
  },
  channel: { also: ["channels"], text: "One map of the bottleneck or of a layer: the same feature at every place of the picture." },
  prior: {
    text: "The probability that encoder and decoder expect each symbol to have. What is probable costs few bits: −log₂ p.",
  },
  hyperprior: {
    text: "A prior that follows the picture: a few bits for a coarse description z, from which the decoder derives a mean " +
      "μ and a scale σ for every element of y.",
  },
  quantiser: {
    word: "quantiser step", also: ["quantiser steps"],
    text: "Rounding keeps whole numbers, so 1 in y is one step. Larger features are quantised more finely.",
  },
  modulator: {
    also: ["perceptrons"],
    text: "A perceptron that turns λ into one positive gain for each channel of a layer. It is all that changes when λ moves.",
  },
  GDN: {
    text: "Generalised divisive normalisation: each feature is divided by a pooled activity of all channels at its place. " +
      "The synthesis undoes it (IGDN).",
  },
  "λ map": {
    also: ["λ maps"],
    text: "How much λ lies above or below the slider’s in each block of 64×64 pixels. Modulation acts point by point, so " +
      "one network gives each block its own λ; the map travels in the file, in a few dozen bytes.",
  },
  octave: {
    also: ["octaves"],
    text: "A factor of two: from λ 64 to 4096 are six octaves, and a gain of one octave doubles a feature.",
  },
  spread: {
    text: "How far a channel is from pure scaling between two λ: half the distance between the 16th and the 84th " +
      "percentile of its log₂ ratios, in octaves. 0: one factor for all its elements.",
  },
};

const KEYS = new Map(Object.entries(TERMS).flatMap(([key, { also = [] }]) => [key, ...also].map((word) => [word, key])));
const WORDS = new RegExp(`(?<![\\p{L}-])(${[...KEYS.keys()].sort((a, b) => b.length - a.length).join("|")})(?![\\p{L}-])`, "u");

// What a kind of model is, by a label that begins with its name; undefined where it is none of the glossary's.
export function kindText(label) {
  return Object.entries(TERMS).find(([key]) => label.startsWith(key))?.[1].text;
}

// A word that explains itself; key: of TERMS.
export function makeTerm(text, key) {
  const term = Object.assign(document.createElement("span"), { className: "mae-term", textContent: text, tabIndex: 0 });
  term.setAttribute("role", "button");
  term.dataset.term = key;
  return term;
}

// A text with the first of each word that is in the glossary made a term: nodes.
export function explained(text) {
  const [nodes, seen] = [[], new Set()];
  text.split(WORDS).forEach((part) => {
    const key = KEYS.get(part);
    nodes.push(key && !seen.has(key) ? makeTerm(part, key) : part);
    seen.add(key);
  });
  return nodes;
}
