/**
 * body.ts – The body of many changes: lines of JSON, or one array.
 *
 * Keeps true: lines are read only as fast as they are taken in, and no more than one of them is
 * held, so a body may be of any length; a bad line is reported and stops no other. An array must be
 * read as a whole and is bounded. However many lines come, and however bad they are, others are
 * answered meanwhile (time-slice.ts).
 */
import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import type { IngestSession } from '../../engine/ingest.ts';
import { Problem } from '../../errors.ts';
import { breathe } from '../../time-slice.ts';
import { LineSplitter } from '../lines.ts';
import { arrayItems, beginsAsArray } from './array-items.ts';

export const LINE_BYTES_MAX = 1024 * 1024;

export const ARRAY_BYTES_MAX = 16 * 1024 * 1024;

const BLANK = /^\s*$/;

/** Takes lines in as they come. @throws Problem body_malformed */
export async function takeLines(stream: Readable, session: IngestSession): Promise<void> {
  const splitter = new LineSplitter(LINE_BYTES_MAX);
  for await (const chunk of whole(stream)) {
    for (const { number, bytes } of splitter.split(chunk)) {
      const room = takeLine(number, bytes, session);
      if (room) await room;
      const pause = breathe();
      if (pause) await pause;
    }
  }
  for (const { number, bytes } of splitter.end()) await takeLine(number, bytes, session);
}

/**
 * @throws Problem body_malformed if the body broke off: what was taken in before stays, and the
 * client gets no report of it
 */
async function* whole(stream: Readable): AsyncGenerator<Buffer> {
  try {
    // Not destroyed when it is left: its connection may be used again (plugins/refused-bodies.ts).
    yield* stream.iterator({ destroyOnReturn: false });
  } catch (error) {
    if (error instanceof Problem) throw error; // it did not come in time
    throw new Problem('body_malformed', 'the body broke off before its end');
  }
}

function takeLine(
  number: number,
  bytes: Buffer | 'too long',
  session: IngestSession,
): Promise<void> | undefined {
  if (bytes === 'too long') return void session.reject(number, tooLong());
  if (!isUtf8(bytes))
    return void session.reject(number, new Problem('line_malformed', 'not UTF-8'));
  const text = bytes.toString('utf8');
  const line = number === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text;
  return BLANK.test(line) ? undefined : session.add(number, line);
}

/**
 * @throws Problem content_type_unsupported | body_invalid | body_malformed, before any change is
 * taken in
 */
export async function takeArray(text: Buffer | undefined, session: IngestSession): Promise<void> {
  if (text === undefined || text.length === 0) {
    throw new Problem(
      'content_type_unsupported',
      'send application/x-ndjson or application/json, with a body',
    );
  }
  if (!isUtf8(text)) throw new Problem('body_malformed', 'the body is not UTF-8');
  if (!beginsAsArray(text)) throw noArray(text);
  for (const item of arrayItems(text)) {
    if (item.length <= LINE_BYTES_MAX) parseItem(item);
    await breathe();
  }
  let index = 0;
  for (const item of arrayItems(text)) {
    index += 1;
    if (item.length > LINE_BYTES_MAX) session.reject(index, tooLong());
    // a line break in JSON is a blank, and what travels is a line
    else await session.add(index, item.toString('utf8').replace(/[\r\n]/g, ' '));
    await breathe();
  }
}

/** @throws Problem body_malformed */
function parseItem(item: Buffer): unknown {
  try {
    return JSON.parse(item.toString('utf8'));
  } catch (error) {
    throw new Problem('body_malformed', `the body is not JSON: ${(error as Error).message}`);
  }
}

function noArray(text: Buffer): Problem {
  if (text.length <= LINE_BYTES_MAX) parseItem(text);
  const detail =
    'the body is a JSON array of changes; single lines are sent as application/x-ndjson';
  return new Problem('body_invalid', detail, [{ path: '', detail }]);
}

function tooLong(): Problem {
  return new Problem('line_too_long', `a change has at most ${LINE_BYTES_MAX} bytes`);
}
