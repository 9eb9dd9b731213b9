// File: the compressed file at this λ, byte by byte. The layout is that of explorer/bitstream.py.
import { formatNumber, makeElement } from "../../controls/elements.js";
import { formatLambda, lambdaText } from "../../rates/readout.js";
import { constants } from "../../wire/constants.js";
import { LambdaMap, isSameLambda } from "../../picture/lambdamap.js";
import { Latest } from "../../wire/latest.js";

const REST_MS = 150; // a file is made where λ rests
const [SHOWN, COLUMNS] = [256, 16]; // bytes that are listed, and in a line
const MAGIC = "MAE\x89";

// [what it is, bytes, its colour (Okabe and Ito), value(view of those bytes, the file) -> for people, what it is for]
const FIELDS = [
  ["magic", 4, "#e69f00", (view) => (textOf(view) === MAGIC ? "MAE" : "not MAE"), "says that it is a .mae file"],
  ["version", 1, "#56b4e9", (view) => view.getUint8(0), "of this layout, 2 where a λ map follows the header"],
  ["checkpoint", 4, "#009e73", (view) => hex(view).replaceAll(" ", ""), "the weights and tables that decode it"],
  ["width", 2, "#f0e442", (view) => view.getUint16(0), "in pixels"],
  ["height", 2, "#0072b2", (view) => view.getUint16(0), "in pixels"],
  ["level", 2, "#d55e00", (view) => `λ ${formatLambda(lambdaOf(view.getUint16(0)))}`, "one of 65,536, equidistant in log λ"],
  ["length", 4, "#cc79a7", (view) => count(view.getUint32(0)), "bytes that follow"],
  ["CRC-32", 4, "#999999", (_, file) => (isWhole(file) ? "matches" : "does not match"), "of all other bytes, computed here"],
];
const MAP_COLOR = "#8c564b";
const HEADER = FIELDS.reduce((sum, [, bytes]) => sum + bytes, 0);

const PAGE = `
<style>
.mae-file { display: flex; flex-direction: column; gap: 8px; font-size: 12.5px; line-height: 17px; }
.mae-file p { margin: 0; }
.mae-file-bar { display: flex; gap: 2px; height: 12px; }
.mae-file-bar i { min-width: 3px; border-radius: 2px; }
.mae-file table { border-collapse: collapse; }
.mae-file :is(th, td) { padding: 2px 10px 2px 0; border-bottom: 1px solid var(--mae-line); text-align: left; font-weight: 400; }
.mae-file td:nth-child(2) { max-width: 150px; overflow: hidden; text-overflow: ellipsis; }
.mae-file td:nth-child(2), .mae-file pre { font-family: ui-monospace, monospace; font-size: 11px; }
.mae-file :is(th, td:not(:last-child)) { white-space: nowrap; }
.mae-file td:last-child { width: 99%; color: var(--mae-muted); }
.mae-file pre { margin: 0; line-height: 16px; overflow: hidden; }
.mae-file pre b { font-weight: 400; background: color-mix(in srgb, var(--field) 38%, transparent); }
</style>
<p class="mae-about">The compressed file at this λ, as it is saved and decoded: a header, then what the range coder wrote (paper,
Sec. 2). The payload looks like noise, for what could be foreseen costs nothing.</p>
<div class="mae-file"><p><span data-file="summary" role="status"></span> <span data-file="next"></span></p><div class="mae-file-bar" data-file="bar" aria-hidden="true"></div>
<p data-file="shares"></p><table><tbody data-file="fields"></tbody></table>
<h2>The first bytes</h2><pre data-file="bytes" role="img" aria-label="The first ${SHOWN} bytes in hexadecimal"></pre></div>`;

class FileView {
  constructor(box, inside) {
    this.box = box.querySelector(".mae-file");
    this.inside = inside;
    const part = (name) => box.querySelector(`[data-file=${name}]`);
    this.summary = part("summary");
    this.next = part("next");
    this.bar = part("bar");
    this.shares = part("shares");
    this.fields = part("fields");
    this.list = part("bytes");
    this.shown = null; // the header of the frame whose file it is
    this.files = new Latest((header) => this.fetch(header));
  }

  show({ header }) {
    clearTimeout(this.resting);
    const isShown = isSame(header, this.shown);
    this.box.dataset.waiting = String(!isShown);
    this.next.textContent = isShown ? "" : `That of ${lambdaText(header)} follows.`;
    if (!isShown) this.resting = setTimeout(() => this.files.ask(header), REST_MS);
  }

  async fetch(header) {
    const { inside } = this;
    try {
      const { blob } = await inside.viewer.transport.file(header.picture, header, "mae");
      const bytes = new Uint8Array(await blob.arrayBuffer());
      if (isSame(header, inside.frame.header)) this.draw(header, bytes);
    } catch (error) {
      this.summary.textContent = error.message;
    }
  }

