// The tab of rate and distortion: the plot, what it says in a sentence, and the choice of its curves. See panel.js.
import { rivalNames, several, split, toggle } from "../state/values.js";

const PAGE = `
  <p class="mae-verdict" data-part="verdict" data-live></p>
  <div class="mae-plot-bar">
    <details class="mae-curves" data-part="curves" data-live><summary>Curves</summary>
      <div class="mae-menu" data-part="curveList" role="group" aria-label="Curves beside the model’s"></div></details>
    <select data-part="metric" data-state="metric" aria-label="Quality axis">
      <option value="psnr">PSNR</option><option value="ms_ssim">MS-SSIM</option>
      <option value="ssimulacra2">SSIMULACRA2</option></select>
    <select data-part="axis" data-state="axis" aria-label="Rate axis">
      <option value="linear">linear rate</option><option value="log">log rate</option></select>
    <button type="button" data-part="means" aria-pressed="false" hidden
      title="Mean curves over the 24 Kodak pictures instead of this picture’s">Kodak means</button>
  </div>
  <ul class="mae-curve-list" data-part="legend" aria-label="Curves of the plot"></ul>
  <div class="mae-plot-box"><div class="mae-plot" data-part="plot" role="img"
    aria-label="Rate-distortion plot of this picture"></div>
    <i class="mae-now mae-now-other" data-part="other" hidden></i><i class="mae-now" data-part="now" hidden></i></div>
`;

const FIELDS = [
  {
    key: "curves",
    ...several(rivalNames),
    read: ({ panel }) => panel.chosenNames.join(","),
    write: ({ panel }, value) => panel.chooseOnly(split(value)),
  },
  { key: "means", ...toggle(({ panel }) => panel.showsMeans, ({ panel }, isOn) => panel.showMeans(isOn)) },
];

export const RD = {
  name: "rd", label: "R–D", spoken: "Rate–distortion",
  title: "Rate and distortion: this picture’s curve among other codecs’",
  className: "mae-rd", html: PAGE, fields: FIELDS, needsOriginal: true,
};
