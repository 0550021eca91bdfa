/**
 * view-cells.ts – The cells of a view's rows.
 *
 * Keeps true: a cell equals what a filter sees at its place. A path to neighbours is walked once
 * for all columns that begin with it, and a to-many step once for all its measures.
 */
import { unreachable } from '../errors.ts';
import type { Column, ColumnPosition } from '../query/dialects/view-columns.ts';
import type { Hop } from '../query/predicate/relationships.ts';
import type { Neighbourhood, Standpoint } from './neighbourhood.ts';

/**
 * The cells of some records: by record, then by column; undefined where a value is missing.
 * Measures over the same step are taken in one walk.
 */
export async function cellsOf(
  columns: readonly Column[],
  neighbourhood: Neighbourhood,
  at: readonly Standpoint[],
): Promise<readonly unknown[][]> {
  const cells = at.map(() => new Array<unknown>(columns.length));
  const fill = (column: number, values: readonly unknown[]) => {
    for (const [row, value] of values.entries()) cells[row]![column] = value;
  };
  const ends = new Map<string, readonly (Standpoint | undefined)[]>([['', at]]);
  const walked = new Set<string>();
  for (const [index, { source }] of columns.entries()) {
    const there = await endsOf(ends, source.hops, neighbourhood);
    if (source.kind === 'value') {
      fill(
        index,
        there.map((seen) => seen && valueAt(source.place, seen)),
      );
      continue;
    }
    const way = wayOf([...source.hops, source.many]);
    if (walked.has(way)) continue;
    walked.add(way);
    const alike = measuresAlong(way, columns);
    const values = await neighbourhood.measures(
      there,
      source.many,
      alike.map(({ source: asked }) => asked),
    );
    for (const [n, { at: column }] of alike.entries()) fill(column, values[n]!);
  }
  return cells;
}

/** The ends of ways begin where shorter ones end. */
async function endsOf(
  ends: Map<string, readonly (Standpoint | undefined)[]>,
  hops: readonly Hop[],
  neighbourhood: Neighbourhood,
): Promise<readonly (Standpoint | undefined)[]> {
  const known = ends.get(wayOf(hops));
  if (known) return known;
  const before = await endsOf(ends, hops.slice(0, -1), neighbourhood);
  const there = await neighbourhood.ends(before, hops.slice(-1));
  ends.set(wayOf(hops), there);
  return there;
}

function wayOf(hops: readonly Hop[]): string {
  return hops.map(({ name }) => name).join('.');
}

/** All measures over one to-many step, so that it is walked once for them. */
function measuresAlong(way: string, columns: readonly Column[]) {
  return columns.flatMap(({ source }, at) =>
    source.kind === 'measure' && wayOf([...source.hops, source.many]) === way
      ? [{ at, source }]
      : [],
  );
}

/** The value of an attribute or of a field of the record itself. */
export function valueAt(place: ColumnPosition, { id, record, data }: Standpoint): unknown {
  if (place.kind === 'attribute') return data[place.name];
  const { name } = place;
  switch (name) {
    case 'id':
      return id;
    case 'version':
      return record.version;
    case 'created_at':
      return new Date(record.createdAt).toISOString();
    case 'updated_at':
      return new Date(record.updatedAt).toISOString();
    default:
      return unreachable(name);
  }
}

/** The id and one field per column; null where a value is missing. */
export function namedCells(
  columns: readonly Column[],
  { id, cells }: { readonly id: string; readonly cells: readonly unknown[] },
): Record<string, unknown> {
  return { id, ...Object.fromEntries(columns.map(({ field }, at) => [field, cells[at] ?? null])) };
}
