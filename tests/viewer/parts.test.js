import assert from "node:assert/strict";
import { test } from "node:test";
import { Cells } from "../../explorer/views/viewer/picture/cells.js";
import { Parts } from "../../explorer/views/viewer/picture/parts.js";
import { common, holds, outward, rectOf } from "../../explorer/views/viewer/picture/rectangles.js";
import { constants } from "../../explorer/views/viewer/wire/constants.js";
import { inSight, liveRectangle, moved, reduceAt, workOf } from "../../explorer/views/viewer/picture/view.js";

constants.tile = 128;
const PICTURE = { width: 4000, height: 3000 };
const ALL = { x: 0, y: 0, ...PICTURE };
const rect = (x, y, width, height) => ({ x, y, width, height });

test("rectangles grow to whole blocks and end with the picture", () => {
  assert.deepEqual(outward(rect(130, 5, 10, 124), PICTURE), rect(128, 0, 128, 256));
  assert.deepEqual(outward(rect(3900, 2900, 80, 50), PICTURE), rect(3840, 2816, 160, 184));
  assert.deepEqual(outward(rect(130, 5, 10, 10), PICTURE, 1), rect(0, 0, 384, 256));
  assert.equal(common(rect(0, 0, 10, 10), rect(10, 0, 5, 5)), null);
  assert.ok(holds(ALL, rect(3840, 2816, 160, 184)) && !holds(rect(0, 0, 128, 128), rect(100, 0, 29, 1)));
});

test("a picture is reduced by the largest power of two that the screen does not show more of", () => {
  assert.deepEqual([4, 1, 0.6, 0.5, 0.3, 0.25, 0.17, 1 / 64, 0.001].map((scale) => reduceAt(scale)), [1, 1, 1, 2, 2, 4, 4, 64, 64]);
  const sizes = [[4096, 4096], [4097, 4096], [8193, 8192], [16385, 1]];
  assert.deepEqual(sizes.map(([width, height]) => reduceAt(1, { width, height })), [1, 2, 4, 2]); // no more than a canvas may hold
});

test("what is in sight is whole blocks, and nothing beside the picture", () => {
  assert.deepEqual(inSight({ x: -50, y: 200 }, { width: 300, height: 100 }, PICTURE), rect(0, 128, 256, 256));
  assert.equal(inSight({ x: 4100, y: 0 }, { width: 300, height: 100 }, PICTURE), null);
});

test("all that is in sight is live where that can be done, else a window of it around a point", () => {
  const sight = rect(1536, 1152, 896, 640);
  assert.equal(workOf(sight), 1152 * 896);
  assert.equal(liveRectangle(sight, workOf(sight), { x: 0, y: 0 }), sight);
  const window = liveRectangle(sight, 600_000, { x: 1990, y: 1500 });
  assert.ok(holds(sight, window) && workOf(window) <= 600_000 && window.width * window.height === 16 * 128 ** 2);
  assert.deepEqual([window.x % 128, window.y % 128, window.width % 128, window.height % 128], [0, 0, 0, 0]);
  assert.ok(holds(window, rect(1990, 1500, 1, 1)));
  const corner = liveRectangle(ALL, 600_000, { x: 4000, y: 3000 });
  assert.ok(holds(corner, rect(3999, 2999, 1, 1)) && corner.y % 128 === 0 && corner.x % 128 === 0);
  assert.deepEqual(liveRectangle(ALL, 1, { x: 0, y: 0 }), rect(0, 0, 128, 128)); // never less than a block
  assert.deepEqual(moved(ALL, corner, { x: 0, y: 0 }), rect(0, 0, 512, 512));
});

test("cells know what is lacking, in runs, in one rectangle and tile by tile, the nearest first", () => {
  const cells = new Cells(rect(128, 0, 1024, 1024));
  cells.fill(rect(128, 0, 1024, 1024), 300);
  assert.equal(cells.lacking(ALL, 300), null);
  cells.fill(rect(256, 128, 256, 128), 512);
  assert.deepEqual(cells.others(ALL, 300), [rect(256, 128, 256, 128)]);
  assert.deepEqual(cells.valuesIn(ALL), [300, 512]);
  assert.deepEqual([cells.at({ x: 256, y: 128 }), cells.at({ x: 0, y: 0 })], [512, undefined]);
  const order = [];
  for (let next = cells.nextTile(ALL, 512, { x: 700, y: 700 }); next; next = cells.nextTile(ALL, 512, { x: 700, y: 700 })) {
    order.push([next.x, next.y]);
    cells.fill(next, 512);
  }
  assert.deepEqual(order[0], [512, 512]);
  assert.equal(order.length, 6); // squares of four blocks from the picture’s corner, 3 × 2 of them
  assert.equal(cells.lacking(ALL, 512), null);
});

test("another sheet’s cells are taken over where the two meet", () => {
  const [before, after] = [new Cells(rect(0, 0, 512, 256)), new Cells(rect(256, 128, 512, 256))];
  before.fill(rect(0, 0, 512, 256), 64);
  after.inherit(before);
  assert.deepEqual(after.others(ALL, 0), [rect(256, 128, 256, 128)]);
});

