// Reads text/event-stream as it arrives, in whatever pieces.
//
//   const stream = new EventStream((name, data) => ...);
//   stream.feed('event: progress\ndata: {"proc'); stream.feed('essed":1}\n\n');
//
// The fields of the standard that the service uses: event, data; comments and others are skipped.
export class EventStream {
  #rest = '';
  #name = '';
  #data = [];
  #onEvent;

  constructor(onEvent) {
    this.#onEvent = onEvent;
  }

  feed(text) {
    this.#rest += text;
    // A carriage return at the very end may be half of a CRLF: it waits for what follows.
    for (;;) {
      const end = /\r\n|\n|\r(?!$)/.exec(this.#rest);
      if (!end) return;
      const line = this.#rest.slice(0, end.index);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      this.#line(line);
    }
  }

  #line(line) {
    if (line === '') {
      if (this.#data.length > 0) this.#onEvent(this.#name || 'message', this.#data.join('\n'));
      this.#name = '';
      this.#data = [];
      return;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#name = value;
    else if (field === 'data') this.#data.push(value);
  }
}
