import assert from "node:assert/strict";
import { test } from "node:test";
import { csvBlob } from "../../explorer/views/viewer/save/files.js";

test("a table as RFC 4180 has it", async () => {
  const blob = csvBlob(["picture", "rate_bpp"], [["a, “b”", 0.25], ['say "x"\nagain', NaN], [null, 0]]);
  assert.equal(blob.type, "text/csv");
  assert.equal(await blob.text(), 'picture,rate_bpp\r\n"a, “b”",0.25\r\n"say ""x""\nagain",\r\n,0\r\n');
});
