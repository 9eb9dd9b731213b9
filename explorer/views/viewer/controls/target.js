// A field for λ itself, or for what λ is to reach: "512", "0.5 bpp", "80 kB", "34 dB".

const EXAMPLES = "512, 0.5 bpp, 80 kB or 34 dB";
// unit -> [what the target is called on the wire, how many of its own units one is]
const UNITS = {
  "": ["lmbda", 1], bpp: ["bpp", 1], db: ["psnr", 1], b: ["bytes", 1], byte: ["bytes", 1], bytes: ["bytes", 1],
  kb: ["bytes", 1e3], mb: ["bytes", 1e6],
};
const NAMES = { bpp: "bpp", bytes: "bytes", psnr: "dB" };

// -> {lmbda}, {bpp}, {bytes} (a whole number) or {psnr}, each above zero; null where the text is none of them.
/** @param {string} text */
export function parseTarget(text) {
  const [, amount, unit] = /^(?:λ\s*=?)?\s*([\d.,]+)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  const [name, factor] = UNITS[unit?.toLowerCase()] ?? [];
  const value = name ? factor * numberOf(amount) : 0;
  if (!(value > 0)) return null;
  return { [name]: name === "bytes" ? Math.floor(value + 1e-6) : value };
}

// Commas stand before every third digit, or one of them is the decimal comma.
function numberOf(text) {
  return Number(/^\d{1,3}(,\d{3})+(\.\d+)?$/.test(text) ? text.replaceAll(",", "") : text.replace(",", "."));
}

export class TargetField {
  constructor({ target, targetForm }, viewer, signal) {
    this.field = target;
    this.viewer = viewer;
    this.work = new AbortController();
    const on = (element, type, action) => element.addEventListener(type, action, { signal });
    on(targetForm, "submit", (event) => {
      event.preventDefault();
      this.seek(this.field.value);
    });
    on(target, "keydown", (event) => event.key === "Escape" && this.leave(event));
    on(viewer.root, "picture", () => this.limit());
    signal.addEventListener("abort", () => this.work.abort());
  }

  // Where there is one λ, none can be sought.
  limit() {
    const { min, max, reason } = this.viewer.picture.lmbda;
    this.field.disabled = min === max;
    this.field.title = reason ?? `λ, or what it is to reach: ${EXAMPLES} (T)`;
  }

  async seek(text) {
    this.work.abort();
    this.work = new AbortController();
    const { viewer, field, work: { signal } } = this;
    const target = parseTarget(text);
    if (!target) return viewer.fail(`“${text}” is no target: type λ, or what it is to reach, such as ${EXAMPLES}.`);
    const { id } = viewer.picture;
    try {
      const lmbda = target.lmbda ?? (await this.solve(id, target, signal));
      if (signal.aborted || id !== viewer.picture.id) return undefined;
      this.check(lmbda);
      viewer.setLambda(lmbda);
      field.value = "";
    } catch (error) {
      if (!signal.aborted) viewer.trouble.meetInTask(error);
    }
    return undefined;
  }

  check(lmbda) {
    const { min, max } = this.viewer.picture.lmbda;
    if (!(lmbda >= min && lmbda <= max)) throw new Error(`λ must lie between ${min} and ${max}, but ${lmbda} was given.`);
  }

  async solve(id, target, signal) {
    const { transport, at, opening: { preview } } = this.viewer;
    const [[name, value]] = Object.entries(target);
    preview.say(`Finding λ for ${value.toLocaleString("en")} ${NAMES[name]} …`);
    try {
      return (await transport.solve(id, target, at.map, signal)).lmbda;
    } finally {
      if (!signal.aborted) preview.say("");
    }
  }

  leave(event) {
    event.stopPropagation(); // it is not the viewer's
    this.work.abort();
    this.viewer.opening.preview.say("");
    this.field.value = "";
    this.viewer.parts.slider.focus();
  }
}
