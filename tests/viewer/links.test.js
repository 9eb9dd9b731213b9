import assert from "node:assert/strict";
import { test } from "node:test";
import { readHash, writeHash } from "../../explorer/views/viewer/state/links.js";

test("a state survives its link", () => {
  const state = { lambda: "256", compare: "jpeg:fixed:40", pins: "6-18,10-30", picture: "a & b = 100 %, “ü”#", hide: "" };
  const hash = writeHash(state);
  assert.deepEqual(readHash(hash), state);
  assert.ok(hash.startsWith("#lambda=256&compare=jpeg:fixed:40&pins=6-18,10-30&"), hash);
});

test("no change is no hash", () => {
  assert.equal(writeHash({}), "");
  assert.deepEqual([readHash(""), readHash("#")], [{}, {}]);
});

test("a broken link says what is wrong with it", () => {
  const problem = (hash) => {
    try {
      return readHash(hash);
    } catch (error) {
      return error.message;
    }
  };
  assert.equal(problem("#a=1&a=2"), "“a” is in it more than once.");
  assert.equal(problem("#lambda"), "“lambda” is not of the form key=value.");
  assert.equal(problem("#a=%E0%A4"), "“a=%E0%A4” is not readable: its percent signs stand for no text.");
  assert.equal(problem(`#a=${"1".repeat(4000)}`), "it is longer than 4000 characters.");
});

test("a key named as what every object has is a key", () => {
  assert.deepEqual(Object.keys(readHash("#__proto__=1&constructor=2")), ["__proto__", "constructor"]);
});
