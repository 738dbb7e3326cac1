// text/event-stream, as the HTML standard defines it, without reconnecting: ids and retry times are not used.

export interface ServerEvent {
  event: string;
  data: string;
}

/** The events of a stream of chunks. An event that its blank line does not end is dropped, as the standard says. */
export async function* parseEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  let event = "";
  let data: string[] = [];
  for await (const line of lines(chunks)) {
    if (line === "") {
      if (data.length > 0) yield { event: event || "message", data: data.join("\n") };
      event = "";
      data = [];
      continue;
    }
    // Without a colon the whole line is the field's name; a line that begins with one is a comment.
    const [, field, value = ""] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? [];
    if (field === "event") event = value;
    else if (field === "data") data.push(value);
  }
}

/** Lines end in LF, CR or CRLF, also where a chunk ends between the two. */
async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  let endedInReturn = false;
  for await (const chunk of chunks) {
    let text = decoder.decode(chunk, { stream: true });
    if (text === "") continue;
    if (endedInReturn && text.startsWith("\n")) text = text.slice(1);
    endedInReturn = text.endsWith("\r");
    const complete = text.split(/\r\n|\r|\n/);
    complete[0] = rest + complete[0];
    rest = complete.pop() ?? "";
    yield* complete;
  }
}
