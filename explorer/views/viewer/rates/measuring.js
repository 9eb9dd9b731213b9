// What λ at rest has time for: the numbers of the file on show, then SSIMULACRA2 and times, and those of what is beside it.
import { SEARCHED } from "../compare/searches.js";
import { Numbers } from "./numbers.js";

export class Measuring {
  /** @param {import("../viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    const { transport } = viewer;
    const failed = (error) => viewer.trouble.meet(error);
    const found = (header) => viewer.numbersFound(header);
    this.numbers = new Numbers((header, signal) => transport.numbers(header.picture, header, signal), { found, failed });
    this.seen = new Numbers(({ picture, lmbda, map }, signal) => transport.seen(picture, { lmbda, map }, signal), { found, failed });
    this.rivalSeen = new Numbers((header, signal) => transport.seen(header.picture, this.ofRival(header), signal), {
      found: () => viewer.repaint(),
      failed,
    });
  }

  // What the transport calls the picture beside the one on show.
  ofRival({ codec, setting, point }) {
    const { viewer, viewer: { shown } } = this;
    if (codec === SEARCHED) return { lmbda: point.knob.lambda, map: shown.header.map, effort: setting };
    return viewer.beside.isOneLambda ? { lmbda: setting } : { codec, setting };
  }

  // The frame that is wanted is on show: its numbers are measured, where they are not known.
  rest(header, text) {
    const { viewer, viewer: { picture, comparison, root } } = this;
    viewer.parts.slider.setAttribute("aria-valuetext", text);
    const isWhole = !picture.large || viewer.large.isWhole;
    this.numbers.seek(header.point || !isWhole ? null : header);
    const isSeen = !header.point || header.point.encode_s !== undefined || picture.missing || viewer.setup.offline;
    this.seen.seek(isSeen || !isWhole ? null : header);
    const other = comparison.pending ? null : comparison.shown?.header;
    this.rivalSeen.seek(other?.point.ssimulacra2 === undefined ? other : null);
    if (header.point && isWhole) delete root.dataset.pending;
    else root.dataset.pending = "true";
  }

  stop() {
    for (const each of [this.numbers, this.seen, this.rivalSeen]) each.stop();
  }
}
