/**
 * failing.test.ts – Segments whose JsonLogic takes too much for a record fail, under every fault of
 * the simulator, and nothing else does: what has not failed is exact, what looks at a failed one
 * has failed too, and an edit heals.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; `npm test` runs a sixth of the seeds,
 * ROLLCALL_WHOLE=1 all of them, ROLLCALL_SOAK=<n> 10n times as many.
 */
import { describe, it } from 'vitest';
import { seeds, simulate } from './simulate.ts';
import { COSTLY } from './subjects.ts';

describe('segments of which some fail', { timeout: 3_600_000 }, () => {
  it('come to rest exact or failed, whatever was lost, late, doubled, paused or taken over meanwhile', async () => {
    for (const seed of seeds(300)) await simulate(seed, COSTLY);
  });
});
