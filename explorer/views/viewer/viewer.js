// The viewer: one picture, one λ, and everything that shows them, always from the same frame.
//
// createViewer(root, transport, options) fills `root` and returns the Viewer. transport: see transport.js.
// options: scope, what hears shortcuts, paste and drop (default: root); theme(), "light" or "dark" (default: what the
// system prefers). On root: `root.viewer`, root.dataset.{state, lmbda, picture, pending}, and two events: "picture",
// and "frame" right after a frame's paint. Its detail is {picture, lmbda, level, wanted, asked, painted}: λ of the
// frame, λ that was asked for, when (performance.now) the input came that asked for it, and when it was painted.
import { Latest, FrameCache } from "./latest.js";
import { buildPage, addSamples, addTicks, saveBlob } from "./page.js";
import { Readout, formatLambda, describe } from "./readout.js";
import { Stage } from "./stage.js";
import { RatePlot } from "./plot.js";
import { listen } from "./listen.js";

const SLIDER_STEPS_PER_OCTAVE = 256;
const CACHE_BYTES = 64 * 2 ** 20;
const NOTICE_MS = 8000;

export function createViewer(root, transport, options = {}) {
  return new Viewer(root, transport, options);
}

class Viewer {
  constructor(root, transport, { scope = root, theme = preferredTheme }) {
    Object.assign(this, { root, transport, theme });
    root.viewer = this;
    root.dataset.state = "loading";
    this.parts = buildPage(root);
    this.readout = new Readout(this.parts.numbers);
    this.stage = new Stage(this.parts, (scale) => this.showScale(scale));
    this.frames = new Latest((wish) => this.fetchFrame(wish));
    this.cache = new FrameCache(CACHE_BYTES);
    this.closing = new AbortController();
    this.opening = 0;
    this.applyTheme();
    listen(this, scope, this.closing.signal);
    this.setMode("split");
    this.setGain(4);
    this.stage.setSplit(0.5);
    this.ready = this.start().catch((error) => this.notify(error.message));
  }

  async start() {
    const setup = await this.transport.setup();
    Object.assign(this, { setup, model: setup.model, wanted: setup.lmbda.start });
    this.octaves = Math.log2(setup.lmbda.max / setup.lmbda.min);
    this.parts.slider.max = this.octaves * SLIDER_STEPS_PER_OCTAVE;
    addTicks(this.parts.ticks, setup.lmbda);
    addSamples(this.parts.samples, setup.samples, (sample) => this.open({ sample }));
    this.placeSlider();
    this.plot = new RatePlot(this.parts, setup.figure, (lmbda) => this.setLambda(lmbda));
    this.plot.setTheme();
    await this.open({ sample: setup.samples[0].name });
    await this.plot.start(() => this.transport.plotly());
  }

  // ---- opening a picture --------------------------------------------------------------------------------------------

  // source: {sample}, {file, name}, or {picture} for an open one with another model. What is shown stays until then.
  async open(source) {
    if (!this.setup) return;
    const turn = ++this.opening;
    this.root.dataset.state = "loading";
    try {
      const opened = await this.fetchPicture(source);
      if (turn === this.opening) this.showPicture(source.picture ? this.source : source, opened);
    } catch (error) {
      if (turn === this.opening) this.notify(error.message);
    }
    if (turn === this.opening) this.root.dataset.state = "ready";
  }

  async fetchPicture(source) {
    if (source.file?.size > this.setup.maxUpload) {
      throw new Error(`This file is larger than ${this.setup.maxUpload >> 20} MB: please send a smaller one.`);
    }
    const picture = await this.transport.open({ model: this.model, ...source });
    const frame = this.transport.frame(picture.id, this.wanted);
    return { picture, original: await this.transport.pixels(picture.id), frame: await frame };
  }

  showPicture(source, { picture, original, frame }) {
    Object.assign(this, { source, picture });
    this.root.dataset.picture = picture.id;
    this.cache.clear();
    this.stage.setOriginal(original);
    this.plot.clear();
    this.plot.add({ series: "model", setting: frame.header.lmbda, point: frame.header.point });
    this.present(frame, { lmbda: this.wanted, asked: performance.now() });
    for (const button of this.parts.samples.children) button.ariaPressed = button.dataset.sample === source.sample;
    this.notify(picture.notes.join(" "));
    this.root.dispatchEvent(new CustomEvent("picture", { detail: picture }));
    this.collectPoints(picture.id);
    this.askFrame();
  }

  // The points of the picture before are of no more use: leaving the stream makes the server stop.
  async collectPoints(id) {
    this.collecting?.abort();
    this.collecting = new AbortController();
    const { signal } = this.collecting;
    const add = (line) => signal.aborted || this.plot.add(line);
    await this.transport.points(id, signal, add).catch((error) => signal.aborted || this.notify(error.message));
  }

  setModel(model) {
    this.model = model;
    return this.picture ? this.open({ picture: this.picture.id }) : this.ready;
  }

  // ---- λ: slider -> frame -> paint ----------------------------------------------------------------------------------

  setLambda(lmbda, asked = performance.now()) {
    if (!this.setup) return;
    const { min, max } = this.setup.lmbda;
    this.wanted = Math.min(Math.max(lmbda, min), max);
    this.placeSlider();
    this.askFrame(asked);
  }

