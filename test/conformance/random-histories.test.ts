/**
 * random-histories.test.ts – Random histories of calls: every implementation answers them alike,
 * and what can be read afterwards is the same.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  CommitWrites,
  PartitionStore,
  PreparedCommit,
} from '../../src/engine/partition-store.ts';
import type { Row } from '../../src/engine/step.ts';
import { flip } from '../../src/query/network/network.ts';
import {
  applyFlips,
  BLOCK_IDS_MAX,
  hasPredicateId,
} from '../../src/query/network/predicate-ids.ts';
import { NO_FLIPS, NO_WRITES, recordRow, row } from './commits.ts';
import type { StoreWorld } from './store-world.ts';
import { WORLDS } from './worlds.ts';

const TOKENS = ['me', 'you'];
const TYPES = ['contacts', 'orders'];
const IDS = ['A', 'a', 'a:b', 'é', '\uff5e', '\u{1f600}'];
const EDGES = [9, 10];
const PREDICATES = [3, 4, 9];
const TARGETS = [0, 1];
const LEASE_MS = 60_000;
/** It is unknown: states are stored without it. */
/** In three blocks. */
const HELD = [1, 2, 40, BLOCK_IDS_MAX, BLOCK_IDS_MAX + 2, 5 * BLOCK_IDS_MAX];

const one = <T>(...of: readonly T[]) => fc.constantFrom(...of);
const id = one(...IDS);
const key = fc.record({ objectType: one(...TYPES), id });
const at = fc.record({ edgeId: one(...EDGES), target: id });
const moment = fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined });
const some = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 3 });
/** A commit holds each row of an edge once. */
const someRows = <T extends { edgeId: number; target: string }>(of: fc.Arbitrary<T>) =>
  fc.uniqueArray(of, { maxLength: 3, selector: ({ edgeId, target }) => `${edgeId} ${target}` });
const aggregate = fc.record({
  counts: fc.dictionary(one('3', '9'), fc.integer({ min: 1, max: 5 }), { maxKeys: 2 }),
  sums: fc.constant({}),
  lows: fc.constant({}),
  highs: fc.dictionary(one('4'), fc.double({ noNaN: true, noDefaultInfinity: true }), {
    maxKeys: 1,
  }),
});

/** What a commit says, but for what follows from what was there before. */
const said = fc.record({
  clockMs: fc.integer({ min: 1, max: 1e12 }),
  catalogVersion: fc.nat(99),
  position: fc.option(fc.record({ entry: one('5-0', '6-1'), offset: fc.nat(3) }), {
    nil: undefined,
  }),
  // No inbox holds it.
  inbox: one(...Array<undefined>(8), '7-0'),
  tombstones: some(fc.record({ objectType: one(...TYPES), id, expiresMs: moment })),
  timers: fc.uniqueArray(fc.record({ objectType: one(...TYPES), id, due: moment }), {
    maxLength: 3,
    selector: ({ objectType, id: of }) => `${objectType}:${of}`,
  }),
  counted: some(one(...PREDICATES)),
  dropped: fc.array(one(...PREDICATES), { maxLength: 1 }),
  healed: some(one(...PREDICATES)),
  neighbours: someRows(
    fc.record({
      edgeId: one(...EDGES),
      target: id,
      row: fc.option(fc.record({ local: aggregate })),
    }),
  ),
  related: someRows(
    fc.record({
      edgeId: one(...EDGES),
      target: id,
      row: fc.option(fc.dictionary(one('0', '1'), aggregate, { maxKeys: 2 })),
    }),
  ),
  holders: some(fc.record({ edgeId: one(...EDGES), target: id, id, holds: fc.boolean() })),
  values: some(
    fc.record({
      predicateId: one(...PREDICATES),
      target: id,
      id,
      value: fc.option(one(-1, 0, 0.1, 1e21), { nil: undefined }),
    }),
  ),
  fanouts: some(
    fc.record({
      edgeId: one(...EDGES),
      target: id,
      cursor: id,
      until: fc.option(id),
      wrapTo: fc.option(id),
      since: fc.nat(9),
      begun: fc.nat(9),
    }),
  ),
  fanoutsDone: some(at),
  edgeSets: some(fc.tuple(one(...PREDICATES), one(...EDGES))),
  edgeSetsDone: some(one(...PREDICATES)),
  forgottenHolders: some(at),
  forgottenValues: some(fc.record({ predicateId: one(...PREDICATES), target: id })),
  forgottenNeighbours: some(fc.record({ edgeId: one(...EDGES), targets: fc.array(id) })),
  timedTypes: some(one(...TYPES)),
  timedTypesDone: some(one(...TYPES)),
  channels: some(fc.tuple(one(...TARGETS), fc.record({ epoch: fc.nat(9), sequence: fc.nat(9) }))),
  resending: some(one(...TARGETS)),
  resendingDone: some(one(...TARGETS)),
  receiving: some(fc.tuple(one(...TARGETS), one('receiving' as const, 'sweeping' as const))),
  receivingDone: some(one(...TARGETS)),
  broken: some(one(...TARGETS)),
  brokenDone: some(one(...TARGETS)),
  unconfirmed: some(one(...TARGETS)),
  trial: one(undefined, null, { deaths: { a: 1 } }, { by: 'me', trying: ['x'], deaths: {} }),
});

