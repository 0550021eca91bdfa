/**
 * canaries.test.ts – The simulator notices when a guard is missing: each one is switched off in turn, and a seed has to fail.
 *
 * Without the token nothing wrong is stored, for the commit number alone refuses the second of two owners; what shows is that
 * the rightful one is refused.
 */
import { describe, expect, it } from 'vitest';
import { ALL_GUARDS, type Guards } from './faults.ts';
import { seedsToFailure } from './simulate.ts';
import { COMPANY } from './subjects.ts';

const SEEDS_MAX = 1000;

const CANARIES: readonly (readonly [keyof Guards, string])[] = [
  ['token', 'commits are taken from those who do not hold the partition'],
  ['commitNumber', 'a commit is carried out as often as it arrives'],
  ['lastPlusOne', 'a delivery is appended as often as it arrives'],
  ['adoptBeforeApply', 'messages are applied at a catalog older than their sender knew'],
  ['generations', 'messages of owners that are no longer in office are taken for those of the one that is'],
  ['resynchronization', 'what a partition forgot, or was never told after all, is not said anew'],
  [
    'fireBeforeChange',
    'a change of a record that is due sets its timer anew, and what time had made of it is never found out',
  ],
];

describe('the simulator notices when', { timeout: 600_000 }, () => {
  it.each(CANARIES)('%s is off: %s', async (guard) => {
    const seed = await seedsToFailure(COMPANY, { ...ALL_GUARDS, [guard]: false }, SEEDS_MAX);
    expect(seed).toBeLessThanOrEqual(SEEDS_MAX);
  });
});
