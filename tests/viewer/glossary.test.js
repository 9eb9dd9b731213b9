import assert from "node:assert/strict";
import { test } from "node:test";
import { TERMS, kindText } from "../../explorer/views/viewer/story/glossary.js";

test("every word of the glossary is explained in whole sentences", () => {
  for (const [key, { text }] of Object.entries(TERMS)) assert.match(text, /^\S.*\.$/, key);
});

test("the kinds of models explain themselves by their labels, codecs do not", () => {
  assert.equal(kindText("bottleneck scaling with hyperprior"), TERMS["bottleneck scaling"].text);
  assert.equal(kindText("independent models"), TERMS["independent models"].text);
  assert.equal(kindText("MAE (this project)"), TERMS.MAE.text);
  assert.equal(kindText("JPEG 4:2:0"), undefined);
});
