// The page's modules that need no browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import path from 'node:path';
import { PAGE } from './mock_service.mjs';

const load = (name) => import(pathToFileURL(path.join(PAGE, name)));
const { EventStream } = await load('event_stream.js');
const { Rate, samples, total } = await load('metrics.js');
const { retryAfter } = await load('service.js');
const { cosine } = await load('vectors.js');
const words = await load('words.js');

const events = (...pieces) => {
  const seen = [];
  const stream = new EventStream((name, data) => seen.push([name, data]));
  for (const piece of pieces) stream.feed(piece);
  return seen;
};

test('events are read whatever pieces they come in', () => {
  const text = ': alive\n\nevent: progress\ndata: {"a":1}\n\nevent: result\ndata: one\ndata: two\n\n';
  const wanted = [['progress', '{"a":1}'], ['result', 'one\ntwo']];
  assert.deepEqual(events(text), wanted);
  assert.deepEqual(events(...text), wanted);
  assert.deepEqual(events(...text.replaceAll('\n', '\r\n')), wanted);
  assert.deepEqual(events(text.replaceAll('\n', '\r'), '\n'), wanted);
});

test('an event that is not finished is not given', () => {
  assert.deepEqual(events('event: result\ndata: {"a":'), []);
  assert.deepEqual(events('event: result\ndata: 1\n'), []);
});

test('Retry-After is seconds or a date', () => {
  assert.equal(retryAfter('3'), 3000);
  assert.equal(retryAfter('Tue, 24 Nov 2026 07:00:10 GMT', Date.parse('2026-11-24T07:00:00Z')), 10_000);
  assert.equal(retryAfter('Tue, 24 Nov 2026 07:00:10 GMT', Date.parse('2026-11-24T08:00:00Z')), 0);
  assert.equal(retryAfter('soon'), null);
  assert.equal(retryAfter(null), null);
});

test('samples are summed over their labels, or those that have one', () => {
  const all = samples('# HELP a b\na{x="1 {2}",y="3"} 3\na{x="2"} 4 1395066363000\nb 0.5\n\n');
  assert.equal(all.length, 3);
  assert.equal(total(all, 'a'), 7);
  assert.equal(total(all, 'a', 'x="2"'), 4);
  assert.equal(total(all, 'b'), 0.5);
  assert.equal(total(all, 'c'), null);
});

test('a rate is what a counter grew a second, and nothing across a restart', () => {
  const rate = new Rate();
  assert.equal(rate.perSecond(10, 1000), null);
  assert.equal(rate.perSecond(40, 3000), 15);
  assert.equal(rate.perSecond(5, 4000), null);
  assert.equal(rate.perSecond(5, 5000), 0);
});

test('the cosine does not depend on length', () => {
  assert.equal(cosine([3, 0], [0, 2]), 0);
  assert.ok(Math.abs(cosine([1, 1], [5, 5]) - 1) < 1e-12);
  assert.ok(Math.abs(cosine([1, 1], [-5, -5]) + 1) < 1e-12);
  assert.ok(Number.isNaN(cosine([0, 0], [1, 1])));
});

test('numbers are written as people read them', () => {
  assert.equal(words.clock(7.25), '0:07.3');
  assert.equal(words.clock(59.97), '1:00.0');
  assert.equal(words.clock(760), '12:40');
  assert.equal(words.clock(3723), '1:02:03');
  assert.equal(words.clock(15, false), '0:15');
  assert.equal(words.bytes(899), '899 bytes');
  assert.equal(words.bytes(82_400), '82.4 kB');
  assert.equal(words.bytes(999_700), '1.0 MB');
  assert.equal(words.milliseconds(1.44), '1.4 ms');
  assert.equal(words.milliseconds(412.5), '413 ms');
  assert.equal(words.milliseconds(2339), '2.34 s');
  assert.equal(words.milliseconds(22_100), '22.1 s');
  assert.equal(words.modelName('/models/clip-a'), 'clip-a');
  assert.equal(words.modelName('openai/clip-vit-base-patch32'), 'openai/clip-vit-base-patch32');
  assert.equal(words.signed(-0.25, 2), '−0.25');
});
