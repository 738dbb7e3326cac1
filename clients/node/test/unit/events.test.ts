// Event streams: the format, and answers that come as one.
import assert from "node:assert/strict";
import { test } from "node:test";

import { EmbeddingConnectionError, EmbeddingProcessingError, EmbeddingProtocolError } from "../../src/index.js";
import { parseEvents, type ServerEvent } from "../../src/event_stream.js";
import { clientOf, mockService, quickRetry } from "../support/fixture.js";
import { event, events, refusal, success } from "../support/mock_service.js";
import { scratchFile } from "../support/scratch.js";

async function parse(text: string, chunkSize = text.length * 4): Promise<ServerEvent[]> {
  const bytes = new TextEncoder().encode(text);
  async function* chunks() {
    for (let i = 0; i < bytes.length; i += chunkSize) yield bytes.subarray(i, i + chunkSize);
  }
  const found: ServerEvent[] = [];
  for await (const one of parseEvents(chunks())) found.push(one);
  return found;
}

test("fields, comments, several lines of data, and the default name", async () => {
  assert.deepEqual(await parse(": hello\nevent: progress\ndata: a\ndata:b\ndata:  c\nid: 7\n\ndata\n\n"), [
    { event: "progress", data: "a\nb\n c" },
    { event: "message", data: "" },
  ]);
});

test("a name without data is no event, and the next one does not inherit it", async () => {
  assert.deepEqual(await parse("event: x\n\ndata: y\n\n"), [{ event: "message", data: "y" }]);
});

test("an event that is not ended is dropped", async () => {
  assert.deepEqual(await parse("data: a\n\ndata: b\n"), [{ event: "message", data: "a" }]);
});

for (const [name, end] of [["LF", "\n"], ["CR", "\r"], ["CRLF", "\r\n"]] as const) {
  test(`lines end in ${name}, wherever chunks end`, async () => {
    const text = ["event: é€😀", "data: 1: 2", "data: é€😀", "", "data: z", "", ""].join(end);
    for (let size = 1; size < 12; size++) {
      assert.deepEqual(await parse(text, size), [
        { event: "é€😀", data: "1: 2\né€😀" },
        { event: "message", data: "z" },
      ], `chunks of ${size}`);
    }
  });
}

const onProgress = () => {};

test("the result of a stream is the answer; events of other names are passed over", async (t) => {
  const service = await mockService(t, events(": ping\n\n" + event("news", {}) + event("result", success([1]))));
  assert.deepEqual((await clientOf(service).getEmbedding(scratchFile(t), { onProgress })).embedding, [1]);
});

test("a stream that breaks off, or ends without a result, is tried again", async (t) => {
  const progress = event("progress", { processed: 0, total: 1, current: "a" });
  const service = await mockService(t, events(progress, { cut: true }), events(progress), events(event("result", success([2]))));
  assert.deepEqual((await clientOf(service).getEmbedding(scratchFile(t), { onProgress })).embedding, [2]);
  assert.equal(service.received.length, 3);
});

test("a stream that never has a result fails in the end", async (t) => {
  const service = await mockService(t, events(""));
  await assert.rejects(clientOf(service).getEmbedding(scratchFile(t), { onProgress }), EmbeddingConnectionError);
  assert.equal(service.received.length, 1 + quickRetry.maxRetries);
});

test("a failure in a stream says what failed", async (t) => {
  const service = await mockService(t, events(event("result", refusal("Processing failed", "no frames"))));
  await assert.rejects(clientOf(service).getEmbedding(scratchFile(t), { onProgress }), (error) => {
    assert.ok(error instanceof EmbeddingProcessingError);
    assert.equal(error.message, "Processing failed: no frames");
    return true;
  });
});

test("a service that ends in the middle of a stream is tried again", async (t) => {
  const service = await mockService(t, events(event("result", refusal("Draining", "x"))), events(event("result", success([3]))));
  assert.deepEqual((await clientOf(service).getEmbedding(scratchFile(t), { onProgress })).embedding, [3]);
});

test("events that are not JSON are an EmbeddingProtocolError", async (t) => {
  const service = await mockService(t, events("event: progress\ndata: {\n\n"));
  await assert.rejects(clientOf(service).getEmbedding(scratchFile(t), { onProgress }), EmbeddingProtocolError);
});
