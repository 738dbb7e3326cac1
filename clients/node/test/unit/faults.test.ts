// A service that misbehaves: what is tried again, what is not, and which error comes out.
import assert from "node:assert/strict";
import { truncateSync, writeFileSync } from "node:fs";
import { test } from "node:test";

import {
  EmbeddingConnectionError, EmbeddingFileError, EmbeddingHttpClient, EmbeddingHttpError, EmbeddingProcessingError,
  EmbeddingProtocolError, EmbeddingTimeoutError,
} from "../../src/index.js";
import { clientOf, mockService, quickRetry } from "../support/fixture.js";
import * as mock from "../support/mock_service.js";
import { scratchFile, scratchFolder } from "../support/scratch.js";

const { json, refusal, success, text } = mock;

const passing: [string, mock.Behaviour][] = [
  ["429", json(refusal("Queue full", "try later"), 429)],
  ["429 with Retry-After", json(refusal("Queue full", "try later"), 429, { "retry-after": "3600" })],
  ["503", json(refusal("Loading", "the model is being loaded"), 503)],
  ["503 of a proxy", text("<h1>Bad</h1>", "text/html", 503, { "retry-after": "Fri, 01 Jan 2100 00:00:00 GMT" })],
  ["a connection reset at once", mock.reset],
  ["a connection reset while the file is sent", mock.resetInBody],
  ["half a body", mock.halfBody],
  ["half a body of unknown length", mock.halfChunked],
];
for (const [name, fault] of passing) {
  test(`${name} is tried again, with the whole file`, async (t) => {
    const service = await mockService(t, fault, fault, json(success()));
    const result = await clientOf(service).getEmbedding(scratchFile(t, "a.bin", Buffer.alloc(300_000, "x")));
    assert.deepEqual(result.embedding, success().embedding);
    assert.equal(service.received.length, 3);
    assert.equal(service.received[2]?.body.length, Number(service.received[0]?.headers["content-length"]));
  });
}

for (const status of [400, 401, 403, 404, 405, 413, 415, 422, 500, 502, 504]) {
  test(`${status} is final, and says why`, async (t) => {
    const service = await mockService(t, json(refusal("A label", "and a cause"), status, { "retry-after": "1" }));
    await assert.rejects(clientOf(service).getEmbedding(scratchFile(t)), (error) => {
      assert.ok(error instanceof EmbeddingHttpError);
      assert.deepEqual([error.code, error.name, error.status], ["http", "EmbeddingHttpError", status]);
      assert.deepEqual([error.label, error.detail], ["A label", "and a cause"]);
      assert.equal(error.message, `HTTP ${status}: A label: and a cause`);
      assert.deepEqual(error.debugMetadata, mock.metadata);
      return true;
    });
    assert.equal(service.received.length, 1);
  });
}

test("after the last try, its error comes out", async (t) => {
  const service = await mockService(t, json(refusal("Queue full", "x"), 429, { "retry-after": "7" }));
  await assert.rejects(clientOf(service).getEmbedding(scratchFile(t)), (error) => {
    assert.ok(error instanceof EmbeddingHttpError);
    assert.deepEqual([error.status, error.retryable, error.retryAfterMs], [429, true, 7000]);
    return true;
  });
  assert.equal(service.received.length, 1 + quickRetry.maxRetries);
});

test("Retry-After is kept to", async (t) => {
  const service = await mockService(t, json(refusal("Queue full", "x"), 429, { "retry-after": "1" }), json(success()));
  const client = clientOf(service, { retry: { ...quickRetry, maxRetryAfterMs: 60_000 } });
  const begin = performance.now();
  await client.getEmbedding(scratchFile(t));
  // Timers count whole milliseconds.
  assert.ok(performance.now() - begin >= 999);
});

test("a service that is not there is an EmbeddingConnectionError that says so", async (t) => {
  const service = await mockService(t, json(success()));
  await service.stop();
  await assert.rejects(clientOf(service).getEmbedding(scratchFile(t)), (error) => {
    assert.ok(error instanceof EmbeddingConnectionError);
    assert.deepEqual([error.code, error.unreachable, error.retryable], ["connection", true, true]);
    assert.match(error.message, /^http:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED/);
    return true;
  });
});

test("a name that does not resolve is not tried again", async (t) => {
  const client = new EmbeddingHttpClient({ serviceUrl: "http://no-such-host.invalid", retry: { baseDelayMs: 1e9 } });
  await assert.rejects(client.getEmbedding(scratchFile(t)), EmbeddingConnectionError);
});

