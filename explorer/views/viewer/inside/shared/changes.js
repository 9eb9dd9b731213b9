// What a change of the bottleneck does to rate and quality, in words: of channels, or of elements.

export const NUMBERS = "Above are the numbers of this picture; those that are struck belong to the file, which is saved unchanged.";
export const TOO_LARGE = "What a change does is shown on pictures of up to a megapixel; this one is larger: open a part of it.";

// What a change saves and costs, against the picture as it is: its numbers, which may be about that, and its bits.
export function costText({ psnr: whole, approximate, width, height }, bits, { estimated_bits: left, psnr }) {
  const saved = (bits - left) / (width * height);
  const rate = saved > 0 ? `saves ${saved.toFixed(saved < 0.01 ? 5 : 3)} bpp (estimated)` : "saves no bits";
  if (![psnr, whole].every(Number.isFinite)) return rate; // nothing is lost, or it is not known
  const loss = whole - psnr;
  return `${rate}, ${loss < 0 ? "gains" : "costs"} ${approximate ? "≈ " : ""}${Math.abs(loss).toFixed(2)} dB`;
}
