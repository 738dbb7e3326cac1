// The package as others get it: packed, installed in a folder of its own, imported, required, and compiled against.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { mockService } from "../support/fixture.js";
import { json, success } from "../support/mock_service.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const consumer = mkdtempSync(join(tmpdir(), "clipembed-consumer-"));
const run = (command: string, args: string[], cwd = consumer) => execFileSync(command, args, { cwd, encoding: "utf8" });
let files: string[] = [];

before(() => {
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--silent", "--pack-destination", consumer], root).replace(/^[^[]*/, ""));
  files = packed.files.map((file: { path: string }) => file.path);
  writeFileSync(join(consumer, "package.json"), '{ "private": true }');
  run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--silent", `./${packed.filename}`]);
});
after(() => rmSync(consumer, { recursive: true, force: true }));

test("it holds the compiled code, its declarations, the README, and nothing else", () => {
  const modules = files.filter((file) => /^dist\/(esm|cjs)\/\w+(\.d\.ts|\.js)$/.test(file));
  const rest = files.filter((file) => !modules.includes(file));
  assert.deepEqual(rest.sort(), ["README.md", "dist/cjs/package.json", "package.json"]);
  assert.ok(modules.length > 0);
});

test("it has no dependencies", () => {
  const lock = JSON.parse(readFileSync(join(consumer, "package-lock.json"), "utf8"));
  assert.deepEqual(Object.keys(lock.packages), ["", "node_modules/clipembed-client"]);
});

const program = `
const client = new EmbeddingHttpClient({ concurrency: 2 });
console.log(client.serviceUrl, typeof new EmbeddingService(client).getEmbeddings, cosineSimilarity([1, 0], [2, 0]));`;
const printed = "http://localhost:3456 function 1\n";

test("ES modules import it", () => {
  writeFileSync(join(consumer, "a.mjs"), `import { EmbeddingHttpClient, EmbeddingService, cosineSimilarity } from "clipembed-client";${program}`);
  assert.equal(run(process.execPath, ["a.mjs"]), printed);
});

test("CommonJS requires it", () => {
  writeFileSync(join(consumer, "b.cjs"), `const { EmbeddingHttpClient, EmbeddingService, cosineSimilarity } = require("clipembed-client");${program}`);
  assert.equal(run(process.execPath, ["b.cjs"]), printed);
});

/** Has every request go to SERVICE, as the examples know no free port. */
const redirected = `
const { fetch } = globalThis;
globalThis.fetch = ({ pathname, search }, init) => fetch(process.env.SERVICE + pathname + search, init);`;

const examples = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/^```js\n([^]*?)^```/gm)].map((match) => match[1]!);
const output = [/^2 openai\/clip-vit-base-patch32 - cpu\n$/, /^cat\.jpg \[ 0\.6, 0\.8 \]\nnone\.jpg failed: File not readable none\.jpg: no such file\n$/,
  /^\{\n? *name: 'cat\.jpg',[^]*\n1\n$/];

test("the README has an example for each expected output", () => assert.equal(examples.length, output.length));
examples.forEach((example, i) => {
  test(`the README's example ${i + 1} runs`, async (t) => {
    const service = await mockService(t, json(success()));
    const commonJs = example.includes("require(");
    const file = join(consumer, `readme${i}.${commonJs ? "cjs" : "mjs"}`);
    writeFileSync(file, commonJs ? `(async () => {${example}})();` : example);
    writeFileSync(join(consumer, "redirected.cjs"), redirected);
    for (const name of ["cat.jpg", "clip.mp4"]) writeFileSync(join(consumer, name), "picture");
    const args = ["--require", "./redirected.cjs", file, "cat.jpg", "none.jpg"];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: consumer, env: { ...process.env, SERVICE: service.url } });
    assert.match(stdout, output[i]!);
  });
});

test("the example application keeps media and finds what is alike", async (t) => {
  const vectors = [[1, 0], [0, 1], [0.8, 0.6]].map((vector) => json(success(vector)));
  const service = await mockService(t, json({}), ...vectors, json({ embedding: null, error: "Unsupported file type", detail: "text", debugMetadata: null }, 415));
  copyFileSync(join(process.env.EXAMPLE_API ?? join(root, "../../examples/api"), "server.mjs"), join(consumer, "server.mjs"));
  const env = { ...process.env, EMBEDDING_URL: service.url, PORT: "0" };
  const api = spawn(process.execPath, ["server.mjs"], { cwd: consumer, env, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => api.kill("SIGKILL"));
  let log = "";
  for await (const text of api.stdout.iterator({ destroyOnReturn: false })) if ((log += text).includes("listening")) break;
  const url = /listening at (\S+)/.exec(log)![1]!;

  for (const name of ["a.jpg", "b.jpg", "c.mp4"]) {
    const response = await fetch(`${url}/media?name=${name}`, { method: "POST", body: name });
    assert.equal(response.status, 200);
  }
  const similar = await (await fetch(`${url}/media/1/similar`)).json();
  assert.deepEqual(similar, [
    { id: "3", name: "c.mp4", size: 5, mime: "video/mp4", similarity: 0.8 },
    { id: "2", name: "b.jpg", size: 5, mime: "image/jpeg", similarity: 0 },
  ]);
  assert.equal((await fetch(`${url}/media?name=d.jpg`, { method: "POST", body: "text" })).status, 415);
  assert.equal((await fetch(`${url}/media/9/similar`)).status, 404);
  const exit = once(api, "exit");
  api.kill("SIGTERM");
  assert.deepEqual(await exit, [0, null]);
});

const typed = `
import { EmbeddingHttpClient, EmbeddingHttpError, type EmbeddingResult, type FileMetadata } from "clipembed-client";
export async function first(paths: string[]): Promise<number[] | string> {
  const results: Record<string, EmbeddingResult> = await new EmbeddingHttpClient().getEmbeddings(paths, {
    onProgress: ({ processed, total }) => processed / total,
  });
  for (const result of Object.values(results)) return result.embedding === null ? result.error : result.embedding;
  throw new EmbeddingHttpError(404, "none", null, null);
}
export const name = (file: FileMetadata): string => file.name;
// @ts-expect-error: no such option.
new EmbeddingHttpClient({ port: 1 });
`;

test("TypeScript finds its types, from ES modules and from CommonJS", () => {
  writeFileSync(join(consumer, "c.mts"), typed);
  writeFileSync(join(consumer, "d.cts"), typed);
  const require = createRequire(import.meta.url);
  const typeRoots = join(require.resolve("@types/node/package.json"), "../..");
  run(process.execPath, [require.resolve("typescript/bin/tsc"), "--noEmit", "--strict", "--module", "nodenext", "--target", "es2022",
    "--typeRoots", typeRoots, "--types", "node", "c.mts", "d.cts"]);
});
