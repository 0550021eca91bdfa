/**
 * demo.ts – `rollcall demo`: replays four years of a shop, shows the segments move, checks the
 * outcome.
 *
 * Keeps true: the demo has a prefix of its own, so it touches nothing else in the same Redis, and
 * it starts from nothing each time. Its last table compares every member of every segment; every
 * record is read back through the public reads.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config.ts';
import { type Deployment, openDeployment } from '../engine/deployment.ts';
import { LEASE_TTL_MS } from '../engine/processor.ts';
import { graphRecordOf } from '../membership/graph-record.ts';
import type { Page } from '../membership/page.ts';
import type { ReadOptions } from '../membership/read-options.ts';
import { holds } from '../query/json-logic/reference.ts';
import { document, type Graph, type GraphRecord } from '../query/json-logic/reference-document.ts';
import { findDeployment, removeDeployment } from '../redis/deployments.ts';
import { joinRedisServer } from '../redis/server.ts';
import { exitOnSignals, quieter } from './beside.ts';
import { openScreen } from './demo-screen.ts';
import { CommandError } from './failure.ts';
import { openLog, tell } from './log.ts';
import {
  recordsOf,
  type ShopDay,
  SUPERSTORE_RECORDS,
  SUPERSTORE_TYPE_ORDER,
  SUPERSTORE_TYPES,
  type SuperstoreType,
  superstoreHistory,
} from './superstore.ts';
import { SUPERSTORE_SEGMENTS } from './superstore-segments.ts';
import { grouped, table } from './table.ts';

export interface DemoOptions {
  /** How long the replay takes at least. */
  readonly seconds: number;
}

const DEMO_PREFIX = 'rcdemo';
const DEMO = { by: 'rollcall demo' };
/** Slow enough to be watched on a terminal; a pipe is not watched. */
export const DEMO_SECONDS_DEFAULT = process.stdout.isTTY ? 12 : 0;
/**
 * Pieces of the history, each taken in as a whole and shown when it is applied; a pipe gets a table
 * a year anyway.
 */
const FRAMES = process.stdout.isTTY ? 120 : 24;
const PAGE_LIMIT = 1000;
/** A demo on a slow disk is late, not wrong. */
const PATIENT: ReadOptions = { consistency: 'strong', timeoutMs: 60_000 };

/** @returns the exit code: 1 if a segment differs from its truth by JsonLogic. */
export async function runDemo(config: Config, options: DemoOptions): Promise<number> {
  const history = superstoreHistory();
  exitOnSignals();
  const server = await joinRedisServer({
    url: config.redisUrl,
    dataFolder: config.dataFolder,
    say: tell,
  });
  try {
    await startFromNothing(server.url);
    const deployment = await openDeployment({
      redisUrl: server.url,
      prefix: DEMO_PREFIX,
      partitions: config.partitions,
      timeZone: config.timeZone,
      logger: openLog(quieter(config)),
      runsWorker: true,
    });
    return await play(deployment, history, options).finally(() => deployment.close());
  } finally {
    await server.stop();
  }
}

async function play(
  deployment: Deployment,
  history: readonly ShopDay[],
  options: DemoOptions,
): Promise<number> {
  console.log(introduction(history));
  await declare(deployment);
  await replay(deployment, history, options);
  const isRight = await check(deployment);
  console.log(
    '\nIt stays until the next demo. Look around in it:  ' +
      `ROLLCALL_PREFIX=${DEMO_PREFIX} npx rollcall serve`,
  );
  return isRight ? 0 : 1;
}

function introduction(history: readonly ShopDay[]): string {
  const { customers, orders, products } = recordsOf(history);
  const [from, to] = [history[0]!.date, history.at(-1)!.date];
  const records =
    `${grouped(customers)} customers, ${grouped(orders)} orders, ` +
    `${grouped(products)} products`;
  return [
    `Superstore, a sample shop, ${from} to ${to}: ${records}.`,
    `${SUPERSTORE_SEGMENTS.length} segments are kept exact while its history is replayed, ` +
      'change by change.\n',
  ].join('\n');
}

// ── start ──

/** Removes what an earlier demo left. @throws CommandError if another process works on it */
async function startFromNothing(url: string): Promise<void> {
  await refuseOwned(url);
  await removeDeployment(url, DEMO_PREFIX);
}

/** A demo that was killed holds its leases for a moment still. */
async function refuseOwned(url: string): Promise<void> {
  const deadlineMs = Date.now() + 2 * LEASE_TTL_MS;
  while ((await findDeployment(url, DEMO_PREFIX))?.isServed) {
    if (Date.now() > deadlineMs) {
      throw new CommandError(
        `Another process works on the prefix '${DEMO_PREFIX}': a demo, or a server that shows ` +
          'its records. End it first.',
      );
    }
    await sleep(100);
  }
}

async function declare({ objectTypes, segments, segmentCounts }: Deployment): Promise<void> {
  for (const name of SUPERSTORE_TYPE_ORDER)
    await objectTypes.put(name, SUPERSTORE_TYPES[name], DEMO);
  for (const segment of SUPERSTORE_SEGMENTS) await segments.create(segment, DEMO);
  await built(segmentCounts);
}

/** There are no records yet: the segments are built as soon as every partition knows them. */
async function built(segmentCounts: Deployment['segmentCounts']): Promise<void> {
  const slugs = SUPERSTORE_SEGMENTS.map(({ slug }) => slug);
  const deadlineMs = Date.now() + PATIENT.timeoutMs;
  for (;;) {
    const { counts } = await segmentCounts.read(slugs, PATIENT);
    if (counts.every(({ status }) => status === 'ready')) return;
    if (Date.now() > deadlineMs)
      throw new CommandError('The segments of the demo were not built in time.');
    await sleep(20);
  }
}

