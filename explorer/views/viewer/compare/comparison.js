// What the model is compared with: the original, or a codec at a setting that is fixed or follows λ.
import { Latest, FrameCache } from "../wire/latest.js";

const KEPT_BYTES = 32 * 2 ** 20;
const REST_MS = 120; // how long λ rests before a match is asked for

export class Comparison {
  // load(search, signal) -> the codec's frame. changed(): paint again. failed(error).
  constructor(load, { changed, failed }) {
    this.load = load;
    this.changed = changed;
    this.failed = failed;
    this.choice = null; // {codec, by: "rate" | "quality" | "fixed", setting}, or null: the original
    this.shown = null; // the codec's frame beside the model's; not what is wanted while `pending`
    this.pending = false;
    this.swapped = false; // the model is on the left, the codec on the right
    this.kept = new FrameCache(KEPT_BYTES);
    this.finder = new Latest((search) => this.find(search));
  }

  choose(choice, swapped = this.swapped) {
    this.choice = choice;
    this.swapped = swapped && choice !== null;
    this.changed();
  }

  swap() {
    this.choose(this.choice, !this.swapped);
  }

  // In every paint, with the header of the model's frame: sets what stands beside it, or has it found. What matches the
  // model waits for its numbers. part: {box, reduce} that is on show of a large picture, else null.
  follow({ picture, lmbda, map, point }, part) {
    if (this.shown?.header.picture !== picture) this.shown = null;
    if (!this.choice || (part && this.shown && !isOf(this.shown, part))) this.shown = null;
    const { box, reduce = 1 } = part ?? {};
    const search = this.choice && { ...this.choice, id: picture, at: { lmbda, map }, box, reduce };
    const at = search?.by === "fixed" ? search.setting : `${lmbda} ${map}`;
    const key = search && [picture, search.codec, search.by, at, box, reduce].join(" ");
    const found = this.found?.key === key ? this.found.frame : this.kept.get(key);
    this.pending = Boolean(search && !found);
    if (found) this.shown = found;
    const isReady = this.pending && (search.by === "fixed" || !point.approximate);
    this.seek(isReady ? { key, ...search } : null);
  }

  // One search at a time; a newer one ends the one before, also on the server.
  seek(search) {
    if (this.sought?.key === search?.key) return;
    this.stop();
    this.sought = search;
    if (search) this.resting = setTimeout(() => this.finder.ask(search), search.by === "fixed" ? 0 : REST_MS);
  }

  async find(search) {
    if (search !== this.sought) return;
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    try {
      const frame = await this.load(search, signal);
      if (signal.aborted) return;
      // Beside the cache, which keeps nothing that is larger than itself.
      this.found = { key: search.key, frame };
      this.kept.set(search.key, frame);
      this.changed();
    } catch (error) {
      if (signal.aborted) return;
      this.sought = null;
      this.failed(error);
    }
  }

  stop() {
    clearTimeout(this.resting);
    this.leaving?.abort();
    this.sought = null;
  }

  clear() {
    this.stop();
    this.kept.clear();
    this.found = this.shown = null;
  }
}

// Whether a frame is of the part of a large picture that is on show.
function isOf({ header }, { box, reduce }) {
  return header.reduce === reduce && header.box.join() === box.join();
}
