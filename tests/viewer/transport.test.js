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
  await assert.rejects(transport.frame("token", 256, ["planes", "plane:μ"]), /status 500/);
  assert.equal(seen[0].pathname, "/app/api/frame/token");
  assert.deepEqual(seen[0].searchParams.getAll("wish"), ["planes", "plane:μ"]);
  assert.equal(seen[0].searchParams.get("lmbda"), "256");
});

test("an error is the server’s sentence, and says whether the picture is gone", async () => {
  const answer = (status) => over(() => Response.json({ error: "Please open it again." }, { status })).pixels("token");
  await assert.rejects(answer(410), { message: "Please open it again.", gone: true });
  await assert.rejects(answer(422), { message: "Please open it again.", gone: false });
  const silent = over(() => Promise.reject(new TypeError("fetch failed")));
  await assert.rejects(silent.setup(), { message: "The server does not answer: is it still running?" });
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
  const { name, blob } = await over(() => new Response("MAE", { headers })).file("token", 256, "mae");
  assert.deepEqual([name, await blob.text()], ["bär-lambda256.mae", "MAE"]);
});
