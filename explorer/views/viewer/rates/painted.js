// What painting λ did: rate and quality where it was raised, left and lowered, and the way to the same bytes with one λ.
import { makeElement } from "../controls/elements.js";
import { decibels } from "./readout.js";

/** @typedef {Record<string, import("../wire/types.js").Region>} Regions */

const NAMES = { above: "λ raised", at: "λ as set", below: "λ lowered" };
const HEADS = ["", "Area", "PSNR (dB)", "Rate (bpp)"];

export class PaintedNumbers {
  /**
   * @param {import("../page.js").Parts} parts
   * @param {() => void} compare
   */
  constructor({ painted, regions, oneLambda }, compare) {
    this.box = painted;
    this.table = regions;
    this.button = oneLambda;
    this.names = ["above", "at"]; // of the rows, so that they stay while λ moves
    oneLambda.addEventListener("click", compare);
  }

  // header: of the frame on show, whose regions are null until they are measured. picture: its; there is nothing to tell
  // of one without an original. other:
  // what it is compared with, or null; its regions, too, may be there later or never.
  /**
   * @param {{ map: string, point: any, regions: Regions | null }} header
   * @param {{ missing: string | null }} picture
   * @param {{ label: string, regions: Regions | null } | null} other
   * @param {boolean} isBesideOneLambda
   */
  show({ map, point, regions }, { missing }, other, isBesideOneLambda) {
    this.box.hidden = !map || missing !== null;
    this.button.ariaPressed = String(isBesideOneLambda);
    if (this.box.hidden) return;
    const isKnown = regions !== null || !point.approximate;
    if (isKnown) this.names = Object.keys(regions ?? {});
    const rows = this.names.map((name) => {
      const [own, beside] = [isKnown ? regions[name] : undefined, isKnown && other?.regions?.[name]];
      const pixels = own && own.share * point.width * point.height;
      return row("td", [NAMES[name], own ? percent(own.share) : "…", ...numbers(own, pixels), ...(other ? numbers(beside, pixels) : [])]);
    });
    const heads = [...HEADS, ...(other ? [`${other.label} (dB)`, "(bpp)"] : [])];
    this.table.replaceChildren(...(rows.length ? [row("th", heads)] : []), ...rows);
  }
}

function row(kind, texts) {
  return makeElement("tr", "", ...texts.map((text, i) => makeElement(i ? kind : "th", "", text)));
}

function percent(share) {
  return share < 0.005 ? "< 1 %" : `${Math.round(100 * share)} %`;
}

// PSNR and rate of a region with so many pixels, which may not be known.
function numbers(region, pixels) {
  if (!region) return ["…", "…"];
  return [decibels(region.psnr), region.bits === undefined ? "–" : (region.bits / pixels).toFixed(3)];
}
