// A large picture, asked for part by part: at most one request at a time, and always for what is wanted most.
//
//   the original in sight → the rectangle that stays live, at each new λ → when λ rests: the rest of what is in sight, the
//   nearest first → what the open views want of the inside
// A new λ ends what is being done for the one before; the live rectangle it waits for, so that no backlog can grow.
import { ORIGINAL } from "./layers.js";
import { isSameLambda } from "./lambdamap.js";
import { boxOf, common, holds, middleOf } from "./rectangles.js";
import { liveRectangle, moved } from "./view.js";

/** @typedef {import("./rectangles.js").Rect} Rect */
/** @typedef {{ lmbda: number, map: string, wishes: string[], asked: number }} Request */

const REST_MS = 100;
const LIVE_SECONDS = 0.15; // what the live rectangle may take
const LIVE_WORK = 800_000; // pixels, while it is not known how many that are

export class Parts {
  // stage: what is in sight, and the layers that the parts go into. load: {pixels, frame} of the transport.
  // on: {live(frame, request): of the live rectangle, or the same with what the views want; changed(): more of the picture is
  // there; failed(error)}.
  constructor(stage, load, on) {
    this.stage = stage;
    this.load = load;
    this.on = on;
    this.picture = null;
    /** @type {Request | null} */
    this.request = null;
    /** @type {Request | null} */
    this.shown = null; // what the live rectangle is an answer to
    /** @type {Rect | null} */
    this.window = null; // the live rectangle, where it is not all that is in sight
    /** @type {number | null} */
    this.pace = null; // pixels that are computed here in a second: see workOf
    this.isPlaced = false; // by the user
    this.isResting = false;
    this.running = false;
    /** @type {() => void} */
    this.isThere = () => {};
  }

  // picture: a large one, which the stage has open; null for none.
  open(picture) {
    this.stop();
    this.picture = picture;
    this.request = null;
    this.shown = null;
    this.window = null;
    this.first = new Promise((resolve) => (this.isThere = () => resolve(null))); // until the first frame is there, or failed
  }

  /** @param {Request} request */
  ask(request) {
    if (!isSameLambda(request, this.request)) this.start();
    this.request = request;
    this.run();
  }

  // λ or its map begins to move, or moves on.
  start() {
    if (this.isResting) {
      this.leaving?.abort();
      if (!this.isPlaced) this.window = null;
    }
    this.isResting = false;
    clearTimeout(this.resting);
  }

  stop() {
    this.isThere();
    clearTimeout(this.resting);
    this.leaving?.abort();
    this.isResting = false;
  }

  // The window where the user wants it. point: its middle.
  place(point) {
    if (!this.window || !this.stage.sight) return;
    this.window = moved(this.stage.sight, this.window, point);
    this.isPlaced = true;
    this.on.changed();
    this.run();
  }

  // Whether the live rectangle is of another λ than is wanted.
  get isBehind() {
    return this.picture !== null && !isSameLambda(this.request, this.shown);
  }

  // Whether all that is in sight is there, at the λ that is wanted.
  get isWhole() {
    const { picture, stage, request } = this;
    if (!picture || this.isBehind || stage.layers.reduce !== stage.reduce) return false;
    return !stage.sight || (holds(stage.layers.rect, stage.sight) && !stage.layers.frame.cells.lacking(stage.sight, request.lmbda));
  }

  // ---- one request after the other ----------------------------------------------------------------------------------

  async run() {
    if (this.running) return;
    this.running = true;
    let task = this.next();
    while (task) {
      this.leaving = new AbortController();
      const { signal } = this.leaving;
      try {
        await task(signal);
      } catch (error) {
        if (!signal.aborted) {
          this.isThere();
          this.on.failed(error);
          break;
        }
      }
      task = this.next();
    }
    this.running = false;
  }

