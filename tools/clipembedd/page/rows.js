// The list of what was dropped: a small picture, the name, how far it is, and its vector as a fingerprint.
import { button, element, setText } from './dom.js';
import { keepPainted } from './heat_map.js';
import { thumbnail } from './thumbnails.js';
import { bytes } from './words.js';

export class Rows extends EventTarget {
  #list;
  #rows = new Map();

  /** Events, each with the item as its detail: `open`, `remove`. */
  constructor(list) {
    super();
    this.#list = list;
    list.addEventListener('keydown', (event) => this.#key(event));
  }

  add(item) {
    const row = new Row(item, () => this.#tell('open', item), () => this.#tell('remove', item));
    this.#rows.set(item, row);
    this.#list.append(row.element);
  }

  update(item) {
    this.#rows.get(item)?.update();
  }

  remove(item) {
    const row = this.#rows.get(item);
    if (!row) return;
    const hadFocus = row.element.contains(document.activeElement);
    const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
    row.close();
    this.#rows.delete(item);
    if (hadFocus) (next?.querySelector('.row-open') ?? document.getElementById('choose')).focus();
  }

  select(item) {
    for (const [other, row] of this.#rows) row.select(other === item);
  }

  #tell(name, item) {
    this.dispatchEvent(new CustomEvent(name, { detail: item }));
  }

  /** Up and down go from row to row; Delete removes one. */
  #key(event) {
    const element = event.target.closest('.row');
    if (!element) return;
    const to = { ArrowUp: element.previousElementSibling, ArrowDown: element.nextElementSibling }[event.key];
    if (to) {
      event.preventDefault();
      to.querySelector('.row-open').focus();
    } else if (event.key === 'Delete') {
      event.preventDefault();
      element.querySelector('.row-remove').click();
    }
  }
}

class Row {
  #item;
  #nodes;
  #unpaint = null;

  constructor(item, onopen, onremove) {
    this.#item = item;
    const print = element('canvas', { class: 'print', width: 32, height: 16, 'aria-hidden': 'true', hidden: true });
    const words = element('span', { class: 'row-words' });
    const progress = element('progress', { class: 'row-progress', max: 1, 'aria-label': `Progress of ${item.name}` });
    const open = element('button', { type: 'button', class: 'row-open', onclick: onopen }, thumbnail(item, 112),
      element('span', { class: 'row-text' }, element('span', { class: 'row-name', title: item.name }, item.name), words), print);
    const remove = button('', onremove, { class: 'row-remove', 'aria-label': `Remove ${item.name}`, title: 'Remove' });
    this.element = element('li', { class: 'row' }, open, remove, progress);
    this.#nodes = { open, words, print, progress, remove };
    this.update();
  }

  update() {
    const item = this.#item;
    const { words, print, progress, remove } = this.#nodes;
    this.element.dataset.state = item.state;
    setText(words, [item.words, item.state === 'failed' ? '' : bytes(item.file.size)].filter(Boolean).join(' · '));
    remove.setAttribute('aria-label', `${item.isOver ? 'Remove' : 'Cancel'} ${item.name}`);
    remove.title = item.isOver ? 'Remove' : 'Cancel';
    progress.hidden = item.state !== 'sending' && item.state !== 'working';
    if (item.fraction === null) progress.removeAttribute('value');
    else progress.value = item.fraction;
    if (item.vector && !this.#unpaint) {
      this.#unpaint = keepPainted(print, item.vector);
      print.hidden = false;
    }
  }

  select(selected) {
    if (selected) this.#nodes.open.setAttribute('aria-current', 'true');
    else this.#nodes.open.removeAttribute('aria-current');
  }

  close() {
    this.#unpaint?.();
    this.element.remove();
  }
}
