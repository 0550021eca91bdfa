/**
 * readiness.ts – Whether this server can do its work, and if not, every reason at once.
 *
 * Keeps true: it answers also while Redis is gone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment } from '../../engine/deployment.ts';
import { SILENT_MS } from '../../redis/health.ts';

/** Redis must answer within this time. */
const LOOK_MS_MAX = 1500;

interface Readiness {
  /** Why no requests should be sent here. */
  readonly reasons: string[];
  readonly warnings: string[];
  readonly lagEntries: number;
}

export async function examine(deployment: Deployment, lagEntriesMax: number): Promise<Readiness> {
  const { health, worker } = deployment;
  const reasons = [...health.faults];
  if (worker && worker.fatal.length > 0)
    reasons.push(`${worker.fatal.length} partitions have stopped by a fault`);
  try {
    if (health.silentMs >= SILENT_MS)
      throw new Error(`nothing for ${(health.silentMs / 1000).toFixed(1)} s`);
    const seen = await inTime(look(deployment, lagEntriesMax));
    return { ...seen, reasons: [...reasons, ...seen.reasons] };
  } catch (error) {
    reasons.push(`Redis does not answer (${(error as Error).message})`);
    return { reasons, warnings: [], lagEntries: 0 };
  }
}

/** @throws Error when LOOK_MS_MAX is over: a probe does not wait long for a no. */
export async function inTime<T>(looking: Promise<T>): Promise<T> {
  const late = sleep(LOOK_MS_MAX, undefined, { ref: false }).then(() => {
    throw new Error(`nothing within ${LOOK_MS_MAX} ms`);
  });
  return Promise.race([looking, late]);
}

/** What Redis knows of it. */
async function look(
  { progress, stores: { auditHistory } }: Deployment,
  lagEntriesMax: number,
): Promise<Readiness> {
  const reasons: string[] = [];
  const warnings: string[] = [];
  const unowned = (await progress.unowned()).length;
  if (unowned > 0) reasons.push(`${unowned} partitions have no owner`);
  const { entries, partitionsAhead } = await progress.lag();
  if (entries > lagEntriesMax)
    reasons.push(`${entries} entries wait in the logs, more than ${lagEntriesMax}`);
  // Only a warning: all else is answered.
  if (partitionsAhead > 0)
    warnings.push(`the clocks of ${partitionsAhead} partitions are over a minute ahead of Redis`);
  // Nobody is served better elsewhere.
  const verdict = await auditHistory.verdict();
  if (verdict && verdict.differences > 0)
    warnings.push(
      `the audit '${verdict.id}' has found ${verdict.differences} differences that are not ` +
        'repaired: POST /v1/audits { "repair": true }',
    );
  return { reasons, warnings, lagEntries: entries };
}