  draw(header, bytes) {
    this.shown = header;
    this.box.dataset.waiting = "false";
    this.next.textContent = "";
    const { width, height } = this.inside.viewer.picture;
    this.summary.textContent = `The file at ${lambdaText(header)} has ${count(bytes.length)} bytes, ` +
      `${formatNumber((8 * bytes.length) / (width * height), 4)} bits per pixel.`;
    const fields = [...FIELDS, ...mapField(header)];
    this.drawShares(bytes.length - HEADER - header.map_bytes, (header.side_bits ?? 0) / 8, header.map_bytes);
    this.fields.replaceChildren(...this.rows(bytes, fields));
    this.drawBytes(bytes.subarray(0, SHOWN), fields);
  }

  // side: bytes of z, which the tables expect; only the whole payload can be counted. map: bytes of the λ map.
  drawShares(payload, side, map) {
    const parts = [["header", HEADER, "var(--mae-muted)"], ...(map ? [["λ map", map, MAP_COLOR]] : []), ...(side ? [["≈ z", side, "#1b998b"]] : [])];
    parts.push([side ? "≈ y" : "y", payload - side, "var(--mae-accent)"]);
    this.bar.replaceChildren(...parts.map(([, bytes, color]) => {
      const piece = makeElement("i", "");
      piece.style.cssText = `flex: ${bytes} 1 0; background: ${color}`;
      return piece;
    }));
    this.shares.replaceChildren(...parts.flatMap(([name, bytes, color], i) => [
      i ? " · " : "", makeSwatch(color), `${name} ${count(bytes)} bytes`,
    ]));
  }

  rows(bytes, fields) {
    let start = 0;
    return fields.map(([name, length, color, value, about]) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset + start, length);
      start += length;
      const head = Object.assign(makeElement("th", "", makeSwatch(color), name), { scope: "row" });
      const cells = [hex(view), String(value(view, bytes)), about].map((text) => makeElement("td", "", text));
      return makeElement("tr", "", head, ...cells);
    });
  }

  drawBytes(bytes, fields) {
    const colors = fields.flatMap(([, length, color]) => Array(length).fill(color));
    const lines = [];
    for (let at = 0; at < bytes.length; at += COLUMNS) {
      const cells = Array.from(bytes.subarray(at, at + COLUMNS), (byte, i) => {
        const cell = makeElement("b", "", `${hexByte(byte)} `);
        cell.style.setProperty("--field", colors[at + i] ?? "transparent");
        return cell;
      });
      lines.push(`${at.toString(16).padStart(4, "0")}  `, ...cells, "\n");
    }
    this.list.replaceChildren(...lines);
  }

  destroy() {
    clearTimeout(this.resting);
  }
}

// Where λ differs from block to block, of which a file of version 2 tells after its header.
function mapField({ map, map_bytes: bytes }) {
  if (!map) return [];
  const { rows, columns } = LambdaMap.parse(map);
  return [["λ map", bytes, MAP_COLOR, () => `${rows} × ${columns} blocks`, "of steps, in which λ differs from the level"]];
}

function makeSwatch(color) {
  const swatch = makeElement("i", "mae-swatch");
  swatch.style.background = color;
  return swatch;
}

function isSame(header, other) {
  return header.picture === other?.picture && isSameLambda(header, other);
}

function count(bytes) {
  return Math.round(bytes).toLocaleString("en");
}

function hexByte(byte) {
  return byte.toString(16).padStart(2, "0");
}

function bytesOf(view) {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function hex(view) {
  return Array.from(bytesOf(view), hexByte).join(" ");
}

function textOf(view) {
  return String.fromCharCode(...bytesOf(view));
}

function lambdaOf(level) {
  const { paper_lambdas: all } = constants; // they end where the levels do
  return all[0] * (all.at(-1) / all[0]) ** (level / 65535);
}

// Whether the checksum is that of all bytes but its own.
function isWhole(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return view.getUint32(HEADER - 4) === checksum(bytes.subarray(0, HEADER - 4), bytes.subarray(HEADER));
}

// CRC-32, as zlib has it.
function checksum(...parts) {
  let rest = ~0;
  for (const part of parts) {
    for (const byte of part) {
      rest ^= byte;
      for (let bit = 0; bit < 8; bit++) rest = (rest >>> 1) ^ (rest & 1 ? 0xedb88320 : 0);
    }
  }
  return ~rest >>> 0;
}

export const FILE = {
  name: "file", label: "File", title: "What is in the compressed file, byte by byte", View: FileView, html: PAGE,
};
