/**
 * seed-job.ts – A seed of any size as a job.
 *
 * Keeps true: no input is dropped before all of it was checked. After the definitions are written,
 * records go piece by piece, and a job that is resumed goes on with the next piece.
 */
import { UNSIGNED } from '../catalog/edit.ts';
import type { Deployment } from '../engine/deployment.ts';
import type { JobContext } from './jobs.ts';
import { Lookups, type PackedLookups } from './lookups.ts';
import {
  applyDefinitions,
  applyRecords,
  examineSeed,
  type GivenItem,
  refuseFaulty,
  type SeedSource,
} from './seeding.ts';

/** Entries of each list that a job's result shows. */
const LISTED_MAX = 1000;

/** Kept when the definitions are written. */
interface SeedCheckpoint {
  readonly lookups: PackedLookups;
}

type SeedPiece = readonly GivenItem[];

export async function runSeed(
  { asked, run, pause }: JobContext,
  deployment: Deployment,
): Promise<void> {
  if (run.state.checkpoint === undefined) {
    const source: SeedSource = async function* () {
      for (let at = 0; ; at++) {
        pause();
        const piece = (await run.input(at)) as SeedPiece | undefined;
        if (!piece) return;
        yield piece;
      }
    };
    const examined = await examineSeed(source, deployment, LISTED_MAX);
    const result = { ...examined.plan, totals: examined.totals };
    if (asked['dry_run'] === true)
      return run.advance({
        state: { ...run.state, done: run.state.total ?? 0, result },
        isLast: true,
      });
    refuseFaulty(examined);
    const by = asked['by'] as string | undefined;
    await applyDefinitions(examined, by === undefined ? UNSIGNED : { by }, deployment);
    const checkpoint: SeedCheckpoint = { lookups: examined.lookups.pack() };
    await run.advance({ state: { ...run.state, result, checkpoint } });
  }
  const lookups = new Lookups((run.state.checkpoint as SeedCheckpoint).lookups);
  for (;;) {
    pause();
    const piece = (await run.input(0)) as SeedPiece | undefined;
    if (!piece) break;
    await applyRecords(piece, lookups, deployment);
    await run.advance({
      state: { ...run.state, done: run.state.done + piece.length },
      inputDone: 1,
    });
  }
  await run.advance({ state: run.state, isLast: true });
}
