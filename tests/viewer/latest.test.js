import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameCache, Latest } from "../../explorer/views/viewer/wire/latest.js";

test("one request at a time, and the newest wins", async () => {
  const [asked, done] = [[], []];
  const latest = new Latest((request) => {
    asked.push(request);
    return new Promise((resolve) => done.push(resolve));
  });
  for (const request of ["a", "b", "c"]) latest.ask(request);
  assert.deepEqual([asked, latest.running], [["a"], true]);
  done[0]();
  await new Promise(setImmediate);
  assert.deepEqual(asked, ["a", "c"]);
  done[1]();
  await new Promise(setImmediate);
  assert.equal(latest.running, false);
});

test("who waits in a queue is overtaken by the newest", async () => {
  const [asked, done] = [[], []];
  const latest = new Latest((request) => {
    asked.push(request);
    return new Promise((resolve) => done.push(resolve));
  }, 0);
  latest.ask("a");
  const began = performance.now();
  while (performance.now() <= began + 1); // the clock may be coarse
  for (const request of ["b", "c"]) latest.ask(request);
  assert.deepEqual(asked.slice(0, 2), ["a", "b"]);
  done.splice(0).forEach((end) => end());
  await new Promise(setImmediate);
  assert.equal(asked.at(-1), "c");
  done.splice(0).forEach((end) => end());
  await new Promise(setImmediate);
  assert.equal(latest.running, false);
});

test("the cache forgets what was used longest ago", () => {
  const cache = new FrameCache(10);
  for (const key of ["a", "b"]) cache.set(key, { bytes: 4, key });
  cache.get("a");
  cache.set("c", { bytes: 4 });
  assert.deepEqual([cache.get("a")?.key, cache.get("b"), cache.bytes], ["a", undefined, 8]);
  cache.set("large", { bytes: 11 });
  assert.deepEqual([cache.get("large"), cache.bytes], [undefined, 0]);
});
