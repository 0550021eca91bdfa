/**
 * replay-feed.test.ts – The feed, replayed over any snapshot of the members, leads to what
 * json-logic-js says of the records, whatever was edited and whoever was killed meanwhile;
 * read in a process that works nothing off.
 *
 * Replay a run with ROLLCALL_SEED=<seed>; ROLLCALL_WHOLE=1 makes it longer.
 */
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import type { ToldEvent } from '../../src/feed/told-events.ts';
import { EVENTUAL } from '../../src/membership/read-options.ts';
import { type ReferenceRecord, members as referenceMembers } from '../reference.ts';
import type { TestDeployment } from '../support/client.ts';
import { eventually, openTestDeployment, send } from '../support/deployment.ts';
import { chooser } from '../support/memory-deployment.ts';
import { freshPrefix } from '../support/redis.ts';
import { startVictims, type Victims } from '../support/victims.ts';
import { isWhole } from '../support/whole.ts';

const SEED = Number(process.env['ROLLCALL_SEED'] ?? Date.now() % 100_000);
const ROUNDS = isWhole ? 60 : 4;
const ROUND_CHANGES = 150;
const RECORDS = 120;
const PARTITIONS = 4;
const SLUGS = ['old', 'vip'];
/** In other hands the queue of a killed worker waits for its lease. */
const TAKEN_OVER_MS = 60_000;

const choose = chooser(SEED);
const rules = (...some: object[]) => ({ combinator: 'and', rules: some });
const older = (age: number) => rules({ field: 'age', operator: '>=', value: age });

/** Members of each segment. */
type Sets = ReadonlyMap<string, Set<string>>;

interface Snapshot {
  readonly cursor: string;
  readonly sets: Sets;
}

let deployment: TestDeployment;
let victims: Victims;
beforeAll(async () => {
  const prefix = freshPrefix();
  const redisUrl = inject('redisUrl');
  deployment = await openTestDeployment({ prefix, partitions: PARTITIONS, runsWorker: false });
  const order = { redisUrl, prefix, partitions: PARTITIONS, fatal: -1 };
  victims = startVictims({ ...order, how: 'kill', when: 'live' });
});
afterAll(async () => {
  await victims.stop();
  await deployment.close();
});

const records = new Map<string, ReferenceRecord>();

function change(): Change {
  const id = `c${choose(RECORDS)}`;
  if (choose(10) === 0) {
    records.delete(id);
    return { op: 'delete', object_type: 'contacts', id };
  }
  const data = { age: choose(100), vip: choose(2) === 0 };
  records.set(id, { id, document: data });
  return { op: 'put', object_type: 'contacts', id, data };
}

async function membersOf(slug: string, options = EVENTUAL): Promise<Set<string>> {
  const ids: string[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await deployment.members.page(slug, { limit: 20, cursor }, options);
    ids.push(...page.data.map(({ id }) => id));
    if (page.next_cursor === null) return new Set(ids);
    cursor = page.next_cursor;
  }
}

/** The worker is a process that has to start first. */
function isBuilt(): Promise<void> {
  const { catalog } = deployment.store;
  const areReady = () =>
    [...catalog.segments.values()].every((segment) => catalog.statusOf(segment).status === 'ready');
  return eventually('the segments are ready', areReady, TAKEN_OVER_MS);
}

async function snapshot(): Promise<Snapshot> {
  const cursor = await deployment.feed.now();
  await deployment.store.refresh();
  const sets = new Map<string, Set<string>>();
  for (const slug of SLUGS) sets.set(slug, await membersOf(slug));
  return { cursor, sets };
}

function apply(sets: Sets, told: ToldEvent): void {
  if (!('id' in told)) return;
  if (told.event === 'entered') sets.get(told.segment)!.add(told.id);
  else sets.get(told.segment)!.delete(told.id);
}

async function replay({ cursor: start, sets }: Snapshot): Promise<Sets> {
  for (let cursor = start; ; ) {
    const page = await deployment.feed.page(cursor, {}, 100, (told) => told);
    for (const told of page.data) apply(sets, told);
    if (page.isEnd) return sets;
    cursor = page.cursor;
  }
}

const listed = (sets: Sets) =>
  Object.fromEntries([...sets].map(([slug, ids]) => [slug, [...ids].sort()]));

it(`replayed, leads to the reference (seed=${SEED})`, { timeout: 600_000 }, async () => {
  await deployment.objectTypes.put('contacts', {
    attributes: { age: { type: 'number' }, vip: { type: 'boolean' } },
  });
  const vip = rules({ field: 'vip', operator: '=', value: true });
  for (const [at, query] of [older(50), vip].entries()) {
    const slug = SLUGS[at]!;
    await deployment.segments.create({ title: slug, slug, object_type: 'contacts', query });
  }
  await isBuilt();
  const going = new AbortController();
  const followed: Sets = new Map(SLUGS.map((slug) => [slug, new Set<string>()]));
  let seen = '';
  const follow = async () => {
    for await (const { lines, cursor } of deployment.feed.follow('oldest', {}, going.signal)) {
      for (const { told } of lines) apply(followed, told);
      seen = cursor;
    }
  };
  const following = follow();
  const snapshots: Snapshot[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const sent = send(deployment, Array.from({ length: ROUND_CHANGES }, change));
    if (round % 3 === 1) await victims.kill9();
    if (round % 3 === 2) await deployment.segments.patch('old', { query: older(30 + choose(40)) });
    snapshots.push(await snapshot());
    await sent;
  }
  await isBuilt();
  const strong = { consistency: 'strong', timeoutMs: TAKEN_OVER_MS } as const;
  const { segments } = await deployment.store.refresh();
  const reference = new Map(
    SLUGS.map((slug) => [
      slug,
      new Set(referenceMembers(segments.get(slug)!.json_logic, [...records.values()])),
    ]),
  );
  const engine = new Map<string, Set<string>>();
  for (const slug of SLUGS) engine.set(slug, await membersOf(slug, strong));
  expect(listed(engine)).toEqual(listed(reference));
  // The runs of edits are told to their end.
  const isReplayed = async () => {
    const [first] = snapshots;
    const sets = new Map([...first!.sets].map(([slug, ids]) => [slug, new Set(ids)]));
    const replayed = await replay({ ...first!, sets });
    return JSON.stringify(listed(replayed)) === JSON.stringify(listed(reference));
  };
  await eventually('all is told', isReplayed, TAKEN_OVER_MS);
  for (const each of snapshots) expect(listed(await replay(each))).toEqual(listed(reference));
  const end = await deployment.feed.now();
  await eventually(
    'the follower has seen it',
    () => JSON.stringify(listed(followed)) === JSON.stringify(listed(reference)),
  );
  expect(seen).not.toBe('');
  expect(end).not.toBe('');
  going.abort();
  await following;
});
