// The viewer: one picture, one λ, and everything that shows them, always from the same frame.
//
// The picture comes first: while λ moves its numbers are those that are known without measuring, marked with ≈, and when
// it rests they are measured.
//
// createViewer(root, transport, options) fills `root` and returns the Viewer. What a page needs to know of it is
//
//   await open({sample}, {file} or {picture})   a sample by name, a picture's File, or one that is open, by its token
//   get(key)           what is chosen, by a key of the state (see state.js); without a key all of it, {key: value}
//   map, setMap(map)   the LambdaMap (see lambdamap.js) by which λ differs from place to place, or null; it moves with λ
//   await set(values)  {key: value}: choose. What cannot be is left as it was, and told in a notice -> its keys
//   on(type, action, signal)   events, see below; action(detail). An AbortSignal ends it
//   destroy()
//
// transport: see transport.js.
// options: scope, what hears shortcuts, paste and drop (default: root); theme(), "light" or "dark" (default: what the
// system prefers); links: whether the page's address follows the viewer's state, and the other way round (default: no).
// On root: `root.viewer`, root.dataset.{state, lmbda, picture, pending}, and three events: "picture", "statechange" (see
// state.js), and "frame" right after a frame's paint. Its detail is {picture, lmbda, level, map, wanted, asked, painted}: λ of
// the frame and the text of its map, λ that was asked for, when (performance.now) the input came that asked for it, and when it was painted.
import { buildPage } from "./page.js";
import { Readout, describe, editedHeader } from "./rates/readout.js";
import { PaintedNumbers } from "./rates/painted.js";
import { LambdaSlider } from "./controls/slider.js";
import { Frames } from "./picture/frames.js";
import { Opening } from "./picture/opening.js";
import { PictureStrip } from "./picture/strip.js";
import { Stage } from "./picture/stage.js";
import { Modes, sideTexts } from "./picture/modes.js";
import { VisibleErrors } from "./picture/visible.js";
import { LiveWindow } from "./picture/window.js";
import { LambdaMap, isSameLambda } from "./picture/lambdamap.js";
import { Parts } from "./picture/parts.js";
import { Painter } from "./paint/painter.js";
import { RatePanel } from "./rates/panel.js";
import { Measuring } from "./rates/measuring.js";
import { livePoint } from "./rates/live.js";
import { Searches } from "./compare/searches.js";
import { Beside } from "./compare/beside.js";
import { Chooser } from "./compare/chooser.js";
import { Inside } from "./inside/inside.js";
import { setPalettes } from "./inside/shared/colours.js";
import { State } from "./state/state.js";
import { Links } from "./state/links.js";
import { Lessons } from "./story/lessons.js";
import { PriorSwitch } from "./controls/prior.js";
import { Network } from "./story/network.js";
import { Quiz } from "./story/quiz.js";
import { TargetField } from "./controls/target.js";
import { Player } from "./story/player.js";
import { Exports } from "./save/exports.js";
import { Notices } from "./controls/notices.js";
import { leftOut, sorted } from "./controls/given.js";
import { listen } from "./controls/listen.js";
import { setConstants } from "./wire/constants.js";
import { Trouble } from "./wire/trouble.js";

/** @import { Frame, FrameHeader, OpenedPicture, Setup, Transport } from "./wire/types.js" */

/**
 * @param {HTMLElement & { viewer?: Viewer }} root
 * @param {Transport} transport
 * @param {{ scope?: HTMLElement | Document, theme?: () => string, links?: boolean }} options
 */
export function createViewer(root, transport, options = {}) {
  return new Viewer(root, transport, options);
}

