/**
 * ingest.ts – `rollcall ingest FILE`: sends a file of changes, one JSON object a line, to a running
 * server.
 *
 * Keeps true: the file is read as it is sent, so its size does not matter. Changes keep their
 * order: a request is sent when the one before was answered. A request that was refused for
 * overload is sent again; one whose answer got lost is not. At its end the command reports what was
 * acknowledged, which lines were rejected, what is unknown, and where to go on.
 */
import { createReadStream, statSync } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { CommandError } from './failure.ts';
import { type IngestPiece, pieces, skipTo } from './ingest-pieces.ts';
import {
  openRejected,
  type RejectedFile,
  type RejectedLine,
  unwrapped,
} from './ingest-rejected.ts';
import { type Interruption, watchInterruption } from './interruption.ts';
import { keyFor } from './master-key.ts';
import { openBar } from './progress.ts';
import { grouped } from './table.ts';

export interface IngestCommandOptions {
  readonly url: string;
  readonly key?: string;
  /** The first line that is sent, from 1. */
  readonly from: number;
  /** The file that keeps what is rejected. */
  readonly rejected?: string;
}

interface AnsweredReport {
  readonly accepted: number;
  readonly rejected: readonly RejectedLine[];
  /** If not all of them are listed. */
  readonly rejected_total?: number;
}

const REQUEST_LINES_MAX = 5_000;
/** So many rejected lines a server lists in one answer. */
const LISTED_LINES_MAX = 1_000;
const SHOWN_REJECTIONS_MAX = 20;
const OVERLOAD_PATIENCE_MS = 120_000;
const INTERRUPTED = 130;

/** Why it ended before its end. `isUnknown`: lines were sent, and their outcome is unknown. */
class BrokenOff extends Error {
  readonly isUnknown: boolean;

  constructor(words: string, isUnknown = false) {
    super(words);
    this.isUnknown = isUnknown;
  }
}

/** @returns the exit code: 1 if a line was rejected or it broke off, 130 if it was interrupted. */
export async function runIngest(
  config: Config,
  file: string,
  options: IngestCommandOptions,
): Promise<number> {
  const key = options.key ?? keyFor(config, ['master', 'super_admin', 'service', 'editor']);
  const size = file === '-' ? undefined : sizeOf(file);
  const ingestion = new Ingestion(openRejected(options.rejected, file), options.from);
  const bar = openBar('MB');
  const interruption = watchInterruption(() => {
    bar.close();
    console.error(
      'Stopping; what is under way has five seconds to be answered. Ctrl-C again leaves at once.',
    );
  });
  const send = sender(options.url, key, interruption);
  const input: Readable = file === '-' ? process.stdin : createReadStream(file);
  let brokenOff: BrokenOff | undefined;
  let bytes = 0;
  try {
    addAbortSignal(interruption.stop, input);
    const linesMax = options.rejected === undefined ? REQUEST_LINES_MAX : LISTED_LINES_MAX;
    for await (const piece of pieces(input, linesMax)) {
      bytes += piece.body.length;
      await ingestion.send(skipTo(piece, options.from), send);
      if (interruption.stop.aborted) throw new BrokenOff('Interrupted.');
      if (size !== undefined) bar.show(megabytes(bytes), megabytes(size));
    }
  } catch (error) {
    brokenOff = asBrokenOff(error, file, interruption);
  } finally {
    interruption.close();
    bar.close();
  }
  ingestion.tell();
  if (!brokenOff) return ingestion.refused > 0 ? 1 : 0;
  console.error(`${brokenOff.message} ${ingestion.howToGoOn(brokenOff.isUnknown, file)}`);
  return interruption.stop.aborted ? INTERRUPTED : 1;
}

function asBrokenOff(error: unknown, file: string, { stop }: Interruption): BrokenOff {
  if (error instanceof BrokenOff) return error;
  if (error instanceof CommandError) return new BrokenOff(error.message);
  return stop.aborted
    ? new BrokenOff('Interrupted.')
    : new BrokenOff(unreadable(file, error).message);
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): CommandError {
  return new CommandError(
    `${file === '-' ? 'The input' : file} can not be read: ${(error as Error).message}.`,
  );
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 100_000) / 10;
}

// ── what became of the lines ──

/**
 * Rejections that do not concern the line: it is sent again, and all after it, so that the order
 * stays.
 */
const PASSING = ['redis_full', 'redis_unavailable', 'overloaded', 'shutting_down', 'internal'];

class Ingestion {
  refused = 0;
  readonly #from: number;
  readonly #file: RejectedFile;
  readonly #shown: RejectedLine[] = [];
  #accepted = 0;
  #unlisted = 0;
  #isUnapplied = false;
  /** The first line that is not known to be taken in or rejected. */
  #next: number;
  /** The last line that was sent. */
  #last = 0;

  constructor(file: RejectedFile, from: number) {
    this.#file = file;
    this.#from = from;
    this.#next = from;
  }

