// Files that a page makes by itself: tables, charts, pictures.
import { fromBase64 } from "./pixels.js";

// columns: names, with units. rows: numbers, texts, and null or NaN where there is nothing.
export function csvBlob(columns, rows) {
  const text = [columns, ...rows].map((row) => row.map(csvCell).join(",")).join("\r\n");
  return new Blob([text, "\r\n"], { type: "text/csv" });
}

function csvCell(value) {
  const text = Number.isNaN(value) ? "" : String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// A chart that Plotly drew in a box, as "svg" or "png", on the ground that it has on the screen.
export async function chartBlob(library, box, format) {
  const ground = getComputedStyle(box).getPropertyValue("--mae-panel");
  const { data, layout } = box;
  const figure = { data, layout: { ...layout, paper_bgcolor: ground, plot_bgcolor: ground } };
  const { width, height } = layout;
  const image = await library.toImage(figure, { format, width, height, scale: format === "png" ? 2 : 1, imageDataOnly: true });
  return format === "png" ? new Blob([fromBase64(image)], { type: "image/png" }) : new Blob([image], { type: "image/svg+xml" });
}

export function canvasBlob(canvas) {
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

// Canvases as they lie on the screen, on one.
export function sideBySide(canvases, ground) {
  const places = canvases.map((canvas) => [canvas, canvas.offsetLeft, canvas.offsetTop, canvas.width / canvas.offsetWidth]);
  const [width, height] = [
    Math.max(...places.map(([canvas, left, , ratio]) => Math.round(left * ratio) + canvas.width)),
    Math.max(...places.map(([canvas, , top, ratio]) => Math.round(top * ratio) + canvas.height)),
  ];
  const whole = Object.assign(document.createElement("canvas"), { width, height });
  const context = whole.getContext("2d");
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  for (const [canvas, left, top, ratio] of places) context.drawImage(canvas, Math.round(left * ratio), Math.round(top * ratio));
  return whole;
}
