// The frames of a picture that is asked for whole: the newest request first, and what was seen lately at once.
import { Latest, FrameCache } from "../wire/latest.js";

const CACHE_BYTES = 64 * 2 ** 20;
const QUEUE_MS = 300; // a frame that takes longer than this may be waiting for other users

export class Frames {
  // on: {came(): the server has answered; present(frame, request); failed(error, request)}.
  /** @param {import("../wire/types.js").Transport} transport */
  constructor(transport, on) {
    this.transport = transport;
    this.on = on;
    this.latest = new Latest((request) => this.fetch(request), QUEUE_MS);
    this.turn = 0; // of the frame that was asked for last,
    this.newest = 0; // and of the one that was presented last
    this.cache = new FrameCache(CACHE_BYTES);
  }

  get running() {
    return this.latest.running;
  }

  // request: {id, lmbda, map, wishes, asked}.
  ask(request) {
    this.latest.ask(request);
  }

  async fetch(request) {
    const { id, wishes } = request;
    const key = keyOf(request);
    const turn = ++this.turn;
    try {
      const known = this.cache.get(key);
      const frame = known ?? (await this.transport.frame(id, request, { wishes, live: true }));
      if (!known) this.on.came();
      if (!frame) return; // a newer one has taken its place
      this.cache.set(key, frame);
      if (turn < this.newest) return; // it was overtaken
      this.newest = turn;
      this.on.present(frame, request);
    } catch (error) {
      await this.on.failed(error, request);
    }
  }

  // A frame that came with the picture that was opened.
  keep(frame, request) {
    this.cache.set(keyOf({ ...request, id: frame.header.picture }), frame);
  }

  clear() {
    this.cache.clear();
  }
}

function keyOf({ id, lmbda, map, wishes }) {
  return [id, lmbda, map, ...wishes].join(" ");
}
