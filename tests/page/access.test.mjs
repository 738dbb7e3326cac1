// Everyone can use it: by keyboard, by screen reader, in the dark, on a phone; and the browser finds nothing to forbid.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axeSource } from './browser.mjs';
import { photo, video } from './media.mjs';
import { MockService, POLICY, refuse } from './mock_service.mjs';
import { becomes, drop, finished, row, visit } from './visit.mjs';

const clip = video();

/** Everything at once: a photo, a video, a failure, an upload that goes on. */
async function fill(page, service) {
  service.script('home.jpg', refuse(415, { error: 'Unsupported file type', detail: 'no' }));
  const gate = service.hold('butterfly.jpg');
  await drop(page, clip, photo('fruits.jpg'), photo('home.jpg'), photo('butterfly.jpg'));
  await page.locator('.frames[data-drawn]').waitFor();
  await finished(page, 'fruits.jpg');
  await gate.arrived;
  return gate;
}

async function violations(page) {
  await page.evaluate(axeSource());
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`);
}

for (const colorScheme of ['light', 'dark']) {
  visit(`axe finds nothing, ${colorScheme}`, async ({ page, service }) => {
    assert.deepEqual(await violations(page), []);
    await fill(page, service);
    assert.deepEqual(await violations(page), []);
    for (const name of ['fruits.jpg', 'home.jpg', 'butterfly.jpg']) {
      await row(page, name).locator('.row-open').click();
      assert.deepEqual(await violations(page), [], name);
    }
  }, { statuses: [415], context: { colorScheme } });
}

visit('every control has a name of its own', async ({ page, service }) => {
  await fill(page, service);
  await page.getByText('Options').click();
  const controls = await page.locator('button:visible, input:visible, select:visible, summary, [tabindex="0"], progress:visible').all();
  assert.ok(controls.length > 20);
  for (const control of controls) {
    const snapshot = await control.ariaSnapshot();
    assert.match(snapshot, /"[^"]+"|: \S/, await control.evaluate((node) => node.outerHTML));
  }
}, { statuses: [415] });

visit('everything can be reached and done by keyboard, in the order of the page', async ({ page, service }) => {
  const gate = await fill(page, service);
  gate.finish();
  await finished(page, 'butterfly.jpg');
  const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText.split('\n')[0]);
  await page.locator('#choose').focus();
  const order = [];
  for (let i = 0; i < 7; i++) {
    await page.keyboard.press('Tab');
    order.push(await focused());
  }
  assert.deepEqual(order, ['Options', 'Download all', 'Remove all', 'shots.webm', 'Remove shots.webm', 'fruits.jpg', 'Remove fruits.jpg']);

  await page.locator('.row-open').first().focus();
  await page.keyboard.press('ArrowDown');
  assert.equal(await focused(), 'fruits.jpg');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'fruits.jpg' }).waitFor();
  assert.equal(await row(page, 'fruits.jpg').locator('.row-open').getAttribute('aria-current'), 'true');

  await page.keyboard.press('Delete');
  await becomes(() => page.locator('.row').count(), 3);
  assert.equal(await focused(), 'home.jpg');
}, { statuses: [415] });

visit('the numbers of a vector are read with the arrow keys', async ({ page }) => {
  await drop(page, photo('fruits.jpg'));
  await finished(page, 'fruits.jpg');
  const slider = page.getByRole('slider', { name: 'Numbers of the vector of fruits.jpg' });
  await slider.focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  assert.match(await slider.getAttribute('aria-valuetext'), /^dimension 34: [−+]0\.\d{4}$/);
  assert.equal(await slider.getAttribute('aria-valuenow'), '34');
  await page.keyboard.press('End');
  assert.match(await page.locator('.heat-readout').textContent(), /^dimension 512/);
});

visit('the focus is never lost to what is built anew', async ({ page, service }) => {
  const gate = service.hold('butterfly.jpg');
  service.script('building.jpg', refuse(415, { error: 'Unsupported file type' }));
  await drop(page, photo('fruits.jpg'), photo('home.jpg'), photo('butterfly.jpg'), photo('building.jpg'));
  await becomes(() => page.locator('.near-open').count(), 1);
  await page.locator('.near-open').focus();
  await gate.arrived;
  gate.finish();
  await becomes(() => page.locator('.near-open').count(), 2);
  assert.equal(await page.evaluate(() => document.activeElement.querySelector('.near-name').textContent), 'home.jpg');

  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'home.jpg' }).and(page.locator(':focus')).waitFor();
  await row(page, 'building.jpg').locator('.row-open').click();
  await page.getByRole('button', { name: 'Try again' }).press('Enter');
  await finished(page, 'building.jpg');
  await page.getByRole('heading', { name: 'building.jpg' }).and(page.locator(':focus')).waitFor();
}, { statuses: [415] });

visit('what was done and what failed is announced, once for many', async ({ page, service }) => {
  service.script('home.jpg', refuse(415, { error: 'Unsupported file type' }));
  await drop(page, photo('fruits.jpg'), photo('home.jpg'), photo('butterfly.jpg'), photo('building.jpg'));
  await becomes(() => page.getByRole('status').last().textContent(), '3 files done. home.jpg failed.');
}, { statuses: [415] });

visit('nothing is wider than a phone of 360 px', async ({ page, service }) => {
  const width = () => page.evaluate(() => document.documentElement.scrollWidth);
  assert.equal(await width(), 360);
  await fill(page, service);
  assert.equal(await width(), 360);
  await row(page, 'home.jpg').locator('.row-open').click();
  await becomes(() => page.locator('#detail').evaluate((detail) => detail.getBoundingClientRect().top >= 0 && detail.getBoundingClientRect().top < innerHeight), true);
  assert.equal(await width(), 360);
}, { statuses: [415], context: { viewport: { width: 360, height: 740 } } });

visit('dark is dark, and follows the system while the page is open', async ({ page }) => {
  await drop(page, photo('fruits.jpg'));
  await finished(page, 'fruits.jpg');
  const looks = () => page.evaluate(() => {
    const pen = Object.assign(document.createElement('canvas'), { width: 32, height: 16 }).getContext('2d', { willReadFrequently: true });
    pen.drawImage(document.querySelector('.heat-cells'), 0, 0);
    const { data } = pen.getImageData(0, 0, 32, 16);
    return { paper: getComputedStyle(document.body).backgroundColor, cells: data.reduce((sum, value) => sum + value, 0) / data.length };
  });
  const light = await looks();
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.equal(light.paper, 'rgb(248, 248, 246)');
  await becomes(async () => (await looks()).paper, 'rgb(19, 20, 24)');
  await becomes(async () => (await looks()).cells < light.cells - 40, true);
});

visit('nothing moves for those who asked for stillness', async ({ page, service }) => {
  const gate = service.hold('fruits.jpg');
  await drop(page, photo('fruits.jpg'));
  await gate.arrived;
  assert.deepEqual(await page.evaluate(() => document.getAnimations().length), 0);
}, { context: { reducedMotion: 'reduce' } });

test('the page is served with a policy that allows no inline script, style or foreign host', async () => {
  const service = await MockService.start();
  try {
    const response = await fetch(service.url);
    const html = await response.text();
    assert.equal(response.headers.get('content-security-policy'), POLICY);
    assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|https?:\/\//);
    for (const [, name] of html.matchAll(/(?:src|href)="(\/page\/[^"]+)"/g)) {
      assert.equal((await fetch(service.url + name)).status, 200, name);
    }
  } finally {
    await service.stop();
  }
});
