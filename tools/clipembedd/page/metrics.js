// Reads the Prometheus text format as far as a status line needs it.

/** The samples of a text, [{name, labels, value}], labels as they stand between the braces. */
export function samples(text) {
  return text.split('\n').map((line) => /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line)).filter(Boolean)
    .map(([, name, labels = '', value]) => ({ name, labels, value: Number(value) }));
}

/** The sum over the samples of this name that have this label, as in 'state="busy"'; null where there is none. */
export function total(all, name, label = '') {
  const found = all.filter((sample) => sample.name === name && sample.labels.includes(label));
  return found.length > 0 ? found.reduce((sum, { value }) => sum + value, 0) : null;
}

/** Follows a counter: how much it grew a second since it was last seen; null the first time or after a restart. */
export class Rate {
  #last = null;

  perSecond(value, now = performance.now()) {
    const last = this.#last;
    this.#last = { value, now };
    if (last === null || value < last.value || now <= last.now) return null;
    return ((value - last.value) * 1000) / (now - last.now);
  }
}
