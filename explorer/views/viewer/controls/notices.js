// What the viewer says by itself, one sentence at a time, over the picture's lower edge or, in one column, above λ: where
// it covers no control. A hint goes by itself, but not while it is pointed at; what went wrong stays until it is closed,
// by its button or Escape, or until the next sentence.

const HINT_MS = 8000;

export class Notices {
  // parts: notices, the box; notice, the sentence; noticeClose, the button.
  constructor({ notices, notice, noticeClose, stage }, signal) {
    this.box = notices;
    this.text = notice;
    this.stage = stage;
    this.timer = 0;
    const on = (element, type, action) => element.addEventListener(type, action, { signal });
    on(noticeClose, "click", () => this.close());
    for (const type of ["pointerenter", "focusin"]) on(notices, type, () => clearTimeout(this.timer));
    for (const type of ["pointerleave", "focusout"]) on(notices, type, () => this.wait());
    signal.addEventListener("abort", () => clearTimeout(this.timer));
  }

  get isOpen() {
    return !this.box.hidden;
  }

  // An empty hint takes the last one away, but nothing that went wrong.
  hint(message) {
    if (message) this.show(message, "hint");
    else if (this.box.dataset.kind === "hint") this.close();
  }

  fail(message) {
    this.show(message, "error");
  }

  // A message that is no longer so.
  recall(message) {
    if (this.text.textContent === message) this.close();
  }

  show(message, kind) {
    this.box.dataset.kind = kind;
    this.box.hidden = false;
    this.text.ariaLive = kind === "error" ? "assertive" : "polite";
    this.text.textContent = message;
    this.wait();
  }

  wait() {
    clearTimeout(this.timer);
    if (this.box.dataset.kind === "hint") this.timer = setTimeout(() => this.close(), HINT_MS);
  }

  close() {
    clearTimeout(this.timer);
    if (this.box.contains(document.activeElement)) this.stage.focus(); // the focus would be lost with the button
    this.text.textContent = "";
    this.box.hidden = true;
  }
}
