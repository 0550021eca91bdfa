/**
 * memory.ts – What is kept, in bytes: a membership, by the kind of its record's id; a record, its
 * state, a link, a timer; and what a worker has in memory.
 *
 * Keeps true: bytes of Redis are MEMORY USAGE of the keys in question with all samples, on a
 * private server as it is set up for every deployment. Sets are compared with the same ids in plain
 * sets. Before a figure counts, member sets are compared with json-logic-js.
 */
import type { Redis } from 'ioredis';
import type { Change } from '../../src/change/change.ts';
import { partitionOf } from '../../src/change/partition.ts';
import type { Row } from '../../src/engine/step.ts';
import { assert } from '../../src/errors.ts';
import { PredicateNetwork } from '../../src/query/network/network.ts';
import { predicateIds } from '../../src/query/network/predicate-ids.ts';
import type { PartitionKeys } from '../../src/redis/keys.ts';
import { PEOPLE, PEOPLE_DEFINITION, type Person, people } from '../data.ts';
import type { BenchOptions, Case, Figure, Progress, Workload } from '../harness.ts';
import {
  openQuiet,
  PARTITIONS,
  RollcallSide,
  reached,
  stage,
  withRedis,
} from '../rollcall-side.ts';
import type { WatchedDeployment } from '../watched-deployment.ts';
import { checkTruth, makeTypes, makeWorld, type World } from '../world.ts';

export const MEMORY: Workload = {
  name: 'memory',
  defaults: { segments: [1_000], records: 100_000, roundMs: 1_000 },
  run: async (options, progress) => {
    const cases: Case[] = [];
    progress.expect(options.segments.length * (IDS.length + 1) + 1);
    for (const count of options.segments) {
      for (const ids of IDS) {
        cases.push(
          await withRedis(progress, (url) => memberships(url, ids, count, options, progress)),
        );
        progress.tick();
      }
      cases.push(inWorker(count, options));
      progress.tick();
    }
    cases.push(await withRedis(progress, (url) => others(url, options, progress)));
    progress.tick();
    const title = 'memory: what is kept, in bytes a piece';
    return { workload: 'memory', title, unit: 'bytes', cases, notes: NOTES };
  },
};

const NOTES = [
  `A private Redis as it is set up for every deployment; ${PARTITIONS} partitions. Bytes do not ` +
    'vary from round to round: they are measured once.',
  'a membership: all sets (and states of records), divided by their members. A plain set holds a ' +
    'whole segment, as Redis keeps it by itself: as a list up to 512 whole numbers. Numbers for ' +
    'ids are those of a partition; two hashes translate both ways.',
  'a worker: the heap after it was collected, with all predicates, and with the rows of some ' +
    'records, without and with what holds of them.',
];

/** Two kinds of ids for the same people. */
const IDS = [
  { name: 'whole-number ids', idOf: (at: number) => `${1_000_000 + at}` },
  { name: 'ids of letters', idOf: (at: number) => `person-${1_000_000 + at}` },
] as const;

/** As Redis is set by itself. */
const OWN_INTSETS = 512;

function figuresOf(bytes: Readonly<Record<string, number>>, pieces: number): Figure[] {
  const own = Object.values(bytes)[0]!;
  const same = (value: number) => ({ median: value, min: value, max: value });
  return Object.entries(bytes).map(([side, each]) => ({
    side,
    changes: pieces,
    changesPerSecond: same(each),
    ratio: same(own / each),
  }));
}

async function bytesOf(redis: Redis, keys: readonly string[]): Promise<number> {
  let sum = 0;
  for (let from = 0; from < keys.length; from += PIPELINED_MAX) {
    const asked = redis.pipeline();
    for (const key of keys.slice(from, from + PIPELINED_MAX))
      asked.memory('USAGE', key, 'SAMPLES', 0);
    for (const [error, bytes] of (await asked.exec()) ?? []) {
      assert(!error, `MEMORY USAGE is answered: ${error?.message}`);
      sum += Number(bytes ?? 0);
    }
  }
  return sum;
}

const PIPELINED_MAX = 1000;

async function named(redis: Redis, pattern: string): Promise<string[]> {
  const keys: string[] = [];
  for (let cursor = '0', isDone = false; !isDone; isDone = cursor === '0') {
    const [next, some] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', PIPELINED_MAX);
    keys.push(...some);
    cursor = next;
  }
  return keys;
}

// ── A membership ──

