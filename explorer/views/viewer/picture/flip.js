// FLIP (Andersson et al. 2020) for pictures of ordinary contrast: how much of an error eyes see at each pixel when the two
// pictures take turns on one place, 0 for none to 1 for as much as there can be. What is too fine to be seen at a distance
// is blurred away first, so it is told how many pixels are in a degree of the visual field.
//
//   RGB ─ YCxCz ─┬─ blurred as the eye blurs each channel ─ L*a*b* ─ colour difference ─┐
//                └─ luminance ─ edges and points ─ difference of features ──────────────┴─ error
//
// The arithmetic is NVIDIA's, to 1e-4. It runs on the page's own thread, in slices that a frame does not feel.

const [COLOUR_POWER, FEATURE_POWER] = [0.7, 0.5];
const [KNEE, KNEE_VALUE] = [0.4, 0.95]; // colour differences above this share of the largest have the last twentieth
const FEATURE_WIDTH = 0.082; // degrees
// The eye's blur of each channel: weights and widths of Gaussians, in degrees².
const CHANNELS = [[[1, 0.0047]], [[1, 0.0053]], [[34.1, 0.04], [13.5, 0.025]]];
const WIDEST = 0.04;
// CIE XYZ of linear RGB, over that of white.
const [XR, XG, XB] = [10135552 / 24577794, 8788810 / 24577794, 4435075 / 24577794];
const [YR, YG, YB] = [2613072 / 12288897, 8788810 / 12288897, 887015 / 12288897];
const [ZR, ZG, ZB] = [1425312 / 73733382, 8788810 / 73733382, 70074185 / 73733382];
const WHITE = [XR + XG + XB, 1, ZR + ZG + ZB];
const ROWS = 8; // after which others may have their turn

const LINEAR = Float64Array.from({ length: 256 }, (_, i) => {
  const value = i / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
});

/**
 * The error of each pixel, for two pictures of RGB bytes.
 * @param {Uint8Array} original
 * @param {Uint8Array} other
 * @param {{ width: number, height: number }} size
 * @param {number} ppd pixels in a degree of the visual field
 * @param {() => Promise<void> | null} pause called every few milliseconds; what it throws ends the work
 * @returns {Promise<Float32Array>}
 */
export async function visibleError(original, other, size, ppd, pause) {
  const plane = new Planes(size, pause);
  const [a, b] = [await seen(plane, original, ppd), await seen(plane, other, ppd)];
  const values = new Float32Array(size.width * size.height);
  await plane.each((i) => {
    const colour = redistributed(distance(a.lab, b.lab, i) ** COLOUR_POWER);
    const feature = Math.max(Math.abs(a.edges[i] - b.edges[i]), Math.abs(a.points[i] - b.points[i]));
    values[i] = colour ** (1 - (feature * Math.SQRT1_2) ** FEATURE_POWER);
  });
  return values;
}

// What the eye has of a picture: its L*a*b* planes, edges and points.
async function seen(plane, pixels, ppd) {
  const channels = [plane.make(), plane.make(), plane.make()];
  await plane.each((i) => {
    const [r, g, b] = [LINEAR[pixels[3 * i]], LINEAR[pixels[3 * i + 1]], LINEAR[pixels[3 * i + 2]]];
    const x = (XR * r + XG * g + XB * b) / WHITE[0], y = YR * r + YG * g + YB * b, z = (ZR * r + ZG * g + ZB * b) / WHITE[2];
    channels[0][i] = 116 * y - 16;
    channels[1][i] = 500 * (x - y);
    channels[2][i] = 200 * (y - z);
  });
  const features = await featuresOf(plane, channels[0], ppd);
  const radius = Math.ceil(3 * Math.sqrt(WIDEST / (2 * Math.PI ** 2)) * ppd);
  for (const [c, gaussians] of CHANNELS.entries()) channels[c] = await blurred(plane, channels[c], gaussians, radius, ppd);
  await plane.each((i) => {
    const y = (channels[0][i] + 16) / 116, x = y + channels[1][i] / 500, z = y - channels[2][i] / 200;
    putGamut(channels, i, x * WHITE[0], y, z * WHITE[2]);
  });
  return { lab: channels, ...features };
}

// A sum of Gaussians, cut off at a radius and with sum 1 together.
async function blurred(plane, values, gaussians, radius, ppd) {
  const parts = gaussians.map(([weight, width]) => {
    const taps = kernel(radius, (x) => Math.exp((-(Math.PI ** 2) * (x / ppd) ** 2) / width));
    const sum = taps.reduce((total, tap) => total + tap, 0);
    return { taps: taps.map((tap) => tap / sum), weight: weight * Math.sqrt(Math.PI / width) * sum ** 2 };
  });
  const whole = parts.reduce((total, { weight }) => total + weight, 0);
  const found = plane.make();
  for (const { taps, weight } of parts) {
    const part = await plane.down(await plane.across(values, taps), taps);
    await plane.each((i) => (found[i] += (weight / whole) * part[i]));
  }
  return found;
}

