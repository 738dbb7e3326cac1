// A small application on top of clipembedd: it keeps photos and videos, and finds the ones that look alike.
//
//   curl --data-binary @cat.jpg   'http://localhost:3000/media?name=cat.jpg'     -> {"id":"1",...}
//   curl 'http://localhost:3000/media/1/similar'                                 -> [{"id":"7","name":...,"similarity":0.93},...]
//
// Settings are environment variables: EMBEDDING_URL (http://localhost:3456), PORT (3000), HOST (127.0.0.1). Vectors are kept
// in memory; a real application puts them into a database.
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";

import { EmbeddingError, EmbeddingHttpClient, EmbeddingService } from "clipembed-client";

const client = new EmbeddingHttpClient({ serviceUrl: process.env.EMBEDDING_URL ?? "http://localhost:3456" });
const service = new EmbeddingService(client);
const media = new Map(); // id -> { id, name, size, mime, embedding }

class NotFound extends Error {}

/** POST /media?name=NAME: keeps the body for as long as it takes to embed it. */
async function addMedia(request, url, response) {
  const name = basename(url.searchParams.get("name") ?? "upload");
  const folder = await mkdtemp(join(tmpdir(), "api-"));
  // A client that goes away ends the work for it.
  const controller = new AbortController();
  response.once("close", () => controller.abort());
  try {
    const path = join(folder, name);
    await pipeline(request, createWriteStream(path));
    const { file, embedding, debugMetadata } = await service.getEmbedding(path, { signal: controller.signal });
    const entry = { id: String(media.size + 1), name: file.name, size: file.size, mime: file.mime, embedding };
    media.set(entry.id, entry);
    return { ...summary(entry), dimensions: embedding.length, frames: debugMetadata.num_frames ?? 1 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** GET /media/ID/similar: the others, the most alike first. */
function findSimilar(id) {
  const wanted = media.get(id);
  if (!wanted) throw new NotFound(`no media ${id}`);
  return [...media.values()]
    .filter((entry) => entry !== wanted)
    .map((entry) => ({ ...summary(entry), similarity: service.similarity(wanted.embedding, entry.embedding) }))
    .sort((a, b) => b.similarity - a.similarity);
}

const summary = ({ id, name, size, mime }) => ({ id, name, size, mime });

async function answer(request, response) {
  const url = new URL(request.url, "http://localhost");
  const similar = /^\/media\/(\w+)\/similar$/.exec(url.pathname);
  if (request.method === "POST" && url.pathname === "/media") return await addMedia(request, url, response);
  if (request.method === "GET" && url.pathname === "/media") return [...media.values()].map(summary);
  if (request.method === "GET" && similar) return findSimilar(similar[1]);
  if (request.method === "GET" && url.pathname === "/health") return { status: "ok", embedding: await service.checkHealth() };
  throw new NotFound(`no ${request.method} ${url.pathname}`);
}

/** What is wrong with the file is the caller's to know; what is wrong with the service is a 502. */
function statusOf(error) {
  if (error instanceof NotFound) return 404;
  if (error instanceof EmbeddingError) return error.status >= 400 && error.status < 500 && error.status !== 401 ? error.status : 502;
  return 500;
}

const server = createServer(async (request, response) => {
  let status = 200;
  let body;
  try {
    body = await answer(request, response);
  } catch (error) {
    status = statusOf(error);
    body = { error: error.message };
  }
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body) + "\n");
});

console.log(`waiting for ${client.serviceUrl}`);
await client.waitUntilReady({ timeoutMs: 600_000 });
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? "127.0.0.1", () => {
  const { address, port } = server.address();
  console.log(`listening at http://${address}:${port}`);
});
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.once(signal, () => {
    server.close();
    server.closeIdleConnections();
  });
}
