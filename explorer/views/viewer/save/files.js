// Files that a page makes by itself: tables, charts, pictures.
import { fromBase64 } from "../picture/pixels.js";

// columns: names, with units. rows: numbers, texts, and null or NaN where there is nothing.
export function csvBlob(columns, rows) {
  const text = [columns, ...rows].map((row) => row.map(csvCell).join(",")).join("\r\n");
  return new Blob([text, "\r\n"], { type: "text/csv" });
}

function csvCell(value) {
  const text = Number.isNaN(value) ? "" : String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const LEGEND = 230; // pixels to the right of a chart, for names that stand beside it on the page

// A chart that Plotly drew in a box, as "svg" or "png", on the ground that it has on the screen.
export async function chartBlob(library, box, format) {
  const ground = getComputedStyle(box).getPropertyValue("--mae-panel");
  const { data, layout } = box;
  const room = data.filter(({ name }) => name).length > 1 && !layout.showlegend ? LEGEND : 0;
  const [width, height, margin] = [layout.width + room, layout.height, { ...layout.margin, r: layout.margin.r + room }];
  const legend = room ? { showlegend: true, legend: { x: 1, xanchor: "left", y: 1 } } : {};
  const figure = { data, layout: { ...layout, ...legend, width, margin, paper_bgcolor: ground, plot_bgcolor: ground } };
  const options = { format, width, height, scale: format === "png" ? 2 : 1, imageDataOnly: true };
  const image = await library.toImage(figure, options);
  if (format === "svg") return new Blob([image], { type: "image/svg+xml" });
  return new Blob([fromBase64(image)], { type: "image/png" });
}

export function canvasBlob(canvas) {
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

// Canvases as they lie on the screen, on one.
export function sideBySide(canvases, ground) {
  const places = canvases.map((canvas) => {
    const ratio = canvas.width / canvas.offsetWidth;
    return { canvas, x: Math.round(canvas.offsetLeft * ratio), y: Math.round(canvas.offsetTop * ratio) };
  });
  const width = Math.max(...places.map(({ canvas, x }) => x + canvas.width));
  const height = Math.max(...places.map(({ canvas, y }) => y + canvas.height));
  const whole = Object.assign(document.createElement("canvas"), { width, height });
  const context = whole.getContext("2d");
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  for (const { canvas, x, y } of places) context.drawImage(canvas, x, y);
  return whole;
}
