// 200 files, 16 at a time, while the daemon is restarted: none is lost.
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { cosineSimilarity, EmbeddingHttpClient } from "../../src/index.js";
import { Daemon, reference, skip } from "../support/daemon.js";
import { scratchFolder } from "../support/scratch.js";

const names = ["small.png", "home.jpg", "gray.png", "progressive.jpg"];

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  test(`over ${signal} and a new start`, { skip }, async (t) => {
    const daemon = await Daemon.start(t);
    const client = new EmbeddingHttpClient({ serviceUrl: daemon.url, concurrency: 16, retry: { maxRetries: 20, maxDelayMs: 2000 } });
    const expected = await client.getEmbeddings(names.map((name) => `${reference}/images/${name}`));
    const folder = scratchFolder(t);
    const paths = Array.from({ length: 200 }, (_, i) => join(folder, `${i}-${names[i % names.length]}`));
    paths.forEach((path, i) => copyFileSync(`${reference}/images/${names[i % names.length]}`, path));

    let restarted: Promise<void> | undefined;
    const restart = async () => {
      await daemon.end(signal);
      daemon.launch();
      await daemon.ready();
    };
    let done = 0;
    const results = await Promise.all(
      paths.map(async (path) => {
        const result = await client.getEmbedding(path);
        if (++done === 60) restarted = restart();
        return result;
      }),
    );
    await restarted;
    // Not bit for bit: a vector's last digits depend on what shares its batch.
    results.forEach(({ embedding }, i) => {
      const alone = expected[`${reference}/images/${names[i % names.length]}`]?.embedding ?? [];
      assert.ok(cosineSimilarity(embedding, alone) > 0.999999, paths[i]);
    });
    // The second daemon did its part.
    const { processed_files } = await client.health();
    assert.ok(processed_files > 0 && processed_files <= 140, `${processed_files} files`);
  });
}
