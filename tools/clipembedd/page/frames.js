// The frames that stand for a video: when, why, how good; a click goes there in the preview.
import { element, prefersStillness, unseen } from './dom.js';
import { drawMoments } from './thumbnails.js';
import { clock, count, plain, REASONS } from './words.js';

const WIDTH = 192;
const HEIGHT = 108;

/** {element, close}; `video` is the preview's player, or null where the browser has none for it. */
export function chosenFrames(item, video) {
  const abort = new AbortController();
  const list = element('ol', { class: 'frames' });
  const moments = item.frames.map((frame) => {
    const canvas = element('canvas', { class: 'frame-picture', width: WIDTH, height: HEIGHT, 'aria-hidden': 'true', hidden: true });
    list.append(element('li', {}, frameButton(frame, canvas, video)));
    return { time: frame.time, canvas };
  });
  if (video) {
    markCurrent(video, item.frames, list, abort.signal);
    draw(item, moments, list, abort.signal);
  }
  const section = element('section', { class: 'part', 'aria-labelledby': 'frames-title' },
    element('h3', { id: 'frames-title' }, 'Chosen frames'), element('p', { class: 'part-lead' }, lead(item)), list);
  return { element: section, close: () => abort.abort() };
}

/** Pictures appear all together or not at all where the browser cannot play it; the times are there at once. */
async function draw(item, moments, list, signal) {
  for (const { canvas } of moments) canvas.hidden = false;
  const drawn = await drawMoments(item.file, moments, signal);
  for (const { canvas } of moments.slice(drawn)) canvas.hidden = true;
  list.dataset.drawn = drawn;
}

function frameButton(frame, canvas, video) {
  const score = Number.isFinite(frame.score) ? plain(frame.score, 2) : null;
  const facts = [score && `score ${score}`, Number.isFinite(frame.entropy) && `${plain(frame.entropy, 1)} bits`].filter(Boolean);
  const text = [
    element('span', { class: 'frame-time' }, clock(frame.time)), ' ',
    element('span', { class: 'frame-reason', 'data-reason': frame.reason }, frame.reason), ' ',
    element('span', { class: 'frame-facts' }, facts.join(' · ')),
  ];
  const title = [REASONS[frame.reason], frame.scene >= 0 && `shot ${frame.scene + 1}`].filter(Boolean).join('; ');
  if (!video) return element('span', { class: 'frame', title }, canvas, ...text);
  return element('button', { type: 'button', class: 'frame', title, onclick: () => goTo(video, frame.time) }, canvas, unseen('Go to '), ...text);
}

export function goTo(video, time) {
  video.pause();
  video.currentTime = time;
  video.scrollIntoView({ block: 'nearest', behavior: prefersStillness() ? 'auto' : 'smooth' });
}

function lead(item) {
  const { scene_count: shots, method_used: method } = item.answer.debugMetadata ?? {};
  const found = [count(item.frames.length, 'frame')];
  if (shots > 0) found.push(`from ${count(shots, 'shot')}`);
  if (method === 'keyframes') found.push('looked for in key frames only');
  if (method === 'thorough') found.push('looked for in every frame');
  const reasons = Object.keys(REASONS).filter((reason) => item.frames.some((frame) => frame.reason === reason));
  return `${found.join(', ')}. ${reasons.map((reason) => `${reason}: ${REASONS[reason]}`).join('; ')}.`;
}

/** The frame that the player is at, or has last passed. */
function markCurrent(video, frames, list, signal) {
  video.addEventListener('timeupdate', () => {
    const at = frames.findLastIndex((frame) => frame.time <= video.currentTime + 0.02);
    [...list.children].forEach((entry, i) => entry.firstElementChild.toggleAttribute('data-current', i === at));
  }, { signal });
}
