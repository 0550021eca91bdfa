/**
 * repair.test.ts – Each kind of planted fault is found by `rollcall audit`, mended by `--repair`,
 * alone and under load, and is then nowhere to be seen: neither by a reader of Redis that shares no
 * code with the audit, nor by what the API answers.
 *
 * One row of the table is one kind of fault. All of them are planted together, each on rows of its
 * own, and mended by one repair; `npm run test:repair` plants each alone too,
 * ROLLCALL_FAULT=<part of a name> some of them.
 */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import type { Change } from '../../src/change/change.ts';
import { partitionOf } from '../../src/change/partition.ts';
import { runAudit } from '../../src/cli/audit.ts';
import { loadConfig } from '../../src/config.ts';
import { BLOCK_IDS_MAX } from '../../src/query/network/predicate-ids.ts';
import { KEY_TABLE, type PartitionKeys } from '../../src/redis/keys.ts';
import { openTestApi, type TestApi } from '../support/api.ts';
import { built, eventually, send } from '../support/deployment.ts';
import { faultsIn } from '../support/kept.ts';
import { isWhole } from '../support/whole.ts';

const PARTITIONS = 4;
const ORGANIZATIONS = 12;
const CONTACTS = 80;
const DAY_MS = 24 * 3600 * 1000;

const TYPES = {
  organizations: {
    attributes: {
      industry: { type: 'string' },
      size: { type: 'number' },
      renewed: { type: 'datetime' },
    },
  },
  contacts: {
    attributes: { age: { type: 'number' }, seen: { type: 'datetime' } },
    relationships: {
      organization: {
        to: 'organizations',
        key: 'organization_id',
        cardinality: 'one',
        inverse: 'contacts',
      },
    },
  },
  notes: { attributes: { text: { type: 'string' } } },
};
const all = (...rules: object[]) => ({ combinator: 'and', rules });
const inLast = (field: string) =>
  all({ field, operator: 'inLast', value: { amount: 3, unit: 'day' } });
const SEGMENTS: Readonly<Record<string, readonly [type: keyof typeof TYPES, query: object]>> = {
  adults: ['contacts', all({ field: 'age', operator: '>=', value: 40 })],
  'adults-of-saas': [
    'contacts',
    all(
      { field: '', operator: 'inSegment', value: 'adults' },
      { field: 'organization.industry', operator: '=', value: 'SaaS' },
    ),
  ],
  lately: ['contacts', inLast('seen')],
  'renewed-lately': ['contacts', inLast('organization.renewed')],
  'in-large': ['contacts', all({ field: 'organization.size', operator: '>', value: 5 })],
  'much-age': [
    'organizations',
    all({ field: 'contacts.age', aggregate: 'sum', operator: '>', value: 250 }),
  ],
  'very-old': [
    'organizations',
    all({ field: 'contacts.age', aggregate: 'max', operator: '>', value: 74 }),
  ],
  'many-lately': [
    'organizations',
    all({ field: 'contacts', match: { mode: 'atLeast', threshold: 3 }, value: inLast('seen') }),
  ],
  noted: ['notes', all({ field: 'text', operator: 'notNull' })],
};

let api: TestApi;
let redis: Redis;

/** The next one lies in another block of the states of records. */
async function declare(slug: string, type: string, query: object): Promise<void> {
  await ok('POST', '/v1/segments', { title: slug, slug, object_type: type, query });
  await api.deployment.store.write(({ nextPredicateId, segments }) => ({
    nextPredicateId: nextPredicateId + BLOCK_IDS_MAX,
    writes: [['segments', slug, segments.get(slug)!]],
  }));
}

beforeAll(async () => {
  api = await openTestApi({ partitions: PARTITIONS });
  redis = api.deployment.redis;
  for (const [name, definition] of Object.entries(TYPES))
    await ok('PUT', `/v1/object-types/${name}`, definition);
  for (const [slug, [type, query]] of Object.entries(SEGMENTS)) await declare(slug, type, query);
  const columns = [{ path: 'age' }];
  const view = {
    title: 'Elders',
    slug: 'elders',
    object_type: 'contacts',
    columns,
    query: all({ field: 'age', operator: '>', value: 60 }),
  };
  await ok('POST', '/v1/views', view);
  await built(api.deployment);
  for (let at = 0; at < ORGANIZATIONS; at++) await send(api.deployment, [organization(at)]);
  await send(
    api.deployment,
    Array.from({ length: CONTACTS }, (_, at) => contact(at)),
  );
  await send(
    api.deployment,
    ['n1', 'n2', 'n3'].map(
      (id): Change => ({ op: 'put', object_type: 'notes', id, data: { text: id } }),
    ),
  );
}, 60_000);
afterAll(() => api.close());

async function ok(method: string, url: string, body?: unknown): Promise<Record<string, unknown>> {
  const answer = await api.call(method, url, body);
  if (answer.statusCode >= 300)
    throw new Error(`${method} ${url}: ${answer.statusCode} ${answer.body}`);
  return answer.statusCode === 204 ? {} : answer.json();
}

// ── changes ──

process.setMaxListeners(0); // each command that is run listens for signals
let turns = 0;
const next = (n: number) => (Math.imul(++turns, 0x9e3779b1) >>> 8) % n;
/** Some moments leave the last three days while a test runs, most do not. */
const moment = () => new Date(Date.now() - 3 * DAY_MS + (next(6) - 2) * 4000).toISOString();

function organization(at: number): Change {
  const data = { industry: next(2) === 0 ? 'SaaS' : 'Retail', size: next(11), renewed: moment() };
  return { op: 'put', object_type: 'organizations', id: `o${at}`, data };
}

function contact(at: number): Change {
  const data = { age: next(80), seen: moment(), organization_id: `o${next(ORGANIZATIONS)}` };
  return { op: 'put', object_type: 'contacts', id: `c${at}`, data };
}

function change(): Change {
  const at = next(CONTACTS);
  const id = `c${at}`;
  switch (next(20)) {
    case 0:
      return { op: 'archive', object_type: 'contacts', id };
    case 1:
      return { op: 'delete', object_type: 'contacts', id };
    case 2:
    case 3:
      return { op: 'restore', object_type: 'contacts', id };
    case 4:
    case 5:
      return organization(next(ORGANIZATIONS));
    case 6:
      return { op: 'patch', object_type: 'contacts', id, data: { age: next(80) } };
    default:
      return contact(at);
  }
}

/** A thousand changes a second, until it is stopped. @returns how many were sent */
function flood(): () => Promise<number> {
  let isStopped = false;
  let sent = 0;
  const running = (async () => {
    const beganMs = Date.now();
    while (!isStopped) {
      await send(api.deployment, Array.from({ length: 50 }, change), 'accepted');
      sent += 50;
      const aheadMs = sent - (Date.now() - beganMs);
      if (aheadMs > 0) await new Promise((resolve) => setTimeout(resolve, aheadMs));
    }
  })();
  return async () => {
    isStopped = true;
    await running;
    return sent;
  };
}

// ── planting ──

const at = (id: string): PartitionKeys =>
  api.deployment.keys.partitions[partitionOf(id, PARTITIONS)]!;
const predicateIdOf = (slug: string): number =>
  api.deployment.store.catalog.segments.get(slug)!.predicateId!;
