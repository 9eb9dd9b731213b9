// Pixels: from the wire into the form that a canvas takes, and the difference of two pictures.

const TYPES = {
  uint8: Uint8Array, int8: Int8Array, int16: Int16Array, int32: Int32Array, float32: Float32Array, float16: Uint16Array,
};

// What Python sends (see service/wire.py): a header and arrays. -> {header, pixels, wishes, bytes}; wishes: by wish, what
// the header says of it and its arrays.
/**
 * @param {ArrayBuffer} buffer
 * @returns {Promise<any>} a Frame, whatever its header
 */
export async function decodeFrame(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const frame = { header, pixels: null, wishes: structuredClone(header.wishes ?? {}), bytes: buffer.byteLength };
  for (const [name, [type, shape, offset, packed]] of Object.entries(header.arrays)) {
    if (packed !== undefined) {
      frame[name] = await inflate(new Uint8Array(buffer, 4 + length + offset, packed), 3 * header.width);
      continue;
    }
    const array = new TYPES[type](buffer, 4 + length + offset, shape.reduce((a, b) => a * b, 1));
    const values = type === "float16" ? fromHalves(array) : array;
    const dot = name.lastIndexOf(".");
    if (dot < 0) frame[name] = values;
    else frame.wishes[name.slice(0, dot)][name.slice(dot + 1)] = values;
  }
  return frame;
}

// Packed pixels: deflated differences of each row from the one above.
/**
 * @param {Uint8Array<ArrayBuffer>} data
 * @param {number} stride bytes of a row
 */
async function inflate(data, stride) {
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate"));
  const pixels = new Uint8Array(await new Response(stream).arrayBuffer());
  for (let i = stride; i < pixels.length; i++) pixels[i] += pixels[i - stride];
  return pixels;
}

let halves; // what each of the 65536 half-precision numbers is: not every browser has a Float16Array

function fromHalves(array) {
  halves ??= Float32Array.from({ length: 65536 }, (_, bits) => {
    const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
  });
  const values = new Float32Array(array.length); // a loop: Float32Array.from takes a hundred times as long
  for (let i = 0; i < array.length; i++) values[i] = halves[array[i]];
  return values;
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// Opaque RGBA, so that what is read back from the canvas is exactly what was put there.
export function toImageData(pixels, width, height) {
  const image = new ImageData(width, height);
  const out = image.data;
  for (let i = 0, o = 0; i < pixels.length; i += 3, o += 4) {
    out[o] = pixels[i];
    out[o + 1] = pixels[i + 1];
    out[o + 2] = pixels[i + 2];
    out[o + 3] = 255;
  }
  return image;
}

// gain × (b − a): signed around mid-grey, or its magnitude on black. The array clamps to 0 … 255 by itself.
export function differenceImage(a, b, width, height, gain, signed) {
  const image = new ImageData(width, height);
  const out = image.data;
  for (let i = 0, o = 0; i < a.length; o += 4) {
    for (let c = 0; c < 3; c++, i++) {
      const difference = gain * (b[i] - a[i]);
      out[o + c] = signed ? 128 + difference : Math.abs(difference);
    }
    out[o + 3] = 255;
  }
  return image;
}
