// The numbers at a λ while they are not measured: the rate from the entropy model's tables where the frame brings it, the
// rest from the curve of the picture's measured points, and nothing where that has none.

const ALMOST = 1 - 1e-9; // MS-SSIM of a picture that lost nothing would have no end in decibels

/** @typedef {{ setting: number, point: any }} Measured */

// header: of a frame. points: the model's of this picture, [{setting: λ, point}]. -> the measured point, or one with
// `approximate`, in which undefined is what nobody knows yet.
/**
 * @param {{ lmbda: number, point: any, estimated_bits: number | null }} header
 * @param {Measured[]} points
 * @param {{ width: number, height: number }} picture
 */
export function livePoint({ lmbda, point, estimated_bits: bits }, points, { width, height }) {
  if (point) return point;
  const near = between(points, lmbda);
  const bpp = bits === null ? near?.bpp : bits / (width * height);
  return {
    approximate: true,
    width, height, bpp,
    bytes: bpp === undefined ? undefined : Math.round((bpp * width * height) / 8),
    estimated_bits: bits ?? undefined,
    psnr: near?.psnr,
    ms_ssim: near?.ms_ssim,
    ssimulacra2: near?.ssimulacra2,
  };
}

// Between the measured points beside a λ: straight on log λ, in log rate, dB, and the decibels of MS-SSIM. undefined
// beyond them, and where they have none; null where they have null.
/**
 * @param {Measured[]} points
 * @param {number} lmbda
 */
export function between(points, lmbda) {
  const below = nearest(points.filter(({ setting }) => setting <= lmbda), lmbda);
  const above = nearest(points.filter(({ setting }) => setting >= lmbda), lmbda);
  if (!below || !above) return undefined;
  const t = below === above ? 0 : Math.log(lmbda / below.setting) / Math.log(above.setting / below.setting);
  const mix = (key, into = same, back = same) => {
    const [a, b] = [below.point[key], above.point[key]];
    if (a === undefined || b === undefined) return undefined;
    return a === null || b === null ? null : back((1 - t) * into(a) + t * into(b));
  };
  return {
    bpp: mix("bpp", Math.log, Math.exp),
    psnr: mix("psnr"),
    ms_ssim: mix("ms_ssim", (value) => Math.log(1 - Math.min(value, ALMOST)), (log) => 1 - Math.exp(log)),
    ssimulacra2: mix("ssimulacra2"),
  };
}

const same = (value) => value;

function nearest(points, lmbda) {
  const distance = ({ setting }) => Math.abs(Math.log(setting / lmbda));
  return points.reduce((best, each) => (best && distance(best) <= distance(each) ? best : each), undefined);
}
