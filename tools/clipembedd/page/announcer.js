// Says what happened to those who listen: a live region that gathers for a moment, so that ten results at once are one
// sentence and not ten.
import { count } from './words.js';

const GATHER_MS = 600;
const NAMES_UP_TO = 2;

export class Announcer {
  #region;
  #said = [];
  #done = [];
  #failed = [];
  #timer = 0;

  constructor(region) {
    this.#region = region;
  }

  say(text) {
    this.#said.push(text);
    this.#later();
  }

  finished(item) {
    (item.state === 'done' ? this.#done : this.#failed).push(item.name);
    this.#later();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#speak(), GATHER_MS);
  }

  #speak() {
    const name = (names) => (names.length > NAMES_UP_TO ? count(names.length, 'file') : names.join(' and '));
    const done = this.#done.splice(0);
    const failed = this.#failed.splice(0);
    const parts = this.#said.splice(0);
    if (done.length > 0) parts.push(`${name(done)} done`);
    if (failed.length > 0) parts.push(`${name(failed)} failed`);
    this.#region.textContent = `${parts.join('. ')}.`;
  }
}
