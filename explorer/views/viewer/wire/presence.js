// A page is there for as long as it is connected: so long its pictures stay open on the server, and not a minute longer.
// A WebSocket, as a browser opens only six other connections to a server, over all of a visitor's tabs.
import { Patience } from "./patience.js";

const SOON = 1; // seconds

// A name for a page that no other page has.
export function pageName() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// base: the address that the app is served at. A connection that is lost, by sleep or a server that is started anew, is made
// again.
export function stayPresent(base, page) {
  const url = new URL(`api/page?page=${page}`, base);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const patience = new Patience(new AbortController().signal); // it ends with the page alone
  const connect = () => {
    const socket = new WebSocket(url);
    socket.onopen = () => patience.reset();
    socket.onclose = () => patience.pause(SOON).then(connect);
  };
  connect();
}
