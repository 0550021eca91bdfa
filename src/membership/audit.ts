/**
 * audit.ts – Compares all that is stored of memberships with what JsonLogic says of every record.
 *
 * Keeps true: what is compared is read at one instant (one transaction per chunk of records), so it
 * holds of a partition between two commits and an audit may run beside a live server; the
 * expectation comes from reference.ts, not from the engine; a segment that was edited meanwhile is
 * left out and named, never reported as wrong.
 *
 * Compared are, per partition: member sets and state rows with the reference, also of members that
 * are no records; counts with the sets. Whether a row of a record may be there at all is asked by
 * row-faults.ts, of keys and fields by key-faults.ts, and where slugs lead to by slug-faults.ts.
 * What is kept across relationships is compared by audit-relationships.ts, over all partitions
 * together. A record that is created after the audit has passed its place is not looked at.
 * Segments without a predicate are named: nobody answers for them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { type Catalog, isView, type StoredFilter } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import type { ObjectType } from '../change/object-type.ts';
import { filterableData, isLive, type RecordRow, unpackRecord } from '../change/record.ts';
import { Problem } from '../errors.ts';
import { holds } from '../query/json-logic/reference.ts';
import type { Keys, PartitionKeys } from '../redis/keys.ts';
import { RedisMembershipStore } from '../redis/membership-store.ts';
import { unpackState } from '../redis/rows/state-row.ts';
import { carriedOut } from '../redis/transaction.ts';
import { auditRelationships, type RelationshipAudit } from './audit-relationships.ts';
import { existsIn, type Fault, type FaultPlace, readRow } from './fault.ts';
import { findKeyFaults, type KeyFaults } from './key-faults.ts';
import { findKindFaults } from './kind-faults.ts';
import {
  type Loss,
  lossOf,
  partitionsOf,
  roundsOver,
  waitForWatermark,
} from './partition-status.ts';
import { hasPredicateId } from './predicate-ids.ts';
import { findRowFaults, type RowFaults } from './row-faults.ts';
import { findSlugFaults } from './slug-faults.ts';

export interface AuditContext {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly store: CatalogStore;
  readonly timeZone: string;
}

export interface AuditOptions {
  /** How long the partitions may take to catch up with what was acknowledged before. */
  readonly timeoutMs: number;
  readonly onProgress?: (visited: number, total: number) => void;
}

/** Some ids, and how many there are in all. */
export interface Sample {
  readonly total: number;
  readonly first: readonly string[];
}

interface SegmentDifference {
  readonly slug: string;
  /** Where the engine keeps what is wrong. */
  readonly place: 'set' | 'state';
  readonly engineOnly: Sample;
  readonly referenceOnly: Sample;
}

interface IdDifference {
  readonly objectType: string;
  /** Ids that are listed without a record, and records whose id is not listed. */
  readonly listedOnly: Sample;
  readonly storedOnly: Sample;
}

interface CountDifference {
  readonly slug: string;
  readonly partition: number;
  /** Null: the partition has no number. */
  readonly count: number | null;
  readonly members: number;
}

interface EdgeDifference {
  /** `<holder type>.<relationship>`. */
  readonly edge: string;
  /**
   * State rows of shared predicates, `id(predicateId)`; else `target@partition=` and a holder, or
   * what a row says.
   */
  readonly place: 'state' | 'holders' | 'values' | 'neighbours' | 'related';
  readonly engineOnly: Sample;
  readonly referenceOnly: Sample;
}

/**
 * Rows, fields and keys that are there without being borne out by a record or the catalog, or are
 * missing.
 */
interface KeptDifference {
  readonly place: FaultPlace;
  /** The object type, or the kind of key. */
  readonly of: string;
  readonly engineOnly: Sample;
  readonly referenceOnly: Sample;
}

interface SkippedSegment {
  readonly slug: string;
  readonly why: 'building' | 'edited meanwhile' | 'failed';
}

