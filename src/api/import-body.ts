/**
 * import-body.ts – Reads the body of an import, NDJSON or CSV, into rows.
 *
 * Keeps true: no more than one chunk and one row are held, so a body may be of any length; a row that can't be read is a row
 * with its fault. What the values mean is not looked at here: a row is checked when it is worked off.
 */
import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import { columnsOf } from '../change/cells.ts';
import type { ObjectType } from '../change/object-type.ts';
import { Problem } from '../errors.ts';
import type { ImportRow } from '../jobs/import-job.ts';
import { breathe } from '../time-slice.ts';
import { CsvReader, type CsvRow } from './csv-rows.ts';
import { type Line, LineSplitter } from './lines.ts';

const ROW_BYTES_MAX = 1024 * 1024;
const BLANK = /^\s*$/;

/** @throws Problem body_malformed if the body broke off */
export async function* ndjsonRows(body: Readable): AsyncGenerator<ImportRow[]> {
  for await (const lines of linesOf(body)) {
    yield lines.flatMap(([line, text]): ImportRow[] => {
      if (typeof text !== 'string') return [[line, text]];
      return BLANK.test(text) ? [] : [[line, text]];
    });
  }
}

/** The first row is the header. @throws Problem body_malformed if the body broke off */
export async function* csvRows(body: Readable, delimiter: string): AsyncGenerator<ImportRow[]> {
  const reader = new CsvReader(delimiter, ROW_BYTES_MAX);
  for await (const lines of linesOf(body)) {
    const rows: ImportRow[] = [];
    for (const [line, text] of lines) {
      if (typeof text !== 'string') rows.push([line, text]);
      else for (const row of reader.read(line, text)) rows.push(told(row));
    }
    yield rows;
  }
  yield [...reader.end()].map(told);
}

function told([line, cells]: CsvRow): ImportRow {
  return 'fault' in cells ? [line, { code: 'line_malformed', detail: cells.fault }] : [line, cells];
}

type TextLine = readonly [line: number, text: string | { code: 'line_malformed' | 'line_too_long'; detail: string }];

/** The lines of each chunk. */
async function* linesOf(body: Readable): AsyncGenerator<TextLine[]> {
  const splitter = new LineSplitter(ROW_BYTES_MAX);
  try {
    for await (const chunk of body) {
      yield [...splitter.split(chunk as Buffer)].map(textOf);
      await breathe();
    }
  } catch (error) {
    if (error instanceof Problem) throw error; // it did not come in time
    throw new Problem('body_malformed', 'the body broke off before its end; nothing was imported');
  }
  yield [...splitter.end()].map(textOf);
}

function textOf({ number, bytes }: Line): TextLine {
  if (bytes === 'too long')
    return [number, { code: 'line_too_long', detail: `a line has at most ${ROW_BYTES_MAX} bytes` }];
  if (!isUtf8(bytes)) return [number, { code: 'line_malformed', detail: 'not UTF-8' }];
  const text = bytes.toString('utf8');
  return [number, number === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text];
}

/** Which attribute each column of a CSV file holds; null: the column is left out. */
export interface Columns {
  readonly id: number;
  readonly attributes: readonly (string | null)[];
}

/**
 * Maps a header: as `map` says (`Header:attribute`; without an attribute the column is left out), else to the attribute of that
 * name, else to the declared one that the header names in other letters (`Last seen at` is `last_seen_at`), else as it is.
 * @throws Problem parameter_invalid | body_invalid
 */
export function mapColumns(
  header: readonly string[],
  idColumn: string,
  map: readonly string[],
  type: ObjectType,
): Columns {
  const titles = header.map((title) => title.trim());
  const given = readMap(map, titles);
  const declared = new Set(columnsOf(type));
  const id = titles.indexOf(idColumn);
  if (id < 0) throw badHeader(`there is no column '${idColumn}' for the ids; the header has ${titles.join(', ')}`);
  const attributes = titles.map((title, at) => {
    if (at === id || title === '') return null;
    const named = given.get(title);
    if (named !== undefined) return named === '' ? null : named;
    const plain = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_');
    return !declared.has(title) && declared.has(plain) ? plain : title;
  });
  if (attributes.includes('__proto__')) throw badHeader("an attribute can't have the name '__proto__'");
  const twice = attributes.find((name, at) => name !== null && attributes.indexOf(name) !== at);
  if (twice) throw badHeader(`two columns hold the attribute '${twice}'`);
  return { id, attributes };
}

function readMap(map: readonly string[], titles: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  for (const [at, entry] of map.entries()) {
    const colon = entry.lastIndexOf(':');
    const title = entry.slice(0, colon);
    if (colon > 0 && titles.includes(title)) given.set(title, entry.slice(colon + 1));
    else {
      const detail = colon > 0 ? `the header has no column '${title}'` : 'a map is Header:attribute';
      throw new Problem('parameter_invalid', detail, [{ path: `/map/${at}`, detail }]);
    }
  }
  return given;
}

function badHeader(detail: string): Problem {
  return new Problem('body_invalid', detail, [{ path: '', detail }]);
}
