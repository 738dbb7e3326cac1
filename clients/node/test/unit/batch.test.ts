// Many files in one call.
import assert from "node:assert/strict";
import { basename } from "node:path";
import { test } from "node:test";

import type { Progress } from "../../src/index.js";
import { clientOf, mockService, quickRetry } from "../support/fixture.js";
import { event, json, refusal, success, type Behaviour } from "../support/mock_service.js";
import { scratchFile, scratchFolder } from "../support/scratch.js";

/** Answers with the file's own size as its embedding, and refuses what is called bad. */
const bySize: Behaviour = async (response, read, request) => {
  const body = (await read()).toString();
  const name = /filename="([^"]*)"/.exec(body)?.[1] ?? "";
  const content = /\r\n\r\n([^]*)\r\n--/.exec(body)?.[1] ?? "";
  const answer = name.startsWith("bad") ? json(refusal("Unsupported file type", name), 415) : json(success([content.length]));
  await answer(response, async () => Buffer.alloc(0), request);
};

test("each path has its entry, in order, and a failed one fails no other", async (t) => {
  const service = await mockService(t, bySize);
  const paths = [scratchFile(t, "c.jpg", "123"), scratchFile(t, "bad.txt"), `${scratchFolder(t)}/none.jpg`, scratchFile(t, "a.jpg", "1")];
  const results = await clientOf(service).getEmbeddings(paths);
  assert.deepEqual(Object.keys(results), paths);
  assert.deepEqual(Object.values(results).map((result) => [result.embedding, result.error]), [
    [[3], null], [null, "Unsupported file type"], [null, "File not readable"], [[1], null],
  ]);
  assert.equal(results[paths[1]!]?.detail, "bad.txt");
  assert.equal(results[paths[2]!]?.detail, `${paths[2]}: no such file`);
});

test("a path that is given twice is sent once; no paths are no requests", async (t) => {
  const service = await mockService(t, bySize);
  const path = scratchFile(t);
  assert.deepEqual(Object.keys(await clientOf(service).getEmbeddings([path, path])), [path]);
  assert.deepEqual(await clientOf(service).getEmbeddings([]), {});
  assert.equal(service.received.length, 1);
});

test("names that mean something to JavaScript are names", async (t) => {
  const service = await mockService(t, bySize);
  const folder = scratchFolder(t);
  const before = process.cwd();
  process.chdir(folder);
  t.after(() => process.chdir(before));
  const results = await clientOf(service).getEmbeddings(["__proto__"]);
  assert.deepEqual(Object.keys(results), ["__proto__"]);
});

test("no more than `concurrency` requests are under way, over all calls of a client", async (t) => {
  let open = 0;
  let most = 0;
  const waiting: (() => void)[] = [];
  // Answers in groups of five, so that a sixth would be seen.
  const inGroups: Behaviour = async (response, read, request) => {
    most = Math.max(most, ++open);
    const group = new Promise<void>((resolve) => waiting.push(resolve));
    if (waiting.length === 5) for (const go of waiting.splice(0)) setImmediate(go);
    await group;
    open--;
    await json(success())(response, read, request);
  };
  const service = await mockService(t, inGroups);
  const client = clientOf(service, { concurrency: 5 });
  const paths = Array.from({ length: 20 }, (_, i) => scratchFile(t, `${i}.jpg`));
  await Promise.all([client.getEmbeddings(paths.slice(0, 10)), ...paths.slice(10).map((path) => client.getEmbedding(path))]);
  assert.equal(most, 5);
});

test("where there is no service, the files that had not begun fail at once with the same error", async (t) => {
  const service = await mockService(t, bySize);
  await service.stop();
  const paths = Array.from({ length: 50 }, (_, i) => scratchFile(t, `${i}.jpg`));
  // 50 files one after the other with their own retries would take more than an hour.
  const client = clientOf(service, { concurrency: 1, retry: { ...quickRetry, maxRetries: 1, baseDelayMs: 2000, maxDelayMs: 2000 } });
  const results = Object.values(await client.getEmbeddings(paths));
  assert.equal(results.length, 50);
  assert.ok(results.every((result) => result.error === "Connection failed"));
});

test("progress counts files, and passes on what the service says of the current one", async (t) => {
  const stream = event("progress", { processed: 0, total: 1, current: "x", position: 2.5, duration: 10 }) + event("result", success());
  const streaming: Behaviour = async (response, read) => {
    const name = /filename="([^"]*)"/.exec((await read()).toString())?.[1];
    response.writeHead(200, { "content-type": name === "v.mp4" ? "text/event-stream" : "application/json" });
    response.end(name === "v.mp4" ? stream : JSON.stringify(success()));
  };
  const service = await mockService(t, streaming);
  const paths = [scratchFile(t, "a.jpg"), scratchFile(t, "v.mp4"), `${scratchFolder(t)}/none.jpg`];
  const seen: Progress[] = [];
  await clientOf(service, { concurrency: 1 }).getEmbeddings(paths, { onProgress: (progress) => seen.push(progress) });
  const [a, v, none] = paths as [string, string, string];
  assert.deepEqual(seen, [
    { processed: 1, total: 3, current: a },
    { processed: 1, total: 3, current: v, position: 2.5, duration: 10 },
    { processed: 2, total: 3, current: v },
    { processed: 3, total: 3, current: none },
  ]);
  assert.ok(service.received.every((request) => request.headers.accept?.startsWith("text/event-stream")), basename(a));
});

test("what onProgress throws, the call rejects with", async (t) => {
  const service = await mockService(t, bySize);
  const mine = new TypeError("mine");
  const paths = [scratchFile(t, "a.jpg"), scratchFile(t, "b.jpg")];
  const onProgress = () => {
    throw mine;
  };
  await assert.rejects(clientOf(service).getEmbeddings(paths, { onProgress }), (error) => error === mine);
  await assert.rejects(clientOf(service).getEmbedding(paths[0]!, { onProgress }), (error) => error === mine);
});
