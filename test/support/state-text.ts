/** state-text.ts – A whole state as readers get it from Redis. */

import type { StateRow } from '../../src/membership/state-row.ts';
import { NO_PREDICATE_IDS } from '../../src/query/network/predicate-ids.ts';
import { stateChange } from '../../src/redis/rows/state-row.ts';

/** Undefined if there is nothing to store. */
export function stateText(state: StateRow): string | undefined {
  const { head, blocks } = stateChange({ truth: NO_PREDICATE_IDS, due: undefined }, state);
  return head ? [head, ...blocks.map(([, packed]) => packed)].join(',') : undefined;
}
