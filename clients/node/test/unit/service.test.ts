// EmbeddingService: answers with their files.
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";

import { cosineSimilarity, EmbeddingFileError, EmbeddingService } from "../../src/index.js";
import { clientOf, mockService } from "../support/fixture.js";
import { json, metadata, refusal, success } from "../support/mock_service.js";
import { scratchFile, scratchFolder } from "../support/scratch.js";

test("one file: the answer and the file's name, size, type and time", async (t) => {
  const service = await mockService(t, json(success()));
  const path = scratchFile(t, "holiday.MP4", "12345");
  const file = { name: "holiday.MP4", size: 5, mime: "video/mp4", mtime: statSync(path).mtime };
  assert.deepEqual(await new EmbeddingService(clientOf(service)).getEmbedding(path), { path, file, ...success() });
});

test("many files: one entry each, in order, repeated ones too", async (t) => {
  const service = await mockService(t, json(success()), json(refusal("Unsupported file type", "text"), 415));
  const [good, bad, none] = [scratchFile(t, "a.webp"), scratchFile(t, "b"), `${scratchFolder(t)}/c.png`];
  const results = await new EmbeddingService(clientOf(service, { concurrency: 1 })).getEmbeddings([good, bad, none, good]);
  assert.deepEqual(results.map(({ path }) => path), [good, bad, none, good]);
  assert.deepEqual(results.map(({ file }) => file?.mime), ["image/webp", "application/octet-stream", undefined, "image/webp"]);
  assert.deepEqual(results.map(({ error }) => error), [null, "Unsupported file type", "File not readable", null]);
  assert.deepEqual(results[1]?.debugMetadata, metadata);
});

test("one file that is not there rejects", async (t) => {
  const service = new EmbeddingService();
  await assert.rejects(service.getEmbedding(`${scratchFolder(t)}/none`), EmbeddingFileError);
});

test("similarity is the cosine", () => {
  const service = new EmbeddingService();
  assert.equal(service.similarity([1, 2, 3], [2, 4, 6]), 1);
  assert.equal(service.similarity([1, 0], [0, 5]), 0);
  assert.equal(service.similarity(new Float32Array([1, 0]), [-3, 0]), -1);
  assert.ok(Math.abs(cosineSimilarity([1, 0], [1, 1]) - Math.SQRT1_2) < 1e-15);
});

test("vectors that cannot be compared are a RangeError", () => {
  assert.throws(() => cosineSimilarity([1], [1, 2]), RangeError);
  assert.throws(() => cosineSimilarity([0, 0], [1, 2]), RangeError);
});
