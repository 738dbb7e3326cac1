// EmbeddingHttpClient: files to embeddings by way of a running clipembedd.
import { parseResults, parseSuccess, readHttpError, readObject, type Fields, type ServiceProgress } from "./answers.js";
import { EmbeddingConnectionError, EmbeddingError, EmbeddingHttpError, EmbeddingProtocolError } from "./errors.js";
import { exchange, type Answer, type Request } from "./exchange.js";
import { Limiter } from "./limiter.js";
import { fileForm } from "./media_file.js";
import { defaultRetryPolicy, pause, withRetries, type RetryPolicy } from "./retry.js";
import type { EmbeddingFailure, EmbeddingResult, EmbeddingSuccess, EmbedParameters, GpuMetrics, Health } from "./types.js";

export interface EmbeddingHttpClientOptions {
  /** Where clipembedd answers; a path is kept. Default http://localhost:3456. */
  serviceUrl?: string | URL;
  /** Sent as `Authorization: Bearer`, where the service wants a key. */
  apiKey?: string;
  /** How many requests this client has under way at a time, 1 or more. Default 8. */
  concurrency?: number;
  /**
   * The longest time for one try of a request, upload and answer, in milliseconds. Default 300 000, and no longer wait for
   * an answer to begin is possible with Node's fetch: for more, ask for progress, which begins the answer at once.
   */
  timeoutMs?: number;
  retry?: Partial<RetryPolicy>;
  /** Sent with every request. */
  headers?: Record<string, string>;
}

export interface Progress {
  /** Files done, failed ones included. */
  processed: number;
  total: number;
  /** The file that this is about. */
  current: string;
  /** How far it is into `current`, a video, in seconds. */
  position?: number;
  /** The video's length in seconds, where it is known. */
  duration?: number;
}

export interface RequestOptions {
  /** Ends the call: it rejects with the signal's reason. */
  signal?: AbortSignal;
}

export interface EmbedOptions extends EmbedParameters, RequestOptions {
  /** Called whenever a file is done and, for videos, on the way. What it throws, the call rejects with. */
  onProgress?: (progress: Progress) => void;
}

const healthTimeoutMs = 5_000;

export class EmbeddingHttpClient {
  readonly serviceUrl: string;
  readonly #timeoutMs: number;
  readonly #headers: Record<string, string>;
  readonly #retry: RetryPolicy;
  readonly #limiter: Limiter;

  constructor(options: EmbeddingHttpClientOptions | string = {}) {
    const { serviceUrl, apiKey, concurrency, timeoutMs, retry, headers } =
      typeof options === "string" ? { serviceUrl: options } as EmbeddingHttpClientOptions : options;
    this.serviceUrl = new URL(serviceUrl ?? "http://localhost:3456").href.replace(/\/+$/, "");
    this.#timeoutMs = positive("timeoutMs", timeoutMs ?? 300_000);
    this.#headers = { ...headers, ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }) };
    this.#retry = { ...defaultRetryPolicy, ...retry };
    this.#limiter = new Limiter(Math.floor(positive("concurrency", concurrency ?? 8)));
  }

  /** Embeds one file of this machine. Rejects with an EmbeddingError where that fails. */
  async getEmbedding(path: string, options: EmbedOptions = {}): Promise<EmbeddingSuccess> {
    const { onProgress, signal } = options;
    const onFile = onProgress && ((event: ServiceProgress) => onProgress(progressWithin(event, 0, 1, path)));
    const result = await this.#limiter.run(() => this.#embedFile(path, options, onFile, signal));
    onProgress?.({ processed: 1, total: 1, current: path });
    return result;
  }

  /**
   * Embeds files of this machine, each in a request of its own, and resolves with one entry for each path. A file that
   * fails is an entry with `embedding: null`, and the others go on; so the call itself rejects only when it is aborted.
   */
  async getEmbeddings(paths: readonly string[], options: EmbedOptions = {}): Promise<Record<string, EmbeddingResult>> {
    const { onProgress } = options;
    const unique = [...new Set(paths)];
    const results = new Map<string, EmbeddingResult>();
    // Ends what is under way, too, when one of the files rejects the call.
    const all = linkedController(options.signal);
    let unreachable: EmbeddingConnectionError | undefined;

    const embed = async (path: string): Promise<EmbeddingResult> => {
      const onFile =
        onProgress && ((event: ServiceProgress) => onProgress(progressWithin(event, results.size, unique.length, path)));
      try {
        return await this.#embedFile(path, options, onFile, all.signal);
      } catch (error) {
        if (!(error instanceof EmbeddingError)) throw error;
        if (error instanceof EmbeddingConnectionError && error.unreachable) unreachable ??= error;
        return failure(error);
      }
    };
    // Where there is no service after all retries, the files that have not begun need not find that out one by one.
    const embedInTurn = (path: string) =>
      this.#limiter.run(async () => (unreachable ? failure(unreachable) : await embed(path)));
    const finish = async (path: string) => {
      results.set(path, await embedInTurn(path));
      all.signal.throwIfAborted();
      onProgress?.({ processed: results.size, total: unique.length, current: path });
    };
    try {
      await Promise.all(unique.map(finish));
    } finally {
      all.abort();
    }
    // In the order of `paths`, not that of completion.
    return Object.fromEntries(unique.map((path) => [path, results.get(path) as EmbeddingResult]));
  }

