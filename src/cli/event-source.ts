/**
 * event-source.ts – Reads Server-Sent Events out of the chunks of an answer.
 *
 * Keeps true: an event comes when its empty line has come, with the last id that was sent (WHATWG
 * HTML, 9.2.6). An id without data is noted, and is no event.
 */
interface SentEvent {
  /** Its type; undefined: none was named. */
  readonly event: string | undefined;
  /** Undefined: there was only an id. */
  readonly data: string | undefined;
  /** The last id that was sent; '': none. */
  readonly id: string;
}

export async function* readEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SentEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let id = '';
  let event: string | undefined;
  let data: string[] = [];
  for await (const chunk of chunks) {
    const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split(/\r\n|\n/);
    rest = lines.pop()!;
    for (const line of lines) {
      const [, field, value = ''] = /^(\w+)(?:: ?(.*))?$/.exec(line) ?? [];
      if (field === 'data') data.push(value);
      if (field === 'id') id = value;
      if (field === 'event') event = value;
      if (line !== '') continue;
      yield { event, data: data.length > 0 ? data.join('\n') : undefined, id };
      [event, data] = [undefined, []];
    }
  }
}
