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
import { type NeighbourRow, type RelatedRow, tallyOf } from '../membership/neighbour-row.ts';
import {
  type DerivedAttribute,
  isDerivedName,
  readDerivedName,
} from '../query/network/derived-attribute.ts';
import { keptFor, measureRow, overNothing } from '../query/predicate/measures.ts';
import { type PartialState, RunningTally } from '../query/predicate/tally.ts';

/** A predicate that one end exports, and the attribute whose values travel along. */
export interface Share {
  readonly predicateId: number;
  readonly attribute?: string;
  /** What partitions keep of its values. */
  readonly keeps?: PartialState;
}

/** A derived attribute and the name under which the network knows it. */
export interface DerivedRead extends DerivedAttribute {
  readonly name: string;
  /** Whether the shared predicate holds of nothing: what an absent neighbour counts as. */
  readonly absentTruth: boolean;
  /** What partitions keep of the values that it is read off. */
  readonly keeps: PartialState | undefined;
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
    if (!isDerivedName(name)) continue;
    const derived = readDerivedName(name);
    if (derived.edge !== edge || derived.direction !== direction || !known.has(derived.predicateId))
      continue;
    const { measure, predicateId } = derived;
    const keeps = 'attribute' in measure ? keptFor(measure.kind) : undefined;
    reads.push({ ...derived, name, keeps, absentTruth: absentTruth(predicateId) });
  }
  return reads;
}

/**
 * The value of a derived attribute for a record that has no neighbours; undefined: it is missing.
 */
export function blankValue({ measure }: DerivedAttribute, absentTruth: boolean): unknown {
  if (measure.kind === 'truth') return absentTruth;
  return measure.kind === 'exists' ? false : overNothing(measure.kind);
}

/**
 * The value that a holder's derived attribute has over the rows of its targets. Caller: every
 * target has answered.
 */
export function outValue(read: DerivedRead, rows: readonly NeighbourRow[]): unknown {
  const { measure, predicateId } = read;
  const first = rows.find(({ shared }) => shared)?.shared;
  if (!first) return blankValue(read, read.absentTruth);
  if (measure.kind === 'truth' || measure.kind === 'exists')
    return first.truth.includes(predicateId);
  const present = rows.flatMap(({ shared }) => (shared ? [shared] : []));
  const tally = new RunningTally(read.keeps);
  for (const { truth, values } of present) {
    if (truth.includes(predicateId)) tally.add(values[predicateId]);
    else tally.leaveOut();
  }
  return measureRow(measure.kind).readOff(tally);
}

/**
 * The value that a target's derived attribute has over what its holders add up to. `different`: how
 * many different values they have, where these are kept.
 */
export function inValue(
  { measure, predicateId }: DerivedRead,
  { edgeId }: Edge,
  related: RelatedRow,
  different = 0,
): unknown {
  const tally = tallyOf(Object.values(related), predicateId);
  if (measure.kind === 'truth' || measure.kind === 'exists') return tally.count > 0;
  const { readOff, ofAll } = measureRow(measure.kind);
  if (different > 0) return readOff({ ...tally, different });
  if (!ofAll) return readOff(tally);
  return readOff({ ...tally, all: tallyOf(Object.values(related), edgeId).count });
}

/** The ids that a record points at over an edge. */
export function targetsOver({ definition }: Edge, data: RecordData | undefined): readonly string[] {
  return data ? targetsOf(definition, data) : [];
}
