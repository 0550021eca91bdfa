/**
 * ingest.ts – `rollcall ingest FILE`: sends a file of changes, one JSON object a line, to a server that runs.
 *
 * Keeps true: the file is read as it is sent, so its size does not matter; changes keep their order (a request is sent when the
 * one before was answered); a request that was refused for overload is sent again, one whose answer got lost is not, and where
 * to go on is said.
 */
import { createReadStream, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { CommandError } from './failure.ts';
import { keyFor } from './master-key.ts';
import { openBar } from './progress.ts';
import { grouped } from './table.ts';

export interface IngestCommandOptions {
  readonly url: string;
  readonly key?: string;
  /** The first line that is sent, from 1. */
  readonly from: number;
}

interface Rejection {
  readonly line: number;
  readonly code: string;
  readonly detail: string;
}

interface Report {
  readonly accepted: number;
  readonly rejected: readonly Rejection[];
  readonly rejected_total?: number;
}

/** Some whole lines of the file. */
interface Piece {
  readonly firstLine: number;
  readonly lines: number;
  readonly body: Buffer;
}

/** As many as a server lists when it rejects them all. */
const REQUEST_LINES_MAX = 1_000;
const REQUEST_BYTES_MAX = 4 * 1024 * 1024;
/** Far above what a server takes: it refuses such a line by itself, and says so. */
const LINE_BYTES_MAX = 64 * 1024 * 1024;
const SHOWN_REJECTIONS_MAX = 20;
const OVERLOAD_PATIENCE_MS = 120_000;
const NEWLINE = 10;

/** @returns the exit code: 1 if a line was rejected. */
export async function runIngest(config: Config, file: string, options: IngestCommandOptions): Promise<number> {
  const send = sender(options.url, options.key ?? keyFor(config, ['master', 'super_admin', 'service', 'editor']));
  const size = file === '-' ? undefined : sizeOf(file);
  const input = file === '-' ? process.stdin : createReadStream(file);
  const bar = openBar('MB');
  const rejected: Rejection[] = [];
  let [accepted, refused, bytes, unapplied] = [0, 0, 0, false];
  try {
    for await (const piece of pieces(input)) {
      bytes += piece.body.length;
      const rest = skipTo(piece, options.from);
      if (rest.lines > 0) {
        const { report, isApplied } = await send(rest);
        accepted += report.accepted;
        refused += report.rejected_total ?? report.rejected.length;
        unapplied ||= !isApplied;
        for (const { line, code, detail } of report.rejected.slice(0, SHOWN_REJECTIONS_MAX - rejected.length)) {
          rejected.push({ line: line + rest.firstLine - 1, code, detail });
        }
      }
      if (size !== undefined) bar.show(megabytes(bytes), megabytes(size));
    }
  } catch (error) {
    throw error instanceof CommandError ? error : unreadable(file, error);
  } finally {
    bar.close();
  }
  console.log(`${grouped(accepted)} accepted, ${grouped(refused)} rejected.`);
  if (unapplied) console.log('Some of them wait to be applied still: the server took longer than a request may.');
  for (const { line, code, detail } of rejected) console.log(`line ${line}: ${code}: ${detail}`);
  if (refused > rejected.length) console.log(`… and ${grouped(refused - rejected.length)} more`);
  return refused > 0 ? 1 : 0;
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): CommandError {
  return new CommandError(`${file === '-' ? 'The input' : file} can not be read: ${(error as Error).message}.`);
}

// ── pieces ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Whole lines, at most REQUEST_LINES_MAX, and not many more bytes than REQUEST_BYTES_MAX. */
async function* pieces(input: AsyncIterable<Buffer>): AsyncIterable<Piece> {
  let [firstLine, lines, bytes, isMidLine]: [number, number, number, boolean] = [1, 0, 0, false];
  let parts: Buffer[] = [];
  const cut = (): Piece => {
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
      if (!isMidLine && (++lines >= REQUEST_LINES_MAX || bytes >= REQUEST_BYTES_MAX)) yield cut();
    }
  }
  if (isMidLine) lines++;
  if (lines > 0) yield cut();
}

function tooLong(line: number): CommandError {
  return new CommandError(`Line ${line} is longer than ${LINE_BYTES_MAX / 1024 / 1024} MB. Is this a file of lines?`);
}

/** What is left of a piece when it begins at the line. */
function skipTo(piece: Piece, line: number): Piece {
  const skipped = Math.min(Math.max(0, line - piece.firstLine), piece.lines);
  let start = 0;
  for (let at = 0; at < skipped; at++) {
    const newline = piece.body.indexOf(NEWLINE, start);
    start = newline < 0 ? piece.body.length : newline + 1;
  }
  return { firstLine: piece.firstLine + skipped, lines: piece.lines - skipped, body: piece.body.subarray(start) };
}

// ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

type Send = (piece: Piece) => Promise<{ readonly report: Report; readonly isApplied: boolean }>;

function sender(base: string, key: string): Send {
  if (!URL.canParse(base)) throw new CommandError(`--url ${base} is not a URL.`);
  const url = new URL('/v1/changes', base);
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' };
  return async (piece) => {
    const deadlineMs = Date.now() + OVERLOAD_PATIENCE_MS;
    for (;;) {
      const answer = await post(url, headers, piece);
      if (answer.status === 200 || answer.status === 202) {
        return { report: (await readJson(answer, piece)) as Report, isApplied: answer.status === 200 };
      }
      if (answer.status !== 429 || Date.now() > deadlineMs) throw await refusal(url, answer, piece);
      await answer.body?.cancel();
      await sleep(1000 * (Number(answer.headers.get('retry-after')) || 1));
    }
  };
}

async function post(url: URL, headers: Record<string, string>, piece: Piece): Promise<Response> {
  try {
    return await fetch(url, { method: 'POST', headers, body: piece.body });
  } catch (error) {
    throw lost(url, (error as { cause?: Error }).cause ?? (error as Error), piece);
  }
}

async function readJson(answer: Response, piece: Piece): Promise<unknown> {
  try {
    return await answer.json();
  } catch (error) {
    throw lost(new URL(answer.url), error as Error, piece);
  }
}

/** Nobody knows whether the piece arrived; sending it twice is the decision of who knows what is in it. */
function lost(url: URL, error: Error & { code?: string }, { firstLine }: Piece): CommandError {
  const why = error.message || error.code || 'no answer';
  const next = firstLine === 1 ? 'Does a server run there (npx rollcall serve)?' : howToGoOn(firstLine);
  return new CommandError(`${url.origin} did not answer (${why}). ${next}`);
}

async function refusal(url: URL, answer: Response, { firstLine }: Piece): Promise<CommandError> {
  const problem = (await answer.json().catch(() => ({}))) as { title?: string; detail?: string };
  const words = problem.detail ?? problem.title ?? answer.statusText;
  const next = firstLine === 1 ? '' : ` ${howToGoOn(firstLine)}`;
  return new CommandError(`${url.origin} refused the lines from ${firstLine}: ${answer.status} ${words}.${next}`);
}

function howToGoOn(line: number): string {
  return `All lines before ${line} are in. Go on with --from ${line}; some lines from there may arrive a second time.`;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 100_000) / 10;
}