// The strength of edges and of points, from the first and the second derivative of the luminance, both of width FEATURE_WIDTH.
async function featuresOf(plane, lightness, ppd) {
  const luminance = lightness.map((value) => (value + 16) / 116);
  const deviation = 0.5 * FEATURE_WIDTH * ppd;
  const radius = Math.ceil(3 * deviation);
  const gauss = (x) => Math.exp(-(x ** 2) / (2 * deviation ** 2));
  const smooth = balanced(kernel(radius, gauss));
  const edge = balanced(kernel(radius, (x) => -x * gauss(x)));
  const point = balanced(kernel(radius, (x) => ((x / deviation) ** 2 - 1) * gauss(x)));
  const strength = async (taps) => {
    const x = await plane.down(await plane.across(luminance, taps), smooth);
    const y = await plane.down(await plane.across(luminance, smooth), taps);
    await plane.each((i) => (x[i] = Math.sqrt(x[i] ** 2 + y[i] ** 2))); // Math.hypot takes ten times as long
    return x;
  };
  return { edges: await strength(edge), points: await strength(point) };
}

function kernel(radius, weight) {
  return Float64Array.from({ length: 2 * radius + 1 }, (_, i) => weight(i - radius));
}

// With the sums 1 of what is positive and −1 of what is negative.
function balanced(taps) {
  const sum = (part) => taps.filter(part).reduce((total, tap) => total + Math.abs(tap), 0);
  const [above, below] = [sum((tap) => tap > 0), sum((tap) => tap < 0)];
  return taps.map((tap) => tap / (tap > 0 ? above : below || 1));
}

// XYZ, as far as a screen has it, into place i of three planes of L*a*b*.
function putGamut(planes, i, x, y, z) {
  const r = clipped(3.241003275 * x - 1.537398934 * y - 0.498615861 * z);
  const g = clipped(-0.969224334 * x + 1.875930071 * y + 0.041554224 * z);
  const b = clipped(0.055639423 * x - 0.204011202 * y + 1.057148933 * z);
  putLab(planes, i, r, g, b);
}

function clipped(value) {
  return Math.min(Math.max(value, 0), 1);
}

// In the light colours look stronger (Hunt), so a* and b* are scaled by it.
/** @param {(Float32Array | number[])[]} planes */
function putLab(planes, i, red, green, blue) {
  const x = curved((XR * red + XG * green + XB * blue) / WHITE[0]);
  const y = curved(YR * red + YG * green + YB * blue);
  const z = curved((ZR * red + ZG * green + ZB * blue) / WHITE[2]);
  const [l, a, b] = planes;
  l[i] = 116 * y - 16;
  a[i] = 5 * l[i] * (x - y);
  b[i] = 2 * l[i] * (y - z);
}

function curved(t) {
  return t > (6 / 29) ** 3 ? Math.cbrt(t) : t / (3 * (6 / 29) ** 2) + 4 / 29;
}

// HyAB of place i of two stacks of planes.
/** @param {(Float32Array | number[])[]} one @param {(Float32Array | number[])[]} other */
function distance(one, other, i) {
  const [[l0, a0, b0], [l1, a1, b1]] = [one, other];
  return Math.abs(l0[i] - l1[i]) + Math.sqrt((a0[i] - a1[i]) ** 2 + (b0[i] - b1[i]) ** 2);
}

const [GREEN, BLUE] = [[[0], [0], [0]], [[0], [0], [0]]];
putLab(GREEN, 0, 0, 1, 0);
putLab(BLUE, 0, 0, 0, 1);
const LARGEST = distance(GREEN, BLUE, 0) ** COLOUR_POWER;

function redistributed(difference) {
  const knee = KNEE * LARGEST;
  if (difference < knee) return (KNEE_VALUE / knee) * difference;
  return KNEE_VALUE + ((difference - knee) / (LARGEST - knee)) * (1 - KNEE_VALUE);
}

// Work on planes of one size, row after row; the pixels at the edges go on beyond them.
class Planes {
  constructor({ width, height }, pause) {
    this.width = width;
    this.height = height;
    this.pause = pause;
  }

  make() {
    return new Float32Array(this.width * this.height);
  }

  /** @param {(row: number) => void} act */
  async rows(act) {
    for (let row = 0; row < this.height; row++) {
      act(row);
      const wait = row % ROWS ? null : this.pause();
      if (wait) await wait;
    }
  }

  /** @param {(i: number) => void} act */
  each(act) {
    return this.rows((row) => {
      for (let i = row * this.width, end = i + this.width; i < end; i++) act(i);
    });
  }

  async across(values, taps) {
    const { width } = this;
    const [found, radius] = [this.make(), (taps.length - 1) / 2];
    const line = new Float64Array(width + 2 * radius);
    await this.rows((row) => {
      const start = row * width;
      line.fill(values[start], 0, radius);
      line.set(values.subarray(start, start + width), radius);
      line.fill(values[start + width - 1], radius + width);
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let k = 0; k < taps.length; k++) sum += taps[k] * line[x + k];
        found[start + x] = sum;
      }
    });
    return found;
  }

  async down(values, taps) {
    const { width, height } = this;
    const [found, radius] = [this.make(), (taps.length - 1) / 2];
    await this.rows((row) => {
      const start = row * width;
      for (let k = 0; k < taps.length; k++) {
        const from = Math.min(Math.max(row + k - radius, 0), height - 1) * width;
        for (let x = 0; x < width; x++) found[start + x] += taps[k] * values[from + x];
      }
    });
    return found;
  }
}
