/**
 * check-written.ts – What no step may write: anything of a predicate that was given up.
 */
import type { Networks } from '../../src/engine/networks.ts';
import type { Step } from '../../src/engine/step.ts';
import { CheckFailure } from './check-failure.ts';

/** @throws Error if a row that is written holds something of a predicate id that was given up. */
export function checkWritten(
  { records, edges: { neighbours, related } }: Step,
  networks: Networks,
): void {
  const given = (
    of: string,
    predicateIds: Iterable<number | string>,
    isKept: (predicateId: number) => boolean,
  ) => {
    for (const predicateId of predicateIds)
      if (!isKept(Number(predicateId)))
        throw new CheckFailure('given up', `${of} is written with ${predicateId}`);
  };
  for (const { objectType, id, before, after } of records) {
    const network = networks.types.get(objectType)?.network;
    if (network && after !== before)
      given(`the row of ${id}`, after.truth, (predicateId) => network.has(predicateId));
  }
  const rows = [
    ...neighbours.map(({ edgeId, target, row }) => ({
      edgeId,
      target,
      parts: row ? [row.local] : [],
      row,
    })),
    ...related.map(({ edgeId, target, row }) => ({
      edgeId,
      target,
      parts: Object.values(row ?? {}),
      row: undefined,
    })),
  ];
  for (const { edgeId, target, parts, row } of rows) {
    const isKept = (predicateId: number) => networks.edges.get(edgeId)!.shares.has(predicateId);
    const named = parts.flatMap(({ counts, sums, lows, highs }) =>
      Object.keys({ ...counts, ...sums, ...lows, ...highs }),
    );
    given(`the row of ${target}`, [...named, ...(row?.shared?.truth ?? [])], isKept);
  }
}
