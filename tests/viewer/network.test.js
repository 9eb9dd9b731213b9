import assert from "node:assert/strict";
import { test } from "node:test";
import { plan } from "../../explorer/views/viewer/story/network.js";

const stage = (name, kernel, stride, channels, modulator, enlarges = "sg".includes(name[0]) && stride > 1) => {
  return { name, kernel, stride, enlarges, channels, modulator };
};
const STAGES = [
  stage("a0", 9, 4, 8, "m0"), stage("a1", 5, 2, 8, "m1"), stage("a2", 5, 2, 12, "m2"),
  stage("s0", 5, 2, 8, "d0"), stage("s1", 5, 2, 8, "d1"), stage("s2", 9, 4, 3, "d2"),
];
const HYPER = [
  stage("h0", 1, 1, 8, "h0"), stage("h1", 5, 2, 8, "h1"), stage("h2", 5, 2, 8, "h2"),
  stage("g0", 5, 2, 8, "g0"), stage("g1", 5, 2, 8, "g1"), stage("g2", 1, 1, 24, ""),
];
const MODULATORS = ["m0", "m1", "m2", "d0", "d1", "d2", "a"];
const PICTURE = { width: 768, height: 500, channels: 12, modulators: MODULATORS, stages: STAGES };

const box = ({ boxes }, title) => boxes.find((each) => each.title === title);

test("a box says what its stage does, to which size, and where it leads", () => {
  const drawn = plan(PICTURE);
  const second = box(drawn, "analysis 2");
  assert.deepEqual(second.lines, ["conv 5×5 ↓2 → × m1(λ) → GDN", "8 channels of 96×63"]);
  assert.deepEqual(second.state, { view: "modulation", layer: "m1", feature: "a1.mod" });
  assert.deepEqual(box(drawn, "synthesis 3").lines, ["IGDN → × d2(λ) → conv 9×9 ↑4", "3 channels of 768×500"]);
  assert.deepEqual(box(drawn, "bottleneck y").lines, ["12 channels of 48×32: rounded, it is in the file"]);
  assert.deepEqual(box(drawn, "factorised prior").state, { view: "modulation", layer: "a" });
});

test("the analysis goes down on the left and the synthesis comes up beside it", () => {
  const drawn = plan(PICTURE);
  const [first, last] = [box(drawn, "analysis 1"), box(drawn, "synthesis 3")];
  assert.equal(first.y, last.y);
  assert.ok(first.x + first.width < last.x);
  assert.ok(box(drawn, "analysis 3").y < box(drawn, "bottleneck y").y);
});

test("a hyperprior has its transforms below, and z last", () => {
  const drawn = plan({ ...PICTURE, stages: [...STAGES, ...HYPER] });
  assert.deepEqual(box(drawn, "hyper-analysis 3").lines, ["conv 5×5 ↓2 → × h2(λ)", "8 channels of 12×8"]);
  assert.deepEqual(box(drawn, "hyper-synthesis 3").state, { view: "channels", values: "σ" });
  assert.equal(drawn.boxes.at(-1).title, "z");
});

test("without modulators a stage leads to its maps", () => {
  const fixed = STAGES.map((each) => ({ ...each, modulator: "" }));
  const drawn = plan({ ...PICTURE, modulators: [], stages: fixed });
  assert.equal(box(drawn, "analysis 1").lines[0], "conv 9×9 ↓4 → GDN");
  assert.deepEqual(box(drawn, "synthesis 1").state, { view: "modulation", feature: "s0.igdn" });
  assert.deepEqual(box(drawn, "factorised prior").state, { view: "bits" });
});
