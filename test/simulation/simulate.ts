/**
 * simulate.ts – One seed: a deployment lives for some steps, comes to rest, and is looked at;
 * twice.
 *
 * Keeps true: a seed is all that a run depends on; a failure says with which seed and after how
 * many steps it shows.
 */

import type { Participants } from '../../src/engine/participants.ts';
import { chooser } from '../support/memory-deployment.ts';
import { isWhole } from '../support/whole.ts';
import { check, checkLooks } from './check.ts';
import { CheckFailure, type CheckName } from './check-failure.ts';
import { Cluster } from './cluster.ts';
import { ALL_GUARDS, type Guards } from './faults.ts';
import type { Subject } from './subjects.ts';

const STEPS = 300;
const LOOKS = 2;
/** Moments, one after the other, at which a deployment is looked at. */
const MOMENTS = 3;

/**
 * `change` leaves out a part of each owner's participants.
 * @returns how many preconditions were met, and how many failed
 * @throws Error `seed=… step=… …` if something is not as it has to be
 */
export async function simulate(
  seed: number,
  subject: Subject,
  guards: Guards = ALL_GUARDS,
  change?: (participants: Participants) => void,
): Promise<Cluster['conditions']> {
  const choose = chooser(seed);
  let step = 0;
  try {
    const cluster = new Cluster(choose, guards, subject, change);
    for (step = 1; step <= STEPS; step++) {
      await cluster.step();
      await checkLooks(cluster, step);
      if (step % (STEPS / LOOKS) > 0) continue;
      for (let moments = 0; moments < MOMENTS; moments++) {
        await cluster.settle();
        check(cluster);
        cluster.look();
        cluster.passTime();
      }
    }
    return cluster.conditions;
  } catch (error) {
    throw new Error(`seed=${seed} step=${step} ${(error as Error).message}`, { cause: error });
  }
}

/** A run of `npm test` takes one seed of so many. */
const SAMPLED = 10;

/**
 * The seeds of a run: those from 1, with ROLLCALL_SOAK=n 10n times as many, or only ROLLCALL_SEED.
 * By default the first of them; ROLLCALL_WHOLE=1 runs all.
 */
export function seeds(number: number): number[] {
  const { ROLLCALL_SEED: only, ROLLCALL_SOAK: soak } = process.env;
  if (only !== undefined) return [Number(only)];
  const times = soak === undefined ? (isWhole ? 1 : 1 / SAMPLED) : 10 * Number(soak);
  return Array.from({ length: Math.ceil(number * times) }, (_, at) => at + 1);
}

/** What is not as it has to be in a deployment: guards that are off, parts that are left out. */
export interface Altered {
  readonly guards?: Guards;
  readonly change?: (participants: Participants) => void;
}

/**
 * How many seeds it takes until the check of that name notices something.
 * @throws Error if it does in none of `most`, and whatever a simulation throws that is no check's:
 *   a fault of the simulator.
 */
export async function seedsToFailure(
  subject: Subject,
  altered: Altered,
  most: number,
  check: CheckName,
  first = 1,
): Promise<number> {
  const others = new Set<CheckName>();
  for (let seed = first; seed <= most; seed++) {
    const failure = await failureOf(seed, subject, altered);
    if (failure?.check === check) return seed;
    if (failure) others.add(failure.check);
  }
  throw new Error(
    `${most} seeds, and the check '${check}' noticed nothing; others did: ` +
      `${[...others].join(', ') || 'none'}`,
  );
}

async function failureOf(
  seed: number,
  subject: Subject,
  { guards, change }: Altered,
): Promise<CheckFailure | undefined> {
  try {
    await simulate(seed, subject, guards, change);
    return undefined;
  } catch (error) {
    const { cause } = error as Error;
    if (cause instanceof CheckFailure) return cause;
    throw error;
  }
}
