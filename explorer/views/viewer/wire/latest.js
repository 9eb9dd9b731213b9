// Two small helpers that keep the hot path short: one request in the air at a time, and a bounded cache of frames.

// Runs `task` for the newest request. While one runs, later ones replace each other; only the last of them is run next.
// patience: milliseconds after which a newer request does not wait for the one before, which may be in a queue.
export class Latest {
  constructor(task, patience = Infinity) {
    this.task = task;
    this.patience = patience;
    this.next = null;
    this.began = 0;
    this.tasks = 0;
  }

  get running() {
    return this.tasks > 0;
  }

  ask(request) {
    this.next = request;
    if (!this.running || performance.now() - this.began > this.patience) this.run();
  }

  async run() {
    this.tasks++;
    while (this.next) {
      const request = this.next;
      this.next = null;
      this.began = performance.now();
      await this.task(request);
    }
    this.tasks--;
  }
}

// Frames by key, least recently used first; `limit` bounds their bytes together.
export class FrameCache {
  constructor(limit) {
    this.limit = limit;
    this.frames = new Map();
    this.bytes = 0;
  }

  get(key) {
    const frame = this.frames.get(key);
    if (frame) {
      this.frames.delete(key);
      this.frames.set(key, frame);
    }
    return frame;
  }

  set(key, frame) {
    if (this.frames.has(key)) return;
    this.frames.set(key, frame);
    this.bytes += frame.bytes;
    for (const [oldest, { bytes }] of this.frames) {
      if (this.bytes <= this.limit) break;
      this.frames.delete(oldest);
      this.bytes -= bytes;
    }
  }

  clear() {
    this.frames.clear();
    this.bytes = 0;
  }
}