const commit = fc.record({
  call: fc.constant('commit' as const),
  token: one('me', 'me', 'me', 'you'),
  /** How far its number before is from the right one. */
  off: one(0, 0, 0, 0, 0, 1, -1),
  said,
  failed: some(one(...PREDICATES)),
  backfills: some(
    fc.tuple(one(...TYPES), fc.option(fc.constant({ waiting: [3] }), { nil: undefined })),
  ),
  confirmed: some(fc.tuple(one(...TARGETS), fc.array(id))),
  records: fc.uniqueArray(
    fc.tuple(key, one('gone', 'tombstone', 'live'), fc.uniqueArray(one(...HELD)), moment),
    { maxLength: 4, selector: ([{ objectType, id: of }]) => `${objectType}:${of}` },
  ),
  flips: fc.uniqueArray(fc.tuple(one(...PREDICATES), id), { selector: String, maxLength: 5 }),
  sends: some(one(...TARGETS)),
  delivers: some(one(...TARGETS)),
});

const call = fc.oneof(
  { weight: 8, arbitrary: commit },
  fc.record({ call: fc.constant('commit again' as const) }),
  fc.record({ call: fc.constant('acquire' as const), token: one(...TOKENS) }),
  fc.record({ call: fc.constant('acquire' as const), token: one(...TOKENS) }),
  fc.record({ call: fc.constant('renew' as const), token: one(...TOKENS) }),
  fc.record({ call: fc.constant('release' as const), token: one(...TOKENS) }),
  fc.record({
    call: fc.constant('note' as const),
    token: one(...TOKENS),
    note: one(null, { deaths: { b: 2 } }),
  }),
  fc.record({ call: fc.constant('lose lease' as const) }),
  fc.record({ call: fc.constant('roll back' as const) }),
  {
    weight: 3,
    arbitrary: fc.record({
      call: fc.constant('deliver' as const),
      source: one(...TARGETS),
      epoch: one(1, 1, 2),
      base: one(0, 0, 0, 4),
      sequence: fc.integer({ min: 1, max: 6 }),
    }),
  },
  fc.record({
    call: fc.constant('begin epoch' as const),
    source: one(...TARGETS),
    epoch: one(2, 3),
    sequence: one(-1, 0, 2),
    isStale: fc.boolean(),
  }),
);
type Call = typeof call extends fc.Arbitrary<infer C> ? C : never;
type Commit = Extract<Call, { call: 'commit' }>;

/** What whoever commits knows of the partition: rows and members as they are stored. */
interface Known {
  number: number;
  readonly rows: Map<string, Row>;
  readonly members: Map<number, Set<string>>;
}

const ABSENT = row(undefined);

/** Plays a history in one world. */
class Player {
  readonly #world: StoreWorld;
  readonly #store: PartitionStore;
  #known: Known = { number: 0, rows: new Map(), members: new Map() };
  #last: PreparedCommit | undefined;
  #nonces = 0;
  #sequence = 0;
  #rollBack: (() => Promise<void>) | undefined;

