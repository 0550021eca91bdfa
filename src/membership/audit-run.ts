/**
 * audit-run.ts – One walk of an audit through all that is stored.
 *
 * Keeps true: what is compared of a record is of one instant, so it holds of a partition between
 * two commits. The expectation comes from reference.ts, not from the engine. A segment that was
 * edited meanwhile is left out and named, never reported as wrong.
 *
 * Compared are, per partition: member sets and state rows with the reference, also of members that
 * are no records; counts with the sets. Whether a row of a record may be there at all is judged by
 * row-faults.ts, keys and counts by key-faults.ts, and where slugs lead to by slug-faults.ts. What
 * is kept across relationships is compared by audit-relationships.ts, over all partitions together.
 * A record that is created after the audit has passed its place is not looked at. Segments without
 * a predicate are named: no predicate answers for them.
 */
import { type Catalog, isView, type StoredFilter } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { edgesOf } from '../change/edge.ts';
import type { ObjectType } from '../change/object-type.ts';
import { filterableData, isLive, type RecordRow } from '../change/record.ts';
import { holds } from '../query/json-logic/reference.ts';
import { hasPredicateId, NO_PREDICATE_IDS } from '../query/network/predicate-ids.ts';
import { breathe } from '../time-slice.ts';
import type { RelationshipAudit } from './audit-attempt.ts';
import type { AuditRest } from './audit-pace.ts';
import { auditRelationships } from './audit-relationships.ts';
import {
  type AuditedSegment,
  type AuditReport,
  type CountDifference,
  edgeDifferences,
  idDifferences,
  keptDifferences,
  Mismatch,
  type SkippedSegment,
  segmentDifferences,
} from './audit-report.ts';
import type { AuditStore } from './audit-store.ts';
import type { StoredFault } from './fault.ts';
import { findKeyFaults, type KeyFaults } from './key-faults.ts';
import { findLetterFaults } from './letter-faults.ts';
import type { MembershipStore } from './membership-store.ts';
import { partitionsOf } from './partition-status.ts';
import { findRowFaults, type RowFaults } from './row-faults.ts';
import { findSlugFaults } from './slug-faults.ts';
import type { StateRow } from './state-row.ts';
import { roundsOver } from './watermark.ts';

export interface AuditContext {
  readonly stores: { readonly memberships: MembershipStore; readonly audits: AuditStore };
  readonly store: CatalogStore;
  readonly founding: { readonly timeZone: string };
}

export interface AuditOptions {
  /** How long the partitions may take to catch up with what was acknowledged before. */
  readonly timeoutMs: number;
  readonly onProgress?: (visited: number, total: number) => void;
  /** Gives way to others in this process; `breathe` of time-slice.ts if absent. */
  readonly rest?: AuditRest;
  /** With more related records the relationships are left out: all are held in memory. */
  readonly graphRecordsMax?: number;
}

/** Replies of one transaction: records times segments. */
const CELLS_MAX = 50_000;
const CHUNK_RECORDS_MIN = 20;
const CHUNK_RECORDS_MAX = 500;
const NO_STATE: StateRow = { truth: NO_PREDICATE_IDS, due: undefined };

/** The records of one type in one partition, and the segments of it that are compared. */
interface TypeScope {
  readonly partition: number;
  readonly type: ObjectType;
  readonly audited: readonly AuditedSegment[];
}

