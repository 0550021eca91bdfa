/**
 * fanout.ts – What travels over a relationship: one organization with many contacts flips a
 * predicate, and many contacts are loaded whose organizations are still to be asked.
 *
 * The contacts have the attributes of the people of all workloads, and each of them enters or
 * leaves one segment, which is all that is counted. A first contact is a whole load: the partitions
 * of the holders ask those of the targets and are answered, once for each pair of a partition and a
 * target. It is compared with the same load where nobody asks for the relationship; what lies
 * between is the price of the pairs.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Change } from '../../src/change/change.ts';
import { partitionOf } from '../../src/change/partition.ts';
import { assert } from '../../src/errors.ts';
import { PEOPLE_DEFINITION, people } from '../data.ts';
import {
  type BenchOptions,
  type Case,
  compare,
  type Progress,
  type Side,
  type Timed,
  type Workload,
} from '../harness.ts';
import { LiveChanges } from '../live-changes.ts';
import { openQuiet, PARTITIONS, reached, stage, withRedis } from '../rollcall-side.ts';
import type { WatchedDeployment } from '../watched-deployment.ts';

export const FANOUT: Workload = {
  name: 'fanout',
  defaults: { segments: [1], records: 100_000, roundMs: 1_000 },
  run: async (options, progress) => {
    progress.expect(options.rounds * (2 + FIRST_CONTACTS.length));
    const cases = [
      await withRedis(progress, (url) => flips(url, options, progress)),
      await firstContacts(options, progress),
    ];
    const title = 'fanout: what travels over a relationship, memberships or pairs a second';
    return { workload: 'fanout', title, cases, notes: NOTES };
  },
};

/** Of a first contact: so many holders of each target are spread over the partitions. */
const HOLDERS_A_TARGET = 15;
const CLIENTS = 4;
/** How often it is looked whether all have entered or left. */
const LOOK_MS = 5;

const NOTES = [
  `One Node process and one private Redis (append-only file, appendfsync everysec); ` +
    `${PARTITIONS} partitions; holders have some 20 attributes.`,
  'one target: a change of one organization until every contact of it has entered or left.',
  `first contact: contacts with organizations of which each has ${HOLDERS_A_TARGET}; what counts ` +
    'are pairs of a partition of contacts and an organization, from the filled log until every ' +
    `contact is a member. While clients ask, ${CLIENTS} of them send one strong count after the ` +
    'other. Each round has a server of its own.',
];

const CONTACTS = 'contacts';
const ORGANIZATIONS = 'organizations';
const SLUG = 'in-saas';
const PATIENT = { consistency: 'strong', timeoutMs: 60_000 } as const;

async function open(url: string, isAsked: boolean): Promise<WatchedDeployment> {
  const deployment = await openQuiet(url);
  const { objectTypes, segments } = deployment;
  await objectTypes.put(ORGANIZATIONS, { attributes: { industry: { type: 'string' } } });
  await objectTypes.put(CONTACTS, {
    ...PEOPLE_DEFINITION,
    relationships: {
      organization: {
        to: ORGANIZATIONS,
        key: 'organization_id',
        cardinality: 'one',
        inverse: 'contacts',
      },
    },
  });
  const rules = isAsked
    ? [{ field: 'organization.industry', operator: '=', value: 'SaaS' }]
    : [{ field: 'plan', operator: 'notNull' }];
  const query = { combinator: 'and', rules };
  await segments.create({ title: SLUG, slug: SLUG, object_type: CONTACTS, query });
  const isReady = () => Number(deployment.store.catalog.segments.get(SLUG)?.predicateId != null);
  await reached(isReady, 1);
  return deployment;
}

const organization = (id: string, industry: string): Change => ({
  op: 'put',
  object_type: ORGANIZATIONS,
  id,
  data: { industry },
});

/** Each contact is of the organization that `targetOf` names. */
function contactsOf(
  { records, seed }: BenchOptions,
  targetOf: (at: number) => string,
): readonly Change[] {
  return people(records, seed).map(({ id, data }, at) => ({
    op: 'put',
    object_type: CONTACTS,
    id,
    data: { ...data, organization_id: targetOf(at) },
  }));
}

/** Fills the logs. @returns what shows them, and ends once so many contacts are members */
async function prepare(
  deployment: WatchedDeployment,
  changes: readonly Change[],
  members: number,
): Promise<() => Promise<void>> {
  const { redis, keys, store, metrics, worker } = deployment;
  const logs = keys.partitions.map(({ log }) => log);
  const show = await stage(redis, logs, changes, store.catalog.version);
  const applied = async () => {
    assert(worker?.fatal.length === 0, 'no partition has stopped');
    return (await metrics.changesApplied.get()).values[0]?.value ?? 0;
  };
  const target = (await applied()) + changes.length;
  return async () => {
    await show();
    await reached(applied, target);
    while ((await membersOf(deployment)) !== members) await sleep(LOOK_MS);
  };
}

