import assert from "node:assert/strict";
import { test } from "node:test";
import { httpTransport } from "../../explorer/views/viewer/wire/transport.js";

// A transport whose requests are answered here: answer(url, options) -> Response.
const over = (answer) => httpTransport("http://localhost/app/", async (url, options) => answer(url, options));

test("a frame is asked for below the page’s address, with every wish", async () => {
  const seen = [];
  const transport = over((url) => {
    seen.push(url);
    return new Response("{}", { status: 500 });
  });
  await assert.rejects(transport.frame("token", { lmbda: 256 }, { wishes: ["planes", "plane:μ"] }), /status 500/);
  assert.equal(seen[0].pathname, "/app/api/frame/token");
  assert.deepEqual(seen[0].searchParams.getAll("wish"), ["planes", "plane:μ"]);
  assert.equal(seen[0].searchParams.get("lmbda"), "256");
});

test("a λ map goes with every request that names λ: in the address, or as the body where that would be too long", async () => {
  const map = "2x3~0*5~16";
  const long = `64x64${"~16~-16".repeat(2048)}`;
  const seen = [];
  const transport = over((url, { method = "GET", body } = {}) => {
    seen.push({ url, method, body });
    return new Response("{}", { status: 500 });
  });
  const requests = (text) => [
    transport.frame("token", { lmbda: 256, map: text }, { live: true }),
    transport.numbers("token", { lmbda: 256, map: text }),
    transport.rival("token", { codec: "jpeg", by: "rate", at: { lmbda: 256, map: text } }),
    transport.file("token", { lmbda: 256, map: text }, "mae"),
    transport.solve("token", { bpp: 0.5 }, text),
    transport.sweep("token", "gif", text),
  ];
  for (const request of [...requests(map), ...requests(long), ...requests("")]) await assert.rejects(request);
  const [short, posted, bare] = [0, 6, 12].map((start) => seen.slice(start, start + 6));
  assert.ok(short.every(({ url, method }) => method === "GET" && url.searchParams.get("map") === map));
  assert.ok(posted.every(({ url, method }) => method === "POST" && !url.searchParams.has("map") && url.href.length < 200));
  for (const { body } of posted) assert.equal(await body.text(), long);
  assert.ok(bare.every(({ url, method }) => method === "GET" && !url.searchParams.has("map")));
});

test("an error is the server’s sentence, and says whether the picture is gone", async () => {
  const answer = (status) => over(() => Response.json({ error: "Please open it again." }, { status })).pixels("token");
  await assert.rejects(answer(410), { message: "Please open it again.", gone: true });
  await assert.rejects(answer(422), { message: "Please open it again.", gone: false });
  const silent = over(() => Promise.reject(new TypeError("fetch failed")));
  await assert.rejects(silent.setup(), { message: AWAY, later: 2 });
});

const AWAY = "The server does not answer: is it still running? This page goes on by itself once it does.";

test("a proxy’s page of HTML becomes a sentence, and what passes by itself is tried again", async () => {
  const answer = (status, headers = {}, text = "<html>nginx</html>") => over(() => new Response(text, { status, headers })).setup();
  await assert.rejects(answer(502), { message: AWAY, later: 2 });
  await assert.rejects(answer(503, { "Retry-After": "7" }), { message: "The server is busy: the page tries again in 7 s.", later: 7 });
  await assert.rejects(answer(503, {}, '{"error": "40 people are here."}'), { message: "40 people are here.", later: 2 });
  await assert.rejects(answer(413), { refused: true, message: /takes no file of this size: please send a smaller one/ });
  await assert.rejects(answer(403), { message: /open it at the address that the server printed/ });
  await assert.rejects(answer(422, {}, '{"detail": [{"msg": "int"}]}'), { message: "The server could not do this (status 422)." });
  await assert.rejects(answer(200), { message: /^What answers here is not MAE Explorer/ });
});

test("a connection that breaks in the midst of an answer is a server that does not answer", async () => {
  const body = () => new ReadableStream({
    start: (controller) => controller.enqueue(new TextEncoder().encode('{"series": "model"}\n')),
    pull: (controller) => controller.error(new TypeError("network error")),
  });
  const lines = [];
  await assert.rejects(over(() => new Response(body())).points("token", [], undefined, (line) => lines.push(line)), { message: AWAY });
  assert.equal(lines.length, 1);
  await assert.rejects(over(() => new Response(body())).pixels("token"), { message: AWAY });
});

test("points come line by line, however the network cuts them", async () => {
  const bytes = new TextEncoder().encode('{"series": "model", "setting": 64}\n{"series": "μ", "done": true}\n');
  const parts = Array.from(bytes, (byte) => Uint8Array.of(byte));
  const body = () => new ReadableStream({
    start: (controller) => {
      parts.forEach((part) => controller.enqueue(part));
      controller.close();
    },
  });
  const lines = [];
  await over(() => new Response(body())).points("token", ["jpeg"], undefined, (line) => lines.push(line));
  assert.deepEqual(lines, [{ series: "model", setting: 64 }, { series: "μ", done: true }]);
});

test("a saved file has the name that the server gave it", async () => {
  const headers = { "Content-Disposition": "attachment; filename*=UTF-8''b%C3%A4r-lambda256.mae" };
  const { name, blob } = await over(() => new Response("MAE", { headers })).file("token", { lmbda: 256 }, "mae");
  assert.deepEqual([name, await blob.text()], ["bär-lambda256.mae", "MAE"]);
});

test("a part of a picture, and packed pixels where a network lies between", async () => {
  const asked = async (base, call) => {
    let seen;
    const transport = httpTransport(base, async (url) => {
      seen = url;
      return new Response("{}", { status: 500 });
    });
    await assert.rejects(call(transport));
    return seen.search;
  };
  const part = { box: [128, 0, 640, 512], reduce: 2 };
  assert.equal(await asked("http://127.0.0.1:7860/", ({ pixels }) => pixels("token", part)), "?box=128%2C0%2C640%2C512&reduce=2");
  assert.equal(
    await asked("https://example.org/app/", ({ frame }) => frame("token", { lmbda: 64 }, { ...part, live: true })),
    "?lmbda=64&box=128%2C0%2C640%2C512&reduce=2&live=1&packed=1",
  );
});

test("packed pixels are those that were sent", async () => {
  // Two rows of one pixel: (1, 2, 3), and below it (1, 1, 5) less the row above.
  const packed = new Uint8Array(await new Response(
    new Blob([Uint8Array.of(1, 2, 3, 0, 255, 2)]).stream().pipeThrough(new CompressionStream("deflate")),
  ).arrayBuffer());
  const header = { width: 1, height: 2, packed: "deflate", arrays: { pixels: ["uint8", [2, 1, 3], 0, packed.length] } };
  const text = new TextEncoder().encode(JSON.stringify(header).padEnd(156));
  const body = new Blob([Uint32Array.of(text.length), text, packed]);
  const { pixels } = await over(() => new Response(body)).pixels("token");
  assert.deepEqual(pixels, Uint8Array.of(1, 2, 3, 1, 1, 5));
});
