/**
 * audit-job.ts – An audit as a job, beside everything else that a server does.
 *
 * Keeps true: it works in slices and rests between them, so that live changes go on. Where its
 * process ends another one begins it anew, a few times: one under which processes die is given up.
 * What it finds is kept before anything is repaired.
 */
import { isWell, repaired } from '../engine/audited-repair.ts';
import type { Deployment } from '../engine/deployment.ts';
import { fullAudit } from '../engine/full-audit.ts';
import { Problem } from '../errors.ts';
import {
  type AuditEntry,
  type AuditHistory,
  keepAudit,
  newAudit,
  withFindings,
} from '../membership/audit-history.ts';
import { gently } from '../membership/audit-pace.ts';
import type { AuditReport } from '../membership/audit-report.ts';
import { FencedError } from './job-run.ts';
import type { JobContext } from './jobs.ts';

/** Processes that one audit may see the end of. */
const BEGINS_MAX = 5;
/** How long the partitions may take to come to rest. */
const CATCH_UP_TIMEOUT_MS = 60_000;
const REPAIR_TIMEOUT_MS = 3_600_000;
/** After each slice of 8 ms: a quarter of the process at most. */
const REST_MS = 24;
const PROGRESS_MS = 1000;

/** What an audit is asked for, as it is kept in the queue. */
export interface AuditWish {
  readonly repair: boolean;
  readonly cause: 'request' | 'schedule';
}

export async function runAuditJob(context: JobContext, deployment: Deployment): Promise<void> {
  const { run } = context;
  const { auditHistory: history } = deployment.stores;
  const { repair, cause } = context.asked as unknown as AuditWish;
  const known = await history.get(run.id);
  const fresh = newAudit({ id: run.id, cause, repair, status: 'running' });
  const entry: AuditEntry = { ...fresh, ...known, status: 'running', begins: begun(known) };
  if (entry.begins > BEGINS_MAX) {
    const reason = `its process ended ${BEGINS_MAX} times before it was done`;
    return fail(context, history, entry, reason);
  }
  await history.put(entry, undefined);
  try {
    await carriedOut(context, deployment, entry);
  } catch (error) {
    if (error instanceof Problem && error.code === 'not_caught_up')
      return fail(context, history, entry, error.message);
    // Another process goes on with it, or this one closes in good order: nobody died of it.
    if (!(error instanceof FencedError))
      await history.put({ ...entry, begins: entry.begins - 1 }, undefined).catch(() => {});
    throw error;
  }
}

function begun(known: AuditEntry | undefined): number {
  return (known?.begins ?? 0) + 1;
}

async function carriedOut(
  context: JobContext,
  deployment: Deployment,
  entry: AuditEntry,
): Promise<void> {
  const { auditHistory: history } = deployment.stores;
  const look = () => looked(context, deployment);
  // What was found before a repair that was broken off is what was found.
  const foundBefore = entry.differences > 0;
  const report = entry.repair ? await look().catch(undefinedIfRestless) : await look();
  const found = report && !foundBefore ? withFindings(entry, report) : entry;
  await history.put(found, undefined);
  if (!entry.repair || (isWell(report) && !foundBefore)) {
    await keepAudit(history, found, false);
    return end(context);
  }
  const { report: last, refusal } = await repaired(deployment, report, {
    waits: {
      timeoutMs: REPAIR_TIMEOUT_MS,
      unattendedMs: CATCH_UP_TIMEOUT_MS,
      by: `audit ${entry.id}`,
      onWait: context.pause,
    },
    look: () => look().catch(undefinedIfRestless),
  });
  const reason = refusal ?? (isWell(last) ? undefined : 'something is still wrong after a repair');
  await keepAudit(
    history,
    reason === undefined ? found : { ...found, reason },
    reason === undefined,
  );
  await end(context);
}

function undefinedIfRestless(error: unknown): undefined {
  if (error instanceof Problem && error.code === 'not_caught_up') return undefined;
  throw error;
}

/** One audit, at a gentle pace. @throws Problem not_caught_up | what ends the job */
async function looked({ run, pause }: JobContext, deployment: Deployment): Promise<AuditReport> {
  let progress = { done: 0, total: 0 };
  let shownMs = 0;
  const beforeRest = async () => {
    pause();
    if (Date.now() - shownMs < PROGRESS_MS) return;
    shownMs = Date.now();
    // A run that another one has followed ends here.
    await run.advance({ state: { ...run.state, ...progress } });
  };
  const report = await fullAudit(deployment, {
    timeoutMs: CATCH_UP_TIMEOUT_MS,
    rest: gently(REST_MS, beforeRest),
    graphRecordsMax: deployment.limits.auditRecords,
    onProgress: (done, total) => {
      progress = { done, total };
    },
  });
  await run.advance({ state: { ...run.state, ...progress } });
  return report;
}

async function fail(
  context: JobContext,
  history: AuditHistory,
  entry: AuditEntry,
  reason: string,
): Promise<void> {
  await history.put({ ...entry, status: 'failed', finishedAt: Date.now(), reason }, undefined);
  await end(context);
}

function end({ run }: JobContext): Promise<void> {
  return run.advance({ state: run.state, isLast: true });
}
