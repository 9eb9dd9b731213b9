// What is seen of a picture from the moment it is chosen until its first frame is there: the original as the browser reads
// it, over what was shown before, and what is being done.
import { pixelRatio } from "./limits.js";

export class Preview {
  constructor({ preview, doing, stage }, root) {
    this.box = preview;
    this.canvas = preview.querySelector("canvas");
    this.doing = doing;
    this.stage = stage;
    this.root = root;
  }

  say(text) {
    this.doing.textContent = text;
  }

  // image: the whole original; it is drawn no larger than the screen shows it. The numbers of the picture before give way.
  show(image) {
    const { clientWidth: width, clientHeight: height } = this.stage;
    const ratio = pixelRatio(width, height);
    Object.assign(this.canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    const { naturalWidth, naturalHeight } = image;
    const scale = Math.min(this.canvas.width / naturalWidth, this.canvas.height / naturalHeight);
    const [w, h] = [naturalWidth * scale, naturalHeight * scale];
    const context = this.canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(image, (this.canvas.width - w) / 2, (this.canvas.height - h) / 2, w, h);
    this.box.hidden = false;
    this.root.dataset.preview = "true";
  }

  end() {
    this.say("");
    this.box.hidden = true;
    Object.assign(this.canvas, { width: 0, height: 0 });
    delete this.root.dataset.preview;
  }
}
