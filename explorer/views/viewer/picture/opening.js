// Opening a picture: what is shown stays until the new one is there with its first frame; meanwhile one sees the original
// of one's own picture, and what is being done.
import { LambdaSlider } from "../controls/slider.js";
import { formatLambda } from "../rates/readout.js";
import { failure } from "../wire/failures.js";
import { Preview } from "./preview.js";

const DROPPED = "The painted λ is gone: this picture has another size.";
const AGAIN_MS = 5000; // a picture that is let go again so soon is not opened once more

export class Opening {
  /** @param {import("../viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.preview = new Preview(viewer.parts, viewer.root);
    this.turn = 0;
    this.source = null; // source: of what is open, and at first what to open
    this.reopening = null; // a promise, while what was let go is opened again
    this.reopened = -AGAIN_MS; // when it last was
    this.chosen = null; // the model that was chosen before a received file brought its own
  }

  // source: {sample}, {own: OwnPicture}, or {picture} for an open one with another model. The newest wins.
  // picture: what `ask` made of it, where that is known. -> false where the source is no good.
  async open(source, picture) {
    const { viewer, preview } = this;
    if (!viewer.setup) return true;
    const turn = ++this.turn;
    viewer.root.dataset.state = "loading";
    preview.end();
    let isGood = true;
    try {
      const opened = await this.fetch(source, picture, turn);
      if (turn === this.turn) this.show(opened);
    } catch (error) {
      isGood = turn !== this.turn || !error.refused;
      if (turn === this.turn) this.fail(source, error);
    }
    if (viewer.picture?.large) viewer.large.first.then(() => this.end(turn));
    else this.end(turn);
    return isGood;
  }

  end(turn) {
    if (turn !== this.turn) return;
    this.preview.end();
    this.viewer.root.dataset.state = "ready";
  }

  // For what is opened next.
  get model() {
    return this.chosen ?? this.viewer.model;
  }

  // What the server makes of a source under a model: a picture that can be asked for frames.
  ask(source, model, sent) {
    const { transport } = this.viewer;
    return source.own ? source.own.open(transport, model, sent) : transport.open({ model, ...source });
  }

  async fetch(source, known, turn) {
    const { viewer, preview, viewer: { transport, wanted, inside } } = this;
    if (source.own && !known) await this.look(source.own, turn);
    const sent = (bytes) => turn === this.turn && preview.say(`Sending ${source.own.name}: ${share(bytes, source.own.file)} …`);
    const picture = known ?? (await this.ask(source, this.model, sent));
    inside.limit(picture);
    const isSame = source.picture !== undefined && source.picture === viewer.picture?.id; // under another model
    const opened = { source: this.sourceOf(source, picture), picture, isSame, original: null, frame: null };
    const lmbda = LambdaSlider.within(wanted, picture.lmbda);
    const request = { lmbda, map: viewer.mapFor(picture)?.text ?? "", wishes: inside.wishes };
    if (turn === this.turn) preview.say(`${picture.missing ? "Decoding" : "Coding"} at λ = ${formatLambda(lmbda)} …`);
    if (picture.large) return opened; // the stage knows what of it is in sight
    const coming = transport.frame(picture.id, request, request);
    const original = isSame || picture.missing ? null : await transport.pixels(picture.id);
    const frame = await coming;
    return { ...opened, original, frame, request };
  }

  // The original at once, as the browser reads it, while it travels to the server.
  async look(own, turn) {
    const { viewer: { setup }, preview } = this;
    if (own.file?.size > setup.maxUpload) {
      const message = `“${own.name}” is larger than ${setup.maxUpload >> 20} MB: please send a smaller one.`;
      throw failure(message, { refused: true });
    }
    preview.say(`Reading ${own.name} …`);
    own.decode().then((image) => {
      if (image && turn === this.turn && this.viewer.root.dataset.state === "loading") preview.show(image);
    });
  }

  // What a picture was opened by is what it can be opened by again.
  sourceOf(source, picture) {
    const { strip, picture: before } = this.viewer;
    if (source.picture === undefined) return source;
    if (before && source.picture === before.id) return this.source;
    if (picture.sample) return { sample: picture.sample };
    return { own: strip.find(source.picture) ?? strip.adopt(picture) };
  }

  show({ source, picture, isSame, original, frame, request = null }) {
    const { viewer } = this;
    const isOtherModel = picture.model !== viewer.picture?.model;
    viewer.trouble.over();
    this.source = source;
    this.chosen = picture.missing ? (this.chosen ?? viewer.model) : null;
    viewer.model = picture.model;
    viewer.picture = picture;
    viewer.root.dataset.picture = picture.id;
    viewer.frames.clear();
    viewer.comparison.clear();
    viewer.searches.open();
    viewer.slider.setRange(picture.lmbda);
    const painted = viewer.map?.text;
    viewer.map = viewer.mapFor(picture);
    const dropped = painted && painted !== viewer.map?.text ? (picture.fixed ?? DROPPED) : "";
    viewer.large.open(picture.large ? picture : null);
    if (picture.large) viewer.stage.openLarge(picture, isSame);
    const whole = picture.missing ? frame : original; // without an original there is nothing beside the frame
    if (whole) viewer.stage.setOriginal(whole);
    if (frame) viewer.frames.keep(frame, request);
    if (isOtherModel) viewer.beside.setRivals();
    viewer.modes.limit(picture.missing ?? null);
    viewer.chooser.limit(picture.missing ?? null);
    viewer.panel.open(picture.id, Boolean(picture.missing));
    if (frame) viewer.present(frame, { ...request, asked: performance.now() }); // λ may have moved since
    viewer.strip.mark(source);
    // Its thumbnail is of no more weight than this: a failure would be told of by what comes next.
    if (source.own) viewer.strip.complete(source.own, picture, viewer.transport).catch(() => {});
    viewer.notify([...picture.notes, dropped].filter(Boolean).join(" "));
    viewer.root.dispatchEvent(new CustomEvent("picture", { detail: picture }));
    viewer.askFrame();
  }

  // Nothing is lost: what was shown is shown. A file that could never be opened is of no use.
  fail({ own }, error) {
    const { viewer } = this;
    if (own && !own.token && error.refused) viewer.strip.remove(own);
    if (error.gone) viewer.fail(error.message); // not again: it has just been tried
    else viewer.trouble.meet(error);
    if (viewer.picture) viewer.inside.limit(viewer.picture);
    if (viewer.picture) viewer.map = viewer.mapFor(viewer.picture); // one that came with the link is the other picture's
    if (!viewer.picture || viewer.model === viewer.picture.model) return;
    viewer.model = viewer.picture.model;
    viewer.root.dispatchEvent(new CustomEvent("picture", { detail: viewer.picture }));
  }

  // The server has let go of the picture that is shown, or is another one: the page has what it takes to open it again.
  again(error) {
    if (performance.now() - this.reopened < AGAIN_MS) return this.viewer.fail(error.message); // it would go on for ever
    this.reopening ??= this.open(this.source).finally(() => {
      this.reopening = null;
      this.reopened = performance.now();
    });
    return this.reopening;
  }
}

function share(bytes, { size }) {
  return `${Math.floor((100 * bytes) / size)} %`;
}
