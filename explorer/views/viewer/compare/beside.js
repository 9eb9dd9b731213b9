// What stands beside the model's picture, in every paint: the codec's picture, its numbers, and what is said of the two.
import { describe } from "../rates/readout.js";
import { Comparison } from "./comparison.js";
import { SEARCHED } from "./searches.js";

export class Beside {
  /** @param {import("../viewer.js").Viewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.comparison = new Comparison((search, signal) => viewer.transport.rival(search.id, search, signal), {
      isFound: (header, effort) => Boolean(viewer.searches.at(header, effort)),
      changed: () => this.changed(),
      failed: (error) => this.failed(error),
    });
  }

  // For another model.
  setRivals() {
    const { panel, chooser, setup, picture: { model } } = this.viewer;
    panel.setModel(model);
    chooser.fill(setup.rivals.filter(({ name }) => name !== model), panel.rivals.get(model));
  }

  // Beside the painted picture the one of the same bytes that the model makes with one λ.
  compareOneLambda() {
    this.comparison.choose({ codec: this.viewer.picture.model, by: "rate" });
  }

  get isOneLambda() {
    return this.comparison.choice?.codec === this.viewer.picture.model;
  }

  // header: of the frame on show, with the numbers of what is on show.
  paint(header) {
    const { comparison, isOneLambda, viewer: { map, picture, stage, panel, readout, painted, chooser } } = this;
    if (isOneLambda && !map) comparison.choose(null);
    comparison.follow(header, picture.large ? stage.layers : null);
    const { choice, shown, swapped } = comparison;
    const other = comparison.pending ? null : shown?.header.point;
    const isBeside = choice && (comparison.pending || shown);
    stage.layers.setReference(shown, swapped);
    const label = isBeside && panel.described.get(choice.codec).label;
    readout.show({ ...header.point, side_bits: header.side_bits, missing: picture.missing }, isBeside && { label, point: other });
    painted.show(header, picture, isBeside && { label, regions: other && shown?.header.regions }, this.isOneLambda);
    panel.show({ ...header, other, codec: choice?.codec, text: describe(header) });
    chooser.reflect(Boolean(map));
  }

  changed() {
    const { viewer } = this;
    viewer.panel.compare(this.comparison.choice?.codec ?? null);
    viewer.repaint();
  }

  failed(error) {
    if (!error.gone && !error.later) this.comparison.choose(null);
    return this.viewer.trouble.meet(error);
  }

  // A point of the plot becomes the right-hand picture: another codec's beside the model's, or the model's own.
  pick(series, setting) {
    const { comparison, viewer, viewer: { inside, searches } } = this;
    if (series === SEARCHED) return inside.views.search.visit(searches.all.find(({ lmbda }) => lmbda === setting));
    if (series !== "model") return comparison.choose({ codec: series, by: "fixed", setting }, true);
    if (comparison.swapped) comparison.choose(null);
    return viewer.setLambda(setting);
  }
}
