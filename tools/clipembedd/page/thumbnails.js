// Small pictures of photos and of moments of videos, drawn to canvases, so that no full-size picture stays decoded.
import { element } from './dom.js';

const SEEK_LIMIT_MS = 8000;

/** Runs tasks two at a time: decoding a hundred photos at once would take gigabytes. */
const turns = { free: 2, waiting: [] };

async function inTurn(task) {
  if (turns.free > 0) turns.free -= 1;
  else await new Promise((go) => turns.waiting.push(go));
  try {
    return await task();
  } finally {
    const next = turns.waiting.shift();
    if (next) next();
    else turns.free += 1;
  }
}

/** Fills a canvas with the middle of a picture of width x height. */
function drawCovering(canvas, picture, width, height) {
  const scale = Math.max(canvas.width / width, canvas.height / height);
  const w = width * scale;
  const h = height * scale;
  const pen = canvas.getContext('2d');
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(picture, (canvas.width - w) / 2, (canvas.height - h) / 2, w, h);
}

const THUMBNAIL = 112;
const masters = new WeakMap();

/** A canvas of `size` with what stands for the item; blank where the browser cannot decode it. Each file is decoded once. */
export function thumbnail(item, size, name = 'thumbnail') {
  const canvas = element('canvas', { class: name, width: size, height: size, 'aria-hidden': 'true' });
  if (!masters.has(item)) masters.set(item, inTurn(() => drawMaster(item)).catch(() => null));
  masters.get(item).then((master) => {
    canvas.classList.toggle('blank', !master);
    if (master) drawCovering(canvas, master, THUMBNAIL, THUMBNAIL);
  });
  return canvas;
}

async function drawMaster(item) {
  const canvas = element('canvas', { width: THUMBNAIL, height: THUMBNAIL });
  if (!item.isVideo && !item.isPicture) return null;
  await (item.isVideo ? drawPoster(canvas, item.file) : drawPhoto(canvas, item.file));
  return canvas;
}

async function drawPhoto(canvas, file) {
  const picture = await createImageBitmap(file);
  drawCovering(canvas, picture, picture.width, picture.height);
  picture.close();
}

async function drawPoster(canvas, file) {
  const moments = new Moments(file);
  try {
    const { duration } = await moments.ready;
    await moments.draw(canvas, Number.isFinite(duration) ? Math.min(1, duration / 10) : 0);
  } finally {
    moments.close();
  }
}

/**
 * Draws each moment into the canvas beside it: moments is [{time, canvas}]. Resolves with how many could be drawn,
 * 0 where the browser cannot play the video.
 */
export function drawMoments(file, moments, signal) {
  return inTurn(async () => {
    const source = new Moments(file);
    let drawn = 0;
    try {
      await source.ready;
      for (const { time, canvas } of moments) {
        if (signal.aborted) break;
        await source.draw(canvas, time);
        drawn += 1;
      }
    } catch {
      // The browser cannot play it, or not to its end: the times are there all the same.
    } finally {
      source.close();
    }
    return drawn;
  });
}

/** A video that is never shown, sought from moment to moment. */
class Moments {
  #video = document.createElement('video');
  #url;

  constructor(file) {
    this.#url = URL.createObjectURL(file);
    this.#video.muted = true;
    this.#video.preload = 'auto';
    this.ready = this.#once('loadeddata').then(() => this.#video);
    this.#video.src = this.#url;
  }

  async draw(canvas, time) {
    const video = this.#video;
    const sought = this.#once('seeked');
    video.currentTime = time;
    await sought;
    if (video.videoWidth === 0) throw new Error('no pictures in it');
    drawCovering(canvas, video, video.videoWidth, video.videoHeight);
  }

  close() {
    this.#video.removeAttribute('src');
    this.#video.load();
    URL.revokeObjectURL(this.#url);
  }

  #once(event) {
    const signal = AbortSignal.timeout(SEEK_LIMIT_MS);
    return new Promise((resolve, reject) => {
      this.#video.addEventListener(event, resolve, { once: true, signal });
      this.#video.addEventListener('error', () => reject(new Error('cannot be played')), { once: true, signal });
      signal.addEventListener('abort', () => reject(new Error('takes too long')), { once: true });
    });
  }
}
