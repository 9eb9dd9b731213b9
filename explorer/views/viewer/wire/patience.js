// When to try again after a failure that passes by itself: after some time, longer each time, and at once when the page is
// looked at again or the network is back.

const LONGEST = 30; // seconds

export class Patience {
  /** @param {AbortSignal} signal ends all waiting, for ever */
  constructor(signal) {
    this.signal = signal;
    this.times = 0; // in a row
    this.waiting = null; // a promise
  }

  // seconds: to begin with. What waits already is not made to wait longer.
  /** @param {number} seconds @returns {Promise<void>} */
  pause(seconds) {
    this.waiting ??= this.wait(Math.min(seconds * 2 ** this.times++, Math.max(seconds, LONGEST)));
    return this.waiting;
  }

  /** @param {number} seconds @returns {Promise<void>} */
  wait(seconds) {
    return new Promise((resolve) => {
      const over = new AbortController();
      const end = () => {
        clearTimeout(timer);
        over.abort();
        this.waiting = null;
        if (!this.signal.aborted) resolve();
      };
      const timer = setTimeout(end, 1000 * seconds);
      const look = () => document.visibilityState === "visible" && end();
      document.addEventListener("visibilitychange", look, { signal: over.signal });
      window.addEventListener("online", end, { signal: over.signal });
      this.signal.addEventListener("abort", end, { signal: over.signal });
    });
  }

  // It went well: the next failure is the first one.
  reset() {
    this.times = 0;
  }
}
