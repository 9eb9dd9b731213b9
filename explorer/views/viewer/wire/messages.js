// fetch over the messages of a widget's model: the kernel answers as a server would (see service/kernel.py).
import { failure } from "./failures.js";

/** @import { Part, Send, Taken, WidgetModel } from "./types.js" */

const PART_BYTES = 2 ** 20; // of a body in one message: a Jupyter server closes the connection at one of more than 10 MiB
const RESTARTED = "The kernel was restarted or has ended: run the cell again.";

/**
 * @param {WidgetModel} model
 * @param {AbortSignal} closing aborts every request
 * @returns {Send}
 */
export function messageFetch(model, closing) {
  const own = Math.random().toString(36).slice(2); // the widget may be shown in several places
  const takers = new Map(); // id -> {take: what takes the parts of the answer; leave(reason)}
  let count = 0;
  let lost = false;
  const take = ({ id, ...part }, buffers) => takers.get(id)?.take(part, buffers[0]);
  const lose = () => {
    lost = true;
    for (const { leave } of [...takers.values()]) leave(failure(RESTARTED));
  };
  const events = Object.entries({ "msg:custom": take, comm_live_update: lose });
  for (const [type, action] of events) model.on(type, action);
  closing.addEventListener("abort", () => events.forEach(([type, action]) => model.off(type, action)));

  return async (url, { method = "GET", body, signal = closing, sent = () => {} } = {}) => {
    signal.throwIfAborted();
    closing.throwIfAborted();
    if (lost) throw failure(RESTARTED);
    const id = `${own} ${++count}`;
    const upload = new Upload(body);
    return new Promise((resolve, reject) => {
      const answer = new Answer(resolve);
      const done = new AbortController(); // with the request, however it ends: no signal holds on to it
      const end = () => {
        takers.delete(id);
        done.abort();
      };
      const leave = (reason) => {
        end();
        model.send({ id, abort: true });
        reject(reason);
        answer.fail(reason);
      };
      const send = async (about) => {
        try {
          const buffers = await upload.next();
          if (!done.signal.aborted) model.send({ ...about, id, more: upload.more }, {}, buffers);
        } catch (error) {
          leave(error); // the file is not there any more
        }
      };
      for (const each of new Set([signal, closing])) {
        each.addEventListener("abort", () => leave(each.reason), { signal: done.signal });
      }
      takers.set(id, {
        leave,
        /** @param {Omit<Part, "id"> & Partial<Taken>} part @param {DataView} [data] */
        take: (part, data) => {
          if (part.taken) {
            sent(upload.sent);
            send({});
            return;
          }
          answer.add(part, data ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array());
          if (!part.more) end();
        },
      });
      send({ method, path: url.pathname, query: url.search.slice(1) });
    });
  };
}

// A body in parts, of which only the one that is sent is in memory.
class Upload {
  /** @param {Blob} [body] */
  constructor(body) {
    this.body = body;
    this.sent = 0; // bytes
  }

  // The buffers of the next message.
  async next() {
    if (!this.body) return [];
    const part = this.body.slice(this.sent, this.sent + PART_BYTES);
    const data = await part.arrayBuffer();
    this.sent += data.byteLength;
    return [data];
  }

  get more() {
    return this.body !== undefined && this.sent < this.body.size;
  }
}

// A Response that is filled with the parts that come; whoever asked has it with the first.
class Answer {
  constructor(resolve) {
    this.resolve = resolve;
    this.stream = new ReadableStream({ start: (controller) => (this.controller = controller) });
  }

  /** @param {Omit<Part, "id">} part @param {Uint8Array} data */
  add({ status, headers, more }, data) {
    if (status) this.resolve(new Response(status === 204 ? null : this.stream, { status, headers }));
    if (data.length) this.controller.enqueue(data);
    if (!more) this.controller.close();
  }

  fail(reason) {
    this.controller.error(reason);
  }
}
