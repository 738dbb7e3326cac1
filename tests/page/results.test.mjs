// What a person sees of what they dropped.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { photo, video } from './media.mjs';
import { failInStream, vectorOf } from './mock_service.mjs';
import { becomes, choose, drop, finished, row, visit } from './visit.mjs';

const clip = video();

visit('a dropped photo is sent as one multipart part named file, with frames and progress asked for', async ({ page, service }) => {
  await drop(page, photo('fruits.jpg'));
  await finished(page, 'fruits.jpg');
  const [request] = service.requests;
  assert.equal(request.field, 'file');
  assert.equal(request.name, 'fruits.jpg');
  assert.deepEqual(request.bytes, readFileSync(photo('fruits.jpg')));
  assert.equal(request.accept, 'text/event-stream');
  assert.deepEqual(request.query, { frames: '30', sampling: 'auto', augment: 'none', detail: 'frames' });
});

visit('the chosen photo is shown with its size, its vector in numbers, and its times', async ({ page }) => {
  await choose(page, photo('fruits.jpg'));
  await finished(page, 'fruits.jpg');
  await becomes(() => page.locator('.detail-facts').textContent(), 'Photo · 512 × 480 · 82.4 kB');
  assert.equal(await page.locator('.preview img').getAttribute('alt'), 'fruits.jpg');
  assert.match(await page.locator('.heat-summary').textContent(), /^512 numbers, from −0\.\d+ \(dimension \d+\) to \+0\.\d+ \(dimension \d+\); length 1\.000\.$/);
  assert.match(await page.locator('.timings').textContent(), /48 ms in the service.*waiting1\.4 ms.*decoding9\.6 ms.*the model34 ms/s);
});

visit('the picture of a vector has a colour for each number: blue below zero, orange above', async ({ page }) => {
  await choose(page, photo('fruits.jpg'));
  await finished(page, 'fruits.jpg');
  const pixels = await page.locator('.heat-cells').evaluate((canvas) => {
    const { width, height } = canvas;
    return { width, height, data: [...canvas.getContext('2d').getImageData(0, 0, width, height).data] };
  });
  assert.deepEqual([pixels.width, pixels.height], [32, 16]);
  const vector = vectorOf('fruits.jpg', readFileSync(photo('fruits.jpg')));
  const strong = vector.map((value, i) => ({ value, i })).filter(({ value }) => Math.abs(value) > 0.08);
  assert.ok(strong.length > 5);
  for (const { value, i } of strong) {
    const [red, , blue] = pixels.data.slice(i * 4);
    assert.equal(value < 0, blue > red, `number ${i + 1}, ${value}`);
  }
});

visit('pointing at a cell reads its number', async ({ page }) => {
  await choose(page, photo('fruits.jpg'));
  await finished(page, 'fruits.jpg');
  const vector = vectorOf('fruits.jpg', readFileSync(photo('fruits.jpg')));
  const box = await page.locator('.heat').boundingBox();
  await page.mouse.move(box.x + (box.width * 2.5) / 32, box.y + (box.height * 1.5) / 16);
  const shown = await page.locator('.heat-readout').textContent();
  assert.equal(shown.replace('−', '-'), `dimension 35  ${vector[34] < 0 ? '' : '+'}${vector[34].toFixed(4)}`);
});

visit('a video shows its chosen frames with time, reason, score and picture', async ({ page }) => {
  await drop(page, clip);
  await page.locator('.frames[data-drawn="8"]').waitFor();
  assert.equal(await page.locator('.frame').count(), 8);
  await page.getByRole('button', { name: 'Go to 0:00.8 salient score 0.84 · 7.1 bits' }).waitFor();
  const isPlain = await page.locator('.frame-picture').evaluateAll((all) => all.map((canvas) => {
    const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(new Uint32Array(data.buffer)).size < 50;
  }));
  assert.deepEqual(isPlain, Array(8).fill(false));
});

visit('the frames of a video have their places on a line as long as the video', async ({ page }) => {
  await drop(page, clip);
  await page.locator('.frames[data-drawn]').waitFor();
  const line = await page.locator('.timeline').boundingBox();
  const strokes = await Promise.all((await page.locator('.stroke').all()).map((stroke) => stroke.boundingBox()));
  const places = strokes.map(({ x }) => Math.round(((x - line.x) / line.width) * 60) / 10);
  assert.deepEqual(places.map((seconds, i) => Math.abs(seconds - (i * 0.75 + 0.04)) < 0.15), Array(8).fill(true), places.join());
});

visit('choosing a frame goes there in the preview', async ({ page }) => {
  await drop(page, clip);
  await page.locator('.frames[data-drawn]').waitFor();
  await page.getByRole('button', { name: 'Go to 0:03.0' }).click();
  await becomes(() => page.locator('.preview video').evaluate((player) => player.currentTime.toFixed(2)), '3.04');
  await page.locator('.frame[data-current]').filter({ hasText: '0:03.0' }).waitFor();
});

visit('a video that the browser cannot play keeps its times', async ({ page }) => {
  await choose(page, { name: 'old.avi', mimeType: 'video/x-msvideo', buffer: Buffer.from('RIFF....AVI LIST') });
  await page.locator('.frames[data-drawn="0"]').waitFor();
  await page.getByText('This browser cannot show old.avi.').waitFor();
  assert.match(await page.locator('.frame').nth(3).textContent(), /0:02\.3 coverage/);
  assert.equal(await page.locator('.frame-picture:visible').count(), 0);
});

