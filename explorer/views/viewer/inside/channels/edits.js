// Channels that the decoder sees scaled, or left out: kept while λ moves, sent as a wish (see `edit` in answers.py).
import { formatNumber } from "../../controls/elements.js";
import { constants } from "../../wire/constants.js";

const NAMED = 3; // channels that are called by their numbers

export class Edits {
  constructor(changed) {
    this.changed = () => changed(this);
    this.factors = new Map();
    this.isTooLarge = false; // the picture: what a change makes of it would take seconds and travel as a whole
  }

  of(channel) {
    return this.factors.get(channel) ?? 1;
  }

  set(channel, factor) {
    if (factor === 1) this.factors.delete(channel);
    else this.factors.set(channel, factor);
    this.changed();
  }

  // "17=0,30=2", or "".
  get text() {
    return editsText(this.factors);
  }

  set text(text) {
    this.factors = parseEdits(text);
    this.changed();
  }

  get wishes() {
    return this.factors.size && !this.isTooLarge ? [`edit:${this.text}`] : [];
  }

  // A model with fewer channels: what others do not concern it.
  limit(channels) {
    for (const channel of this.factors.keys()) if (channel >= channels) this.factors.delete(channel);
  }

  get words() {
    const out = [...this.factors.keys()].filter((channel) => this.of(channel) === 0);
    const scaled = [...this.factors].filter(([, factor]) => factor !== 0);
    const without = out.length > NAMED ? `without ${out.length} channels` : named("without channel", out);
    const times = scaled.map(([channel, factor]) => `with channel ${channel} ×${formatNumber(factor)}`);
    const changed = times.length > NAMED ? [`with ${times.length} channels scaled`] : times;
    return [without, ...changed].filter(Boolean).join(", ");
  }
}

export function editsText(factors) {
  const sorted = [...factors].sort(([a], [b]) => a - b);
  return sorted.map(([channel, factor]) => `${channel}=${factor}`).join(",");
}

// A Map of channel -> factor; undefined where the text is none.
export function parseEdits(text) {
  const parts = text === "" ? [] : text.split(",").map((part) => /^(\d{1,4})=(-?\d(?:\.\d{1,3})?)$/.exec(part));
  if (parts.includes(null)) return undefined;
  const pairs = parts.map(([, channel, factor]) => [Number(channel), Number(factor)]);
  const isValid = pairs.every(([, factor]) => Math.abs(factor) <= constants.factor_max) && new Map(pairs).size === pairs.length;
  return isValid ? new Map(pairs.filter(([, factor]) => factor !== 1)) : undefined;
}

function named(word, channels) {
  return channels.length ? `${word}${channels.length > 1 ? "s" : ""} ${channels.join(", ")}` : "";
}
