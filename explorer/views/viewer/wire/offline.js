// The transport of a page without a server (see service/export.py): a sweep of one picture, all of it in the page.
//
// data: {setup, opened, original, frames: by rising λ}, each frame {header, webp}: base64 of a lossless WebP.
// plotly: base64 of the gzipped library. Nothing is requested; what the page does not hold is refused with a sentence.
import { fromBase64 } from "../picture/pixels.js";

const ONE_PICTURE = "This page holds one picture under one model; the app opens others.";

/**
 * @param {import("./types.js").OfflinePage} page
 * @param {string} plotly
 * @returns {import("./types.js").Transport}
 */
export function offlineTransport({ setup, opened, original, frames }, plotly) {
  const nearest = (lmbda) => {
    const distance = ({ header }) => Math.abs(Math.log(header.lmbda / lmbda));
    return frames.reduce((best, frame) => (distance(frame) < distance(best) ? frame : best));
  };
  return {
    setup: async () => setup,
    open: async ({ sample }) => {
      return sample ? opened : refuse();
    },
    pixels: () => decode(original),
    frame: (_, { lmbda }) => decode(nearest(lmbda)),
    numbers: async (_, { lmbda }) => nearest(lmbda).header,
    seen: refuse,
    rival: refuse,
    modulation: refuse,
    sweep: refuse,
    rivalFile: refuse,
    searches: refuse,
    search: refuse,
    solve: refuse,
    points: async (_, codecs, signal, onLine) => {
      for (const { header: { lmbda, point } } of frames) onLine({ series: "model", setting: lmbda, point });
      onLine({ series: "model", done: true });
    },
    file: async (_, { lmbda }) => {
      const { header, webp } = nearest(lmbda);
      const canvas = await drawn(header, webp);
      const name = `${opened.name.replace(/\.\w+$/, "")}-lambda${Math.round(header.lmbda)}.png`;
      return { name, blob: await canvas.convertToBlob({ type: "image/png" }) };
    },
    plotly: () => loadText(plotly),
  };
}

/** @returns {Promise<never>} */
async function refuse() {
  throw new Error(ONE_PICTURE);
}

async function decode({ header, webp }) {
  const { width, height } = header;
  const { data } = (await drawn(header, webp)).getContext("2d").getImageData(0, 0, width, height);
  const pixels = new Uint8Array(3 * width * height);
  for (let i = 0, o = 0; o < data.length; i += 3, o += 4) {
    pixels[i] = data[o];
    pixels[i + 1] = data[o + 1];
    pixels[i + 2] = data[o + 2];
  }
  return { header, pixels, wishes: {}, bytes: pixels.length };
}

// Without colour management, and in memory rather than on a graphics card: the exact pixels.
async function drawn({ width, height }, webp) {
  const blob = new Blob([fromBase64(webp)], { type: "image/webp" });
  const image = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d", { willReadFrequently: true }).drawImage(image, 0, 0);
  image.close();
  return canvas;
}

async function loadText(zipped) {
  const stream = new Blob([fromBase64(zipped)]).stream().pipeThrough(new DecompressionStream("gzip"));
  const textContent = await new Response(stream).text();
  document.head.append(Object.assign(document.createElement("script"), { textContent }));
  return window.Plotly;
}
