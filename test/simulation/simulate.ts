/**
 * simulate.ts – One seed: a deployment lives for some steps, comes to rest, and is looked at; twice.
 *
 * Keeps true: a seed is all that a run depends on; a failure says with which seed and after how many steps it shows.
 */

import { chooser } from '../support/memory-deployment.ts';
import { check } from './check.ts';
import { Cluster } from './cluster.ts';
import { ALL_GUARDS, type Guards } from './faults.ts';
import { randomSubject } from './random-subject.ts';
import { COMPANY } from './subjects.ts';

const STEPS = 300;
const LOOKS = 2;

/** @throws Error `seed=… step=… …` if something is not as it has to be. */
export async function simulate(seed: number, guards: Guards = ALL_GUARDS): Promise<void> {
  const choose = chooser(seed);
  let step = 0;
  try {
    const cluster = new Cluster(choose, guards, seed % 2 === 0 ? COMPANY : randomSubject(seed));
    for (step = 1; step <= STEPS; step++) {
      await cluster.step();
      if (step % (STEPS / LOOKS) > 0) continue;
      await cluster.settle();
      check(cluster);
    }
  } catch (error) {
    throw new Error(`seed=${seed} step=${step} ${(error as Error).message}`, { cause: error });
  }
}
