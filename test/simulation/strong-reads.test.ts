/**
 * strong-reads.test.ts – A strong count that no later change disturbs is the reference's at the
 * clock of the read, however much is still under way and due.
 *
 * Replay a failure with ROLLCALL_SEED=<seed>; ROLLCALL_SOAK=<n> runs 10n times as many seeds.
 */
import { describe, expect, it, vi } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { lossOf } from '../../src/membership/partition-status.ts';
import { roundsOver } from '../../src/membership/watermark.ts';
import { type Choose, chooser } from '../support/memory-deployment.ts';
import { referenceMembers } from './check.ts';
import { Cluster } from './cluster.ts';
import { ALL_GUARDS } from './faults.ts';
import { seeds } from './simulate.ts';
import { strongRead } from './strong-read.ts';
import { COMPANY } from './subjects.ts';

// What a read waits for is done between its looks, not while it sleeps.
vi.mock('node:timers/promises', () => ({
  setTimeout: () => new Promise((resolve) => setImmediate(resolve)),
}));

const STEPS = 300;
const READ_EVERY = 75;

/** Seeds within which too few rounds have to show. */
const CANARY_SEEDS_MAX = 1000;

type IsTimed = (catalog: Catalog, predicateIds: readonly number[]) => boolean;

describe('a strong count', { timeout: 3_600_000 }, () => {
  it('is the reference of all that was acknowledged before', async () => {
    let read = 0;
    for (const seed of seeds(150)) read += await readNowAndThen(seed, roundsOver);
    expect(read).toBeGreaterThan(seeds(150).length);
  });

  it('is not always, when what is due is not waited for', async () => {
    const canary = async () => {
      for (let seed = 1; seed <= CANARY_SEEDS_MAX; seed++)
        await readNowAndThen(seed, roundsOver, () => false);
    };
    await expect(canary()).rejects.toThrow(/seed=\d+ step=\d+: expected .* to deeply equal/);
  });

  it.each([0, 1])(
    'is not always, when effects over relationships are waited for %i times',
    async (rounds) => {
      const canary = async () => {
        for (let seed = 1; seed <= CANARY_SEEDS_MAX; seed++)
          await readNowAndThen(seed, () => rounds);
      };
      await expect(canary()).rejects.toThrow(/seed=\d+ step=\d+: expected .* to deeply equal/);
    },
  );
});

/**
 * @throws Error at the first count that is not the reference's. @returns how often there were
 * numbers.
 */
async function readNowAndThen(
  seed: number,
  roundsOf: (depth: number) => number,
  isTimed: IsTimed = (catalog, predicateIds) => catalog.isTimed(predicateIds),
): Promise<number> {
  const choose = chooser(seed);
  const cluster = new Cluster(choose, ALL_GUARDS, COMPANY);
  let read = 0;
  for (let step = 1; step <= STEPS; step++) {
    await cluster.step();
    if (step % READ_EVERY > 0) continue;
    // From then on there are segments to read.
    if (step === READ_EVERY) await cluster.settle();
    await cluster.acknowledge();
    cluster.passTime();
    const counts = await countsNow(cluster, choose, roundsOf, isTimed);
    if (!counts) continue;
    read++;
    expect(counts.engine, `seed=${seed} step=${step}`).toEqual(counts.reference);
  }
  return read;
}

/** @returns undefined where a loss is being made good: there is no number then. */
async function countsNow(
  cluster: Cluster,
  choose: Choose,
  roundsOf: (depth: number) => number,
  isTimed: IsTimed,
) {
  const { catalog } = cluster.catalog;
  const ready = [...catalog.segments.values()].filter(({ predicateId }) => predicateId !== null);
  const predicateIds = ready.map(({ predicateId }) => predicateId!);
  const depth = catalog.deepestOf(predicateIds);
  const statuses = await strongRead(
    cluster,
    choose,
    predicateIds,
    roundsOf(depth),
    isTimed(catalog, predicateIds),
  );
  if (lossOf(statuses) !== undefined) return undefined;
  if (statuses.some(({ counts }) => counts.includes(null))) return undefined;
  cluster.recall();
  const sum = (at: number) => statuses.reduce((all, { counts }) => all + counts[at]!, 0);
  const counted = ready.filter(({ pending }) => pending === null);
  return {
    engine: Object.fromEntries(
      counted.map((segment) => [segment.slug, sum(ready.indexOf(segment))]),
    ),
    reference: Object.fromEntries(
      counted.map((segment) => [segment.slug, referenceMembers(cluster, segment).size]),
    ),
  };
}