const edgeId = (): number => api.deployment.store.catalog.edgeIdOf('contacts.organization')!;
const shared = (is: (how: { keeps?: string; direction: string }) => boolean): number =>
  [...api.deployment.store.catalog.predicateIds].find(
    ([predicateId, stored]) =>
      stored.shared && stored.shared.edgeId !== predicateId && is(stored.shared),
  )![0];
const ordered = () => shared((how) => how.keeps === 'extremes');
const slugsKey = () => `${api.deployment.keys.prefix}:{catalog}:slugs`;
/** So far ahead that no build of the test is given it: else it would be known by then. */
const unknown = () => api.deployment.store.catalog.nextPredicateId + 1_000_000;

/** What a fault of this test lies in: faults that are planted together don't hide each other. */
const taken = new Set<string>();
const take = (name: string): boolean => !taken.has(name) && Boolean(taken.add(name));

/** A member of a segment, with the keys of its partition. */
async function member(slug: string): Promise<[id: string, keys: PartitionKeys]> {
  for (const keys of api.deployment.keys.partitions) {
    const id = (await redis.smembers(keys.segment(predicateIdOf(slug)))).find((one) =>
      take(`${SEGMENTS[slug]![0]}:${one}`),
    );
    if (id) return [id, keys];
  }
  throw new Error(`${slug} has no members`);
}

/** A field of a hash that some partition has; `of` is what it is about. */
async function field(
  key: (keys: PartitionKeys) => string,
  of: string,
): Promise<[keys: PartitionKeys, field: string, value: string]> {
  for (const keys of api.deployment.keys.partitions) {
    const name = (await redis.hkeys(key(keys))).find((one) => take(`${of}:${one}`));
    if (name !== undefined) return [keys, name, (await redis.hget(key(keys), name))!];
  }
  throw new Error(`there is no field in ${key(api.deployment.keys.partitions[0]!)}`);
}

const DELETED = [CONTACTS + 1, CONTACTS + 2].map((at) => `c${at}`);

/** Some records whose time has not come, and some that were deleted a moment ago. */
async function prepared(): Promise<void> {
  taken.clear();
  await renewed();
  for (const id of DELETED) {
    const put: Change = { op: 'put', object_type: 'contacts', id, data: { age: 20 } };
    await send(api.deployment, [
      put,
      { op: 'delete', object_type: 'contacts', id, source_version: ++turns },
    ]);
  }
}

async function renewed(): Promise<void> {
  const seen = new Date(Date.now() - DAY_MS).toISOString();
  const ids = Array.from({ length: 8 }, (_, at) => `c${at}`);
  await send(
    api.deployment,
    ids.map((id): Change => ({ op: 'put', object_type: 'contacts', id, data: { age: 44, seen } })),
  );
}

/** A contact with a row in `state`, and one that is due. */
const state = () => field((keys) => keys.state('contacts'), 'contacts');
async function due(): Promise<[keys: PartitionKeys, member: string]> {
  for (const keys of api.deployment.keys.partitions) {
    const last = (await redis.zrevrange(keys.due, 0, -1)).find(take);
    if (last !== undefined) return [keys, last];
  }
  throw new Error('nothing is due');
}
const neighbours = () => field((keys) => keys.neighbours(edgeId()), 'target');
const related = () => field((keys) => keys.related(edgeId()), 'target');
/** A block of such a state, beside its first. */
async function block(): Promise<[keys: PartitionKeys, field: string, packed: string]> {
  const { keys, store, objectTypes } = api.deployment;
  const sizes = keys.partitions.map((partition) => redis.hlen(partition.blocks('contacts')));
  if (Math.max(...(await Promise.all(sizes))) < 5) {
    // A repair has given new ids to all predicates: half of the next ones lie in another block.
    const slug = 'adults';
    await store.write(({ nextPredicateId, segments }) => ({
      nextPredicateId: Math.ceil(nextPredicateId / BLOCK_IDS_MAX + 1) * BLOCK_IDS_MAX - 8,
      writes: [['segments', slug, segments.get(slug)!]],
    }));
    await objectTypes.rebuild();
    await built(api.deployment);
  }
  return field((partition) => partition.blocks('contacts'), 'block');
}
/** Due, numbers of blocks, and the first of these, which may hold any sign. */
const STATE = /^(\d*);([^;]*);(.*)$/;

/** A row whose members are replaced. */
// biome-ignore lint/suspicious/noExplicitAny: whatever is stored
type Altered = Record<string, any>;

async function alter(key: string, name: string, make: (row: Altered) => unknown): Promise<void> {
  await redis.hset(key, name, JSON.stringify(make(JSON.parse((await redis.hget(key, name))!))));
}

async function valuesKey(): Promise<[keys: PartitionKeys, key: string, member: string]> {
  const predicateId = ordered();
  for (const keys of api.deployment.keys.partitions) {
    for (const target of await redis.hkeys(keys.neighbours(edgeId()))) {
      const [first] = await redis.zrange(keys.values(predicateId, target), '0', '0');
      if (first !== undefined && take(keys.values(predicateId, target)))
        return [keys, keys.values(predicateId, target), first];
    }
  }
  throw new Error('no holder has a value');
}

/** Of a segment, in a partition whose history tells of it: the hour that is open. */
async function openHour(slug: string): Promise<[keys: PartitionKeys, feedId: string]> {
  const { keys, store, historyFolder } = api.deployment;
  const feedId = String(store.catalog.segments.get(slug)!.feedId);
  for (const [partition, own] of keys.partitions.entries()) {
    await historyFolder.foldAll(partition);
    if ((await redis.hexists(own.history, feedId)) && take(`${own.history} ${feedId}`))
      return [own, feedId];
  }
  throw new Error(`no history tells of ${slug}`);
}

/** A segment's revisions that are replaced by two edits. */
async function revised(slug: string): Promise<[key: string, newest: string]> {
  const { catalog } = api.deployment.keys;
  const name = async () => `${slug} ${++turns}`;
  for (let edit = 0; edit < 2; edit++)
    await ok('PATCH', `/v1/segments/${slug}`, { title: await name() });
  const { id, revision } = api.deployment.store.catalog.segments.get(slug)!;
  return [catalog.revisions, `${id}:${revision - 1}`];
}

/** The entries of a feed that nobody has planted anything in. */
async function feedOfMany(): Promise<[keys: PartitionKeys, ids: string[]]> {
  for (const keys of api.deployment.keys.partitions) {
    const ids = (await redis.xrange(keys.feed, '-', '+')).map(([id]) => id);
    if (ids.length > 3 && take(keys.feed)) return [keys, ids];
  }
  throw new Error('no feed has so many entries');
}

/** A contact that was deleted a moment ago. */
function deleted(): [keys: PartitionKeys, member: string] {
  const id = DELETED.find((one) => take(`contacts:${one}`))!;
  return [at(id), `contacts:${id}`];
}

interface Kind {
  readonly name: string;
  readonly plant: () => Promise<unknown>;
  /** What a partition makes good by itself, or what means nothing: an audit need not see it. */
  readonly isHarmless?: true;
  /**
   * It takes away what others are planted in, or keeps an audit waiting: not together with those.
   */
  readonly apart?: 'whole' | 'restless';
}

