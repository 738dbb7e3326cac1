// What else the service can be asked.
import assert from "node:assert/strict";
import { test } from "node:test";

import { EmbeddingConnectionError, EmbeddingHttpError, EmbeddingProtocolError } from "../../src/index.js";
import { clientOf, mockService } from "../support/fixture.js";
import { hang, json, refusal, reset, text } from "../support/mock_service.js";

const health = {
  status: "ok", uptime_seconds: 12.5, processed_files: 3, gpu_available: false, model_loaded: true,
  model_name: "openai/clip-vit-base-patch32", device: "cpu",
};

test("health is given as it is, also by a service that is not ready", async (t) => {
  const loading = { ...health, status: "loading", model_loaded: false };
  const service = await mockService(t, json(health), json(loading, 503));
  const client = clientOf(service);
  assert.deepEqual(await client.health(), health);
  assert.deepEqual(await client.health(), loading);
  assert.deepEqual(service.received.map(({ method, url }) => [method, url]), [["GET", "/health"], ["GET", "/health"]]);
});

test("something else than health is an error", async (t) => {
  const service = await mockService(t, json({ hello: 1 }), text("<html>", "text/html"), json(refusal("Not found", "x"), 404), reset);
  const client = clientOf(service);
  await assert.rejects(client.health(), EmbeddingProtocolError);
  await assert.rejects(client.health(), EmbeddingProtocolError);
  await assert.rejects(client.health(), EmbeddingHttpError);
  await assert.rejects(client.health(), EmbeddingConnectionError);
});

test("waitUntilReady asks until the service is ready", async (t) => {
  const service = await mockService(t, reset, json({}, 503), json({}, 503), json({}));
  await clientOf(service).waitUntilReady();
  assert.deepEqual(service.received.map(({ url }) => url), Array.from({ length: 4 }, () => "/health/ready"));
});

test("waitUntilReady ends after its time, or when it is told to", async (t) => {
  const service = await mockService(t, json({}, 503));
  await assert.rejects(clientOf(service).waitUntilReady({ timeoutMs: 20 }), /was not ready within 20 ms/);
  const hanging = await mockService(t, hang);
  const controller = new AbortController();
  const call = clientOf(hanging).waitUntilReady({ signal: controller.signal });
  await hanging.arrived(1);
  controller.abort(new Error("enough"));
  await assert.rejects(call, /enough/);
});

test("metrics are text, GPU metrics and the contract are objects, and all are tried again", async (t) => {
  const service = await mockService(t, json({}, 503), text("a_total 1\n", "text/plain"), json({ error: "CUDA not available" }), json({ openapi: "3.1.0" }));
  const client = clientOf(service);
  assert.equal(await client.metrics(), "a_total 1\n");
  assert.deepEqual(await client.gpuMetrics(), { error: "CUDA not available" });
  assert.deepEqual(await client.openApi(), { openapi: "3.1.0" });
  assert.deepEqual(service.received.map(({ url }) => url), ["/metrics", "/metrics", "/metrics/gpu", "/openapi.json"]);
});