async function memberships(
  url: string,
  { name, idOf }: (typeof IDS)[number],
  count: number,
  options: BenchOptions,
  progress: Progress,
): Promise<Case> {
  const world = renamed(makeWorld(options.records, count, options.seed), idOf);
  const side = await RollcallSide.open(url, world, progress);
  const { deployment } = side;
  const { redis, keys } = deployment;
  const own = [...new Set(side.predicateIds)];
  try {
    await check(side, world);
    const of = (key: (partition: PartitionKeys) => string[]) =>
      bytesOf(redis, keys.partitions.flatMap(key));
    const sets = await of((partition) => own.map((each) => partition.segment(each)));
    const states = await of((partition) => [partition.state(PEOPLE), partition.blocks(PEOPLE)]);
    const members = await membersOf(deployment, own);
    const total = members.reduce((sum, { ids }) => sum + ids.length, 0);
    progress.say('the same ids in plain sets');
    const [plain, numbered] = [await inPlainSets(redis, members), await inNumbers(redis, members)];
    const sides = {
      'Rollcall, sets': sets,
      'Rollcall, sets and states': sets + states,
      'a plain set a segment': plain,
      'numbers for ids, and two hashes': numbered,
    };
    const each = Object.entries(sides).map(([label, bytes]) => [label, bytes / total] as const);
    return {
      history: `a membership, ${name}`,
      segments: count,
      work: { 'memberships a record': total / options.records, 'members a set': total / count },
      figures: figuresOf(Object.fromEntries(each), total),
    };
  } finally {
    await side.close();
  }
}

function renamed(world: World, idOf: (at: number) => string): World {
  const all = [...world.people.values()].map(({ data }, at): Person => ({ id: idOf(at), data }));
  return { ...world, people: new Map(all.map((person) => [person.id, person])) };
}

/** Some people, against json-logic-js. */
async function check(side: RollcallSide, world: World): Promise<void> {
  const some = [...world.people.values()].slice(0, Math.ceil(20_000 / world.segments.length));
  for (const { id, data } of some) checkTruth(side.name, id, data, await side.held(id), world);
}

interface Members {
  readonly segment: number;
  readonly ids: readonly string[];
}

async function membersOf(
  { redis, keys }: WatchedDeployment,
  predicateIds: readonly number[],
): Promise<Members[]> {
  const all: Members[] = [];
  for (const [segment, predicateId] of predicateIds.entries()) {
    const asked = redis.pipeline();
    for (const partition of keys.partitions) asked.smembers(partition.segment(predicateId));
    const found = (await asked.exec()) ?? [];
    all.push({ segment, ids: found.flatMap(([, ids]) => ids as string[]) });
  }
  return all;
}

/** Bytes; the server is set as it came afterwards. */
async function inPlainSets(redis: Redis, members: readonly Members[]): Promise<number> {
  const [, set] = (await redis.config('GET', 'set-max-intset-entries')) as string[];
  await redis.config('SET', 'set-max-intset-entries', OWN_INTSETS);
  const bytes = await filled(
    redis,
    members,
    (segment) => `plain:${segment}`,
    (id) => id,
  );
  await redis.config('SET', 'set-max-intset-entries', set!);
  return bytes;
}

/** What an option for ids of letters would cost: a number for each record of a partition. */
async function inNumbers(redis: Redis, members: readonly Members[]): Promise<number> {
  const numbers = new Map<string, number>();
  const taken = Array.from({ length: PARTITIONS }, () => 0);
  const numberOf = (id: string) => {
    let number = numbers.get(id);
    if (number === undefined) numbers.set(id, (number = ++taken[partitionOf(id, PARTITIONS)]!));
    return number;
  };
  const keyOf = (segment: number, id: string) =>
    `numbered:${partitionOf(id, PARTITIONS)}:${segment}`;
  const sets = await filled(redis, members, keyOf, numberOf);
  const hashes = new Set<string>();
  const adding = redis.pipeline();
  for (const [id, number] of numbers) {
    const at = `translated:${partitionOf(id, PARTITIONS)}`;
    adding.hset(`${at}:ids`, id, number).hset(`${at}:numbers`, number, id);
    hashes.add(`${at}:ids`).add(`${at}:numbers`);
  }
  await adding.exec();
  return sets + (await bytesOf(redis, [...hashes]));
}

async function filled(
  redis: Redis,
  members: readonly Members[],
  keyOf: (segment: number, id: string) => string,
  memberOf: (id: string) => string | number,
): Promise<number> {
  const keys = new Set<string>();
  for (const { segment, ids } of members) {
    for (let from = 0; from < ids.length; from += PIPELINED_MAX) {
      const adding = redis.pipeline();
      for (const id of ids.slice(from, from + PIPELINED_MAX)) {
        const key = keyOf(segment, id);
        adding.sadd(key, memberOf(id));
        keys.add(key);
      }
      await adding.exec();
    }
  }
  return bytesOf(redis, [...keys]);
}

// ── A record, its state, a link, a timer ──

const ORGANIZATIONS = 'organizations';
const CONTACTS = 'contacts';
const CONTACTS_A_TARGET = 50;
const SEEN = 'last_seen_at';
const DAY_MS = 86_400_000;

