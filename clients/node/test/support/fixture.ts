// What most tests begin with: a mock service, and a client of it that does not wait long between tries.
import type { TestContext } from "node:test";

import { EmbeddingHttpClient, type EmbeddingHttpClientOptions } from "../../src/index.js";
import { MockService, type Behaviour } from "./mock_service.js";

export async function mockService(test: TestContext, ...behaviours: Behaviour[]): Promise<MockService> {
  const service = await MockService.start(...behaviours);
  test.after(() => service.stop());
  return service;
}

export const quickRetry = { maxRetries: 3, baseDelayMs: 1, maxDelayMs: 5, maxRetryAfterMs: 5 };

export function clientOf(service: MockService, options: EmbeddingHttpClientOptions = {}): EmbeddingHttpClient {
  return new EmbeddingHttpClient({ serviceUrl: service.url, retry: quickRetry, ...options });
}
