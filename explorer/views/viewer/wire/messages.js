// fetch over the messages of a widget's model: the kernel answers as a server would (see service/kernel.py).

/** @import { Part, Send, WidgetModel } from "./types.js" */

/**
 * @param {WidgetModel} model
 * @param {AbortSignal} closing aborts every request
 * @returns {Send}
 */
export function messageFetch(model, closing) {
  const own = Math.random().toString(36).slice(2); // the widget may be shown in several places
  const takers = new Map(); // id -> what takes the parts of the answer
  let count = 0;
  const take = ({ id, ...part }, [data]) => takers.get(id)?.(part, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  model.on("msg:custom", take);
  closing.addEventListener("abort", () => model.off("msg:custom", take));

  return async (url, { method = "GET", body, signal = closing } = {}) => {
    const id = `${own} ${++count}`;
    const buffers = body ? [await body.arrayBuffer()] : [];
    const leaving = AbortSignal.any([signal, closing]);
    leaving.throwIfAborted();
    model.send({ id, method, path: url.pathname, query: url.search.slice(1) }, {}, buffers);
    return new Promise((resolve, reject) => {
      const answer = new Answer(resolve);
      const leave = () => {
        takers.delete(id);
        model.send({ id, abort: true });
        reject(leaving.reason);
        answer.fail(leaving.reason);
      };
      leaving.addEventListener("abort", leave);
      takers.set(id, (part, data) => {
        answer.add(part, data);
        if (part.more) return;
        takers.delete(id);
        leaving.removeEventListener("abort", leave);
      });
    });
  };
}

// A Response that is filled with the parts that come; whoever asked has it with the first.
class Answer {
  constructor(resolve) {
    this.resolve = resolve;
    this.stream = new ReadableStream({ start: (controller) => (this.controller = controller) });
  }

  add({ status, headers, more }, data) {
    if (status) this.resolve(new Response(status === 204 ? null : this.stream, { status, headers }));
    if (data.length) this.controller.enqueue(data);
    if (!more) this.controller.close();
  }

  fail(reason) {
    this.controller.error(reason);
  }
}
