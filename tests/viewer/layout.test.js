import assert from "node:assert/strict";
import { test } from "node:test";
import { keysOf } from "../../explorer/views/viewer/controls/layout.js";

const keys = (key, code, held = {}) => keysOf({ key, code, getModifierState: (name) => name === held.state, ...held });

test("what a Latin layout types counts, wherever the key is", () => {
  assert.deepEqual(keys("s", "KeyS"), ["s"]);
  assert.deepEqual(keys("A", "KeyQ", { shiftKey: true }), ["a"]); // French
  assert.deepEqual(keys("s", "Semicolon"), ["s"]); // Dvorak
  assert.deepEqual(keys(".", "KeyE"), ["."]); // Dvorak: no card
  assert.deepEqual(keys("?", "Minus", { shiftKey: true }), ["?"]); // German
  assert.deepEqual(keys("ArrowLeft", "ArrowLeft"), ["ArrowLeft"]);
});

test("letters of other alphabets count by their place", () => {
  for (const [key, code, letter] of [["ы", "KeyS", "s"], ["Σ", "KeyS", "s"], ["ד", "KeyS", "s"], ["لا", "KeyB", "b"], ["ㅎ", "KeyG", "g"]]) {
    assert.deepEqual(keys(key, code).at(-1), letter, key);
  }
  assert.deepEqual(keys("؟", "Slash", { shiftKey: true }), ["؟", "?"]); // Arabic
});

test("digits count where they need Shift, and signs in their place as well", () => {
  assert.deepEqual(keys("&", "Digit1"), ["&", "1"]); // French
  assert.deepEqual(keys("à", "Digit0"), ["à", "0"]);
  assert.deepEqual(keys("-", "Digit6"), ["-", "6"]); // zooms out: what is typed comes first
  assert.deepEqual(keys("١", "Digit1"), ["١", "1"]); // Arabic
  assert.deepEqual(keys("!", "Digit1", { shiftKey: true }), ["!"]); // US
});

test("what is held with Ctrl, Alt, AltGr or Cmd, or composed, is left alone", () => {
  for (const held of ["ctrlKey", "altKey", "metaKey", "isComposing"]) assert.deepEqual(keys("s", "KeyS", { [held]: true }), []);
  assert.deepEqual(keys("€", "KeyE", { state: "AltGraph" }), []);
  assert.deepEqual(keysOf(/** @type {any} */ ({ key: undefined })), []);
});