  /** @throws BrokenOff | CommandError */
  async send(given: IngestPiece, send: Send): Promise<void> {
    if (given.lines === 0) return;
    const piece = unwrapped(given);
    this.#last = piece.firstLine + piece.lines - 1;
    const { report, isApplied } = await send(piece);
    this.#isUnapplied ||= !isApplied;
    this.#accepted += report.accepted;
    const all = report.rejected.map((each) => ({ ...each, line: each.line + piece.firstLine - 1 }));
    const passing = all.filter(({ code }) => PASSING.includes(code));
    const [first] = passing.sort((a, b) => a.line - b.line);
    this.#next = first ? first.line : this.#last + 1;
    const rejected = all.filter(({ code }) => !PASSING.includes(code));
    this.#note(piece, rejected, (report.rejected_total ?? all.length) - all.length);
    if (first)
      throw new BrokenOff(
        `The server could not take line ${first.line}: ${first.code}: ${first.detail}.`,
        true,
      );
  }

  #note(piece: IngestPiece, rejected: readonly RejectedLine[], unlisted: number): void {
    this.refused += rejected.length + unlisted;
    this.#unlisted += unlisted;
    this.#shown.push(...rejected.slice(0, SHOWN_REJECTIONS_MAX - this.#shown.length));
    this.#file.keep(piece, rejected);
  }

  tell(): void {
    console.log(`${grouped(this.#accepted)} accepted, ${grouped(this.refused)} rejected.`);
    if (this.#isUnapplied)
      console.log(
        'Some of them wait to be applied still: the server took longer than a request may.',
      );
    for (const { line, code, detail } of this.#shown)
      console.log(`line ${line}: ${code}: ${detail}`);
    const more = this.refused - this.#shown.length;
    if (more > 0) console.log(`… and ${grouped(more)} more`);
    if (this.#unlisted > 0)
      console.log(`The server counted ${grouped(this.#unlisted)} of them and named no line.`);
  }

  howToGoOn(isUnknown: boolean, file: string): string {
    const [from, next, last] = [this.#from, this.#next, this.#last];
    const but = this.refused > 0 ? ', but for those that were rejected' : '';
    const known =
      next === from ? 'No line is known to be in.' : `Lines ${from} to ${next - 1} are in${but}.`;
    const sent = `Lines ${next} to ${last} were sent, and whether they are in is not known.`;
    const again = isUnknown ? '; what of it is in already arrives a second time' : '';
    const same = file === '-' ? ' and the same input' : '';
    return `${known} ${isUnknown ? `${sent} ` : ''}Go on with --from ${next}${same}${again}.`;
  }
}

// ── requests ──

/** @throws BrokenOff */
type Send = (
  piece: IngestPiece,
) => Promise<{ readonly report: AnsweredReport; readonly isApplied: boolean }>;

function sender(base: string, key: string, { stop, abandon }: Interruption): Send {
  if (!URL.canParse(base)) throw new CommandError(`--url ${base} is not a URL.`);
  const url = new URL('/v1/changes', base);
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' };
  return async ({ body, firstLine }) => {
    const deadlineMs = Date.now() + OVERLOAD_PATIENCE_MS;
    for (;;) {
      const answer = await asked(url, () =>
        fetch(url, { method: 'POST', headers, body, signal: abandon }),
      );
      if (answer.status === 200 || answer.status === 202) {
        const report = (await asked(url, () => answer.json())) as AnsweredReport;
        return { report, isApplied: answer.status === 200 };
      }
      if (answer.status !== 429 || Date.now() > deadlineMs)
        throw await refusal(url, answer, firstLine);
      await answer.body?.cancel();
      const waitMs = 1000 * (Number(answer.headers.get('retry-after')) || 1);
      await sleep(waitMs, undefined, { signal: stop }).catch(() => {
        throw new BrokenOff('Interrupted.');
      });
    }
  };
}

/** Nothing was sent to who was not there. */
const UNREACHED = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
];

/** Sending a piece twice is up to the operator, who knows what is in it. @throws BrokenOff */
async function asked<T>(url: URL, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if ((error as Error).name === 'AbortError')
      throw new BrokenOff('Interrupted before the server answered.', true);
    const cause = ((error as { cause?: Error }).cause ?? error) as Error & { code?: string };
    const why = cause.message || cause.code || 'no answer';
    if (!UNREACHED.includes(cause.code ?? ''))
      throw new BrokenOff(`${url.origin} did not answer (${why}).`, true);
    throw new BrokenOff(
      `${url.origin} did not answer (${why}). Does a server run there (npx rollcall serve)?`,
    );
  }
}

/** What is refused so was not read, or given up as a whole. */
const REFUSED_WHOLE = [401, 403, 404, 405, 413, 415, 429];
const REFUSED_WHOLE_CODES = ['redis_full', 'shutting_down', 'overloaded'];

async function refusal(url: URL, answer: Response, line: number): Promise<BrokenOff> {
  const problem = (await answer.json().catch(() => ({}))) as {
    title?: string;
    detail?: string;
    code?: string;
  };
  const words = problem.detail ?? problem.title ?? answer.statusText;
  const isWhole =
    REFUSED_WHOLE.includes(answer.status) || REFUSED_WHOLE_CODES.includes(problem.code ?? '');
  return new BrokenOff(
    `${url.origin} refused the lines from ${line}: ${answer.status} ${words}.`,
    !isWhole,
  );
}
