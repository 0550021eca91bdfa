/**
 * audit-run.ts – One walk of an audit through all that is stored.
 *
 * Keeps true: what is reported of a record is of one instant, so it holds of a partition between
 * two commits. The expectation comes from the reference, not from the engine. A segment that was
 * edited meanwhile is left out and named, never reported as wrong.
 *
 * Compared are, per partition: member sets and state rows with the reference, also of members that
 * are no records (record-audit.ts); counts with the sets. Whether a row of a record may be there at
 * all is judged by row-faults.ts, keys and counts by key-faults.ts, and where slugs lead to by
 * slug-faults.ts. What is kept across relationships is compared by audit-relationships.ts, over all
 * partitions together. A record that is created after the audit has passed its place is not looked
 * at. Segments without a predicate are named: no predicate answers for them.
 */
import { type Catalog, isView, type StoredFilter } from '../catalog/catalog.ts';
import type { CatalogStore } from '../catalog/catalog-store.ts';
import { edgesOf } from '../change/edge.ts';
import type { ObjectType } from '../change/object-type.ts';
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
import { RecordAudit } from './record-audit.ts';
import { findRowFaults, type RowFaults } from './row-faults.ts';
import { findSlugFaults } from './slug-faults.ts';
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
  #checks = 0;
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
    const sizes = await this.#sizes();
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    const audits = this.#types.map((type) => this.#auditOf(type, sizes.get(type.name)!, total));
    for (const partition of this.#partitions) {
      for (const each of audits) await each.walk(partition);
      await this.#compareCounts(partition);
    }
    for (const { evaluations, memberships, checks } of audits) {
      this.#evaluations += evaluations;
      this.#memberships += memberships;
      this.#checks += checks;
    }
    await this.#findFaults();
    if (this.#types.some(({ relationships }) => relationships.size > 0)) await this.#relate();
  }

  #auditOf(type: ObjectType, size: number, total: number): RecordAudit {
    const { stores, founding } = this.#context;
    const audited = this.#audited.filter(
      ({ segment, isRelated }) => segment.object_type === type.name && !isRelated,
    );
    const onVisit = (records: number) => {
      this.#records += records;
      this.#options.onProgress?.(this.#records, Math.max(total, this.#records));
    };
    const context = {
      memberships: stores.memberships,
      rows: stores.audits.rows,
      timeZone: founding.timeZone,
      rest: this.#rest,
      onVisit,
    };
    return new RecordAudit(context, type, audited, size);
  }

  async #findFaults(): Promise<void> {
    const { stores, store, founding } = this.#context;
    const { rows, keys } = stores.audits;
    const refresh = () => store.refresh();
    const { catalog } = store;
    const { timeZone } = founding;
    const partitions = this.#partitions;
    this.#rows = await findRowFaults({
      ...{ rows, partitions, catalog, refresh, timeZone },
      rest: this.#rest,
    });
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
    this.#checks += this.#graph.checks;
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
    const edges = [...edgesOf(this.#types).values()];
    const names = new Set(edges.flatMap(({ holder, target }) => [holder, target]));
    const sizes = await this.#sizes();
    return [...names].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
  }

  /** By type, how many records are listed. */
  async #sizes(): Promise<ReadonlyMap<string, number>> {
    const { memberships } = this.#context.stores;
    const ofType = async ({ name }: ObjectType) => {
      const sizes = this.#partitions.map((each) => memberships.recordCount(each, name));
      return [name, (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)] as const;
    };
    return new Map(await Promise.all(this.#types.map(ofType)));
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
      checks: this.#checks,
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
