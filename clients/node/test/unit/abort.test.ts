// AbortSignal ends a call wherever it is, with the signal's own reason.
import assert from "node:assert/strict";
import { test } from "node:test";

import { clientOf, mockService } from "../support/fixture.js";
import { hang, json, refusal, success, type Behaviour } from "../support/mock_service.js";
import { scratchFile } from "../support/scratch.js";

const reason = new Error("not needed any more");

test("before it begins: nothing is sent", async (t) => {
  const service = await mockService(t, json(success()));
  const call = clientOf(service).getEmbedding(scratchFile(t), { signal: AbortSignal.abort(reason) });
  await assert.rejects(call, (error) => error === reason);
  assert.equal(service.received.length, 0);
});

test("while the service works: its connection is closed", async (t) => {
  const controller = new AbortController();
  let closed: Promise<unknown> | undefined;
  const wait: Behaviour = (_response, _read, request) => {
    // Not events.once(), which rejects where the request is cut off in its middle: an error comes first then.
    closed = new Promise((resolve) => request.socket.once("close", resolve));
    request.resume();
    controller.abort(reason);
  };
  const service = await mockService(t, wait);
  const call = clientOf(service).getEmbedding(scratchFile(t), { signal: controller.signal });
  await assert.rejects(call, (error) => error === reason);
  await closed;
  assert.equal(service.received.length, 1);
});

test("between two tries", async (t) => {
  const controller = new AbortController();
  const service = await mockService(t, json(refusal("Loading", "x"), 503, { "retry-after": "3600" }));
  const client = clientOf(service, { retry: { maxRetryAfterMs: 3_600_000 } });
  const call = client.getEmbedding(scratchFile(t), { signal: controller.signal });
  await service.arrived(1);
  controller.abort(reason);
  await assert.rejects(call, (error) => error === reason);
});

test("many files: the whole call rejects, and those that waited are not sent", async (t) => {
  const controller = new AbortController();
  const service = await mockService(t, hang);
  const paths = Array.from({ length: 20 }, (_, i) => scratchFile(t, `${i}.jpg`));
  const call = clientOf(service, { concurrency: 4 }).getEmbeddings(paths, { signal: controller.signal });
  await service.arrived(4);
  controller.abort(reason);
  await assert.rejects(call, (error) => error === reason);
  assert.equal(service.received.length, 4);
});

test("one signal for many calls leaves no listeners behind and warns of none", async (t) => {
  const warnings: string[] = [];
  const onWarning = (warning: Error) => warnings.push(warning.message);
  process.on("warning", onWarning);
  t.after(() => process.off("warning", onWarning));
  const { signal } = new AbortController();
  const service = await mockService(t, json(success()));
  const client = clientOf(service, { concurrency: 16 });
  const paths = Array.from({ length: 40 }, (_, i) => scratchFile(t, `${i}.jpg`));
  await client.getEmbeddings(paths, { signal });
  await Promise.all(paths.map((path) => client.getEmbedding(path, { signal })));
  await new Promise(setImmediate);
  assert.deepEqual(warnings, []);
});
