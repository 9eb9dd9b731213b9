// The switch between models that make the same y of a picture and differ in its price alone: in their prior.

export class PriorSwitch {
  constructor({ prior, priorChoice }, viewer, signal) {
    this.box = prior;
    this.choice = priorChoice;
    this.viewer = viewer;
    this.group = `mae-prior-${Math.random().toString(36).slice(2)}`; // several viewers on a page
    viewer.on("picture", () => this.reflect(), signal);
    this.choice.addEventListener("change", ({ target }) => this.choose(target.value), { signal });
  }

  // [{model, prior}], of the open picture; see service/menu.py.
  get priors() {
    return this.viewer.picture?.priors ?? [];
  }

  async choose(model) {
    await this.viewer.setModel(model);
    this.reflect(); // also where it could not be opened
  }

  next() {
    const { priors, viewer: { model } } = this;
    const at = priors.findIndex((each) => each.model === model);
    if (priors.length) this.choose(priors[(at + 1) % priors.length].model);
  }

  reflect() {
    const { priors, group, viewer: { picture } } = this;
    this.box.hidden = !priors.length;
    if (priors.map(({ model }) => model).join() !== this.names) this.fill(priors, group);
    for (const radio of this.radios) radio.checked = radio.value === picture.model;
  }

  get radios() {
    return this.choice.querySelectorAll("input");
  }

  fill(priors, group) {
    this.names = priors.map(({ model }) => model).join();
    for (const label of this.choice.querySelectorAll("label")) label.remove();
    this.choice.append(...priors.map(({ model, prior }) => {
      const radio = Object.assign(document.createElement("input"), { type: "radio", name: group, value: model });
      const text = Object.assign(document.createElement("span"), { textContent: prior });
      const label = Object.assign(document.createElement("label"), { title: `${model} (H for the next)` });
      label.append(radio, text);
      return label;
    }));
  }
}
