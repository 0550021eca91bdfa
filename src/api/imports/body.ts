/**
 * body.ts – Reads the body of an import, NDJSON or CSV, into rows.
 *
 * Keeps true: no more than one chunk and one row are held, so a body may be of any length. A row
 * that can't be read is a row with its fault. Values are checked later, by the job. A body that is
 * left before its end is not destroyed: its connection may be used again.
 */
import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import { Problem } from '../../errors.ts';
import type { ImportRow } from '../../jobs/import-job.ts';
import { breathe } from '../../time-slice.ts';
import { type Charset, inUtf8 } from '../charset.ts';
import { type Line, LineSplitter } from '../lines.ts';
import { CsvLineSplitter } from './csv-lines.ts';
import { CsvReader, type CsvRow } from './csv-rows.ts';

const ROW_BYTES_MAX = 1024 * 1024;
const BLANK = /^\s*$/;

/** @throws Problem body_malformed if the body broke off */
export async function* ndjsonRows(body: Readable, charset: Charset): AsyncGenerator<ImportRow[]> {
  for await (const lines of linesOf(body, charset, new LineSplitter(ROW_BYTES_MAX))) {
    yield lines.flatMap((line): ImportRow[] => {
      const text = textOf(line);
      if (typeof text !== 'string') return [[line.number, text]];
      return BLANK.test(text) ? [] : [[line.number, text]];
    });
  }
}

/** The first row is the header. @throws Problem body_malformed if the body broke off */
export async function* csvRows(
  body: Readable,
  charset: Charset,
  delimiter: string,
): AsyncGenerator<ImportRow[]> {
  const reader = new CsvReader(delimiter, ROW_BYTES_MAX);
  for await (const lines of linesOf(body, charset, new CsvLineSplitter(ROW_BYTES_MAX))) {
    const rows: ImportRow[] = [];
    for (const line of lines) {
      const text = textOf(line);
      if (typeof text !== 'string') rows.push([line.number, text]);
      else for (const row of reader.read(line.number, text, line.end)) rows.push(importRow(row));
    }
    yield rows;
  }
  yield [...reader.end()].map(importRow);
}

/**
 * Whether all cells of a row are empty: a line of delimiters, as spreadsheets leave them below a
 * table.
 */
export function isEmptyRow(content: ImportRow[1]): boolean {
  return Array.isArray(content) && content.every((cell: string) => cell.trim() === '');
}

function importRow([line, cells]: CsvRow): ImportRow {
  return 'fault' in cells ? [line, { code: 'line_malformed', detail: cells.fault }] : [line, cells];
}

interface Splitter<L extends Line> {
  split(chunk: Buffer): Iterable<L>;
  end(): Iterable<L>;
}

/** The lines of each chunk. */
async function* linesOf<L extends Line>(
  body: Readable,
  charset: Charset,
  splitter: Splitter<L>,
): AsyncGenerator<L[]> {
  const chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  try {
    for await (const chunk of inUtf8(chunks, charset)) {
      yield [...splitter.split(chunk)];
      await breathe();
    }
  } catch (error) {
    if (error instanceof Problem) throw error; // it did not come in time, or is not in its charset
    throw new Problem('body_malformed', 'the body broke off before its end; nothing was imported');
  }
  yield [...splitter.end()];
}

type LineFault = { readonly code: 'line_malformed' | 'line_too_long'; readonly detail: string };

/** Bytes that are not UTF-8 are refused: what they were meant to be can't be known from them. */
function textOf({ number, bytes }: Line): string | LineFault {
  if (bytes === 'too long')
    return { code: 'line_too_long', detail: `a line has at most ${ROW_BYTES_MAX} bytes` };
  if (!isUtf8(bytes)) {
    return {
      code: 'line_malformed',
      detail: 'not UTF-8; say what it is, for example text/csv; charset=windows-1252',
    };
  }
  const text = bytes.toString('utf8');
  return number === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text;
}