export interface AuditReport {
  readonly partitions: number;
  readonly segments: number;
  /** Relationships whose rows were compared, and live records that were held in memory for it. */
  readonly edges: number;
  readonly graphRecords: number;
  readonly skippedEdges: readonly string[];
  readonly skipped: readonly SkippedSegment[];
  /** Records that were visited, archived ones included. */
  readonly records: number;
  readonly evaluations: number;
  /** Pairs of record and segment that hold by the reference. */
  readonly memberships: number;
  readonly differences: number;
  /** Whether a message between partitions could not be applied. */
  readonly isBroken: boolean;
  /** Segments and views that no predicate answers for, nor will: the catalog itself is wrong. */
  readonly withoutPredicate: readonly string[];
  /**
   * Rows and keys that still hold something that was given up: it goes with the next write, or is
   * being removed.
   */
  readonly leftOver: number;
  /** What can be made good one by one, and is not built anew. */
  readonly faults: readonly Fault[];
  readonly inSegments: readonly SegmentDifference[];
  readonly inCounts: readonly CountDifference[];
  readonly inIds: readonly IdDifference[];
  /**
   * Entries of `due` that the state row does not have so, and state rows that are due without being
   * listed.
   */
  readonly inTimers: readonly IdDifference[];
  readonly inEdges: readonly EdgeDifference[];
  readonly inKept: readonly KeptDifference[];
}

const RESYNC_POLL_MS = 50;
/**
 * How long records that are due are waited for: something may be due that nobody will ever fire,
 * which is a fault to be found.
 */
const FIRED_TIMEOUT_MS = 5000;
const SAMPLE_MAX = 20;
/** Replies of one transaction: records times segments. */
const CELLS_MAX = 50_000;
const CHUNK_RECORDS_MIN = 20;
const CHUNK_RECORDS_MAX = 500;
const SCAN_COUNT = 500;

/** @throws Problem not_caught_up */
export async function audit(context: AuditContext, options: AuditOptions): Promise<AuditReport> {
  const { store } = context;
  await store.refresh();
  const kinds = await findKindFaults(context.redis, context.keys);
  if (kinds.length > 0) return onlyFaults(context, options, kinds);
  const { loss, isTimed } = await atRest(context, options.timeoutMs);
  await store.refresh();
  const run = new AuditRun(context, options, isTimed);
  await run.walk();
  await store.refresh();
  return { ...run.report(store.catalog), isBroken: loss === 'broken' };
}

/** Nothing else can be compared while keys hold what nobody can read. */
function onlyFaults(
  context: AuditContext,
  options: AuditOptions,
  faults: readonly Fault[],
): AuditReport {
  const none = new AuditRun(context, options, false).report(context.store.catalog);
  const inKept = keptDifferences(faults);
  return { ...none, segments: 0, differences: faults.length, faults, inKept, isBroken: false };
}

interface Rest {
  readonly loss: Loss | undefined;
  /** Whether all that was due is fired. */
  readonly isTimed: boolean;
}

/**
 * Waits until all is applied, and nothing is being said anew between partitions. @throws Problem
 * not_caught_up
 */
async function atRest({ redis, keys, store }: AuditContext, timeoutMs: number): Promise<Rest> {
  const deadlineMs = Date.now() + timeoutMs;
  const left = () => Math.max(1, deadlineMs - Date.now());
  let isTimed = true;
  for (;;) {
    const most = isTimed ? Math.min(FIRED_TIMEOUT_MS, left()) : left();
    const waits = { timeoutMs: most, rounds: roundsOf(store.catalog), isTimed };
    const statuses = await waitForWatermark(
      new RedisMembershipStore(redis, keys.partitions),
      partitionsOf({ partitions: keys.partitions.length }),
      [],
      waits,
    );
    // A message that could not be applied stays so until somebody repairs it: what it has left
    // behind is what is looked for.
    const loss = statuses && lossOf(statuses);
    if (statuses && loss !== 'resynchronizing') return { loss, isTimed };
    if (!statuses) isTimed = false;
    if (Date.now() >= deadlineMs)
      throw new Problem(
        'not_caught_up',
        `the partitions did not catch up within ${timeoutMs / 1000} s`,
      );
    await sleep(RESYNC_POLL_MS);
  }
}

