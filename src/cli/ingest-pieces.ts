/**
 * ingest-pieces.ts – Cuts a file of lines into pieces that are sent one at a time.
 *
 * Keeps true: no more than one piece is held. A piece is made of whole lines and knows the number
 * of its first one, blank lines counted. So the server's line numbers can be turned into those of
 * the file.
 */
import { CommandError } from './failure.ts';

/** Some whole lines of the file. */
export interface IngestPiece {
  readonly firstLine: number;
  readonly lines: number;
  readonly body: Buffer;
}

const REQUEST_BYTES_MAX = 4 * 1024 * 1024;
/** Far above what a server takes: it refuses such a line by itself. */
const LINE_BYTES_MAX = 64 * 1024 * 1024;
const NEWLINE = 10;

/**
 * Whole lines, at most `linesMax`, and not many more bytes than REQUEST_BYTES_MAX. @throws
 * CommandError
 */
export async function* pieces(
  input: AsyncIterable<Buffer>,
  linesMax: number,
): AsyncIterable<IngestPiece> {
  let [firstLine, lines, bytes, isMidLine]: [number, number, number, boolean] = [1, 0, 0, false];
  let parts: Buffer[] = [];
  const cut = (): IngestPiece => {
    const piece = { firstLine, lines, body: Buffer.concat(parts) };
    [firstLine, lines, bytes, parts] = [firstLine + lines, 0, 0, []];
    return piece;
  };
  for await (const chunk of input) {
    for (let from = 0; from < chunk.length; ) {
      const newline = chunk.indexOf(NEWLINE, from);
      const part = chunk.subarray(from, newline < 0 ? chunk.length : newline + 1);
      parts.push(part);
      bytes += part.length;
      from += part.length;
      isMidLine = newline < 0;
      if (bytes > REQUEST_BYTES_MAX + LINE_BYTES_MAX) throw tooLong(firstLine + lines);
      if (!isMidLine && (++lines >= linesMax || bytes >= REQUEST_BYTES_MAX)) yield cut();
    }
  }
  if (isMidLine) lines++;
  if (lines > 0) yield cut();
}

function tooLong(line: number): CommandError {
  return new CommandError(
    `Line ${line} is longer than ${LINE_BYTES_MAX / 1024 / 1024} MB. Is this a file of lines?`,
  );
}

/** The rest of a piece from the line on. */
export function skipTo(piece: IngestPiece, line: number): IngestPiece {
  const skipped = Math.min(Math.max(0, line - piece.firstLine), piece.lines);
  let start = 0;
  for (let at = 0; at < skipped; at++) {
    const newline = piece.body.indexOf(NEWLINE, start);
    start = newline < 0 ? piece.body.length : newline + 1;
  }
  return {
    firstLine: piece.firstLine + skipped,
    lines: piece.lines - skipped,
    body: piece.body.subarray(start),
  };
}

/** The line of that number in the file, without its end. */
export function lineOf({ firstLine, body }: IngestPiece, line: number): string {
  let start = 0;
  for (let at = firstLine; at < line; at++) start = body.indexOf(NEWLINE, start) + 1;
  const end = body.indexOf(NEWLINE, start);
  return body.toString('utf8', start, end < 0 ? body.length : end).trim();
}