const KINDS: readonly Kind[] = [
  {
    name: 'a member is lost',
    plant: async () =>
      (([id, keys]) => redis.srem(keys.segment(predicateIdOf('adults')), id))(
        await member('adults'),
      ),
  },
  {
    name: 'a member of a segment over a relationship is lost',
    plant: async () =>
      (([id, keys]) => redis.srem(keys.segment(predicateIdOf('in-large')), id))(
        await member('in-large'),
      ),
  },
  {
    name: 'a member too many that is a record',
    plant: async () => redis.sadd(at('o1').segment(predicateIdOf('adults')), 'c-none', 'o1'),
  },
  {
    name: 'a member too many that is none',
    plant: () => redis.sadd(at('ghost').segment(predicateIdOf('much-age')), 'ghost'),
  },
  {
    name: 'a whole member set is lost',
    apart: 'whole',
    plant: async () => {
      for (const keys of api.deployment.keys.partitions)
        await redis.del(keys.segment(predicateIdOf('lately')));
    },
  },
  {
    name: 'a member of a view is lost',
    plant: async () => {
      const predicateId = (
        api.deployment.store.catalog.views.get('elders') as { predicateId: number }
      ).predicateId;
      for (const keys of api.deployment.keys.partitions)
        await redis.spop(keys.segment(predicateId));
    },
  },
  {
    name: 'a count is another',
    plant: () => redis.hincrby(at('c1').counts, String(predicateIdOf('adults')), 3),
  },
  {
    name: 'a count is deleted',
    plant: () => redis.hdel(at('c1').counts, String(predicateIdOf('lately'))),
  },
  { name: 'all counts are deleted', apart: 'whole', plant: () => redis.del(at('c1').counts) },
  {
    name: 'a count of a shared predicate id',
    plant: () => redis.hset(at('c1').counts, String(ordered()), '7'),
  },
  {
    name: 'a count of a shared predicate id is deleted',
    plant: () => redis.hdel(at('c1').counts, String(edgeId())),
  },
  {
    name: 'a count of a predicate id that nobody knows',
    plant: () => redis.hset(at('c1').counts, String(unknown()), '7'),
  },
  { name: 'a count of no predicate id', plant: () => redis.hset(at('c1').counts, 'seven', '7') },
  {
    name: 'a set of a predicate id that nobody knows',
    plant: () => redis.sadd(at('c1').segment(unknown()), 'c1'),
  },
  {
    name: 'rows and sets of an edge id that nobody knows',
    plant: async () => {
      const keys = at('c1');
      await redis.hset(keys.neighbours(unknown()), 'o1', '{}');
      await redis.hset(keys.related(unknown()), 'o1', '{}');
      await redis.zadd(keys.holders(unknown(), 'o1'), 0, 'c1');
      await redis.zadd(keys.values(unknown(), 'o1'), 3, 'c1');
    },
  },
  {
    name: 'a state row is lost',
    plant: async () => {
      const [keys, id] = await state();
      await redis.hdel(keys.state('contacts'), id);
    },
  },
  {
    name: 'all state rows are lost',
    apart: 'whole',
    plant: async () => {
      for (const keys of api.deployment.keys.partitions)
        await redis.del(keys.state('contacts'), keys.state('organizations'));
    },
  },
  {
    name: 'a state row says less',
    plant: async () => {
      const [keys, id, row] = await state();
      await redis.hset(keys.state('contacts'), id, row.replace(STATE, '$1;$2;0'));
    },
  },
  {
    name: 'a state row names a predicate id that nobody knows',
    plant: async () => {
      const [keys, id, row] = await state();
      await redis.hset(keys.state('contacts'), id, row.replace(STATE, '$1;999;0'));
    },
  },
  {
    name: 'a state row that nobody can read',
    plant: async () => {
      const [keys, id] = await state();
      await redis.hset(keys.state('contacts'), id, 'garbage');
    },
  },
  {
    name: 'a state row of a record that does not exist',
    plant: () => redis.hset(at('g-state').state('contacts'), 'g-state', ';0;01'),
  },
  {
    name: 'state rows of a type that does not exist',
    plant: () => redis.hset(at('ghost').state('ghosts'), 'ghost', ';0;01'),
  },
  {
    name: 'a block of a state is lost',
    plant: async () => {
      const [keys, field] = await block();
      await redis.hdel(keys.blocks('contacts'), field);
    },
  },
  {
    name: 'all blocks of states are lost',
    apart: 'whole',
    plant: async () => {
      await block();
      for (const keys of api.deployment.keys.partitions)
        await redis.del(keys.blocks('contacts'), keys.blocks('organizations'));
    },
  },
  {
    name: 'a block of a state says something else',
    plant: async () => {
      const [keys, field, packed] = await block();
      await redis.hset(keys.blocks('contacts'), field, packed === '0' ? '1' : '0');
    },
  },
  {
    name: 'a block of a state that nobody can read',
    plant: async () => {
      const [keys, field] = await block();
      await redis.hset(keys.blocks('contacts'), field, 'garbage');
    },
  },
  {
    name: 'a block that its state does not name',
    plant: async () => {
      const [keys, id] = await state();
      await redis.hset(keys.blocks('contacts'), `77:${id}`, '01');
    },
  },
  {
    name: 'a block of a record that does not exist',
    plant: () => redis.hset(at('g-block').blocks('contacts'), '3:g-block', '01'),
  },
  {
    name: 'blocks of a type that does not exist',
    plant: () => redis.hset(at('ghost').blocks('ghosts'), '3:ghost', '01'),
  },
  {
    name: 'an id is not listed',
    plant: async () => {
      const [id, keys] = await member('adults');
      await redis.zrem(keys.ids('contacts'), id);
    },
  },
  {
    name: 'no id is listed',
    apart: 'whole',
    plant: async () => {
      for (const keys of api.deployment.keys.partitions) await redis.del(keys.ids('contacts'));
    },
  },
  { name: 'an id that is none', plant: () => redis.zadd(at('g-id').ids('contacts'), 0, 'g-id') },
  {
    name: 'an id with a score',
    plant: async () => {
      const [id, keys] = await member('adults');
      await redis.zadd(keys.ids('contacts'), 5, id);
    },
  },
  {
    name: 'ids of a type that does not exist',
    plant: () => redis.zadd(at('ghost').ids('ghosts'), 0, 'ghost'),
  },
  {
    name: 'a record is deleted by hand',
    plant: async () => {
      const [id, keys] = await member('adults');
      await redis.hdel(keys.records('contacts'), id);
    },
  },
  {
    name: 'a target is deleted by hand',
    plant: async () => {
      const [id, keys] = await member('much-age');
      await redis.hdel(keys.records('organizations'), id);
    },
  },
  {
    name: 'a record is changed by hand',
    plant: async () => {
      const [id, keys] = await member('adults');
      await alter(keys.records('contacts'), id, ({ d, ...rest }) => ({
        ...rest,
        d: { ...(d as object), age: 3 },
      }));
    },
  },
  {
    name: 'a neighbour row is lost',
    plant: async () => {
      const [keys, target] = await neighbours();
      await redis.hdel(keys.neighbours(edgeId()), target);
    },
  },
  {
    name: 'all neighbour rows are lost',
    apart: 'whole',
    plant: async () => {
      for (const keys of api.deployment.keys.partitions) await redis.del(keys.neighbours(edgeId()));
    },
  },
  {
    name: 'a neighbour row knows other sums',
    plant: async () => {
      const [keys, target] = await neighbours();
      await alter(keys.neighbours(edgeId()), target, ({ local, ...rest }) => ({
        ...rest,
        local: { ...(local as object), sums: {}, highs: {} },
      }));
    },
  },
  {
    name: 'a neighbour row knows another target',
    plant: async () => {
      const [keys, target] = await neighbours();
      await alter(keys.neighbours(edgeId()), target, (row) => ({ ...row, shared: null }));
    },
  },
  {
    name: 'a neighbour row of a target nobody points at',
    plant: () =>
      redis.hset(
        at('c1').neighbours(edgeId()),
        'o-no-row',
        JSON.stringify({
          shared: null,
          local: { counts: { [edgeId()]: 2 }, sums: {}, lows: {}, highs: {} },
        }),
      ),
  },
  {
    name: 'a neighbour row that nobody can read',
    plant: async () => {
      const [keys, target] = await neighbours();
      await redis.hset(keys.neighbours(edgeId()), target, 'garbage');
    },
  },
  {
    name: 'a related row is lost',
    plant: async () => {
      const [keys, target] = await related();
      await redis.hdel(keys.related(edgeId()), target);
    },
  },
  {
    name: 'a related row knows other sums',
    plant: async () => {
      const [keys, target] = await related();
      await alter(keys.related(edgeId()), target, (row) =>
        Object.fromEntries(
          Object.entries(row).map(([from, part]) => [
            from,
            { ...(part as object), sums: {}, highs: {} },
          ]),
        ),
      );
    },
  },
  {
    name: 'a related row knows a partition that has no holder',
    plant: async () =>
      redis.hset(
        at('o-lonely').related(edgeId()),
        'o-lonely',
        JSON.stringify({ 0: { counts: { [edgeId()]: 2 }, sums: {}, lows: {}, highs: {} } }),
      ),
  },
  {
    name: 'a holder is lost',
    plant: async () => {
      const [keys, target] = await neighbours();
      await redis.zpopmin(keys.holders(edgeId(), target));
    },
  },
  {
    name: 'a holder too many',
    plant: async () => {
      const [keys, target] = await neighbours();
      await redis.zadd(keys.holders(edgeId(), target), 0, 'ghost');
    },
  },
  {
    name: 'a holder with a score',
    plant: async () => {
      const [keys, target] = await neighbours();
      const [id] = await redis.zrange(keys.holders(edgeId(), target), '0', '0');
      await redis.zadd(keys.holders(edgeId(), target), 4, id!);
    },
  },
  {
    name: 'a holder of a target nobody points at',
    plant: () => redis.zadd(at('c1').holders(edgeId(), 'o-nobody'), 0, 'c1'),
  },
  {
    name: 'a value is lost',
    plant: async () => {
      const [, key, id] = await valuesKey();
      await redis.zrem(key, id);
    },
  },
  {
    name: 'a value too many',
    plant: async () => {
      const [, key] = await valuesKey();
      await redis.zadd(key, 999, 'ghost');
    },
  },
  {
    name: 'a value is another',
    plant: async () => {
      const [, key, id] = await valuesKey();
      await redis.zadd(key, 999, id);
    },
  },
  {
    name: 'a value for a target nobody points at',
    plant: () => redis.zadd(at('c1').values(ordered(), 'o-no-value'), 5, 'c1'),
  },
  {
    name: 'a tombstone is lost',
    plant: async () => {
      const [keys, name] = deleted();
      await redis.zrem(keys.tombstones, name);
    },
  },
  {
    name: 'a tombstone of another time',
    plant: async () => {
      const [keys, name] = deleted();
      await redis.zadd(keys.tombstones, 8e12, name);
    },
  },
  {
    name: 'a tombstone of a live record',
    plant: async () => {
      const [id, keys] = await member('noted');
      await redis.zadd(keys.tombstones, 8e12, `notes:${id}`);
    },
  },
  {
    name: 'a tombstone of nothing',
    plant: () => redis.zadd(at('g-tomb').tombstones, 8e12, 'contacts:g-tomb'),
  },
  {
    name: 'a record is no longer due',
    plant: async () => {
      const [keys, name] = await due();
      await redis.zrem(keys.due, name);
    },
  },
  {
    name: 'no record is due',
    apart: 'whole',
    plant: async () => {
      for (const keys of api.deployment.keys.partitions) await redis.del(keys.due);
    },
  },
  {
    name: 'a record is due at another time than its row says',
    plant: async () => {
      const [keys, name] = await due();
      await redis.zadd(keys.due, 8e12, name);
    },
  },
  {
    name: 'a record is due too late, by its row too',
    plant: async () => {
      const [keys, name] = await due();
      const [type, id] = name.split(':') as [string, string];
      await redis.zadd(keys.due, 8e12, name);
      await redis.hset(
        keys.state(type),
        id,
        (await redis.hget(keys.state(type), id))!.replace(STATE, '8000000000000;$2;$3'),
      );
    },
  },
  {
    name: 'a record of a type without time is due',
    plant: async () => {
      const [id, keys] = await member('noted');
      await redis.zadd(keys.due, 8e12, `notes:${id}`);
    },
  },
  {
    name: 'a record is due since long',
    plant: async () => {
      const [id, keys] = await member('noted');
      await redis.zadd(keys.due, 1, `notes:${id}`);
    },
  },
  {
    name: 'a record of an unknown type is due',
    plant: () => redis.zadd(at('ghost').due, 8e12, 'ghosts:ghost'),
  },
  {
    name: 'a record of an unknown type is due since long',
    plant: () => redis.zadd(at('g-long').due, 1, 'ghosts:g-long'),
  },
  {
    name: 'what is no record at all is due since long',
    plant: () => redis.zadd(at('ghost').due, 1, 'nothing'),
  },
  {
    name: 'a record that does not exist is due',
    plant: () => redis.zadd(at('g-due').due, 8e12, 'contacts:g-due'),
  },
  {
    name: 'meta names sets of an edge id that is gone',
    plant: () => redis.hset(at('c1').meta, `sets:${unknown()}`, String(unknown())),
    isHarmless: true,
  },
  {
    name: 'meta does not name the sets that there are',
    plant: () => redis.hdel(at('c1').meta, `sets:${edgeId()}`),
    isHarmless: true,
  },
  {
    name: 'meta does not name the types that may be due',
    plant: () => redis.hdel(at('c1').meta, 'timed:contacts', 'timed:organizations'),
    isHarmless: true,
  },
  {
    name: 'a resynchronization that nobody has begun',
    apart: 'restless',
    plant: () => redis.hset(at('c1').meta, 'receiving:0', 'receiving'),
  },
  {
    name: 'a fan-out over an edge that is gone',
    apart: 'restless',
    plant: () => redis.zadd(at('c1').fanoutsSince, 1, `${unknown()}:o1`),
  },
  {
    name: 'the index of dead letters says something else',
    plant: () => redis.hset(at('c1').deadIndex, 'bytes', '77', 'contacts:c1', ',1-1,'),
  },
  {
    name: 'an entry of a feed is gone',
    plant: async () => {
      const [keys, ids] = await feedOfMany();
      await redis.xdel(keys.feed, ids[2]!);
    },
  },
  {
    name: 'the last entry of a feed is gone',
    plant: async () => {
      const [keys, ids] = await feedOfMany();
      await redis.xdel(keys.feed, ids.at(-1)!);
    },
  },
  {
    name: 'a history ends at another number',
    plant: async () => {
      const [keys, feedId] = await openHour('adults');
      const packed = (await redis.hget(keys.history, feedId))!;
      await redis.hset(keys.history, feedId, packed.replace(/[=:].*$/, '=zz'));
    },
  },
  {
    name: 'the open hour of a history is lost',
    plant: async () => {
      const [keys, feedId] = await openHour('in-large');
      await redis.hdel(keys.history, feedId);
    },
  },
  {
    name: 'a history that nobody can read',
    plant: async () => {
      const [keys, feedId] = await openHour('noted');
      await redis.hset(keys.history, feedId, 'garbage');
    },
  },
  {
    name: 'meta does not say what history has folded',
    plant: () => redis.hdel(at('c1').meta, 'history-folded'),
    isHarmless: true,
  },
  {
    name: 'the text of a revision is lost',
    plant: async () => redis.hdel(...(await revised('adults'))),
  },
  {
    name: 'the text of a revision is another, and one that nobody can read',
    plant: async () => {
      await redis.hset(...(await revised('in-large')), '{"at":1,"title":"","query":{}}');
      await redis.hset(...(await revised('noted')), 'garbage');
    },
  },
  {
    name: 'a text of no revision',
    plant: () => redis.hset(api.deployment.keys.catalog.revisions, 'nobody:3', '{}'),
  },
  {
    name: 'a feed id names no segment any more',
    plant: async () => {
      const { catalog } = api.deployment.keys;
      const feedIdOf = (slug: string) =>
        String(api.deployment.store.catalog.segments.get(slug)!.feedId);
      await redis.hdel(catalog.feedIds, feedIdOf('adults'));
      const other = JSON.stringify({ slug: 'adults', segment: 'x', object_type: 'contacts' });
      await redis.hset(catalog.feedIds, feedIdOf('lately'), other);
    },
  },
  {
    name: 'a slug leads to the sets of another segment',
    plant: () => redis.hset(slugsKey(), 'adults', String(predicateIdOf('lately'))),
  },
  {
    name: 'a slug leads nowhere, and one is of no segment',
    plant: async () => {
      await redis.hdel(slugsKey(), 'adults');
      await redis.hset(slugsKey(), 'ghost', String(predicateIdOf('adults')));
    },
  },
  {
    name: 'a segment without a predicate',
    apart: 'whole',
    plant: async () => {
      const { segments } = api.deployment.keys.catalog;
      const stored = JSON.parse((await redis.hget(segments, 'noted'))!);
      await redis.hset(
        segments,
        'noted',
        JSON.stringify({ ...stored, predicateId: null, pending: null }),
      );
      await redis.hincrby(api.deployment.keys.catalog.meta, 'version', 1);
      await api.deployment.store.refresh();
    },
  },
];

