// How long to wait before the next try.
import assert from "node:assert/strict";
import { test } from "node:test";

import { defaultRetryPolicy, parseRetryAfter, retryDelay } from "../../src/retry.js";

const now = Date.parse("2026-01-02T03:04:05Z");

test("Retry-After is whole seconds", () => {
  assert.equal(parseRetryAfter("0"), 0);
  assert.equal(parseRetryAfter(" 120 "), 120_000);
});

test("Retry-After is an HTTP date, and a past one is now", () => {
  assert.equal(parseRetryAfter("Fri, 02 Jan 2026 03:04:15 GMT", now), 10_000);
  assert.equal(parseRetryAfter("Friday, 02-Jan-26 03:04:15 GMT", now), 10_000);
  assert.equal(parseRetryAfter("Fri, 02 Jan 2026 03:04:00 GMT", now), 0);
});

test("anything else is no Retry-After", () => {
  for (const value of [null, "", "-1", "1.5", "soon", "1e3", "2026-01-02"]) assert.equal(parseRetryAfter(value, now), undefined, String(value));
});

test("pauses double up to a limit, and half of each is chance", () => {
  const policy = { ...defaultRetryPolicy, baseDelayMs: 100, maxDelayMs: 1000 };
  const longest = [0, 1, 2, 3, 4, 50].map((retry) => retryDelay(policy, retry, undefined, () => 1));
  const shortest = [0, 1, 2, 3, 4, 50].map((retry) => retryDelay(policy, retry, undefined, () => 0));
  assert.deepEqual(longest, [100, 200, 400, 800, 1000, 1000]);
  assert.deepEqual(shortest, [50, 100, 200, 400, 500, 500]);
});

test("Retry-After is never undercut, and bounded", () => {
  const policy = { ...defaultRetryPolicy, baseDelayMs: 100, maxRetryAfterMs: 5000 };
  assert.equal(retryDelay(policy, 0, 3000, () => 0), 3000);
  assert.equal(retryDelay(policy, 0, 3000, () => 1), 3100);
  assert.equal(retryDelay(policy, 0, 9_000_000, () => 0), 5000);
});
