// The service's HTTP interface, as the page uses it: one file to POST /embed, /health and /metrics.
import { EventStream } from './event_stream.js';
import { samples } from './metrics.js';

const KEY = 'clipembed-api-key';

/** An answer other than an embedding. `status` is 0 where none came; `retryAfter` is in ms, null where not said. */
export class Failure extends Error {
  constructor(status, { label = '', detail = '', retryAfter = null } = {}) {
    super(detail || label || `status ${status}`);
    Object.assign(this, { status, label, detail, retryAfter });
  }
}

// What a failure inside an event stream is called: there the status was sent long before.
const STATUS_OF_LABEL = new Map([['Malformed request', 400], ['Not allowed', 403], ['Request timeout', 408], ['Too large', 413],
  ['Unsupported file type', 415], ['Processing failed', 422], ['Too many requests', 429], ['Loading', 503], ['Draining', 503],
  ['Unavailable', 503], ['Deadline exceeded', 504], ['Out of storage', 507]]);

export const apiKey = {
  get: () => sessionStorage.getItem(KEY) ?? '',
  set: (key) => (key ? sessionStorage.setItem(KEY, key) : sessionStorage.removeItem(KEY)),
};

function authorization() {
  const key = apiKey.get();
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/** Retry-After, seconds or a date, in ms. */
export function retryAfter(header, now = Date.now()) {
  if (!header) return null;
  const seconds = Number(header);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - now;
  return Number.isFinite(wait) ? Math.max(0, wait) : null;
}

/**
 * Sends a file and resolves with the service's answer; rejects with a Failure, or an AbortError where `signal` fired.
 * `onSent(fraction)` follows the upload, `onProgress({processed, total, position, duration})` the work.
 * XMLHttpRequest, since fetch tells nothing of an upload's progress.
 */
export function embed(file, query, { signal, onSent, onProgress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const answer = new Answer(request, onProgress);
    request.open('POST', `/embed?${new URLSearchParams({ ...query, detail: 'frames' })}`);
    request.setRequestHeader('Accept', 'text/event-stream');
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onSent(event.lengthComputable ? event.loaded / event.total : 0);
    request.upload.onload = () => onSent(1);
    request.onprogress = () => answer.read();
    request.onload = () => {
      try {
        resolve(answer.finish());
      } catch (failure) {
        reject(failure);
      }
    };
    request.onerror = () => reject(new Failure(0));
    request.onabort = () => reject(new DOMException('Cancelled', 'AbortError'));
    signal.addEventListener('abort', () => request.abort(), { once: true });
    if (signal.aborted) {
      reject(new DOMException('Cancelled', 'AbortError'));
      return;
    }
    const form = new FormData();
    form.append('file', file, file.name);
    request.send(form);
  });
}

/** What comes back on one request: an event stream that ends in a result, or plain JSON. */
class Answer {
  #request;
  #read = 0;
  #result = null;
  #stream;

  constructor(request, onProgress) {
    this.#request = request;
    this.#stream = new EventStream((name, data) => {
      if (name === 'progress') onProgress(JSON.parse(data));
      else if (name === 'result') this.#result = data;
    });
  }

  #isStream() {
    return (this.#request.getResponseHeader('Content-Type') ?? '').startsWith('text/event-stream');
  }

  read() {
    if (!this.#isStream()) return;
    const text = this.#request.responseText;
    this.#stream.feed(text.slice(this.#read));
    this.#read = text.length;
  }

  finish() {
    const request = this.#request;
    this.read();
    const text = this.#isStream() ? this.#result : request.responseText;
    const wait = retryAfter(request.getResponseHeader('Retry-After'));
    let body;
    try {
      body = JSON.parse(text);
    } catch {
      body = null;
    }
    if (request.status === 200 && body?.embedding) return body;
    const label = body?.error ?? '';
    const detail = body?.detail ?? (body ? '' : 'What came back is not an answer of this service.');
    const status = request.status === 200 ? STATUS_OF_LABEL.get(label) ?? 500 : request.status;
    throw new Failure(status, { label, detail, retryAfter: wait });
  }
}

/** /health, whatever its status says; rejects where the service does not answer. */
export async function health() {
  const response = await fetch('/health', { headers: authorization(), cache: 'no-store', signal: AbortSignal.timeout(5000) });
  return response.json();
}

/** The samples of /metrics (metrics.js); none where the service does not give them. */
export async function metrics() {
  const response = await fetch('/metrics', { headers: authorization(), cache: 'no-store', signal: AbortSignal.timeout(5000) });
  return response.ok ? samples(await response.text()) : [];
}
