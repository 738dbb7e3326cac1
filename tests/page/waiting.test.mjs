// While the service works, or cannot: progress, cancelling, and every reason to wait.
import assert from 'node:assert/strict';
import { photo } from './media.mjs';
import { cut, failInStream, refuse } from './mock_service.mjs';
import { becomes, choose, drop, finished, row, visit } from './visit.mjs';

const clip = { name: 'clip.mp4', mimeType: 'video/mp4', buffer: Buffer.alloc(1000) };
const words = (page, name) => () => row(page, name).locator('.row-words').textContent();

visit('the progress of a video is shown as the service tells it', async ({ page, service }) => {
  const gate = service.hold('clip.mp4');
  await choose(page, clip);
  await gate.arrived;
  await becomes(words(page, 'clip.mp4'), 'Working · 1.0 kB');
  gate.progress({ processed: 0, total: 1, current: 'clip.mp4', position: 15, duration: 60 });
  await becomes(words(page, 'clip.mp4'), 'Watching, 0:15 of 1:00 · 1.0 kB');
  const bar = page.locator('.progress-box').getByRole('progressbar', { name: 'Progress of clip.mp4' });
  assert.equal(await bar.evaluate((progress) => progress.value), 0.25);
  gate.progress({ processed: 0, total: 1, current: 'clip.mp4', position: 45, duration: 60 });
  await becomes(() => bar.evaluate((progress) => progress.value), 0.75);
  gate.finish();
  await finished(page, 'clip.mp4');
  assert.equal(await page.getByRole('progressbar').count(), 0);
});

visit('the progress of an upload is shown until the service has the file', async ({ page, service }) => {
  const gate = service.hold('large.bin');
  await page.evaluate(() => {
    window.seen = [];
    const note = () => window.seen.push(document.querySelector('.row-words')?.textContent);
    new MutationObserver(note).observe(document.getElementById('rows'), { subtree: true, childList: true, characterData: true });
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(40_000_000)], 'large.bin'));
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
  });
  await gate.arrived;
  await becomes(words(page, 'large.bin'), 'Working · 40.0 MB');
  const seen = await page.evaluate(() => window.seen);
  assert.ok(seen.some((text) => /^Sending/.test(text)), seen.join(' | '));
  gate.finish();
  await finished(page, 'large.bin');
});

visit('four files are sent at once, the others wait for their turn', async ({ page, service }) => {
  const names = Array.from({ length: 6 }, (_, i) => `${i}.bin`);
  const gates = names.map((name) => service.hold(name));
  await choose(page, ...names.map((name) => ({ name, mimeType: 'image/png', buffer: Buffer.from(name) })));
  await Promise.all(gates.slice(0, 4).map((gate) => gate.arrived));
  assert.deepEqual(await page.locator('.row').evaluateAll((rows) => rows.map((row) => row.dataset.state)),
    ['working', 'working', 'working', 'working', 'waiting', 'waiting']);
  assert.equal(service.requests.length, 4);
  gates[2].finish();
  await gates[4].arrived;
  assert.equal(service.requests.length, 5);
  for (const gate of [gates[0], gates[1], gates[3], gates[4]]) gate.finish();
  await gates[5].arrived;
  gates[5].finish();
  await becomes(() => page.locator('.row[data-state=done]').count(), 6);
});

visit('cancelling closes the connection and makes room for the next', async ({ page, service }) => {
  const gate = service.hold('clip.mp4');
  await choose(page, clip);
  await gate.arrived;
  await row(page, 'clip.mp4').getByRole('button', { name: 'Cancel clip.mp4' }).click();
  await gate.closed;
  await becomes(() => page.locator('.row').count(), 0);
  await page.getByText('Drop photos or videos here').waitFor();
});

visit('removing all leaves the page as it was', async ({ page }) => {
  await drop(page, photo('fruits.jpg'), photo('home.jpg'));
  await finished(page, 'home.jpg');
  await finished(page, 'fruits.jpg');
  await page.getByRole('button', { name: 'Remove all' }).click();
  assert.equal(await page.locator('#detail').isVisible(), false);
  assert.equal(await page.locator('#alike').isVisible(), false);
  assert.equal(await page.evaluate(() => document.activeElement.id), 'choose');
});

visit('a full queue is waited for as long as Retry-After says, and said', async ({ page, service }) => {
  service.script('fruits.jpg', refuse(429, { error: 'Too many requests', retryAfter: 1 }));
  await drop(page, photo('fruits.jpg'));
  await becomes(() => page.locator('#banner').textContent(), 'The service has no room just now. Trying again in 1 s.');
  assert.match(await words(page, 'fruits.jpg')(), /^Waiting/);
  await finished(page, 'fruits.jpg');
  assert.equal(service.requests.length, 2);
  assert.equal(await page.locator('#banner').isVisible(), false);
}, { statuses: [429] });

visit('a service that is loading is said so, and asked again once it is ready', async ({ page, service }) => {
  service.script('fruits.jpg', refuse(503, { error: 'Loading', retryAfter: 600 }));
  assert.match(await page.locator('#status').textContent(), /Loading the model/);
  await drop(page, photo('fruits.jpg'));
  await becomes(() => page.locator('#banner').textContent(), /^The service is loading its model\. Trying again in \d+ s\.$/);
  service.health.status = 'ok';
  await finished(page, 'fruits.jpg');
  assert.match(await page.locator('#status').textContent(), /Ready/);
}, { statuses: [503], prepare: (service) => { service.health.status = 'loading'; } });