  stepLambda(octaves) {
    this.setLambda(this.wanted * 2 ** octaves);
  }

  readSlider(asked) {
    const share = this.parts.slider.value / this.parts.slider.max;
    this.setLambda(this.setup.lmbda.min * 2 ** (share * this.octaves), asked);
  }

  placeSlider() {
    const { slider } = this.parts;
    const share = Math.log2(this.wanted / this.setup.lmbda.min) / this.octaves;
    slider.value = Math.round(share * slider.max);
    slider.style.setProperty("--at", share);
    slider.setAttribute("aria-valuetext", `λ ${formatLambda(this.wanted)}`);
  }

  askFrame(asked = performance.now()) {
    if (!this.picture || this.isSettled()) return;
    this.root.dataset.pending = true;
    this.frames.ask({ id: this.picture.id, lmbda: this.wanted, asked });
  }

  isSettled() {
    return this.shown?.id === this.picture.id && this.shown.wanted === this.wanted && !this.frames.running;
  }

  async fetchFrame({ id, lmbda, asked }) {
    const key = `${id} ${lmbda}`;
    try {
      const frame = this.cache.get(key) ?? (await this.transport.frame(id, lmbda));
      this.cache.set(key, frame);
      this.present(frame, { lmbda, asked });
    } catch (error) {
      if (error.gone && id === this.picture.id) await this.openAgain();
      else this.notify(error.message);
    }
  }

  async openAgain() {
    await this.open(this.source);
    this.notify("The server had let go of this picture, so it was opened again.");
  }

  // Shown at the next paint; when a newer frame comes before that, only the newer one is.
  present(frame, wish) {
    if (frame.header.picture !== this.picture.id) return;
    if (!this.coming) requestAnimationFrame(() => this.paint());
    this.coming = { frame, wish };
  }

  // Picture, numbers, plot and labels change here and nowhere else, in one go: they cannot disagree.
  paint() {
    const { frame: { header, pixels }, wish } = this.coming;
    this.coming = null;
    if (header.picture !== this.picture.id) return;
    this.shown = { id: header.picture, wanted: wish.lmbda, header };
    this.stage.setFrame({ pixels });
    this.stage.draw();
    this.readout.show(header.point);
    this.plot.move(header.point, describe(header));
    this.parts.lambda.textContent = formatLambda(header.lmbda);
    this.parts.slider.setAttribute("aria-valuetext", describe(header));
    this.showTags();
    this.root.dataset.lmbda = header.lmbda;
    if (wish.lmbda === this.wanted) delete this.root.dataset.pending;
    this.report(header, wish);
  }

  // A message posted during a paint is delivered after it.
  report({ picture, lmbda, level }, { lmbda: wanted, asked }) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      const detail = { picture, lmbda, level, wanted, asked, painted: performance.now() };
      this.root.dispatchEvent(new CustomEvent("frame", { detail }));
    };
    port2.postMessage(null);
  }

  // ---- modes and labels ---------------------------------------------------------------------------------------------

  setMode(mode) {
    this.stage.setMode(mode);
    for (const radio of this.parts.modes) radio.checked = radio.value === mode;
    this.parts.gainBox.hidden = mode !== "signed" && mode !== "absolute";
    this.parts.hold.hidden = mode !== "flip";
    this.showTags();
  }

  setGain(gain) {
    this.parts.gain.value = gain;
    this.stage.setGain(gain);
    this.showTags();
  }

  nextGain() {
    const { gain } = this.parts;
    this.setGain(Number(gain.options[(gain.selectedIndex + 1) % gain.length].value));
  }

  hold(held) {
    if (held === this.stage.held) return;
    this.stage.hold(held);
    this.showTags();
  }

  showTags() {
    const { mode, held, gain } = this.stage;
    const now = this.shown ? `λ ${formatLambda(this.shown.header.lmbda)}` : "";
    const differences = { signed: `${now} − original, ×${gain}`, absolute: `|${now} − original|, ×${gain}` };
    const single = { flip: now, ...differences }[mode];
    this.parts.leftTag.textContent = held ? "Original" : (single ?? "Original");
    this.parts.rightTag.textContent = held || single !== undefined ? "" : now;
  }

  showScale(scale) {
    this.parts.zoom.textContent = `${Number((100 * scale).toPrecision(3))} %`;
  }

  // The message says what happened; an empty one takes the last away.
  notify(message) {
    clearTimeout(this.noticeTimer);
    this.parts.notice.textContent = message;
    if (message) this.noticeTimer = setTimeout(() => this.notify(""), NOTICE_MS);
  }

  applyTheme() {
    const theme = this.theme();
    if (this.root.dataset.theme === theme) return;
    this.root.dataset.theme = theme;
    this.plot?.setTheme();
  }

  openFile(file) {
    if (file) this.open({ file, name: file.name });
  }

  async save(kind) {
    if (!this.shown) return;
    const { id, header } = this.shown;
    await this.transport.file(id, header.lmbda, kind).then(saveBlob, (error) => this.notify(error.message));
  }

  // ---- the end ------------------------------------------------------------------------------------------------------

  destroy() {
    this.closing.abort();
    this.collecting?.abort();
    this.stage.destroy();
    this.plot?.destroy();
    this.cache.clear();
    this.root.replaceChildren();
  }
}

function preferredTheme() {
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
