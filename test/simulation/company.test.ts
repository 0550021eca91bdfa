/**
 * company.test.ts – Contacts, organizations and groups under every fault of the simulator.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; `npm test` runs a sixth of the seeds,
 * ROLLCALL_WHOLE=1 all of them, ROLLCALL_SOAK=<n> 10n times as many.
 */
import { describe, it } from 'vitest';
import { seeds, simulate } from './simulate.ts';
import { COMPANY } from './subjects.ts';

describe('contacts, organizations and groups', { timeout: 3_600_000 }, () => {
  it('come to rest exact, whatever was lost, late, doubled, paused or taken over meanwhile', async () => {
    for (const seed of seeds(1000)) await simulate(seed, COMPANY);
  });
});
