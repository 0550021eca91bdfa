/**
 * audit.ts – Compares all that is stored of memberships with the truth by JsonLogic of every
 * record.
 *
 * Keeps true: it waits until nothing is under way, so that what differs is wrong, and an audit may
 * run beside a live server. Keys that hold another kind of value are looked for first: nothing else
 * can be compared while there are any.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Problem } from '../errors.ts';
import { type AuditReport, keptDifferences } from './audit-report.ts';
import { type AuditContext, type AuditOptions, AuditRun, roundsOf } from './audit-run.ts';
import type { StoredFault } from './fault.ts';
import { findKindFaults } from './kind-faults.ts';
import { type Loss, lossOf, partitionsOf } from './partition-status.ts';
import { openWatch, waitForWatermark } from './watermark.ts';

const RESYNC_POLL_MS = 50;
/**
 * How long records that are due are waited for: something may be due that no owner will ever fire,
 * which is a fault to be found.
 */
const FIRED_TIMEOUT_MS = 5000;

/** A deployment is a context. @throws Problem not_caught_up */
export async function audit(context: AuditContext, options: AuditOptions): Promise<AuditReport> {
  const { store } = context;
  await store.refresh();
  const kinds = await findKindFaults(context.stores.audits.keys);
  if (kinds.length > 0) return onlyFaults(context, options, kinds);
  const { loss, isTimed } = await atRest(context, options.timeoutMs);
  await store.refresh();
  const run = new AuditRun(context, options, isTimed);
  await run.walk();
  await store.refresh();
  return { ...run.report(store.catalog), isBroken: loss === 'broken' };
}

/** Nothing else can be compared while keys hold values that can't be read. */
function onlyFaults(
  context: AuditContext,
  options: AuditOptions,
  faults: readonly StoredFault[],
): AuditReport {
  const none = new AuditRun(context, options, false).report(context.store.catalog);
  const inKept = keptDifferences(faults);
  return { ...none, segments: 0, differences: faults.length, faults, inKept, isBroken: false };
}

interface Rest {
  readonly loss: Loss | undefined;
  /** Whether all that was due is fired. */
  readonly isTimed: boolean;
}

/**
 * Waits until all is applied, and nothing is being resent between partitions.
 * @throws Problem not_caught_up
 */
async function atRest({ stores, store }: AuditContext, timeoutMs: number): Promise<Rest> {
  const { memberships: partitions } = stores;
  const watch = openWatch(partitions);
  const deadlineMs = Date.now() + timeoutMs;
  const left = () => Math.max(1, deadlineMs - Date.now());
  let isTimed = true;
  for (;;) {
    const most = isTimed ? Math.min(FIRED_TIMEOUT_MS, left()) : left();
    const waits = { timeoutMs: most, rounds: roundsOf(store.catalog), isTimed };
    const statuses = await waitForWatermark(watch, partitionsOf(partitions), [], waits);
    // A message that could not be applied stays so until a repair: what it has left behind is what
    // is looked for.
    const loss = statuses && lossOf(statuses);
    if (statuses && loss !== 'resynchronizing') return { loss, isTimed };
    if (!statuses) isTimed = false;
    if (Date.now() >= deadlineMs)
      throw new Problem(
        'not_caught_up',
        `the partitions did not catch up within ${timeoutMs / 1000} s`,
      );
    await sleep(RESYNC_POLL_MS);
  }
}
