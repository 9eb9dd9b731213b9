// The menu of files to keep: what the page itself can make of what is on show, and what the server makes.
import { SEARCHED } from "../compare/searches.js";
import { bottleneckOf } from "../inside/shared/bottleneck.js";
import { makeElement } from "../controls/elements.js";
import { similarityDecibels } from "../rates/curves.js";
import { csvBlob, chartBlob, canvasBlob, sideBySide } from "./files.js";
import { saveBlob } from "../page.js";

const SWEEPS = { WebP: "webp", GIF: "gif", HTML: "html" };
const POINT_COLUMNS = [
  "picture", "series", "setting_name", "setting", "rate_bpp", "psnr_db", "ms_ssim", "ms_ssim_db", "ssimulacra2", "file_bytes",
  "estimated_rate_bpp", "encode_s", "decode_s",
];

export class Exports {
  /**
   * @param {import("../page.js").Parts} parts
   * @param {import("../viewer.js").Viewer} viewer
   * @param {AbortSignal} signal
   */
  constructor(parts, viewer, signal) {
    this.parts = parts;
    this.viewer = viewer;
    const { exports: menu, exportList, exportStop } = parts;
    const fill = () => exportList.replaceChildren(...this.rows().map(makeRow));
    menu.addEventListener("toggle", () => menu.open && fill(), { signal });
    exportList.addEventListener("click", () => (menu.open = false), { signal });
    exportStop.addEventListener("click", () => this.stop(), { signal });
    signal.addEventListener("abort", () => this.stop());
  }

  // [{label, live: whether it takes a server, files: {name of a format: action}}]
  rows() {
    const { viewer } = this;
    if (!viewer.shown) return [];
    const { id, header } = viewer.shown;
    const file = (kind) => this.task(() => viewer.transport.file(id, header, kind, viewer.inside.view?.ends));
    const sweeps = Object.entries(SWEEPS).map(([name, kind]) => [name, this.task((signal) => this.sweep(kind, signal))]);
    const map = viewer.stage.layers.map?.canvas;
    const mapFile = this.task(() => this.named("map.png", canvasBlob(map)));
    const points = this.task(() => this.named("points.csv", csvBlob(POINT_COLUMNS, this.points())));
    const channels = this.task(() => this.channels());
    const { shown: rival, pending } = viewer.comparison;
    const isAlone = Boolean(viewer.picture.missing);
    const whole = viewer.shownHeader.point.isEdited ? ", without the change" : "";
    return [
      { label: `Compressed file${whole}`, live: true, files: { ".mae": file("mae") } },
      ...(rival && !pending ? [this.rivalFile(rival.header)] : []),
      { label: `Reconstruction${whole}`, files: { PNG: file("png") } },
      { label: "Picture as shown", files: { PNG: this.task(() => this.asShown()) } },
      ...(map ? [{ label: "Map, a pixel for each element", files: { PNG: mapFile } }] : []),
      ...this.charts().map((chart) => ({ label: chart.label, files: this.chartFiles(chart) })),
      ...(isAlone ? [] : [{ label: "Points of the curves", files: { CSV: points } }]),
      ...(viewer.inside.view ? [{ label: "Numbers of the channels", files: { CSV: channels } }] : []),
      { label: "Arrays of the inside", live: true, files: { NPZ: file("npz") } },
      ...(isAlone ? [] : [{ label: "Sweep over all λ", live: true, files: Object.fromEntries(sweeps) }]),
    ];
  }

  // The file of the codec that the model is compared with.
  rivalFile({ picture, codec, setting }) {
    const { panel, picture: { model }, shown, transport } = this.viewer;
    const { label, suffix } = panel.described.get(codec);
    const { lmbda, map } = shown.header;
    const save = this.task(() => {
      if (codec === SEARCHED) return transport.file(picture, { lmbda, map }, suffix, { effort: setting });
      return codec === model ? transport.file(picture, { lmbda: setting }, suffix) : transport.rivalFile(picture, codec, setting);
    });
    return { label: `${label} file`, live: true, files: { [`.${suffix}`]: save } };
  }

  // ---- one at a time ------------------------------------------------------------------------------------------------

