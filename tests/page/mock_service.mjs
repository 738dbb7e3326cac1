// A stand-in for the daemon: serves the page with the daemon's security headers, and answers /embed as a test scripts it.
//
//   const service = await MockService.start();
//   service.script('a.jpg', refuse(429, {retryAfter: 1}));     the first request for a.jpg; later ones succeed
//   const gate = service.hold('b.mp4');                        b.mp4 gets no answer until the test says so
//   gate.progress({...}); gate.finish();
//
// Alone, it is a place to work on the page:   node mock_service.mjs [PORT]
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));
export const PAGE = path.resolve(HERE, '../../tools/clipembedd/page');
export const POLICY = "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob: data:; object-src 'none'; "
  + "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml' };
const DIMENSIONS = 512;

/** A step of a script: this failure, once. */
export function refuse(status, { error = 'Refused', detail = null, retryAfter = null } = {}) {
  return ({ response }) => send(response, status, { embedding: null, debugMetadata: null, error, detail }, retryAfter ? { 'Retry-After': retryAfter } : {});
}

/** A step: the failure comes inside the event stream, after its 200. */
export function failInStream(error, detail) {
  return ({ response }) => {
    startStream(response);
    event(response, 'result', { embedding: null, debugMetadata: null, error, detail });
    response.end();
  };
}

/** A step: the connection is cut in the middle of an answer; before it, Chromium itself would try again. */
export function cut() {
  return ({ response }) => {
    startStream(response);
    response.write(': alive\n\n', () => response.destroy());
  };
}

export class MockService {
  requests = [];
  health = { status: 'ok', uptime_seconds: 12, processed_files: 0, gpu_available: false, model_loaded: true,
    model_name: 'openai/clip-vit-base-patch32', device: 'cpu' };
  metrics = '';
  key = null;
  #scripts = new Map();
  #server;

  static async start(port = 0) {
    const service = new MockService();
    await service.#listen(port);
    return service;
  }

  async #listen(port) {
    this.#server = http.createServer((request, response) => this.#serve(request, response).catch((error) => response.destroy(error)));
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = this.#server.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  restart() {
    return this.#listen(this.port);
  }

  script(name, ...steps) {
    this.#scripts.set(name, [...(this.#scripts.get(name) ?? []), ...steps]);
  }

  /** The next request for `name` waits: {arrived, progress(data), finish(answer?), closed}. */
  hold(name) {
    const gate = {};
    gate.arrived = new Promise((arrive) => {
      this.script(name, (request) => {
        gate.closed = once(request.response, 'close');
        startStream(request.response);
        gate.progress = (data) => event(request.response, 'progress', data);
        gate.finish = (answer = answerTo(request)) => {
          event(request.response, 'result', answer);
          request.response.end();
        };
        arrive(request);
      });
    });
    return gate;
  }

  async #serve(request, response) {
    const url = new URL(request.url, this.url);
    if (url.pathname === '/health') return send(response, this.health.status === 'ok' ? 200 : 503, this.health);
    if (url.pathname === '/metrics') return response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4' }).end(this.metrics);
    if (url.pathname === '/embed') return this.#embed(request, response, url);
    const name = url.pathname === '/' ? 'index.html' : /^\/page\/([\w.]+)$/.exec(url.pathname)?.[1];
    const body = name && await readFile(path.join(PAGE, name)).catch(() => null);
    if (!body) return send(response, 404, { error: 'Not found' });
    return response.writeHead(200, { 'Content-Type': TYPES[path.extname(name)], 'Content-Security-Policy': POLICY,
      'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-cache' }).end(body);
  }

  async #embed(request, response, url) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const received = { response, query: Object.fromEntries(url.searchParams), accept: request.headers.accept, ...onlyFile(Buffer.concat(chunks)) };
    this.requests.push(received);
    if (this.key && request.headers.authorization !== `Bearer ${this.key}`) {
      return refuse(401, { error: 'Unauthorized', detail: 'send Authorization: Bearer KEY' })({ response });
    }
    const step = this.#scripts.get(received.name)?.shift() ?? this.usual;
    return step(received);
  }

  /** What a request gets that no script has a step for. */
  usual = (request) => {
    startStream(request.response);
    event(request.response, 'progress', { processed: 1, total: 1, current: request.name });
    event(request.response, 'result', answerTo(request));
    request.response.end();
  };
}

// ---- answers ---------------------------------------------------------------------------------------------------------

function send(response, status, body, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function startStream(response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  response.flushHeaders();
}

function event(response, name, data) {
  response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** The one file part of a multipart body. */
function onlyFile(body) {
  const boundary = body.subarray(0, body.indexOf('\r\n'));
  const headEnd = body.indexOf('\r\n\r\n');
  const head = body.subarray(0, headEnd).toString();
  const bytes = body.subarray(headEnd + 4, body.indexOf(boundary, headEnd) - 2);
  return { name: /filename="([^"]*)"/.exec(head)?.[1], field: /name="([^"]*)"/.exec(head)?.[1], type: /Content-Type: (\S+)/i.exec(head)?.[1], bytes };
}

/** Numbers that look like noise and depend on `seed` alone. */
function noise(seed) {
  let state = createHash('sha256').update(seed).digest().readUInt32LE() % 2147483646 + 1;
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
  return Array.from({ length: DIMENSIONS }, () => random() + random() + random() + random() - 2);
}

function unit(vector) {
  const length = Math.hypot(...vector);
  return vector.map((value) => Math.fround(value / length));
}

/** Things whose names begin with the same letters get vectors that point nearly the same way. */
export function vectorOf(name, bytes, variation = '') {
  const [common, group, own] = [noise('all'), noise(/^[a-z]*/i.exec(name)[0]), noise(Buffer.concat([bytes, Buffer.from(variation)]))];
  return unit(common.map((value, i) => value + 0.8 * group[i] + 0.6 * own[i]));
}

function answerTo({ name, type, bytes, query }) {
  const answer = { embedding: vectorOf(name, bytes), debugMetadata: metadata(), error: null, detail: null };
  if (!type?.startsWith('video/')) return answer;
  const reasons = ['cut', 'salient', 'coverage', 'coverage'];
  answer.frames = Array.from({ length: Math.min(8, Number(query.frames)) }, (_, i) => ({ time: i * 0.75 + 0.04, reason: reasons[i % 4],
    scene: i >> 2, score: 0.91 - i * 0.07, entropy: 7.2 - i * 0.1, embedding: vectorOf(name, bytes, `frame ${i}`) }));
  Object.assign(answer.debugMetadata, { num_frames: 8, method_used: 'thorough', scene_count: 2, decode_time_ms: 412.5, inference_time_ms: 230.1,
    processing_time_ms: 671.3, decoder: 'avdec_h264', selected_times: answer.frames.map((frame) => frame.time), entropy_values: [] });
  return answer;
}

let requestCount = 0;
function metadata() {
  requestCount += 1;
  return { model: 'openai/clip-vit-base-patch32 - cpu', enable_augmentation: false, timestamp: '2026-11-24T07:00:00Z',
    request_id: `req-${requestCount}-1795503600`, processing_time_ms: 48.2, queue_time_ms: 1.4, decode_time_ms: 9.6, preprocess_time_ms: 1.1,
    inference_time_ms: 33.8 };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const service = await MockService.start(Number(process.argv[2] ?? 8080));
  console.log(service.url);
}
