/**
 * edges.ts – The edges that the engine keeps: what each end exports to the other, and which derived
 * attributes read it.
 *
 * Keeps true: an edge is known by its edge id, the id of the shared predicate that holds of every
 * live holder. What is exported over it follows from the catalog's predicate ids, at one version.
 */
import type { StoredPredicate } from '../catalog/catalog.ts';
import { type EdgeDefinition, targetsOf } from '../change/edge.ts';
import type { RecordData } from '../change/record.ts';
import { assert } from '../errors.ts';
import { type DerivedRead, derivedRead } from '../membership/derived-value.ts';
import type { PartialState } from '../query/predicate/tally.ts';

/** A predicate that one end exports, and the attribute whose values travel along. */
export interface Share {
  readonly predicateId: number;
  readonly attribute?: string;
  /** What partitions keep of its values. */
  readonly keeps?: PartialState;
}

export interface Edge {
  readonly edgeId: number;
  readonly definition: EdgeDefinition;
  /** From the holders to the target; the edge id is the first. */
  readonly up: readonly Share[];
  /** Those of them of which the different values are kept. */
  readonly valuesUp: ReadonlySet<number>;
  /** From the target to its holders. */
  readonly down: readonly Share[];
  /** The predicate ids of both: rows of the edge hold what is known of these, and of no others. */
  readonly shares: ReadonlySet<number>;
  /** What the holders' network reads of the target, and the target's of the holders. */
  readonly outReads: readonly DerivedRead[];
  readonly inReads: readonly DerivedRead[];
  readonly outNames: readonly string[];
  readonly inNames: readonly string[];
}

/** The edges of one catalog version. */
export type EdgesById = ReadonlyMap<number, Edge>;

/**
 * Makes the edges of one catalog version. `attributeNames` are those that a type's network reads.
 * An edge is as its edge id says, not as its relationship is declared now. After a re-declaration
 * both edges are kept until the older one is not needed any more.
 */
export function edgesAt(
  predicateIds: ReadonlyMap<number, StoredPredicate>,
  attributeNames: (objectType: string) => Iterable<string>,
  absentTruth: (predicateId: number) => boolean,
): Map<number, Edge> {
  const shares = sharesByEdge(predicateIds);
  const edges = new Map<number, Edge>();
  for (const [edgeId, { edge: name, up, down }] of shares) {
    const definition = predicateIds.get(edgeId)?.shared?.definition;
    assert(definition, `${edgeId} is an edge id, and kept as long as what is shared over its edge`);
    const out = readsOf(attributeNames(definition.holder), name, 'out', down, absentTruth);
    const into = readsOf(attributeNames(definition.target), name, 'in', up, absentTruth);
    edges.set(edgeId, {
      edgeId,
      definition,
      up,
      valuesUp: new Set(
        up.filter(({ keeps }) => keeps === 'values').map(({ predicateId }) => predicateId),
      ),
      down,
      shares: new Set([...up, ...down].map(({ predicateId }) => predicateId)),
      outReads: out,
      inReads: into,
      outNames: out.map((read) => read.name),
      inNames: into.map((read) => read.name),
    });
  }
  return edges;
}

interface EdgeShares {
  readonly edge: string;
  readonly up: Share[];
  readonly down: Share[];
}

function sharesByEdge(predicateIds: ReadonlyMap<number, StoredPredicate>): Map<number, EdgeShares> {
  const byEdgeId = new Map<number, EdgeShares>();
  for (const [predicateId, { shared, status }] of [...predicateIds].sort(([a], [b]) => a - b)) {
    if (!shared || status === 'failed') continue;
    let shares = byEdgeId.get(shared.edgeId);
    if (!shares) byEdgeId.set(shared.edgeId, (shares = { edge: shared.edge, up: [], down: [] }));
    const { attribute, keeps } = shared;
    const one =
      attribute !== undefined && keeps ? { predicateId, attribute, keeps } : { predicateId };
    (shared.direction === 'in' ? shares.up : shares.down).push(one);
  }
  return byEdgeId;
}

function readsOf(
  names: Iterable<string>,
  edge: string,
  direction: 'in' | 'out',
  shares: readonly Share[],
  absentTruth: (predicateId: number) => boolean,
): DerivedRead[] {
  const known = new Set(shares.map(({ predicateId }) => predicateId));
  const reads: DerivedRead[] = [];
  for (const name of names) {
    const read = derivedRead(name, absentTruth);
    if (read?.edge === edge && read.direction === direction && known.has(read.predicateId))
      reads.push(read);
  }
  return reads;
}

/** The ids that a record points at over an edge. */
export function targetsOver({ definition }: Edge, data: RecordData | undefined): readonly string[] {
  return data ? targetsOf(definition, data) : [];
}
