import assert from "node:assert/strict";
import { test } from "node:test";
import { between, borders, centre, dab, gradient, nothing, painted, rectangle } from "../../explorer/views/viewer/paint/dabs.js";

const GRID = { rows: 5, columns: 6 };
const rowsOf = (cover, digits = 0) => Array.from({ length: GRID.rows }, (_, row) => (
  Array.from(cover.slice(row * GRID.columns, (row + 1) * GRID.columns), (share) => (digits ? share.toFixed(digits) : Number(share > 0))).join(" ")));
const at = (point, brush) => {
  const cover = nothing(GRID);
  dab(cover, GRID, point, { soft: false, ...brush });
  return cover;
};

test("a brush lies on whole blocks: on one by its middle, on two by a corner", () => {
  assert.deepEqual(rowsOf(at({ x: 2.9, y: 1.1 }, { size: 1 })), ["0 0 0 0 0 0", "0 0 1 0 0 0", "0 0 0 0 0 0", "0 0 0 0 0 0", "0 0 0 0 0 0"]);
  assert.deepEqual(rowsOf(at({ x: 2.9, y: 1.1 }, { size: 2 })), ["0 0 1 1 0 0", "0 0 1 1 0 0", "0 0 0 0 0 0", "0 0 0 0 0 0", "0 0 0 0 0 0"]);
  const four = ["0 0 1 1 0 0", "0 1 1 1 1 0", "0 1 1 1 1 0", "0 0 1 1 0 0", "0 0 0 0 0 0"];
  assert.deepEqual(rowsOf(at({ x: 3.2, y: 1.8 }, { size: 4 })), four);
});

test("what lies beside the picture is not covered, nor does it come in on the other side", () => {
  assert.deepEqual(rowsOf(at({ x: 5.9, y: -0.4 }, { size: 3 })), ["0 0 0 0 1 1", ...Array(4).fill("0 0 0 0 0 0")]);
  assert.ok(at({ x: -9, y: 40 }, { size: 5 }).every((share) => share === 0));
});

test("a soft brush covers the same blocks, less towards its edge, and a second dab takes nothing away", () => {
  const cover = at({ x: 2.5, y: 2.5 }, { size: 5, soft: true });
  assert.deepEqual(rowsOf(cover), rowsOf(at({ x: 2.5, y: 2.5 }, { size: 5 })));
  assert.deepEqual(rowsOf(cover, 2)[2], "0.57 1.00 1.00 1.00 0.57 0.00");
  const before = cover.slice();
  dab(cover, GRID, { x: 3.5, y: 2.5 }, { size: 5, soft: true });
  assert.ok(cover.every((share, i) => share >= before[i]) && cover[2 * GRID.columns + 4] === 1);
});

test("a fast hand leaves no gap", () => {
  const cover = nothing(GRID);
  const brush = { size: 1, soft: false };
  dab(cover, GRID, { x: 0.5, y: 0.5 }, brush);
  for (const point of between({ x: 0.5, y: 0.5 }, { x: 5.5, y: 0.5 })) dab(cover, GRID, point, brush);
  assert.deepEqual(rowsOf(cover)[0], "1 1 1 1 1 1");
  assert.deepEqual(between({ x: 1, y: 1 }, { x: 1, y: 1 }), [{ x: 1, y: 1 }]);
});

test("a rectangle takes all blocks that it touches, from whichever corner", () => {
  const [a, b] = [{ x: 4.2, y: 3.9 }, { x: 1.7, y: 2.1 }];
  const rows = ["0 0 0 0 0 0", "0 0 0 0 0 0", "0 1 1 1 1 0", "0 1 1 1 1 0", "0 0 0 0 0 0"];
  assert.deepEqual(rowsOf(rectangle(GRID, a, b)), rows);
  assert.deepEqual(rowsOf(rectangle(GRID, b, a)), rows);
});

test("a gradient goes from all to nothing between its ends, and is nothing without a direction", () => {
  const cover = gradient(GRID, { x: 1.5, y: 0 }, { x: 4.5, y: 0 });
  for (const row of rowsOf(cover, 2)) assert.equal(row, "1.00 1.00 0.67 0.33 0.00 0.00");
  assert.ok(gradient(GRID, { x: 1, y: 1 }, { x: 1, y: 1 }).every((share) => share === 0));
});

test("the centre is a quarter of the picture, and of a small one still a block", () => {
  const cover = centre({ rows: 8, columns: 12 }, { width: 768, height: 512 }, 64);
  assert.equal(cover.filter(Boolean).length, 24);
  assert.deepEqual([...centre({ rows: 1, columns: 1 }, { width: 40, height: 30 }, 64)], [1]);
});

test("a share of the strength is a share of the way to it", () => {
  const steps = Int8Array.of(0, 0, 16, -32, 5);
  assert.deepEqual([...painted(steps, Float32Array.of(0, 1, 0.5, 1, 1), 16)], [0, 16, 16, 16, 16]);
  assert.deepEqual([...painted(steps, Float32Array.of(1, 0.25, 0.5, 0.5, 0), 0)], [0, 0, 8, -16, 5]);
});

test("borders lie where values change, with the picture's edge or without it", () => {
  const grid = { rows: 1, columns: 2 };
  assert.deepEqual(borders(grid, [1, 0]), [[1, 0, 1, 1]]);
  assert.equal(borders(grid, [1, 0], 1, 0).length, 4);
  assert.deepEqual([borders(grid, [1, 1]), borders(grid, [5, 7], 3)], [[], []]);
});
