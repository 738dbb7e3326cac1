// Sends items to the service, a few at a time, and waits where the service asks for it.
//
// While the queue is held nothing new is sent. `hold` is null or {reason, until}:
//   busy     the service's queue is full (429): until its Retry-After
//   loading  it is not ready (503): until its Retry-After, or until it says so at /health
//   gone     it does not answer: until it does
//   key      it wants an API key (401): until one is given
import { embed, Failure, health } from './service.js';

const AT_ONCE = 4;
const MOST_ATTEMPTS = 40;
const LONGEST_WAIT_MS = 30_000;

export class Queue extends EventTarget {
  hold = null;
  #items = [];
  #running = new Map();
  #timer = 0;
  #query;

  /** `query()` gives the parameters of a request. Events: `change` (detail: the item) and `hold`. */
  constructor(query) {
    super();
    this.#query = query;
  }

  add(item) {
    this.#items.push(item);
    this.#next();
  }

  retry(item) {
    Object.assign(item, { state: 'waiting', failure: null, progress: null, sent: 0, attempts: 0 });
    this.#changed(item);
    this.add(item);
  }

  remove(item) {
    this.#items = this.#items.filter((other) => other !== item);
    this.#running.get(item)?.abort();
    this.#running.delete(item);
    if (this.hold && this.#items.length === 0) this.#release();
    this.#next();
  }

  /** Goes on now, if it was held for one of these reasons. */
  wake(...reasons) {
    if (this.hold && reasons.includes(this.hold.reason)) this.#release();
  }

  /** Nobody gives a key: what waits for one fails. */
  refuseKey() {
    if (this.hold?.reason !== 'key') return;
    for (const item of this.#items.splice(0)) this.#fail(item, new Failure(401));
    this.#release();
  }

  get isBusy() {
    return this.#running.size > 0 || this.#items.length > 0;
  }

  #next() {
    while (!this.hold && this.#running.size < AT_ONCE && this.#items.length > 0) this.#run(this.#items.shift());
  }

  async #run(item) {
    const abort = new AbortController();
    this.#running.set(item, abort);
    const started = performance.now();
    Object.assign(item, { state: 'sending', sent: 0, progress: null, attempts: item.attempts + 1 });
    this.#changed(item);
    try {
      const answer = await embed(item.file, this.#query(), {
        signal: abort.signal,
        onSent: (fraction) => this.#sent(item, fraction),
        onProgress: (progress) => this.#worked(item, progress),
      });
      item.roundTrip = performance.now() - started;
      item.finish(answer);
      this.#changed(item);
    } catch (error) {
      if (error.name === 'AbortError') return;
      await this.#failed(item, error instanceof Failure ? error : new Failure(500, { detail: String(error) }));
    } finally {
      if (this.#running.get(item) === abort) this.#running.delete(item);
      this.#next();
    }
  }

  #sent(item, fraction) {
    item.sent = fraction;
    if (fraction >= 1) item.state = 'working';
    this.#changed(item);
  }

  #worked(item, progress) {
    Object.assign(item, { state: 'working', progress });
    this.#changed(item);
  }

  async #failed(item, failure) {
    const hold = item.attempts < MOST_ATTEMPTS ? await this.#holdFor(failure, item) : null;
    // Removed while the service was asked.
    if (!this.#running.has(item)) return;
    if (!hold) {
      this.#fail(item, failure);
      return;
    }
    Object.assign(item, { state: 'waiting', progress: null, sent: 0 });
    this.#items.unshift(item);
    this.#changed(item);
    if (hold !== 'again') this.#holdUntil(hold);
  }

  /** What a failure means for the queue: a hold, 'again' at once, or null: it is final. */
  async #holdFor(failure, item) {
    const until = performance.now() + Math.min(failure.retryAfter ?? 1000 * item.attempts, LONGEST_WAIT_MS);
    switch (failure.status) {
      case 429: return { reason: 'busy', until };
      case 401: return { reason: 'key', until: Infinity };
      case 503: {
        const { status, detail } = await health().catch(() => ({}));
        if (status === 'failed') failure.detail = detail || failure.detail;
        return status === 'failed' ? null : { reason: 'loading', until };
      }
      case 0: {
        const answers = await health().then(() => true, () => false);
        if (!answers) return { reason: 'gone', until: Infinity };
        return item.attempts < 2 ? 'again' : null;
      }
      default: return null;
    }
  }

  #fail(item, failure) {
    Object.assign(item, { state: 'failed', failure });
    this.#changed(item);
  }

  /** Two items that were refused together hold the queue once, until the later time. */
  #holdUntil(hold) {
    if (this.hold?.reason === hold.reason && this.hold.until >= hold.until) return;
    this.hold = hold;
    clearTimeout(this.#timer);
    if (hold.until < Infinity) this.#timer = setTimeout(() => this.#release(), hold.until - performance.now());
    this.dispatchEvent(new Event('hold'));
  }

  #release() {
    clearTimeout(this.#timer);
    this.hold = null;
    this.dispatchEvent(new Event('hold'));
    this.#next();
  }

  #changed(item) {
    this.dispatchEvent(new CustomEvent('change', { detail: item }));
  }
}
