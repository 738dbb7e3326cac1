// The thing itself, as the browser can show it: a picture, a player, or a note that it cannot.
import { element } from './dom.js';

/**
 * {element, video, close}: video is the player, null for a picture. `onsize(width, height)` is called once it is known.
 * Its blob URL lives until close().
 */
export function preview(item, onsize) {
  const frame = element('div', { class: 'preview' });
  const cannot = () => frame.replaceChildren(element('p', { class: 'preview-note' },
    `This browser cannot show ${item.name}. That says nothing about the service.`));
  if (!item.isVideo && !item.isPicture) {
    cannot();
    return { element: frame, video: null, close: () => {} };
  }
  const url = URL.createObjectURL(item.file);
  const video = item.isVideo ? player(item, onsize) : null;
  const shown = video ?? picture(item, onsize);
  shown.addEventListener('error', cannot, { once: true });
  shown.src = url;
  frame.append(shown);
  const close = () => {
    shown.removeEventListener('error', cannot);
    shown.removeAttribute('src');
    video?.load();
    URL.revokeObjectURL(url);
  };
  return { element: frame, video, close };
}

function picture(item, onsize) {
  const shown = element('img', { class: 'preview-media', alt: item.name, decoding: 'async' });
  shown.addEventListener('load', () => onsize(shown.naturalWidth, shown.naturalHeight), { once: true });
  return shown;
}

function player(item, onsize) {
  const shown = element('video', { class: 'preview-media', controls: true, playsinline: true, preload: 'auto', 'aria-label': item.name });
  shown.addEventListener('loadedmetadata', () => shown.videoWidth && onsize(shown.videoWidth, shown.videoHeight), { once: true });
  return shown;
}