export class Viewer {
  /**
   * @param {HTMLElement & { viewer?: Viewer }} root
   * @param {Transport} transport
   * @param {{ scope?: HTMLElement | Document, theme?: () => string, links?: boolean }} options
   */
  constructor(root, transport, { scope = root, theme = preferredTheme, links = false }) {
    this.root = root;
    this.transport = transport;
    this.theme = theme;
    this.waits = 0;
    /** @type {OpenedPicture | null} */
    this.picture = null;
    /** @type {LambdaMap | null} */
    this.map = null;
    this.shown = null;
    root.viewer = this;
    root.dataset.state = "loading";
    this.closing = new AbortController();
    this.parts = buildPage(root);
    this.trouble = new Trouble(this, this.closing.signal);
    this.readout = new Readout(this.parts.numbers, this.parts.times);
    this.painted = new PaintedNumbers(this.parts, () => this.beside.compareOneLambda());
    this.stage = new Stage(this.parts, {
      view: (scale) => this.viewChanged(scale),
      drawn: () => {
        this.window?.show();
        this.visible?.seek();
      },
      hover: (pixel) => {
        this.inside?.hoverPixel(pixel);
        this.visible?.point(pixel);
      },
      pick: (pixel) => this.painter?.isOn || this.inside?.pickPixel(pixel),
    });
    this.frames = new Frames(transport, {
      came: () => this.trouble.over(),
      present: (frame, request) => this.present(frame, request),
      failed: (error, { id }) => id === this.picture.id && this.trouble.meet(error),
    });
    this.large = new Parts(this.stage, transport, {
      live: (frame, request) => {
        this.trouble.over();
        this.present(frame, request);
      },
      changed: () => this.partsChanged(),
      failed: (error) => this.trouble.meet(error),
    });
    this.window = new LiveWindow(this.parts, this.stage, this.large);
    this.searches = new Searches(this);
    this.beside = new Beside(this);
    this.comparison = this.beside.comparison;
    this.measuring = new Measuring(this);
    this.modes = new Modes(this.parts, this.stage, () => this.sides());
    this.plotly = new Promise((resolve) => (this.givePlotly = resolve)); // large: loaded after the first picture
    this.visible = new VisibleErrors(this.parts, this.stage, {
      isAtRest: () => this.isAtRest,
      changed: () => this.modes.label(),
    }, this.closing.signal);
    this.notices = new Notices(this.parts, this.closing.signal);
    this.opening = new Opening(this);
    this.applyTheme();
    listen(this, scope, this.closing.signal);
    this.modes.set("split");
    this.modes.setGain(4);
    this.stage.setSplit(0.5);
    this.ready = this.start(links).catch((error) => this.fail(error.message));
  }

  async start(links) {
    const setup = await this.trouble.outlast(() => this.transport.setup());
    /** @type {Setup} */
    this.setup = setup;
    this.model = setup.model;
    this.root.dataset.offline = String(setup.offline);
    this.opening.source = setup.source;
    const { signal } = this.closing;
    this.slider = new LambdaSlider(this.parts, setup.lmbda.start);
    this.slider.setRange(setup.lmbda);
    this.strip = new PictureStrip(this.parts.samples, setup.samples, {
      open: (source) => this.open(source),
      removed: (own) => own === this.opening.source.own && this.open({ sample: setup.samples[0].name }),
    });
    this.panel = new RatePanel(this.parts, setup, this.plotly, {
      load: (id, codecs, signal, onLine, seen) => this.transport.points(id, codecs, signal, onLine, seen),
      pick: (series, setting) => this.beside.pick(series, setting),
      grown: () => this.curveGrown(),
      failed: (error) => this.trouble.meet(error),
    }, signal);
    this.chooser = new Chooser(this.parts, this.comparison, {
      settings: (codec) => this.panel.settings(codec),
      search: () => this.searches.ask(),
    }, signal);
    setPalettes(setup.palettes);
    setConstants(setup.constants);
    this.inside = new Inside(this.parts, this, signal);
    this.player = new Player(this.parts, this, signal);
    new TargetField(this.parts, this, signal);
    this.lessons = new Lessons(this.parts, this, setup.lessons, signal);
    this.quiz = new Quiz(this.parts, this, signal);
    this.network = new Network(this.parts, this, signal);
    this.exports = new Exports(this.parts, this, signal);
    this.prior = new PriorSwitch(this.parts, this, signal);
    this.painter = new Painter(this.parts, this, signal);
    this.state = new State(this);
    const link = links && new Links(this, signal);
    await this.trouble.outlast(() => (link ? link.follow() : this.state.apply({})));
    this.givePlotly(await this.trouble.outlast(() => this.transport.plotly()));
  }

  // ---- what others know of the viewer -------------------------------------------------------------------------------

  open(source) {
    if (source.file) return this.openGiven(sorted([source.file]));
    this.lessons?.stay();
    return this.opening.open(source);
  }

