// How the viewer talks to Python. This is the app's way, over HTTP; a widget brings an object with the same methods:
//   setup()                           -> models, samples, λ axis, figure (see service/setup.py)
//   open({model, sample})             -> {id, name, model, notes}; also {model, picture: id} and {model, file, name, sent},
//                                        sent(bytes): called where it is known how much of the file has arrived
//   pixels(id, part), frame(id, at, part) -> {header, pixels: Uint8Array of RGB, wishes, bytes}: see decodeFrame;
//                                        at: {lmbda, map}, the text of a λ map (see lambdamap.js) or ""; part:
//                                        {box: [x, y, width, height], reduce, signal}, by default the whole as it is;
//                                        for a frame also {live: whether λ is moving, wishes: what is wanted of the
//                                        inside, see wishes/answers.py}; null for one that a newer one has made useless
//   numbers(id, at, signal)           -> {lmbda, level, point, regions, side_bits} of the real file and the whole picture
//   seen(id, search, signal)          -> {point} with SSIMULACRA2 and times, of the model at {lmbda, map}, of what a
//                                        search found with {effort} besides, or of another codec at {codec, setting}
//   rival(id, search, signal)         -> the same of another codec; search: {codec, by: "fixed", setting}, or
//                                        {codec, by: "rate" or "quality", at} for one that matches the model, or
//                                        {by: "effort", setting, at} for what a search found; also {box, reduce}
//   modulation(model)                 -> the gains of a model's modulators over λ: {header: {lambdas, arrays}, m0, …},
//                                        each Float32Array of λ × channels; see service/replies.py
//   points(id, codecs, signal, onLine, seen) -> resolves when every point was given to onLine; codecs: names; seen: with
//                                        SSIMULACRA2
//   file(id, at, kind, {a, b, effort}) -> {blob, name}; a, b: of the ratios that arrays may come with; effort: of what
//                                        a search found
//   rivalFile(id, codec, setting)     -> the same of another codec's file
//   searches(id, signal)              -> {seconds, found}: how long the encoder's search takes with each effort from 1
//                                        on, and what it found before
//   search(id, {lmbda, map, effort}, signal, onLine) -> resolves at its end; onLine is told how far it is, and what it found
//   solve(id, target, map, signal)    -> {lmbda} that reaches a target: {bpp}, {bytes} or {psnr}
//   sweep(id, kind, map, signal, onPart) -> {blob, name} of many λ; kind: see the route; onPart({done, of}) on the way
//   plotly()                          -> the Plotly library
// A method that fails throws an Error whose message is a sentence for the user: see failures.js.
import { decodeFrame, fromBase64 } from "../picture/pixels.js";
import { broken, refusal } from "./failures.js";

/** @import { PartQuery, Send, Transport } from "./types.js" */

// Characters of a λ map in an address, which proxies take up to 8 kB of; a longer one is the body.
const LONGEST_MAP = 2000;

// send: what the requests go through, as `fetch` does; a widget's go through messages to the kernel.
// isNear: whether no network lies between: pixels travel as they are. page: the name that the page goes by: see presence.js.
/**
 * @param {string} base
 * @param {Send} send
 * @returns {Transport}
 */
