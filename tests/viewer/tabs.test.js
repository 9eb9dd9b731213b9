import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { TABS } from "../../explorer/views/viewer/tabs.js";

test("a tab has the name of its module, by which Python knows it", () => {
  const list = readFileSync(new URL("../../explorer/views/viewer/tabs.js", import.meta.url), "utf8");
  const modules = Array.from(list.matchAll(/^import .* from ".*\/(\w+)\.js";$/gm), ([, name]) => name);
  assert.deepEqual(TABS.map(({ name }) => name), modules);
});

test("a tab has something to show, and says what", () => {
  for (const { label, title, View, html } of TABS) assert.ok(label && title.length > label.length && (View || html), label);
});

test("no two fields of tabs have the same key", () => {
  const keys = TABS.flatMap(({ fields = [] }) => fields.map(({ key }) => key));
  assert.equal(new Set(keys).size, keys.length);
  assert.ok(keys.includes("zchannel") && keys.includes("curves"));
});
