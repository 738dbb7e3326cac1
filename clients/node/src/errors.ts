// Why a request failed, as classes to tell apart by `instanceof` or, across copies of this package (ESM beside CommonJS),
// by `code`.
import type { FailureMetadata } from "./types.js";

export type EmbeddingErrorCode = "http" | "connection" | "timeout" | "protocol" | "processing" | "file";

interface Reason {
  cause?: unknown;
  retryable?: boolean;
  retryAfterMs?: number | undefined;
}

/** What all have in common. */
export abstract class EmbeddingError extends Error {
  abstract readonly code: EmbeddingErrorCode;
  /** A short label, as in an answer's `error`. */
  abstract readonly label: string;
  /** Whether the same request may succeed later. The client has retried these already, as often as it was told to. */
  readonly retryable: boolean;
  /** How long the service asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  readonly debugMetadata: FailureMetadata | null = null;

  constructor(message: string, { cause, retryable = false, retryAfterMs }: Reason = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.retryable = retryable;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The service said no: an HTTP status other than 200. 429 (its queue is full) and 503 (loading or draining) are retried. */
export class EmbeddingHttpError extends EmbeddingError {
  readonly code = "http";

  constructor(
    readonly status: number,
    readonly label: string,
    readonly detail: string | null,
    override readonly debugMetadata: FailureMetadata | null,
    retryAfterMs?: number,
  ) {
    super(`HTTP ${status}: ${label}${detail === null ? "" : `: ${detail}`}`, {
      retryable: status === 429 || status === 503,
      retryAfterMs,
    });
  }
}

/** The service did not take the request, or the connection ended before the answer did. Retried. */
export class EmbeddingConnectionError extends EmbeddingError {
  readonly code = "connection";
  readonly label = "Connection failed";

  constructor(
    message: string,
    /** Whether there was no connection at all, so that no other request would have had better luck. */
    readonly unreachable: boolean,
    reason: Reason,
  ) {
    super(message, reason);
  }
}

/** No complete answer within `timeoutMs`. Retried. */
export class EmbeddingTimeoutError extends EmbeddingError {
  readonly code = "timeout";
  readonly label = "Timed out";

  constructor(readonly timeoutMs: number) {
    super(`no complete answer within ${timeoutMs} ms`, { retryable: true });
  }
}

/** The answer is none of this service's: not JSON, the wrong content type, or fields missing. Look at `serviceUrl`. */
export class EmbeddingProtocolError extends EmbeddingError {
  readonly code = "protocol";
  readonly label = "Invalid answer";
}

// Labels of 429 and 503.
const passingLabels = new Set(["Too many requests", "Loading", "Draining", "Unavailable"]);

/**
 * The service took the file and could not embed it, and said so after its status line, as in an event stream: `label` and
 * `detail` say why. Retried where the label is one of 429's or 503's.
 */
export class EmbeddingProcessingError extends EmbeddingError {
  readonly code = "processing";

  constructor(
    readonly label: string,
    readonly detail: string | null,
    override readonly debugMetadata: FailureMetadata | null,
  ) {
    super(`${label}${detail === null ? "" : `: ${detail}`}`, { retryable: passingLabels.has(label) });
  }
}

/** The file cannot be read here: missing, a folder, no permission, or changed while it was sent. */
export class EmbeddingFileError extends EmbeddingError {
  readonly code = "file";
  readonly label = "File not readable";

  constructor(
    readonly path: string,
    why: string,
    cause: unknown,
  ) {
    super(`${path}: ${why}`, { cause });
  }
}
