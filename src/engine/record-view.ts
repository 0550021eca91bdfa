/**
 * record-view.ts – A record as its network reads it: its own values, and those derived of its
 * neighbours.
 *
 * Keeps true: a derived value is found out when it is first read, and once. A network may read
 * hundreds of them of each type and asks few of one record, so a change costs what is read. Own
 * values are own members and derived ones are not, so whoever walks through the members finds the
 * record's own document.
 */
import type { RecordData } from '../change/record.ts';
import { type DerivedRead, inValue, outValue } from '../membership/derived-value.ts';
import type { NeighbourRow, RelatedRow } from '../membership/neighbour-row.ts';
import type { Attributes } from '../query/predicate/view.ts';
import { type Edge, targetsOver } from './edges.ts';
import type { TypeContext } from './step.ts';

/** The rows at the other end of a record's edges, as they are while the view is used. */
export interface KnownNeighbours {
  readonly neighbourRow: (edgeId: number, target: string) => NeighbourRow;
  readonly relatedRow: (edgeId: number, target: string) => RelatedRow;
  readonly differentValues: (predicateId: number, target: string) => number;
}

/** Caller: the neighbourhood stays as it is while the view is used. */
export function recordView(
  known: TypeContext,
  id: string,
  data: RecordData,
  own: Attributes,
  neighbourhood: KnownNeighbours,
): Attributes {
  const seen = Object.assign(Object.create(derivedOf(known)) as Viewed, own);
  seen[DERIVED] = new DerivedValues(id, data, neighbourhood);
  return seen as unknown as Attributes;
}

const DERIVED = Symbol('derived');

interface Viewed {
  [DERIVED]: DerivedValues;
}

class DerivedValues {
  readonly #id: string;
  readonly #data: RecordData;
  readonly #neighbourhood: KnownNeighbours;
  readonly #values = new Map<DerivedRead, unknown>();
  /** Of the targets over each edge. */
  readonly #rows = new Map<Edge, readonly NeighbourRow[]>();

  constructor(id: string, data: RecordData, neighbourhood: KnownNeighbours) {
    this.#id = id;
    this.#data = data;
    this.#neighbourhood = neighbourhood;
  }

  get(edge: Edge, read: DerivedRead): unknown {
    const known = this.#values.get(read);
    if (known !== undefined) return known;
    const value =
      read.direction === 'out' ? outValue(read, this.#rowsOver(edge)) : this.#inValue(edge, read);
    this.#values.set(read, value);
    return value;
  }

  #rowsOver(edge: Edge): readonly NeighbourRow[] {
    let rows = this.#rows.get(edge);
    if (!rows) {
      const { neighbourRow } = this.#neighbourhood;
      rows = targetsOver(edge, this.#data).map((target) => neighbourRow(edge.edgeId, target));
      this.#rows.set(edge, rows);
    }
    return rows;
  }

  #inValue(edge: Edge, read: DerivedRead): unknown {
    const { relatedRow, differentValues } = this.#neighbourhood;
    const different = read.keeps === 'values' ? differentValues(read.predicateId, this.#id) : 0;
    return inValue(read, edge, relatedRow(edge.edgeId, this.#id), different);
  }
}

/** What records of a type inherit: it follows from the catalog's version, and so does the type. */
const inherited = new WeakMap<TypeContext, object>();

function derivedOf(known: TypeContext): object {
  let derived = inherited.get(known);
  if (!derived) inherited.set(known, (derived = makeDerived(known)));
  return derived;
}

function makeDerived({ out, in: into }: TypeContext): object {
  const derived = {};
  const define = (edge: Edge, read: DerivedRead) =>
    Object.defineProperty(derived, read.name, {
      get(this: Viewed) {
        return this[DERIVED].get(edge, read);
      },
    });
  for (const edge of out) for (const read of edge.outReads) define(edge, read);
  for (const edge of into) for (const read of edge.inReads) define(edge, read);
  return derived;
}
