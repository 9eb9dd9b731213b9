// The viewer in the app's page, which Gradio makes: see app.py.
import { createViewer } from "./viewer.js";
import { pageName, stayPresent } from "./wire/presence.js";
import { httpTransport } from "./wire/transport.js";

// base: the address that the app is served at.
export function start(root, base) {
  // Gradio marks its dark theme on the body.
  const theme = () => (document.body.classList.contains("dark") ? "dark" : "light");
  const page = pageName();
  stayPresent(base, page);
  return createViewer(root, httpTransport(base, undefined, undefined, page), { scope: document, theme, links: true });
}