/**
 * What becomes of a fault in each kind of key: a planting above, alone or among others, or why
 * there is none. A new kind of key needs a row.
 */
const BY_KEY: Readonly<Record<string, { readonly planting: string } | { readonly none: string }>> =
  {
    'rc:{p}:log': { none: 'what was acknowledged; another kind of value there is found (below)' },
    'rc:{p}:inbox': { none: 'its source holds what was lost: it is sent again (faults/)' },
    'rc:{p}:outbox:<q>': { none: 'what was lost is noticed by its target (faults/)' },
    'rc:{p}:delivered': { none: 'both ends notice, and begin an epoch (faults/)' },
    'rc:{p}:owner': { none: 'the owner notices, and takes the partition again (faults/)' },
    'rc:{p}:meta': { planting: 'a resynchronization that nobody has begun' },
    'rc:{p}:ids:<type>': { planting: 'no id is listed' },
    'rc:{p}:records:<type>': { planting: 'a record is changed by hand' },
    'rc:{p}:state:<type>': { planting: 'a state row says less' },
    'rc:{p}:blocks:<type>': { planting: 'a block of a state says something else' },
    'rc:{p}:segment:<predicate>': { planting: 'a member is lost' },
    'rc:{p}:counts': { planting: 'a count is another' },
    'rc:{p}:counted': { none: 'a ring of the last commits: readers who miss one read all' },
    'rc:{p}:failed': { none: 'the catalog holds the same of what has failed' },
    'rc:{p}:due': { planting: 'a record is no longer due' },
    'rc:{p}:tombstones': { planting: 'a tombstone is lost' },
    'rc:{p}:fanouts': { none: 'a fan-out begins anew' },
    'rc:{p}:fanouts-since': { planting: 'a fan-out over an edge that is gone' },
    'rc:{p}:feed': { planting: 'an entry of a feed is gone' },
    'rc:{p}:followed': { none: 'without it the feed says segment_ready anew' },
    'rc:{p}:activations': { none: 'nothing else says what was told: a full sync tells it' },
    'rc:{p}:history': { planting: 'a history ends at another number' },
    'rc:{p}:history:<month>': { none: 'hours of before, and the feed that said it is trimmed' },
    'rc:{p}:history-months': { none: 'weights, by which the oldest months go' },
    'rc:{p}:history-sizes': { none: 'without it a history ends at no number, which is planted' },
    'rc:{p}:outcomes': { none: 'who waits for one is answered when its time is over' },
    'rc:{p}:dead': { none: 'nothing else holds a letter' },
    'rc:{p}:dead-index': { planting: 'the index of dead letters says something else' },
    'rc:{p}:audit-samples': { none: 'samples; nothing rests on them' },
    'rc:{p}:neighbours:<edge>': { planting: 'a neighbour row is lost' },
    'rc:{p}:related:<edge>': { planting: 'a related row is lost' },
    'rc:{p}:holders:<edge>:<id>': { planting: 'a holder is lost' },
    'rc:{p}:values:<predicate>:<id>': { planting: 'a value is lost' },
    'rc:{p}:value-counts:<predicate>': { none: 'count-distinct.test.ts plants it' },
    'rc:{p}:value-sources:<predicate>': { none: 'count-distinct.test.ts plants it' },
    'rc:{p}:value-totals:<predicate>': { none: 'count-distinct.test.ts plants it' },
    'rc:{p}:confirmed:<q>': { none: 'a snapshot that lacks it is sent again' },
    'rc:{catalog}:meta': { none: 'without it there is no deployment: it is not served' },
    'rc:{catalog}:object-types': { none: 'what was declared, and nothing else says what' },
    'rc:{catalog}:segments': { planting: 'a segment without a predicate' },
    'rc:{catalog}:views': { none: 'what was declared, and nothing else says what' },
    'rc:{catalog}:predicates': { planting: 'a set of a predicate id that nobody knows' },
    'rc:{catalog}:slugs': { planting: 'a slug leads to the sets of another segment' },
    'rc:{catalog}:log': { none: 'who misses a version reads the whole catalog' },
    'rc:{catalog}:activations': { none: 'what was declared, and nothing else says what' },
    'rc:{catalog}:webhook-secrets': { none: 'nothing else holds a secret' },
    'rc:{catalog}:feed-ids': { planting: 'a feed id names no segment any more' },
    'rc:{catalog}:histories': { none: 'the past of segments, and nothing else says what it was' },
    'rc:{catalog}:revisions': { planting: 'the text of a revision is lost' },
    'rc:{catalog}:audits': { none: 'what was found; nothing rests on it' },
    'rc:{catalog}:gone-activations': { none: 'a list of what is to be cleared up' },
    'rc:{catalog}:sorted:<slug>:<run>': { none: 'it is sorted again for the next reader' },
    'rc:{catalog}:sorted-runs': { none: 'it is sorted again for the next reader' },
    'rc:{catalog}:idempotency:<digest>': { none: 'nothing else holds an answer' },
    'rc:{catalog}:idempotency-of:<key>': { none: 'what it lists ends by itself' },
    'rc:{catalog}:idempotency-of:<key>:bytes': { none: 'what it weighs ends by itself' },
    'rc:{catalog}:session:<digest>': { none: 'whoever lost it signs in again' },
    'rc:{catalog}:sessions-of:<key>': { none: 'what it lists ends by itself' },
    'rc:{job-<id>}:state': { none: 'a job that has lost it fails' },
    'rc:{job-<id>}:input': { none: 'nothing else holds what was sent' },
    'rc:{job-<id>}:output': { none: 'a result of a day' },
    'rc:{job-<id>}:errors': { none: 'a result of a day' },
    '{rc:queues}:activations:lanes': { none: 'of deliveries: a full sync tells all' },
    '{rc:queues}:activation:<id>:state': { none: 'of deliveries: a full sync tells all' },
    '{rc:queues}:activation:<id>:lane:<n>': { none: 'of deliveries: a full sync tells all' },
    '{rc:queues}:activation:<id>:attempts': { none: 'of deliveries: a full sync tells all' },
    '{rc:queues}:activation:<id>:dead': { none: 'of deliveries: a full sync tells all' },
    '{rc:queues}:activation:<id>:dead-order': { none: 'of deliveries: a full sync tells all' },
    '{rc:queues}:activation:<id>:sync': { none: 'of deliveries: a full sync tells all' },
    '{rc:queues}:activation:<id>:touched': { none: 'of deliveries: a full sync tells all' },
  };