  constructor(world: StoreWorld) {
    this.#world = world;
    this.#store = world.stores[0]!;
  }

  async play(next: Call): Promise<unknown> {
    const store = this.#store;
    switch (next.call) {
      case 'commit':
        return this.#commit(next);
      case 'commit again':
        return this.#last && store.commit(this.#last);
      case 'acquire': {
        const answer = await store.acquire(next.token, LEASE_MS, this.#world.install);
        return answer.status === 'held' ? 'held' : answer;
      }
      case 'renew': {
        const answer = await store.renew(next.token, LEASE_MS);
        return answer.status === 'renewed' ? answer.number : 'fenced';
      }
      case 'release':
        return store.release(next.token);
      case 'note':
        return store.noteTrial(next.token, next.note);
      case 'lose lease':
        return this.#world.loseLease(0);
      case 'roll back':
        return this.#rollBackOrRemember();
      case 'deliver':
        return store.deliver({ ...next, catalogVersion: 1, payload: `[${next.sequence}]` });
      case 'begin epoch': {
        // What was seen before may be told apart from the same position later, or not: a look that
        // never was is always stale.
        const { seen } = await store.channel(next.source);
        const given = next.isStale ? 'never seen' : seen;
        return store.beginEpoch({ ...next, seen: given });
      }
    }
  }

  /** Every other time; whoever commits goes on from what is stored then. */
  async #rollBackOrRemember(): Promise<void> {
    if (this.#rollBack) return this.#rollBack();
    const bringBack = await this.#world.snapshot(0);
    const { number, rows, members } = copyOf(this.#known);
    this.#rollBack = async () => {
      this.#rollBack = undefined;
      await bringBack();
      this.#known = { number, rows, members };
    };
  }

  async #commit(given: Commit): Promise<unknown> {
    const after = copyOf(this.#known);
    const writes = this.#writesOf(given, after);
    const before = this.#known.number + given.off;
    const number = before + 1;
    const nonce = `${++this.#nonces}`;
    const header = { token: given.token, before, number, nonce, leaseMs: LEASE_MS };
    this.#last = this.#store.prepare(header, writes);
    const answer = await this.#store.commit(this.#last);
    if (answer === 'ok') this.#known = { ...after, number };
    return answer;
  }

  #writesOf(given: Commit, after: Known): CommitWrites {
    const failure = { object_type: 'contacts', id: 'a', passed: '1', detail: 'too long' };
    const sequence = () => ++this.#sequence;
    return {
      ...NO_WRITES,
      ...given.said,
      records: given.records.map(([{ objectType, id: of }, kind, flipped, due]) => {
        const name = `${objectType}:${of}`;
        const was = after.rows.get(name) ?? ABSENT;
        const record = recordRow({ n: this.#nonces }, kind === 'tombstone' ? { deletedAt: 4 } : {});
        const flips = flipped
          .sort(rising)
          .map((predicateId) => flip(predicateId, !hasPredicateId(was.truth, predicateId)));
        const truth = applyFlips(was.truth, flips);
        const becomes = kind === 'gone' ? ABSENT : { record, truth, due };
        after.rows.set(name, becomes);
        return { objectType, id: of, before: was, after: becomes, ...NO_FLIPS };
      }),
      ...membersOf(given, after),
      failed: new Map(given.failed.map((predicateId) => [predicateId, failure])),
      backfills: new Map(given.backfills),
      confirmed: new Map(given.confirmed.map(([source, ids]) => [source, new Set(ids)])),
      outbox: [...new Set(given.sends)].map((target) => ({
        target,
        epoch: 7,
        sequence: sequence(),
        catalogVersion: 2,
        payload: '[]',
      })),
      delivered: given.delivers.map((target) => [target, this.#sequence]),
    };
  }
}

/** Real flips only: who is in goes, who is out comes. */
function membersOf({ flips, said: { dropped } }: Commit, { members }: Known) {
  const entering = new Map<number, string[]>();
  const leaving = new Map<number, string[]>();
  for (const [predicateId, of] of flips) {
    const set = members.get(predicateId) ?? new Set();
    members.set(predicateId, set);
    const sets = set.has(of) ? leaving : entering;
    sets.set(predicateId, [...(sets.get(predicateId) ?? []), of]);
    if (!set.delete(of)) set.add(of);
  }
  for (const predicateId of dropped) members.delete(predicateId);
  return { entering, leaving };
}

const rising = (a: number, b: number) => a - b;

function copyOf({ number, rows, members }: Known): Known {
  const sets = [...members].map(([predicateId, ids]) => [predicateId, new Set(ids)] as const);
  return { number, rows: new Map(rows), members: new Map(sets) };
}

/** All that can be read. */
async function readAll(world: StoreWorld): Promise<unknown> {
  const store = world.stores[0]!;
  const all = Number.MAX_SAFE_INTEGER;
  const perEdge = EDGES.map(async (edgeId) => ({
    neighbours: await store.neighbours(edgeId, IDS),
    related: await store.related(edgeId, IDS),
    targets: (await store.allNeighbourTargets(edgeId)).toSorted(),
    relatedTargets: (await store.allRelatedTargets(edgeId)).toSorted(),
    some: (await store.someNeighbourTargets(edgeId, 100)).toSorted(),
    walked: (await store.walkNeighbourTargets(edgeId, undefined, 100)).items.toSorted(),
    holders: await Promise.all(
      IDS.flatMap((target) => [
        store.holdersAfter(edgeId, target, '', null, 100),
        store.holdersAfter(edgeId, target, 'A', 'é', 2),
      ]),
    ),
  }));
  const { owner, counts, members, inbox } = await world.seen(0);
  return {
    meta: sorted(await store.readMeta()),
    fanouts: await store.fanouts(0, 100),
    records: await store.records(
      TYPES.map((objectType) => ({ objectType, ids: IDS })),
      all,
    ),
    ids: await Promise.all(
      TYPES.flatMap((type) => [
        store.recordsAfter(type, '', { most: 100, bytesMax: 100_000 }),
        store.recordsAfter(type, 'a', { most: 2, bytesMax: 0 }),
      ]),
    ),
    edges: await Promise.all(perEdge),
    extremes: await Promise.all(
      PREDICATES.flatMap((each) => IDS.map((target) => store.extremes(each, target, 2))),
    ),
    due: await store.firstDue(100),
    timers: (await store.walkTimers(undefined, 100)).items.map(({ id: of }) => of).toSorted(),
    tombstones: await store.expiredTombstones(5, 3),
    confirmed: await Promise.all(TARGETS.map((source) => store.areConfirmed(source, IDS))),
    outboxes: await Promise.all(TARGETS.map((target) => store.outbox(target))),
    channels: await Promise.all(
      TARGETS.map(async (source) => (await store.channel(source)).position),
    ),
    ...{ owner, counts, members, messages: inbox.length },
  };
}

/** Fields have no order. */
function sorted(meta: Awaited<ReturnType<PartitionStore['readMeta']>>): unknown {
  return { ...meta, complete: [...meta.complete].sort(rising) };
}

describe('a history of calls', () => {
  it('is answered alike by all implementations, and leaves the same behind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 24, size: 'max' }), async (history) => {
        const worlds = await Promise.all(WORLDS.map(({ open }) => open()));
        try {
          const players = worlds.map((world) => new Player(world));
          for (const next of [{ call: 'acquire', token: 'me' } as const, ...history]) {
            const [first, ...others] = await Promise.all(
              players.map((player) => player.play(next)),
            );
            for (const other of others)
              expect(comparable(other), next.call).toEqual(comparable(first));
          }
          const [first, ...others] = await Promise.all(worlds.map(readAll));
          for (const other of others) expect(other).toEqual(first);
        } finally {
          await Promise.all(worlds.map((world) => world.close()));
        }
      }),
      { numRuns: 60 },
    );
  });
});

function comparable(answer: unknown): unknown {
  const { meta } = (answer ?? {}) as { meta?: Parameters<typeof sorted>[0] };
  return meta ? sorted(meta) : answer;
}
