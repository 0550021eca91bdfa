/**
 * tiny-limits.ts – The limits of a simulated core: so small that rows are evicted, that batches,
 * backfills and fan-outs are interrupted, that outboxes run full, and that light rows are heavy.
 */
import { CORE_LIMITS, type CoreLimits } from '../../src/engine/core-limits.ts';
import { EFFECTS_MAX } from '../../src/engine/step.ts';
import type { Choose } from '../support/memory-deployment.ts';

/** One batch in so many is cut because its rows weigh too much. */
const HEAVY_ONE_IN = 8;

/** Drawn anew each time they are looked at. */
export function tinyLimits(choose: Choose, strideMs: number): CoreLimits {
  return {
    ...CORE_LIMITS,
    get batchRecordsMax() {
      return 1 + choose(4);
    },
    get loadedBytesMax() {
      return choose(HEAVY_ONE_IN) === 0 ? 0 : Number.MAX_SAFE_INTEGER;
    },
    get kindBytesMax() {
      return choose(300);
    },
    // The clock of a core goes on so fast here that a slice is of as many records as this says.
    get sliceRecordsMin() {
      return 1 + choose(4);
    },
    backfillRecordsMin: 1,
    backfillRecordsMax: 4,
    get fanoutRecordsMax() {
      return 1 + choose(4);
    },
    fanoutRecordsMin: 1,
    get fewHoldersMax() {
      return choose(4);
    },
    get newsHoldersMax() {
      return 1 + choose(6);
    },
    get effectsMax() {
      return choose(2) === 0 ? choose(6) : EFFECTS_MAX;
    },
    recoveredFanoutsMax: 1,
    undeliveredMax: 6,
    dueRecordsMax: 2,
    sweptTargetsMax: 1,
    sweptTimersMax: 1,
    expiredTombstonesMax: 1,
    tombstonesEveryMs: 1,
    tombstoneTtlMs: 2 * strideMs,
    resentTargetsMax: 2,
    cachedRowsMax: 8,
  };
}
