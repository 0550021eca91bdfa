/**
 * event-reader.ts – Server-Sent Events out of the bytes of an answer (WHATWG HTML, 9.2.6).
 *
 * Keeps true: an event is told when its empty line has come, however the bytes were cut. An id
 * without data is kept and told to nobody.
 */

export interface StreamEvent {
  readonly event: string;
  readonly data: unknown;
}

export class EventReader {
  readonly #decoder = new TextDecoder();
  #rest = '';
  #name = '';
  #data: string[] = [];
  /** The last id that was sent: where another stream goes on. */
  lastId = '';

  /** The events that these bytes complete. */
  read(bytes: Uint8Array): StreamEvent[] {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    // A CR at the end may be half of a CR LF.
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop()!;
    return lines.flatMap((line) => this.#line(line) ?? []);
  }

  #line(line: string): StreamEvent | undefined {
    if (line === '') return this.#end();
    const [, field, value] = /^([^:]+):? ?(.*)$/s.exec(line) ?? [];
    if (field === 'event') this.#name = value!;
    else if (field === 'data') this.#data.push(value!);
    else if (field === 'id') this.lastId = value!;
    return undefined;
  }

  #end(): StreamEvent | undefined {
    const [event, lines] = [this.#name || 'message', this.#data];
    this.#name = '';
    this.#data = [];
    return lines.length === 0 ? undefined : { event, data: JSON.parse(lines.join('\n')) };
  }
}
