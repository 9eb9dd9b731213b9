import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PAINT } from "../../explorer/views/viewer/paint/panel.js";
import { TABS } from "../../explorer/views/viewer/tabs.js";

const source = readFileSync(new URL("../../explorer/views/viewer/page.js", import.meta.url), "utf8");
const namesIn = (text, pattern) => Array.from(text.matchAll(pattern), ([, name]) => name).sort();

test("the type of the page’s parts names those that it has", () => {
  const [type] = /@typedef \{Record<[^]*?Parts$/m.exec(source);
  const page = [source, PAINT, ...TABS.map(({ html = "" }) => html)].join("");
  assert.deepEqual(namesIn(type, /"(\w+)"/g), namesIn(page, /data-part="(\w+)"/g));
});
