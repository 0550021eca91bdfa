/**
 * measures.test.ts – Measures of many holders alone, under every fault of the simulator: what
 * partitions keep of different values is lost and sent anew in many seeds, which a query among many
 * others seldom is.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; `npm test` runs a sixth of the seeds,
 * ROLLCALL_WHOLE=1 all of them, ROLLCALL_SOAK=<n> 10n times as many.
 */
import { describe, it } from 'vitest';
import { seeds, simulate } from './simulate.ts';
import { COMPANY } from './subjects.ts';

const ofValues = COMPANY.queries.filter(({ query }) =>
  JSON.stringify(query).includes('"countDistinct"'),
);

describe('different values of holders', { timeout: 3_600_000 }, () => {
  it('come to rest exact, whatever was lost, late, doubled, paused or taken over meanwhile', async () => {
    for (const seed of seeds(400)) await simulate(seed, { ...COMPANY, queries: ofValues });
  });
});
