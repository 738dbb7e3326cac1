// Reads the Prometheus text format as far as a status line needs it.

/** Maps each sample's name to the sum of its values over all labels. */
export function totals(text) {
  const sums = new Map();
  for (const line of text.split('\n')) {
    const sample = /^([a-zA-Z_:][\w:]*)(?:\{.*\})?\s+(\S+)/.exec(line);
    if (!sample) continue;
    const value = Number(sample[2]);
    if (Number.isFinite(value)) sums.set(sample[1], (sums.get(sample[1]) ?? 0) + value);
  }
  return sums;
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
