/**
 * audit-report.ts – The findings of an audit, as they are shown to people.
 *
 * Keeps true: the number of each kind of difference is exact, and the first few are named.
 */
import type { StoredFilter } from '../catalog/catalog.ts';
import type { SubjectDifference } from './audit-attempt.ts';
import type { RowPlace } from './edge-look.ts';
import type { FaultPlace, StoredFault } from './fault.ts';

const SAMPLE_MAX = 20;

/** Some ids, and how many there are in all. */
export interface Sample {
  readonly total: number;
  readonly first: readonly string[];
}

export interface SegmentDifference {
  readonly slug: string;
  readonly objectType: string;
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

export interface CountDifference {
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
   * the content of a row.
   */
  readonly place: 'state' | RowPlace;
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

export interface SkippedSegment {
  readonly slug: string;
  readonly why: 'building' | 'edited meanwhile' | 'failed' | 'too many related records';
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
  /** Pairs of record and segment that the reference was asked about. */
  readonly evaluations: number;
  /** Those of them that json-logic-js itself was asked about as well. */
  readonly checks: number;
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
  /** Faults that are mended one by one, not rebuilt. */
  readonly faults: readonly StoredFault[];
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

/** A segment that is compared with the reference. */
export interface AuditedSegment {
  readonly segment: StoredFilter;
  readonly predicateId: number;
  /** Looks at neighbours: compared over the whole graph. */
  readonly isRelated: boolean;
  readonly mismatches: { readonly set: Mismatch; readonly state: Mismatch };
}

class Gathered implements Sample {
  total = 0;
  readonly first: string[] = [];

  add(id: string): void {
    if (this.total++ < SAMPLE_MAX) this.first.push(id);
  }
}

/** The members that one side has and the other has not. */
export class Mismatch {
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

export function segmentDifferences({ segment, mismatches }: AuditedSegment): SegmentDifference[] {
  return (['set', 'state'] as const).flatMap((name) => {
    const { left, right, total } = mismatches[name];
    return total > 0
      ? [
          {
            ...{ slug: segment.slug, objectType: segment.object_type, place: name },
            ...{ engineOnly: left, referenceOnly: right },
          },
        ]
      : [];
  });
}

export function idDifferences(faults: readonly StoredFault[], place: FaultPlace): IdDifference[] {
  return keptDifferences(faults.filter((fault) => fault.place === place)).map(
    ({ of, engineOnly, referenceOnly }) => ({
      objectType: of,
      listedOnly: engineOnly,
      storedOnly: referenceOnly,
    }),
  );
}

export function keptDifferences(faults: readonly StoredFault[]): KeptDifference[] {
  const grouped = new Map<
    string,
    { place: FaultPlace; of: string; engineOnly: Gathered; referenceOnly: Gathered }
  >();
  for (const { place, of, text, isExtra } of faults) {
    const key = `${place} ${of}`;
    let group = grouped.get(key);
    if (!group)
      grouped.set(
        key,
        (group = { place, of, engineOnly: new Gathered(), referenceOnly: new Gathered() }),
      );
    (isExtra ? group.engineOnly : group.referenceOnly).add(text);
  }
  return [...grouped.values()];
}

export function edgeDifferences(differences: readonly SubjectDifference[]): EdgeDifference[] {
  return differences.flatMap(({ subject, engineOnly, referenceOnly }): EdgeDifference[] => {
    if (!('edge' in subject)) return [];
    return [
      { ...subject, engineOnly: sampleOf(engineOnly), referenceOnly: sampleOf(referenceOnly) },
    ];
  });
}

function sampleOf(all: Iterable<string>): Sample {
  const gathered = new Gathered();
  for (const one of all) gathered.add(one);
  return gathered;
}