  /**
   * Embeds files that the service itself can read: paths below its --media-root. Nothing is uploaded. Resolves as
   * getEmbeddings does, but rejects where the request as a whole fails.
   */
  async getEmbeddingsOfServedFiles(
    imagePaths: readonly string[],
    options: EmbedOptions = {},
  ): Promise<Record<string, EmbeddingResult>> {
    const { onProgress, signal } = options;
    const body = JSON.stringify({ imagePaths });
    const onEvent =
      onProgress &&
      ((event: ServiceProgress) => onProgress(progressWithin(event, event.processed, event.total, event.current)));
    const send = () => this.#postEmbed(options, { body, headers: { "content-type": "application/json" } }, onEvent, signal);
    return parseResults(await this.#limiter.run(() => withRetries(this.#retry, signal, send)));
  }

  /** The service's state, once and without retries, also while it is loading, draining or has failed. */
  async health({ signal }: RequestOptions = {}): Promise<Health> {
    const request = this.#request("/health", { method: "GET", timeoutMs: Math.min(healthTimeoutMs, this.#timeoutMs), signal });
    return await exchange(request, async (answer) => {
      // A service that is not ready may say so by its status too.
      if (answer.response.status !== 503 && !answer.response.ok) throw await readHttpError(answer);
      return parseHealth(await answer.text());
    });
  }

  /** Whether the service takes requests now. False, too, where nothing answers. */
  async isReady({ signal }: RequestOptions = {}): Promise<boolean> {
    const request = this.#request("/health/ready", { method: "GET", timeoutMs: Math.min(healthTimeoutMs, this.#timeoutMs), signal });
    try {
      return await exchange(request, async (answer) => answer.response.ok);
    } catch (error) {
      if (error instanceof EmbeddingError) return false;
      throw error;
    }
  }

  /** Resolves once the service is ready; rejects after `timeoutMs` (default 60 000) with what stood in the way. */
  async waitUntilReady({ signal, timeoutMs = 60_000 }: RequestOptions & { timeoutMs?: number } = {}): Promise<void> {
    const end = Date.now() + timeoutMs;
    while (!(await this.isReady({ ...(signal && { signal }) }))) {
      if (Date.now() >= end) {
        throw new EmbeddingConnectionError(`${this.serviceUrl} was not ready within ${timeoutMs} ms`, true, {});
      }
      await pause(Math.min(this.#retry.baseDelayMs, Math.max(1, end - Date.now())), signal);
    }
  }

  /** The service's metrics in Prometheus' text format. */
  async metrics(options: RequestOptions = {}): Promise<string> {
    return await this.#get("/metrics", options, async (answer) => {
      if (!answer.response.ok) throw await readHttpError(answer);
      return await answer.text();
    });
  }

  async gpuMetrics(options: RequestOptions = {}): Promise<GpuMetrics> {
    return (await this.#get("/metrics/gpu", options, readObject)) as GpuMetrics;
  }

  /** The service's contract: an OpenAPI document. */
  async openApi(options: RequestOptions = {}): Promise<Record<string, unknown>> {
    return await this.#get("/openapi.json", options, readObject);
  }

  // Whoever calls holds a place of the limiter, also while a file waits to be tried again: so a service that is down is
  // asked by few, not by all.
  async #embedFile(
    path: string,
    parameters: EmbedParameters,
    onEvent: ((event: ServiceProgress) => void) | undefined,
    signal: AbortSignal | undefined,
  ): Promise<EmbeddingSuccess> {
    return await withRetries(this.#retry, signal, async () => {
      signal?.throwIfAborted();
      // Opened anew for every try.
      const body = await fileForm(path);
      return parseSuccess(await this.#postEmbed(parameters, { body, path }, onEvent, signal));
    });
  }

  async #postEmbed(
    parameters: EmbedParameters,
    payload: Pick<Request, "body" | "path"> & { headers?: Record<string, string> },
    onEvent: ((event: ServiceProgress) => void) | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Fields> {
    const request = this.#request("/embed", { method: "POST", timeoutMs: this.#timeoutMs, signal, ...payload });
    for (const name of ["frames", "sampling", "normalize", "augment", "detail"] as const) {
      if (parameters[name] !== undefined) request.url.searchParams.set(name, String(parameters[name]));
    }
    if (onEvent) request.headers.accept = "text/event-stream, application/json;q=0.9";
    return await exchange(request, (answer) => readObject(answer, onEvent));
  }

  async #get<T>(path: string, { signal }: RequestOptions, read: (answer: Answer) => Promise<T>): Promise<T> {
    const request = () => this.#request(path, { method: "GET", timeoutMs: this.#timeoutMs, signal });
    return await withRetries(this.#retry, signal, () => exchange(request(), read));
  }

  #request(path: string, rest: Omit<Request, "url" | "headers"> & { headers?: Record<string, string> }): Request {
    const headers = { accept: "application/json", ...this.#headers, ...rest.headers };
    return { ...rest, url: new URL(this.serviceUrl + path), headers };
  }
}

function positive(name: string, value: number): number {
  if (!(value >= 1)) throw new RangeError(`${name} is ${value}; it must be at least 1`);
  return value;
}

function linkedController(signal: AbortSignal | undefined) {
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });
  return {
    signal: controller.signal,
    abort() {
      signal?.removeEventListener("abort", onAbort);
      controller.abort();
    },
  };
}

function progressWithin(event: ServiceProgress, processed: number, total: number, current: string): Progress {
  return {
    processed, total, current,
    ...(typeof event.position === "number" && { position: event.position }),
    ...(typeof event.duration === "number" && { duration: event.duration }),
  };
}

function failure(error: EmbeddingError): EmbeddingFailure {
  const detail = "detail" in error ? (error as EmbeddingHttpError).detail : error.message;
  return { embedding: null, debugMetadata: error.debugMetadata, error: error.label, detail };
}

function parseHealth(text: string): Health {
  try {
    const health = JSON.parse(text) as Health;
    if (typeof health.status === "string") return health;
  } catch {
    // Said below.
  }
  throw new EmbeddingProtocolError("GET /health answered something other than this service's health");
}
