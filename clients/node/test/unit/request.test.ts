// What is sent for a file, and what a good answer becomes.
import assert from "node:assert/strict";
import { test } from "node:test";

import { EmbeddingHttpClient } from "../../src/index.js";
import { clientOf, mockService } from "../support/fixture.js";
import { json, success } from "../support/mock_service.js";
import { scratchFile } from "../support/scratch.js";

test("a file goes as the one part of a form, with its name, type and content", async (t) => {
  const service = await mockService(t, json(success()));
  await clientOf(service).getEmbedding(scratchFile(t, "Über see.JPG", "content of the picture"));
  const [request] = service.received;
  assert.equal(request?.method, "POST");
  assert.equal(request?.url, "/embed");
  assert.match(request?.headers["content-type"] ?? "", /^multipart\/form-data; boundary=/);
  assert.equal(Number(request?.headers["content-length"]), request?.body.length);
  const body = request?.body.toString() ?? "";
  assert.equal(body.match(/content-disposition/gi)?.length, 1);
  assert.match(body, /name="file"; filename="Über see\.JPG"\r\nContent-Type: image\/jpeg\r\n\r\ncontent of the picture\r\n--/);
});

test("an empty file is sent as it is", async (t) => {
  const service = await mockService(t, json(success()));
  await clientOf(service).getEmbedding(scratchFile(t, "empty.png", ""));
  assert.match(service.received[0]?.body.toString() ?? "", /image\/png\r\n\r\n\r\n--/);
});

test("the answer comes as it was given", async (t) => {
  const answer = { ...success([0.1, -0.2, 3e-9]), frames: [{ time: 1.5, reason: "cut", scene: 0, score: 0.5, entropy: 7, embedding: [1] }] };
  const service = await mockService(t, json(answer));
  assert.deepEqual(await clientOf(service).getEmbedding(scratchFile(t)), answer);
});

test("parameters go into the query, and only those that were given", async (t) => {
  const service = await mockService(t, json(success()));
  const path = scratchFile(t);
  await clientOf(service).getEmbedding(path, { frames: 12, sampling: "keyframes", normalize: false, augment: "flip", detail: "frames" });
  await clientOf(service).getEmbedding(path, { normalize: true });
  assert.equal(service.received[0]?.url, "/embed?frames=12&sampling=keyframes&normalize=false&augment=flip&detail=frames");
  assert.equal(service.received[1]?.url, "/embed?normalize=true");
});

test("an API key goes as a bearer token, own headers as they are", async (t) => {
  const service = await mockService(t, json(success()));
  await clientOf(service, { apiKey: "s3cret", headers: { "x-request-id": "mine" } }).getEmbedding(scratchFile(t));
  assert.equal(service.received[0]?.headers.authorization, "Bearer s3cret");
  assert.equal(service.received[0]?.headers["x-request-id"], "mine");
});

test("the service is at localhost:3456 unless told otherwise, and may be below a path", async (t) => {
  assert.equal(new EmbeddingHttpClient().serviceUrl, "http://localhost:3456");
  const service = await mockService(t, json(success()));
  await new EmbeddingHttpClient(`${service.url}/clip/`).getEmbedding(scratchFile(t));
  assert.equal(service.received[0]?.url, "/clip/embed");
});

test("files that the service has itself are named, not sent", async (t) => {
  const answers = { "a/b.jpg": success(), "c.jpg": { embedding: null, debugMetadata: null, error: "Not found", detail: null } };
  const service = await mockService(t, json(answers));
  assert.deepEqual(await clientOf(service).getEmbeddingsOfServedFiles(["a/b.jpg", "c.jpg"]), answers);
  assert.equal(service.received[0]?.headers["content-type"], "application/json");
  assert.deepEqual(JSON.parse(service.received[0]?.body.toString() ?? ""), { imagePaths: ["a/b.jpg", "c.jpg"] });
});

test("settings that make no sense are refused at once", () => {
  assert.throws(() => new EmbeddingHttpClient({ concurrency: 0 }), RangeError);
  assert.throws(() => new EmbeddingHttpClient({ timeoutMs: Number.NaN }), RangeError);
  assert.throws(() => new EmbeddingHttpClient("not a url"), TypeError);
});
