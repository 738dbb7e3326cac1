// The page as clipembedd serves it, with what clipembedd answers.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { skip, startDaemon } from './daemon.mjs';
import { photo, scratch, video } from './media.mjs';
import { PAGE, POLICY } from './mock_service.mjs';
import { becomes, choose, drop, finished, visit } from './visit.mjs';

const GOLDEN = JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../data/reference/golden.json'), 'utf8'));

let daemon;
before(async () => {
  if (!skip) daemon = await startDaemon();
});
after(() => daemon?.stop());
// One daemon for all, unless a test needs another kind.
const shared = { skip, start: () => ({ url: daemon.url, stop: () => {} }) };

const cosine = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0) / Math.hypot(...a) / Math.hypot(...b);

test('every file of the page is served as it is, under the policy that it was tested under', { skip }, async () => {
  for (const name of readdirSync(PAGE)) {
    const response = await fetch(`${daemon.url}/page/${name}`);
    assert.equal(response.status, 200, name);
    assert.ok(await response.text() === readFileSync(path.join(PAGE, name), 'utf8'), `${name} is another one`);
    assert.equal(response.headers.get('content-security-policy'), POLICY);
  }
});

visit('a dropped photo gets the vector that transformers gives it', async ({ page }) => {
  await becomes(() => page.locator('#status-health').textContent(), 'Ready');
  await drop(page, photo('fruits.jpg'));
  await finished(page, 'fruits.jpg');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download JSON' }).click()]);
  const { embedding } = JSON.parse(readFileSync(await download.path(), 'utf8'));
  assert.ok(cosine(embedding, GOLDEN.images['fruits.jpg']['model-a'].image_embeds) > 0.99999);
  assert.match(await page.locator('.timings').textContent(), /decoding[\d.]+ m?s.*the model[\d.]+ m?s/s);
}, shared);

visit('a video is watched, and its frames are shown with pictures', async ({ page }) => {
  await page.getByText('Options').click();
  await page.getByLabel('Frames of a video, at least').fill('6');
  await drop(page, video());
  await page.locator('.frames[data-drawn]').waitFor();
  const frames = await page.locator('.frame').count();
  assert.ok(frames >= 6, `${frames} frames`);
  assert.equal(await page.locator('.frames').getAttribute('data-drawn'), String(frames));
  assert.match(await page.locator('.frames').textContent(), /Go to 0:0\d\.\d (cut|salient|coverage) score [\d.]+ · [\d.]+ bits/);
}, shared);

visit('several are compared', async ({ page }) => {
  await drop(page, photo('fruits.jpg'), photo('home.jpg'), photo('butterfly.jpg'), photo('progressive.jpg'));
  await becomes(() => page.locator('.row[data-state=done]').count(), 4);
  const cells = page.getByRole('table').locator('td.alike-cell');
  await becomes(() => cells.count(), 16);
  const vector = (name) => GOLDEN.images[name]['model-a'].image_embeds;
  assert.equal(await cells.nth(1).textContent(), cosine(vector('fruits.jpg'), vector('home.jpg')).toFixed(2));
}, shared);

visit('what is neither photo nor video is explained with the cause', async ({ page }) => {
  await choose(page, { name: 'notes.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('not a picture at all') });
  await page.getByRole('heading', { name: 'Not a photo or video that the service can read' }).waitFor();
  assert.match(await page.locator('.failure-detail').textContent(), /^The service says: .{10,}/);
}, { ...shared, statuses: [415] });

visit('a file that is too large is explained', async ({ page }) => {
  await choose(page, { name: 'large.jpg', mimeType: 'image/jpeg', buffer: Buffer.alloc(2_000_000, 1) });
  await page.getByRole('heading', { name: /^(Too large|The connection broke)$/ }).waitFor();
}, { skip, start: () => startDaemon('--max-body', '1M'), statuses: [413, 0] });

visit('a daemon that wants a key gets it', async ({ page }) => {
  await drop(page, photo('fruits.jpg'));
  await page.getByLabel('API key').fill('open-sesame-open-sesame');
  await page.keyboard.press('Enter');
  await finished(page, 'fruits.jpg');
}, { skip, statuses: [401], start: () => {
  const file = path.join(scratch, 'keys');
  writeFileSync(file, 'open-sesame-open-sesame\n', { mode: 0o600 });
  return startDaemon('--api-key-file', file);
} });
