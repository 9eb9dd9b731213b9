import assert from "node:assert/strict";
import { File } from "node:buffer";
import { test } from "node:test";
import { givenBy, leftOut, sorted } from "../../explorer/views/viewer/controls/given.js";

globalThis.File = /** @type {any} */ (File);
const make = (name, type = "", text = "x") => /** @type {any} */ (new File([text], name, { type }));

// Entries as a browser gives them for what is dropped.
const fileEntry = (file) => ({ name: file.name, isDirectory: false, file: (resolve) => resolve(file) });
const folderEntry = (name, entries) => ({
  name, isDirectory: true,
  createReader: () => {
    const rest = [...entries];
    return { readEntries: (resolve) => resolve(rest.splice(0, 2)) };
  },
});
const dropped = (entries, types = ["Files"], files = []) => givenBy(/** @type {any} */ ({
  items: entries.map((entry) => ({ kind: "file", webkitGetAsEntry: () => entry })), types, files,
}));

test("files that may be pictures are opened, and the rest is named with its reason", () => {
  const files = [make("a.heic"), make("b.jpg", "image/jpeg"), make("c.mae", "application/x-mae"), make("d.pdf", "application/pdf"), make("e.png", "image/png", "")];
  const { files: right, left } = sorted(files);
  assert.deepEqual(right.map(({ name }) => name), ["a.heic", "b.jpg", "c.mae"]);
  assert.equal(leftOut(left), "“d.pdf” is no picture and “e.png” is empty: they were left out.");
  assert.equal(leftOut(left.slice(0, 1)), "“d.pdf” is no picture: it was left out.");
  assert.equal(leftOut([]), "");
  const many = sorted(Array.from({ length: 6 }, (_, i) => make(`${i}.txt`, "text/plain"))).left;
  assert.match(leftOut(many), /“2.txt” is no picture and 3 more cannot be opened: they were left out\.$/);
});

test("a folder is read to its depths, without hidden files", async () => {
  const inner = folderEntry("inner", ["3.png", "1.png", "2.png"].map((name) => fileEntry(make(name, "image/png"))));
  const folder = folderEntry("album", [inner, fileEntry(make(".DS_Store")), fileEntry(make("z.txt", "text/plain"))]);
  const { files, left, says } = await dropped([folder]);
  assert.deepEqual(files.map(({ name }) => name), ["1.png", "2.png", "3.png"]);
  assert.deepEqual([left, says], [[{ name: "z.txt", why: "is no picture" }], ""]);
});

test("a folder without pictures, a link, text: one sentence each; nothing for nothing", async () => {
  assert.equal((await dropped([folderEntry("empty", [])])).says, "There is no picture in “empty”.");
  const broken = { name: "gone", isDirectory: true, createReader: () => ({ readEntries: (_, reject) => reject(new Error("no")) }) };
  assert.equal((await dropped([broken])).says, "“gone” cannot be read.");
  assert.match((await dropped([], ["text/uri-list", "text/plain"])).says, /save it, then open the file/);
  assert.match((await dropped([], ["text/html"])).says, /save it, then open the file/);
  assert.match((await dropped([], ["text/plain"])).says, /^That is text, not a picture/);
  assert.equal((await dropped([], [])).says, "");
});

test("files without entries are those of the list", async () => {
  const file = make("a.png", "image/png");
  const items = [{ kind: "file", webkitGetAsEntry: () => null, getAsFile: () => file }, { kind: "string" }];
  const { files } = await givenBy(/** @type {any} */ ({ items, types: ["Files"], files: [file] }));
  assert.deepEqual(files, [file]);
});
