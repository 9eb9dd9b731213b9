import assert from "node:assert/strict";
import { test } from "node:test";
import { editsText, parseEdits } from "../../explorer/views/viewer/inside/channels/edits.js";
import { parsePlaces } from "../../explorer/views/viewer/inside/inspection/pins.js";
import { choice, listed, number, numberWithin, places, several } from "../../explorer/views/viewer/state/values.js";
import { constants, setConstants } from "../../explorer/views/viewer/wire/constants.js";

setConstants({ ...constants, element: 16, factor_max: 4 });

test("numbers lie within a range and have so many decimals", () => {
  assert.equal(numberWithin("256.12345", [64, 4096], 3), 256.123);
  assert.equal(numberWithin("-0.0001", [-1, 1], 3), 0);
  for (const text of ["63", "4097", "1e3", "0x40", "", " 64", "NaN", "64.", "1234567"]) {
    assert.equal(numberWithin(text, [64, 4096], 3), undefined, text);
  }
  assert.equal(numberWithin("64.5", [64, 4096], 0), undefined);
  assert.equal(number(() => [0, 9]).allowed({}), "a whole number from 0 to 9");
});

test("a choice is one of its names, several are in the order of the list", () => {
  const names = () => ["rd", "bits", "ratio"];
  assert.equal(choice(names).check("bits", {}), "bits");
  assert.equal(choice(names).check("Bits", {}), undefined);
  assert.equal(several(names).check("ratio,rd", {}), "rd,ratio");
  assert.equal(several(names).check("", {}), "");
  assert.equal(several(names).check("rd,rd", {}), undefined);
  assert.equal(listed(names()), "rd, bits or ratio");
});

test("places are elements of the picture’s own grid", () => {
  const field = places(2, () => "", () => {});
  const context = { picture: { width: 33, height: 16 } }; // 1 × 3 elements
  assert.equal(field.check("0-2,0-0", context), "0-2,0-0");
  for (const text of ["0-3", "1-0", "0-0,0-1,0-2", "0-0,0-0", "0-"]) assert.equal(field.check(text, context), undefined, text);
  assert.match(field.allowed(context), /at most 2.* in a grid of 1 × 3/);
});

test("pins are read from their text", () => {
  assert.deepEqual(parsePlaces("6-18,10-30"), [{ row: 6, column: 18 }, { row: 10, column: 30 }]);
  assert.deepEqual(parsePlaces(""), []);
  assert.equal(parsePlaces(Array.from({ length: 9 }, (_, i) => `0-${i}`).join()), undefined);
});

test("edits are channel=factor, without those that change nothing", () => {
  assert.equal(editsText(parseEdits("30=2,17=0,5=1")), "17=0,30=2");
  assert.equal(editsText(parseEdits("3=-0.5")), "3=-0.5");
  for (const text of ["1=5", "1=2,1=3", "1", "x=1", "1=1.2345"]) assert.equal(parseEdits(text), undefined, text);
});
