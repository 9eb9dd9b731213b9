// The viewer in the app's page, which Gradio makes: see app.py.
import { createViewer } from "./viewer.js";
import { httpTransport } from "./wire/transport.js";

// base: the address that the app is served at.
export function start(root, base) {
  // Gradio marks its dark theme on the body.
  const theme = () => (document.body.classList.contains("dark") ? "dark" : "light");
  return createViewer(root, httpTransport(base), { scope: document, theme, links: true });
}
