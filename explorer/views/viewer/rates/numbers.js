// The numbers of what is on show, measured when λ rests: they follow the picture at their own pace.

const REST_MS = 80;

export class Numbers {
  // load(header, signal) -> {point, side_bits, regions}, which are put into the header, or null for nothing.
  // found(header): it has them; failed(error).
  constructor(load, { found, failed }) {
    this.load = load;
    this.found = found;
    this.failed = failed;
    this.sought = null;
  }

  // header: of the picture on show; null while there is another one to come, and where all is known.
  seek(header) {
    if (header === this.sought) return;
    this.stop();
    this.sought = header;
    if (header) this.resting = setTimeout(() => this.find(header), REST_MS);
  }

  async find(header) {
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    try {
      const found = await this.load(header, signal);
      if (signal.aborted || !found) return;
      const { point, side_bits = header.side_bits, regions = header.regions } = found;
      Object.assign(header, { point, side_bits, regions });
      this.found(header);
    } catch (error) {
      if (signal.aborted) return;
      if (error.later) this.sought = null; // to be sought again
      this.failed(error);
    }
  }

  stop() {
    clearTimeout(this.resting);
    this.leaving?.abort();
    this.sought = null;
  }
}