async function others(url: string, options: BenchOptions, progress: Progress): Promise<Case> {
  const { records, seed } = options;
  const deployment = await openQuiet(url);
  try {
    await declareLinked(deployment);
    progress.say(`${records} contacts of organizations`);
    const targets = Math.ceil(records / CONTACTS_A_TARGET);
    await load(
      deployment,
      Array.from({ length: targets }, (_, at) =>
        put(ORGANIZATIONS, `o${at}`, { industry: 'SaaS' }),
      ),
    );
    await load(
      deployment,
      people(records, seed).map(({ id, data }, at) => {
        const seen = new Date(Date.now() - (at % 29) * DAY_MS).toISOString();
        return put(CONTACTS, id, { ...data, [SEEN]: seen, organization_id: `o${at % targets}` });
      }),
    );
    for (const slug of ['lately', 'in-saas']) {
      const { counts } = await deployment.segmentCounts.read([slug], PATIENT);
      assert(counts[0]!.count === records, `all contacts are in ${slug}`);
    }
    const { redis, keys } = deployment;
    const per = async (key: (partition: PartitionKeys) => string[]) =>
      (await bytesOf(redis, keys.partitions.flatMap(key))) / records;
    const links = await Promise.all(
      ['neighbours', 'related', 'holders'].map((kind) => named(redis, `ours:{*}:${kind}:*`)),
    );
    const bytes = {
      'a record': await per((partition) => [partition.records(CONTACTS), partition.ids(CONTACTS)]),
      'its state': await per((partition) => [
        partition.state(CONTACTS),
        partition.blocks(CONTACTS),
      ]),
      'a link': (await bytesOf(redis, links.flat())) / records,
      'a timer': await per(({ due }) => [due]),
    };
    const work = { 'holders of a target': CONTACTS_A_TARGET };
    return { history: 'other pieces', segments: 2, work, figures: figuresOf(bytes, records) };
  } finally {
    await deployment.close();
  }
}

const PATIENT = { consistency: 'strong', timeoutMs: 60_000 } as const;

async function declareLinked({ objectTypes, segments, store }: WatchedDeployment): Promise<void> {
  await objectTypes.put(ORGANIZATIONS, { attributes: { industry: { type: 'string' } } });
  const organization = {
    to: ORGANIZATIONS,
    key: 'organization_id',
    cardinality: 'one',
    inverse: 'contacts',
  } as const;
  await objectTypes.put(CONTACTS, { ...PEOPLE_DEFINITION, relationships: { organization } });
  const queries = {
    lately: { field: SEEN, operator: 'inLast', value: { amount: 30, unit: 'day' } },
    'in-saas': { field: 'organization.industry', operator: '=', value: 'SaaS' },
  };
  for (const [slug, rule] of Object.entries(queries)) {
    const query = { combinator: 'and', rules: [rule] };
    await segments.create({ title: slug, slug, object_type: CONTACTS, query });
    await reached(() => Number(store.catalog.segments.get(slug)?.predicateId != null), 1);
  }
}

function put(objectType: string, id: string, data: Record<string, unknown>): Change {
  return { op: 'put', object_type: objectType, id, data };
}

async function load(
  { redis, keys, store, metrics, worker }: WatchedDeployment,
  changes: readonly Change[],
): Promise<void> {
  const applied = async () => {
    assert(worker?.fatal.length === 0, 'no partition has stopped');
    return (await metrics.changesApplied.get()).values[0]?.value ?? 0;
  };
  const target = (await applied()) + changes.length;
  const logs = keys.partitions.map(({ log }) => log);
  await (await stage(redis, logs, changes, store.catalog.version))();
  await reached(applied, target);
}

// ── A worker ──

const ROWS = 5_000;

function inWorker(count: number, options: BenchOptions): Case {
  const world = makeWorld(Math.min(ROWS, options.records), count, options.seed);
  const rows = world.people.size;
  const [network, types] = heapOf(() => makeTypes(world));
  const [plain] = heapOf(() => rowsUnder({ network: new PredicateNetwork() }, world));
  const [held] = heapOf(() => rowsUnder(types.get(PEOPLE)!, world));
  const bytes = {
    'a predicate': network / count,
    'a row, with what holds of it': held / rows,
    'a row, without': plain / rows,
  };
  const work = { 'MB of predicates': network / 1e6 };
  return { history: 'a worker', segments: count, work, figures: figuresOf(bytes, count) };
}

/** What is held of what was made, and it. */
function heapOf<T>(make: () => T): [bytes: number, made: T] {
  globalThis.gc?.();
  const before = used();
  const made = make();
  globalThis.gc?.();
  return [used() - before, made];
}

function used(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** The rows of all people; the texts in them are those of the world. */
function rowsUnder(
  { network }: { readonly network: PredicateNetwork },
  { people: all }: World,
): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const { id, data } of all.values()) {
    const own = { ...data };
    const record = { data: own, version: 1, createdAt: 0, updatedAt: 0, fits: 1 };
    rows.set(id, { record, truth: predicateIds(network.create(own, 0)), due: undefined });
  }
  return rows;
}
