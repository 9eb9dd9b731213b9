// Opening a picture: what is shown stays until the new one is there with its first frame.
import { LambdaSlider } from "../controls/slider.js";

export class Opening {
  constructor(viewer) {
    this.viewer = viewer;
    this.turn = 0;
    this.source = null; // source: of what is open, and at first what to open
  }

  // source: {sample}, {file, name}, or {picture} for an open one with another model. The newest wish wins.
  // picture: what the transport's open() made of it, where that is known.
  async open(source, picture) {
    const { viewer } = this;
    if (!viewer.setup) return;
    const turn = ++this.turn;
    viewer.root.dataset.state = "loading";
    try {
      const opened = await this.fetch(source, picture);
      if (turn === this.turn) this.show(source.picture ? this.source : source, opened);
    } catch (error) {
      if (turn === this.turn) viewer.notify(error.message);
    }
    if (turn === this.turn) viewer.root.dataset.state = "ready";
  }

  async fetch(source, known) {
    const { transport, setup, model, wanted, inside } = this.viewer;
    if (source.file?.size > setup.maxUpload) {
      throw new Error(`This file is larger than ${setup.maxUpload >> 20} MB: please send a smaller one.`);
    }
    const picture = known ?? (await transport.open({ model, ...source }));
    inside.limit(picture);
    const [lmbda, wishes] = [LambdaSlider.within(wanted, picture.lmbda), inside.wishes];
    const frame = transport.frame(picture.id, lmbda, wishes);
    const isSame = source.picture !== undefined && source.picture === this.viewer.picture?.id; // under another model
    const original = isSame ? null : await transport.pixels(picture.id);
    return { picture, original, frame: await frame, lmbda, wishes };
  }

  show(source, { picture, original, frame, lmbda, wishes }) {
    const { viewer } = this;
    const isOtherModel = picture.model !== viewer.picture?.model;
    this.source = source;
    viewer.picture = picture;
    viewer.root.dataset.picture = picture.id;
    viewer.cache.clear();
    viewer.keep(frame, lmbda, wishes);
    viewer.comparison.clear();
    viewer.slider.setRange(picture.lmbda);
    if (original) viewer.stage.setOriginal(original);
    if (isOtherModel) viewer.setRivals();
    viewer.panel.open(picture.id, { series: "model", setting: frame.header.lmbda, point: frame.header.point });
    viewer.present(frame, { lmbda: viewer.wanted, asked: performance.now() });
    for (const button of viewer.parts.samples.children) button.ariaPressed = button.dataset.sample === source.sample;
    viewer.notify(picture.notes.join(" "));
    viewer.root.dispatchEvent(new CustomEvent("picture", { detail: picture }));
    viewer.askFrame();
  }

  async again() {
    await this.open(this.source);
    this.viewer.notify("The server had let go of this picture, so it was opened again.");
  }
}