describe('what becomes of a fault', () => {
  it('is said for each kind of key', () => {
    expect(Object.keys(BY_KEY).sort()).toEqual(KEY_TABLE.map(({ name }) => name).sort());
    const planted = Object.values(BY_KEY).flatMap((row) =>
      'planting' in row ? [row.planting] : [],
    );
    const names = KINDS.map(({ name }) => name);
    expect(planted.filter((name) => !names.includes(name))).toEqual([]);
  });
});

// ── what is asked afterwards ──

/** As a person types it, beside the live server. */
async function rollcallAudit(options: {
  repair?: boolean;
  timeoutMs?: number;
}): Promise<{ code: number; said: string }> {
  const said: string[] = [];
  const spy = vi.spyOn(console, 'log').mockImplementation((line: string) => void said.push(line));
  try {
    const { keys } = api.deployment;
    const env = {
      REDIS_URL: inject('redisUrl'),
      ROLLCALL_PREFIX: keys.prefix,
      LOG_LEVEL: 'silent',
    };
    const code = await runAudit(loadConfig(env), { timeoutMs: 30_000, ...options });
    return { code, said: said.join('\n') };
  } finally {
    spy.mockRestore();
  }
}

/** Time goes on while it is read: what is so at any look is so. */
async function expectKeptRight(): Promise<void> {
  let faults: string[] = [];
  const { keys } = api.deployment;
  await eventually(
    'all that is kept is as the records say',
    async () => {
      faults = await faultsIn(redis, keys.prefix);
      return faults.length === 0;
    },
    8000,
  ).catch(() => {});
  expect(faults).toEqual([]);
}

