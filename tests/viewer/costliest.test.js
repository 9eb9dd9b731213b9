import assert from "node:assert/strict";
import { test } from "node:test";
import { Costliest, ladder } from "../../explorer/views/viewer/inside/bits/costliest.js";
import { setConstants } from "../../explorer/views/viewer/wire/constants.js";

test("steps of the slider rise from none to all, by at most a fifth or by one", () => {
  for (const elements of [1, 2, 3, 192, 294912]) {
    const counts = ladder(elements);
    assert.equal(counts[0], 0);
    assert.equal(counts.at(-1), elements);
    for (const [i, count] of counts.slice(1).entries()) {
      assert.ok(count > counts[i] && (count === counts[i] + 1 || count <= 1.2 * counts[i]), `${counts[i]} ${count}`);
    }
  }
});

test("what is kept stays while pictures change, but not where there are no more elements", () => {
  setConstants({ element: 16 });
  let told = 0;
  const costliest = new Costliest(() => told++);
  costliest.limit({ channels: 10, width: 33, height: 16 });
  assert.equal(costliest.elements, 30);
  costliest.text = "20";
  assert.deepEqual([costliest.text, costliest.wishes, told], ["20", ["costliest:20"], 1]);
  assert.equal(costliest.words, "the costliest 20 elements");
  costliest.text = "1";
  assert.equal(costliest.words, "the costliest element");
  costliest.text = "0";
  assert.deepEqual([costliest.words, costliest.wishes], ["no element kept", ["costliest:0"]]);
  costliest.text = "20";
  costliest.limit({ channels: 10, width: 64, height: 16 });
  assert.equal(costliest.text, "20");
  costliest.isTooLarge = true;
  assert.deepEqual(costliest.wishes, []);
  costliest.limit({ channels: 10, width: 32, height: 16 });
  assert.deepEqual([costliest.text, costliest.wishes], ["", []]);
});
