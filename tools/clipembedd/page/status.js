// The quiet line at the top: whether the service is well, which model it has, and how busy it is.
// Asks /health and /metrics as long as the page is in view or has something to do.
import { setText } from './dom.js';
import { Rate, total } from './metrics.js';
import { health, metrics } from './service.js';
import { count, modelName } from './words.js';

const WORDS = {
  ok: 'Ready',
  loading: 'Loading the model',
  draining: 'Shutting down, takes nothing new',
  failed: 'The model could not be loaded',
  gone: 'The service does not answer',
};

const CALM_MS = 5000;
const WATCHFUL_MS = 1500;

export class Status extends EventTarget {
  state = 'unknown';
  #nodes;
  #images = new Rate();
  #isBusy;
  #timer = 0;

  /**
   * `isBusy()` says whether something is to be sent: then it looks more often, and out of view too. Events: `answer`, each time; `state`, with
   * what there is to say of it, or null.
   */
  constructor(root, isBusy) {
    super();
    this.#isBusy = isBusy;
    this.#nodes = { root, health: root.querySelector('#status-health'), model: root.querySelector('#status-model'),
      load: root.querySelector('#status-load') };
    document.addEventListener('visibilitychange', () => this.#look());
    this.#look();
  }

  async #look() {
    clearTimeout(this.#timer);
    if (document.hidden && !this.#isBusy()) return;
    await this.#ask();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), this.state === 'ok' && !this.#isBusy() ? CALM_MS : WATCHFUL_MS);
  }

  async #ask() {
    try {
      const said = await health();
      this.#show(said);
      this.dispatchEvent(new Event('answer'));
      const numbers = await metrics().catch(() => []);
      setText(this.#nodes.load, said.status === 'ok' ? loadWords(said, numbers, this.#images) : '');
    } catch {
      this.#show({ status: 'gone' });
    }
  }

  #show({ status, model_name: model, device }) {
    const { root, health: words, model: name, load } = this.#nodes;
    setText(words, WORDS[status] ?? status ?? 'Unknown state');
    setText(name, [modelName(model), device].filter(Boolean).join(' on '));
    if (status === 'gone') setText(load, '');
    if (this.state === status) return;
    // That all is well at the start is no news.
    const news = this.state !== 'unknown' || status !== 'ok';
    this.state = status;
    root.dataset.state = status;
    this.dispatchEvent(new CustomEvent('state', { detail: news ? WORDS[status] ?? status : null }));
  }
}

/** "2 waiting, 1 of 2 workers busy, 31 images/s", from the answers of /health and /metrics. */
export function loadWords({ queue_depth: waiting, workers }, numbers, images) {
  const busy = total(numbers, 'clipembed_workers', 'state="busy"');
  // The histogram of batch sizes has an entry for each picture.
  const pictures = total(numbers, 'clipembed_batch_size_count');
  const rate = pictures === null ? null : images.perSecond(pictures);
  const words = [];
  if (waiting > 0) words.push(`${waiting} waiting`);
  if (busy > 0) words.push(workers > 0 ? `${busy} of ${count(workers, 'worker')} busy` : `${count(busy, 'worker')} busy`);
  if (rate > 0) words.push(`${rate < 9.95 ? rate.toFixed(1) : Math.round(rate)} images/s`);
  return words.length > 0 ? words.join(', ') : 'idle';
}
