// One thing that was dropped: the file, how far the service is with it, and what came of it.
import { clock, count } from './words.js';

const VIDEO_NAMES = /\.(3gp|avi|flv|m2ts|m4v|mkv|mov|mp4|mpe?g|mts|ogv|ts|webm|wmv)$/i;

let lastId = 0;

/**
 * `state` is one of
 *   waiting   for its turn, or for the service
 *   sending   `sent`, 0 to 1
 *   working   `progress`, the service's last word on it, or null
 *   done      `vector`, `frames` and `answer` are there
 *   failed    `failure` says why
 */
export class Item {
  id = ++lastId;
  state = 'waiting';
  sent = 0;
  progress = null;
  answer = null;
  vector = null;
  frames = [];
  failure = null;
  attempts = 0;
  roundTrip = 0;

  constructor(file) {
    this.file = file;
    this.name = file.name || 'pasted picture';
  }

  // What the browser would show it with; the service looks at the content instead. Systems have other types for some
  // videos' names (.ts), and none for many.
  get isVideo() {
    return this.file.type.startsWith('video/') || (VIDEO_NAMES.test(this.name) && !this.isPicture);
  }

  get isPicture() {
    return this.file.type.startsWith('image/');
  }

  get kind() {
    if (this.isVideo || this.frames.length > 0) return 'Video';
    return this.isPicture || this.state === 'done' ? 'Photo' : 'File';
  }

  get isOver() {
    return this.state === 'done' || this.state === 'failed';
  }

  finish(answer) {
    this.answer = answer;
    this.vector = Float32Array.from(answer.embedding);
    this.frames = (answer.frames ?? []).map((frame) => ({ ...frame, vector: Float32Array.from(frame.embedding ?? []) }));
    this.state = 'done';
  }

  /** Whether one model made both vectors. */
  comparesWith(other) {
    const model = (item) => item.answer?.debugMetadata?.model;
    return this.vector?.length === other.vector?.length && model(this) === model(other);
  }

  /** 0 to 1, or null where nobody can say. */
  get fraction() {
    if (this.state === 'sending') return this.sent;
    if (this.state !== 'working' || !this.progress) return null;
    const { position, duration } = this.progress;
    return duration > 0 && position >= 0 ? Math.min(1, position / duration) : null;
  }

  /** Its state in a few words. */
  get words() {
    switch (this.state) {
      case 'waiting': return 'Waiting';
      case 'sending': return this.sent > 0 ? `Sending, ${Math.floor(this.sent * 100)} %` : 'Sending';
      case 'working': return this.#workingWords();
      case 'failed': return 'Failed';
      default: return this.frames.length > 0 ? count(this.frames.length, 'frame') : '';
    }
  }

  #workingWords() {
    const { position, duration } = this.progress ?? {};
    if (!(position >= 0)) return 'Working';
    return `Watching, ${clock(position, false)}${duration > 0 ? ` of ${clock(duration, false)}` : ''}`;
  }
}
