// Trying again: exponential backoff with jitter, the service's Retry-After, and a bound on both.
import { setTimeout as wait } from "node:timers/promises";

import { EmbeddingError } from "./errors.js";

export interface RetryPolicy {
  /** How often a request is repeated after its first try. Default 6; 0 turns retries off. */
  maxRetries: number;
  /** The first pause, in milliseconds; each further one is twice as long. Default 250. */
  baseDelayMs: number;
  /** The longest pause of our own, in milliseconds. Default 10 000. */
  maxDelayMs: number;
  /** The longest pause that a Retry-After is granted, in milliseconds. Default 60 000. */
  maxRetryAfterMs: number;
}

export const defaultRetryPolicy: RetryPolicy = {
  maxRetries: 6,
  baseDelayMs: 250,
  maxDelayMs: 10_000,
  maxRetryAfterMs: 60_000,
};

/** Retry-After as milliseconds from `now`: whole seconds or an HTTP date; undefined where it is neither. */
export function parseRetryAfter(value: string | null, now = Date.now()): number | undefined {
  if (value === null) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  // Date.parse takes much that is no HTTP date, negative numbers among them; all HTTP dates begin with a weekday.
  const date = /^\s*(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * The pause before repeat number `retry` (from 0). Our own is drawn from the upper half of an exponentially growing span;
 * one that was asked for is kept to in full, with up to `baseDelayMs` on top, so that callers do not all come back at once.
 */
export function retryDelay(
  policy: RetryPolicy,
  retry: number,
  retryAfterMs: number | undefined,
  random: () => number = Math.random,
): number {
  if (retryAfterMs !== undefined) return Math.min(retryAfterMs, policy.maxRetryAfterMs) + random() * policy.baseDelayMs;
  return Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** retry) * (0.5 + random() / 2);
}

/** Resolves after `ms`; rejects with the signal's reason once it is aborted. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, signal && { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** Runs `attempt` until it succeeds, fails for good, or has been repeated `maxRetries` times. */
export async function withRetries<T>(
  policy: RetryPolicy,
  signal: AbortSignal | undefined,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let retry = 0; ; retry++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof EmbeddingError) || !error.retryable || retry >= policy.maxRetries) throw error;
      await pause(retryDelay(policy, retry, error.retryAfterMs), signal);
    }
  }
}
