/**
 * conditional.test.ts – Changes with preconditions under every fault of the simulator: each is
 * decided once, by what its record is when it is applied.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; ROLLCALL_WHOLE=1 and ROLLCALL_SOAK=<n> run more
 * seeds.
 */
import { describe, expect, it } from 'vitest';
import { seeds, simulate } from './simulate.ts';
import { COMPANY } from './subjects.ts';

// Under another type the same values may be another version, of which the model knows nothing.
const { otherwise: _, ...definite } = COMPANY;
const CONDITIONAL = { ...definite, isConditional: true };

describe('changes with preconditions', { timeout: 3_600_000 }, () => {
  it('are decided once, whatever was lost, late, doubled or taken over meanwhile', async () => {
    const conditions = { met: 0, failed: 0 };
    for (const seed of seeds(150)) {
      const { met, failed } = await simulate(seed, CONDITIONAL);
      conditions.met += met;
      conditions.failed += failed;
    }
    expect(conditions.met).toBeGreaterThan(100);
    expect(conditions.failed).toBeGreaterThan(100);
  });
});
