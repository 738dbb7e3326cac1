// A service on a free loopback port that answers as a test tells it, however badly.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  method: string;
  url: string;
  headers: IncomingMessage["headers"];
  /** Empty where the behaviour did not read it. */
  body: Buffer;
}

/** Answers one request; `read` gives its body. */
export type Behaviour = (response: ServerResponse, read: () => Promise<Buffer>, request: IncomingMessage) => unknown;

export class MockService {
  readonly received: Received[] = [];
  url = "";
  #behaviours: Behaviour[] = [];
  #arrivals: (() => void)[] = [];

  private constructor(private readonly server: Server) {}

  /** Each request gets the next behaviour; the last one stays. */
  static async start(...behaviours: Behaviour[]): Promise<MockService> {
    const service = new MockService(createServer({ keepAlive: true }));
    service.#behaviours = behaviours;
    service.server.on("request", (request, response) => void service.#serve(request, response));
    await new Promise<void>((resolve) => service.server.listen(0, "127.0.0.1", resolve));
    service.url = `http://127.0.0.1:${(service.server.address() as AddressInfo).port}`;
    return service;
  }

  /** Resolves once `count` requests have come. */
  async arrived(count: number): Promise<void> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.#arrivals.push(resolve));
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const received: Received = { method: request.method!, url: request.url!, headers: request.headers, body: Buffer.alloc(0) };
    this.received.push(received);
    for (const arrival of this.#arrivals.splice(0)) arrival();
    const read = async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      return (received.body = Buffer.concat(chunks));
    };
    const behaviour = this.#behaviours.length > 1 ? this.#behaviours.shift()! : this.#behaviours[0]!;
    try {
      await behaviour(response, read, request);
    } catch {
      // The client went away while its body was read.
    }
  }
}

export const metadata = {
  model: "openai/clip-vit-base-patch32 - cpu",
  enable_augmentation: false,
  timestamp: "2026-01-02T03:04:05Z",
  request_id: "req-1-1767323045",
  processing_time_ms: 12.5,
};

export const success = (embedding = [0.6, 0.8]) => ({ embedding, debugMetadata: metadata, error: null, detail: null });
export const refusal = (error: string, detail: string) => ({ embedding: null, debugMetadata: metadata, error, detail });

// ---- behaviours ----

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Behaviour =>
  text(JSON.stringify(body), "application/json", status, headers);

export function text(body: string, type: string, status = 200, headers: Record<string, string> = {}): Behaviour {
  return async (response, read) => {
    await read();
    response.writeHead(status, { "content-type": type, "content-length": String(Buffer.byteLength(body)), ...headers });
    response.end(body);
  };
}

/** Cuts the connection without reading. */
export const reset: Behaviour = (_response, _read, request) => request.socket.resetAndDestroy();

/** Cuts it while the body is under way. */
export const resetInBody: Behaviour = (_response, _read, request) => {
  request.once("data", () => request.socket.resetAndDestroy());
};

/** Promises more than it sends. */
export const halfBody: Behaviour = async (response, read) => {
  await read();
  response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
  response.write('{"embedding":[0.6,', () => response.destroy());
};

/** Sends part of a chunked answer. */
export const halfChunked: Behaviour = async (response, read) => {
  await read();
  response.writeHead(200, { "content-type": "application/json" });
  response.write('{"embedding":[0.6,', () => response.destroy());
};

/** Never answers. */
export const hang: Behaviour = async (_response, read) => {
  await read();
};

/** Begins an answer and never ends it. */
export const hangInBody: Behaviour = async (response, read) => {
  await read();
  response.writeHead(200, { "content-type": "application/json" });
  response.write('{"embedding":[');
};

/** Answers byte by byte. */
export function trickle(body: unknown): Behaviour {
  return async (response, read) => {
    await read();
    response.writeHead(200, { "content-type": "application/json" });
    for (const byte of Buffer.from(JSON.stringify(body))) {
      await new Promise((resolve) => response.write(Buffer.of(byte), resolve));
    }
    response.end();
  };
}

/** Answers with an event stream; `cut` ends it as a broken connection does. */
export function events(stream: string, { cut = false } = {}): Behaviour {
  return async (response, read) => {
    await read();
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(stream, () => (cut ? response.destroy() : response.end()));
  };
}

export const event = (name: string, data: unknown) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
