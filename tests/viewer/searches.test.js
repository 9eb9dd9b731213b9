import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { costChange, numbersOf, percentText, savedBytes, timeText } from "../../explorer/views/viewer/compare/gains.js";
import { Comparison } from "../../explorer/views/viewer/compare/comparison.js";
import { SEARCHED, SEARCHED_RIVAL, Searches } from "../../explorer/views/viewer/compare/searches.js";
import { MOVED_MAPS, blockText, movedMap, sharesMoved } from "../../explorer/views/viewer/inside/search/moved.js";
import { setPalettes } from "../../explorer/views/viewer/inside/shared/colours.js";
import { sideTexts } from "../../explorer/views/viewer/picture/modes.js";
import { setConstants } from "../../explorer/views/viewer/wire/constants.js";

setConstants({ paper_lambdas: [64, 128, 256, 512, 1024, 2048, 4096] });
setPalettes({ grey: { kind: "sequential", colors: ["#000000", "#ffffff"] }, odd: { kind: "diverging", colors: ["#0000ff", "#ffffff", "#ff0000"] } });

const point = (bytes, bpp, psnr) => ({ bytes, bpp, psnr, ms_ssim: 0.9, knob: { lambda: 256 } });
const found = {
  lmbda: 256, level: 21845, map: "", effort: 1, seconds: 48,
  before: point(8000, 0.16, 30), after: point(7800, 0.156, 30.1), same: point(8200, 0.164, 30.1),
  cost_before: 0.416, cost_after: 0.4062,
};

test("what a search has gained is told in bytes at the same PSNR, and in J", () => {
  assert.equal(percentText(savedBytes(found)), "−4.9 %");
  assert.equal(savedBytes({ ...found, same: null }), null);
  assert.equal(percentText(costChange(found)), "−2.4 %");
  assert.deepEqual(numbersOf(found), [
    ["File", "8,000 bytes", "7,800 bytes", "−2.5 %"],
    ["Rate", "0.160 bpp", "0.156 bpp", "−2.5 %"],
    ["PSNR", "30.00 dB", "30.10 dB", "+0.10 dB"],
    ["MS-SSIM", "10.00 dB", "10.00 dB", "±0.00 dB"],
    ["J = R + λD", "0.4160 bpp", "0.4062 bpp", "−2.4 %"],
  ]);
  const small = { ...found, before: { ...found.before, ms_ssim: null }, after: { ...found.after, ms_ssim: null } };
  assert.deepEqual(numbersOf(small)[3], ["MS-SSIM", "–", "–", "–"]);
});

test("times are told as people tell them", () => {
  assert.deepEqual([0.2, 9.4, 59.4, 80, 119, 600, 5000].map(timeText), ["1 s", "9 s", "59 s", "1 min 20 s", "2 min", "10 min", "83 min"]);
});

const answer = {
  bits_before: Float32Array.of(10, 4, 0, 2), bits: Float32Array.of(8, 5, 0, 2),
  mse_before: Float32Array.of(0.001, 0.002, 0, 0.004), mse: Float32Array.of(0.0015, 0.001, 0, 0.004),
};

test("maps before and after have one scale, and a change has nothing in its middle", () => {
  const palettes = { sequential: "grey", diverging: "odd" };
  const [before, after] = ["bitsbefore", "bitsafter"].map((key) => movedMap(answer, MOVED_MAPS[key], palettes));
  assert.deepEqual([before.scale.low, before.scale.high], [after.scale.low, after.scale.high]);
  assert.deepEqual([...after.values], [8, 5, 0, 2]);
  const { values, scale, unit } = movedMap(answer, MOVED_MAPS.bitschange, palettes);
  assert.deepEqual([...values], [-2, 1, 0, 0]);
  assert.deepEqual([scale.low, scale.high, unit], [-2, 2, "change of bits per block, estimated"]);
  const error = movedMap(answer, MOVED_MAPS.msechange, palettes);
  assert.ok(Math.abs(error.values[0] - 255 ** 2 * 0.0005) < 1e-2);
  assert.deepEqual(sharesMoved(answer), { cheaper: 0.25, better: 0.25 });
  assert.equal(blockText(answer, 1), "4 → 5 bits (+1), MSE 130 → 65 (−65)");
});

