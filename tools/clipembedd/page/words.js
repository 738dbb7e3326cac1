// How the page puts numbers, states and failures into words.

const MINUS = '\u2212';

export function signed(value, digits = 4) {
  return (value < 0 ? MINUS : '+') + Math.abs(value).toFixed(digits);
}

export function plain(value, digits) {
  return (value < 0 ? MINUS : '') + Math.abs(value).toFixed(digits);
}

export function bytes(count) {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Seconds of a video as 0:07.3, 12:40 or 1:02:03. */
export function clock(seconds, tenths = true) {
  const whole = tenths && seconds < 600 ? Math.round(seconds * 10) / 10 : Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = whole % 60;
  const text = tenths && seconds < 600 ? rest.toFixed(1).padStart(4, '0') : String(Math.floor(rest)).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${text}` : `${minutes}:${text}`;
}

export function milliseconds(value) {
  if (value >= 999.5) return `${(value / 1000).toFixed(value < 9995 ? 2 : 1)} s`;
  return value >= 9.95 ? `${Math.round(value)} ms` : `${value.toFixed(1)} ms`;
}

/** A model from a folder is called by the folder's name. */
export function modelName(name = '') {
  return name.startsWith('/') ? name.slice(name.lastIndexOf('/') + 1) : name;
}

export function count(number, one, many = `${one}s`) {
  return `${number} ${number === 1 ? one : many}`;
}

export const REASONS = {
  cut: 'a shot begins there',
  salient: 'the sharpest and richest nearby',
  coverage: 'so that no part goes without',
  interval: 'nothing had been chosen for long',
};

// What the person reads, and what they could do; the service's own `detail` stands below it.
const FAILURES = {
  0: ['The connection broke', 'The service ended it, perhaps because the file is larger than it accepts; or the file was moved or changed since you dropped it.'],
  400: ['The service did not understand the request', ''],
  401: ['A key is needed', 'The service answers only those who send its API key.'],
  403: ['The service refuses this', ''],
  404: ['There is nothing to send this to', 'The service at this address has no /embed.'],
  408: ['It came too slowly', 'The service waits only so long for a file.'],
  413: ['Too large', 'The service does not accept files of this size.'],
  415: ['Not a photo or video that the service can read', 'The type is told from what is in the file, not from its name.'],
  422: ['It could not be read', 'The file may be damaged, cut short or empty.'],
  429: ['The service stayed busy', 'It had no room for this file, however often it was asked.'],
  503: ['The service was not ready', 'It may still be loading its model.'],
  507: ['The service has no room to keep it', 'Its disk is full, or this file is more than it may take of it.'],
  504: ['It took too long', 'The service gave up at its time limit. A shorter video or fewer frames may fit.'],
};

/** A failure (service.js) as {title, advice, detail}. */
export function explain(failure) {
  const [title, advice] = FAILURES[failure.status] ?? ['Something went wrong in the service', ''];
  return { title, advice, detail: failure.detail || failure.label || '' };
}
