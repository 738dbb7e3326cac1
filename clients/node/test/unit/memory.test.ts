// A video is read from disk while it is sent.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { truncateSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { mockService } from "../support/fixture.js";
import { json, success, type Behaviour } from "../support/mock_service.js";
import { scratchFile } from "../support/scratch.js";

test("1 GB is uploaded in less than 250 MB of memory", async (t) => {
  const size = 1 << 30;
  let received = 0;
  const counting: Behaviour = async (response, _read, request) => {
    for await (const chunk of request) received += (chunk as Buffer).length;
    await json(success())(response, async () => Buffer.alloc(0), request);
  };
  const service = await mockService(t, counting);
  const path = scratchFile(t, "video.mp4", "");
  truncateSync(path, size);
  const upload = fileURLToPath(new URL("../support/upload.js", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [upload, service.url, path]);
  assert.ok(received > size);
  assert.ok(Number(stdout) < 250e6, `${stdout} bytes`);
});