/** For the longest path that there is; a relationship alone is one edge long. */
function roundsOf(catalog: Catalog): number {
  const isRelated = [...catalog.objectTypes.values()].some(
    ({ relationships }) => relationships.size > 0,
  );
  return roundsOver(Math.max(isRelated ? 1 : 0, catalog.deepestOf(catalog.predicateIds.keys())));
}

/** Segments by their slugs, and views with a query of their own as `views/<slug>`. */
function filtersByName(catalog: Catalog): Map<string, StoredFilter> {
  return new Map(
    [...catalog.filters()].map((filter) => [
      isView(filter) ? `views/${filter.slug}` : filter.slug,
      filter,
    ]),
  );
}

/**
 * Whether somebody answers for it, or will: what names no predicate id that there is, is wrong in
 * the catalog itself.
 */
function hasPredicate({ predicateIds }: Catalog, { predicateId, pending }: StoredFilter): boolean {
  const named = [predicateId, pending].filter((each) => each !== null);
  return named.length > 0 && named.every((each) => predicateIds.has(each));
}

/**
 * What is compared with the reference: a predicate that is given up by its own budget of work has
 * no members to compare.
 */
function isAudited({ predicateIds }: Catalog, predicateId: number): boolean {
  const stored = predicateIds.get(predicateId);
  return stored !== undefined && stored.failure === undefined;
}

/** What the JsonLogic of a segment sees: declared attributes in normal form, and nothing else. */
function documentOf(
  record: RecordRow,
  type: ObjectType,
  timeZone: string,
): Record<string, unknown> {
  const values = filterableData(record, type, timeZone);
  const declared = [...type.attributes.keys()].filter((name) => Object.hasOwn(values, name));
  return Object.fromEntries(declared.map((name) => [name, values[name]]));
}

interface Audited {
  readonly segment: StoredFilter;
  readonly predicateId: number;
  /** Looks at neighbours: compared over the whole graph. */
  readonly isRelated: boolean;
  readonly mismatches: { readonly set: Mismatch; readonly state: Mismatch };
}

interface Place {
  readonly keys: PartitionKeys;
  readonly type: ObjectType;
  readonly audited: readonly Audited[];
}

class Gathered implements Sample {
  total = 0;
  readonly first: string[] = [];

  add(id: string): void {
    if (this.total++ < SAMPLE_MAX) this.first.push(id);
  }
}

/** What one side has and the other has not. */
class Mismatch {
  readonly left = new Gathered();
  readonly right = new Gathered();

  compare(id: string, isLeft: boolean, isRight: boolean): void {
    if (isLeft && !isRight) this.left.add(id);
    if (isRight && !isLeft) this.right.add(id);
  }

  get total(): number {
    return this.left.total + this.right.total;
  }
}

class AuditRun {
  readonly #context: AuditContext;
  readonly #options: AuditOptions;
  readonly #isTimed: boolean;
  readonly #types: readonly ObjectType[];
  readonly #audited: readonly Audited[];
  readonly #skipped: SkippedSegment[];
  readonly #withoutPredicate: readonly string[];
  readonly #counts: CountDifference[] = [];
  #rows: RowFaults | undefined;
  #keys: KeyFaults | undefined;
  #slugs: readonly Fault[] = [];
  #graph: RelationshipAudit | undefined;
  #records = 0;
  #evaluations = 0;
  #memberships = 0;