// ── replay ──

async function replay(
  deployment: Deployment,
  history: readonly ShopDay[],
  { seconds }: DemoOptions,
): Promise<void> {
  const screen = openScreen(SUPERSTORE_SEGMENTS);
  const slugs = SUPERSTORE_SEGMENTS.map(({ slug }) => slug);
  const total = history.reduce((sum, { changes }) => sum + changes.length, 0);
  const daysPerFrame = Math.ceil(history.length / FRAMES);
  const startedMs = Date.now();
  let done = 0;
  for (let from = 0; from < history.length; from += daysPerFrame) {
    const days = history.slice(from, from + daysPerFrame);
    done += await takeIn(deployment, days, done);
    const { counts } = await deployment.segmentCounts.read(slugs, PATIENT);
    screen.show({ date: days.at(-1)!.date, done, total, counts });
    await sleep(Math.max(0, startedMs + (1000 * seconds * done) / total - Date.now()));
  }
  const tookSeconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  const pace = seconds > 0 ? ', paced to be watched (--seconds 0 goes as fast as it can)' : '';
  console.log(`\n${grouped(total)} changes in ${tookSeconds} s${pace}.\n`);
}

/** @returns the number of changes, all of them applied. */
async function takeIn(
  { ingest }: Deployment,
  days: readonly ShopDay[],
  before: number,
): Promise<number> {
  const session = ingest.session({ wait: 'applied', timeoutMs: PATIENT.timeoutMs });
  let line = 0;
  for (const { changes } of days)
    for (const change of changes) await session.addParsed(before + ++line, change);
  const { rejected, isApplied } = await session.finish();
  const [first] = rejected;
  if (first)
    throw new CommandError(
      `Change ${first.line} of the demo was refused: ${first.detail} (${first.code}).`,
    );
  if (!isApplied)
    throw new CommandError(`The changes were not applied within ${PATIENT.timeoutMs / 1000} s.`);
  return line;
}

// ── check ──

/** Whether records and members are what they must be; prints both. */
async function check(deployment: Deployment): Promise<boolean> {
  const records = new Map<string, GraphRecord[]>();
  for (const type of SUPERSTORE_TYPE_ORDER) records.set(type, await readBack(deployment, type));
  const graph: Graph = {
    types: deployment.store.catalog.objectTypes,
    records: (type) => records.get(type)!,
  };
  const recordRows = SUPERSTORE_TYPE_ORDER.map((type) => {
    const stored = records.get(type)!.length;
    const expected = SUPERSTORE_RECORDS[type];
    return [type, grouped(stored), grouped(expected), stored === expected ? 'equal' : 'NOT EQUAL'];
  });
  const segmentRows: string[][] = [];
  for (const { slug, object_type: type } of SUPERSTORE_SEGMENTS) {
    const { counts } = await deployment.segmentCounts.read([slug], PATIENT);
    const members = await membersOf(deployment, slug);
    const rule = deployment.store.catalog.segments.get(slug)!.json_logic;
    const nowMs = Date.now();
    const reference = records
      .get(type)!
      .filter((record) => holds(rule, document(type, record, graph), nowMs));
    const isEqual = counts[0]!.count === reference.length && sameIds(members, reference);
    segmentRows.push([
      slug,
      shown(counts[0]!.count),
      grouped(reference.length),
      isEqual ? 'equal' : 'NOT EQUAL',
    ]);
  }
  const alignments = ['left', 'right', 'right', 'left'] as const;
  console.log(table([['Records', 'Stored', 'Expected'], ...recordRows], alignments).join('\n'));
  console.log();
  console.log(table([['Segment', 'Rollcall', 'JsonLogic'], ...segmentRows], alignments).join('\n'));
  const isRight = [...recordRows, ...segmentRows].every((row) => row.at(-1) === 'equal');
  console.log(
    isRight
      ? '\nEvery segment has exactly the members that json-logic-js, asked anew of ' +
          'every record and those it is related to, gives it.'
      : '\nNOT EQUAL: this is a bug of Rollcall. Please report it with the output above.',
  );
  return isRight;
}

async function readBack(
  { records, store, founding }: Deployment,
  name: SuperstoreType,
): Promise<GraphRecord[]> {
  const type = store.catalog.objectTypes.get(name)!;
  const all = await pages((cursor) => records.page(name, { limit: PAGE_LIMIT, cursor }, PATIENT));
  return all.map(({ id, record }) => graphRecordOf(id, record, type, founding.timeZone));
}

async function membersOf({ members }: Deployment, slug: string): Promise<ReadonlySet<string>> {
  const all = await pages((cursor) => members.page(slug, { limit: PAGE_LIMIT, cursor }, PATIENT));
  return new Set(all.map(({ id }) => id));
}

async function pages<T>(read: (cursor: string | undefined) => Promise<Page<T>>): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | undefined;
  do {
    const { data, next_cursor: next } = await read(cursor);
    all.push(...data);
    cursor = next ?? undefined;
  } while (cursor !== undefined);
  return all;
}

function sameIds(members: ReadonlySet<string>, reference: readonly GraphRecord[]): boolean {
  return members.size === reference.length && reference.every(({ id }) => members.has(id));
}

function shown(count: number | null): string {
  return count === null ? '(not ready)' : grouped(count);
}