  get(key) {
    const state = this.state?.read() ?? {};
    return key === undefined ? state : state[key];
  }

  async set(values) {
    if (!this.state) await this.ready;
    const { state } = this;
    if (!state) return Object.keys(values); // there is no server, which was told already
    try {
      const rejected = await state.apply(values);
      if (!rejected.length) return [];
      await state.apply(Object.fromEntries(Object.entries(values).filter(([key]) => !rejected.includes(key))));
      this.fail(rejected.map((key) => `“${key}” must be ${state.allowed(key) ?? "left out: there is no such thing"}.`).join(" "));
      return rejected;
    } catch (error) {
      this.fail(error.message);
      return Object.keys(values);
    }
  }

  on(type, action, signal = this.closing.signal) {
    this.root.addEventListener(type, ({ detail }) => action(detail), { signal });
  }

  setModel(model) {
    this.model = model;
    return this.picture ? this.open({ picture: this.picture.id }) : this.ready;
  }

  // ---- λ: slider -> frame -> paint ----------------------------------------------------------------------------------

  get wanted() {
    return this.slider.value;
  }

  setLambda(lmbda, asked = performance.now()) {
    if (!this.setup) return;
    this.slider.set(lmbda);
    this.askFrame(asked);
  }

  // What is asked for: λ, and the text of its map.
  get at() {
    return { lmbda: this.wanted, map: this.map?.text ?? "" };
  }

  // map: of the picture's blocks; null, or one that is 0 everywhere: λ is the same in all of them.
  /** @param {LambdaMap | null} map */
  setMap(map, asked = performance.now()) {
    if (this.picture.fixed) return this.fail(this.picture.fixed);
    this.map = map?.steps.some(Boolean) ? map : null;
    return this.askFrame(asked);
  }

  // The map of a picture that is to be opened: its own, or the one on show where it has the same blocks.
  /** @param {OpenedPicture} picture */
  mapFor(picture) {
    if (picture.fixed) return LambdaMap.parse(picture.map);
    return this.map?.fits(picture) ? this.map : null;
  }

  stepLambda(octaves) {
    if (this.setup) this.setLambda(this.slider.away(octaves));
  }

  askFrame(asked = performance.now()) {
    if (!this.picture || this.waits || this.isSettled()) return;
    this.root.dataset.pending = "true";
    this.measuring.stop();
    const request = { id: this.picture.id, ...this.at, wishes: this.inside.wishes, asked };
    if (this.picture.large) this.large.ask(request);
    else this.frames.ask(request);
  }

  // Many changes and one frame: none is asked for until the task is done.
  async together(task) {
    this.waits++;
    try {
      await task();
    } finally {
      this.waits--;
      this.askFrame();
    }
  }

  // Whether what is wanted is on show, or will be with the next paint.
  isSettled() {
    const { frame, request } = this.coming ?? this.shown ?? {};
    return frame?.header.picture === this.picture.id && this.isWanted(frame, request) && !this.isWaiting;
  }

  // Whether a frame of what is wanted is still to come.
  get isWaiting() {
    return this.frames.running || this.large.isBehind;
  }

  // Whether a frame is of the λ where the slider stands and its map, and has all that the open views want with it.
  isWanted({ wishes }, request) {
    return isSameLambda(request, this.at) && this.inside.wishes.every((wish) => wish in wishes);
  }

  // Whether the stage has what is wanted, whole.
  get isAtRest() {
    const { shown, picture, comparison } = this;
    if (!shown || shown.id !== picture?.id || comparison.pending) return false;
    return this.isWanted(shown.frame, shown.request) && (!picture.large || this.large.isWhole);
  }

  resume() {
    this.askFrame();
    this.repaint(); // what numbers and comparisons lack is asked for in a paint
    this.panel?.resume();
    if (this.picture?.large) this.large.run();
  }

  // Shown at the next paint; when a newer frame comes before that, only the newer one is.
  present(frame, request) {
    if (frame.header.picture !== this.picture.id) return;
    if (!this.coming) requestAnimationFrame(() => this.paint());
    this.coming = { frame, request };
  }

  // The frame on show once more, beside something else.
  repaint() {
    if (this.shown && !this.coming) this.present(this.shown.frame, this.shown.request);
  }

