/**
 * ingest-rejected.ts – `--rejected FILE`: every rejected line, with the reason, in a form that can
 * be corrected and sent again.
 *
 * Keeps true: each is one line, { "line", "code", "detail", "path"?, "change" }. The change stands
 * as it was written, every digit of it, or as "text" if it is no JSON. `rollcall ingest` takes such
 * a line for the change in it, so the file is its own input.
 */
import { appendFileSync, existsSync, realpathSync, writeFileSync } from 'node:fs';
import { CommandError } from './failure.ts';
import { type IngestPiece, lineOf } from './ingest-pieces.ts';

export interface RejectedLine {
  readonly line: number;
  readonly code: string;
  readonly detail: string;
  readonly path?: string;
}

export interface RejectedFile {
  /** Keeps what was rejected of a piece; its numbers are those of the file that is sent. */
  keep(piece: IngestPiece, rejected: readonly RejectedLine[]): void;
}

/** Truncates the file. @throws CommandError */
export function openRejected(path: string | undefined, input: string): RejectedFile {
  if (path === undefined) return { keep: () => {} };
  const isInput =
    input !== '-' &&
    existsSync(path) &&
    existsSync(input) &&
    realpathSync(path) === realpathSync(input);
  if (isInput)
    throw new CommandError(`--rejected ${path} is the file that is sent; name another one.`);
  write(path, () => writeFileSync(path, ''));
  return {
    keep: (piece, rejected) => {
      const lines = rejected.map((each) => written(each, lineOf(piece, each.line)));
      if (lines.length > 0) write(path, () => appendFileSync(path, lines.join('')));
    },
  };
}

function write(path: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw new CommandError(`${path} can not be written: ${(error as Error).message}.`);
  }
}

function written({ line, code, detail, path }: RejectedLine, text: string): string {
  const reason = JSON.stringify({ line, code, detail, path }).slice(0, -1);
  const member = isJson(text) ? `"change":${text}` : `"text":${JSON.stringify(text)}`;
  return `${reason},${member}}\n`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

// ── and back ──

const KEPT = '{"line":';
const CHANGE = ',"change":';

/**
 * A piece with what such files hold taken out of its envelope: the very piece if it is none of one.
 */
export function unwrapped(piece: IngestPiece): IngestPiece {
  if (!piece.body.includes(KEPT)) return piece;
  const lines = piece.body.toString('utf8').split('\n').map(unwrappedLine);
  return { ...piece, body: Buffer.from(lines.join('\n')) };
}

function unwrappedLine(text: string): string {
  const line = text.trim();
  if (!line.startsWith(KEPT) || !isKept(line)) return text;
  // Within strings quotes are escaped: the first one found so is the member.
  const at = line.indexOf(CHANGE);
  return at < 0
    ? String((JSON.parse(line) as { text: unknown }).text)
    : line.slice(at + CHANGE.length, -1);
}

function isKept(line: string): boolean {
  if (!isJson(line)) return false;
  const { code, detail, text, change, op } = JSON.parse(line) as Record<string, unknown>;
  const isReason = typeof code === 'string' && typeof detail === 'string' && op === undefined;
  return isReason && (typeof text === 'string' || (change !== undefined && line.includes(CHANGE)));
}
