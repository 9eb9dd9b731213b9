// The numbers of the frame on show, measured when λ rests: they follow the picture at their own pace.

const REST_MS = 80;

export class Numbers {
  // load(id, lmbda, signal) -> {point, side_bits}. found(header): it has them; failed(error).
  constructor(load, { found, failed }) {
    this.load = load;
    this.found = found;
    this.failed = failed;
    this.sought = null;
  }

  // header: of the frame on show; null while there is another one to come. The numbers are put into it.
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
      const found = await this.load(header.picture, header.lmbda, signal);
      if (signal.aborted || !found) return;
      Object.assign(header, { point: found.point, side_bits: found.side_bits });
      this.found(header);
    } catch (error) {
      if (!signal.aborted) this.failed(error);
    }
  }

  stop() {
    clearTimeout(this.resting);
    this.leaving?.abort();
    this.sought = null;
  }
}