function searchesOf(lines) {
  const told = [];
  const inside = { refresh() {}, views: { search: { told: () => told.push("told") } } };
  const shown = { header: { picture: "a", level: 21845, lmbda: 256, map: "", point: {} } };
  const transport = {
    search: async (id, query, signal, onLine) => {
      for (const line of lines) onLine(line);
      if (!lines.some((line) => "after" in line)) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  };
  const viewer = {
    transport, inside, shown, picture: { id: "a" },
    panel: { setSearched: (all) => (viewer.drawn = all) },
    comparison: { choice: null, choose: (choice, swapped) => Object.assign(viewer, { choice, swapped }) },
    notify: (text) => (viewer.says = text),
  };
  viewer.searches = new Searches(viewer);
  return viewer;
}

test("what was found stands on the right of the first guess, and on the plot", async () => {
  const viewer = searchesOf([{ waiting: 1 }, { done: 1, of: 100, seconds: 40, change: 0.3 }, found]);
  await viewer.searches.start({ lmbda: 256, map: "" }, 1);
  assert.deepEqual(viewer.choice, { codec: SEARCHED, by: "effort", setting: 1 });
  assert.equal(viewer.swapped, true);
  assert.deepEqual(viewer.drawn, [found]);
  assert.equal(viewer.searches.atLambda({ lmbda: 256, map: "" }, 1), found);
  assert.equal(viewer.searches.atLambda({ lmbda: 257, map: "" }, 1), undefined);
  assert.equal(viewer.searches.atLambda({ lmbda: 256, map: "1x2~0~4" }, 1), undefined);
  assert.equal(viewer.searches.running, null);
});

test("where λ has moved meanwhile, the picture stays and a sentence tells of the end", async () => {
  const viewer = searchesOf([found]);
  viewer.shown.header = { ...viewer.shown.header, level: 30000 };
  await viewer.searches.start({ lmbda: 256, map: "" }, 1);
  assert.equal(viewer.choice, undefined);
  assert.equal(viewer.says, "The search at λ 256 has ended: J −2.4 %.");
});

test("a search is cancelled at once, also by another picture", async () => {
  const viewer = searchesOf([{ done: 1, of: 100, seconds: 40, change: 0.3 }]);
  const ended = viewer.searches.start({ lmbda: 256, map: "" }, 1);
  assert.equal(viewer.searches.running.line.done, 1);
  viewer.searches.open();
  await ended;
  assert.deepEqual([viewer.searches.running, viewer.searches.all, viewer.searches.problem], [null, [], ""]);
});

test("an error is a sentence, and the search is over", async () => {
  const viewer = searchesOf([{ error: "There is no room." }, found]);
  viewer.transport.search = async () => { throw new Error("The server does not answer."); };
  await viewer.searches.start({ lmbda: 256, map: "" }, 1);
  assert.deepEqual([viewer.searches.problem, viewer.searches.running], ["The server does not answer.", null]);
});

test("what was found is compared at its own λ alone, and the labels say so", async () => {
  const asked = [];
  const comparison = new Comparison(async (search) => {
    asked.push([search.by, search.setting, search.at.lmbda]);
    return { header: { picture: "a", codec: SEARCHED, setting: 1, point: found.after }, bytes: 1 };
  }, { isFound: ({ level }) => level === found.level, changed() {}, failed: assert.fail });
  comparison.choose({ codec: SEARCHED, by: "effort", setting: 1 }, true);
  const header = { picture: "a", lmbda: 256, map: "", level: 21845, point: { approximate: true, bpp: 0.16, psnr: 30 } };
  comparison.follow(header, null);
  assert.equal(comparison.pending, true);
  await new Promise((resolve) => (comparison.changed = resolve));
  comparison.follow(header, null);
  const rivals = new Map([[SEARCHED, SEARCHED_RIVAL]]);
  assert.deepEqual(sideTexts(header, comparison, rivals, "bits, change").map(({ text }) => text),
    ["λ 256 · ≈ 0.160 bpp · ≈ 30.00 dB", "Searched, effort 1 · 0.156 bpp · 30.10 dB · bits, change"]);
  const away = { ...header, lmbda: 300, level: 23000 };
  comparison.follow(away, null);
  assert.deepEqual([comparison.shown, comparison.pending], [null, false]);
  assert.deepEqual(sideTexts(away, comparison, rivals, "").map(({ text }) => text), ["Original · nothing was searched for at this λ", "λ 300"]);
  assert.deepEqual(asked, [["effort", 1, 256]]);
});

test("the lesson speaks of what is there", () => {
  const lessons = JSON.parse(readFileSync(new URL("../../explorer/views/viewer/story/lessons.json", import.meta.url), "utf8"));
  const view = readFileSync(new URL("../../explorer/views/viewer/inside/search/search.js", import.meta.url), "utf8");
  const { steps } = lessons.find(({ id }) => id === "search");
  for (const { at } of steps) assert.ok(view.includes(at.replace(/^\./, "")) || at.includes("data-tab=search"), at);
});
