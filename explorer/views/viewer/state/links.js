// The state as a link: what comes after "#" in an address is key=value with & between, without what is as usual.

const LONGEST = 2000; // characters of a link's state, its λ map apart,
const LONGEST_MAP = 2000; // and of that
const NO_MAP = "The painted λ has too many edges for a link: the link leaves it out.";
const READABLE = { "%2C": ",", "%3A": ":", "%3D": "=" }; // these need no escape after "#"

// changes: as State.changes() gives them.
export function writeHash(changes) {
  const escape = (text) => encodeURIComponent(text).replace(/%2C|%3A|%3D/g, (code) => READABLE[code]);
  const parts = Object.entries(changes).map(([key, value]) => `${key}=${escape(value)}`);
  return parts.length ? `#${parts.join("&")}` : "";
}

// -> {key: text}; throws an Error whose message says what is wrong with it.
export function readHash(hash) {
  const longest = LONGEST + LONGEST_MAP;
  if (hash.length > longest) throw new Error(`it is longer than ${longest} characters.`);
  const parts = hash.replace(/^#/, "").split("&").filter(Boolean).map(readPart);
  const keys = parts.map(([key]) => key);
  const repeated = keys.find((key, i) => keys.indexOf(key) < i);
  if (repeated !== undefined) throw new Error(`${quoted(repeated)} is in it more than once.`);
  return Object.fromEntries(parts); // defines own properties, whatever they are called
}

function readPart(part) {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(part) ?? [];
  if (key === undefined) throw new Error(`${quoted(part)} is not of the form key=value.`);
  try {
    return [decodeURIComponent(key), decodeURIComponent(value)];
  } catch {
    throw new Error(`${quoted(part)} is not readable: its percent signs stand for no text.`);
  }
}

function quoted(text) {
  return `“${text.length > 40 ? `${text.slice(0, 40)}…` : text}”`;
}

// Keeps the address of the page and the state of its viewer the same.
export class Links {
  /**
   * @param {import("../viewer.js").Viewer} viewer
   * @param {AbortSignal} signal
   */
  constructor(viewer, signal) {
    this.viewer = viewer;
    this.lacksMap = false; // whether the address does
    this.gather();
    viewer.parts.copyLink.hidden = false;
    viewer.parts.copyLink.addEventListener("click", () => this.copy(), { signal });
    viewer.root.addEventListener("statechange", () => this.write(), { signal });
    window.addEventListener("hashchange", () => this.follow().catch((error) => viewer.fail(error.message)), { signal });
  }

  // What is part of a state counts after “?” as well: it goes where the rest is.
  gather() {
    const isState = (part) => this.viewer.state.fields.has(part.split("=")[0]);
    const parts = location.search.slice(1).split("&");
    if (!parts.some(isState)) return;
    const search = parts.filter((part) => !isState(part)).join("&");
    const hash = [location.hash.slice(1), ...parts.filter(isState)].filter(Boolean).join("&");
    history.replaceState(history.state, "", `${location.pathname}${search && `?${search}`}#${hash}`);
  }

  // The address of the state, and whether its λ map is too large for that.
  get told() {
    const changes = this.viewer.state.changes();
    const { paint, ...others } = changes;
    const lacksMap = paint?.length > LONGEST_MAP;
    return { link: location.href.replace(/#.*/s, "") + writeHash(lacksMap ? others : changes), lacksMap };
  }

  write() {
    const { link, lacksMap } = this.told;
    if (link !== location.href) history.replaceState(history.state, "", link);
    if (lacksMap && !this.lacksMap) this.viewer.notify(NO_MAP);
    this.lacksMap = lacksMap;
  }

  // Brings the viewer to what the address says, or leaves it alone and says why; opens a picture where none is open.
  async follow() {
    const { viewer } = this;
    const problem = await this.apply(location.hash);
    if (!problem) return;
    await viewer.state.apply({});
    this.write();
    viewer.fail(`This link was ignored: ${problem}`);
  }

  async apply(hash) {
    const { state, picture } = this.viewer;
    try {
      const chosen = readHash(hash);
      const lesson = this.viewer.lessons.stateOf(chosen.lesson);
      const [key] = await state.apply({ ...(picture && state.defaults), ...lesson, ...chosen });
      return key === undefined ? "" : this.explain(key, chosen[key]);
    } catch (error) {
      if (error.later) throw error; // it is not the link's fault
      return error.message;
    }
  }

  explain(key, value) {
    const allowed = this.viewer.state.allowed(key);
    if (!allowed) return `${quoted(key)} is no part of a link; “Copy link” makes one that works.`;
    return `${quoted(key)} must be ${allowed}, not ${quoted(value)}.`;
  }

  async copy() {
    const { viewer, told: { link, lacksMap } } = this;
    const isOwn = viewer.state.read().picture === undefined;
    const lacks = [isOwn && "It leaves out the picture, which only you have.", lacksMap && NO_MAP].filter(Boolean);
    const done = await navigator.clipboard?.writeText(link).then(() => true, () => false);
    if (done) viewer.notify(["The link is on the clipboard.", ...lacks].join(" "));
    else viewer.fail(`This browser does not let a page copy: here is the link. ${link}`); // stays, to be copied by hand
  }
}
