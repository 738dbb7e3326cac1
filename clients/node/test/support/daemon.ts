// A real clipembedd with a small model, on a free loopback port that it keeps over restarts.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import type { TestContext } from "node:test";

import { EmbeddingHttpClient } from "../../src/index.js";

/** The program to start, and the folder of tests/data/reference. */
const program = process.env.CLIPEMBEDD;
export const reference = process.env.CLIPEMBED_REFERENCE ?? "";
/** For `test`: why there can be no daemon. */
export const skip = program ? false : "CLIPEMBEDD names no program";

export class Daemon {
  #process: ChildProcess | undefined;
  #log = "";

  private constructor(readonly url: string, private readonly options: string[]) {}

  /** Running and ready; ended with the test. */
  static async start(test: TestContext, ...options: string[]): Promise<Daemon> {
    const port = await freePort();
    const daemon = new Daemon(`http://127.0.0.1:${port}`, ["--listen", `127.0.0.1:${port}`, "--model", `${reference}/model-a`,
      "--precision", "fp32", ...options]);
    test.after(() => daemon.end("SIGKILL"));
    daemon.launch();
    await daemon.ready();
    return daemon;
  }

  launch(): void {
    this.#process = spawn(program!, this.options, { stdio: ["ignore", "ignore", "pipe"] });
    this.#process.stderr!.on("data", (text) => (this.#log += text));
  }

  async ready(): Promise<void> {
    const ended = once(this.#process!, "exit").then(() => {
      throw new Error(`clipembedd ended: ${this.#log}`);
    });
    await Promise.race([new EmbeddingHttpClient(this.url).waitUntilReady({ timeoutMs: 120_000 }), ended]);
    ended.catch(() => {});
  }

  /** Resolves to its exit status, null after a signal, once it has gone. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    const { exitCode, signalCode } = this.#process!;
    if (exitCode !== null || signalCode !== null) return exitCode;
    const exit = once(this.#process!, "exit");
    this.#process!.kill(signal);
    return (await exit)[0] as number | null;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
