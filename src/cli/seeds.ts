/**
 * seeds.ts – `rollcall seeds export|import FILE`: moves declarations from one running server to
 * another.
 *
 * Keeps true: a small seed is taken over within one request, a large one as a job. Either is all or
 * nothing, and the exit code is 0 only if nothing was refused. A file appears whole or not at all.
 */
import { createReadStream, createWriteStream, renameSync, rmSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { readExactJson } from '../change/exact-json.ts';
import type { Config, Role } from '../config.ts';
import { Problem } from '../errors.ts';
import { elementsOf } from './array-text.ts';
import { CommandError } from './failure.ts';
import { keyFor } from './master-key.ts';
import { openBar } from './progress.ts';
import { type Call, caller, READERS, refusal, type ServerAddress } from './server-call.ts';
import { grouped } from './table.ts';

export interface ExportOptions extends ServerAddress {
  readonly include?: string;
}

export interface ImportOptions extends ServerAddress {
  readonly dryRun?: boolean;
}

interface ReportedItem {
  readonly object_type: string;
  readonly name?: string;
  readonly slug?: string;
  readonly id?: string;
  readonly changed?: readonly string[];
}

interface SeedReport {
  readonly create: readonly ReportedItem[];
  readonly update: readonly ReportedItem[];
  readonly unchanged: readonly ReportedItem[];
  readonly errors: readonly { readonly errors: readonly ReportedFault[] }[];
  readonly totals: { readonly create: number; readonly update: number; readonly unchanged: number };
}

interface ReportedFault {
  readonly path?: string;
  readonly detail: string;
}

interface Job {
  readonly id: string;
  readonly status: 'waiting' | 'running' | 'completed' | 'failed';
  readonly progress: { readonly done: number; readonly total?: number };
  readonly result?: SeedReport;
  readonly problem?: { readonly detail: string };
  readonly errors: readonly ReportedFault[];
  readonly errors_total: number;
}

const NDJSON = 'application/x-ndjson';
const WRITERS: readonly Role[] = ['master', 'super_admin', 'service'];
/** A file that is longer is sent as a job. */
const REQUEST_BYTES_MAX = 1024 * 1024;
const POLL_MS = 200;
/** Lines of one kind that are printed. */
const LINES_MAX = 20;

// ── export ──

/** @returns the exit code. */
export async function exportSeeds(
  config: Config,
  file: string,
  options: ExportOptions,
): Promise<number> {
  const call = caller(options.url, options.key ?? keyFor(config, READERS));
  const query =
    options.include === undefined ? '' : `?include=${encodeURIComponent(options.include)}`;
  const answer = await call(`/v1/seeds${query}`, {
    headers: { accept: file.endsWith('.ndjson') ? NDJSON : '*/*' },
  });
  if (!answer.ok) throw await refusal(answer);
  const counts = new Counter();
  const counted = Readable.from(counts.pass(answer.body!));
  if (file === '-') await pipeline(counted, process.stdout, { end: false });
  else await write(file, counted);
  console.error(`${counts.words()} written${file === '-' ? '' : ` to ${file}`}.`);
  return 0;
}

/** Beside the file first: an export that breaks off leaves what was there before. */
async function write(file: string, content: Readable): Promise<void> {
  const draft = `${file}.${process.pid}.part`;
  try {
    await pipeline(content, createWriteStream(draft));
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new CommandError(`${file} can not be written: ${(error as Error).message}.`);
  }
}

/** Counts the items by kind as they pass: each is a line. */
class Counter {
  readonly #byKind = new Map<string, number>();
  #rest = '';

  async *pass(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      const lines = (this.#rest + decoder.decode(chunk, { stream: true })).split('\n');
      this.#rest = lines.pop()!;
      for (const line of lines) this.#count(line);
      yield chunk;
    }
    this.#count(this.#rest);
  }

  words(): string {
    const words = [...this.#byKind].map(([kind, count]) => `${grouped(count)} ${kind}`);
    return words.length === 0 ? 'Nothing' : words.join(', ');
  }

  #count(line: string): void {
    const kind = /^\{"object_type":"([^"]+)"/.exec(line)?.[1];
    if (kind !== undefined) this.#byKind.set(kind, (this.#byKind.get(kind) ?? 0) + 1);
  }
}

// ── import ──

/** @returns the exit code: 1 if something was refused. */
export async function importSeeds(
  config: Config,
  file: string,
  options: ImportOptions,
): Promise<number> {
  const call = caller(options.url, options.key ?? keyFor(config, WRITERS));
  const isDryRun = options.dryRun === true;
  const { body, type, isLarge } = await readSeed(file);
  const query = `?dry_run=${isDryRun}&async=${isLarge}`;
  const headers = { 'content-type': type };
  const answer = await call(`/v1/seeds${query}`, {
    method: 'POST',
    headers,
    body,
    duplex: 'half',
  } as RequestInit);
  if (answer.status === 422) {
    const { errors = [], detail = '' } = (await answer.json()) as {
      errors?: ReportedFault[];
      detail?: string;
    };
    return tellRefused(file, errors.length > 0 ? errors : [{ detail }], errors.length);
  }
  if (!answer.ok) throw await refusal(answer);
  if (answer.status !== 202) return tell((await answer.json()) as SeedReport, isDryRun, file);
  const job = await watch(call, (await answer.json()) as Job);
  if (job.status === 'completed') return tell(job.result!, isDryRun, file);
  const faults =
    job.errors.length > 0 ? job.errors : [{ detail: job.problem?.detail ?? 'the job failed' }];
  return tellRefused(file, faults, job.errors_total);
}

