import assert from "node:assert/strict";
import { test } from "node:test";
import { messageFetch } from "../../explorer/views/viewer/wire/messages.js";

// A widget's model whose kernel is the test: sent, what the viewer sent; answer(part, text), what comes back.
function kernel() {
  const sent = [];
  let take;
  const model = {
    get: () => undefined, set: () => {}, save_changes: () => {}, off: () => (take = () => {}),
    on: (type, action) => (take = action),
    send: (message, _, buffers) => sent.push({ ...message, buffers }),
  };
  const answer = (part, text = "") => take({ id: sent[0].id, ...part }, [new DataView(new TextEncoder().encode(text).buffer)]);
  const closing = new AbortController();
  return { sent, answer, closing, fetch: messageFetch(model, closing.signal) };
}

const address = new URL("file:///api/points/token?codecs=jpeg");

test("a request is a message, and its answer is there with its first part", async () => {
  const { sent, answer, fetch } = kernel();
  const asked = fetch(address);
  await new Promise(setImmediate);
  assert.deepEqual([sent[0].method, sent[0].path, sent[0].query], ["GET", "/api/points/token", "codecs=jpeg"]);
  answer({ status: 200, headers: { "content-type": "text/plain" }, more: true }, "one ");
  const response = await asked;
  answer({ more: true }, "two ");
  answer({ more: false }, "three");
  assert.deepEqual([response.status, await response.text()], [200, "one two three"]);
});

test("who leaves is heard of, and gets nothing more", async () => {
  const { sent, answer, fetch } = kernel();
  const leaving = new AbortController();
  const asked = fetch(address, { signal: leaving.signal });
  await new Promise(setImmediate);
  leaving.abort();
  await assert.rejects(asked, { name: "AbortError" });
  assert.deepEqual(sent.map(({ abort }) => abort), [undefined, true]);
  answer({ status: 200, headers: {}, more: false }, "late");
});

test("a widget that is closed asks for nothing", async () => {
  const { sent, closing, fetch } = kernel();
  closing.abort();
  await assert.rejects(fetch(address), { name: "AbortError" });
  assert.deepEqual(sent, []);
});
