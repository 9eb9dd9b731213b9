// Keys on any keyboard layout.

// What a key may stand for, the likeliest first: what it types, or its name; then, on a layout of another alphabet and for
// the digits of those that type others without Shift (French, Czech), what is at its place on a US keyboard. Nothing where
// it is held with Ctrl, Alt, AltGr or Cmd, or belongs to an input method.
/** @param {KeyboardEvent} event @returns {string[]} */
export function keysOf(event) {
  const { key = "", ctrlKey, metaKey, altKey, isComposing } = event; // what fills in forms sends events without a key
  if (ctrlKey || metaKey || altKey || isComposing || event.getModifierState?.("AltGraph")) return [];
  return [key.length === 1 ? key.toLowerCase() : key, placeOf(event)].filter(Boolean);
}

function placeOf({ key = "", code = "", shiftKey }) {
  const isForeign = /[^\x20-\x7e]/.test(key); // may be more than one letter
  const [, letter] = /^Key([A-Z])$/.exec(code) ?? [];
  if (letter) return isForeign ? letter.toLowerCase() : "";
  const [, digit] = /^Digit(\d)$/.exec(code) ?? [];
  if (digit) return shiftKey ? "" : digit;
  return isForeign && shiftKey && code === "Slash" ? "?" : "";
}