async function countOf(slug: string): Promise<number> {
  const { counts } = (await ok('POST', '/v1/segments/counts', {
    slugs: [slug],
    timeout_ms: 20_000,
  })) as {
    counts: { count: number; status: string }[];
  };
  expect(counts).toMatchObject([{ status: 'ready' }]);
  return counts[0]!.count;
}

/** What was: histories end at the members, feeds can be followed, revisions be read. */
async function expectPastRight(): Promise<void> {
  const plain = Object.keys(SEGMENTS).filter((slug) => !/lately/.test(slug));
  const to = new Date(Date.now() + 1000).toISOString();
  const from = new Date(Date.now() - 3_600_000).toISOString();
  const span = { slugs: plain, from, to, step: 'hour' };
  const { history } = (await ok('POST', '/v1/segments/history', span)) as {
    history: Record<string, { count: number | null }[]>;
  };
  for (const slug of plain) {
    expect(history[slug]!.at(-1)!.count, `the history of ${slug}`).toBe(await countOf(slug));
    const { data } = (await ok('GET', `/v1/segments/${slug}/revisions`)) as {
      data: { title: string }[];
    };
    for (const { title } of data) expect(title).not.toBe('');
  }
  for (let cursor = 'oldest', isEnd = false; !isEnd; ) {
    const page = (await ok('GET', `/v1/memberships/changes?limit=1000&cursor=${cursor}`)) as {
      data: unknown[];
      next_cursor: string;
    };
    isEnd = page.data.length === 0 || page.next_cursor === cursor;
    cursor = encodeURIComponent(page.next_cursor);
  }
}

/**
 * Counts, members, lookups, the segments of a record, a type that is declared otherwise, and what
 * changes move then.
 */
async function expectAnswersRight(): Promise<void> {
  for (const slug of Object.keys(SEGMENTS)) {
    const { data } = (await ok('GET', `/v1/segments/${slug}/members?limit=1000`)) as {
      data: { id: string }[];
    };
    if (!/lately/.test(slug)) expect(await countOf(slug), slug).toBe(data.length);
  }
  await expectPastRight();
  const { contacts } = TYPES;
  const more = { ...contacts, attributes: { ...contacts.attributes, extra: { type: 'string' } } };
  await ok('PUT', '/v1/object-types/contacts', more);
  await ok('PUT', '/v1/object-types/contacts', contacts);
  await built(api.deployment);
  const before = {
    adults: await countOf('adults'),
    old: await countOf('very-old'),
    much: await countOf('much-age'),
  };
  const put = (id: string, type: string, data: object) =>
    ok('PUT', `/v1/records/${type}/${id}`, data);
  await put('o-new', 'organizations', { industry: 'SaaS', size: 9 });
  await put('c-new', 'contacts', {
    age: 79,
    organization_id: 'o-new',
    seen: new Date().toISOString(),
  });
  await put('c-newer', 'contacts', { age: 300, organization_id: 'o-new' });
  const now = {
    adults: await countOf('adults'),
    old: await countOf('very-old'),
    much: await countOf('much-age'),
  };
  expect(now).toEqual({ adults: before.adults + 2, old: before.old + 1, much: before.much + 1 });
  const { segments } = (await ok('GET', '/v1/records/contacts/c-new/segments')) as {
    segments: string[];
  };
  expect(segments).toEqual(['adults', 'adults-of-saas', 'in-large', 'lately']);
  for (const [type, id] of [
    ['contacts', 'c-new'],
    ['contacts', 'c-newer'],
    ['organizations', 'o-new'],
  ] as const)
    await ok('DELETE', `/v1/records/${type}/${id}`);
  expect({
    adults: await countOf('adults'),
    old: await countOf('very-old'),
    much: await countOf('much-age'),
  }).toEqual(before);
}

