// How alike things are: the table of all pairs, and for one item the others, nearest first.
import { css, likeness, onSchemeChange } from './colours.js';
import { button, element, keepingFocus, unseen } from './dom.js';
import { goTo } from './frames.js';
import { thumbnail } from './thumbnails.js';
import { cosine } from './vectors.js';
import { clock, plain } from './words.js';

// Beyond this the table is no longer read, and the page grows slow.
const MOST_IN_TABLE = 40;
const NUMBERS_UP_TO = 14;
const MOST_IN_LIST = 50;

/** The others by falling likeness to `item`: [{other, value}]. */
export function nearest(item, items) {
  return items.filter((other) => other !== item && other.vector && item.comparesWith(other))
    .map((other) => ({ other, value: cosine(item.vector, other.vector) }))
    .sort((a, b) => b.value - a.value);
}

/** The frame of `video` that is most like `item`, or null. */
function nearestFrame(item, video) {
  let best = null;
  for (const frame of video.frames) {
    const value = cosine(item.vector, frame.vector);
    if (!best || value > best.value) best = { time: frame.time, value };
  }
  return best;
}

/** `onopen(item)` shows one of them; `video` is the player of `item`, to go to the moment that is most like another. */
export function nearestList(item, items, video, onopen) {
  const ranked = nearest(item, items).slice(0, MOST_IN_LIST);
  const list = element('ol', { class: 'near' }, ...ranked.map(({ other, value }) => element('li', { class: 'near-row' },
    nearButton(other, value, onopen), moment(item, other, video))));
  return element('section', { class: 'part', 'aria-labelledby': 'near-title' },
    element('h3', { id: 'near-title' }, 'Most like it'),
    ranked.length > 0 ? list : element('p', { class: 'part-lead' }, 'Drop something else to compare it with.'));
}

function nearButton(other, value, onopen) {
  const bar = element('span', { class: 'near-bar', 'aria-hidden': 'true' });
  bar.style.setProperty('--value', Math.max(0, value));
  return element('button', { type: 'button', class: 'near-open', 'data-focus': `near ${other.id}`, onclick: () => onopen(other) }, small(other),
    element('span', { class: 'near-name' }, other.name), bar, element('span', { class: 'near-value' }, plain(value, 3)));
}

/** Between a picture and a video: the moment of the video that is nearest. */
function moment(item, other, video) {
  const whose = item.frames.length > 0 ? item : other;
  const best = whose === item ? nearestFrame(other, item) : nearestFrame(item, other);
  if (!best) return null;
  const text = `nearest frame ${clock(best.time)}, ${plain(best.value, 3)}`;
  if (whose === item && video) return button(text, () => goTo(video, best.time), { class: 'near-moment link', 'data-focus': `moment ${other.id}` });
  return element('span', { class: 'near-moment' }, text);
}

/** Fills `section` with the table of all pairs; hides it where there are not two. */
export class AlikeTable {
  #section;
  #onopen;
  #shown = [];

  constructor(section, onopen) {
    this.#section = section;
    this.#onopen = onopen;
    onSchemeChange(() => this.#draw());
  }

  show(items) {
    const first = items.find((item) => item.vector);
    const ready = items.filter((item) => item.vector && item.comparesWith(first));
    if (ready.length === this.#shown.length && ready.every((item, i) => item === this.#shown[i])) return;
    this.#shown = ready;
    this.#draw();
  }

  #draw() {
    const items = this.#shown.slice(-MOST_IN_TABLE);
    this.#section.hidden = items.length < 2;
    if (items.length < 2) {
      this.#section.replaceChildren();
      return;
    }
    const values = items.map((a) => items.map((b) => (a === b ? 1 : cosine(a.vector, b.vector))));
    const pairs = values.flatMap((row, i) => row.slice(i + 1));
    const range = { least: Math.min(...pairs), most: Math.max(...pairs) };
    const note = ['Cosines of all pairs. The stronger the blue, the more alike.'];
    if (items.length < this.#shown.length) note.push(`The last ${items.length} of ${this.#shown.length} are shown.`);
    keepingFocus(() => this.#section.replaceChildren(
      element('div', { class: 'section-head' }, element('h2', { id: 'alike-title' }, 'How alike they are')),
      element('p', { class: 'part-lead' }, note.join(' ')),
      element('div', { class: 'alike-scroll', role: 'group', tabindex: 0, 'aria-labelledby': 'alike-title', 'data-focus': 'table' },
        this.#table(items, values, range))));
  }

  #table(items, values, range) {
    const head = element('tr', {}, element('td', {}), ...items.map((item) => element('th', { scope: 'col', title: item.name },
      small(item), unseen(item.name))));
    const body = items.map((item, row) => element('tr', {},
      element('th', { scope: 'row' }, button('', () => this.#onopen(item), { class: 'alike-name', title: item.name, 'data-focus': `row ${item.id}` })),
      ...items.map((other, column) => cell(item, other, values[row][column], range))));
    body.forEach((row, i) => row.querySelector('.alike-name').append(small(items[i]), element('span', {}, items[i].name)));
    return element('table', { class: 'alike-table', 'data-plain': items.length > NUMBERS_UP_TO }, element('thead', {}, head),
      element('tbody', {}, ...body));
  }
}

const small = (item) => thumbnail(item, 64, 'thumbnail small');

/** Shaded from the least to the most alike of the pairs, or by the cosine itself where there is one pair. */
function cell(item, other, value, { least, most }) {
  const shade = most > least ? (value - least) / (most - least) : value;
  const { colour, ink } = likeness(item === other ? 0 : 0.06 + 0.8 * shade);
  const made = element('td', { class: 'alike-cell', 'data-ink': ink, 'data-self': item === other, title: `${item.name} and ${other.name}: ${plain(value, 4)}` },
    element('span', {}, item === other ? '1' : plain(value, 2)));
  made.style.setProperty('--shade', css(colour));
  return made;
}
