/**
 * whole-rows.ts – All rows of a view as one answer, in CSV or NDJSON.
 *
 * Keeps true: it is streamed, a batch at a time and only as fast as it is taken. A fault before the
 * first row is a problem document; one after it cuts the answer off, so that a part never passes
 * for the whole.
 */
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { ViewExport, ViewRow } from '../../membership/view-rows.ts';
import { BYTE_ORDER_MARK, csvLines } from './csv.ts';
import { rowText } from './format.ts';
import type { RowsQuery } from './schemas.ts';

const LINE_END = Buffer.from('\n');

/** Bytes that are made ahead of a slow reader. */
const BUFFERED_BYTES = 64 * 1024;

const ROWS_TOGETHER = 100;

/** Answers with all rows. */
export async function streamRows(
  { definition, rows }: ViewExport,
  form: 'text/csv' | 'application/x-ndjson',
  { bom: hasMark = false, delimiter }: RowsQuery,
  method: string,
  slug: string,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const isCsv = form === 'text/csv';
  reply.type(isCsv ? 'text/csv; charset=utf-8' : form);
  reply.header('content-disposition', `attachment; filename="${slug}.${isCsv ? 'csv' : 'ndjson'}"`);
  if (method === 'HEAD') return reply.send('');
  const head = isCsv
    ? (hasMark ? BYTE_ORDER_MARK : '') +
      csvLines([definition.columns.map(({ label }) => label)], delimiter)
    : '';
  const text = isCsv
    ? (rows: readonly ViewRow[]) =>
        csvLines(
          rows.map(({ cells }) => cells),
          delimiter,
        )
    : (rows: readonly ViewRow[]) =>
        Buffer.concat(rows.flatMap((row) => [rowText(row, definition), LINE_END]));
  const first = await rows.next(); // a fault is still a problem document
  return reply.send(
    Readable.from(texts(first, rows, head, text), {
      objectMode: false,
      highWaterMark: BUFFERED_BYTES,
    }),
  );
}

/** Rows are sent together as long as they are light. */
async function* texts(
  first: IteratorResult<ViewRow>,
  rest: AsyncGenerator<ViewRow>,
  head: string,
  text: (rows: readonly ViewRow[]) => string | Buffer,
): AsyncGenerator<string | Buffer> {
  let together: ViewRow[] = [];
  let weight = 0;
  try {
    if (head !== '') yield head;
    for (let row = first; !row.done; row = await rest.next()) {
      together.push(row.value);
      weight += weightOf(row.value);
      if (weight < BUFFERED_BYTES && together.length < ROWS_TOGETHER) continue;
      yield Buffer.from(text(together)); // beside the heap, while it waits to be taken
      [together, weight] = [[], 0];
    }
    if (together.length > 0) yield Buffer.from(text(together));
  } finally {
    await rest.return(undefined); // the reader may have gone
  }
}

/** About the bytes of a row. */
function weightOf({ cells, related }: ViewRow): number {
  let weight = 0;
  for (const cell of cells) {
    if (typeof cell === 'string') weight += cell.length;
    else weight += typeof cell === 'object' && cell !== null ? JSON.stringify(cell).length : 8;
  }
  for (const found of related) {
    if (!found) continue;
    for (const { text } of 'text' in found ? [found] : found.data) weight += text.length;
  }
  return weight;
}