// A stage that shows all of a picture of 2048 × 1024 pixels at 1:1, with layers that only count.
function fakeStage() {
  const sight = rect(0, 0, 2048, 1024);
  const layers = {
    rect: sight, reduce: 1, original: { cells: new Cells(sight) }, frame: { cells: new Cells(sight), looks: [] },
    look() {},
    retireFrame: () => layers.frame.cells.retire(),
    putOriginal: ({ header }) => (layers.original.cells.fill(rectOf(header.box), 1), true),
    putFrame: ({ header }, value) => (layers.frame.cells.fill(rectOf(header.box), value), true),
  };
  return { sight, modelSight: sight, reduce: 1, layers, focus: { x: 1024, y: 512 } };
}

// Requests that are answered when the test says so.
function fakeServer() {
  const asked = [];
  const ask = (kind, lmbda, part) => new Promise((resolve, reject) => {
    const answer = () => resolve({ header: { box: part.box, reduce: part.reduce, pace: 5_000_000 }, wishes: {} });
    asked.push({ kind, lmbda, part, answer });
    part.signal.addEventListener("abort", () => reject(part.signal.reason));
  });
  return { asked, pixels: (_, part) => ask("original", null, part), frame: (_, { lmbda }, part) => ask("frame", lmbda, part) };
}

const soon = () => new Promise((resolve) => setTimeout(resolve));
const until = async (isSo) => {
  while (!isSo()) await soon();
};

async function answerAll(server, condition) {
  for (let i = server.asked.length - 1; !condition(); i++) {
    await until(() => condition() || server.asked.length > i);
    server.asked[i]?.answer();
    await soon();
  }
}

test("the original first, then a live window, and when λ rests the rest, the nearest first", async () => {
  const [stage, server, shown] = [fakeStage(), fakeServer(), []];
  const parts = new Parts(stage, server, { live: (_, request) => shown.push(request.lmbda), changed() {}, failed: assert.fail });
  parts.open({ id: "a", ...PICTURE });
  parts.ask({ lmbda: 256, wishes: [], asked: 0 });
  assert.deepEqual(server.asked.map(({ kind }) => kind), ["original"]);
  server.asked[0].answer();
  await until(() => server.asked.length === 2);
  assert.equal(server.asked[1].part.live, true);
  assert.ok(holds(rectOf(server.asked[1].part.box), rect(1024, 512, 1, 1)));
  server.asked[1].answer();
  await answerAll(server, () => parts.isWhole);
  assert.deepEqual(shown, [256]);
  const tiles = server.asked.slice(2).map(({ part }) => part);
  assert.ok(tiles.length >= 8 && tiles.every(({ live }) => !live));
  assert.deepEqual(parts.veiled.lambdas, []);
});

test("a drag of 100 steps leaves no backlog: one request at a time, and the last λ is asked for last", async () => {
  const [stage, server] = [fakeStage(), fakeServer()];
  const parts = new Parts(stage, server, { live() {}, changed() {}, failed: assert.fail });
  parts.open({ id: "a", ...PICTURE });
  parts.ask({ lmbda: 64, wishes: [], asked: 0 });
  await answerAll(server, () => parts.isWhole);
  const before = server.asked.length;
  for (let step = 1; step <= 100; step++) parts.ask({ lmbda: 64 + step, wishes: [], asked: 0 });
  server.asked[before].answer();
  await until(() => server.asked.length === before + 2);
  server.asked[before + 1].answer();
  await until(() => !parts.isBehind);
  assert.deepEqual(server.asked.slice(before).map(({ lmbda }) => lmbda), [65, 164]);
  assert.deepEqual(parts.veiled.lambdas, [64]); // what is still shown of another λ
});

test("another λ map is another frame, of the same λ too, and what has the one before lies under the veil", async () => {
  const [stage, server] = [fakeStage(), fakeServer()];
  const parts = new Parts(stage, server, { live() {}, changed() {}, failed: assert.fail });
  parts.open({ id: "a", ...PICTURE });
  parts.ask({ lmbda: 64, map: "", wishes: [], asked: 0 });
  await answerAll(server, () => parts.isWhole);
  parts.ask({ lmbda: 64, map: "1x1~16", wishes: [], asked: 0 });
  assert.ok(parts.isBehind);
  server.asked.at(-1).answer();
  await until(() => !parts.isBehind);
  assert.deepEqual([parts.isWhole, parts.veiled.hasOtherMap, parts.veiled.lambdas], [false, true, []]);
  await answerAll(server, () => parts.isWhole);
  assert.equal(parts.veiled.hasOtherMap, false);
});

test("a new λ ends the filling at once, and the window stays while λ moves", async () => {
  const [stage, server] = [fakeStage(), fakeServer()];
  const parts = new Parts(stage, server, { live() {}, changed() {}, failed: assert.fail });
  parts.open({ id: "a", ...PICTURE });
  parts.ask({ lmbda: 64, wishes: [], asked: 0 });
  await answerAll(server, () => parts.isResting);
  await until(() => server.asked.at(-1).part.live === undefined && server.asked.at(-1).kind === "frame");
  const tile = server.asked.at(-1);
  parts.ask({ lmbda: 65, wishes: [], asked: 0 });
  assert.ok(tile.part.signal.aborted);
  await until(() => server.asked.at(-1).lmbda === 65);
  const first = server.asked.at(-1);
  assert.ok(first.part.live);
  stage.focus = { x: 0, y: 0 };
  parts.ask({ lmbda: 66, wishes: [], asked: 0 });
  assert.ok(!first.part.signal.aborted); // a live frame is waited for
  first.answer();
  await until(() => server.asked.at(-1).lmbda === 66);
  assert.deepEqual(server.asked.at(-1).part.box, first.part.box);
});
