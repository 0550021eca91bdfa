/**
 * edges.ts – The edges that the engine keeps: what each end exports to the other, and which derived attributes read it.
 *
 * Keeps true: an edge is known by the ordinal of its anchor, the exported predicate that holds of every live holder; what is
 * exported over it is what the catalog's ordinals say, at one version.
 */
import type { StoredOrdinal } from '../catalog/catalog.ts';
import { type EdgeDefinition, targetsOf } from '../change/edge.ts';
import type { RecordData } from '../change/record.ts';
import { assert, unreachable } from '../errors.ts';
import { type NeighbourRow, type RelatedRow, totalOf } from '../membership/neighbour-row.ts';
import { type DerivedAttribute, isDerivedName, readDerivedName } from '../query/derived-attribute.ts';
import { average, fromTrillionths, sumOf } from '../query/exact-sum.ts';

/** A predicate that one end exports, and the attribute whose numbers travel along. */
interface Export {
  readonly ordinal: number;
  readonly attribute?: string;
  /** For the lowest and highest of the numbers, not for their sum. */
  readonly ordered?: boolean;
}

/** A derived attribute and the name under which the network knows it. */
export interface DerivedRead extends DerivedAttribute {
  readonly name: string;
  /** Whether the exported predicate holds of nothing: what an absent neighbour counts as. */
  readonly absentTruth: boolean;
}

export interface Edge {
  readonly anchor: number;
  readonly definition: EdgeDefinition;
  /** From the holders to the target; the anchor is the first. */
  readonly up: readonly Export[];
  /** From the target to its holders. */
  readonly down: readonly Export[];
  /** The ordinals of both: rows of the edge hold what is known of these, and of no others. */
  readonly exports: ReadonlySet<number>;
  /** What the holders' network reads of the target, and the target's of the holders. */
  readonly outReads: readonly DerivedRead[];
  readonly inReads: readonly DerivedRead[];
  readonly outNames: readonly string[];
  readonly inNames: readonly string[];
}

/**
 * Makes the edges of one catalog version. `attributeNames` are those that a type's network reads. An edge is as its anchor says,
 * not as its relationship is declared now: after that was declared otherwise both are kept until nobody needs the older one.
 */
export function edgesAt(
  ordinals: ReadonlyMap<number, StoredOrdinal>,
  attributeNames: (objectType: string) => Iterable<string>,
  absentTruth: (ordinal: number) => boolean,
): Map<number, Edge> {
  const exports = exportsByAnchor(ordinals);
  const edges = new Map<number, Edge>();
  for (const [anchor, { edge: name, up, down }] of exports) {
    const definition = ordinals.get(anchor)?.exported?.definition;
    assert(definition, `ordinal ${anchor} is an anchor, and kept as long as what is exported over its edge`);
    const out = readsOf(attributeNames(definition.holder), name, 'out', down, absentTruth);
    const into = readsOf(attributeNames(definition.target), name, 'in', up, absentTruth);
    edges.set(anchor, {
      anchor,
      definition,
      up,
      down,
      exports: new Set([...up, ...down].map(({ ordinal }) => ordinal)),
      outReads: out,
      inReads: into,
      outNames: out.map((read) => read.name),
      inNames: into.map((read) => read.name),
    });
  }
  return edges;
}

interface AnchorExports {
  readonly edge: string;
  readonly up: Export[];
  readonly down: Export[];
}

function exportsByAnchor(ordinals: ReadonlyMap<number, StoredOrdinal>): Map<number, AnchorExports> {
  const byAnchor = new Map<number, AnchorExports>();
  for (const [ordinal, { exported, status }] of [...ordinals].sort(([a], [b]) => a - b)) {
    if (!exported || status === 'failed') continue;
    let exports = byAnchor.get(exported.anchor);
    if (!exports) byAnchor.set(exported.anchor, (exports = { edge: exported.edge, up: [], down: [] }));
    const { attribute, ordered = false } = exported;
    const one = attribute === undefined ? { ordinal } : { ordinal, attribute, ordered };
    (exported.direction === 'in' ? exports.up : exports.down).push(one);
  }
  return byAnchor;
}

function readsOf(
  names: Iterable<string>,
  edge: string,
  direction: 'in' | 'out',
  exports: readonly Export[],
  absentTruth: (ordinal: number) => boolean,
): DerivedRead[] {
  const known = new Set(exports.map(({ ordinal }) => ordinal));
  const reads: DerivedRead[] = [];
  for (const name of names) {
    if (!isDerivedName(name)) continue;
    const derived = readDerivedName(name);
    if (derived.edge !== edge || derived.direction !== direction || !known.has(derived.ordinal)) continue;
    reads.push({ ...derived, name, absentTruth: absentTruth(derived.ordinal) });
  }
  return reads;
}

/** What a derived attribute is of a record that has no neighbours; undefined: it is missing. */
export function blankValue({ measure }: DerivedAttribute, absentTruth: boolean): unknown {
  switch (measure.kind) {
    case 'truth':
      return absentTruth;
    case 'exists':
      return false;
    case 'count':
    case 'sum':
      return 0;
    default:
      return undefined;
  }
}

/** The value that a holder's derived attribute has over the rows of its targets. Caller: every target has answered. */
export function outValue(read: DerivedRead, rows: readonly NeighbourRow[]): unknown {
  const { measure, ordinal } = read;
  const present = rows.flatMap(({ exported }) => (exported ? [exported] : []));
  const [only] = present;
  if (!only) return blankValue(read, read.absentTruth);
  if (measure.kind === 'truth' || measure.kind === 'exists') return only.truth.includes(ordinal);
  const matching = present.filter(({ truth }) => truth.includes(ordinal));
  if (measure.kind === 'count') return matching.length;
  if (measure.kind === 'share') return matching.length / present.length;
  const values = matching.flatMap(({ values }) => (values[ordinal] === undefined ? [] : [values[ordinal]]));
  return aggregateOf(measure.kind, values);
}

function aggregateOf(kind: 'sum' | 'avg' | 'min' | 'max', values: readonly number[]): number | undefined {
  if (kind === 'sum') return fromTrillionths(sumOf(values));
  if (values.length === 0) return undefined;
  if (kind === 'avg') return average(sumOf(values), values.length);
  return values.reduce((a, b) => (kind === 'min' ? Math.min(a, b) : Math.max(a, b)));
}

/** The value that a target's derived attribute has over what its holders add up to. */
export function inValue({ measure, ordinal }: DerivedRead, { anchor }: Edge, related: RelatedRow): unknown {
  const total = totalOf(Object.values(related), ordinal);
  switch (measure.kind) {
    case 'truth':
    case 'exists':
      return total.count > 0;
    case 'count':
      return total.count;
    case 'share': {
      const all = totalOf(Object.values(related), anchor).count;
      return all === 0 ? undefined : total.count / all;
    }
    case 'sum':
      return fromTrillionths(total.trillionths);
    case 'avg':
      return total.values === 0 ? undefined : average(total.trillionths, total.values);
    case 'min':
      return total.low;
    case 'max':
      return total.high;
    default:
      return unreachable(measure);
  }
}

/** The ids that a record points at over an edge. */
export function targetsOver({ definition }: Edge, data: RecordData | undefined): readonly string[] {
  return data ? targetsOf(definition, data) : [];
}
