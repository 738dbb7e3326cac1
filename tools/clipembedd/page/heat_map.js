// A vector as a picture: one cell a number, 32 a row; blue below zero, orange above. The pointer or the arrow keys read
// single numbers; the sentence below it says the same to those who do not see it.
import { css, diverging, onSchemeChange } from './colours.js';
import { element, setText } from './dom.js';
import { extremes, lengthOf } from './vectors.js';
import { plain, signed } from './words.js';

const COLUMNS = 32;
// Full colour at three times the root mean square: one scale for every vector of a model, and single huge numbers, which
// CLIP's vectors have, do not leave the rest pale.
const FULL_AT_RMS = 3;

const drawn = new Set();
onSchemeChange(() => {
  for (const redraw of drawn) redraw();
});

/** Fills a canvas of one pixel a number; the style sheet scales it. */
export function paintVector(canvas, vector) {
  canvas.width = COLUMNS;
  canvas.height = Math.ceil(vector.length / COLUMNS);
  const full = fullColour(vector);
  const pen = canvas.getContext('2d');
  for (let i = 0; i < vector.length; i++) {
    pen.fillStyle = css(diverging(vector[i] / full));
    pen.fillRect(i % COLUMNS, Math.floor(i / COLUMNS), 1, 1);
  }
}

/** Paints now and again whenever light turns to dark; returns what ends that. */
export function keepPainted(canvas, vector) {
  const paint = () => paintVector(canvas, vector);
  paint();
  drawn.add(paint);
  return () => drawn.delete(paint);
}

function fullColour(vector) {
  return (FULL_AT_RMS * lengthOf(vector)) / Math.sqrt(vector.length) || 1;
}

/** The figure with legend, readout and keys: {element, close}. */
export function heatMap(vector, name) {
  const rows = Math.ceil(vector.length / COLUMNS);
  const canvas = element('canvas', { class: 'heat-cells', 'aria-hidden': 'true' });
  const mark = element('span', { class: 'heat-mark', hidden: true, 'aria-hidden': 'true' });
  const readout = element('p', { class: 'heat-readout', 'aria-hidden': 'true' }, 'Point at a cell to read it');
  const summary = element('p', { class: 'heat-summary', id: 'heat-summary' }, describe(vector));
  const cells = element('div', { class: 'heat', role: 'slider', tabindex: '0', 'aria-label': `Numbers of the vector of ${name}`,
    'aria-describedby': 'heat-summary', 'aria-valuemin': 1, 'aria-valuemax': vector.length }, canvas, mark);

  let at = 0;
  const read = (index) => {
    at = Math.min(vector.length - 1, Math.max(0, index));
    cells.setAttribute('aria-valuenow', at + 1);
    cells.setAttribute('aria-valuetext', `dimension ${at + 1}: ${signed(vector[at])}`);
  };
  const point = (index) => {
    read(index);
    mark.hidden = false;
    mark.style.setProperty('--column', at % COLUMNS);
    mark.style.setProperty('--row', Math.floor(at / COLUMNS));
    setText(readout, `dimension ${at + 1}  ${signed(vector[at])}`);
  };
  const leave = () => {
    if (cells.matches(':focus-visible')) return;
    mark.hidden = true;
    setText(readout, 'Point at a cell to read it');
  };
  read(0);
  mark.style.setProperty('--rows', rows);
  cells.addEventListener('pointermove', (event) => {
    const box = cells.getBoundingClientRect();
    const column = Math.min(COLUMNS - 1, Math.floor(((event.clientX - box.left) / box.width) * COLUMNS));
    const row = Math.min(rows - 1, Math.floor(((event.clientY - box.top) / box.height) * rows));
    point(Math.max(0, row) * COLUMNS + Math.max(0, column));
  });
  cells.addEventListener('pointerleave', leave);
  cells.addEventListener('focus', () => cells.matches(':focus-visible') && point(at));
  cells.addEventListener('blur', leave);
  cells.addEventListener('keydown', (event) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - COLUMNS, ArrowDown: at + COLUMNS, PageUp: at - 4 * COLUMNS,
      PageDown: at + 4 * COLUMNS, Home: 0, End: vector.length - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (to >= 0 && to < vector.length) point(to);
  });

  const close = keepPainted(canvas, vector);
  return { element: element('div', { class: 'heat-figure' }, cells, legend(fullColour(vector)), readout, summary), close };
}

function legend(full) {
  const end = (value) => element('span', {}, value);
  return element('p', { class: 'heat-legend', 'aria-hidden': 'true' }, end(plain(-full, 2)),
    element('span', { class: 'heat-ramp' }), end(`+${plain(full, 2)}`));
}

function describe(vector) {
  const { low, high } = extremes(vector);
  return `${vector.length} numbers, from ${signed(vector[low], 3)} (dimension ${low + 1}) to ${signed(vector[high], 3)} `
    + `(dimension ${high + 1}); length ${lengthOf(vector).toFixed(3)}.`;
}
