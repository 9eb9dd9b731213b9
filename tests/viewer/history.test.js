import assert from "node:assert/strict";
import { test } from "node:test";
import { History } from "../../explorer/views/viewer/paint/history.js";

test("changes go back and forth, and a new one ends what was undone", () => {
  const history = new History("a");
  assert.ok(!history.canUndo && !history.canRedo && history.undo() === "a" && history.redo() === "a");
  history.push("b");
  history.push("c");
  assert.deepEqual([history.undo(), history.undo(), history.redo()], ["b", "a", "b"]);
  history.push("d");
  assert.ok(!history.canRedo);
  assert.deepEqual([history.present, history.undo(), history.undo()], ["d", "b", "a"]);
});

test("it keeps the last two hundred", () => {
  const history = new History(0);
  for (let i = 1; i <= 500; i++) history.push(i);
  let count = 0;
  for (; history.canUndo; count++) history.undo();
  assert.deepEqual([count, history.present], [200, 300]);
});
