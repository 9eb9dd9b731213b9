// Whatever stands after “#”: a link either sets a state that its own link brings back, or is ignored with one sentence.
import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELDS } from "../../explorer/views/viewer/state/fields.js";
import { Links, readHash, writeHash } from "../../explorer/views/viewer/state/links.js";
import { State } from "../../explorer/views/viewer/state/state.js";
import { constants, setConstants } from "../../explorer/views/viewer/wire/constants.js";

const CASES = 20_000;
const LINKS = [
  "#lambda=256&compare=jpeg:fixed:40&pins=1-2,0-0&element=1-1&mode=beside&split=0.25&view=channels&channel=3",
  "#picture=parrots&model=mae&edit=1=0,2=1.5&zchannel=2&a=λ&b=128.5&hide=numbers,samples&box=10,20.5,3.25",
  "#lesson=one.1&map=on&opacity=50&swap=off&play=on&compare=&pins=&box=",
  "#paint=1x1~-16&compare=mae:rate",
];
const PIECES = [
  "#", "&", "=", "%", "%00", "%E0%A4", "%2525", ",", ":", "-", "-0", "0", "1e400", "NaN", "99999999999", "0x10", "٣", " ", "\n",
  "__proto__=1", "constructor=x", "toString", "hasOwnProperty", "\ud800", "<img src=x onerror=alert(1)>", "\u202e", "on", "lambda=64",
  "~", "~0*99999", "99999x99999~0", "paint=1x1~33", "paint=1x2~0*2", "paint=1x1~0~0",
];

setConstants({ ...constants, element: 16, factor_max: 4, own_lambda: "λ" });

const picture = {
  width: 48, height: 33, channels: 8, model: "mae", lmbda: { min: 64, max: 4096 }, fixed: null, map: "",
};
const viewer = {
  setup: {
    samples: [{ name: "parrots" }], models: ["mae"], lmbda: { min: 64, max: 4096 },
    rivals: [{ name: "jpeg", label: "JPEG", reason: "", minimum: 0, maximum: 100, integer: true, steps: null }],
  },
  parts: { modes: [{ value: "split" }, { value: "beside" }] },
  lessons: { places: ["", "one.1"], place: "", stateOf: () => ({}) },
  root: { querySelectorAll: () => [] },
  opening: { source: { sample: "parrots" }, model: "mae", ask: async () => picture },
  picture, model: "mae",
};

// A generator of [0, 1): mulberry32.
function generator(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function mutated(random) {
  const choose = (list) => list[Math.floor(random() * list.length)];
  let hash = `#${choose(LINKS).slice(1).split("&").filter(() => random() < 0.3).join("&")}`;
  hash = hash.replaceAll(/\d+/g, (digits) => (random() < 0.3 ? Math.floor(2000 ** random()) : digits));
  if (random() < 0.5) return hash;
  for (let changes = 1 + Math.floor(2 * random()); changes > 0; changes -= 1) {
    const at = Math.floor(random() * hash.length);
    const until = at + Math.floor(random() * choose([1, 2, 12]));
    const fresh = choose([...PIECES, "", String.fromCharCode(random() * 65536), choose(LINKS).slice(at, at + 30), "9".repeat(random() * 400)]);
    hash = hash.slice(0, at) + fresh + hash.slice(until);
  }
  return hash;
}

test("a hostile link is a valid state or is ignored with one sentence", async () => {
  const random = generator(1);
  let written = null;
  const state = Object.assign(Object.create(State.prototype), {
    viewer, turn: 0, defaults: {}, write: async (values) => (written = values),
  });
  const links = Object.assign(Object.create(Links.prototype), { viewer: { ...viewer, state } });
  for (const hash of LINKS) assert.equal(await links.apply(hash), "", hash);
  const counts = { followed: 0, ignored: 0 };
  for (let i = 0; i < CASES; i += 1) {
    const hash = mutated(random);
    written = null;
    const problem = await links.apply(hash);
    if (problem) {
      counts.ignored += 1;
      assert.equal(written, null, hash);
      assert.match(problem, /^(“|it is longer)[^]*\.$/, hash);
      continue;
    }
    counts.followed += 1;
    const known = new Map(FIELDS.map((field) => [field.key, field]));
    for (const [key, value] of written) {
      assert.notEqual(value, undefined, hash);
      const [[name, text]] = Object.entries(readHash(writeHash({ [key]: value })));
      assert.equal(name, key);
      assert.equal(known.get(key).check(text, state.context), value, `${hash}: ${key}=${value}`);
    }
  }
  assert.ok(counts.followed > CASES / 20 && counts.ignored > CASES / 20, JSON.stringify(counts));
});

test("what λ cannot be painted on takes no map from a link, but its own", () => {
  const check = (value, other) => FIELDS.find(({ key }) => key === "paint").check(value, { viewer, picture: { ...picture, ...other } });
  const received = { fixed: "The sender chose λ.", map: "1x1~3" };
  assert.deepEqual([check("1x1~16"), check("1x1~16", { width: 65 }), check("", {})], ["1x1~16", undefined, ""]);
  assert.deepEqual(["1x1~16", "1x1~3", ""].map((value) => check(value, received)), [undefined, "1x1~3", "1x1~3"]);
});

test("any state survives its link", () => {
  const random = generator(2);
  const text = () => Array.from({ length: 8 * random() }, () => String.fromCodePoint(Math.floor(random() * 0xd800))).join("");
  for (let i = 0; i < CASES / 10; i += 1) {
    const state = Object.fromEntries([["a", text()], [`k${i}`, text()], ["lambda", String(4096 * random())]]);
    assert.deepEqual(readHash(writeHash(state)), state);
  }
});