  // What is wanted most, as a function that brings it; null where nothing is to be done now.
  next() {
    const { picture, request, stage, stage: { sight, reduce, layers } } = this;
    if (!picture || !request || !sight) return null;
    layers.look(sight, reduce);
    const original = picture.missing ? null : layers.original.cells.lacking(sight, ORIGINAL);
    if (original) return (signal) => this.bringOriginal(original, signal);
    if (this.isBehind) return (signal) => this.bringLive(signal);
    if (!this.isResting) return null;
    const point = this.window ? middleOf(this.window) : stage.focus;
    const tile = this.windowLacks() ?? layers.frame.cells.nextTile(sight, request.lmbda, point);
    if (tile) return (signal) => this.bringTile(tile, signal);
    const lacks = request.wishes.some((each) => !(each in this.frame.wishes));
    return lacks ? (signal) => this.bringWishes(signal) : null;
  }

  // What a window that was moved lacks.
  windowLacks() {
    const { window, request, stage: { layers, sight } } = this;
    const seen = window && common(window, sight);
    return seen && layers.frame.cells.lacking(seen, request.lmbda);
  }

  async bringOriginal(rect, signal) {
    const { picture, stage: { layers } } = this;
    const part = await this.load.pixels(picture.id, { box: boxOf(rect), reduce: layers.reduce, signal });
    if (signal.aborted || !this.stage.layers.putOriginal(part)) return;
    this.on.changed();
  }

  async bringLive(signal) {
    const { request, picture, stage: { layers } } = this;
    const rect = this.liveNow();
    const frame = await this.load.frame(picture.id, request, { box: boxOf(rect), reduce: layers.reduce, live: true, signal });
    if (signal.aborted || !frame) return;
    if (this.shown && request.map !== this.shown.map) this.stage.layers.retireFrame();
    if (!this.stage.layers.putFrame(frame, request.lmbda)) return;
    this.frame = frame;
    this.shown = request;
    this.pace = frame.header.pace ?? this.pace;
    if (!this.isBehind) this.resting = setTimeout(() => this.rest(), REST_MS);
    this.on.live(frame, request);
    this.isThere();
  }

  // The live rectangle of now; a window stays where it is for as long as λ moves and it is in sight.
  liveNow() {
    const { stage, stage: { sight, modelSight }, window } = this;
    if (window && holds(sight, window)) return window;
    this.isPlaced = false;
    const most = this.pace === null ? LIVE_WORK : this.pace * LIVE_SECONDS;
    const rect = liveRectangle(modelSight, most, stage.focus);
    this.window = rect === modelSight ? null : rect;
    return rect;
  }

  rest() {
    this.isResting = true;
    this.run();
  }

  async bringTile(rect, signal) {
    const { request, picture, stage: { layers } } = this;
    const frame = await this.load.frame(picture.id, request, { box: boxOf(rect), reduce: layers.reduce, signal });
    if (signal.aborted || !frame || !this.stage.layers.putFrame(frame, request.lmbda)) return;
    this.on.changed();
  }

  // They are of the whole picture, so the smallest part of it will do.
  async bringWishes(signal) {
    const { request, picture, frame: { header, pixels } } = this;
    const box = [0, 0, 1, 1];
    const found = await this.load.frame(picture.id, request, { box, wishes: request.wishes, signal });
    if (signal.aborted || !found) return;
    this.frame = { ...found, header, pixels };
    this.on.live(this.frame, { ...request });
  }

  // ---- what is on show ----------------------------------------------------------------------------------------------

  // What is in sight under the veil: its λ, rising, whether some of it has another λ map, and whether there is any that is
  // only seen as it looked before, or is not there at all.
  get veiled() {
    const { stage: { sight, layers: { frame } }, shown } = this;
    if (!sight || !frame) return { lambdas: [], hasOtherMap: false, isUnsharp: false, isMissing: false };
    const lacks = frame.cells.hasNone(sight);
    const values = [...frame.cells.valuesIn(sight), ...(lacks ? frame.looks : [])];
    const lambdas = new Set(values.map(Math.abs));
    return {
      lambdas: [...lambdas].filter((lmbda) => lmbda !== shown?.lmbda).sort((a, b) => a - b),
      hasOtherMap: values.some((value) => value < 0),
      isUnsharp: lacks && frame.looks.length > 0,
      isMissing: lacks && !frame.looks.length,
    };
  }
}