  // Pictures, numbers, plot, verdict and labels change here, in one go: they cannot disagree.
  paint() {
    const { frame, request } = this.coming;
    this.coming = null;
    if (frame.header.picture !== this.picture.id) return;
    const header = { ...frame.header, point: livePoint(frame.header, this.panel.measured(frame.header.map), this.picture) };
    const isNew = request !== this.shown?.request;
    if (this.picture.large) this.stage.current = request.lmbda;
    else this.stage.layers.setFrame(this.inside.picture(frame));
    this.shown = { id: header.picture, frame, request, header };
    this.beside.paint(this.shownHeader);
    if (isNew) this.inside.show(frame);
    else this.inside.view?.numbers?.();
    this.stage.draw();
    this.modes.label();
    this.root.dataset.lmbda = header.lmbda;
    if (this.isWanted(frame, request)) this.measuring.rest(frame.header, describe(this.shownHeader));
    if (isNew) this.report(header, request);
    this.state.touch();
  }

  // More of a large picture is there.
  partsChanged() {
    this.stage.invalidate();
    if (this.large.isWhole || this.comparison.choice) this.repaint();
  }

  viewChanged(scale) {
    this.parts.zoom.textContent = `${Number((100 * scale).toPrecision(3))} %`;
    this.large?.run();
    if (this.picture?.large && this.comparison.choice) this.repaint(); // what stands beside it is of another part
  }

  // The views of the inside, too, tell of the file.
  numbersFound(header) {
    this.trouble.over();
    this.panel.visit(header);
    this.inside.refresh();
    this.repaint();
  }

  curveGrown() {
    this.inside.view?.grown?.();
    if (this.shown?.header.point.approximate) this.repaint();
  }

  // A message posted during a paint is delivered after it.
  report({ picture, lmbda, level, map }, { lmbda: wanted, asked }) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      const detail = { picture, lmbda, level, map, wanted, asked, painted: performance.now() };
      this.root.dispatchEvent(new CustomEvent("frame", { detail }));
    };
    port2.postMessage(null);
  }

  // The header of the frame on show, with the numbers of what is on show.
  get shownHeader() {
    const { header, frame } = this.shown;
    return editedHeader(header, this.inside.edit(frame));
  }

  // One thing that is open is closed.
  back() {
    const { curves, exports, playMenu } = this.parts;
    const open = [curves, exports, playMenu].find((menu) => menu.open);
    if (open) open.open = false;
    else if (this.notices.isOpen) this.notices.close();
    else if (!this.painter?.leave() && !this.inside?.inspection.close()) this.comparison.choose(null);
  }

  sides() {
    return sideTexts(this.shown && this.shownHeader, this.comparison, this.panel?.described, this.inside?.title);
  }

  // ---- messages, theme, files ---------------------------------------------------------------------------------------

  // A hint of what happened; an empty one takes the last away.
  notify(message) {
    this.notices.hint(message);
  }

  // What went wrong, in a sentence with the remedy.
  fail(message) {
    this.notices.fail(message);
  }

  applyTheme() {
    const theme = this.theme();
    if (this.root.dataset.theme === theme) return;
    this.root.dataset.theme = theme;
    this.panel?.plot.redraw();
    this.inside?.refresh();
  }

  // The first that can be is opened; the others wait in the strip. What cannot be is named.
  /** @param {import("./controls/given.js").Given} given */
  async openGiven({ files, left, says }) {
    if (!this.setup) return;
    if (this.setup.offline && files.length + left.length) {
      await this.opening.open({}); // says that there is one picture alone
      return;
    }
    const added = [...files].reverse().map((file) => this.strip.add(file)).reverse();
    const problem = says || leftOut(left);
    if (problem) this.fail(problem);
    this.lessons?.stay();
    for (const own of added) if (await this.opening.open({ own })) return;
  }

  destroy() {
    this.closing.abort();
    this.comparison.clear();
    this.searches.stop();
    this.measuring.stop();
    this.large.stop();
    this.stage.destroy();
    this.panel?.destroy();
    this.inside?.destroy();
    this.state?.destroy();
    this.frames.clear();
    this.root.replaceChildren();
  }
}

export function preferredTheme() {
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
