// The viewer's fixed page. Parts are found by their data-part; text from outside goes in as text, never as HTML.
// data-live: what needs a server, and is hidden in a page that has none.
import { PAINT } from "./paint/panel.js";
import { TABS } from "./tabs.js";

/** @type {[mode: string, label: string, title: string][]} */
const MODES = [
  ["split", "Split", "Two pictures with a divider between them (S)"],
  ["beside", "Side by side", "One picture beside the other (B)"],
  ["flip", "Flip", "The right picture alone; hold Space or F to see the left one (R)"],
  ["signed", "Difference", "Right minus left picture around grey (D)"],
  ["absolute", "Absolute", "Magnitude of the difference on black (A)"],
  ["visible", "Visible", "Where eyes see an error, by FLIP: 0 to 1; hold Space to see the left picture (V)"],
];
// Pixels in a degree of the visual field, and where a screen has them.
/** @type {[ppd: number, text: string, where: string][]} */
const DISTANCES = [
  [33.51, "34 px/°", "a screen of 24 inches and 1920 pixels from 0.5 m"],
  [67.02, "67 px/°", "a screen of 0.7 m and 3840 pixels from 0.7 m"],
  [134.04, "134 px/°", "the same from 1.4 m"],
];
const USUAL = 1;
const GAINS = [1, 2, 4, 8, 16, 32];

