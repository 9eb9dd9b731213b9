// Pixels: from the wire into the form that a canvas takes, and the difference of two pictures.

// A frame on the wire: uint32 length of the header (little endian), the header as JSON, then raw RGB.
export function decodeFrame(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { header, pixels: new Uint8Array(buffer, 4 + length) };
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
