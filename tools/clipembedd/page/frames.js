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
    element('h3', { id: 'frames-title' }, 'Chosen frames'), element('p', { class: 'part-lead' }, lead(item)),
    timeline(item, video, abort.signal), list);
  return { element: section, close: () => abort.abort() };
}

/** Where in the video they are: a stroke each, longer where a shot begins. For the eye only; the list says it in words. */
function timeline(item, video, signal) {
  const strokes = item.frames.map((frame) => element('span', { class: 'stroke', 'data-reason': frame.reason }));
  const line = element('div', { class: 'timeline', 'aria-hidden': 'true' }, ...strokes);
  const place = () => {
    const duration = video?.duration || item.progress?.duration || item.frames.at(-1).time || 1;
    item.frames.forEach((frame, i) => strokes[i].style.setProperty('--at', Math.min(1, frame.time / duration)));
    if (video) line.style.setProperty('--now', video.currentTime / duration || 0);
  };
  place();
  for (const event of ['loadedmetadata', 'timeupdate', 'seeking']) video?.addEventListener(event, place, { signal });
  return line;
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
