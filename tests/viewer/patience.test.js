import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Patience } from "../../explorer/views/viewer/wire/patience.js";

const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
const network = new EventTarget();
Object.assign(globalThis, { document: page, window: network });

test("pauses grow, up to half a minute, until it went well", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const patience = new Patience(new AbortController().signal);
  const pause = async (seconds) => {
    let isOver = false;
    const waits = patience.pause(2).then(() => (isOver = true));
    assert.equal(patience.pause(2), patience.pause(2), "one pause at a time");
    mock.timers.tick(1000 * seconds - 1);
    await Promise.resolve();
    assert.equal(isOver, false);
    mock.timers.tick(1);
    await waits;
  };
  for (const seconds of [2, 4, 8, 16, 30, 30]) await pause(seconds);
  patience.reset();
  await pause(2);
  mock.timers.reset();
});

test("a page that is looked at again, or has its network back, waits no longer", async () => {
  const patience = new Patience(new AbortController().signal);
  const looked = patience.pause(1000);
  page.dispatchEvent(new Event("visibilitychange"));
  await looked;
  const online = patience.pause(1000);
  network.dispatchEvent(new Event("online"));
  await online;
});
