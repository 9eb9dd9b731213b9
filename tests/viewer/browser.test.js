import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { runInNewContext } from "node:vm";

const source = readFileSync(new URL("../../explorer/views/viewer/browser.js", import.meta.url), "utf8");
const { browserslist } = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const CURRENT = { CSS: { supports: () => true }, DecompressionStream, OffscreenCanvas: class {}, structuredClone };

// What a page says in a browser that has these, besides the language.
const says = (window) => runInNewContext(`${source.replace("export function", "function")}; tooOld();`, { window });

test("a browser that lacks something is told which ones have it, and one that has all of it nothing", () => {
  assert.equal(says(CURRENT), "");
  for (const name of Object.keys(CURRENT)) {
    assert.match(says({ ...CURRENT, [name]: undefined }), /^This browser is too old for MAE Explorer: please use/, name);
  }
  const supports = (...query) => !query.join().includes(":has(");
  assert.match(says({ ...CURRENT, CSS: { supports } }), /too old/);
});

test("the sentence names the browsers that the viewer is checked for", () => {
  const named = Object.fromEntries(browserslist.map((each) => each.split(" >= ")));
  const { chrome, edge, firefox, safari } = named;
  assert.deepEqual([edge, named.ios_saf], [chrome, safari]);
  assert.ok(says({}).endsWith(`use Chrome or Edge ${chrome}, Firefox ${firefox}, Safari ${safari}, or newer.`));
});

test("any browser can read it: nothing of the language is younger than 2009", () => {
  const code = source.replace(/\/\/.*|\/\*[^]*?\*\//g, "").replace("export function", "function");
  assert.doesNotMatch(code, /=>|`|\?\.|\?\?|\b(?:let|const|class|async)\b|catch \{/);
});
