// The page at /: what is dropped goes through the queue to the service, and every view shows what came of it.
import { AlikeTable } from './alike.js';
import { Announcer } from './announcer.js';
import { paintVector } from './heat_map.js';
import { onSchemeChange } from './colours.js';
import { Detail } from './detail.js';
import { prefersStillness, setText } from './dom.js';
import { downloadAll } from './export.js';
import { listenForFiles } from './intake.js';
import { Item } from './item.js';
import { keyDialog } from './key_dialog.js';
import { Queue } from './queue.js';
import { Rows } from './rows.js';
import { Status } from './status.js';
import { count } from './words.js';

const $ = (id) => document.getElementById(id);

const items = [];
let selected = null;

const announcer = new Announcer($('announcer'));
const queue = new Queue(options);
const rows = new Rows($('rows'));
const detail = new Detail($('detail'), { retry: (item) => queue.retry(item), remove, open: openFromAfar, items: () => items, say: (text) => announcer.say(text) });
const table = new AlikeTable($('alike'), openFromAfar);
const status = new Status($('status'), () => queue.isBusy);
const askForKey = keyDialog($('key-dialog'), () => queue.wake('key'), () => queue.refuseKey());

/** What a person typed and no service would take is left to the service's own default. */
function options() {
  const fields = [...$('options-form').elements].filter((field) => field.value !== '' && field.validity.valid);
  return Object.fromEntries(fields.map((field) => [field.name, field.value]));
}

// ---- what is there ---------------------------------------------------------------------------------------------------

function add(files) {
  const made = files.map((file) => new Item(file));
  for (const item of made) {
    items.push(item);
    rows.add(item);
    queue.add(item);
  }
  listChanged();
  if (!selected && made.length > 0) select(made[0]);
}

function remove(item) {
  const at = items.indexOf(item);
  if (at < 0) return;
  items.splice(at, 1);
  queue.remove(item);
  rows.remove(item);
  if (selected === item) select(items[at] ?? items[at - 1] ?? null);
  listChanged();
  if (document.activeElement === document.body) (selected ? $('detail').querySelector('h2') : $('choose')).focus();
}

function listChanged() {
  document.body.toggleAttribute('data-empty', items.length === 0);
  $('dropped').hidden = items.length === 0;
  setText($('dropped-title'), items.length > 0 ? count(items.length, 'file') : 'Dropped');
  resultsChanged();
}

/** Once for all that change together: a table of many pairs takes its time. */
let changed = 0;
function resultsChanged() {
  changed ||= requestAnimationFrame(showResults);
}

function showResults() {
  changed = 0;
  $('download-all').disabled = !items.some((item) => item.vector);
  table.show(items);
  detail.updateNear();
}

// ---- what is shown ---------------------------------------------------------------------------------------------------

function select(item) {
  selected = item;
  rows.select(item);
  detail.show(item);
}

/** The person asked for it: on a narrow screen it is below the list. */
function open(item) {
  select(item);
  const top = $('detail').getBoundingClientRect().top;
  if (top > innerHeight * 0.6 || top < 0) $('detail').scrollIntoView({ behavior: prefersStillness() ? 'auto' : 'smooth' });
}

/** Chosen in a part of the page that shows another one then, or is far from what it opens. */
function openFromAfar(item) {
  open(item);
  detail.focus();
}

queue.addEventListener('change', ({ detail: item }) => {
  rows.update(item);
  if (item === selected) detail.update();
  if (!item.isOver) return;
  announcer.finished(item);
  resultsChanged();
});

rows.addEventListener('open', ({ detail: item }) => open(item));
rows.addEventListener('remove', ({ detail: item }) => remove(item));
$('clear').addEventListener('click', () => {
  for (const item of [...items]) remove(item);
  $('choose').focus();
});
$('download-all').addEventListener('click', () => downloadAll(items.filter((item) => item.vector)));
listenForFiles({ chooseButton: $('choose'), chooser: $('chooser'), onfiles: add });
$('options-form').addEventListener('submit', (event) => event.preventDefault());

// ---- waiting for the service -----------------------------------------------------------------------------------------

const HOLDS = {
  busy: 'The service has no room just now.',
  loading: 'The service is loading its model.',
  gone: 'The service does not answer. What is left will be sent when it does.',
  key: 'The service asks for a key.',
};

let countdown = 0;

function showHold() {
  clearTimeout(countdown);
  const hold = queue.hold;
  $('banner').hidden = !hold;
  if (!hold) return;
  const left = hold.until < Infinity ? Math.max(1, Math.ceil((hold.until - performance.now()) / 1000)) : null;
  setText($('banner'), HOLDS[hold.reason] + (left === null ? '' : ` Trying again in ${left} s.`));
  if (left !== null) countdown = setTimeout(showHold, 500);
}

queue.addEventListener('hold', () => {
  showHold();
  if (queue.hold) announcer.say(HOLDS[queue.hold.reason]);
  if (queue.hold?.reason === 'key') askForKey();
});

status.addEventListener('state', ({ detail: words }) => {
  if (words !== null) announcer.say(words);
  if (status.state === 'ok') queue.wake('loading');
});
status.addEventListener('answer', () => queue.wake('gone'));

// ---- the picture of the empty page: a vector of nothing --------------------------------------------------------------

function paintArt() {
  let seed = 20;
  const random = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  paintVector($('intake-art'), Float32Array.from({ length: 512 }, () => random() + random() + random() + random() - 2));
}

paintArt();
onSchemeChange(paintArt);
