/**
 * neighbour-row.ts – Neighbour rows and related rows as JSON: hash fields of `neighbours:<edge id>`
 * and `related:<edge id>`.
 *
 * Keeps true: an absent row means that nothing is known, and that no record is related.
 */
import { assert } from '../../errors.ts';
import type { NeighbourRow, RelatedRow } from '../../membership/neighbour-row.ts';

const UNKNOWN: NeighbourRow = { local: { counts: {}, sums: {}, lows: {}, highs: {} } };
const NOT_RELATED: RelatedRow = {};

export function packRow(row: NeighbourRow | RelatedRow): string {
  return JSON.stringify(row);
}

/** @throws Error if something else was written there. */
export function unpackNeighbour(stored: string | null | undefined): NeighbourRow {
  const row = stored ? (JSON.parse(stored) as NeighbourRow) : UNKNOWN;
  assert(
    row?.local?.counts,
    `a neighbour row says what holders add up to, this is '${stored?.slice(0, 20)}'`,
  );
  return row;
}

/** @throws Error if something else was written there. */
export function unpackRelated(stored: string | null | undefined): RelatedRow {
  const row = stored ? (JSON.parse(stored) as RelatedRow) : NOT_RELATED;
  const isRow =
    typeof row === 'object' && row !== null && Object.values(row).every((part) => part?.counts);
  assert(
    isRow,
    `a related row says what each source adds up to, this is '${stored?.slice(0, 20)}'`,
  );
  return row;
}