/** As the partitions have committed them so far: a strong read would be part of the load. */
async function membersOf({ redis, keys, store }: WatchedDeployment): Promise<number> {
  const field = String(store.catalog.segments.get(SLUG)!.predicateId);
  const commands = redis.pipeline();
  for (const { counts } of keys.partitions) commands.hget(counts, field);
  const replies = (await commands.exec()) ?? [];
  return replies.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Null: it was not there in time. */
async function countOf({ segmentCounts }: WatchedDeployment): Promise<number | null> {
  return (await segmentCounts.read([SLUG], PATIENT)).counts[0]!.count;
}

// ── One target ──

async function flips(url: string, options: BenchOptions, progress: Progress): Promise<Case> {
  const deployment = await open(url, true);
  try {
    const ours = new OneTarget(deployment, options);
    progress.say(`${options.records} contacts of one organization`);
    await ours.load();
    const sides = [ours, new RawAdding(deployment, options.records)];
    const figures = await compare(sides, options.rounds, progress);
    const live = new LiveChanges(deployment, options.records, options.seed, CONTACTS);
    progress.say('live changes meanwhile');
    for (let round = 0; round < options.rounds; round++) await live.during(() => ours.round());
    const work = { 'memberships that flip': options.records, ...live.figures() };
    return { history: 'one target', segments: 1, work, figures };
  } finally {
    await deployment.close();
  }
}

/** It flips, and all of its contacts enter; in the next round they leave. */
class OneTarget implements Side {
  readonly name = 'Rollcall, one target';
  readonly #deployment: WatchedDeployment;
  readonly #options: BenchOptions;
  #isIn = false;

  constructor(deployment: WatchedDeployment, options: BenchOptions) {
    this.#deployment = deployment;
    this.#options = options;
  }

  async load(): Promise<void> {
    await (await prepare(this.#deployment, [organization('hot', 'none')], 0))();
    await (
      await prepare(
        this.#deployment,
        contactsOf(this.#options, () => 'hot'),
        0,
      )
    )();
    assert((await countOf(this.#deployment)) === 0, 'no contact is a member yet');
  }

  async round(): Promise<Timed> {
    const { records } = this.#options;
    this.#isIn = !this.#isIn;
    const change = organization('hot', this.#isIn ? 'SaaS' : 'none');
    const expected = this.#isIn ? records : 0;
    const run = await prepare(this.#deployment, [change], expected);
    const startedMs = performance.now();
    await run();
    const ms = performance.now() - startedMs;
    assert((await countOf(this.#deployment)) === expected, `${expected} contacts are members`);
    return { changes: records, ms };
  }
}

const PIPELINED_MAX = 1000;

/** As many ids enter one set per partition, and nothing else happens. */
class RawAdding implements Side {
  readonly name = 'raw pipelined SADD';
  readonly #deployment: WatchedDeployment;
  readonly #records: number;

  constructor(deployment: WatchedDeployment, records: number) {
    this.#deployment = deployment;
    this.#records = records;
  }

  async round(): Promise<Timed> {
    const { redis } = this.#deployment;
    const sets = Array.from({ length: PARTITIONS }, (_, partition) => `raw:${partition}`);
    await redis.del(...sets);
    const startedMs = performance.now();
    for (let from = 1; from <= this.#records; from += PIPELINED_MAX) {
      const commands = redis.pipeline();
      for (let at = from; at < from + PIPELINED_MAX && at <= this.#records; at++)
        commands.sadd(sets[partitionOf(`p${at}`, PARTITIONS)]!, `p${at}`);
      await commands.exec();
    }
    return { changes: this.#records, ms: performance.now() - startedMs };
  }
}

// ── First contact ──

const FIRST_CONTACTS = [
  { name: 'Rollcall, first contact', isAsked: true, clients: 0 },
  { name: `Rollcall, ${CLIENTS} clients ask`, isAsked: true, clients: CLIENTS },
  { name: 'Rollcall, no relationship', isAsked: false, clients: 0 },
] as const;

async function firstContacts(options: BenchOptions, progress: Progress): Promise<Case> {
  const targets = Math.ceil(options.records / HOLDERS_A_TARGET);
  const target = (at: number) => `o${at % targets}`;
  const contacts = contactsOf(options, target);
  const pairs = new Set(
    contacts.map(({ id }, at) => `${partitionOf(id, PARTITIONS)} ${target(at)}`),
  ).size;
  const organizations = Array.from({ length: targets }, (_, at) => organization(`o${at}`, 'SaaS'));
  const sides = FIRST_CONTACTS.map((side) => ({
    name: side.name,
    round: () =>
      withRedis(progress, async (url) => {
        const deployment = await open(url, side.isAsked);
        try {
          await (await prepare(deployment, organizations, 0))();
          const load = await prepare(deployment, contacts, contacts.length);
          progress.say(side.name);
          const ms = await timed(load, () => asking(deployment, side.clients));
          assert((await countOf(deployment)) === contacts.length, 'all contacts are members');
          return { changes: pairs, ms };
        } finally {
          await deployment.close();
        }
      }),
  }));
  const figures = await compare(sides, options.rounds, progress);
  const [asked, , unasked] = figures.map(({ changesPerSecond }) => pairs / changesPerSecond.median);
  return {
    history: 'first contact',
    segments: 1,
    work: {
      contacts: contacts.length,
      pairs,
      'pairs a second beside the load': pairs / Math.max(0.001, asked! - unasked!),
    },
    figures,
  };
}

/** How long it takes; what goes on meanwhile is ended afterwards. */
async function timed(run: () => Promise<void>, meanwhile: () => Meanwhile): Promise<number> {
  const other = meanwhile();
  const startedMs = performance.now();
  await run();
  const ms = performance.now() - startedMs;
  await other.end();
  return ms;
}

interface Meanwhile {
  readonly end: () => Promise<unknown>;
}

/** Clients that ask for a strong count one time after the other. */
function asking(deployment: WatchedDeployment, clients: number): Meanwhile {
  let isOver = false;
  const ask = async () => {
    while (!isOver) await countOf(deployment);
  };
  const all = Promise.all(Array.from({ length: clients }, ask));
  return {
    end: () => {
      isOver = true;
      return all;
    },
  };
}
