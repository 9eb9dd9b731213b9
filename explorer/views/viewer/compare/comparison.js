// What the model is compared with: the original, a codec at a setting that is fixed or follows λ, or what a search found
// at this λ.
import { Latest, FrameCache } from "../wire/latest.js";

const KEPT_BYTES = 32 * 2 ** 20;
const REST_MS = 120; // how long λ rests before a match is asked for

export class Comparison {
  // load(search, signal) -> the codec's frame. isFound(header, effort): whether there is anything that a search with an
  // effort found at the λ of a frame. changed(): paint again. failed(error).
  constructor(load, { isFound, changed, failed }) {
    this.load = load;
    this.isFound = isFound;
    this.changed = changed;
    this.failed = failed;
    this.choice = null; // {codec, by: "rate" | "quality" | "fixed" | "effort", setting}, or null: the original
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
  follow(header, part) {
    const { picture, lmbda, map, point } = header;
    if (this.shown?.header.picture !== picture) this.shown = null;
    if (part && this.shown && !isOf(this.shown, part)) this.shown = null;
    const { box, reduce = 1 } = part ?? {};
    const search = this.isThere(header) ? { ...this.choice, id: picture, at: { lmbda, map }, box, reduce } : null;
    const place = `${lmbda} ${map}`;
    const at = { fixed: search?.setting, effort: `${search?.setting} ${place}` }[search?.by] ?? place;
    const key = search && [picture, search.codec, search.by, at, box, reduce].join(" ");
    const found = this.found?.key === key ? this.found.frame : this.kept.get(key);
    this.pending = Boolean(search && !found);
    if (found) this.shown = found;
    else if (!search || search.by === "effort") this.shown = null; // what was found at another λ is no answer at this one
    const isReady = this.pending && (waitsForNothing(search) || !point.approximate);
    this.seek(isReady ? { key, ...search } : null);
  }

  // Whether what is chosen has a picture at the λ of a frame.
  isThere(header) {
    const { choice } = this;
    return choice !== null && (choice.by !== "effort" || this.isFound(header, choice.setting));
  }

  // One search at a time; a newer one ends the one before, also on the server.
  seek(search) {
    if (this.sought?.key === search?.key) return;
    this.stop();
    this.sought = search;
    if (search) this.resting = setTimeout(() => this.finder.ask(search), waitsForNothing(search) ? 0 : REST_MS);
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

// Whether what is sought does not depend on the numbers of the model's file.
function waitsForNothing({ by }) {
  return by === "fixed" || by === "effort";
}

// Whether a frame is of the part of a large picture that is on show.
function isOf({ header }, { box, reduce }) {
  return header.reduce === reduce && header.box.join() === box.join();
}
