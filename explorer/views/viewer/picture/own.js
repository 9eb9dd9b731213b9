// One's own pictures: the files that were opened in this page. They stay until it is closed, however long the server keeps
// what it makes of them: a file that is still here can be sent again.

import { failure } from "../wire/failures.js";
import { toImageData } from "./pixels.js";
import { reduceAt } from "./view.js";

const THUMBNAIL = [192, 128];

export class OwnPicture {
  // file: null for a picture that was opened from elsewhere and is known by its token alone.
  /**
   * @param {string} name
   * @param {File | Blob | null} file
   */
  constructor(name, file) {
    this.name = name;
    this.file = file;
    this.tokens = new Set(); // of all models
    this.token = null; // the last one
    this.model = null; // of a received file: the only one that can read it
    this.size = null; // {width, height} in pixels
    this.thumbnail = "";
    this.decoding = null; // a promise, while it is being read
  }

  // Whether the two are the same file, as far as a page can know.
  isOf({ name, size, lastModified }) {
    const { file } = this;
    return file instanceof File && file.name === name && file.size === size && file.lastModified === lastModified;
  }

  get about() {
    const { name, size, file } = this;
    const pixels = size && `${size.width} × ${size.height} pixels`;
    return [name, pixels, file && `${file.size.toLocaleString("en")} bytes`].filter(Boolean).join(" · ");
  }

  // What the server makes of it under a model, sent anew where it was let go. sent: see transport.js.
  async open(transport, model, sent) {
    const own = this.model ?? model;
    try {
      if (this.token) return this.learn(await transport.open({ model: own, picture: this.token }));
    } catch (error) {
      if (!error.gone || !this.file) throw error;
    }
    await this.check();
    return this.learn(await transport.open({ model, file: this.file, name: this.name, sent }));
  }

  // A file may have been moved or changed since it was chosen, and then looks like a server that does not answer.
  async check() {
    if (!this.file.size) throw failure(`“${this.name}” is empty.`, { refused: true });
    const isThere = await this.file.slice(0, 1).arrayBuffer().then(() => true, () => false);
    if (!isThere) throw failure(`“${this.name}” cannot be read: it was moved or changed. Please choose it again.`, { refused: true });
  }

  // picture: what the transport's open() says of it.
  learn(picture) {
    this.token = picture.id;
    this.tokens.add(picture.id);
    this.size = { width: picture.width, height: picture.height };
    if (picture.missing) this.model = picture.model;
    return picture;
  }

  // The original as the browser reads it, upright, with its size and thumbnail known; null where it cannot read it.
  /** @returns {Promise<HTMLImageElement | null>} */
  decode() {
    this.decoding ??= this.read().finally(() => (this.decoding = null));
    return this.decoding;
  }

  async read() {
    const image = this.file && (await decoded(this.file));
    if (!image?.naturalWidth) return null;
    this.size ??= { width: image.naturalWidth, height: image.naturalHeight };
    this.thumbnail ||= thumbnailOf(image, this.size);
    return image;
  }

  // The thumbnail of a picture that the browser cannot read, from what the server has of it.
  async request(transport, { id, missing, lmbda, width, height }) {
    const scale = Math.max(THUMBNAIL[0] / width, THUMBNAIL[1] / height);
    const reduce = reduceAt(scale, { width, height });
    const part = { box: [0, 0, width, height], reduce };
    const reply = missing ? await transport.frame(id, { lmbda: lmbda.min }, part) : await transport.pixels(id, part);
    const { header, pixels } = reply;
    const canvas = Object.assign(document.createElement("canvas"), { width: header.width, height: header.height });
    canvas.getContext("2d").putImageData(toImageData(pixels, header.width, header.height), 0, 0);
    this.thumbnail = thumbnailOf(canvas, canvas);
  }
}

// Only what is drawn of it is kept in memory by the browser, not a canvas of the whole picture.
async function decoded(file) {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
    return image;
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

/**
 * @param {CanvasImageSource} image
 * @param {{ width: number, height: number }} size
 */
function thumbnailOf(image, { width, height }) {
  const scale = Math.max(THUMBNAIL[0] / width, THUMBNAIL[1] / height);
  const canvas = Object.assign(document.createElement("canvas"), { width: THUMBNAIL[0], height: THUMBNAIL[1] });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // what is transparent lies over white
  context.fillRect(0, 0, canvas.width, canvas.height);
  const [w, h] = [width * scale, height * scale];
  context.imageSmoothingQuality = "high";
  context.drawImage(image, (canvas.width - w) / 2, (canvas.height - h) / 2, w, h);
  return canvas.toDataURL("image/jpeg", 0.85);
}
