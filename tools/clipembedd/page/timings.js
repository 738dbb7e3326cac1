// Where the time went: a bar and the same in words, from the answer's debugMetadata.
import { element } from './dom.js';
import { milliseconds, modelName } from './words.js';

const STAGES = [
  ['queue_time_ms', 'waiting', 'time-0'],
  ['decode_time_ms', 'decoding', 'time-1'],
  ['preprocess_time_ms', 'resizing', 'time-2'],
  ['inference_time_ms', 'the model', 'time-3'],
];

export function timings(item) {
  const facts = item.answer.debugMetadata ?? {};
  const total = facts.processing_time_ms ?? 0;
  const stages = STAGES.map(([key, name, look]) => ({ name, look, time: facts[key] })).filter(({ time }) => Number.isFinite(time));
  // Of a video the service does not know all stages, and they overlap.
  const rest = Math.max(0, total - stages.reduce((sum, { time }) => sum + time, 0));
  const bar = element('div', { class: 'time-bar', 'aria-hidden': 'true' }, ...[...stages, { look: '', time: rest }].map(({ time, look }) => {
    const part = element('span', { class: `time-part ${look}` });
    part.style.setProperty('--share', time);
    return part;
  }));
  const list = element('dl', { class: 'time-list' }, ...stages.map(({ name, look, time }) => element('div', {},
    element('dt', {}, element('span', { class: `time-key ${look}`, 'aria-hidden': 'true' }), name),
    element('dd', {}, milliseconds(time)))));
  return element('section', { class: 'part timings', 'aria-labelledby': 'timings-title' },
    element('h3', { id: 'timings-title' }, 'Time'),
    element('p', { class: 'part-lead' }, `${milliseconds(total)} in the service, ${milliseconds(item.roundTrip)} with the way there and back.`),
    bar, list, provenance(facts));
}

function provenance(facts) {
  const rows = [['Model', modelName(facts.model)], ['Decoder', facts.decoder], ['Request', facts.request_id], ['Answered', facts.timestamp]];
  return element('dl', { class: 'facts' }, ...rows.filter(([, value]) => value).flatMap(([name, value]) => [
    element('dt', {}, name), element('dd', {}, String(value))]));
}
