// The client with the real daemon.
import assert from "node:assert/strict";
import { chmodSync, existsSync, readFileSync, statSync } from "node:fs";
import { test } from "node:test";

import { cosineSimilarity, EmbeddingHttpClient, EmbeddingHttpError, EmbeddingService, type Progress } from "../../src/index.js";
import { Daemon, reference, skip } from "../support/daemon.js";
import { scratchFile, scratchFolder } from "../support/scratch.js";

const photo = `${reference}/images/fruits.jpg`;
const video = "/usr/share/doc/opencv-doc/examples/data/Megamind.avi";
const noVideo = skip || (existsSync(video) ? false : `${video} is missing`);

test("a photo's vector is transformers'", { skip }, async (t) => {
  const daemon = await Daemon.start(t);
  const golden = JSON.parse(readFileSync(`${reference}/golden.json`, "utf8"));
  const { embedding, debugMetadata, file } = await new EmbeddingService(new EmbeddingHttpClient(daemon.url)).getEmbedding(photo);
  assert.ok(cosineSimilarity(embedding, golden.images["fruits.jpg"]["model-a"].image_embeds) >= 0.99999);
  assert.equal(file.size, statSync(photo).size);
  assert.ok(debugMetadata.processing_time_ms >= 0);
  assert.match(debugMetadata.timestamp, /Z$/);
});

test("a video's progress has positions, and its frames their times and vectors", { skip: noVideo }, async (t) => {
  const client = new EmbeddingHttpClient((await Daemon.start(t)).url);
  const seen: Progress[] = [];
  const result = await client.getEmbedding(video, { frames: 5, detail: "frames", onProgress: (progress) => seen.push(progress) });
  assert.ok(result.frames!.length >= 5);
  assert.ok(result.frames!.every((frame) => frame.embedding.length === result.embedding.length && frame.time >= 0));
  assert.deepEqual(result.debugMetadata.selected_times, result.frames!.map((frame) => frame.time));
  assert.ok(seen.some((progress) => progress.position !== undefined && progress.duration !== undefined));
  assert.deepEqual(seen.at(-1), { processed: 1, total: 1, current: video });
});

test("what is no picture is refused, and fails no other", { skip }, async (t) => {
  const client = new EmbeddingHttpClient((await Daemon.start(t)).url);
  const text = scratchFile(t, "a.jpg", "not a picture at all");
  await assert.rejects(client.getEmbedding(text), (error) => error instanceof EmbeddingHttpError && error.status === 415);
  const results = await client.getEmbeddings([photo, text, `${scratchFolder(t)}/none.jpg`]);
  assert.deepEqual(Object.values(results).map(({ error }) => error), [null, "Unsupported file type", "File not readable"]);
});

test("files below the media root need no upload", { skip }, async (t) => {
  const client = new EmbeddingHttpClient((await Daemon.start(t, "--media-root", reference)).url);
  const results = await client.getEmbeddingsOfServedFiles(["images/fruits.jpg", "images/none.jpg"]);
  const uploaded = await client.getEmbedding(photo);
  assert.ok(cosineSimilarity(results["images/fruits.jpg"]?.embedding ?? [], uploaded.embedding) > 0.999999);
  assert.equal(results["images/none.jpg"]?.error, "File not found");
});

test("it tells about itself", { skip }, async (t) => {
  const daemon = await Daemon.start(t);
  const client = new EmbeddingHttpClient(daemon.url);
  await client.getEmbedding(photo);
  const health = await client.health();
  assert.deepEqual([health.status, health.model_loaded, health.processed_files, health.device], ["ok", true, 1, "cpu"]);
  assert.match(await client.metrics(), /^# TYPE /m);
  assert.ok("error" in (await client.gpuMetrics()) || "gpus" in (await client.gpuMetrics()));
  assert.equal((await client.openApi()).openapi, "3.1.0");
  assert.equal(await daemon.end("SIGTERM"), 0);
  assert.equal(await client.isReady(), false);
});

test("an API key is needed where the daemon has one", { skip }, async (t) => {
  const keys = scratchFile(t, "keys", "s3cret-s3cret-s3cret\n");
  chmodSync(keys, 0o600);
  const daemon = await Daemon.start(t, "--api-key-file", keys);
  await assert.rejects(new EmbeddingHttpClient(daemon.url).getEmbedding(photo), { status: 401 });
  const client = new EmbeddingHttpClient({ serviceUrl: daemon.url, apiKey: "s3cret-s3cret-s3cret" });
  assert.equal((await client.getEmbedding(photo)).error, null);
});
