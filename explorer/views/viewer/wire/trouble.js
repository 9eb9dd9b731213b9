// What is done when a request fails: it is said, what passes by itself is tried again, and a picture that the server has let
// go of is opened again.
import { Patience } from "./patience.js";

export class Trouble {
  /**
   * @param {import("../viewer.js").Viewer} viewer
   * @param {AbortSignal} signal ends all waiting
   */
  constructor(viewer, signal) {
    this.viewer = viewer;
    this.patience = new Patience(signal);
    this.said = null; // of what passes by itself
  }

  // A request failed. -> what is waited for, or null
  meet(error) {
    const { viewer } = this;
    if (error.gone) return viewer.opening.again(error);
    viewer.fail(error.message);
    if (error.later) this.patience.pause(error.later).then(() => viewer.resume());
    this.said = error.later ? error.message : null;
    return null;
  }

  // A task for which the picture had to be opened again is not done.
  async meetInTask(error) {
    await this.meet(error);
    if (error.gone) this.viewer.notify("The picture was opened again: please do that once more.");
  }

  // The server is there: what was said to pass by itself has passed.
  over() {
    if (this.said) this.viewer.notices.recall(this.said);
    this.said = null;
    this.patience.reset();
  }

  // Until a task succeeds, or fails for good.
  async outlast(task) {
    for (;;) {
      try {
        return await task();
      } catch (error) {
        if (!error.later) throw error;
        this.viewer.fail((this.said = error.message));
        await this.patience.pause(error.later);
      }
    }
  }
}