const nonsense: [string, mock.Behaviour][] = [
  ["JSON that is cut", text('{"embedding":[0.6', "application/json")],
  ["JSON that is no object", json([1, 2])],
  ["an object that is no answer", json({ hello: "world" })],
  ["an embedding of something else than numbers", json({ ...success(), embedding: [1, "2"] })],
  ["an empty embedding", json({ ...success(), embedding: [] })],
  ["no debugMetadata", json({ embedding: [1], error: null, detail: null })],
  ["another content type", text(JSON.stringify(success()), "text/html")],
  ["an event stream that nobody asked for", mock.events(mock.event("result", success()))],
];
for (const [name, fault] of nonsense) {
  test(`${name} is an EmbeddingProtocolError, and final`, async (t) => {
    const service = await mockService(t, fault);
    await assert.rejects(clientOf(service).getEmbedding(scratchFile(t)), EmbeddingProtocolError);
    assert.equal(service.received.length, 1);
  });
}

test("a failure with status 200 is an EmbeddingProcessingError", async (t) => {
  const service = await mockService(t, json(refusal("Processing failed", "no frames")));
  await assert.rejects(clientOf(service).getEmbedding(scratchFile(t)), (error) => {
    assert.ok(error instanceof EmbeddingProcessingError);
    assert.deepEqual([error.label, error.detail, error.retryable], ["Processing failed", "no frames", false]);
    return true;
  });
});

test("a redirect is not followed", async (t) => {
  const service = await mockService(t, json({}, 307, { location: "/elsewhere" }));
  await assert.rejects(clientOf(service).getEmbedding(scratchFile(t)), EmbeddingConnectionError);
  assert.equal(service.received.length, 1);
});

test("a slow answer is waited for", async (t) => {
  const service = await mockService(t, mock.trickle(success()));
  assert.deepEqual((await clientOf(service).getEmbedding(scratchFile(t))).embedding, success().embedding);
});

for (const [name, fault] of [["no answer", mock.hang], ["an answer that stops", mock.hangInBody]] as const) {
  test(`${name} within timeoutMs is tried again, and an EmbeddingTimeoutError in the end`, async (t) => {
    const service = await mockService(t, fault);
    await assert.rejects(clientOf(service, { timeoutMs: 40 }).getEmbedding(scratchFile(t)), (error) => {
      assert.ok(error instanceof EmbeddingTimeoutError);
      assert.deepEqual([error.code, error.timeoutMs], ["timeout", 40]);
      return true;
    });
    assert.equal(service.received.length, 1 + quickRetry.maxRetries);
  });
}

test("an answer before the file has been sent counts", async (t) => {
  const early: mock.Behaviour = (response) => {
    response.writeHead(413, { "content-type": "application/json", connection: "close" });
    response.end(JSON.stringify(refusal("Too large", "at most 1 MB")));
  };
  const service = await mockService(t, early);
  const path = scratchFile(t, "big.mp4", "");
  truncateSync(path, 200_000_000);
  await assert.rejects(clientOf(service).getEmbedding(path), (error) => {
    assert.ok(error instanceof EmbeddingHttpError);
    assert.equal(error.status, 413);
    return true;
  });
});

test("files that cannot be read are EmbeddingFileErrors, and nothing is sent", async (t) => {
  const service = await mockService(t, json(success()));
  const folder = scratchFolder(t);
  await assert.rejects(clientOf(service).getEmbedding(`${folder}/none.jpg`), (error) => {
    assert.ok(error instanceof EmbeddingFileError);
    assert.equal(error.message, `${folder}/none.jpg: no such file`);
    return true;
  });
  await assert.rejects(clientOf(service).getEmbedding(folder), { code: "file", message: `${folder}: not a regular file` });
  assert.equal(service.received.length, 0);
});

test("a file that changes while it is sent is an EmbeddingFileError, and final", async (t) => {
  const path = scratchFile(t, "a.mp4", Buffer.alloc(50_000_000));
  const change: mock.Behaviour = async (_response, read) => {
    writeFileSync(path, "another");
    await read();
  };
  const service = await mockService(t, change);
  await assert.rejects(clientOf(service).getEmbedding(path), EmbeddingFileError);
  assert.equal(service.received.length, 1);
});
