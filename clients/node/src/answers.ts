// Takes the service's answers apart and checks them: what comes out has the types of types.ts, or an error is thrown.
import { EmbeddingConnectionError, EmbeddingHttpError, EmbeddingProcessingError, EmbeddingProtocolError } from "./errors.js";
import { parseEvents } from "./event_stream.js";
import type { Answer } from "./exchange.js";
import { parseRetryAfter } from "./retry.js";
import type { EmbeddingResult, EmbeddingSuccess, FailureMetadata } from "./types.js";

/** A progress event as the service sends it. */
export interface ServiceProgress {
  processed: number;
  total: number;
  current: string;
  position?: number;
  duration?: number;
}

export type Fields = Record<string, unknown>;

/** The JSON object of an answer with status 200, or of the `result` event of a stream. */
export async function readObject(answer: Answer, onProgress?: (progress: ServiceProgress) => void): Promise<Fields> {
  if (!answer.response.ok) throw await readHttpError(answer);
  if (answer.contentType === "application/json") return parseObject(await answer.text());
  if (answer.contentType === "text/event-stream" && onProgress) return readEvents(answer, onProgress);
  throw new EmbeddingProtocolError(`an answer of type "${answer.contentType}" where JSON was expected`);
}

async function readEvents(answer: Answer, onProgress: (progress: ServiceProgress) => void): Promise<Fields> {
  for await (const { event, data } of parseEvents(answer.chunks())) {
    if (event === "result") return parseObject(data);
    if (event === "progress") onProgress(parseObject(data) as unknown as ServiceProgress);
  }
  throw new EmbeddingConnectionError("the connection ended before the result came", false, { retryable: true });
}

/** The error of an answer with another status than 200, whoever gave it: proxies answer in HTML. */
export async function readHttpError(answer: Answer): Promise<EmbeddingHttpError> {
  const { status, statusText, headers } = answer.response;
  let fields: Fields = {};
  try {
    if (answer.contentType === "application/json") fields = parseObject(await answer.text());
  } catch (error) {
    if (!(error instanceof EmbeddingProtocolError)) throw error;
  }
  const label = textOrNull(fields.error) ?? (statusText || `status ${status}`);
  const retryAfter = parseRetryAfter(headers.get("retry-after"));
  return new EmbeddingHttpError(status, label, textOrNull(fields.detail), metadataOrNull(fields), retryAfter);
}

/** One file's answer, or the error that it says. */
export function parseSuccess(fields: Fields): EmbeddingSuccess {
  const result = parseResult(fields);
  if (result.embedding !== null) return result;
  throw new EmbeddingProcessingError(result.error, result.detail, result.debugMetadata);
}

/** One file's answer, successful or not. */
export function parseResult(value: unknown): EmbeddingResult {
  if (!isObject(value)) throw new EmbeddingProtocolError("an answer that is no object");
  if (value.embedding === null && typeof value.error === "string") {
    return { embedding: null, debugMetadata: metadataOrNull(value), error: value.error, detail: textOrNull(value.detail) };
  }
  if (!isVector(value.embedding)) throw new EmbeddingProtocolError("an answer whose `embedding` is no array of numbers");
  if (!isObject(value.debugMetadata)) throw new EmbeddingProtocolError("an answer without `debugMetadata`");
  return value as unknown as EmbeddingSuccess;
}

/** The answer for several files, by name. */
export function parseResults(fields: Fields): Record<string, EmbeddingResult> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, parseResult(value)]));
}

function parseObject(json: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new EmbeddingProtocolError(`an answer that is not JSON: ${(error as Error).message}`, { cause: error });
  }
  if (!isObject(value)) throw new EmbeddingProtocolError("an answer that is no JSON object");
  return value;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isVector(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 && value.every((number) => Number.isFinite(number));
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function metadataOrNull(fields: Fields): FailureMetadata | null {
  return isObject(fields.debugMetadata) ? (fields.debugMetadata as unknown as FailureMetadata) : null;
}
