// What was, to go back to and forth again.

const MOST = 200; // changes that can be undone

/** @template State */
export class History {
  /** @param {State} present */
  constructor(present) {
    /** @type {State[]} */
    this.states = [present];
    this.at = 0;
  }

  get present() {
    return this.states[this.at];
  }

  // A change; what was undone before it cannot come back.
  /** @param {State} state */
  push(state) {
    this.states.splice(this.at + 1, Infinity, state);
    this.states.splice(0, this.states.length - 1 - MOST);
    this.at = this.states.length - 1;
  }

  get canUndo() {
    return this.at > 0;
  }

  get canRedo() {
    return this.at + 1 < this.states.length;
  }

  // The state that is present then.
  undo() {
    if (this.canUndo) this.at--;
    return this.present;
  }

  redo() {
    if (this.canRedo) this.at++;
    return this.present;
  }
}