export function httpTransport(base, send = fetch, isNear = isLoopback(new URL(base).hostname), page = "") {
  const request = (...query) => ask(send, ...query);
  const url = (path, query = {}) => {
    const asked = new URLSearchParams(query);
    if (page) asked.set("page", page);
    return new URL(`${path}?${asked}`, base);
  };
  const json = async (response) => {
    const answer = await response;
    return answer.status === 204 ? null : read(answer.json());
  };
  const frame = async (response) => {
    const answer = await response;
    return answer.status === 204 ? null : decodeFrame(await read(answer.arrayBuffer()));
  };
  const packed = isNear ? [] : [["packed", 1]];
  // A request with a λ map, where there is one.
  const mapped = (path, map, query, options = {}) => {
    if (map.length > LONGEST_MAP) return request(url(path, query), { ...options, method: "POST", body: new Blob([map]) });
    return request(url(path, map ? [...query, ["map", map]] : query), options);
  };
  return {
    setup: () => json(request(url("api/setup"))),
    open: ({ file, sent, ...query }) => json(request(url("api/open", query), { method: "POST", body: file, sent })),
    pixels: (id, part = {}) => frame(request(url(`api/pixels/${id}`, [...place(part), ...packed]), { signal: part.signal })),
    frame: (id, { lmbda, map = "" }, part = {}) => {
      const { live, wishes = [] } = part;
      const query = [["lmbda", lmbda], ...place(part), ...(live ? [["live", 1]] : []), ...wishes.map((wish) => ["wish", wish])];
      return frame(mapped(`api/frame/${id}`, map, [...query, ...packed], { signal: part.signal }));
    },
    numbers: (id, { lmbda, map = "" }, signal) => json(mapped(`api/numbers/${id}`, map, [["lmbda", lmbda]], { signal })),
    seen: (id, { map = "", ...search }, signal) => {
      return json(mapped(`api/${"codec" in search ? "rivalseen" : "seen"}/${id}`, map, Object.entries(search), { signal }));
    },
    rival: (id, { codec, by, setting, at: { lmbda, map = "" }, ...part }, signal) => {
      const query = [["codec", codec], ...place(part), ...packed];
      if (by === "fixed") return frame(request(url(`api/rival/${id}`, [...query, ["setting", setting]]), { signal }));
      if (by === "effort") {
        const own = [["lmbda", lmbda], ["effort", setting], ...place(part), ...packed];
        return frame(mapped(`api/searched/${id}`, map, own, { signal }));
      }
      return frame(mapped(`api/match/${id}`, map, [...query, ["lmbda", lmbda], ["by", by]], { signal }));
    },
    modulation: (model) => frame(request(url("api/modulation", { model }))),
    points: (id, codecs, signal, onLine, seen) => {
      const query = { codecs: codecs.join(), ...(seen ? { seen: 1 } : {}) };
      return readLines(request(url(`api/points/${id}`, query), { signal }), onLine);
    },
    file: (id, { lmbda, map = "" }, kind, more) =>
      download(mapped(`api/file/${id}`, map, Object.entries({ lmbda, kind, ...more }))),
    rivalFile: (id, codec, setting) => download(request(url(`api/rivalfile/${id}`, { codec, setting }))),
    searches: (id, signal) => json(request(url(`api/searches/${id}`), { signal })),
    search: (id, { map = "", ...query }, signal, onLine) => {
      return readLines(mapped(`api/search/${id}`, map, Object.entries(query), { signal }), onLine);
    },
    solve: (id, target, map, signal) => json(mapped(`api/solve/${id}`, map, Object.entries(target), { signal })),
    sweep: async (id, kind, map, signal, onPart) => {
      let file;
      const take = (line) => ("data" in line ? (file = line) : onPart(line));
      await readLines(mapped(`api/sweep/${id}`, map, [["kind", kind]], { signal }), take);
      return { name: file.name, blob: new Blob([fromBase64(file.data)], { type: file.type }) };
    },
    plotly: () => loadScript(url("viewer/plotly.min.js")).then(() => window.Plotly),
  };
}

/** @param {PartQuery} part */
function place({ box, reduce = 1 }) {
  return box ? [["box", box.join()], ["reduce", reduce]] : [];
}

export function isLoopback(host) {
  return host === "localhost" || host === "[::1]" || /^127(\.\d+){3}$/.test(host);
}

async function ask(send, url, options) {
  const response = await read(send(url, options));
  if (response.ok) return response;
  throw await refusal(response);
}

// The connection may break at any time.
/** @template T @param {Promise<T>} coming @returns {Promise<T>} */
function read(coming) {
  return coming.catch((error) => {
    throw broken(error);
  });
}

async function readLines(response, onLine) {
  const reader = (await response).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  const next = () => read(reader.read());
  for (let part = await next(); !part.done; part = await next()) {
    const lines = (rest + part.value).split("\n");
    rest = lines.pop();
    lines.forEach((line) => onLine(JSON.parse(line)));
  }
}

async function download(response) {
  const answer = await response;
  const name = /filename\*=UTF-8''(.*)/.exec(answer.headers.get("Content-Disposition"))[1];
  return { name: decodeURIComponent(name), blob: await read(answer.blob()) };
}

function loadScript(src) {
  return new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src, onload: resolve });
    script.onerror = () => reject(new Error("The plot could not be loaded."));
    document.head.append(script);
  });
}