  constructor(context: AuditContext, options: AuditOptions, isTimed: boolean) {
    this.#isTimed = isTimed;
    const { catalog } = context.store;
    const named = [...filtersByName(catalog)].sort(([a], [b]) => (a < b ? -1 : 1));
    const segments = named.map(([slug, filter]) => ({ ...filter, slug }));
    this.#context = context;
    this.#options = options;
    this.#types = [...catalog.objectTypes.values()];
    this.#withoutPredicate = segments
      .filter((filter) => !hasPredicate(catalog, filter))
      .map(({ slug }) => slug);
    // While an edit is built, the stored JsonLogic is of the new revision and the sets are of the
    // old one.
    this.#audited = segments.flatMap((segment) =>
      segment.pending === null &&
      segment.predicateId !== null &&
      isAudited(catalog, segment.predicateId)
        ? [
            {
              segment,
              predicateId: segment.predicateId,
              isRelated: catalog.depthOf(segment.predicateId) > 0,
              mismatches: { set: new Mismatch(), state: new Mismatch() },
            },
          ]
        : [],
    );
    // The reference has no budget: what was too much for the engine would hold it up for good.
    this.#skipped = segments.flatMap((segment) => {
      const { status } = catalog.statusOf(segment);
      return status === 'ready' ? [] : [{ slug: segment.slug, why: status }];
    });
  }

  async walk(): Promise<void> {
    const total = await this.#size();
    for (const [partition, keys] of this.#context.keys.partitions.entries()) {
      for (const type of this.#types) {
        const audited = this.#audited.filter(
          ({ segment, isRelated }) => segment.object_type === type.name && !isRelated,
        );
        await this.#walkType({ keys, type, audited }, total);
      }
      await this.#compareCounts(partition, keys);
    }
    await this.#findFaults();
    if (this.#types.some(({ relationships }) => relationships.size > 0)) await this.#relate();
  }

  async #findFaults(): Promise<void> {
    const { redis, keys, store, timeZone } = this.#context;
    const { partitions, prefix } = keys;
    const refresh = () => store.refresh();
    const context = { redis, partitions, catalog: store.catalog, refresh };
    this.#rows = await findRowFaults({ ...context, timeZone });
    this.#keys = await findKeyFaults({ ...context, prefix, timeoutMs: this.#options.timeoutMs });
    this.#slugs = await findSlugFaults(redis, keys.catalog);
  }

  async #relate(): Promise<void> {
    const { redis, keys, store, timeZone } = this.#context;
    const { catalog } = store;
    const related = this.#audited.filter(({ isRelated }) => isRelated);
    const { timeoutMs } = this.#options;
    const waits = { timeoutMs, rounds: roundsOf(catalog), isTimed: this.#isTimed };
    const context = { redis, keys, catalog, timeZone, sets: this.#keys?.sets ?? [], ...waits };
    this.#graph = await auditRelationships(
      context,
      related.map(({ segment }) => segment),
    );
    this.#evaluations += this.#graph.evaluations;
    this.#memberships += this.#graph.memberships;
    for (const { subject, engineOnly, referenceOnly } of this.#graph.differences) {
      if (!('slug' in subject)) continue;
      const mismatch = related.find(({ segment }) => segment.slug === subject.slug)!.mismatches[
        subject.place
      ];
      for (const id of engineOnly) mismatch.left.add(id);
      for (const id of referenceOnly) mismatch.right.add(id);
    }
  }

  report(catalog: Catalog): Omit<AuditReport, 'isBroken'> {
    const now = filtersByName(catalog);
    const edited = new Set(
      this.#audited.filter((audited) => this.#wasEdited(audited, catalog, now)),
    );
    const settled = this.#audited.filter((audited) => !edited.has(audited));
    const slugs = new Set(settled.map(({ segment }) => segment.slug));
    const inSegments = settled.flatMap(segmentDifferences);
    const inCounts = this.#counts.filter(({ slug }) => slugs.has(slug));
    const faults = [...(this.#rows?.faults ?? []), ...(this.#keys?.faults ?? []), ...this.#slugs];
    const inIds = idDifferences(faults, 'ids');
    const inTimers = idDifferences(faults, 'timers');
    const inKept = keptDifferences(
      faults.filter(({ place }) => place !== 'ids' && place !== 'timers'),
    );
    const inEdges = edgeDifferences(this.#graph);
    const sided = [...inSegments, ...inEdges];
    const pairs = sided.reduce(
      (sum, { engineOnly, referenceOnly }) => sum + engineOnly.total + referenceOnly.total,
      0,
    );
    return {
      partitions: this.#context.keys.partitions.length,
      segments: settled.length,
      edges: this.#graph?.edges ?? 0,
      graphRecords: this.#graph?.records ?? 0,
      skippedEdges: this.#graph?.building ?? [],
      skipped: [
        ...this.#skipped,
        ...[...edited].map(({ segment }) => ({
          slug: segment.slug,
          why: 'edited meanwhile' as const,
        })),
      ],
      records: this.#records,
      evaluations: this.#evaluations,
      memberships: this.#memberships,
      differences: pairs + inCounts.length + faults.length,
      withoutPredicate: this.#withoutPredicate,
      leftOver:
        (this.#rows?.leftOver ?? 0) + (this.#keys?.leftOver ?? 0) + (this.#graph?.leftOver ?? 0),
      faults,
      inSegments,
      inCounts,
      inIds,
      inTimers,
      inEdges,
      inKept,
    };
  }

  #wasEdited(
    { segment, predicateId }: Audited,
    catalog: Catalog,
    now: ReadonlyMap<string, StoredFilter>,
  ): boolean {
    const type = this.#types.find(({ name }) => name === segment.object_type);
    const isSame = now.get(segment.slug)?.predicateId === predicateId;
    return !isSame || catalog.objectTypes.get(segment.object_type)?.revision !== type?.revision;
  }

  async #size(): Promise<number> {
    const { redis, keys } = this.#context;
    const sizes = keys.partitions.flatMap((partition) =>
      this.#types.map(({ name }) => redis.zcard(partition.ids(name))),
    );
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  async #walkType(place: Place, total: number): Promise<void> {
    const chunk = chunkSize(place.audited.length);
    const listed = place.keys.ids(place.type.name);
    for (let after = '-'; ; ) {
      const ids = await this.#context.redis.zrangebylex(listed, after, '+', 'LIMIT', 0, chunk);
      if (ids.length > 0) await this.#examine(place, ids);
      this.#records += ids.length;
      this.#options.onProgress?.(this.#records, Math.max(total, this.#records));
      if (ids.length < chunk) break;
      after = `(${ids.at(-1)}`;
    }
    const strays = await this.#strays(place);
    for (let from = 0; from < strays.length; from += chunk)
      await this.#examine(place, strays.slice(from, from + chunk));
  }

  /** Compares all that is kept of some records, at one instant. */
  async #examine({ keys, type, audited }: Place, ids: readonly string[]): Promise<void> {
    const { redis, timeZone } = this.#context;
    const transaction = redis
      .multi()
      .hmget(keys.records(type.name), ...ids)
      .hmget(keys.state(type.name), ...ids);
    for (const { predicateId } of audited)
      transaction.smismember(keys.segment(predicateId), ...ids);
    const [rows, states, ...sets] = (await carriedOut(transaction)) as (string | number | null)[][];
    for (const [at, id] of ids.entries()) {
      const row = rows![at] as string | null;
      const record = row === null ? undefined : readRow(() => unpackRecord(row), undefined);
      // One that can't be read is told of by row-faults.ts, and says nothing.
      const { truth, due } = readRow(
        () => unpackState(states![at] as string | null),
        unpackState(null),
      );
      // What is stored holds until the record is due: that moment may have passed since, or a
      // moment ago.
      const nowMs = due === undefined ? Date.now() : Math.min(Date.now(), due - 1);
      const document = isLive(record) ? documentOf(record, type, timeZone) : undefined;
      for (const [which, { segment, predicateId, mismatches }] of audited.entries()) {
        const isExpected = document !== undefined && this.#holds(segment, document, nowMs);
        mismatches.set.compare(id, sets[which]![at] === 1, isExpected);
        mismatches.state.compare(id, hasPredicateId(truth, predicateId), isExpected);
      }
    }
  }

  #holds({ json_logic: rule }: StoredFilter, document: unknown, nowMs: number): boolean {
    const isExpected = holds(rule, document, nowMs);
    this.#evaluations++;
    if (isExpected) this.#memberships++;
    return isExpected;
  }

  /**
   * Ids that are not listed and yet have a record, a state row or a membership: suspects, to be
   * examined.
   */
  async #strays({ keys, type, audited }: Place): Promise<string[]> {
    const { redis } = this.#context;
    const found = new Set<string>();
    const gather = async (ids: readonly string[]) => {
      if (ids.length === 0) return;
      const scores = await redis.zmscore(keys.ids(type.name), ...ids);
      for (const [at, id] of ids.entries()) if (scores[at] === null) found.add(id);
    };
    const scan = async (
      read: (cursor: string) => Promise<[string, string[]]>,
      pick: (reply: string[]) => string[],
    ) => {
      let cursor = '0';
      do {
        const [next, reply] = await read(cursor);
        await gather(pick(reply));
        cursor = next;
      } while (cursor !== '0');
    };
    await scan(
      (cursor) => redis.hscan(keys.records(type.name), cursor, 'COUNT', SCAN_COUNT),
      existing,
    );
    await scan((cursor) => redis.hscan(keys.state(type.name), cursor, 'COUNT', SCAN_COUNT), fields);
    for (const predicateId of new Set(audited.map((one) => one.predicateId))) {
      await scan(
        (cursor) => redis.sscan(keys.segment(predicateId), cursor, 'COUNT', SCAN_COUNT),
        (ids) => ids,
      );
    }
    return [...found];
  }

  async #compareCounts(partition: number, keys: PartitionKeys): Promise<void> {
    if (this.#audited.length === 0) return;
    const transaction = this.#context.redis
      .multi()
      .hmget(keys.counts, ...this.#audited.map(({ predicateId }) => String(predicateId)));
    for (const { predicateId } of this.#audited) transaction.scard(keys.segment(predicateId));
    const [counts, ...sizes] = (await carriedOut(transaction)) as [(string | null)[], ...number[]];
    for (const [at, { segment }] of this.#audited.entries()) {
      const count = counts[at] == null ? null : Number(counts[at]);
      const members = sizes[at]!;
      if (count !== members) this.#counts.push({ slug: segment.slug, partition, count, members });
    }
  }
}

function segmentDifferences({ segment, mismatches }: Audited): SegmentDifference[] {
  return (['set', 'state'] as const).flatMap((name) => {
    const { left, right, total } = mismatches[name];
    return total > 0
      ? [{ slug: segment.slug, place: name, engineOnly: left, referenceOnly: right }]
      : [];
  });
}

function idDifferences(faults: readonly Fault[], place: FaultPlace): IdDifference[] {
  return keptDifferences(faults.filter((fault) => fault.place === place)).map(
    ({ of, engineOnly, referenceOnly }) => ({
      objectType: of,
      listedOnly: engineOnly,
      storedOnly: referenceOnly,
    }),
  );
}

function keptDifferences(faults: readonly Fault[]): KeptDifference[] {
  const grouped = new Map<
    string,
    { place: FaultPlace; of: string; engineOnly: Gathered; referenceOnly: Gathered }
  >();
  for (const { place, of, told, isExtra } of faults) {
    const key = `${place} ${of}`;
    let group = grouped.get(key);
    if (!group)
      grouped.set(
        key,
        (group = { place, of, engineOnly: new Gathered(), referenceOnly: new Gathered() }),
      );
    (isExtra ? group.engineOnly : group.referenceOnly).add(told);
  }
  return [...grouped.values()];
}

function edgeDifferences(graph: RelationshipAudit | undefined): EdgeDifference[] {
  return (graph?.differences ?? []).flatMap(
    ({ subject, engineOnly, referenceOnly }): EdgeDifference[] => {
      if (!('edge' in subject)) return [];
      return [
        { ...subject, engineOnly: sampleOf(engineOnly), referenceOnly: sampleOf(referenceOnly) },
      ];
    },
  );
}

function sampleOf(all: Iterable<string>): Sample {
  const gathered = new Gathered();
  for (const one of all) gathered.add(one);
  return gathered;
}

function chunkSize(segments: number): number {
  const cells = Math.floor(CELLS_MAX / Math.max(1, segments));
  return Math.min(CHUNK_RECORDS_MAX, Math.max(CHUNK_RECORDS_MIN, cells));
}

/** The fields of a reply of HSCAN. */
function fields(reply: readonly string[]): string[] {
  return reply.filter((_, at) => at % 2 === 0);
}

/**
 * The fields of a reply of HSCAN over records that are no tombstones, those that nobody can read
 * included.
 */
function existing(reply: readonly string[]): string[] {
  return fields(reply).filter((_, at) => existsIn(reply[2 * at + 1]!));
}
