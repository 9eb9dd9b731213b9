import assert from "node:assert/strict";
import { test } from "node:test";
import { Links, readHash, writeHash } from "../../explorer/views/viewer/state/links.js";

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

test("a map that is too large for a link is left out of it, and that is said once", () => {
  const said = [];
  const state = { changes: () => ({ lambda: "256", paint: `64x64${"~1".repeat(changes)}` }) };
  let changes = 900;
  const location = { href: "http://localhost/#lambda=64" };
  const history = { state: null, replaceState: (_state, _title, href) => (location.href = href) };
  Object.assign(globalThis, { location, history });
  const links = Object.assign(Object.create(Links.prototype), { viewer: { state, notify: (text) => said.push(text) }, lacksMap: false });
  links.write();
  assert.ok(location.href.startsWith("http://localhost/#lambda=256&paint=64x64~1~1") && location.href.length < 2000);
  assert.deepEqual(said, []);
  for (changes of [1200, 1300]) links.write();
  assert.equal(location.href, "http://localhost/#lambda=256");
  assert.match(said.join(), /^The painted λ has too many edges for a link[^,]*$/);
});

test("a key named as what every object has is a key", () => {
  assert.deepEqual(Object.keys(readHash("#__proto__=1&constructor=2")), ["__proto__", "constructor"]);
});
