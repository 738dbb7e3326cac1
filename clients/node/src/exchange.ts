// One HTTP request and the reading of its answer, with a deadline over both; whatever goes wrong gets one of our errors.
import { setMaxListeners } from "node:events";

import { EmbeddingConnectionError, EmbeddingFileError, EmbeddingTimeoutError } from "./errors.js";

export interface Request {
  url: URL;
  method: "GET" | "POST";
  headers: Record<string, string>;
  body?: FormData | string;
  /** For the whole exchange, the answer's last byte included. */
  timeoutMs: number;
  signal: AbortSignal | undefined;
  /** The file that the body is read from. */
  path?: string;
}

const unreachableCodes = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]);
const brokenCodes = new Set(["ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT", "UND_ERR_RES_CONTENT_LENGTH_MISMATCH"]);

/** Sends `request`, gives the answer to `read`, and leaves nothing open behind, however that ends. */
export async function exchange<T>(request: Request, read: (answer: Answer) => Promise<T>): Promise<T> {
  const { timeoutMs, signal } = request;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  if (signal) {
    // One signal for many requests is no leak, and Node would warn of one.
    setMaxListeners(0, signal);
    signal.addEventListener("abort", onAbort, { once: true });
  }
  const timer = setTimeout(() => controller.abort(new EmbeddingTimeoutError(timeoutMs)), timeoutMs);
  try {
    return await read(await send(request, controller.signal));
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
    // Frees the connection of an answer that nobody read to its end.
    controller.abort();
  }
}

async function send(request: Request, signal: AbortSignal): Promise<Answer> {
  const { url, method, headers, body } = request;
  // Where fetch may follow a redirect, undici sends one half of a tee() and keeps the other, all of the file, in memory for
  // the second request ("HTTP-network-or-cache fetch", step 8.2: cloneRequest). The service has no redirects.
  const redirect = "error";
  try {
    const response = await fetch(url, { method, headers, signal, redirect, ...(body !== undefined && { body }) });
    return new Answer(response, request, signal);
  } catch (error) {
    throw named(error, request, signal);
  }
}

/** What the service answered; its body can be read once, in one of two ways. */
export class Answer {
  constructor(
    readonly response: Response,
    private readonly request: Request,
    private readonly signal: AbortSignal,
  ) {}

  get contentType(): string {
    return (this.response.headers.get("content-type") ?? "").split(";", 1)[0]!.trim().toLowerCase();
  }

  async text(): Promise<string> {
    try {
      return await this.response.text();
    } catch (error) {
      throw named(error, this.request, this.signal);
    }
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    if (this.response.body === null) return;
    const reader = this.response.body.getReader();
    for (;;) {
      let chunk;
      try {
        chunk = await reader.read();
      } catch (error) {
        throw named(error, this.request, this.signal);
      }
      if (chunk.done) return;
      yield chunk.value;
    }
  }
}

/** The error to throw for one of fetch's. */
function named(error: unknown, request: Request, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  const cause = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
  if (cause.name === "NotReadableError") {
    return new EmbeddingFileError(request.path ?? "", "cannot be read, or changed while it was sent", error);
  }
  const code = cause.code ?? "";
  const unreachable = unreachableCodes.has(code);
  return new EmbeddingConnectionError(`${request.url.origin}: ${cause.message || code}`, unreachable, {
    cause: error,
    retryable: unreachable || brokenCodes.has(code),
  });
}
