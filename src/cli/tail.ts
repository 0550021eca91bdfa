/**
 * tail.ts – `rollcall tail [SLUG…]`: who enters and leaves segments, line by line, as it happens.
 *
 * Keeps true: each event is printed once, in the order of its record. When the connection is lost
 * it goes on where it was; a reader of the output that is slow is waited for.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cause, FeedNews } from '../change/cause.ts';
import type { Config } from '../config.ts';
import { readEvents } from './event-source.ts';
import { CommandError } from './failure.ts';
import { watchInterruption } from './interruption.ts';
import { keyFor } from './master-key.ts';
import { type Call, caller, READERS, refusal } from './server-call.ts';

export interface TailOptions {
  readonly url: string;
  readonly key?: string;
  /** `oldest`, `now` or a cursor. */
  readonly since: string;
  /** Prints the events as they are sent, one JSON object a line. */
  readonly json?: boolean;
}

interface TailedEvent {
  readonly event: 'entered' | 'left' | FeedNews;
  readonly segment: string;
  readonly object_type: string;
  readonly id?: string;
  readonly at: string;
  readonly cause?: Cause;
}

const RETRY_MS = 500;
const RETRY_MS_MAX = 5000;
/** These pass by themselves. */
const PASSING = [429, 502, 503, 504];
const INTERRUPTED = 130;

/** @returns the exit code: 130, since only an interruption ends it; 0 if nobody reads on. */
export async function runTail(
  config: Config,
  slugs: readonly string[],
  { url, key, since, json }: TailOptions,
): Promise<number> {
  const call = caller(url, key ?? keyFor(config, READERS));
  const { stop, close } = watchInterruption(() => {});
  let isReadOn = true;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    isReadOn = false;
  });
  const shown = json ? (data: string) => data : wordsOf(slugs);
  try {
    for await (const data of followed(call, slugs, since, stop)) {
      const line = shown(data);
      if (line === undefined) continue;
      if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
      if (!isReadOn) break;
    }
  } catch (error) {
    if (isReadOn && !stop.aborted) throw error;
  } finally {
    close();
  }
  return isReadOn ? INTERRUPTED : 0;
}

// ── the stream ──

/** The data of each event, over all connections. @throws CommandError */
async function* followed(
  call: Call,
  slugs: readonly string[],
  since: string,
  stop: AbortSignal,
): AsyncGenerator<string> {
  const asked = new URLSearchParams({ cursor: since });
  for (const slug of slugs) asked.append('segment', slug);
  const path = `/v1/memberships/changes?${asked}`;
  let last = '';
  let waitMs = RETRY_MS;
  while (!stop.aborted) {
    const answer = await connect(call, path, last, stop);
    if (answer) {
      waitMs = RETRY_MS;
      try {
        for await (const { data, id } of readEvents(answer)) {
          last = id;
          if (data !== undefined) yield data;
        }
      } catch (error) {
        if (!isLost(error)) throw error;
      }
    }
    if (stop.aborted) return;
    console.error('The connection was lost; trying again.');
    await sleep(waitMs, undefined, { signal: stop }).catch(() => {});
    waitMs = Math.min(2 * waitMs, RETRY_MS_MAX);
  }
}

/** @returns undefined if it may be tried again. @throws CommandError */
async function connect(
  call: Call,
  path: string,
  last: string,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const resumed = last === '' ? {} : { 'last-event-id': last };
  const headers = { accept: 'text/event-stream', ...resumed };
  const answer = await call(path, { headers, signal }).catch((error: unknown) => {
    if (last === '' || !(error instanceof CommandError)) throw error;
    return undefined; // it was there before
  });
  if (!answer) return undefined;
  if (answer.ok && answer.body) return answer.body;
  if (last === '' || !PASSING.includes(answer.status)) throw await refusal(answer);
  await answer.body?.cancel();
  return undefined;
}

/** The body of an answer ended before its end. */
function isLost(error: unknown): boolean {
  return error instanceof TypeError || (error as Error).name === 'AbortError';
}

// ── words ──

const CAUSE_WORDS: Readonly<Record<Cause, string>> = {
  created: 'it was created',
  record_changed: 'it was changed',
  related_changed: 'a related record was changed',
  time: 'time has passed',
  segment_edited: 'the segment was edited',
  catalog_changed: 'a type was declared otherwise',
  repaired: 'a repair',
  archived: 'it was archived',
  restored: 'it was restored',
  deleted: 'it was deleted',
};
const NEWS_WORDS: Readonly<Record<FeedNews, string>> = {
  segment_ready: 'is ready: its members are those that are in it now',
  segment_deleted: 'was deleted',
};
/** Each partition tells of a segment by itself: so close together they are one piece of news. */
const NEWS_MS = 60_000;
const ID_WIDTH_MAX = 40;
const [GREEN, RED, DIM, PLAIN] = ['\u001b[32m', '\u001b[31m', '\u001b[2m', '\u001b[0m'];

/** Prints events in columns that grow with what is in them; undefined: it was printed before. */
function wordsOf(slugs: readonly string[]): (data: string) => string | undefined {
  const isColored = process.stdout.isTTY && !process.env['NO_COLOR'];
  const colored = (text: string, color: string) => (isColored ? `${color}${text}${PLAIN}` : text);
  const news = new Map<string, number>();
  let [idWidth, slugWidth] = [12, Math.max(8, ...slugs.map(({ length }) => length))];
  let day = dayOf(new Date());
  return (data) => {
    const { event, segment, id = '', at: stamp, cause } = JSON.parse(data) as TailedEvent;
    const at = new Date(stamp);
    const heading = dayOf(at) === day ? '' : `${colored(dayOf(at), DIM)}\n`;
    day = dayOf(at);
    const time = colored(timeOf(at), DIM);
    if (event === 'segment_ready' || event === 'segment_deleted') {
      const name = `${event} ${segment}`;
      if (at.getTime() - (news.get(name) ?? 0) < NEWS_MS) return undefined;
      news.set(name, at.getTime());
      return `${heading}${time}  ${segment} ${NEWS_WORDS[event]}`;
    }
    idWidth = Math.min(ID_WIDTH_MAX, Math.max(idWidth, id.length));
    slugWidth = Math.max(slugWidth, segment.length);
    const [verb, color] = event === 'entered' ? ['joined', GREEN] : ['left  ', RED];
    const why = colored(cause ? CAUSE_WORDS[cause] : '', DIM);
    const columns = [id.padEnd(idWidth), colored(verb, color), segment.padEnd(slugWidth), why];
    return `${heading}${[time, ...columns].join('  ').trimEnd()}`;
  };
}

/** Of this machine's clock. */
function dayOf(at: Date): string {
  return at.toLocaleDateString('sv');
}

function timeOf(at: Date): string {
  return at.toLocaleTimeString('sv');
}
