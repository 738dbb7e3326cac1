// A folder for a test's files, gone with the test.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

export function scratchFolder(test: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "clipembed-client-"));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function scratchFile(test: TestContext, name = "cat.jpg", content: string | Buffer = "not quite a picture"): string {
  const path = join(scratchFolder(test), name);
  writeFileSync(path, content);
  return path;
}