  // make(signal) -> {blob, name}, or a promise of it; the next task ends one that is still at work.
  task(make) {
    return async () => {
      this.stop();
      const { signal } = (this.work = new AbortController());
      try {
        const file = await make(signal);
        if (!signal.aborted) saveBlob(file);
      } catch (error) {
        if (!signal.aborted) this.viewer.trouble.meetInTask(error);
      }
      if (!signal.aborted) this.parts.exportStop.hidden = true;
    };
  }

  stop() {
    this.work?.abort();
    this.parts.exportStop.hidden = true;
  }

  sweep(kind, signal) {
    const { parts: { exportStop }, viewer: { transport, shown } } = this;
    const tell = ({ done, of }) => {
      exportStop.hidden = signal.aborted;
      exportStop.textContent = done < of ? `λ ${done} of ${of} ✕` : "writing the file … ✕";
    };
    tell({ done: 0, of: "…" });
    return transport.sweep(shown.id, kind, shown.header.map, signal, tell);
  }

  // ---- what the page makes ------------------------------------------------------------------------------------------

  async named(end, blob) {
    const { picture, shown } = this.viewer;
    const { lmbda, map } = shown.header;
    const name = `${picture.name.replace(/\.\w+$/, "")}-lambda${Math.round(lmbda)}-${map ? "painted-" : ""}${end}`;
    return { name, blob: await blob };
  }

  asShown() {
    const { stage, root } = this.viewer;
    const ground = getComputedStyle(root).getPropertyValue("--mae-mat");
    return this.named("shown.png", canvasBlob(sideBySide(stage.shown, ground)));
  }

  // The charts that are to be seen.
  charts() {
    const { panels } = this.parts;
    const boxes = [...panels.querySelectorAll(".js-plotly-plot")].filter((box) => box.clientWidth);
    const tab = this.viewer.inside.tabs.find((each) => each.ariaSelected === "true").textContent;
    return boxes.map((box, i) => ({ box, label: boxes.length > 1 ? `${tab}, chart ${i + 1}` : `${tab} chart` }));
  }

  chartFiles({ box, label }) {
    const end = label.toLowerCase().replace(/[^a-z0-9]+/g, "-");
    const draw = async (format) => chartBlob(await this.viewer.plotly, box, format);
    const make = (format) => this.task(() => this.named(`${end}.${format}`, draw(format)));
    return { SVG: make("svg"), PNG: make("png") };
  }

  // A row for each point of every curve that is drawn.
  points() {
    const { panel, picture } = this.viewer;
    const what = panel.showsMeans ? panel.source : picture.name;
    return ["model", ...panel.names(), ...panel.searchedNames].flatMap((series) => {
      const { knob = "λ", label = picture.model } = panel.described.get(series) ?? {};
      return panel.pointsOf(series).map(({ setting, point }) => [
        what, label, knob, setting, point.bpp, point.psnr, point.ms_ssim, similarityDecibels(point.ms_ssim),
        point.ssimulacra2, point.bytes, point.estimated_bits && point.estimated_bits / (point.width * point.height),
        point.encode_s, point.decode_s,
      ]);
    });
  }

  // A row for each channel at this λ, with what the open view knows besides.
  channels() {
    const { inside, shown } = this.viewer;
    const { channels, channelBits, energies, size, symbols } = bottleneckOf(shown.frame);
    const zeros = (c) => symbols.subarray(c * size, (c + 1) * size).reduce((sum, symbol) => sum + !symbol, 0);
    const columns = {
      channel: (c) => c,
      estimated_bits: (c) => channelBits[c],
      energy_steps2: (c) => energies[c],
      zero_share: (c) => zeros(c) / size,
      ...inside.view.columns?.(),
    };
    const rows = Array.from({ length: channels }, (_, c) => Object.values(columns).map((value) => value(c)));
    return this.named("channels.csv", csvBlob(Object.keys(columns), rows));
  }
}

/** @param {{ label: string, live?: boolean, files: Record<string, () => void> }} row */
function makeRow({ label, live, files }) {
  const buttons = Object.entries(files).map(([name, save]) => {
    const button = Object.assign(makeElement("button", "", name), { type: "button", ariaLabel: `${label}: ${name}` });
    button.dataset.save = name;
    button.addEventListener("click", save);
    return button;
  });
  const row = makeElement("div", "mae-export", makeElement("span", "", label), ...buttons);
  row.toggleAttribute("data-live", Boolean(live));
  return row;
}
