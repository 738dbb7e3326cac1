// Everything about the chosen item: the thing itself, its progress or failure, its vector, frames, times, neighbours.
import { nearestList } from './alike.js';
import { button, element, keepingFocus, setText } from './dom.js';
import { copyVector, downloadItem } from './export.js';
import { chosenFrames } from './frames.js';
import { heatMap } from './heat_map.js';
import { preview } from './preview.js';
import { timings } from './timings.js';
import { bytes, explain } from './words.js';

export class Detail {
  #root;
  #acts;
  #item = null;
  #state = null;
  #video = null;
  #closing = [];
  #closePreview = () => {};
  #nodes = {};

  /** `acts`: {retry(item), remove(item), open(item), items(), say(text)} */
  constructor(root, acts) {
    this.#root = root;
    this.#acts = acts;
  }

  /** Shows an item, or nothing. */
  show(item) {
    if (this.#item === item) return;
    this.#closeParts();
    this.#closePreview();
    this.#closePreview = () => {};
    this.#item = item;
    this.#root.hidden = !item;
    this.#root.replaceChildren();
    if (!item) return;
    const facts = element('p', { class: 'detail-facts' });
    const actions = element('p', { class: 'detail-actions' });
    const seen = preview(item, (width, height) => {
      item.size = `${width} × ${height}`;
      this.#tellFacts();
    });
    const under = element('div', { class: 'detail-under' });
    const body = element('div', { class: 'detail-body' });
    this.#video = seen.video;
    this.#closePreview = seen.close;
    this.#nodes = { facts, actions, under, body };
    this.#root.append(element('header', { class: 'detail-head' }, element('div', {}, element('h2', { id: 'detail-title', tabindex: -1 }, item.name), facts), actions),
      element('div', { class: 'detail-columns' }, element('div', { class: 'detail-seen' }, seen.element, under), body));
    this.update();
  }

  /** Its state or its progress changed. */
  update() {
    const item = this.#item;
    if (!item) return;
    this.#tellFacts();
    if (this.#state !== item.state) this.#rebuild();
    if (this.#nodes.progress) {
      setText(this.#nodes.progressWords, item.words);
      this.#nodes.progress.hidden = item.state === 'waiting';
      if (item.fraction === null) this.#nodes.progress.removeAttribute('value');
      else this.#nodes.progress.value = item.fraction;
    }
  }

  /** What it can be compared with changed. */
  updateNear() {
    const old = this.#nodes.near;
    if (!old) return;
    this.#nodes.near = this.#near();
    keepingFocus(() => old.replaceWith(this.#nodes.near));
  }

  #tellFacts() {
    const item = this.#item;
    setText(this.#nodes.facts, [item.kind, item.size, bytes(item.file.size)].filter(Boolean).join(' · '));
  }

  #rebuild() {
    const item = this.#item;
    const { body, under, actions } = this.#nodes;
    const hadFocus = this.#root.contains(document.activeElement);
    this.#closeParts();
    this.#state = item.state;
    this.#root.dataset.state = item.state;
    Object.assign(this.#nodes, { progress: null, near: null });
    actions.replaceChildren();
    under.replaceChildren();
    if (item.state === 'done') this.#fillDone();
    else if (item.state === 'failed') body.replaceChildren(this.#failure());
    else body.replaceChildren(this.#progress());
    if (hadFocus && !this.#root.contains(document.activeElement)) this.focus();
  }

  /** The focus goes to its heading, from which what follows is reached. */
  focus() {
    this.#root.querySelector('h2')?.focus({ preventScroll: true });
  }

  #progress() {
    const item = this.#item;
    this.#nodes.progressWords = element('p', { class: 'progress-words' });
    this.#nodes.progress = element('progress', { max: 1, 'aria-label': `Progress of ${item.name}` });
    return element('div', { class: 'progress-box' }, this.#nodes.progressWords, this.#nodes.progress,
      button('Cancel', () => this.#acts.remove(item)));
  }

  #failure() {
    const item = this.#item;
    const { title, advice, detail } = explain(item.failure);
    return element('div', { class: 'failure' }, element('h3', {}, title),
      advice ? element('p', {}, advice) : null,
      detail ? element('p', { class: 'failure-detail' }, element('span', {}, 'The service says: '), detail) : null,
      element('p', { class: 'failure-actions' }, button('Try again', () => this.#acts.retry(item), { class: 'primary' }),
        button('Remove', () => this.#acts.remove(item))));
  }

  #fillDone() {
    const item = this.#item;
    const { body, under, actions } = this.#nodes;
    const map = heatMap(item.vector, item.name);
    this.#closing.push(map.close);
    this.#nodes.near = this.#near();
    actions.append(this.#copyButton(), button('Download JSON', () => downloadItem(item)));
    body.replaceChildren(element('section', { class: 'part', 'aria-labelledby': 'vector-title' },
      element('h3', { id: 'vector-title' }, 'Vector'), warning(item), map.element), this.#nodes.near);
    if (item.frames.length > 0) {
      const frames = chosenFrames(item, this.#video);
      this.#closing.push(frames.close);
      under.append(frames.element);
    }
    under.append(timings(item));
  }

  #near() {
    return nearestList(this.#item, this.#acts.items(), this.#video, this.#acts.open);
  }

  #copyButton() {
    const item = this.#item;
    const made = button('Copy vector', async () => {
      const said = await copyVector(item).then(() => 'Copied', () => 'Could not copy');
      setText(made, said);
      this.#acts.say(said === 'Copied' ? `Copied the vector of ${item.name}` : said);
      setTimeout(() => setText(made, 'Copy vector'), 2000);
    });
    return made;
  }

  #closeParts() {
    this.#state = null;
    for (const close of this.#closing.splice(0)) close();
  }
}

/** There is a vector, but the service found something wrong with the file. */
function warning(item) {
  const said = item.answer.debugMetadata?.warning;
  return said ? element('p', { class: 'warning' }, said) : null;
}