const PAGE = `
<section class="mae-view" aria-label="Picture">
  <div class="mae-dock">
  <div class="mae-notices"><div class="mae-notice" data-part="notices" hidden><p data-part="notice" role="status"></p>
    <button type="button" data-part="noticeClose" aria-label="Close the message" title="Close (Escape)">✕</button></div></div>
  <section class="mae-lesson" data-part="lesson" aria-label="Lesson" hidden>
    <h2 data-part="lessonTitle"></h2><span data-part="lessonCount"></span>
    <div class="mae-lesson-texts" data-part="lessonTexts" aria-live="polite"></div>
    <div><button type="button" data-part="lessonBack">Back</button> <button type="button" data-part="lessonNext">Next</button></div>
    <button type="button" data-part="lessonClose" aria-label="Close the lesson" title="Close the lesson">✕</button>
  </section>
  <div class="mae-lambda">
    <div class="mae-hero"><i class="mae-term" data-term="λ" tabindex="0" role="button">λ</i> <b data-part="lambda">–</b></div>
    <form class="mae-target" data-part="targetForm" data-live>
      <input type="text" data-part="target" placeholder="λ, bpp, kB, dB" enterkeyhint="go" autocomplete="off" spellcheck="false"
        aria-label="λ, or a rate, a file size or a PSNR that it is to reach"></form>
    <div class="mae-player"><button type="button" data-part="play" aria-label="Play λ" disabled>▶</button>
      <details data-part="playMenu"><summary aria-label="How λ moves" title="How λ moves">▾</summary>
        <div class="mae-menu" data-part="playOptions"></div></details></div>
    <div class="mae-track">
      <input type="range" data-part="slider" min="0" step="1" value="0" aria-label="Rate-distortion trade-off λ">
      <div class="mae-ticks" data-part="ticks" aria-hidden="true"></div>
    </div>
  </div>
  </div>
  <div class="mae-bar">
    <fieldset class="mae-modes"><legend class="mae-unseen">Compare</legend>${MODES.map(modeChoice).join("")}</fieldset>
    <div class="mae-zoom" role="group" aria-label="Zoom">
      <button type="button" data-part="zoomOut" aria-label="Zoom out" title="Zoom out (−)">−</button>
      <output data-part="zoom" aria-label="Zoom">100 %</output>
      <button type="button" data-part="zoomIn" aria-label="Zoom in" title="Zoom in (+)">+</button>
      <button type="button" data-part="fit" title="Whole picture (0)">Fit</button>
      <button type="button" data-part="actual" title="One picture pixel on one screen pixel (1)">1:1</button>
    </div>
    <label class="mae-gain" data-part="gainBox" hidden><span>Gain</span>
      <select data-part="gain" data-state="gain" aria-label="Gain">${GAINS.map(gainChoice).join("")}</select></label>
    <button type="button" data-part="hold" hidden>Hold: original</button>
    <button type="button" data-part="helpOpen" aria-label="Help: words and keys" title="Words and keys (?)">?</button>
  </div>
  <div class="mae-stage" data-part="stage" tabindex="0" role="application"
    aria-label="Picture. Arrow keys move it, plus and minus zoom, 0 fits it.">
    <canvas data-part="left"></canvas><canvas data-part="right" hidden></canvas>
    <div class="mae-divider" data-part="divider" tabindex="0" role="slider" aria-valuemin="0" aria-valuemax="100"
      aria-label="Divider between the left and the right picture"></div>
    <span class="mae-tag" data-part="leftTag"></span><span class="mae-tag" data-part="rightTag"></span>
    <div class="mae-window" data-part="window" hidden><button type="button" data-part="windowHandle"
      title="This window follows λ at once; drag it, or move it with the arrow keys"></button></div>
    <span class="mae-tag mae-veiled" data-part="veiled"></span>
    <span class="mae-tag mae-tag-place" data-part="paintPlace"></span>
    <div class="mae-preview" data-part="preview" hidden><canvas></canvas><span class="mae-tag">Original</span></div>
    <div class="mae-doing" data-part="doing" role="status"></div>
    <div class="mae-drop" aria-hidden="true">Drop pictures or .mae files here</div>
  </div>
  <button type="button" data-part="paintOpen">Paint λ</button>
  ${PAINT}
  <div class="mae-under">
    <div class="mae-visible" data-part="visibleBox" hidden><span data-part="visibleTerm"></span>
      <label>at <select data-part="ppd" data-state="ppd" aria-label="Pixels in a degree of the visual field"
        title="Pixels in a degree of the visual field: ${DISTANCES.map(([, text, where]) => `${text}, ${where}`).join("; ")}"
        >${DISTANCES.map(distanceChoice).join("")}</select></label>
      <output data-part="visibleValue" aria-label="Visible error under the pointer"></output></div>
    <div class="mae-probe" data-part="probe" role="group" aria-label="Values under the pointer"></div>
    <div class="mae-laid">
      <label class="mae-choice" data-part="overlayBox" hidden><input type="checkbox" data-part="overlay" checked> Map over picture</label>
      <label class="mae-choice" data-part="opacityBox" hidden>Opacity
        <input type="range" data-part="opacity" min="10" max="100" value="85"></label></div>
  </div>
</section>
<section class="mae-side" aria-label="Numbers">
  <div class="mae-bar mae-top">
    <div class="mae-prior" data-part="prior" data-live hidden
      title="The same features y at another price: what the file expects of them (H)">
      <span aria-hidden="true">Prior</span>
      <fieldset class="mae-modes" data-part="priorChoice"><legend class="mae-unseen">Prior</legend></fieldset>
    </div>
    <span class="mae-gap"></span>
    <button type="button" data-part="lessonsOpen" title="Guided tours, a few steps each" hidden>Lessons</button>
    <button type="button" data-part="networkOpen" data-live title="What the model is made of, as a way to its layers">Network</button>
    <button type="button" data-part="quizOpen" data-live title="Blind comparison with other codecs at the same rate">Quiz</button>
  </div>
  <div class="mae-compare" data-live role="group" aria-label="Comparison">
    <span aria-hidden="true">Compare with</span><select data-part="reference" aria-label="Compare with"></select>
    <select data-part="rule" aria-label="At which setting" hidden></select>
    <button type="button" data-part="swap" aria-label="Swap the sides" title="Swap left and right (X)" hidden>⇄</button>
    <button type="button" data-part="back" title="Back to the original and the model (Escape)" hidden
      aria-label="Back to the original and the model">✕</button>
  </div>
  <dl class="mae-numbers" data-part="numbers"></dl>
  <p class="mae-times" data-part="times"></p>
  <div class="mae-painted" data-part="painted" hidden><table data-part="regions"></table>
    <button type="button" data-part="oneLambda" data-live aria-pressed="false"
      title="What this model makes of the picture with one λ for all places, at the same bytes">Compare with one λ at the same bytes</button></div>
  <div class="mae-tabs" data-part="tabs" data-live role="tablist" aria-label="Views">${TABS.map(tabButton).join("")}</div>
  <div class="mae-panels" data-part="panels">
  ${TABS.map(tabPanel).join("")}
  <button type="button" class="mae-more" data-part="more" aria-hidden="true" tabindex="-1">More below ▾</button></div>
  <div class="mae-inspect" data-part="inspect">
    <section class="mae-card" data-part="card" tabindex="0" aria-label="Element; arrow keys move to the next" hidden></section>
    <section class="mae-pinned" data-part="pins" aria-label="Pins" hidden></section>
  </div>
  <div class="mae-samples" data-part="samples" data-live role="group" aria-label="Pictures"></div>
  <div class="mae-actions">
    <button type="button" data-part="choose" data-live title="Open pictures or .mae files; or drop them, or paste them with Ctrl+V">Open…</button>
    <input type="file" data-part="file" accept="image/*,.heic,.heif,.jxl,.jp2,.tif,.tiff,.mae" multiple hidden aria-label="Picture files">
    <span class="mae-gap"></span>
    <button type="button" data-part="copyLink" title="A link to what is shown here" hidden>Copy link</button>
    <button type="button" data-part="exportStop" title="Stop" hidden></button>
    <details class="mae-exports" data-part="exports"><summary title="Files of what is shown">Export</summary>
      <div class="mae-menu" data-part="exportList" role="group" aria-label="Files"></div></details>
  </div>
</section>
<dialog class="mae-quiz" data-part="quiz" aria-label="Blind comparison"></dialog>
<dialog class="mae-help" data-part="lessons" aria-label="Lessons"><h2>Lessons</h2>
  <div class="mae-lessons" data-part="lessonList"></div><form method="dialog"><button>Close</button></form></dialog>
<dialog class="mae-help mae-network" data-part="network" aria-label="Network">
  <form method="dialog"><button>Close</button></form><h2>Network</h2>
  <p class="mae-summary" data-part="networkText"></p><svg data-part="networkPlan" role="group" aria-label="Plan of the network"></svg></dialog>
<dialog class="mae-help" data-part="help" aria-label="Help">
  <form method="dialog"><button>Close</button></form>
  <h2>Words</h2><dl class="mae-words" data-part="words" tabindex="0"></dl>
  <h2>Keyboard</h2><dl data-part="helpList"></dl>
  <p>On a Cyrillic, Greek or Hebrew keyboard, and others, these letters are where a US keyboard has them.</p></dialog>`;

