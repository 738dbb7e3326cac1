// Where the time went: a bar and the same in words, from the answer's debugMetadata.
import { element } from './dom.js';
import { milliseconds } from './words.js';

const STAGES = [
  ['queue_time_ms', 'waiting'],
  ['decode_time_ms', 'decoding'],
  ['preprocess_time_ms', 'resizing'],
  ['inference_time_ms', 'the model'],
];

export function timings(item) {
  const facts = item.answer.debugMetadata ?? {};
  const total = facts.processing_time_ms ?? 0;
  const stages = STAGES.map(([key, name]) => ({ name, time: facts[key] })).filter(({ time }) => Number.isFinite(time));
  const bar = element('div', { class: 'time-bar', 'aria-hidden': 'true' }, ...stages.map(({ time }, i) => {
    const part = element('span', { class: `time-part time-${i}` });
    part.style.setProperty('--share', time);
    return part;
  }));
  const list = element('dl', { class: 'time-list' }, ...stages.map(({ name, time }, i) => element('div', {},
    element('dt', {}, element('span', { class: `time-key time-${i}`, 'aria-hidden': 'true' }), name),
    element('dd', {}, milliseconds(time)))));
  return element('section', { class: 'part timings', 'aria-labelledby': 'timings-title' },
    element('h3', { id: 'timings-title' }, 'Time'),
    element('p', { class: 'part-lead' }, `${milliseconds(total)} in the service, ${milliseconds(item.roundTrip)} with the way there and back.`),
    bar, list, provenance(facts));
}

function provenance(facts) {
  const rows = [['Model', facts.model], ['Decoder', facts.decoder], ['Request', facts.request_id], ['Answered', facts.timestamp]];
  return element('dl', { class: 'facts' }, ...rows.filter(([, value]) => value).flatMap(([name, value]) => [
    element('dt', {}, name), element('dd', {}, String(value))]));
}