visit('scores that the service does not know are left out', async ({ page, service }) => {
  const gate = service.hold('clip.mp4');
  await choose(page, { name: 'clip.mp4', mimeType: 'video/mp4', buffer: Buffer.from('no video') });
  await gate.arrived;
  gate.finish({ embedding: vectorOf('clip.mp4', Buffer.from('')), debugMetadata: { processing_time_ms: 5, warning: 'ended early' }, error: null, detail: null,
    frames: [{ time: 1, reason: 'interval', scene: -1, score: null, entropy: null, embedding: vectorOf('a', Buffer.from('')) }] });
  await finished(page, 'clip.mp4');
  assert.equal(await page.locator('.frame').textContent(), 'Go to 0:01.0 interval ');
  assert.equal(await page.locator('.warning').textContent(), 'ended early');
});

visit('two or more are compared in a table, and for the chosen one the others are ranked', async ({ page }) => {
  await choose(page, { name: 'cat-1.jpg', mimeType: 'image/jpeg', buffer: readFileSync(photo('fruits.jpg')) },
    { name: 'dog-1.jpg', mimeType: 'image/jpeg', buffer: readFileSync(photo('home.jpg')) },
    { name: 'cat-2.jpg', mimeType: 'image/jpeg', buffer: readFileSync(photo('butterfly.jpg')) });
  await finished(page, 'cat-2.jpg');
  await becomes(() => page.locator('.near-name').count(), 2);
  assert.deepEqual(await page.locator('.near-name').allTextContents(), ['cat-2.jpg', 'dog-1.jpg']);

  const table = page.getByRole('table');
  assert.equal(await table.getByRole('columnheader').count(), 3);
  const cells = await table.locator('td.alike-cell').allTextContents();
  const one = vectorOf('cat-1.jpg', readFileSync(photo('fruits.jpg')));
  const two = vectorOf('dog-1.jpg', readFileSync(photo('home.jpg')));
  const cosine = one.reduce((sum, value, i) => sum + value * two[i], 0);
  assert.equal(cells[1], cosine.toFixed(2));
  assert.equal(cells[3], cells[1]);
  assert.equal(cells[0], '1');
});

visit('vectors of different models are not compared', async ({ page, service }) => {
  await choose(page, photo('fruits.jpg'));
  await finished(page, 'fruits.jpg');
  const gate = service.hold('home.jpg');
  await choose(page, photo('home.jpg'));
  const request = await gate.arrived;
  gate.finish({ embedding: vectorOf(request.name, request.bytes), debugMetadata: { model: 'another' }, error: null, detail: null });
  await finished(page, 'home.jpg');
  await page.getByText('Drop something else to compare it with.').waitFor();
  assert.equal(await page.getByRole('table').count(), 0);
});

visit('a picture is told which frame of a video is nearest, and the video goes there', async ({ page }) => {
  await drop(page, clip, photo('fruits.jpg'));
  await finished(page, 'fruits.jpg');
  await finished(page, 'shots.webm');
  await becomes(() => page.locator('.near-moment').textContent(), /^nearest frame 0:0\d\.\d, 0\.\d{3}$/);
  const seconds = Number((await page.locator('.near-moment').textContent()).slice(16, 20));
  await page.locator('.near-moment').click();
  await becomes(() => page.locator('.preview video').evaluate((player, there) => Math.abs(player.currentTime - there) < 0.1, seconds), true);
  await row(page, 'fruits.jpg').locator('.row-open').click();
  assert.match(await page.locator('.near-moment').textContent(), /nearest frame/);
});

visit('a failure leaves the others alone', async ({ page, service }) => {
  service.script('home.jpg', failInStream('Processing failed', 'home.jpg: not enough data'));
  await drop(page, photo('fruits.jpg'), photo('home.jpg'), photo('butterfly.jpg'));
  await finished(page, 'butterfly.jpg');
  await finished(page, 'fruits.jpg');
  await row(page, 'home.jpg').and(page.locator('[data-state=failed]')).waitFor();
});

visit('the vector can be copied, and the answer downloaded as JSON', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await choose(page, photo('fruits.jpg'));
  await finished(page, 'fruits.jpg');
  const vector = vectorOf('fruits.jpg', readFileSync(photo('fruits.jpg')));
  await page.getByRole('button', { name: 'Copy vector' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  assert.deepEqual(JSON.parse(await page.evaluate(() => navigator.clipboard.readText())), vector);

  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download JSON' }).click()]);
  assert.equal(download.suggestedFilename(), 'fruits.jpg.json');
  const saved = JSON.parse(readFileSync(await download.path(), 'utf8'));
  assert.equal(saved.file, 'fruits.jpg');
  assert.deepEqual(saved.embedding, vector);
});

visit('all answers can be downloaded as one map from names to answers', async ({ page }) => {
  await drop(page, photo('fruits.jpg'), photo('home.jpg'), photo('fruits.jpg'));
  await finished(page, 'home.jpg');
  await becomes(() => page.locator('.row[data-state=done]').count(), 3);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download all' }).click()]);
  const saved = JSON.parse(readFileSync(await download.path(), 'utf8'));
  assert.deepEqual(Object.keys(saved), ['fruits.jpg', 'home.jpg', 'fruits.jpg (2)']);
});

visit('a pasted picture is taken like a dropped one', async ({ page }) => {
  await page.evaluate((base64) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], 'image.png', { type: 'image/png' }));
    document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, cancelable: true }));
  }, readFileSync(photo('small.png'), 'base64'));
  await finished(page, 'image.png');
});

visit('the options go into the request', async ({ page, service }) => {
  await page.getByText('Options').click();
  await page.getByLabel('Frames of a video, at least').fill('5');
  await page.getByLabel('How they are looked for').selectOption('keyframes');
  await page.getByLabel('Views of each picture').selectOption('flip');
  await drop(page, photo('fruits.jpg'));
  await finished(page, 'fruits.jpg');
  assert.deepEqual(service.requests[0].query, { frames: '5', sampling: 'keyframes', augment: 'flip', detail: 'frames' });
});