function modeChoice([mode, label, title]) {
  return `<label data-tip="${title}"><input type="radio" name="mode" value="${mode}"><span>${label}</span></label>`;
}

function tabButton({ name, label, title }) {
  return `<button type="button" role="tab" data-tab="${name}" data-tip="${title}">${label}</button>`;
}

function tabPanel({ name, label, spoken = label, className = "mae-inside", html = "" }) {
  return `<section class="${className}" data-panel="${name}" role="tabpanel" tabindex="0" aria-label="${spoken}" hidden>${html}</section>`;
}

/** @param {[ppd: number, text: string, where: string]} distance @param {number} i */
function distanceChoice([ppd, text], i) {
  return `<option value="${ppd}"${i === USUAL ? " selected" : ""}>${text}</option>`;
}

function gainChoice(gain) {
  return `<option value="${gain}">×${gain}</option>`;
}

/**
 * The page's parts by their data-part: a new one is listed here with the element that it is.
 * @typedef {Record<"card" | "curveList" | "divider" | "doing" | "exportList" | "gainBox" | "helpList" | "inspect" |
 *       "lambda" | "leftTag" | "legend" | "lesson" | "lessonCount" | "lessonList" | "lessonTexts" | "lessonTitle" |
 *       "networkText" | "notice" | "notices" | "now" | "numbers" | "opacityBox" | "other" | "overlayBox" | "paint" |
 *       "paintBar" | "paintHere" | "paintPlace" | "paintSaid" | "painted" | "panels" |
 *       "pins" | "playOptions" | "plot" | "preview" | "prior" | "probe" | "rightTag" | "samples" | "stage" | "tabs" |
 *       "ticks" | "times" | "veiled" | "visibleBox" | "visibleTerm" | "verdict" | "window" | "words", HTMLElement>
 *   & Record<"actual" | "back" | "choose" | "copyLink" | "exportStop" | "fit" | "helpOpen" | "hold" | "lessonBack" |
 *       "lessonClose" | "lessonNext" | "lessonsOpen" | "means" | "more" | "networkOpen" | "noticeClose" | "oneLambda" |
 *       "paintCentre" | "paintClear" | "paintDone" | "paintLarger" | "paintOpen" | "paintRedo" | "paintSmaller" | "paintUndo" | "play" |
 *       "quizOpen" | "swap" | "windowHandle" | "zoomIn" | "zoomOut", HTMLButtonElement>
 *   & Record<"left" | "right", HTMLCanvasElement>
 *   & Record<"curves" | "exports" | "playMenu", HTMLDetailsElement>
 *   & Record<"help" | "lessons" | "network" | "quiz", HTMLDialogElement>
 *   & Record<"priorChoice", HTMLFieldSetElement>
 *   & Record<"targetForm", HTMLFormElement>
 *   & Record<"file" | "opacity" | "overlay" | "paintShown" | "paintSoft" | "paintStrength" | "slider" | "target",
 *       HTMLInputElement>
 *   & Record<"paintSize" | "visibleValue" | "zoom", HTMLOutputElement>
 *   & Record<"axis" | "gain" | "metric" | "ppd" | "reference" | "rule", HTMLSelectElement>
 *   & Record<"regions", HTMLTableElement>
 *   & Record<"networkPlan", SVGSVGElement>
 *   & { modes: HTMLInputElement[] }} Parts
 */

/**
 * @param {HTMLElement} root
 * @returns {Parts}
 */
export function buildPage(root) {
  root.classList.add("mae");
  root.parentElement.classList.add("mae-room");
  root.innerHTML = PAGE;
  // Several viewers on one page must not share a radio group.
  const group = `mae-mode-${Math.random().toString(36).slice(2)}`;
  /** @type {HTMLInputElement[]} */
  const modes = Array.from(root.querySelectorAll("[name=mode]"));
  modes.forEach((radio) => (radio.name = group));
  /** @type {NodeListOf<HTMLElement>} */
  const named = root.querySelectorAll("[data-part]");
  const parts = Object.fromEntries(Array.from(named, (part) => [part.dataset.part, part]));
  return /** @type {Parts} */ ({ ...parts, modes });
}

export function saveBlob({ blob, name }) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