visit('a model that could not be loaded is a failure with its cause', async ({ page, service }) => {
  service.script('fruits.jpg', refuse(503, { error: 'Unavailable', retryAfter: 1 }));
  await drop(page, photo('fruits.jpg'));
  await page.getByText('/models/clip: no config.json').waitFor();
  assert.match(await page.locator('#status').textContent(), /The model could not be loaded/);
}, { statuses: [503], prepare: (service) => Object.assign(service.health, { status: 'failed', detail: '/models/clip: no config.json' }) });

visit('a service that is gone is waited for, and the file is sent when it is back', async ({ page, service }) => {
  await service.stop();
  await drop(page, photo('fruits.jpg'));
  await becomes(() => page.locator('#banner').textContent(), /^The service does not answer/);
  await becomes(() => page.locator('#status-health').textContent(), 'The service does not answer');
  await service.restart();
  await finished(page, 'fruits.jpg');
  assert.equal(await page.locator('#banner').isVisible(), false);
}, { statuses: [0] });

visit('a connection that breaks is tried once more', async ({ page, service }) => {
  service.script('fruits.jpg', cut());
  await drop(page, photo('fruits.jpg'));
  await finished(page, 'fruits.jpg');
  assert.equal(service.requests.length, 2);
}, { statuses: [0] });

visit('a connection that breaks every time is a failure', async ({ page, service }) => {
  service.script('fruits.jpg', cut(), cut());
  await drop(page, photo('fruits.jpg'));
  await page.getByRole('heading', { name: 'The connection broke' }).waitFor();
}, { statuses: [0] });

visit('an unsupported file is explained with the service\'s own words, and can be tried again', async ({ page, service }) => {
  service.script('notes.txt', refuse(415, { error: 'Unsupported file type', detail: 'notes.txt is text, not a picture or a video' }));
  await choose(page, { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') });
  await page.getByRole('heading', { name: 'Not a photo or video that the service can read' }).waitFor();
  assert.equal(await page.locator('.failure-detail').textContent(), 'The service says: notes.txt is text, not a picture or a video');
  await page.getByText('This browser cannot show notes.txt.').waitFor();
  await page.getByRole('button', { name: 'Try again' }).click();
  await finished(page, 'notes.txt');
}, { statuses: [415] });

for (const [label, title] of [['Processing failed', 'It could not be read'], ['Deadline exceeded', 'It took too long'],
  ['Too large', 'Too large'], ['Internal error', 'Something went wrong in the service']]) {
  visit(`a failure inside the event stream is explained: ${label}`, async ({ page, service }) => {
    service.script('fruits.jpg', failInStream(label, 'the cause'));
    await drop(page, photo('fruits.jpg'));
    await page.getByRole('heading', { name: title }).waitFor();
    assert.equal(await page.locator('.failure-detail').textContent(), 'The service says: the cause');
  });
}

visit('an answer that is no answer of the service is a failure', async ({ page, service }) => {
  service.script('fruits.jpg', ({ response }) => response.writeHead(502, { 'Content-Type': 'text/html' }).end('<h1>Bad gateway</h1>'));
  await drop(page, photo('fruits.jpg'));
  await page.getByText('What came back is not an answer of this service.').waitFor();
}, { statuses: [502] });

visit('a stream that ends without a result is a failure', async ({ page, service }) => {
  service.script('fruits.jpg', ({ response }) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end('event: progress\ndata: {}\n\n'));
  await drop(page, photo('fruits.jpg'));
  await page.getByRole('heading', { name: 'Something went wrong in the service' }).waitFor();
});

visit('where a key is needed it is asked for, kept for the tab, and sent', async ({ page }) => {
  await drop(page, photo('fruits.jpg'));
  await page.getByRole('dialog', { name: 'This service asks for a key' }).waitFor();
  await page.getByLabel('API key').fill('wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'That key was not accepted' }).waitFor();
  await page.getByLabel('API key').fill('secret');
  await page.getByRole('button', { name: 'Use this key' }).click();
  await finished(page, 'fruits.jpg');
  assert.deepEqual(await page.evaluate(() => [Object.values(sessionStorage), localStorage.length]), [['secret'], 0]);
  await page.reload();
  await drop(page, photo('home.jpg'));
  await finished(page, 'home.jpg');
}, { statuses: [401], prepare: (service) => { service.key = 'secret'; } });

visit('without a key what was dropped fails, and can be tried again', async ({ page }) => {
  await drop(page, photo('fruits.jpg'));
  await page.getByRole('button', { name: 'Not now' }).click();
  await page.getByRole('heading', { name: 'A key is needed' }).waitFor();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByLabel('API key').fill('secret');
  await page.keyboard.press('Enter');
  await finished(page, 'fruits.jpg');
}, { statuses: [401], prepare: (service) => { service.key = 'secret'; } });

visit('the status line tells how many pictures a second the model takes', async ({ page, service }) => {
  let pictures = 0;
  const ticking = setInterval(() => {
    pictures += 10;
    service.metrics = `clipembed_batch_size_count ${pictures}\n`;
  }, 50);
  try {
    await becomes(() => page.locator('#status-load').textContent(), /^\d+ images\/s$/);
  } finally {
    clearInterval(ticking);
  }
});

visit('the status line tells the model, the queue and the workers', async ({ page }) => {
  await becomes(() => page.locator('#status').innerText().then((text) => text.replace(/\s+/g, ' ')),
    'Ready openai/clip-vit-base-patch32 on cpu 3 waiting, 2 of 2 workers busy');
}, { prepare: (service) => {
  Object.assign(service.health, { queue_depth: 3, workers: 2 });
  service.metrics = 'clipembed_workers{state="idle"} 0\nclipembed_workers{state="busy"} 2\nclipembed_batch_size_count 7\n';
} });
