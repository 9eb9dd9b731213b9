import assert from "node:assert/strict";
import { test } from "node:test";
import { messageFetch } from "../../explorer/views/viewer/wire/messages.js";

// A widget's model whose kernel is the test: sent, what the viewer sent; answer(part, text), what comes back.
// heard: what it sends part by part.
function kernel(heard = () => {}) {
  const sent = [];
  const actions = {};
  const model = {
    get: () => undefined, set: () => {}, save_changes: () => {}, off: (type) => delete actions[type],
    on: (type, action) => (actions[type] = action),
    send: (message, _, buffers) => {
      sent.push({ ...message, buffers });
      heard(sent.at(-1));
    },
  };
  const say = (part, buffers) => actions["msg:custom"]?.({ id: sent[0].id, ...part }, buffers);
  const answer = (part, text = "") => say(part, [new DataView(new TextEncoder().encode(text).buffer)]);
  const taken = () => say({ taken: true }, []);
  const closing = new AbortController();
  return { sent, answer, taken, restart: () => actions.comm_live_update(), closing, fetch: messageFetch(model, closing.signal) };
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

const MEBIBYTE = 2 ** 20;

test("a body comes in parts of a mebibyte, each after the one before was taken", async () => {
  const body = new Blob([Uint8Array.from({ length: 2.5 * MEBIBYTE }, (_, i) => i % 251)]);
  const told = [];
  let held = 0; // parts that were sent and not yet taken
  const line = kernel(({ more }) => {
    assert.equal(++held, 1);
    if (!more) return line.answer({ status: 200, headers: {}, more: false }, "done");
    return setImmediate(() => {
      held--;
      line.taken();
    });
  });
  const response = await line.fetch(address, { method: "POST", body, sent: (bytes) => told.push(bytes) });
  assert.equal(await response.text(), "done");
  assert.deepEqual(told, [MEBIBYTE, 2 * MEBIBYTE]);
  assert.deepEqual(line.sent.map(({ more, path }) => [more, path]), [[true, address.pathname], [true, undefined], [false, undefined]]);
  const arrived = new Blob(line.sent.map(({ buffers }) => buffers[0]));
  assert.deepEqual(await arrived.arrayBuffer(), await body.arrayBuffer());
});

test("a file that is refused on the way is not sent to its end", async () => {
  const line = kernel();
  const asked = line.fetch(address, { method: "POST", body: new Blob([new Uint8Array(3 * MEBIBYTE)]) });
  await new Promise((resolve) => setTimeout(resolve));
  line.answer({ status: 422, headers: {}, more: false }, "too large");
  assert.equal((await asked).status, 422);
  line.taken();
  await new Promise((resolve) => setTimeout(resolve));
  assert.equal(line.sent.length, 1);
});

test("a widget that is closed in the midst of a body sends no more of it", async () => {
  const line = kernel();
  const asked = line.fetch(address, { method: "POST", body: new Blob([new Uint8Array(3 * MEBIBYTE)]) });
  await new Promise((resolve) => setTimeout(resolve));
  line.closing.abort();
  await assert.rejects(asked, { name: "AbortError" });
  assert.deepEqual(line.sent.map(({ abort }) => abort), [undefined, true]);
});

test("a kernel that was restarted answers nothing, and says what to do", async () => {
  const { restart, fetch } = kernel();
  const asked = fetch(address);
  await new Promise(setImmediate);
  restart();
  const said = { message: "The kernel was restarted or has ended: run the cell again." };
  await assert.rejects(asked, said);
  await assert.rejects(fetch(address), said);
});