/** For the longest path that there is; a relationship alone is one edge long. */
export function roundsOf(catalog: Catalog): number {
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
 * Whether a predicate answers for it, or will; an entry whose predicate ids do not exist is wrong
 * in the catalog itself.
 */
function hasPredicate({ predicateIds }: Catalog, { predicateId, pending }: StoredFilter): boolean {
  const named = [predicateId, pending].filter((each) => each !== null);
  return named.length > 0 && named.every((each) => predicateIds.has(each));
}

/**
 * Whether it is compared with the reference: a predicate that failed by its own budget of work has
 * no members to compare.
 */
function isAudited({ predicateIds }: Catalog, predicateId: number): boolean {
  const stored = predicateIds.get(predicateId);
  return stored !== undefined && stored.failure === undefined;
}

/**
 * A record as the JsonLogic of a segment sees it: declared attributes in normal form, and nothing
 * else.
 */
function documentOf(
  record: RecordRow,
  type: ObjectType,
  timeZone: string,
): Record<string, unknown> {
  const values = filterableData(record, type, timeZone);
  const declared = [...type.attributes.keys()].filter((name) => Object.hasOwn(values, name));
  return Object.fromEntries(declared.map((name) => [name, values[name]]));
}

/** One audit: walks through all partitions, then through what relationships keep. */
export class AuditRun {
  readonly #context: AuditContext;
  readonly #options: AuditOptions;
  readonly #isTimed: boolean;
  readonly #rest: AuditRest;
  readonly #partitions: readonly number[];
  readonly #types: readonly ObjectType[];
  readonly #audited: readonly AuditedSegment[];
  readonly #skipped: SkippedSegment[];
  readonly #withoutPredicate: readonly string[];
  readonly #counts: CountDifference[] = [];
  #rows: RowFaults | undefined;
  #keys: KeyFaults | undefined;
  #slugs: readonly StoredFault[] = [];
  #letters: readonly StoredFault[] = [];
  #graph: RelationshipAudit | undefined;
  /** Of segments over relationships, those that were not compared. */
  #leftOut: readonly AuditedSegment[] = [];
  #records = 0;
  #evaluations = 0;
  #memberships = 0;

  constructor(context: AuditContext, options: AuditOptions, isTimed: boolean) {
    this.#isTimed = isTimed;
    const { catalog } = context.store;
    const named = [...filtersByName(catalog)].sort(([a], [b]) => (a < b ? -1 : 1));
    const segments = named.map(([slug, filter]) => ({ ...filter, slug }));
    this.#context = context;
    this.#partitions = partitionsOf(context.stores.memberships);
    this.#options = options;
    this.#rest = options.rest ?? breathe;
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
    for (const partition of this.#partitions) {
      for (const type of this.#types) {
        const audited = this.#audited.filter(
          ({ segment, isRelated }) => segment.object_type === type.name && !isRelated,
        );
        await this.#walkType({ partition, type, audited }, total);
      }
      await this.#compareCounts(partition);
    }
    await this.#findFaults();
    if (this.#types.some(({ relationships }) => relationships.size > 0)) await this.#relate();
  }

  async #findFaults(): Promise<void> {
    const { stores, store, founding } = this.#context;
    const { rows, keys } = stores.audits;
    const refresh = () => store.refresh();
    const { catalog } = store;
    const { timeZone } = founding;
    const partitions = this.#partitions;
    this.#rows = await findRowFaults({ rows, partitions, catalog, refresh, timeZone });
    const { timeoutMs } = this.#options;
    const statuses = stores.memberships;
    this.#keys = await findKeyFaults({ keys, statuses, catalog, refresh, timeoutMs });
    this.#slugs = await findSlugFaults(keys);
    this.#letters = await findLetterFaults(keys, partitions);
  }

  async #relate(): Promise<void> {
    const { stores, store, founding } = this.#context;
    const { catalog } = store;
    const related = this.#audited.filter(({ isRelated }) => isRelated);
    if ((await this.#relatedRecords()) > (this.#options.graphRecordsMax ?? Infinity)) {
      this.#leftOut = related;
      return;
    }
    this.#graph = await auditRelationships(
      {
        store: stores.memberships,
        audits: stores.audits,
        catalog,
        timeZone: founding.timeZone,
        sets: this.#keys?.sets ?? [],
        timeoutMs: this.#options.timeoutMs,
        rounds: roundsOf(catalog),
        isTimed: this.#isTimed,
        rest: this.#rest,
      },
      related.map(({ segment }) => segment),
    );
    this.#evaluations += this.#graph.evaluations;
    this.#memberships += this.#graph.memberships;
    for (const { subject, engineOnly, referenceOnly } of this.#graph.differences) {
      if (!('slug' in subject)) continue;
      const audited = related.find(({ segment }) => segment.slug === subject.slug)!;
      const mismatch = audited.mismatches[subject.place];
      for (const id of engineOnly) mismatch.left.add(id);
      for (const id of referenceOnly) mismatch.right.add(id);
    }
  }

  async #relatedRecords(): Promise<number> {
    const { memberships } = this.#context.stores;
    const related = this.#types.filter(({ name }) =>
      [...edgesOf(this.#types).values()].some(({ holder, target }) =>
        [holder, target].includes(name),
      ),
    );
    const sizes = this.#partitions.flatMap((partition) =>
      related.map(({ name }) => memberships.recordCount(partition, name)),
    );
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  report(catalog: Catalog): Omit<AuditReport, 'isBroken'> {
    const now = filtersByName(catalog);
    const edited = new Set(
      this.#audited.filter((audited) => this.#wasEdited(audited, catalog, now)),
    );
    const settled = this.#audited.filter(
      (audited) => !edited.has(audited) && !this.#leftOut.includes(audited),
    );
    const slugs = new Set(settled.map(({ segment }) => segment.slug));
    const inSegments = settled.flatMap(segmentDifferences);
    const inCounts = this.#counts.filter(({ slug }) => slugs.has(slug));
    const faults = [
      ...(this.#rows?.faults ?? []),
      ...(this.#keys?.faults ?? []),
      ...this.#slugs,
      ...this.#letters,
    ];
    const inIds = idDifferences(faults, 'ids');
    const inTimers = idDifferences(faults, 'timers');
    const inKept = keptDifferences(
      faults.filter(({ place }) => place !== 'ids' && place !== 'timers'),
    );
    const inEdges = edgeDifferences(this.#graph?.differences ?? []);
    const sided = [...inSegments, ...inEdges];
    const pairs = sided.reduce(
      (sum, { engineOnly, referenceOnly }) => sum + engineOnly.total + referenceOnly.total,
      0,
    );
    return {
      partitions: this.#partitions.length,
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
        ...this.#leftOut.map(({ segment }) => ({
          slug: segment.slug,
          why: 'too many related records' as const,
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
    { segment, predicateId }: AuditedSegment,
    catalog: Catalog,
    now: ReadonlyMap<string, StoredFilter>,
  ): boolean {
    const type = this.#types.find(({ name }) => name === segment.object_type);
    const isSame = now.get(segment.slug)?.predicateId === predicateId;
    return !isSame || catalog.objectTypes.get(segment.object_type)?.revision !== type?.revision;
  }

  async #size(): Promise<number> {
    const { memberships } = this.#context.stores;
    const sizes = this.#partitions.flatMap((partition) =>
      this.#types.map(({ name }) => memberships.recordCount(partition, name)),
    );
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  }

  async #walkType(scope: TypeScope, total: number): Promise<void> {
    const { memberships, audits } = this.#context.stores;
    const { partition, type, audited } = scope;
    const chunk = chunkSize(audited.length);
    for (let after = ''; ; ) {
      const ids = await memberships.recordIds(partition, type.name, after, chunk);
      await this.#examine(scope, ids);
      this.#records += ids.length;
      this.#options.onProgress?.(this.#records, Math.max(total, this.#records));
      if (ids.length < chunk) break;
      after = ids.at(-1)!;
    }
    const predicateIds = [...new Set(audited.map(({ predicateId }) => predicateId))];
    const unlisted = await audits.rows.unlistedIds(partition, type.name, predicateIds);
    for (let from = 0; from < unlisted.length; from += chunk)
      await this.#examine(scope, unlisted.slice(from, from + chunk));
  }

  /** Compares all that is kept of some records. What can't be read is reported by row-faults.ts. */
  async #examine({ partition, type, audited }: TypeScope, ids: readonly string[]): Promise<void> {
    const { stores, founding } = this.#context;
    const predicateIds = audited.map(({ predicateId }) => predicateId);
    const held = await stores.audits.rows.held(partition, type.name, ids, predicateIds);
    for (const { id, record, state, isMember } of held) {
      const rest = this.#rest();
      if (rest) await rest;
      const isReadable = record !== 'unreadable' && isLive(record);
      const document = isReadable ? documentOf(record, type, founding.timeZone) : undefined;
      const { truth, due } = state === 'unreadable' ? NO_STATE : state;
      // What is stored holds until the record is due: that moment may have passed since, or a
      // moment ago.
      const nowMs = due === undefined ? Date.now() : Math.min(Date.now(), due - 1);
      for (const [which, { segment, predicateId, mismatches }] of audited.entries()) {
        const isExpected = document !== undefined && this.#holds(segment, document, nowMs);
        mismatches.set.compare(id, isMember[which]!, isExpected);
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

  async #compareCounts(partition: number): Promise<void> {
    const { rows } = this.#context.stores.audits;
    const predicateIds = this.#audited.map(({ predicateId }) => predicateId);
    const counted = await rows.countedMembers(partition, predicateIds);
    for (const [at, { segment }] of this.#audited.entries()) {
      const { count, members } = counted[at]!;
      if (count !== members) this.#counts.push({ slug: segment.slug, partition, count, members });
    }
  }
}

function chunkSize(segments: number): number {
  const cells = Math.floor(CELLS_MAX / Math.max(1, segments));
  return Math.min(CHUNK_RECORDS_MAX, Math.max(CHUNK_RECORDS_MIN, cells));
}