interface Planting {
  readonly name: string;
  readonly kinds: readonly Kind[];
}

/** One that an audit finds while nothing keeps it waiting. */
const isPlain = ({ kinds }: Planting): boolean =>
  kinds.every(({ isHarmless, apart }) => !isHarmless && apart !== 'restless');
const PART = process.env['ROLLCALL_FAULT'];
const together = (name: string, group?: Kind['apart']): Planting => ({
  name,
  kinds: KINDS.filter(({ apart }) => apart === group),
});
const TOGETHER: readonly Planting[] = [
  together('all kinds at once'),
  together('all that take a whole away', 'whole'),
  together('all that keep a partition busy', 'restless'),
];
const ALONE = KINDS.map((kind): Planting => ({ name: kind.name, kinds: [kind] }));
const PLANTINGS =
  PART === undefined
    ? [...TOGETHER, ...(isWhole ? ALONE : [])]
    : ALONE.filter(({ name }) => name.includes(PART));

const mended = { code: 0, said: expect.stringMatching(/Zero differences\.$/) };

const isRestless = (kinds: readonly Kind[]) => kinds.some(({ apart }) => apart === 'restless');

/** Of a partition that does not come to rest, an audit waits out its time. */
const repair = (kinds: readonly Kind[]) =>
  rollcallAudit({ repair: true, ...(isRestless(kinds) ? { timeoutMs: 8000 } : {}) });

/** As many differences as faults, at least; a partition that does not come to rest is told so. */
async function expectFound(kinds: readonly Kind[]): Promise<void> {
  const { code, said } = await rollcallAudit(isRestless(kinds) ? { timeoutMs: 2000 } : {});
  const plain = kinds.filter(({ isHarmless }) => !isHarmless);
  if (plain.length === 0) return;
  expect(code).toBe(1);
  if (isRestless(kinds)) return expect(said).toContain('did not catch up');
  const number = /([\d,]+) (?:differences|segments without a predicate)\.$/.exec(said)![1]!;
  expect(Number(number.replaceAll(',', '')), said).toBeGreaterThanOrEqual(plain.length);
}

/** What is chosen for a fault may be gone when it is planted: then another one is chosen. */
async function plantAmidChanges(plant: Kind['plant'], attempts = 5): Promise<void> {
  try {
    await plant();
  } catch (error) {
    if (attempts === 1) throw error;
    await plantAmidChanges(plant, attempts - 1);
  }
}

describe('a planted fault', () => {
  it.each(PLANTINGS)('is found and mended: $name', { timeout: 120_000 }, async ({ kinds }) => {
    await prepared();
    for (const { plant } of kinds) await plant();
    await expectFound(kinds);
    expect(await repair(kinds)).toEqual(mended);
    await expectKeptRight();
    await expectAnswersRight();
    await expectKeptRight();
  });

  it.each(PLANTINGS)(
    'is mended while a thousand changes a second go on: $name',
    { timeout: 120_000 },
    async ({ kinds }) => {
      await prepared();
      const stop = flood();
      try {
        for (const { plant } of kinds) await plantAmidChanges(plant);
        expect(await repair(kinds)).toEqual(mended);
      } finally {
        await stop();
      }
      await countOf('much-age'); // all is applied
      await expectKeptRight();
      await expectAnswersRight();
    },
  );
});

describe('faults that are planted beside a server', () => {
  const toldOf = async () => {
    const { body } = await api.call('GET', '/metrics');
    const ready = await api.call('GET', '/readyz');
    expect(ready.statusCode).toBe(200);
    return {
      metric: Number(/^rollcall_audit_differences (.*)$/m.exec(body)![1]),
      warnings: ready.json<{ warnings?: string[] }>().warnings ?? [],
    };
  };
  const audited = async (repair: boolean) => {
    const { id } = (await ok('POST', '/v1/audits', { repair })) as { id: string };
    await api.ended(id);
    return ok('GET', `/v1/audits/${id}`);
  };

  it.each(isWhole ? [TOGETHER[0]!, TOGETHER[1]!, ...ALONE.filter(isPlain)] : [TOGETHER[0]!])(
    'are found by an audit as a job, told, and mended: $name',
    { timeout: 120_000 },
    async ({ kinds }) => {
      await prepared();
      for (const { plant } of kinds) await plant();
      const number = kinds.filter(({ isHarmless }) => !isHarmless).length;
      const found = await audited(false);
      expect(found).toMatchObject({ status: 'completed', repaired: false });
      expect(found['differences']).toBeGreaterThanOrEqual(number);
      const { metric, warnings } = await toldOf();
      expect(metric).toBe(found['differences']);
      expect(warnings.join()).toContain(String(found['id']));
      expect(await audited(true)).toMatchObject({ status: 'completed', repaired: true });
      expect(await toldOf()).toEqual({ metric: 0, warnings: [] });
      await expectKeptRight();
      await expectAnswersRight();
    },
  );
});

describe('rows that nobody can read', () => {
  it('do not stop whoever takes their partition over, and are built anew by a repair', {
    timeout: 120_000,
  }, async () => {
    const { keys } = api.deployment;
    for (const own of keys.partitions) {
      for (const id of await redis.hkeys(own.state('contacts')))
        await redis.hset(own.state('contacts'), id, 'garbage');
      for (const target of await redis.hkeys(own.neighbours(edgeId())))
        await redis.hset(own.neighbours(edgeId()), target, '5');
      for (const target of await redis.hkeys(own.related(edgeId())))
        await redis.hset(own.related(edgeId()), target, '{"0":1}');
      await redis.hincrby(own.meta, 'number', 1); // its owner is fenced, and takes it anew
    }
    const changes = [...Array(CONTACTS).keys()].map(contact);
    expect(await send(api.deployment, changes)).toBe(changes.length);
    expect((await rollcallAudit({ repair: true })).code).toBe(0);
    await expectKeptRight();
    await expectAnswersRight();
  });
});

