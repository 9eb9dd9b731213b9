// The encoder's search: what is known of it for the open picture and model, and the one that is under way.
//
// A search belongs to its picture, model and λ: it goes on while λ moves, and ends when another picture or model is
// opened. What it found is kept by the server, and is told at once where it is asked for again.
import { constants } from "../wire/constants.js";
import { formatLambda } from "../rates/readout.js";
import { costChange, percentText } from "./gains.js";

/** @import { SearchFound, SearchLine } from "../wire/types.js" */

const LAST_LEVEL = 65535;
export const SEARCHED = "searched"; // what it found, where the names of codecs stand
// As other codecs are described: see Rival.
export const SEARCHED_RIVAL = {
  name: SEARCHED, label: "Searched", about: "This model, whose encoder searched for a better file", knob: "effort", unit: "",
  suffix: "mae", reason: "",
};

export class Searches {
  /** @param {import("../viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {Map<string, SearchFound>} */
    this.found = new Map();
    /** @type {number[] | null} */
    this.seconds = null; // that a search takes here with each effort from 1 on, about
    /** @type {{ lmbda: number, map: string, effort: number, line: SearchLine | null } | null} */
    this.running = null;
    this.problem = ""; // why the last one ended without a result
    this.asked = null; // the picture that was asked about
  }

  // Another picture or model.
  open() {
    this.stop();
    this.asked = null;
    this.found.clear();
    this.seconds = null;
    this.problem = "";
    if (this.viewer.comparison.choice?.codec === SEARCHED) this.viewer.comparison.choose(null);
  }

  stop() {
    this.cancel();
    this.asking?.abort();
  }

  // What a search finds is to stand beside the first guess, where there is a search or will be.
  ask() {
    const { inside } = this.viewer;
    inside.setTab("search");
    this.compare(inside.views.search.effort);
  }

  // All that is found, by rising λ.
  get all() {
    return [...this.found.values()].sort((a, b) => a.level - b.level || a.effort - b.effort);
  }

  // What a search with an effort found at the λ of a frame's header, and its map, or undefined.
  at({ level, map }, effort) {
    return this.found.get(keyOf({ level, map, effort }));
  }

  atLambda({ lmbda, map }, effort) {
    return this.at({ level: levelOf(lmbda), map }, effort);
  }

  // Asks the server, once for each picture, what it keeps and how long a search takes.
  async learn() {
    const { viewer } = this;
    const { id } = viewer.picture;
    if (this.asked === id) return;
    this.asked = id;
    this.asking = new AbortController();
    const { signal } = this.asking;
    try {
      const { seconds, found } = await viewer.transport.searches(id, signal);
      if (signal.aborted) return;
      this.seconds = seconds;
      found.forEach((each) => this.take(each));
      viewer.inside.refresh();
      viewer.repaint();
      this.changed();
    } catch (error) {
      if (!signal.aborted) this.end(error);
    }
  }

  // at: {lmbda, map} of the frame on show.
  async start({ lmbda, map }, effort) {
    const { viewer } = this;
    this.cancel();
    this.problem = "";
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    const running = (this.running = { lmbda, map, effort, line: null });
    const tell = (line) => {
      if (signal.aborted) return;
      if ("error" in line) this.problem = line.error;
      else if ("after" in line) this.arrived(line);
      else running.line = line;
      this.changed();
    };
    this.changed();
    try {
      await viewer.transport.search(viewer.picture.id, { lmbda, map, effort }, signal, tell);
      if (signal.aborted) return;
      this.running = null;
      this.changed();
    } catch (error) {
      if (signal.aborted) return;
      this.running = null;
      this.end(error);
    }
  }

  cancel() {
    this.leaving?.abort();
    this.running = null;
  }

  // What was found stands beside the first guess, where λ still is where it was searched for.
  arrived(found) {
    const { viewer } = this;
    this.take(found);
    this.running = null;
    viewer.inside.refresh();
    if (this.at(viewer.shown.header, found.effort) === found) this.compare(found.effort);
    else viewer.notify(`The search at λ ${formatLambda(found.lmbda)} has ended: J ${percentText(costChange(found))}.`);
  }

  take(found) {
    this.found.set(keyOf(found), found);
    this.viewer.panel.setSearched(this.all);
  }

  // First guess on the left, what was found on the right.
  compare(effort) {
    this.viewer.comparison.choose({ codec: SEARCHED, by: "effort", setting: effort }, true);
  }

  end(error) {
    if (error.gone || error.later) this.viewer.trouble.meet(error);
    else this.problem = error.message;
    this.changed();
  }

  changed() {
    this.viewer.inside.views.search.told();
  }
}

function keyOf({ level, map, effort }) {
  return `${level} ${map} ${effort}`;
}

// As a file's header has it: see bitstream.py.
function levelOf(lmbda) {
  const { paper_lambdas: all } = constants; // they end where the levels do
  return Math.round((LAST_LEVEL * Math.log(lmbda / all[0])) / Math.log(all.at(-1) / all[0]));
}
