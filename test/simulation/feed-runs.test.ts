/**
 * feed-runs.test.ts – Edits whose differences are told while records change, owners die and tails
 * are lost.
 *
 * Keeps true: with every commit the simulation's store compares what is told with who is a member
 * for a reader of the feed; nothing may be told twice. At rest that reader has the members of every
 * segment. Replay a failure with ROLLCALL_SEED=<seed>; ROLLCALL_SOAK=<n> runs 10n times as many.
 */
import { describe, expect, it } from 'vitest';
import type { StoredSegment } from '../../src/catalog/catalog.ts';
import { CAUSES, FEED_NEWS } from '../../src/change/cause.ts';
import { chooser } from '../support/memory-deployment.ts';
import { check } from './check.ts';
import { CheckFailure } from './check-failure.ts';
import { Cluster } from './cluster.ts';
import { ALL_GUARDS } from './faults.ts';
import { seeds } from './simulate.ts';
import { COMPANY } from './subjects.ts';

const STEPS_BEFORE = 60;
const EDITS = 3;
const STEPS_OF_AN_EDIT = 30;
const WORKS_MAX = 3000;
/** Every so many edits all is built anew instead. */
const REBUILD_EVERY = 3;

/** @throws Error at the first thing that is told wrongly. @returns what was told during runs */
async function editAgainAndAgain(seed: number): Promise<{ edits: number; meanwhile: number }> {
  const cluster = new Cluster(chooser(seed), ALL_GUARDS, COMPANY);
  let meanwhile = 0;
  for (let step = 0; step < STEPS_BEFORE; step++) await cluster.step();
  await cluster.settle();
  for (let edit = 0; edit < EDITS; edit++) {
    if (edit % REBUILD_EVERY === REBUILD_EVERY - 1) await cluster.rebuild();
    else await cluster.editAll();
    await untilSwitched(cluster);
    // An edit that comes while the one before is told begins after it.
    if (edit === 0) await cluster.editAll();
    for (let step = 0; step < STEPS_OF_AN_EDIT; step++) {
      const before = cluster.stores.map(({ content }) => content.feed.length);
      await cluster.step();
      meanwhile += cluster.stores.filter(
        ({ content }, at) => content.feedRuns.size > 0 && content.feed.length > before[at]!,
      ).length;
    }
    await cluster.settle();
    check(cluster);
    checkBegins(cluster);
  }
  const all = cluster.stores.flatMap(({ content }) => content.feed.flatMap(({ events }) => events));
  const isOfEdit = (cause: number) => cause >= CAUSES.segment_edited && cause <= CAUSES.repaired;
  return { edits: all.filter(([, , cause]) => isOfEdit(cause)).length, meanwhile };
}

/**
 * Edits all to queries that are built already, and again as soon as a partition tells of that.
 * @returns how many switches had to wait for such a run, and for nothing else
 */
async function editDuringRuns(seed: number): Promise<number> {
  const cluster = new Cluster(chooser(seed), ALL_GUARDS, COMPANY);
  for (let step = 0; step < STEPS_BEFORE; step++) await cluster.step();
  await cluster.fillSegments();
  await cluster.settle();
  await cluster.shiftAll();
  const isTelling = () => cluster.stores.some(({ content }) => content.feedRuns.size > 0);
  for (let works = 0; works < WORKS_MAX && !isTelling(); works++) await cluster.workOff();
  await cluster.shiftAll();
  const { segments, predicateIds } = cluster.catalog.catalog;
  const isHeld = ({ pending, telling }: StoredSegment) =>
    pending !== null && telling && predicateIds.get(pending)!.status === 'ready';
  const held = [...segments.values()].filter(isHeld).length;
  await cluster.settle();
  check(cluster);
  checkBegins(cluster);
  return held;
}

/** A feed begins with a segment once: only a loss may hide the differences of an edit. */
function checkBegins({ stores, rolledBack }: Cluster): void {
  for (const [at, { content }] of stores.entries()) {
    if (rolledBack.has(at)) continue;
    const news = content.feed.flatMap(({ control }) => control);
    const begun = news.filter(([kind]) => kind === FEED_NEWS.segment_ready).map(([, id]) => id);
    const again = begun.filter((feedId, first) => begun.indexOf(feedId) < first);
    if (again.length > 0) throw new CheckFailure('feed', `${again} begin once more in ${at}`);
  }
}

/** Works on until all is built, and what was built is switched to: then the runs begin. */
async function untilSwitched(cluster: Cluster): Promise<void> {
  const isPending = () =>
    [...cluster.catalog.catalog.segments.values()].some(({ pending }) => pending !== null);
  for (let works = 0; works < WORKS_MAX && isPending(); works++) {
    await cluster.workOff();
    if (works % 10 === 0) cluster.settleBuilds();
  }
}

describe('the differences of an edit', { timeout: 3_600_000 }, () => {
  it('are told once, whatever happens to records and owners meanwhile', async () => {
    const run = seeds(60);
    const sum = { edits: 0, meanwhile: 0 };
    for (const seed of run) {
      try {
        const { edits, meanwhile } = await editAgainAndAgain(seed);
        sum.edits += edits;
        sum.meanwhile += meanwhile;
      } catch (error) {
        throw new Error(`seed=${seed} ${(error as Error).message}`, { cause: error });
      }
    }
    expect(sum.edits).toBeGreaterThan(run.length);
    expect(sum.meanwhile).toBeGreaterThan(0);
  });

  it('are told to their end before the segment is switched again', async () => {
    let held = 0;
    for (const seed of seeds(60)) {
      try {
        held += await editDuringRuns(seed);
      } catch (error) {
        throw new Error(`seed=${seed} ${(error as Error).message}`, { cause: error });
      }
    }
    expect(held).toBeGreaterThan(0);
  });
});
