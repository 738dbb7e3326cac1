// One test's visit to the page: a service of its own, a fresh browser context, and eyes on what the browser complains of.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startBrowser } from './browser.mjs';
import { MockService } from './mock_service.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.close());

/**
 * Declares a test. `run({page, service, ...})` gets a page that has loaded and heard from the service: what `start` gives,
 * by default a MockService, after `prepare` made of it what it should be. The page must not make the browser complain,
 * except of the statuses in `statuses`, which Chromium logs as errors by itself.
 */
export function visit(name, run, { start = MockService.start, prepare = () => {}, statuses = [], context: options = {}, skip = false } = {}) {
  test(name, { timeout: 60_000, skip }, async () => {
    const service = await start();
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    try {
      prepare(service);
      const page = await context.newPage();
      page.setDefaultTimeout(20_000);
      const complaints = listen(page, statuses);
      await page.goto(service.url);
      await page.locator('#status:not([data-state=unknown])').waitFor();
      await run({ page, service, context });
      assert.deepEqual(complaints, []);
    } finally {
      await context.close();
      await service.stop();
    }
  });
}

/** Collects errors and warnings of the console, uncaught exceptions and violations of the content security policy. */
export function listen(page, statuses) {
  const complaints = [];
  const expected = (text) => statuses.some((status) => text.includes(status === 0 ? 'net::ERR_' : `status of ${status}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !expected(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return complaints;
}

/** Drops files as a person would: the browser makes the File objects, and the page gets the events. */
export async function drop(page, ...files) {
  const contents = files.map((file) => ({ name: path.basename(file), type: typeOf(file), base64: readFileSync(file, 'base64') }));
  await page.evaluate((list) => {
    const data = new DataTransfer();
    for (const { name, type, base64 } of list) {
      data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name, { type }));
    }
    for (const event of ['dragenter', 'dragover', 'drop']) {
      document.body.dispatchEvent(new DragEvent(event, { dataTransfer: data, bubbles: true, cancelable: true }));
    }
  }, contents);
}

/** Chooses files with the button's file dialog; a file may be {name, mimeType, buffer}. */
export async function choose(page, ...files) {
  const dialog = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Choose files' }).click();
  await (await dialog).setFiles(files);
}

function typeOf(file) {
  return { '.jpg': 'image/jpeg', '.png': 'image/png', '.webm': 'video/webm' }[path.extname(file)] ?? '';
}

/** The entry of a file in the list. */
export const row = (page, name) => page.locator('.row').filter({ has: page.locator('.row-name', { hasText: name }) });

export const finished = (page, name) => row(page, name).and(page.locator('[data-state=done]')).waitFor();

/** Waits until `read()` gives `wanted`. */
export async function becomes(read, wanted) {
  const limit = Date.now() + 15_000;
  let seen;
  do {
    seen = await read();
    if (wanted instanceof RegExp ? wanted.test(seen) : seen === wanted) return;
    await new Promise((next) => setTimeout(next, 30));
  } while (Date.now() < limit);
  assert.fail(`expected ${wanted}, last seen: ${seen}`);
}