type RequestBody = NonNullable<RequestInit['body']>;

interface SeedFile {
  readonly body: RequestBody;
  readonly type: string;
  readonly isLarge: boolean;
}

/**
 * A long file of lines is sent as it is read; an array has to be read as a whole, and is sent as
 * lines if it is long.
 */
async function readSeed(file: string): Promise<SeedFile> {
  try {
    if (file !== '-' && (await isLongFileOfLines(file))) {
      return {
        body: Readable.toWeb(createReadStream(file)) as RequestBody,
        type: NDJSON,
        isLarge: true,
      };
    }
    const text = (file === '-' ? await readInput() : await readFile(file, 'utf8')).replace(
      /^\uFEFF/,
      '',
    );
    const isLarge = text.length > REQUEST_BYTES_MAX;
    if (!text.trimStart().startsWith('[')) return { body: text, type: NDJSON, isLarge };
    parse(text, file);
    if (!isLarge) return { body: text, type: 'application/json', isLarge };
    return { body: elementsOf(text).join('\n'), type: NDJSON, isLarge };
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`${file} can not be read: ${(error as Error).message}.`);
  }
}

async function isLongFileOfLines(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(1024) });
    return (
      size > REQUEST_BYTES_MAX && buffer.toString('utf8', 0, bytesRead).trimStart().startsWith('{')
    );
  } finally {
    await handle.close();
  }
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Tells of a file that is no JSON, or holds numbers that can't be kept, before it is sent. */
function parse(text: string, file: string): void {
  try {
    readExactJson(text);
  } catch (error) {
    if (error instanceof Problem) {
      const [fault] = error.errors;
      throw new CommandError(
        `${file === '-' ? 'The input' : file}: ${place(fault?.path)}${error.message}.`,
      );
    }
    throw new CommandError(
      `${file === '-' ? 'The input' : file} is not JSON: ${(error as Error).message}.`,
    );
  }
}

async function watch(call: Call, begun: Job): Promise<Job> {
  const bar = openBar('items');
  try {
    for (let job = begun; ; ) {
      const { done, total = done } = job.progress;
      bar.show(done, total);
      if (job.status === 'completed' || job.status === 'failed') return job;
      await sleep(POLL_MS);
      const answer = await call(`/v1/jobs/${job.id}`, {});
      if (!answer.ok) throw await refusal(answer);
      job = (await answer.json()) as Job;
    }
  } finally {
    bar.close();
  }
}

// ── telling ──

function tell(
  { create, update, errors, totals }: SeedReport,
  isDryRun: boolean,
  file: string,
): number {
  if (errors.length > 0) {
    const faults = errors.flatMap((error) => error.errors);
    return tellRefused(file, faults, faults.length);
  }
  for (const line of listed(create, totals.create, (entry) => `+ ${named(entry)}`))
    console.log(line);
  for (const line of listed(
    update,
    totals.update,
    (entry) => `~ ${named(entry)} (${entry.changed?.join(', ')})`,
  )) {
    console.log(line);
  }
  const [created, updated, unchanged] = [totals.create, totals.update, totals.unchanged].map(
    grouped,
  );
  console.log(
    isDryRun
      ? `Would create ${created}, update ${updated} and leave ${unchanged} as they are.`
      : `${created} created, ${updated} updated, ${unchanged} unchanged.`,
  );
  return 0;
}

function tellRefused(file: string, faults: readonly ReportedFault[], total: number): number {
  console.log(`${file === '-' ? 'The input' : file} can not be taken over; nothing was changed:`);
  console.log(listed(faults, total, ({ path, detail }) => `${place(path)}${detail}`).join('\n'));
  return 1;
}

/** `/3/data/query/rules/0` is at the item 3, counted from 0. */
function place(path: string | undefined): string {
  const [, index, rest] = /^\/(\d+)(.*)$/.exec(path ?? '') ?? [];
  if (index === undefined) return path ? `${path}: ` : '';
  return `item ${index}${rest ? ` ${rest}` : ''}: `;
}

function named({ object_type: kind, name, slug, id }: ReportedItem): string {
  return `${kind} ${name ?? slug ?? id}`;
}

function listed<T>(entries: readonly T[], total: number, line: (entry: T) => string): string[] {
  const lines = entries.slice(0, LINES_MAX).map(line);
  const rest = Math.max(total, entries.length) - lines.length;
  return rest > 0 ? [...lines, `… and ${grouped(rest)} more`] : lines;
}