describe('keys that hold another kind of value than anybody reads there', () => {
  const filter = all({ field: 'text', operator: 'notNull' });
  let other: TestApi;
  let before: TestApi;
  beforeAll(async () => {
    other = await openTestApi({ partitions: 2 });
    [before, api] = [api, other];
    await ok('PUT', '/v1/object-types/notes', TYPES.notes);
    await ok('POST', '/v1/segments', {
      title: 'noted',
      slug: 'noted',
      object_type: 'notes',
      query: filter,
    });
    await built(other.deployment);
    for (const id of ['a', 'b']) await ok('PUT', `/v1/records/notes/${id}`, { text: id });
  });
  afterAll(async () => {
    api = before;
    await other.close();
  });

  /** All that a partition keeps of its records. */
  async function plant(): Promise<void> {
    const keys = other.deployment.keys.partitions[partitionOf('a', 2)]!;
    const { counts, due, tombstones } = keys;
    const some = [
      keys.segment(predicateIdOf('noted')),
      keys.state('notes'),
      keys.ids('notes'),
      slugsKey(),
    ];
    const planted = redis.multi().del(counts, due, tombstones, ...some);
    for (const key of [counts, due, tombstones, ...some]) planted.set(key, 'x');
    await planted.exec();
  }

  it('are found, and what they held is built anew', { timeout: 60_000 }, async () => {
    await plant();
    const found = await rollcallAudit({});
    expect(found).toMatchObject({ code: 1, said: expect.stringContaining('a string, not a set') });
    const { code, said } = await rollcallAudit({ repair: true });
    expect({ code, said }).toEqual({ code: 0, said: expect.stringMatching(/Zero differences\.$/) });
    await expectKeptRight();
    await ok('PUT', '/v1/records/notes/c', { text: 'c' });
    expect(await countOf('noted')).toBe(3);
  });

  it('are not all: a record that nobody can read is told, and nothing is built from it', {
    timeout: 60_000,
  }, async () => {
    const key = other.deployment.keys.partitions[partitionOf('b', 2)]!.records('notes');
    const row = (await redis.hget(key, 'b'))!;
    await redis.hset(key, 'b', 'garbage');
    expect(await rollcallAudit({})).toMatchObject({
      code: 1,
      said: expect.stringContaining('b(unreadable)'),
    });
    const refused = await rollcallAudit({ repair: true });
    expect(refused).toMatchObject({ code: 1, said: expect.stringContaining('HDEL') });
    expect(await countOf('noted')).toBe(3);
    await redis.hdel(key, 'b');
    expect(await rollcallAudit({ repair: true })).toMatchObject({ code: 0 });
    expect(await countOf('noted')).toBe(2);
    await redis.hset(key, 'b', row);
    expect(await rollcallAudit({ repair: true })).toMatchObject({ code: 0 });
    expect(await countOf('noted')).toBe(3);
  });

  it('do not stop the partition where no answer about members rests on them', {
    timeout: 60_000,
  }, async () => {
    const keys = other.deployment.keys.partitions[partitionOf('a', 2)]!;
    const loose = KEY_TABLE.filter(({ isLoose }) => isLoose).map(({ name }) =>
      name.replace('rc:{p}:', keys.base).replace('<month>', '2020-01'),
    );
    expect(loose).toHaveLength(13);
    const kinds = () => Promise.all(loose.map((key) => redis.type(key)));
    for (const key of loose) await redis.multi().del(key).set(key, 'x').exec();
    const audit = await rollcallAudit({});
    for (const key of loose) expect(audit.said).toContain(`${key}(a string, not a `);
    // The owner goes on, and so does the next one.
    await ok('PUT', '/v1/records/notes/a', { text: 'a again' });
    await ok('PUT', '/v1/records/notes/d', { text: 'd' });
    await redis.hincrby(keys.meta, 'number', 1);
    await ok('DELETE', '/v1/records/notes/d');
    expect(other.deployment.worker!.fatal).toEqual([]);
    expect(await countOf('noted')).toBe(3);
    expect(await rollcallAudit({ repair: true })).toEqual(mended);
    expect((await kinds()).filter((kind) => kind === 'string')).toEqual([]);
    await ok('PUT', '/v1/records/notes/a', { text: null });
    expect(await countOf('noted')).toBe(2);
    const span = { from: new Date(Date.now() - 60_000), to: new Date(Date.now() + 60_000) };
    const body = { slugs: ['noted'], ...span, step: 'hour' };
    const { history } = (await ok('POST', '/v1/segments/history', body)) as {
      history: { noted: { count: number }[] };
    };
    expect(history.noted.at(-1)!.count).toBe(2);
    await ok('PUT', '/v1/records/notes/a', { text: 'a' });
  });

  it('where what is lost is kept nowhere else, nothing is repaired, and it is said', {
    timeout: 60_000,
  }, async () => {
    const { revisions, histories } = other.deployment.keys.catalog;
    await redis.set(revisions, 'x');
    expect((await rollcallAudit({ repair: true })).code).toBe(0);
    expect(await redis.exists(revisions)).toBe(0);
    // No process could begin without it: one that runs says so.
    await redis.set(histories, 'x');
    const { id } = (await ok('POST', '/v1/audits', { repair: true })) as { id: string };
    await other.ended(id);
    const audit = JSON.stringify(await ok('GET', `/v1/audits/${id}`));
    expect(audit).toContain(`${histories}(a string, not a hash)`);
    expect(audit).toMatch(/Not repaired: [^"]* backup\./);
    await redis.del(histories);
  });

  it('have stopped a partition: the repair says so and ends', { timeout: 60_000 }, async () => {
    await plant();
    await ok('PATCH', '/v1/records/notes/a?wait=accepted', { text: null });
    await eventually('it has stopped', () => other.deployment.worker!.fatal.length === 1);
    const { code, said } = await rollcallAudit({ repair: true, timeoutMs: 500 });
    expect({ code, said }).toEqual({
      code: 1,
      said: expect.stringMatching(/Not repaired: nobody works off partition \d/),
    });
  });
});

describe('an audit that has compared nothing', () => {
  it('fails, and says why: there is no segment, or all are being built', {
    timeout: 60_000,
  }, async () => {
    const other = await openTestApi({ partitions: 1 });
    const before = api;
    api = other;
    try {
      const none = await rollcallAudit({});
      expect(none).toMatchObject({ code: 1, said: expect.stringContaining('there is no segment') });
      await ok('PUT', '/v1/object-types/notes', TYPES.notes);
      const { store } = other.deployment;
      const write = store.write.bind(store);
      store.write = async (make, secret) => {
        // nothing that is built is switched to
        if (!/settle/.test(String(make))) await write(make, secret);
      };
      const query = all({ field: 'text', operator: 'notNull' });
      await ok('POST', '/v1/segments', { title: 'x', slug: 'x', object_type: 'notes', query });
      const building = await rollcallAudit({});
      expect(building).toMatchObject({
        code: 1,
        said: expect.stringContaining('every segment is being built'),
      });
      store.write = write;
      await built(other.deployment);
      expect((await rollcallAudit({})).code).toBe(0);
    } finally {
      api = before;
      await other.close();
    }
  });
});

describe('a repair that leaves something wrong', () => {
  it('says so, and fails: records of a type that is not declared are nobody’s to remove', {
    timeout: 120_000,
  }, async () => {
    const { keys } = api.deployment;
    const key = keys.partitions[0]!.records('ghosts');
    await redis.hset(key, 'ghost', JSON.stringify({ v: 1, c: 0, u: 0, r: 0, d: {} }));
    try {
      const { code, said } = await rollcallAudit({ repair: true });
      expect(code).toBe(1);
      expect(said).toContain(key);
      expect(said).toMatch(/1 differences\.\nNot repaired: /);
      expect(await redis.hlen(key)).toBe(1);
    } finally {
      await redis.del(key);
    }
    expect((await rollcallAudit({})).code).toBe(0);
    await expectAnswersRight();
  });
});
