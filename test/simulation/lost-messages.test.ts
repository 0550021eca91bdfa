/**
 * lost-messages.test.ts – A message that a fail-over has lost is not applied by the owner that
 * still has it in memory. If its sender loses it as well nobody says it anew, nor takes it back:
 * found by the simulator, as a row of a holder that both ends had forgotten.
 */
import { describe, expect, it } from 'vitest';
import { chooser } from '../support/memory-deployment.ts';
import { checkApplied } from './check.ts';
import { CheckFailure } from './check-failure.ts';
import { Cluster } from './cluster.ts';
import { ALL_GUARDS, type Guards } from './faults.ts';
import { COMPANY } from './subjects.ts';

/** Works done between the delivery and its loss: it is read ahead, and later part of a commit. */
const WORKS_MAX = 60;

/** Whether partition 0 applies a message that its store loses after so many works. */
async function appliesLost(works: number, guards: Guards): Promise<boolean> {
  const cluster = new Cluster(chooser(works + 1), guards, COMPANY);
  await cluster.settle();
  const store = cluster.stores[0]!;
  const before = store.remember();
  const { position } = await store.channel(1);
  const next = { ...position, sequence: position.sequence + 1 };
  await store.deliver({ source: 1, ...next, base: 0, catalogVersion: 0, payload: '[]' });
  for (let work = 0; work < works; work++) await cluster.workOff();
  store.rollBack(before);
  cluster.rolledBack.add(0);
  try {
    for (let work = 0; work < WORKS_MAX; work++) {
      await cluster.workOff();
      checkApplied(cluster);
    }
    return false;
  } catch (error) {
    if (error instanceof CheckFailure && error.check === 'applied') return true;
    throw error;
  }
}

describe('a message that its inbox has lost', { timeout: 60_000 }, () => {
  const times = Array.from({ length: WORKS_MAX }, (_, works) => works);
  const applied = async (guards: Guards) => {
    const found = await Promise.all(times.map((works) => appliesLost(works, guards)));
    return found.filter((isApplied) => isApplied).length;
  };

  it('is applied by no owner, whenever it was read ahead', async () => {
    expect(await applied(ALL_GUARDS)).toBe(0);
  });

  it('is applied where a commit does not look whether it stands', async () => {
    expect(await applied({ ...ALL_GUARDS, inboxStands: false })).toBeGreaterThan(0);
  });
});
