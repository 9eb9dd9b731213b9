// The viewer in a page to keep, which holds all its data: see export.py.
import { createViewer } from "./viewer.js";
import { offlineTransport } from "./wire/offline.js";

// sweep, plotly: the texts of the page's two data blocks.
export function start(root, sweep, plotly) {
  return createViewer(root, offlineTransport(JSON.parse(sweep), plotly), { scope: document });
}
