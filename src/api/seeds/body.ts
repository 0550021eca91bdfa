/**
 * body.ts – Reads the body of a seed, a JSON array or NDJSON, into pieces.
 *
 * Keeps true: of NDJSON no more than one piece is held. A body that is not JSON throughout is
 * refused as a whole.
 */
import { isUtf8 } from 'node:buffer';
import { Readable } from 'node:stream';
import { readExactJson } from '../../change/exact-json.ts';
import { isNestedWithin } from '../../change/nesting.ts';
import { Problem } from '../../errors.ts';
import type { GivenItem } from '../../jobs/seeding.ts';
import { type Line, LineSplitter } from '../lines.ts';

const PIECE_ITEMS_MAX = 500;
const PIECE_LENGTH_MAX = 1024 * 1024;
const LINE_BYTES_MAX = 4 * 1024 * 1024;
/** More than any item needs: a query may be 700 levels deep when it is written as JSON. */
const ITEM_LEVELS_MAX = 1000;

export type SeedPieces = AsyncIterable<GivenItem[]>;

/** @throws Problem content_type_unsupported | body_invalid | body_malformed */
export function seedPieces(body: unknown): SeedPieces {
  if (body instanceof Readable) return linePieces(body);
  if (Array.isArray(body)) return arrayPieces(body);
  const detail =
    'a seed is a JSON array of items { "object_type", "data" }, or the same as lines of ' +
    'application/x-ndjson';
  if (body === undefined) throw new Problem('content_type_unsupported', detail);
  throw new Problem('body_invalid', detail, [{ path: '', detail }]);
}

async function* arrayPieces(items: readonly unknown[]): AsyncGenerator<GivenItem[]> {
  for (let from = 0; from < items.length; from += PIECE_ITEMS_MAX)
    yield items
      .slice(from, from + PIECE_ITEMS_MAX)
      .map((item, at) => [from + at, shallow(from + at, item)] as const);
}

async function* linePieces(body: Readable): AsyncGenerator<GivenItem[]> {
  let [index, length, piece]: [number, number, GivenItem[]] = [0, 0, []];
  for await (const line of linesOf(body)) {
    const text = textOf(line);
    if (text.trim() === '') continue;
    piece.push([index, shallow(index, parse(line.number, text, index))]);
    index += 1;
    length += text.length;
    if (piece.length < PIECE_ITEMS_MAX && length < PIECE_LENGTH_MAX) continue;
    yield piece;
    [length, piece] = [0, []];
  }
  if (piece.length > 0) yield piece;
}

/** All later work on an item walks it level by level. @throws Problem body_invalid */
function shallow(index: number, item: unknown): unknown {
  if (isNestedWithin(item, ITEM_LEVELS_MAX)) return item;
  const fault = `item ${index} is nested deeper than ${ITEM_LEVELS_MAX} levels`;
  const detail = `${fault}; nothing was changed`;
  throw new Problem('body_invalid', detail, [{ path: `/${index}`, detail }]);
}

async function* linesOf(body: Readable): AsyncGenerator<Line> {
  const splitter = new LineSplitter(LINE_BYTES_MAX);
  try {
    // Not destroyed when it is left: its connection may be used again (plugins/refused-bodies.ts).
    for await (const chunk of body.iterator({ destroyOnReturn: false }))
      yield* splitter.split(chunk as Buffer);
  } catch (error) {
    if (error instanceof Problem) throw error; // it did not come in time
    throw new Problem('body_malformed', 'the body broke off before its end; nothing was changed');
  }
  yield* splitter.end();
}

function textOf({ number, bytes }: Line): string {
  if (bytes === 'too long')
    throw new Problem('body_malformed', `line ${number} is longer than ${LINE_BYTES_MAX} bytes`);
  if (!isUtf8(bytes)) throw new Problem('body_malformed', `line ${number} is not UTF-8`);
  const text = bytes.toString('utf8');
  return number === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text;
}

/**
 * @throws Problem body_malformed | number_inexact, with the pointer of the number into the item at
 * that index.
 */
function parse(line: number, text: string, index: number): unknown {
  try {
    return readExactJson(text);
  } catch (error) {
    if (error instanceof Problem) {
      const faults = error.errors.map(({ path, detail }) => ({ path: `/${index}${path}`, detail }));
      throw new Problem(error.code, `line ${line}: ${error.message}`, faults);
    }
    throw new Problem('body_malformed', `line ${line} is not JSON: ${(error as Error).message}`);
  }
}
